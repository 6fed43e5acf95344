# SPDX-License-Identifier: Apache-2.0

"""One file system, the base directory in it, and where clients find it."""

import ipaddress
import re
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import settings
from manila_drivers.transport import command

FileSystem = records.FileSystem

# Releases differ in whether they put the file system's name in quotes, and
# newer ones have a line for the snapshots of the whole of it.
_SNAPDIR = re.compile(r'^(?!Global).* is "?([^\s"/]+)"?', re.MULTILINE)


class GpfsCluster:
    """Facts that hardly ever change, asked for once."""

    def __init__(self, settings: settings.GpfsSettings,
                 execute: execute.Execute) -> None:
        self.settings = settings
        self._execute = execute
        self._make = execute.commands
        self._lock = threading.Lock()
        self._known: FileSystem | None = None
        self._addresses: tuple[str, ...] = settings.addresses
        #: Whether there is what copies snapshots.
        self.copies = True

    # The file system

    @property
    def filesystem(self) -> FileSystem:
        """Found out once; two round trips then, none later."""
        with self._lock:
            if self._known is None:
                self._known = self.look_up()
            return self._known

    @property
    def device(self) -> str:
        return self.filesystem.device

    def forget(self) -> None:
        with self._lock:
            self._known = None
            self._addresses = self.settings.addresses

    def look_up(self) -> FileSystem:
        device = self.settings.filesystem or self._device()
        make = self._make
        questions = [make.ask('mmlsfs', device, '-Y'),
                     make.ask('mmsnapdir', device, '-q'),
                     make.real_path(self.settings.base),
                     make.mount_point(self.settings.base)]
        attributes, snapdir, real, mount = self._execute.ask(questions)
        try:
            told = records.attributes(questions[0], attributes)
        except exception.BackendError as exc:
            if errors.missing(attributes, device) \
                    or 'not known' in exc.answer:
                raise exception.ConfigurationError(
                    'gpfs_filesystem', f'there is no file system {device}',
                    answer=exc.answer) from exc
            raise
        counted = self.settings.account_replicas
        plain = _one_line(real) or self.settings.base
        match = _SNAPDIR.search(snapdir.stdout)
        return FileSystem(
            device, quotas='fileset' in told.get('quotasenforced', ''),
            replicas=records.replicas(device, told) if counted else 1,
            shows_quota=told.get('filesetdfenabled', '').lower() == 'yes',
            snapshots=match[1] if match and snapdir.status == 0
            else '.snapshots',
            base=records.name_of_base(
                plain, _one_line(mount), told.get('defaultmountpoint', '')),
            real=plain, mount=_one_line(mount))

    def here(self, path: str) -> str:
        """A path as GPFS lists it, as the operator named it."""
        there = self.filesystem.base
        if there and path.startswith(there + '/'):
            return self.settings.base + path[len(there):]
        return path

    def names(self, path: str) -> tuple[str, ...]:
        """Return a path below the base by all names, the operator's first.

        A server may export it by any of them.  Asks nobody: before the file
        system was looked up there is one name.
        """
        known, base = self._known, self.settings.base
        return tuple(dict.fromkeys(each + path[len(base):] for each in (
            base, *filter(None, (known.base, known.real) if known else ()))))

    def _device(self) -> str:
        base = self.settings.base
        cmd = self._make.look('df', '-P', base)
        result, = self._execute.ask([cmd])
        lines = result.stdout.splitlines()
        if result.status or len(lines) < 2:
            raise exception.ConfigurationError(
                'gpfs_mount_point_base', f'{base} is in no file system',
                answer=cmd.excerpt(result.stderr or result.stdout))
        device = lines[1].split()[0].removeprefix('/dev/')
        if not re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]*', device):
            raise exception.ConfigurationError(
                'gpfs_mount_point_base', f'{base} is on {device!r}, which is '
                f'no GPFS file system', check='gpfs_filesystem')
        return device

    # Export locations

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses that clients mount, the preferred one first.

        Where the cluster has to be asked for them, that is done once.
        """
        with self._lock:
            if not self._addresses:
                self._addresses = self._look_up_addresses()
            return self._addresses

    def _look_up_addresses(self) -> tuple[str, ...]:
        cmd = self._make.addresses()
        result, = self._execute.ask([cmd])
        found = [str(one) for one in records.addresses(cmd, result)]
        if not found:
            raise exception.ConfigurationError(
                'gpfs_export_addresses', 'is auto, but CES has no addresses',
                answer=cmd.excerpt(result.stdout), check='mmces address list')
        main = self.settings.main
        return tuple(sorted(found, key=lambda one: one != main))

    @property
    def ip_versions(self) -> frozenset[int]:
        """Of what clients mount, as far as it is known; names may be any."""
        return frozenset().union(*map(_versions, self._addresses or ('',)))

    def locations(self, path: str) -> list[dict[str, Any]]:
        return [model.export_location(f'{paths.bracketed(address)}:{path}',
                                      preferred=number == 0)
                for number, address in enumerate(self.addresses)]


def _one_line(result: command.Result) -> str:
    """Return the command's output; '' if it failed."""
    return result.stdout.strip() if result.status == 0 else ''


def _versions(address: str) -> frozenset[int]:
    try:
        return frozenset({ipaddress.ip_address(address).version})
    except ValueError:
        return frozenset({4, 6})
