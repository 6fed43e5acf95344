# SPDX-License-Identifier: Apache-2.0

"""Exports by kernel NFS servers."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import posixpath
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.nas import kernel_room
from manila_drivers.nas import options
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)


class KNFSHelper(base.NASHelperBase[kernel.KernelFacts]):
    """Exports with ``exportfs``, kept in ``/etc/exports.d``."""

    TYPE = 'KNFS'
    OPTIONS_SPEC = 'knfs:export_options'
    KNOWN_OPTIONS = options.KERNEL
    OPPOSITES = exports_text.OPPOSITES

    def __init__(self, execute: Any, config_object: Any) -> None:
        super().__init__(execute, config_object)
        # Numbers of file systems that no other path was seen to have.
        self._own: dict[str, set[str]] = {}
        # Files of paths whose name is not their last part.
        self._files: dict[str, str] = {}

    @property
    def _persist(self) -> bool:
        return bool(getattr(self.configuration, 'knfs_persist_exports', True))

    def questions(self, paths: Sequence[str]) -> base.Commands:
        # Also whether what is above them is exported by another name.
        return [*kernel.questions([name for path in paths
                                   for name in self.names(path)]),
                kernel_room.question()]

    def completed(self, server: str, facts: kernel.KernelFacts,
                  paths: Sequence[str]) -> kernel.KernelFacts:
        """Servers may export thousands of directories, of which one changes:
        all are read only where that one does not tell enough."""
        facts = self._with_spare(server, facts)
        if kernel.few(paths):
            if all(self._tells_enough(facts, path) for path in paths):
                return facts
            facts = dataclasses.replace(
                kernel.understand(server, self.asked(
                    server, kernel.questions())), spare=facts.spare,
                unsynced=facts.unsynced)
        for path, fsid in kernel.own_fsids(facts).items():
            self._own.setdefault(path, set()).add(fsid)
        return facts

    def _with_spare(self, server: str, facts: kernel.KernelFacts,
                    ) -> kernel.KernelFacts:
        """Find out where tables go, unless the disk has plenty of room."""
        if kernel_room.is_plenty(facts.free):
            return facts
        return dataclasses.replace(facts, spare=kernel_room.spare(
            facts.free, self.asked(server, kernel_room.details())))

    def expect(self, wanted: Sequence[exports.Export]) -> None:
        """Note the numbers and files that are made of a share's own UUID."""
        for export in wanted:
            self._own.setdefault(export.path, set()).add(
                exports_text.comparable(kernel.fsid_of(export)))
            self._files[export.path] = kernel_plan.file_name(export.name)

    def _tells_enough(self, facts: kernel.KernelFacts, path: str) -> bool:
        """Say if its numbers and its file are its own."""
        fsids = {entry.fsid for entry in (*facts.of(path),
                                          *facts.kept.get(path, ()))}
        name = self._files.get(path) or kernel_plan.file_name(
            posixpath.basename(path))
        return fsids <= {'', *self._own.get(path, ())} \
            and facts.homes.get(path, set()) <= {name}

    def understand(self, server: str,
                   results: Sequence[command.Result]) -> kernel.KernelFacts:
        *told, room = results
        free, unsynced = kernel_room.read(room)
        return dataclasses.replace(kernel.understand(server, told),
                                   free=free, unsynced=unsynced)

    def seen(self, facts: kernel.KernelFacts) -> exports.Seen:
        def look(path: str) -> tuple[exports.Levels, bool]:
            return (kernel.levels(facts.of(path))[0],
                    not kernel_plan.doubtful(facts, path,
                                             persist=self._persist))

        return exports.Seen.when_asked(
            (entry.path for entry in facts.live), look)

    def listed(self, facts: kernel.KernelFacts) -> exports.Listed:
        live = kernel.by_path(facts.live)
        return exports.Listed(
            {path: kernel.levels(entries)[0]
             for path, entries in live.items()},
            {path: names for path, entries in live.items()
             if (names := [entry.client for entry in entries if
                           entry.network is None and not entry.is_everybody])},
            {path: ', '.join(f'{kernel.DIRECTORY}/{name}'
                             for name in sorted(names))
             for path, names in facts.homes.items()},
            {entry.path: 'is exported again when it is restarted, whatever '
             f'the rules say, by a line of {kernel.EXPORTS} or of a file in '
             f'{kernel.DIRECTORY} that is not of a driver'
             for entry in facts.others})

    def stale_files(self, export: exports.Export) -> Sequence[str]:
        name = kernel_plan.file_name(export.name)
        return [f'{kernel.DIRECTORY}/{name}.new']

    def allocate(self, facts: Mapping[str, kernel.KernelFacts],
              wanted: Sequence[exports.Export]) -> dict[str, str]:
        self._warn(facts, {export.path for export in wanted})
        found = kernel.fsids(facts.values(), wanted)
        for path, fsid in found.items():
            self._own.setdefault(path, set()).add(
                exports_text.comparable(fsid))
        return found

    def _warn(self, facts: Mapping[str, kernel.KernelFacts],
              paths: set[str]) -> None:
        for server, found in facts.items():
            self.warn(server, sorted(paths), (
                entry.path for entry in (*found.live, *found.others)))
            others = sorted({entry.path for entry in found.others
                             if entry.path in paths})
            if others:
                LOG.warning(
                    'NFS server %s exports %s again when it is restarted, '
                    'whatever the access rules say, because lines in '
                    '/etc/exports or /etc/exports.d that are not of this '
                    'driver tell it to. Remove them.', server,
                    ', '.join(others))

    def plan(self, facts: kernel.KernelFacts, wanted: Sequence[exports.Export],
             allocated: Mapping[str, str]) -> base.Commands:
        commands = [cmd for export in wanted for cmd in kernel_room.kept(
            kernel_plan.plan(facts, export, allocated[export.path],
                             persist=self._persist),
            unsynced=facts.unsynced)]
        commands = kernel_room.roomy(commands, facts.spare)
        return [*commands, kernel.live([
            export.path for export in wanted])] if commands else []

    def closing(self, server: str, facts: kernel.KernelFacts,
                wanted: Sequence[exports.Export],
                allocated: Mapping[str, str],
                failure: exception.DriverError) -> exception.DriverError:
        """Take away what can be, where it cannot be written down."""
        commands = [cmd for export in wanted for cmd in kernel_plan.taken_away(
            facts, export, allocated[export.path])]
        if not commands or not isinstance(failure, exception.BackendError) \
                or not any(map(kernel_room.is_file, self.plan(
                    facts, wanted, allocated))):
            return failure

        def close() -> None:
            # There may be room for little things, or none for their names.
            spare = facts.spare or kernel_room.is_full(failure) \
                and kernel_room.spare(0, self.asked(
                    server, kernel_room.details()))
            self.done(server, kernel_room.roomy(commands, spare or ()))

        _, error = exception.caught(close)
        if error is not None:
            LOG.error('Who shall have less access to %s on %s has it still: '
                      '%s', wanted[0].path, server, error)
        return kernel_room.unwritten(wanted[0].path, server, failure, error)

    def verify(self, server: str, wanted: Sequence[exports.Export],
                allocated: Mapping[str, str],
                results: Sequence[command.Result]) -> str:
        if untold := kernel.untold(results[-1]):
            return f'{kernel.ETAB} cannot be read after exportfs: {untold}'
        left = kernel_plan.undone(results[-1].stdout, wanted, allocated)
        return left and f'after exportfs {kernel.ETAB} still lacks: {left}'

    def refused(self, wanted: exports.Export) -> Mapping[access.Network, str]:
        return kernel.refused(wanted.levels)

    def default_options(self) -> tuple[str, ...]:
        """:raises ConfigurationError: an option is refused."""
        text = getattr(self.configuration, 'knfs_export_options', '') or ''
        items = [item for item in map(str.strip, text.split(','))
                 if item not in access.LEVELS]
        try:
            return options.parse(','.join(items), self.KNOWN_OPTIONS,
                                        'option knfs_export_options',
                                        self.OPPOSITES)
        except exception.InvalidRequest as exc:
            raise exception.ConfigurationError(
                'knfs_export_options', exc.what) from exc
