# SPDX-License-Identifier: Apache-2.0

"""Helpers: the NFS servers of one kind that a backend has.

``nas.fleet`` says what a kind of server has to write.  Calls about single
rules are as Manila's own helpers have them; the driver has no need of them,
for it says what all rules are.  A rule comes as a dictionary, or as its type
and whom it is for; then whoever it is for may write.  What is not mentioned
stays as every server has it by now.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
import posixpath
import time
from typing import Any

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import networks
from manila_drivers.access import ip_grants
from manila_drivers.access import Network
from manila_drivers.access import Rule
from manila_drivers.access import rules_of
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import settings
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import fleet
from manila_drivers.nas import options
from manila_drivers.nas import servers
from manila_drivers.nas.fleet import Facts
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

Commands = fleet.Commands

# Seconds for a round trip where no operator has said otherwise.
_LIMIT = 300.0

_BOOT = '/proc/sys/kernel/random/boot_id'


class NASHelperBase(fleet.Fleet[Facts]):
    """Exports of all servers of one kind.  Thread-safe.

    :param execute: runs commands on hosts
        (:class:`manila_drivers.ibm.gpfs.execute.Execute`).
    :param config_object: the backend's configuration.
    """

    #: What ``gpfs_nfs_server_type`` calls it.
    TYPE = ''
    #: Whether ``gpfs_nfs_server_list`` says which servers there are.
    NEEDS_SERVERS = True
    #: The extra spec with options, and the options it may contain.
    OPTIONS_SPEC = ''
    KNOWN_OPTIONS: frozenset[str] = frozenset()
    #: Whether a list of all exports tells whom they really let in.
    LISTS_CLIENTS = True
    #: Sets of them of which only one can hold.
    OPPOSITES: Sequence[frozenset[str]] = ()

    def __init__(self, execute: Any, config_object: Any) -> None:
        self.execute = execute
        self.configuration = config_object
        #: All names of a path below the base directory.
        self.names: Callable[[str], Sequence[str]] = lambda path: (path,)

    @property
    def limit(self) -> float:
        """Seconds that the operator gives a server for one round trip."""
        return float(getattr(self.configuration, 'gpfs_command_timeout', 0)
                     or _LIMIT)

    @functools.cached_property
    def servers(self) -> tuple[str, ...]:
        """The servers, as the operator named them."""
        return settings.server_names(self.configuration)

    def runner(self, server: str) -> script.Runner:
        """Return a runner for a server; does not connect yet."""
        return self.execute.server(server)  # type: ignore[no-any-return]

    def attempts(self) -> retry.Attempts:
        return retry.Attempts(
            dataclasses.replace(retry.HOSTS, total=self.limit),
            getattr(self.execute, 'clock', time.monotonic),
            getattr(self.execute, 'sleep', time.sleep))

    def default_options(self) -> tuple[str, ...]:
        """Options of every export unless the extra spec says otherwise."""
        return ()

    @functools.cached_property
    def defaults(self) -> tuple[str, ...]:
        return self.default_options()

    def options(self, specs: Mapping[str, str]) -> tuple[str, ...]:
        """Options for the exports of a share type.

        :raises InvalidRequest: the extra spec has options that are refused.
        """
        text = specs.get(self.OPTIONS_SPEC, '') if self.OPTIONS_SPEC else ''
        if not text:
            return self.defaults
        return options.with_defaults(options.parse(
            text, self.KNOWN_OPTIONS, f'extra spec {self.OPTIONS_SPEC}',
            self.OPPOSITES), self.defaults, self.OPPOSITES)

    def chosen(self, export: exports.Export,
               specs: Callable[[], Mapping[str, str]],
               may_open: Callable[[], object] = dict,
               ) -> tuple[exports.Export, exception.DriverError | None]:
        """Return an export with the options of a share type.

        :param may_open: raises a DriverError if nobody may be let in.
        :returns: also why these cannot be had; then it keeps those it has,
            and does no more than take away.
        """
        try:
            may_open()
            return dataclasses.replace(
                export, options=self.options(specs())), None
        except exception.DriverError as exc:
            return dataclasses.replace(export, keep=True), exc

    def check_options(self) -> None:
        """Read the options of this kind of server; nobody is asked.

        :raises ConfigurationError: one is refused.
        """
        self.default_options()

    def check(self) -> None:
        """At start-up: one server must answer, others may be down.

        :raises ConfigurationError: naming the option to correct.
        """
        self.check_options()
        execute.check_names(self.servers)
        errors, seen = exports.apart(self.survey())
        for server, error in errors.items() if seen else ():
            LOG.error('NFS server %s of gpfs_nfs_server_list cannot be used: '
                      '%s', server, error)
        if not seen:
            raise exception.ConfigurationError(
                'gpfs_nfs_server_list', f'no {self.TYPE} server can be '
                f'used', answer=exports.report(errors, 'failed').answer,
                check='gpfs_nfs_server_type, gpfs_nfs_server_list and that '
                'the NFS servers run')

    def warn(self, server: str, paths: Sequence[str],
             exported: Iterable[str]) -> None:
        """Tell of exports by which everything below them is reached."""
        names = [name for path in paths for name in self.names(path)]
        if found := directory.above(names, map(posixpath.normpath,
                                               exported)):
            LOG.error(
                'NFS server %s also exports %s, and so the shares below it: '
                'whoever may mount that reaches all of them, whatever their '
                'access rules say. It is not of this driver. Remove it.',
                server, ', '.join(found))

    def boots(self) -> dict[str, str]:
        """Return what changes with every boot of a server; '' of one that is
        down."""
        def boot(server: str) -> str:
            result, error = exception.caught(lambda: self.runner(server).run(
                command.Command.of('cat', _BOOT, timeout=self.limit)))
            if result is None:
                LOG.error('NFS server %s does not answer: %s', server, error)
                return ''
            return result.stdout.strip()

        return servers.everywhere(self.servers, boot)

    # All there is

    def listed(self, facts: Facts) -> exports.Listed:
        """Return all that a server exports, for an audit."""
        return exports.Listed(dict(self.seen(facts).levels))

    def list_all(self) -> dict[str, exports.Listed | exception.DriverError]:
        """Return all that every server exports: one round trip each."""
        return {server: self.listed(found.told)
                if isinstance(found, servers.ServerFacts) else found
                for server, found in self._ask(self.servers, ()).items()}

    # Single rules

    def create_export(self, local_path: str) -> str:
        """Where clients find a directory; nobody can reach it by that."""
        address = str(self.configuration.gpfs_share_export_ip)
        return f'{paths.bracketed(address)}:{local_path}'

    def allow_access(self, local_path: str, share: Any, access_type: Any,
                     access: str | None = None) -> None:
        """Let somebody in; also if they are in already.

        :param access_type: ``ip`` with ``access``, or the rule.
        :raises DriverError: it is not so on every server.
        """
        network, level = self._only(_rule(access_type, access))

        def change(levels: dict[Network, str]) -> None:
            levels[network] = level

        self._changed(local_path, share, change)

    def deny_access(self, local_path: str, share: Any, access_type: Any,
                    access: str | None = None, force: bool = False) -> None:
        """Let somebody in no more; a rule that never was is passed over.

        :param force: accepted for the sake of old callers.
        :raises DriverError: some server may still let them in.
        """
        rule = _rule(access_type, access)
        denied = ip_grants([rule]).levels
        if not denied:
            return

        def change(levels: dict[Network, str]) -> None:
            for network in denied:
                levels.pop(network, None)

        self._changed(local_path, share, change)

    def remove_export(self, local_path: str, share: Any) -> None:
        """Let nobody in any more.

        :raises DriverError: some server may still let them in.
        """
        self._apply(local_path, share, {})

    def resync_access(self, local_path: str, share: Any,
                      access_rules: Any) -> None:
        """Make access what these rules say, whatever it was.

        :raises InvalidRule: one of them cannot be honoured, and no other
            was changed.
        :raises DriverError: it is not so on every server.
        """
        levels = {}
        for rule in rules_of(access_rules):
            network, level = self._only(rule)
            levels[network] = level
        self._apply(local_path, share, levels)

    @staticmethod
    def _only(rule: Rule) -> tuple[Network, str]:
        """:raises InvalidRule: it cannot be honoured."""
        grants = ip_grants([rule])
        for why in grants.errors.values():
            raise exception.InvalidRule(rule.access_id, why)
        return next(iter(grants.levels.items()))

    def _changed(self, path: str, share: Any,
                 change: Callable[[dict[Network, str]], None]) -> None:
        levels: dict[Network, str] | None = None
        errors = {}
        for server, found in self.survey([path]).items():
            if isinstance(found, exception.DriverError):
                errors[server] = found
                continue
            here = found.levels.get(path, {})
            levels = dict(here) if levels is None else networks.meet(
                levels, here)
        if levels is None:
            raise exports.report(errors, f'It is not known who may reach '
                                 f'{path}: no answer')
        change(levels)
        self._apply(path, share, levels)

    def _apply(self, path: str, share: Any,
               levels: Mapping[Network, str]) -> None:
        value = model.Share.of(share)
        export, hindrance = exports.Export(
            path, value.name, value.id, levels), None
        if levels:
            export, hindrance = self.chosen(
                export, lambda: _specs(share, value))
        answers = self.ask([export])
        export, refused = self.servable(answers, export)
        errors = exports.failed(self.run(self.planned(answers, [export])))
        if errors:
            raise exports.report(errors,
                                 f'Access to {path} could not be changed')
        for network, why in refused.items():
            raise exception.InvalidRule(str(network), why)
        if hindrance is not None:
            refuse_giving(hindrance, export, self.look(answers))


def _specs(share: Any, value: model.Share) -> Mapping[str, str]:
    specs, error = exception.caught_any(lambda: compat.extra_specs(share))
    if specs is None:
        raise exception.DriverError(
            f'The extra specs of share {value.id} cannot be read',
            answer=str(error), check='the share type') from error
    return specs


def refuse_giving(hindrance: exception.DriverError, export: exports.Export,
                  before: exports.Found) -> None:
    """Say why an export was left as it was, but for what was taken away.

    :param before: what servers that answered gave then.
    :raises DriverError: the hindrance, if somebody was to be given more.
    """
    if export.gives(exports.apart(before)[1].values()):
        raise hindrance
    LOG.error('Whoever still reaches %s does so with the options of before: '
              '%s', export.path, hindrance)


def _rule(access_type: Any, access: str | None) -> Rule:
    if access is None:
        return Rule.of(access_type)
    return Rule('', str(access_type).lower(), access.strip())
