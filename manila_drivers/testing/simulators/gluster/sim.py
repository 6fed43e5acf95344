# SPDX-License-Identifier: Apache-2.0

"""The simulator of one cluster: commands in, outputs out, free of I/O."""

from collections.abc import Callable
from collections.abc import Sequence
import copy
import shlex
import threading
import time
from typing import NamedTuple

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.gluster import cli
from manila_drivers.testing.simulators.gluster import placement
from manila_drivers.testing.simulators.gluster import state
from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.gluster.wire import Reply
from manila_drivers.testing.simulators.logged import Logged

GIB = state.GIB
Item = tuple[str, str]

#: What the list of names of a volume of the pool has.
INFRASTRUCTURE = 'glusterfs-server-1,glusterfs-server-2,manila-host-1'
TLS = {'client.ssl': 'on', 'server.ssl': 'on',
       'auth.ssl-allow': INFRASTRUCTURE}


class Entry(NamedTuple):
    """A line of the log.

    :param label: the command, quoted, as a fault's match sees it.
    :param status: exit code; None if a fault kept it from running.
    """

    label: str
    stdin: str
    status: int | None
    at: float
    fault: str = ''


class Struck(Logged[Entry]):
    """Runs commands, lets faults strike, and keeps a log.  Thread-safe.

    The code of a fault of kind ``status`` is, below 256, an exit code with
    the message that the daemon is down; above, one of gluster's own numbers
    in an answer with exit code 0.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock, threading.RLock(), 10000)
        self.clock = clock

    def handle(self, argv: Sequence[str], stdin: str = '') -> Reply:
        """Run a command.  Never raises, never waits."""
        label = shlex.join(argv)
        with self.lock:
            self._calls += 1
            fault = self.faults.strike(label)
            done = (None if fault is not None and fault.prevents
                    else self._run(argv, stdin))
            self._log.append(Entry(
                label, stdin, done.status if done else None, self.clock(),
                fault.kind if fault else ''))
        if fault is None:
            assert done is not None
            return done
        return self._disturbed(fault, done)

    def _disturbed(self, fault: Fault, done: Reply | None) -> Reply:
        return disturbed(fault, done)

    def _run(self, argv: Sequence[str], stdin: str) -> Reply:
        raise NotImplementedError()


_LOST = {'refused': 'refused', 'reset_before': 'reset',
         'reset_after': 'reset', 'cut_off': 'reset',
         'timeout_before': 'silence', 'timeout_after': 'silence'}


def disturbed(fault: Fault, done: Reply | None) -> Reply:
    """Return what a fault makes of an answer.

    :param done: the proper answer; None if the effect was prevented.
    """
    if fault.kind in _LOST:
        return Reply(failure=_LOST[fault.kind])
    if fault.kind == 'status':
        code = fault.code or 30800
        if code < 256 and not fault.body:
            return Reply(wire.DOWN, status=code)
        text = str(fault.body or 'Commit failed on localhost. Please check '
                   'log file for details.')
        if code < 256:
            return Reply('', text, code)
        return Reply(wire.document([], ret=-1, number=code, text=text))
    if fault.kind in ('empty', 'html') or done is None:
        return Reply()
    return done._replace(stdout=done.stdout[:len(done.stdout) // 2])


class GlusterSim(Struck):
    """A GlusterFS cluster in memory.

    :param server: name of the server that bricks are on.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *,
                 options: state.Options | None = None,
                 server: str = 'gluster-1') -> None:
        super().__init__(clock)
        self.state = state.State(clock, options, server)
        self._cli = cli.CommandLine(self.state)
        #: Seconds that the clock of its server is ahead.
        self.ahead = 0.0

    @property
    def options(self) -> state.Options:
        return self.state.options

    def _run(self, argv: Sequence[str], stdin: str) -> Reply:
        if argv[:1] != ['gluster']:
            return Reply('', f'{argv[0]}: command not found\n', 127)
        return self._cli.run(argv[1:], stdin)

    # What operators do

    def make_volume(self, name: str, *, size: int = 10 * GIB,
                    started: bool = True, tls: bool = True,
                    allow: str | None = INFRASTRUCTURE, thin: bool = True,
                    replica: int = 1, files: dict[str, int] | None = None,
                    bricks: int = 0, servers: Sequence[str] = (),
                    arbiter: bool = False, lost_found: bool = False,
                    **options: str,
                    ) -> state.Volume:
        """A volume, as an operator would put it into the pool.

        :param bricks: how many in all, if not one for each copy.
        :param servers: they are on these in turn, if not on the only one.
        :param arbiter: the last copy of each keeps names only.
        :param lost_found: bricks are roots of file systems.
        :param options: with ``__`` for each dot and ``_`` for each hyphen.
        """
        wanted = state.at_creation(replica)
        if tls:
            wanted |= {'client.ssl': 'on', 'server.ssl': 'on'}
        if allow is not None:
            wanted['auth.ssl-allow'] = allow
        wanted |= {key.replace('__', '.').replace('_', '-'): value
                   for key, value in options.items()}
        hosts = servers or [self.state.server]
        places = [f'{hosts[number % len(hosts)]}:/bricks/{name}-{number}'
                  for number in range(bricks or replica)]
        volume = state.Volume(name, places, size, options=wanted,
                                     replica=replica, thin=thin,
                                     arbiter=arbiter,
                                     lost_found=lost_found)
        volume.files.update(files or {})
        volume.shard_seen = volume.sharded
        with self.lock:
            self.state.volumes[name] = volume
            if started:
                self.state.start(volume)
        return volume

    def make_foreign(self, name: str = 'of-others') -> None:
        """A volume with data and a snapshot that nobody of us may touch."""
        self.make_volume(name, allow='glusterfs-server-1,stranger',
                         files={'/precious': 12345})
        self.gluster('snapshot', 'create', f'{name}-nightly', name,
                     'no-timestamp')

    def gluster(self, *words: str) -> Reply:
        """A command of an operator: not counted, and never struck."""
        with self.lock:
            return self._cli.run(['--mode=script', '--xml', *words])

    def change(self, name: str, **options: str) -> None:
        """Set options; see :meth:`make_volume` for how they are written."""
        with self.lock:
            self.state.set(self.state.volumes[name], {
                key.replace('__', '.').replace('_', '-'): value
                for key, value in options.items()})

    def write(self, volume: str, path: str,
              content: state.Content) -> None:
        """A file appears, through some mount."""
        with self.lock:
            self.state.volumes[volume].files[path] = content

    def brick_down(self, brick: str) -> None:
        """The process of a brick is killed."""
        with self.lock:
            placement.down(self._of(brick), brick)

    def brick_up(self, brick: str) -> None:
        with self.lock:
            self.state.brick_up(self._of(brick), brick)

    def peer_down(self, host: str) -> None:
        """A server is switched off, or nobody reaches it."""
        with self.lock:
            self.state.peer_down(host)

    def peer_up(self, host: str) -> None:
        with self.lock:
            self.state.peer_up(host)

    def daemon_down(self, host: str) -> None:
        """glusterd of a server ends; its bricks go on as they are."""
        with self.lock:
            self.state.daemon_down(host)

    def daemon_up(self, host: str) -> None:
        with self.lock:
            self.state.daemon_up(host)

    def _of(self, brick: str) -> state.Volume:
        return next(each for each in self.state.volumes.values()
                    if brick in each.bricks)

    # What can be seen

    def can_mount(self, name: str | None, volume: str) -> str | None:
        """Return the level of a certificate's holder: ``rw``, ``ro``, nothing.
        """
        with self.lock:
            found = self.state.volumes.get(volume)
            if found is None or not found.admits(name, self.options):
                return None
            return self._level(found)

    @staticmethod
    def _level(volume: state.Volume) -> str:
        return 'ro' if state.is_on(
            volume.options.get('features.read-only')) else 'rw'

    def mount(self, name: str | None, volume: str,
              ) -> state.Mount | None:
        """Mount a volume and hold it; None if that is refused."""
        with self.lock:
            if self.can_mount(name, volume) is None:
                return None
            made = state.Mount(volume, name)
            self.state.mounts.append(made)
            return made

    def held(self, mount: state.Mount) -> str | None:
        """Return what can be done through a mount that has been held open."""
        with self.lock:
            volume = self.state.volumes.get(mount.volume)
            if not mount.alive or volume is None:
                return None
            return self._level(volume)

    def can_mount_snapshot(self, name: str, snapshot: str) -> bool:
        """Return whether somebody can read an activated snapshot."""
        with self.lock:
            found = self.state.snapshots.get(snapshot)
            return found is not None and found.active \
                and state.admitted(
                    name, found.options.get(state.ALLOW),
                    self.options)

    def volume(self, name: str) -> state.Volume | None:
        """A copy of a volume."""
        with self.lock:
            return copy.deepcopy(self.state.volumes.get(name))

    def inventory(self) -> frozenset[Item]:
        """Everything there is: kind (volume, snapshot) and name."""
        with self.lock:
            return frozenset({
                *(('volume', name) for name in self.state.volumes),
                *(('snapshot', name) for name in self.state.snapshots)})
