# SPDX-License-Identifier: Apache-2.0

"""Look which commands the login may run as root, one by one.

sudo is asked for each, and nothing is run.  It does not say whether it would
want a password for a single one of them.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import functools
import logging

from manila_drivers import exception
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import settings
from manila_drivers.transport import command
from manila_drivers.transport import remarks
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

Probe = Callable[[], object]

#: Has sudo say whether it would run what follows.
_LISTED = ('sudo', '-n', '-l', '--')
OPTION = 'gpfs_ssh_use_sudo'
GPFS = ('mmchfileset', 'mmcrfileset', 'mmcrsnapshot', 'mmdelfileset',
        'mmdelsnapshot', 'mmgetstate', 'mmlinkfileset', 'mmlsattr',
        'mmlsconfig', 'mmlsfileset', 'mmlsfs', 'mmlsquota', 'mmlssnapshot',
        'mmrepquota', 'mmrestorefs', 'mmsetquota', 'mmsnapdir',
        'mmunlinkfileset')
CES = ('mmces', 'mmnfs')
FILES = ('chmod', 'df', 'stat')
#: What is lost without each of those that an operator may leave out.
OPTIONAL = {'flock': 'shares cannot be reverted to snapshots',
            'mv': 'filesets cannot be managed',
            'sh': 'shares cannot be made from snapshots'}
#: The same of NFS servers.
OPTIONAL_THERE = {'KNFS': {
    'ln': 'access is not taken away while the disk of that server is full'}}
OWNER = 'chown'
#: On NFS servers, by ``gpfs_nfs_server_type``.
_STORED = ('cat', 'grep', 'mkdir', 'mv', 'rm', 'stat', 'sync', 'tee')
SERVERS = {'KNFS': ('exportfs', *_STORED),
           'GNFS': ('dbus-send', 'flock', *_STORED)}


def management(given: settings.GpfsSettings) -> tuple[str, ...]:
    """Return what has to be run on management hosts, without directories."""
    return (*GPFS, *(CES if given.server_type.upper() == 'CES' else ()),
            *FILES, *((OWNER,) if given.owner else ()))


class Privileges:
    """Rights of one login on all hosts of a backend.

    :param servers: NFS servers that are reached over SSH, and not from here
        without it.
    """

    def __init__(self, execute: execute.Execute,
                 servers: Sequence[str]) -> None:
        self._execute = execute
        self._given = execute.settings
        self._servers = servers
        #: Hosts that refuse a program, and those that have none of the name.
        self._refused: dict[str, list[str]] = {}
        self._absent: dict[str, list[str]] = {}

    def probes(self, check: Probe) -> tuple[Probe, list[Probe]]:
        """Return the look at all hosts, and one at each program.

        :param check: the look at all else, which is of no use while programs
            may not be run.
        """
        wanted = dict.fromkeys((
            *management(self._given), *(SERVERS.get(
                self._given.server_type.upper(), ())
                if self._servers else ())))

        def rest() -> None:
            if not (self._refused.keys() | self._absent.keys()) & set(wanted):
                check()
                return
            LOG.warning('GPFS and NFS servers were not looked at, since '
                        'commands that takes may not be run')
        return self.look, [*(functools.partial(self._need, name)
                             for name in wanted),
                           *(functools.partial(self._offer, name, lost)
                             for name, lost in {
                                 **OPTIONAL, **self._optional_there}.items()
                             if name not in wanted),
                           rest]

    def look(self) -> None:
        """Ask sudo on each host for each program.

        :raises ConfigurationError: sudo cannot be used at all.
        :raises DriverError: no management host can be asked.
        """
        names = (*management(self._given), *OPTIONAL)
        failures, seen = [], 0
        for host in self._execute.hosts:
            _, error = exception.caught(functools.partial(
                self._ask, host, names, functools.partial(
                    self._execute.ask_one, host)))
            if error is None:
                seen += 1
            elif isinstance(error, exception.ConfigurationError):
                raise error
            else:
                failures.append(error)
        if not seen:
            raise failures[0]
        for server in self._servers:
            # That one cannot be reached is told by the look at all else.
            exception.caught(functools.partial(
                self._ask, server,
                (*SERVERS.get(self._given.server_type.upper(), ()),
                 *self._optional_there),
                lambda asked, server=server: script.attempt(  # type: ignore[misc]
                    self._execute.server(server), asked,
                    keep_going=True).results))

    def _ask(self, host: str, names: Sequence[str],
             ask: Callable[[Sequence[command.Command]],
                           Iterable[command.Result]]) -> None:
        where = f'{self._given.directory}/' if self._given.directory else ''
        results = list(ask([command.Command.of(
            *_LISTED, where + name if name.startswith('mm') else name,
            reads=True, accept=frozenset(range(256)),
            timeout=self._given.timeout)
            for name in names]))
        told = {remarks.refusal(one) for one in results}
        if results and told == {next(iter(told))} != {''}:
            raise exception.ConfigurationError(
                OPTION, f'sudo cannot be used on {host}', answer=told.pop(),
                check=f'sudoers of {host}: NOPASSWD for {self._user}')
        for name, one in zip(names, results, strict=False):
            if one.status:
                kept = self._absent if remarks.no_such(one) else self._refused
                kept.setdefault(name, []).append(host)

    @property
    def _optional_there(self) -> Mapping[str, str]:
        return OPTIONAL_THERE.get(self._given.server_type.upper(), {})

    @property
    def _user(self) -> str:
        return self._given.login.user if self._given.login else 'the login'

    def _need(self, name: str) -> None:
        """:raises ConfigurationError: a program cannot be run everywhere."""
        for hosts, why, do in (
                (self._absent, 'there is none of this name',
                 'gpfs_command_directory, and secure_path in sudoers'),
                (self._refused, f'sudo does not let {self._user} run it',
                 'sudoers there')):
            if name in hosts:
                raise exception.ConfigurationError(
                    OPTION, f'{name} may not be run as root on '
                    + ', '.join(hosts[name]), answer=why, check=do)

    def _offer(self, name: str, lost: str) -> None:
        hosts = [*self._refused.get(name, ()), *self._absent.get(name, ())]
        if hosts:
            LOG.warning('%s: %s may not be run as root on %s, so that %s',
                        OPTION, name, ', '.join(hosts), lost)
