# SPDX-License-Identifier: Apache-2.0

"""Exports by NFS-Ganesha servers of one's own, which are not CES."""

from collections.abc import Mapping
from collections.abc import Sequence
import logging
import re
import threading
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import ganesha_legacy
from manila_drivers.nas import options
from manila_drivers.nas import servers
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

# Of how many exports a server is asked for details in one round trip.
_DETAILS = 32

# What the option may say beyond the extra spec, and older names for it.
_SIZES = frozenset({'maxread=', 'maxwrite=', 'prefread=', 'prefwrite=',
                    'prefreaddir='})
_OLD = {'nfs_protocols': 'protocols', 'transport_protocols': 'transports'}


class GNFSHelper(base.NASHelperBase[ganesha.Facts]):
    """Exports by files and over DBus, without restarts."""

    TYPE = 'GNFS'
    OPTIONS_SPEC = 'gnfs:export_options'
    KNOWN_OPTIONS = options.GANESHA
    # It is made of files, which Ganesha may not have been told of.
    LISTS_CLIENTS = False

    def __init__(self, execute: Any, config_object: Any) -> None:
        super().__init__(execute, config_object)
        self._lock = threading.Lock()
        # Export numbers by path that are not the preferred ones.
        self._numbers: dict[str, int] = {}
        # Servers whose Ganesha is too old to be asked what it has done.
        self._silent: set[str] = set()

    @property
    def _layout(self) -> ganesha.Layout:
        """:raises ConfigurationError: an option is refused."""
        return ganesha.Layout(
            self.configuration.ganesha_export_dir.rstrip('/'),
            getattr(self.configuration, 'ganesha_fsal_name', '') or 'GPFS',
            getattr(self.configuration, 'ganesha_config_path', '')
            or '/etc/ganesha/ganesha.conf',
            getattr(self.configuration, 'ganesha_service_name', '')
            or 'ganesha.nfsd')

    def questions(self, paths: Sequence[str]) -> base.Commands:
        with self._lock:
            numbers = {self._numbers.get(path) or ganesha.preferred(path)
                       for path in paths[:_DETAILS + 1]}
        return ganesha.questions(
            self._layout, numbers if len(paths) <= _DETAILS else ())

    def understand(self, server: str,
                   results: Sequence[command.Result]) -> ganesha.Facts:
        facts = ganesha.understand(server, self._layout, results)
        with self._lock:
            (self._silent.discard if facts.old is None
             else self._silent.add)(server)
        return facts

    def seen(self, facts: ganesha.Facts) -> exports.Seen:
        def look(path: str) -> tuple[exports.Levels, bool]:
            levels, whole = ganesha.levels(facts, path)
            return levels, whole and self._lasts(facts, path)

        return exports.Seen.when_asked(facts.live.values(), look)

    def listed(self, facts: ganesha.Facts) -> exports.Listed:
        if facts.old is not None:
            return super().listed(facts)
        written = {export.id: export for found in facts.files.values()
                   for export in found}
        levels: dict[str, exports.Levels | None] = {}
        names: dict[str, list[str]] = {}
        for path in facts.live.values():
            found = [written.get(number) for number in facts.numbers(path)]
            clients = [client for export in found
                       if export is not None and export.path == path
                       for client in export.clients]
            # Nobody but the file tells who gets in.
            levels[path] = None if len(found) != len([
                export for export in found if export is not None
                and export.path == path]) else networks.first_decides(
                    (network, level) for network, level in clients
                    if network is not None)[0]
            if any(network is None and level for network, level in clients):
                names[path] = ['a client that is no address']
        return exports.Listed(levels, names, {
            export.path: self._layout.file(name)
            for name, found in facts.files.items() for export in found})

    def _lasts(self, facts: ganesha.Facts, path: str) -> bool:
        """Say if the export is there again after a restart."""
        return facts.old is not None or any(
            self._layout.file(name) in facts.index
            for name in facts.stored(path))

    def stale_files(self, export: exports.Export) -> Sequence[str]:
        return [f'{self._layout.export_dir}/{export.name}.new']

    def allocate(self, facts: Mapping[str, ganesha.Facts],
              wanted: Sequence[exports.Export]) -> dict[str, int]:
        for server, seen in facts.items():
            self.warn(server, [export.path for export in wanted],
                      seen.live.values())
        found = ganesha.numbers(facts.values(), wanted)
        with self._lock:
            for export in wanted:
                self._numbers.pop(export.path, None)
                number = found[export.path]
                if (export.levels
                        and number != ganesha.preferred(export.path)):
                    self._numbers[export.path] = number
        return found

    def plan(self, facts: ganesha.Facts, wanted: Sequence[exports.Export],
             allocated: Mapping[str, int]) -> base.Commands:
        if facts.old is not None:
            return ganesha.plan_old(facts, wanted, allocated, self._layout)
        changes = [cmd for export in wanted for cmd in ganesha.plan(
            facts, export, allocated[export.path], self._layout)]
        return [*changes, *ganesha.checked(wanted, allocated)] \
            if changes else []

    def refused(self, wanted: exports.Export) -> Mapping[access.Network, str]:
        return ganesha_exports.refused(wanted.levels)

    def refused_by(self, facts: ganesha.Facts,
                   wanted: exports.Export) -> Mapping[access.Network, str]:
        return {} if facts.old is None \
            else ganesha_legacy.refused(wanted.levels)

    def busy(self, failure: exception.DriverError) -> bool:
        """Ganesha is reading all its exports anew, as after a SIGHUP."""
        return 'try again later' in failure.answer

    def verify(self, server: str, wanted: Sequence[exports.Export],
                allocated: Mapping[str, int],
                results: Sequence[command.Result]) -> str:
        complaint = ganesha_bus.complaint(results)
        looks = 1 + sum(bool(export.levels) for export in wanted)
        if complaint or server in self._silent:
            return complaint
        if not ganesha_bus.is_list(results[-looks].stdout):
            return 'it does not say what it exports now'
        left = ganesha.undone(results[-looks:], wanted, allocated)
        return left and f'what Ganesha says after that: {left}'

    def default_options(self) -> tuple[str, ...]:
        """:raises ConfigurationError: an option is refused."""
        text = getattr(self.configuration, 'ganesha_nfs_export_options',
                       '') or ''
        try:
            found = options.parse(
                _modern(text), self.KNOWN_OPTIONS | _SIZES,
                'option ganesha_nfs_export_options')
            ganesha_exports.settings(found)
        except exception.InvalidRequest as exc:
            raise exception.ConfigurationError(
                'ganesha_nfs_export_options', exc.what) from exc
        return found

    def options(self, specs: Mapping[str, str]) -> tuple[str, ...]:
        found = super().options(specs)
        ganesha_exports.settings(found)
        return found

    def check_options(self) -> None:
        super().check_options()
        self._layout  # noqa: B018 - it refuses what it cannot be

    def check(self) -> None:
        super().check()
        index = self._layout.index
        servers.everywhere(self.servers, self._check_own_directory)
        facts = {server: found.told for server, found in self._ask(
            self.servers, ()).items()
            if isinstance(found, servers.ServerFacts)}
        forgets = [server for server, found in facts.items()
                   if found.lasts is False]
        if forgets:
            LOG.warning(
                'NFS server %s: there is no line "%%include %s" in %s. '
                'Unless a file that is included there has it, no share '
                'is exported when Ganesha was restarted. Check: '
                'ganesha_export_dir and ganesha_config_path.',
                ', '.join(forgets), index, self._layout.config)
        untold = [server for server, found in facts.items()
                  if found.lasts is None and found.old is None]
        if untold:
            LOG.warning(
                'NFS server %s: %s cannot be read there, so that nobody '
                'knows if shares are exported when Ganesha was restarted. '
                'Check: ganesha_config_path.', ', '.join(untold),
                self._layout.config)

    def _check_own_directory(self, server: str) -> None:
        """
        :raises ConfigurationError: servers share it.  Each has an index of
            its own, and their locks would not keep them apart: GPFS keeps
            locks of flock(2) per node.
        """
        path = self._layout.export_dir
        results, error = exception.caught(lambda: self.asked(server, [
            directory.run('stat', '-f', '-c', '%T', path, reads=True,
                          accept=frozenset(range(256)))]))
        if results is None:
            LOG.warning('NFS server %s: %s', server, error)
            return
        result, = results
        if result.status == 0 and result.stdout.strip() == 'gpfs':
            raise exception.ConfigurationError(
                'ganesha_export_dir', f'{path} is in GPFS on {server}',
                check='that every NFS server has such a directory of its '
                'own, on a local disk')


def _modern(text: str) -> str:
    """``attr = value, attr = "a,b"`` as ``attr=value,attr=a:b``."""
    items = re.findall(r'(?:"[^"]*"|[^,"])+', text)
    found = []
    for item in items:
        name, equals, value = (part.strip()
                               for part in item.partition('='))
        value = re.sub(r'\s*,\s*', ':', value.strip('" '))
        found.append(_OLD.get(name.lower(), name) + equals + value)
    return ','.join(found)
