# SPDX-License-Identifier: Apache-2.0

"""Cluster Export Services: the NFS servers of Storage Scale itself.

One command, ``mmnfs``, changes the exports of all protocol nodes.  Behind it
is Ganesha, which gives a client what the first entry says that it matches;
so entries are kept in an order in which narrower networks go first.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import ipaddress
import logging
import posixpath
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import listing
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.ibm.gpfs.helpers import ces_kept
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import options
from manila_drivers.transport import command
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

# Whoever may only see names, as with mdonly, reaches no data.
_SILENT = 'mmnfs did not say that it had done it'
_LEVELS = {'rw': access.RW, 'ro': access.RO, 'none': '', 'mdonly': '',
           'mdonly_ro': ''}


@dataclasses.dataclass(frozen=True)
class CesFacts:
    """The clients of all exports that were listed, in their order."""

    entries: Mapping[str, Sequence[ces_list.CesClient]]

    def untold(self, path: str) -> bool:
        """Say if the level of some client is not told."""
        return any(entry.level == ces_list.UNTOLD
                   for entry in self.entries.get(path, ()))


class CESHelper(base.NASHelperBase[CesFacts]):
    """Exports through ``mmnfs``, on a management host."""

    TYPE = 'CES'
    NEEDS_SERVERS = False
    COSTLY = True
    OPTIONS_SPEC = 'ces:export_options'
    KNOWN_OPTIONS = options.GANESHA

    def __init__(self, execute: Any, config_object: Any) -> None:
        super().__init__(execute, config_object)
        # Whether one "change" may add, change and remove: the manual says so
        # up to 5.0.1, and no longer from 5.0.3 on.
        self._combines = True
        #: What the operator calls a path that GPFS lists.
        self.here: Callable[[str], str] = str

    @property
    def servers(self) -> tuple[str, ...]:
        return ('CES',)

    def runner(self, server: str) -> script.Runner:
        return self.execute.management  # type: ignore[no-any-return]

    def asked(self, server: str, questions: base.Commands,
              ) -> Sequence[command.Result]:
        """Any of the management hosts can say it."""
        return self.execute.ask(questions)  # type: ignore[no-any-return]

    def done(self, server: str,
             changes: base.Commands) -> Sequence[command.Result]:
        answer = self.execute.do(changes)
        if answer.error is not None:
            raise answer.error
        return answer.results  # type: ignore[no-any-return]

    def check(self) -> None:
        found = self.survey()['CES']
        if isinstance(found, exception.DriverError):
            raise exception.ConfigurationError(
                'gpfs_nfs_server_type', 'is CES, but its exports cannot be '
                'listed', answer=f'{found.what}. {found.answer}',
                check='mmces service list: NFS has to be enabled')
        base = self.configuration.gpfs_mount_point_base
        self.warn('CES', [f'{base}/share'], found.levels)
        self._check_nodes()

    def _check_nodes(self) -> None:
        """Say which protocol nodes are not well; others may do."""
        make: commands.Commands = self.execute.commands
        with contextlib.suppress(exception.DriverError):
            result, = self.execute.ask([make.ask(
                'mmces', 'state', 'show', 'NFS', '-a', '-Y')])
            ill = [f'{row.get("node")}: {row.get("nfs")}'
                   for row in listing.rows(result.stdout, 'mmcesstate')
                   if row.get('nfs', '').upper() != 'HEALTHY']
            if ill:
                LOG.warning('CES does not call NFS healthy on %s. Check: '
                            'mmces state show NFS -a', ', '.join(ill))

    # Questions

    def questions(self, paths: Sequence[str]) -> base.Commands:
        only = ['--nfsdefs', paths[0]] if len(paths) == 1 else []
        return [self._mmnfs('list', *only, '-Y')]

    def completed(self, server: str, facts: CesFacts,
                  paths: Sequence[str]) -> CesFacts:
        """A plain list may have no more than paths and clients; then it is
        asked for the details of all shares."""
        if len(paths) == 1 or not any(map(facts.untold, facts.entries)):
            return facts
        base = self.configuration.gpfs_mount_point_base
        more, error = exception.caught(lambda: self.understand(
            server, self.asked(server, [self._mmnfs(
                'list', '--nfsdefs-match', base, '-Y')])))
        if more is None:
            if not isinstance(error, exception.BackendError):
                raise error or AssertionError
            LOG.warning('CES does not tell what its clients may do: %s',
                        error)
            return facts
        return CesFacts({**facts.entries, **more.entries})

    def understand(self, server: str,
                   results: Sequence[command.Result]) -> CesFacts:
        result, = results
        text = errors.checked(self._mmnfs('list'), result)
        found: dict[str, list[ces_list.CesClient]] = {}
        for row in listing.rows(text, 'mmcesnfslsexport', 'nfsexports',
                                long_column='clients',
                                needed=('path', 'clients')):
            entries = found.setdefault(
                self.here(posixpath.normpath(row['path'])), [])
            if row.get('clients'):
                entries.append(_entry(row))
        return CesFacts(found)

    def seen(self, facts: CesFacts) -> exports.Seen:
        return exports.Seen(
            {path: ces_list.levels_of(entries)
             for path, entries in facts.entries.items()},
            # Names and netgroups are none of ours.
            frozenset(path for path, entries in facts.entries.items()
                      if facts.untold(path) or not all(
                          entry.networks for entry in entries)))

    def listed(self, facts: CesFacts) -> exports.Listed:
        return exports.Listed(
            {path: None if facts.untold(path) else networks.first_decides(
                (network, entry.level) for entry in entries
                for network in entry.networks)[0]
             for path, entries in facts.entries.items()},
            {path: names for path, entries in facts.entries.items()
             if (names := [entry.client for entry in entries
                           if entry.level and not entry.networks])})

    # Changes

    def affords(self, facts: CesFacts, wanted: exports.Export) -> bool:
        """Manila's own driver takes two commands for each client."""
        entries = facts.entries.get(wanted.path)
        if entries is None or not wanted.levels:
            return len(entries or wanted.levels) > 1
        return ces_list.difference(ces_kept.kept(
            wanted, entries) if wanted.keep else wanted, entries).size > 1

    def refused(self, wanted: exports.Export) -> Mapping[access.Network, str]:
        """Behind CES is Ganesha."""
        return ganesha_exports.refused(wanted.levels)

    def adapt(self, failure: exception.DriverError) -> bool:
        """Plan anew what is left: an export may be there all of a sudden.

        What was told in one command is told one by one from now on, unless
        the failure was another one's.
        """
        if not _tells_one(failure.what) and failure.answer != _SILENT:
            self._combines = False
        return True

    def plan(self, facts: CesFacts, wanted: Sequence[exports.Export],
             allocated: Any) -> base.Commands:
        return [cmd for export in wanted
                for cmd in self._plan(export, facts.entries.get(export.path))]

    def verify(self, server: str, wanted: Sequence[exports.Export],
                allocated: Any, results: Sequence[command.Result]) -> str:
        """There are builds that fail in words only."""
        commands = [self._mmnfs('change')] * len(results)
        wrong = [errors.failure(cmd, result)
                 for cmd, result in zip(commands, results, strict=True)]
        return '; '.join(error.answer for error in wrong if error) or (
            _SILENT if errors.silent(commands, results) else '')

    def _plan(self, export: exports.Export,
              entries: Sequence[ces_list.CesClient] | None) -> base.Commands:
        path = export.path
        if export.keep:
            export = ces_kept.kept(export, entries or ())
        if entries is None:
            if not export.levels:
                return []
            first, *others = ces_list.chunks(
                ces_list.ordered(export.levels), export)
            return [self._mmnfs('add', path, '--client', first),
                    *(self._mmnfs('change', path, '--nfsadd', more)
                      for more in others)]
        if not export.levels:
            return [self._mmnfs('remove', path)]
        change = ces_list.difference(export, entries)
        if not change:
            return []
        apart = change.one_by_one(export)
        if self._combines and not change.apart and len(apart) > 1:
            words = change.together(export)
            if sum(map(len, words)) < ces_list.CHUNK:
                return [self._mmnfs('change', path, *words)]
        return [self._mmnfs('change', path, *words) for words in apart]

    def _mmnfs(self, *words: str) -> command.Command:
        make: commands.Commands = self.execute.commands
        return make.mmnfs(*words)


def _tells_one(text: str) -> bool:
    """Say if a text names a command that changes in one way only."""
    return 'mmnfs export' in text and sum(
        option in text for option in ces_list.CHANGES) < 2


def _entry(row: listing.Row) -> ces_list.CesClient:
    client = row['clients'].strip()
    try:
        network = None if client == ganesha_exports.ANYBODY \
            else ipaddress.ip_network(client, strict=False)
    except ValueError:
        network = None
    level = _LEVELS.get(row.get('access_type', '').strip().lower(),
                        ces_list.UNTOLD)
    return ces_list.CesClient(client, network, level, row)
