# SPDX-License-Identifier: Apache-2.0

"""The Manila host: mounts volumes, and runs commands on the servers."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import fnmatch
import os
import re
import time
import uuid

from manila_drivers import exception
from manila_drivers.glusterfs import paths
from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.gluster import placement
from manila_drivers.testing.simulators.gluster import state
from manila_drivers.testing.simulators.gluster.sim import GlusterSim
from manila_drivers.testing.simulators.gluster.sim import Struck
from manila_drivers.testing.simulators.gluster.wire import Reply
from manila_drivers.transport import command
from manila_drivers.transport import meter

_TRASH = '/.trashcan'
_LOST = '/lost+found'
_PIECES = '/.shard'


@dataclasses.dataclass
class _Mounted:
    source: str
    sim: GlusterSim
    mount: state.Mount


class ManilaHost(Struck):
    """A host with its own certificate and mounts.

    :param sims: clusters by the names of their servers.
    :param name: in its certificate.
    :param silent: how many of the next mounts report success and are none.
    """

    def __init__(self, sims: Mapping[str, GlusterSim],
                 clock: Callable[[], float] = time.time,
                 sleep: Callable[[float], object] = time.sleep, *,
                 name: str | None = 'manila-host-1') -> None:
        super().__init__(clock)
        self.sims = dict(sims)
        self.name = name
        self.sleep = sleep
        self.silent = 0
        self.has_helper = True
        #: Bricks that a firewall keeps from this host.
        self.unreached: set[str] = set()
        self.directories: set[str] = set()
        self._mounts: dict[str, _Mounted] = {}

    def transport(self, address: paths.ServerAddress | None,
                  ) -> 'Runner':
        """Return a runner of commands on a server, or here for None."""
        if address is None:
            return Runner(self, self.sleep)
        return Runner(self.sims[address.host], self.sleep)

    # Commands

    def _disturbed(self, fault: Fault, done: Reply | None) -> Reply:
        """Commands of this very host time out or fail; no more happens."""
        if fault.kind.startswith('timeout'):
            return Reply(failure='silence')
        return Reply('', 'simulated failure\n', 1)

    def _run(self, argv: Sequence[str], stdin: str) -> Reply:
        name, *words = argv
        if name == 'gluster':
            # This host may be a server itself.
            return next(iter(self.sims.values())).handle(argv, stdin)
        commands: dict[str, Callable[[Sequence[str]], Reply]] = {
            'mkdir': self._mkdir, 'rmdir': self._rmdir, 'stat': self._stat,
            'mount': self._mount, 'umount': self._umount, 'cat': self._cat,
            'find': self._find}
        if name.endswith('mount.glusterfs') and self.has_helper:
            return Reply('', 'Usage: mount.glusterfs ...\n', 1)
        if name not in commands:
            return Reply('', f'{name}: command not found\n', 127)
        return commands[name](words)

    def _mkdir(self, words: Sequence[str]) -> Reply:
        self.directories.add(words[-1])
        return Reply()

    @property
    def mounted(self) -> dict[str, str]:
        """Return what is mounted, by directory."""
        return {place: each.source for place, each in self._mounts.items()}

    def _rmdir(self, words: Sequence[str]) -> Reply:
        if os.path.realpath(words[-1]) in self._mounts:
            return Reply('', 'rmdir: Device or resource busy\n', 1)
        self.directories.discard(words[-1])
        return Reply()

    def _stat(self, words: Sequence[str]) -> Reply:
        mounted = self._mounts.get(os.path.realpath(words[-1]))
        if mounted is not None and not mounted.mount.alive:
            return Reply('', 'stat: Transport endpoint is not connected\n',
                         1)
        return Reply('1\n' if mounted else '131\n')

    def _cat(self, words: Sequence[str]) -> Reply:
        lines = ['proc /proc proc rw 0 0']
        lines += [f'{each.source} {_escaped(place)} fuse.glusterfs rw 0 0'
                  for place, each in self._mounts.items()]
        return Reply('\n'.join(lines) + '\n')

    def _mount(self, words: Sequence[str]) -> Reply:
        source, place = words[-2:]
        server, _, volume = source.rpartition(':/')
        sim = self.sims.get(server)
        made = sim.mount(self.name, volume) if sim else None
        if self.silent:
            self.silent -= 1
            return Reply()
        if sim is None or made is None:
            return Reply('', 'Mount failed. Check the log file  for more '
                             'details.\n', 1)
        # The kernel keeps one name, without links and dots.
        self._mounts[os.path.realpath(place)] = _Mounted(source, sim, made)
        return Reply()

    def _umount(self, words: Sequence[str]) -> Reply:
        mounted = self._mounts.pop(os.path.realpath(words[-1]), None)
        if mounted is None:
            return Reply('', f'umount: {words[-1]}: not mounted.\n', 32)
        mounted.mount.alive = False
        return Reply()

    def _find(self, words: Sequence[str]) -> Reply:
        place = words[0]
        mounted = self._mounts.get(os.path.realpath(place))
        volume = None
        if mounted is not None:
            if not mounted.mount.alive:
                return Reply('', 'find: Transport endpoint is not '
                                 'connected\n', 1)
            volume = mounted.sim.state.volumes.get(mounted.mount.volume)
        spared = [words[number + 1] for number, word in enumerate(words)
                  if word == '-path']
        if '/.meta/' in place:
            return self._clients(place)
        if volume is None:
            return Reply()
        away = self.unreached & set(volume.bricks)
        seen = placement.seen(volume, away)
        if any(path.startswith(_LOST) for path in seen) \
                or '-empty' not in words:
            spared = [each for each in spared if not each.endswith(_LOST)]
        found = [path for path in _paths(
            seen, trash=volume.trash_seen, lost=volume.lost_found,
            pieces=volume.shard_seen)
            if not (volume.sharded and path.startswith(_PIECES))
            and not any(fnmatch.fnmatchcase(place + path, _pattern(each))
                       for each in spared)]
        if '-delete' in words:
            placement.missed(volume, away)
            return _deleted(volume, found)
        return Reply(f'{place}{found[0]}\n' if found else '')

    def _clients(self, place: str) -> Reply:
        """Return what a mount tells of its connections to bricks."""
        mounted = self._mounts.get(os.path.realpath(
            place.partition('/.meta/')[0]))
        if mounted is None:
            return Reply('', f'find: {place}: No such file or directory\n', 1)
        volume = mounted.sim.state.volumes[mounted.mount.volume]
        return Reply(''.join(
            f'[xlator.protocol.client.{volume.name}-client-{number}.priv]\n'
            f'connected = {int(there)}\ntotal_bytes_read = 54868\n'
            f'ping_timeout = 42\n' for number, there in enumerate(
                brick not in volume.placed.offline
                and brick not in self.unreached
                for brick in volume.bricks)))


def _escaped(path: str) -> str:
    """A path as the table of mounts has it."""
    return re.sub(r'[ \t\n\\]', lambda one: '\\%03o' % ord(one[0]), path)


def _pattern(text: str) -> str:
    """A pattern of find for fnmatch, which knows no backslashes."""
    return re.sub(r'\\(.)', r'[\1]', text)


def _paths(files: placement.Files, *, trash: bool, lost: bool,
           pieces: bool) -> list[str]:
    """Files and directories, deepest first."""
    found = set(files)
    for path in files:
        parts = path.split('/')
        found.update('/'.join(parts[:end]) for end in range(2, len(parts)))
    if trash:
        found |= {_TRASH, _TRASH + '/internal_op'}
    if pieces:
        found |= {_PIECES, _PIECES + '/.remove_me'}
    if lost:
        found.add(_LOST)
    return sorted(found, key=lambda path: (-path.count('/'), path))


def _deleted(volume: state.Volume, paths: Sequence[str]) -> Reply:
    """Do what ``find -delete`` does: with the trash on, files go there.

    The pieces of a sharded volume are deleted in the background: later.
    """
    if state.is_on(volume.options.get('features.read-only')):
        return Reply('', 'find: Read-only file system\n', 1)
    for path in paths:
        content = volume.files.pop(path, None)
        if path == _LOST:
            volume.lost_found = False
        kept = volume.trash and not path.startswith(_TRASH)
        if content is not None and kept:
            volume.files[_TRASH + path] = content
        if content is not None and volume.sharded:
            name = uuid.uuid5(uuid.NAMESPACE_URL, path)
            volume.files[f'{_PIECES}/{name}.1'] = content
            volume.files[f'{_PIECES}/.remove_me/{name}'] = b''
        if path == _PIECES:
            volume.shard_seen = False
    return Reply()


class Runner:
    """The in-process transport: ``run(Command)`` as ``local.Local`` has it.

    :param struck: a cluster's server, or this host.
    """

    def __init__(self, struck: Struck,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._struck = struck
        self._sleep = sleep

    def run(self, cmd: command.Command) -> command.Result:
        """:raises DriverError: as the real transports do."""
        meter.count('command', 0.0)
        reply = self._struck.handle(cmd.words(), cmd.input() or '')
        if reply.failure == 'refused':
            raise exception.Unreachable(f'No connection for {cmd}.')
        if reply.failure == 'reset':
            raise exception.OutcomeUnknown(f'Connection lost during {cmd}.')
        if reply.failure == 'silence':
            self._sleep(cmd.timeout)
            raise exception.OutcomeUnknown(
                f'Command {cmd} was not done within {cmd.timeout:g} s.')
        if reply.status not in cmd.accept:
            raise exception.BackendError(
                f'Command {cmd} failed with exit code {reply.status}.',
                answer=cmd.excerpt(reply.stderr or reply.stdout),
                status=reply.status)
        return command.Result(reply.stdout, reply.stderr, reply.status)
