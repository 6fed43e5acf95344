#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Emptying volumes through a mount on this host."""

from collections.abc import Callable
import hashlib
import logging
import os
import time

from manila_drivers import exception
from manila_drivers.glusterfs import commandline
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

_TYPE = 'fuse.glusterfs'

# Seconds for a mount, and for anything but the deletion itself.
_SECONDS = 120.0
_ANY = frozenset(range(256))

# Tries to unmount a busy directory before it is only detached.
_TRIES = 3


class Wiper:
    """Empties volumes.

    :param runner: of commands on this host.
    :param base: directory for the mount points.
    :param timeout: seconds that a deletion may take.
    """

    def __init__(self, runner: commandline.Runner, base: str,
                 timeout: float, *,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._runner = runner
        self._base = base
        self._timeout = timeout
        self._sleep = sleep

    def check(self) -> None:
        """:raises DriverError: this host cannot mount volumes."""
        for helper in ('mount.glusterfs', '/sbin/mount.glusterfs'):
            try:
                self._runner.run(command.Command.of(
                    helper, accept=_ANY - {126, 127}, timeout=_SECONDS))
                return
            except exception.BackendError as exc:
                if exc.status not in (126, 127):
                    raise
        raise exception.DriverError(
            'mount.glusterfs is missing on this host; volumes are emptied '
            'through it', check='that the GlusterFS FUSE client is '
            'installed (glusterfs-client, glusterfs-fuse)')

    def wipe(self, export: str, volume: str) -> None:
        """Remove everything in a volume, and make sure of it.

        What an interrupted call has left mounted is used again.

        :raises DriverError: the volume is not known to be empty.
        """
        # Other clusters have volumes of that name as well.
        place = os.path.join(self._base, 'wipe-%s-%s' % (
            volume, hashlib.sha256(export.encode()).hexdigest()[:8]))
        self._run('mkdir', '-p', '-m', '700', place)
        self._mount(export, place)
        try:
            self._empty(export, place)
        finally:
            self._leave(place)

    def _run(self, *words: str, root: bool = True, timeout: float = _SECONDS,
             accept: frozenset[int] = frozenset({0})) -> command.Result:
        return self._runner.run(command.Command.of(
            *words, root=root, timeout=timeout, accept=accept))

    # -- mounting --------------------------------------------------------

    def _mounted(self, place: str) -> list[tuple[str, str]]:
        """Source and type of what is mounted on a directory, last first."""
        table = self._run('cat', '/proc/self/mounts', root=False).stdout
        found = []
        for line in table.splitlines():
            words = [_plain(word) for word in line.split(' ')]
            if len(words) > 2 and words[1] == place:
                found.append((words[0], words[2]))
        return found[::-1]

    def _mount(self, export: str, place: str) -> None:
        """Mount a volume; only believed when it has been seen.

        The helper may report success with nothing mounted.
        """
        for left in self._mounted(place):
            if left == (export, _TYPE) and self._is_root(place):
                return
            self._run('umount', '-l', place)
        self._run('mount', '-t', 'glusterfs', export, place)
        if (export, _TYPE) not in self._mounted(place)[:1] \
                or not self._is_root(place):
            raise exception.BackendError(
                'Volume %s was not mounted, although mount reported success'
                % export, check='that the common name of this host is in '
                'auth.ssl-allow of the volume, and the log of the mount in '
                '/var/log/glusterfs')

    def _is_root(self, place: str) -> bool:
        """Whether a directory is the root of a volume that answers."""
        return self._run('stat', '-c', '%i', place,
                         accept=_ANY).stdout.strip() == '1'

    def _leave(self, place: str) -> None:
        """Unmount.  Never removes anything but the empty directory."""
        for attempt in range(_TRIES):
            try:
                self._run('umount', place)
                break
            except exception.BackendError as exc:
                if attempt + 1 < _TRIES:
                    self._sleep(1.0)
                else:
                    LOG.warning('%s is detached: %s', place, exc)
                    self._run('umount', '-l', place, accept=_ANY)
        self._run('rmdir', place, accept=_ANY)

    # -- deleting --------------------------------------------------------

    def _empty(self, export: str, place: str) -> None:
        # Two directories of the trash feature cannot be removed; what lies
        # in them can.
        found = ('find', place, '-xdev', '-mindepth', '1',
                 '!', '-path', place + '/.trashcan',
                 '!', '-path', place + '/.trashcan/internal_op')
        self._run(*found, '-delete', timeout=self._timeout, accept=_ANY)
        left = self._run(*found, '-print', '-quit',
                         timeout=self._timeout).stdout.strip()
        if left:
            raise exception.BackendError(
                'Volume %s could not be emptied' % export,
                answer='%s is still there' % left[len(place):],
                check='files that somebody keeps adding or that cannot be '
                      'removed')
        # A client that is refused unmounts itself, and the directory below
        # is always empty.
        if (export, _TYPE) not in self._mounted(place)[:1]:
            raise exception.BackendError(
                'Volume %s did not stay mounted while it was emptied'
                % export, check='that the common name of this host is in '
                'auth.ssl-allow of the volume, and its bricks')


def _plain(word: str) -> str:
    """A word of the table of mounts without its escapes."""
    for code, character in (('\\040', ' '), ('\\011', '\t'),
                            ('\\012', '\n'), ('\\134', '\\')):
        word = word.replace(code, character)
    return word
