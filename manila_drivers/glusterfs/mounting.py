# SPDX-License-Identifier: Apache-2.0

"""Emptying volumes through a mount on this host."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import hashlib
import logging
import os
import re
import time

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import records
from manila_drivers.transport import command
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

_TYPE = 'fuse.glusterfs'

# Seconds for a mount, and for anything but the deletion itself.
_SECONDS = 120.0
_ANY = frozenset(range(256))

# Seconds to wait until this host has connected to every brick, one by one;
# and between two looks.
_CONNECTING = 30.0
_PAUSE = 3.0

# Where a sharded volume keeps pieces of files, and of deleted ones.
_PIECES = '/.shard', '/.shard/.remove_me'

# Seconds for which a mount is tried, whose server may be about to be there
# again, and for which a busy directory is, before it is only detached.
_MOUNTING = 10.0
_UNMOUNTING = 10.0


class Wiper:
    """Empties volumes.

    :param runner: of commands on this host.
    :param base: directory for the mount points.
    :param timeout: seconds that a deletion may take.
    """

    def __init__(self, runner: client.CommandRunner, base: str,
                 timeout: float, *,
                 sleep: Callable[[float], object] = time.sleep,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._runner = runner
        self._base = base
        self._clock = clock
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

    @contextlib.contextmanager
    def mounted(self, export: str,
                volume: records.Volume) -> Iterator['VolumeMount']:
        """Mount a volume here for a while.

        :raises DriverError: it cannot be mounted.
        """
        plan.before_change('mount %s' % export)
        # The kernel knows a directory by one name alone.
        base = os.path.realpath(self._base)
        # Other clusters have volumes of that name as well.
        place = os.path.join(base, 'wipe-%s-%s' % (
            volume.name, hashlib.sha256(export.encode()).hexdigest()[:8]))
        mount = VolumeMount(self._runner, export, volume, place, self._timeout,
                      self._sleep, self._clock)
        try:
            mount.enter()
        except exception.DriverError:
            mount.clear()
            raise
        try:
            yield mount
        finally:
            mount.leave()


class VolumeMount:
    """A volume that is mounted on this host.

    :param timeout: seconds that a deletion may take.
    """

    def __init__(self, runner: client.CommandRunner, export: str,
                 volume: records.Volume, place: str, timeout: float,
                 sleep: Callable[[float], object],
                 clock: Callable[[], float]) -> None:
        self._clock = clock
        self._runner = runner
        self._export = export
        self._volume = volume
        self._place = place
        self._timeout = timeout
        self._sleep = sleep

    def _run(self, *words: str, root: bool = True, timeout: float = _SECONDS,
             accept: frozenset[int] = frozenset({0})) -> command.Result:
        return self._runner.run(command.Command.of(
            *words, root=root, timeout=timeout, accept=accept))

    def _attempts(self, seconds: float) -> retry.Attempts:
        return retry.Attempts(
            retry.RetryPolicy(first=1.0, longest=2.0, total=seconds),
            self._clock, self._sleep)

    # -- mounting --------------------------------------------------------

    def enter(self) -> None:
        """Mount it; only believed when it has been seen.

        The helper may report success with nothing mounted.
        """
        self._run('mkdir', '-p', '-m', '700', self._place)
        for _ in self._mounted():
            # By an earlier call, when the volume had other options.
            self._run('umount', '-l', self._place)
        attempts = self._attempts(_MOUNTING)
        while True:
            error = self._mount()
            if error is None:
                return
            if not isinstance(error, exception.BackendError) or isinstance(
                    error, exception.AccessDenied) or not attempts.again():
                raise error

    def _mount(self) -> exception.DriverError | None:
        _, error = exception.caught(lambda: self._run(
            'mount', '-t', 'glusterfs', self._export, self._place))
        if error is not None or (self._is_there() and self._is_root()):
            return error
        self._run('umount', '-l', self._place, accept=_ANY)
        return exception.BackendError(
            'Volume %s was not mounted, although mount reported success'
            % self._export, check='that the common name of this host is '
            'in auth.ssl-allow of the volume, and the log of the mount '
            'in /var/log/glusterfs')

    def _mounted(self) -> list[tuple[str, str]]:
        """Source and type of what is mounted there, last first."""
        table = self._run('cat', '/proc/self/mounts', root=False).stdout
        found = []
        for line in table.splitlines():
            words = [_plain(word) for word in line.split(' ')]
            if len(words) > 2 and words[1] == self._place:
                found.append((words[0], words[2]))
        return found[::-1]

    def _is_there(self) -> bool:
        return (self._export, _TYPE) in self._mounted()[:1]

    def _is_root(self) -> bool:
        """Return whether it is the root of a volume that answers."""
        return self._run('stat', '-c', '%i', self._place,
                         accept=_ANY).stdout.strip() == '1'

    def leave(self) -> None:
        """Unmount.  Never removes anything but the empty directory.

        :raises DriverError: it is still mounted, or that is not known.
        """
        attempts = self._attempts(_UNMOUNTING)
        while True:
            _, error = exception.caught(
                lambda: self._run('umount', self._place))
            if error is None:
                break
            if not isinstance(error, exception.BackendError) \
                    or not attempts.again():
                # Busy for too long, or a command that did not come back.
                self._detach(error)
                break
        self._run('rmdir', self._place, accept=_ANY)

    def _detach(self, error: exception.DriverError) -> None:
        LOG.warning('%s is detached: %s', self._place, error)
        self._run('umount', '-l', self._place, accept=_ANY)
        if self._mounted():
            raise exception.BackendError(
                '%s is still mounted on this host' % self._place,
                answer=str(error), check='umount %s' % self._place)

    def clear(self) -> None:
        """Remove what a mount that failed has left, if that is possible."""
        with contextlib.suppress(exception.DriverError):
            self._run('umount', '-l', self._place, accept=_ANY)
            self._run('rmdir', self._place, accept=_ANY)

    # -- content ---------------------------------------------------------

    def _find(self, *spared: str) -> tuple[str, ...]:
        """Everything, but directories that are of no tenant.

        The two of the trash feature cannot be removed, and a brick that is
        the root of its file system has an empty lost+found from the start.
        What lies in them is meant as well.

        :param spared: more directories of that kind.
        """
        pattern = re.sub(r'([*?[\\])', r'\\\1', self._place)
        return ('find', self._place, '-xdev', '-mindepth', '1',
                '!', '-path', pattern + '/.trashcan',
                '!', '-path', pattern + '/.trashcan/internal_op',
                '!', '(', '-path', pattern + '/lost+found', '-type', 'd',
                '-empty', ')', *(word for name in spared for word in (
                    '!', '(', '-path', pattern + name, '-type', 'd', ')')))

    def delete(self) -> None:
        """Remove everything that can be; see :meth:`something`.

        :raises DriverError: somebody else may have the volume by now.
        """
        # To mount it took its time.
        plan.still_allowed()
        self._run(*self._find(), '-delete', timeout=self._timeout,
                  accept=_ANY)

    def something(self) -> str:
        """The path of something in the volume, or ''."""
        # A volume that was ever sharded has these.
        left = self._run(*self._find(*_PIECES), '-print', '-quit',
                         timeout=self._timeout).stdout.rstrip('\n')
        # A client that is refused unmounts itself, and the directory below
        # is always empty.
        if not self._is_there():
            raise exception.BackendError(
                'Volume %s did not stay mounted while it was looked at'
                % self._export, check='that the common name of this host is '
                'in auth.ssl-allow of the volume, and its bricks')
        return left[len(self._place):]

    def check_bricks(self, what: str) -> None:
        """See that this host reaches every brick.

        Those that it does not reach have nothing in them for it.

        :param what: what cannot be done without them, for the error.
        :raises Busy: it does not.
        """
        wanted = len(self._volume.bricks)
        end = self._clock() + _CONNECTING
        while True:
            states = self._states()
            if not states:
                # Old builds do not tell; that bricks run has to do.
                LOG.warning('Whether this host reaches all bricks of volume '
                            '%s cannot be seen', self._export)
                return
            away = sorted(name for name, there in states.items()
                          if not there)
            there = len(states) - len(away)
            if not away and there >= wanted:
                return
            if self._clock() + _PAUSE > end:
                break
            self._sleep(_PAUSE)
        raise exception.Busy(
            'Volume %s %s: this host reaches %d of %d bricks%s' % (
                self._export, what, there, wanted,
                '' if not away else ', and not that of ' + ', '.join(away)),
            check='gluster volume status %s, and that no firewall is between '
                  'this host and the bricks' % self._volume.name)

    def _states(self) -> dict[str, bool]:
        """Return whether each client of a brick is connected; {} if not told.

        :raises BackendError: it is told, and could not be read.
        """
        meta = self._place + '/.meta'
        told = self._run(
            'find', meta + '/graphs/active/', '-mindepth', '2',
            '-maxdepth', '2', '-path', '*-client-*/private', '-exec', 'cat',
            '{}', '+', accept=_ANY).stdout
        found: dict[str, bool] = {}
        for part in told.split('[xlator.protocol.client.')[1:]:
            name, _, rest = part.partition('.priv]')
            said = re.search(r'^connected ?= ?(\d+)', rest, re.M)
            if said and re.search(r'-client-\d+$', name):
                found[name] = said[1] == '1'
        if not found and self._run('stat', '-c', '%i', meta,
                                   accept=_ANY).status == 0:
            raise exception.BackendError(
                'Which bricks of volume %s this host reaches could not be '
                'read' % self._export, check='that this host may run find '
                'and cat as root (%s)' % meta)
        return found


def _plain(word: str) -> str:
    """A word of the table of mounts without its escapes."""
    return re.sub(r'\\([0-7]{3})', lambda code: chr(int(code[1], 8)), word)
