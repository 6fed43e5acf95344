# SPDX-License-Identifier: Apache-2.0

"""Where commands run: on a management host, or on an NFS server.

All of them are reached through one set of SSH connections; this host, if it
is a node of the cluster or one of the servers, without any.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import functools
import ipaddress
import logging
import os
import socket
import threading
import time
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import settings
from manila_drivers.transport import command
from manila_drivers.transport import local
from manila_drivers.transport import retry
from manila_drivers.transport import script
from manila_drivers.transport import ssh

LOG = logging.getLogger(__name__)

# Bytes of one answer: a thousand shares of a hundred rules each are 60 MB.
_MOST = 512 * 1024 ** 2

T = TypeVar('T')
MakeRunner = Callable[[str], script.Runner]


class Execute:
    """Runs commands; helpers get this object.

    :param root_helper: what makes a command root's on this host.
    :param make_runner: makes what runs commands on a host, given its name
        ('' is this host); a simulator may be put here.
    :param clock: monotonic seconds.
    :param sleep: waits for some of them.
    """

    def __init__(self, settings: settings.GpfsSettings, root_helper: str,
                 make_runner: MakeRunner | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.clock = clock
        self.sleep = sleep
        # rootwrap's filters know commands by their names alone, and it knows
        # where they are.  Root does not need it.
        self.commands = commands.Commands(
            settings, bare=settings.local and 'rootwrap' in root_helper
            and os.geteuid() != 0)
        self._root_helper = root_helper
        self._hosts = ssh.Hosts()
        self._make = make_runner or self._real
        self._runners: dict[str, script.Runner] = {}
        self._here: dict[str, bool] = {}
        self._lock = threading.Lock()
        # The management host that answered last goes first.
        self._preferred = 0
        # Hosts that were waited for in vain and have not answered since.
        self._away: set[str] = set()

    def close(self) -> None:
        self._hosts.close()

    # Hosts

    def server(self, name: str) -> script.Runner:
        """Return a runner for an NFS server that waits for it."""
        return self.patient('' if self._is_here(name) else name)

    def patient(self, host: str) -> script.Runner:
        """Return a runner for a host that waits for it."""
        return Patient(self._runner(host), functools.partial(
            self._patiently, (host,)))

    def attempts(self, policy: retry.RetryPolicy = retry.HOSTS,
                 ) -> retry.Attempts:
        """Attempts at something, with the pauses between them."""
        return retry.Attempts(policy, self.clock, self.sleep)

    def _patiently(self, hosts: Sequence[str], work: Callable[[], T],
                   passing: type[exception.TransportError]) -> T:
        """Do something with some hosts until one of them answers.

        Hosts that were waited for in vain are not waited for again before
        one of them has answered: a host that is down must not hold up every
        call.

        :param passing: what it raises while a repetition may help.
        """
        attempts = self.attempts()
        while True:
            answer, error = exception.caught(work)
            if error is None:
                self._away.difference_update(hosts)
                return answer  # type: ignore[return-value]
            if not isinstance(error, passing) or isinstance(
                    error, exception.NotTrusted):
                raise error
            if self._away.issuperset(hosts):
                raise error
            if not attempts.again():
                self._away.update(hosts)
                raise error
            # How it ends is told by whoever waits for it.
            LOG.warning('Trying again, for %s', error,
                        extra={'tried_again': True})

    def _is_here(self, name: str) -> bool:
        if not self.settings.local:
            return False
        if name not in self._here:
            self._here[name] = is_here(name)
        return self._here[name]

    def _runner(self, name: str) -> script.Runner:
        with self._lock:
            if name not in self._runners:
                self._runners[name] = self._make(name)
            return self._runners[name]

    def _real(self, name: str) -> script.Runner:
        if not name:
            return local.Local(self._root_helper)
        given = self.settings
        if given.login is None:
            raise exception.ConfigurationError(
                'gpfs_ssh_login', f'is not set, but {name} is reached over '
                f'SSH', check='gpfs_nfs_server_list')
        low, high = given.connections
        return self._hosts.host(ssh.Target(
            name, given.login, given.trust, port=given.port,
            connect_timeout=given.connect_timeout, min_connections=low,
            max_connections=high, max_output=_MOST,
            sudo=('sudo', '-n') if given.sudo else ()))

    # Commands on a management host

    @property
    def management(self) -> script.Runner:
        """The management host that is asked first."""
        hosts = self.settings.hosts or ('',)
        return self._runner(hosts[self._preferred % len(hosts)])

    def ask(self, commands: Sequence[command.Command],
            ) -> tuple[command.Result, ...]:
        """Run commands that change nothing, all of them, in one round trip.

        Another host is asked where one does not answer, or says that GPFS is
        down on it or its commands cannot be run; what it says counts if no
        other one does better.
        """
        answer: script.Answer = self._anywhere(functools.partial(
            script.attempt, commands=commands, keep_going=True),
            exception.TransportError,
            lambda answer: errors.tells_down(commands, answer.results))
        return answer.results

    def ask_one(self, host: str, commands: Sequence[command.Command],
                ) -> tuple[command.Result, ...]:
        """Ask one management host, without waiting for it."""
        with retry.patience(0.0):
            return script.attempt(self._runner(host), commands,
                                  keep_going=True).results

    @property
    def hosts(self) -> tuple[str, ...]:
        """The management hosts, the one that answered last first."""
        hosts = self.settings.hosts or ('',)
        first = self._preferred % len(hosts)
        return (*hosts[first:], *hosts[:first])

    def prefer(self, host: str) -> None:
        """Have this host asked first."""
        self._preferred = (self.settings.hosts or ('',)).index(host)

    def ask_others(self, commands: Sequence[command.Command],
                   ) -> Iterator[tuple[command.Result, ...]]:
        """Ask each other management host the same, as far as it answers."""
        for host in self.hosts[1:]:
            results, error = exception.caught(functools.partial(
                self.ask_one, host, commands))
            if results is not None:
                yield results
                continue
            if not isinstance(error, exception.TransportError):
                raise error or AssertionError
            LOG.warning('Management host %s (gpfs_management_hosts): %s',
                        host, error)

    def do(self, commands: Sequence[command.Command], *,
           timeout: float | None = None) -> script.Answer:
        """Run commands until one fails, in one round trip.

        Another host is taken only if nothing was done on the first.

        :raises Interrupted: GPFS went down on the host on the way.
        """
        answer = self._anywhere(
            functools.partial(script.attempt, commands=commands,
                              timeout=timeout), exception.Unreachable,
            lambda answer: len(answer.results) == 1
            and errors.tells_down(commands, answer.results))
        if len(answer.results) > 1 and errors.tells_down(
                commands, answer.results):
            done = answer.results[:-1]
            raise script.Interrupted(
                f'GPFS went down on the management host: {len(done)} of '
                f'{len(commands)} commands are known to be done', done,
                answer=commands[len(done)].excerpt(
                    answer.results[-1].stderr))
        return answer

    def _anywhere(self, work: Callable[[script.Runner], T],
                  passing: type[exception.TransportError],
                  down: Callable[[T], bool] = lambda answer: False) -> T:
        """Do something on the first management host that answers.

        The next one is tried at once; all are waited for where none does.

        :param passing: what leaves it to the next one.
        """
        return self._patiently(self.hosts, functools.partial(
            self._once, work, passing, down), passing)

    def _once(self, work: Callable[[script.Runner], T],
              passing: type[exception.TransportError],
              down: Callable[[T], bool]) -> T:
        failure: exception.DriverError | None = None
        refused: list[T] = []
        for host in self.hosts:
            with retry.patience(0.0):
                answer, error = exception.caught(functools.partial(
                    lambda host: work(self._runner(host)), host))
            # Who is not let in by one host has sent nothing to it.
            if isinstance(error, (passing, exception.AccessDenied)):
                LOG.warning('Management host %s (gpfs_management_hosts): %s',
                            host or 'here', error)
                failure = error
                continue
            if answer is None:
                raise error or AssertionError
            if down(answer):
                LOG.warning('Management host %s: GPFS commands cannot be run '
                            'there', host or 'here')
                refused.append(answer)
                continue
            self.prefer(host)
            return answer
        if refused:
            return refused[0]
        assert failure is not None
        raise failure

    def __call__(self, *words: object, check_exit_code: bool = True,
                 ignore_exit_code: Sequence[int] = (),
                 **kwargs: Any) -> tuple[str, str]:
        """Run one command as root; both outputs.

        This is how helpers of other authors run commands.

        :param ignore_exit_code: exit codes besides 0 that are no failure.
        """
        accept = frozenset({0, *ignore_exit_code}) if check_exit_code \
            else frozenset(range(256))
        cmd = command.Command.of(*words, root=True, accept=accept,
                                 timeout=self.settings.timeout)
        plan.before_change(cmd)
        result = self._anywhere(lambda runner: runner.run(cmd),
                                exception.Unreachable)
        return result.stdout, result.stderr


@dataclasses.dataclass(frozen=True)
class Patient:
    """A runner that tries again what certainly was not sent.

    :param patiently: does something until it is answered.
    """

    inner: script.Runner
    patiently: Callable[..., Any]

    def run(self, cmd: command.Command) -> command.Result:
        return self.patiently(  # type: ignore[no-any-return]
            functools.partial(self._once, cmd), exception.Unreachable)

    def _once(self, cmd: command.Command) -> command.Result:
        # How long a host is waited for is not up to the transport here.
        with retry.patience(0.0):
            return self.inner.run(cmd)

    def words(self, cmd: command.Command) -> list[str]:
        return self.inner.words(cmd)

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        return self.inner.judge(cmd, result)

    def __str__(self) -> str:
        return str(self.inner)


def is_here(name: str) -> bool:
    """Say if a name or address is this host's own.

    Asks the resolver; what it does not know is not here.
    """
    return any(_is_own(address) for address in addresses(name))


def addresses(name: str) -> frozenset[str]:
    """Return the addresses of a name; none if the resolver has none."""
    try:
        return frozenset(str(info[4][0])
                         for info in socket.getaddrinfo(name, None))
    except OSError:
        return frozenset()


def _is_own(address: str) -> bool:
    """Say if a socket can be bound to it, which works for own ones only."""
    plain = address.partition('%')[0]
    family = (socket.AF_INET6 if ipaddress.ip_address(plain).version == 6
              else socket.AF_INET)
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


def check_names(names: Sequence[str]) -> None:
    """:raises ConfigurationError: a server is named twice.

    Both would be told the same at the same time, and trip over it.
    """
    known: dict[str, str] = {}
    for server in names:
        for address in addresses(server):
            other = known.setdefault(address, server)
            if other != server:
                raise exception.ConfigurationError(
                    'gpfs_nfs_server_list', f'{other} and {server} are the '
                    f'same host, {address}', check='that every server is in '
                    'it once, and has one name')
