# SPDX-License-Identifier: Apache-2.0

"""Tell what a cluster holds."""

from collections.abc import Callable
from collections.abc import Mapping
import copy
import dataclasses
import fnmatch
import functools
import time
import uuid

from manila_drivers.testing.simulators.gluster import placement

GIB = 1024 ** 3

CREATED, STARTED, STOPPED = 0, 1, 2
STATUS = {CREATED: 'Created', STARTED: 'Started', STOPPED: 'Stopped'}

ALLOW = 'auth.ssl-allow'
_TRUE = frozenset({'on', 'yes', 'true', 'enable', '1'})

Content = placement.Content
Files = placement.Files


def is_on(value: str | None, otherwise: bool = False) -> bool:
    return otherwise if value is None else value.lower() in _TRUE


@dataclasses.dataclass
class Options:
    """How a cluster behaves; may be changed at any time.

    :param version: as ``gluster --version`` says it.
    :param missing: options that this build does not have.
    :param daemon_up: whether glusterd answers.
    :param peers_up: whether all other servers do.
    :param bricks_up: whether all bricks run.
    :param snapshot_limit: snapshots that one volume may have.
    :param self_heal: whether copies are healed as soon as they are back.
    :param quota_blind: quota answers success and tells nothing, as it does
        where the command line has other mounts than glusterd.
    """

    version: str = '10.3'
    missing: frozenset[str] = frozenset()
    daemon_up: bool = True
    peers_up: bool = True
    bricks_up: bool = True
    snapshot_limit: int = 256
    self_heal: bool = True
    quota_blind: bool = False

    @property
    def modern(self) -> bool:
        """3.7 or later: clones, times in names, dynamic authentication."""
        numbers = self.version.split('.')
        return (int(numbers[0]), int(numbers[1])) >= (3, 7)


def at_creation(replica: int = 1) -> dict[str, str]:
    """The options that a new volume has without anybody setting them."""
    options = {'storage.fips-mode-rchecksum': 'on',
               'transport.address-family': 'inet', 'nfs.disable': 'on'}
    if replica > 1:
        options |= {'cluster.granular-entry-heal': 'on',
                    'performance.client-io-threads': 'off'}
    return options


@dataclasses.dataclass
class Mount:
    """A client that has mounted a volume, under its certificate's name."""

    volume: str
    name: str | None
    alive: bool = True


@dataclasses.dataclass
class Volume:
    """A volume.

    ``files`` maps paths to content, or to sizes in bytes where content does
    not matter: those that clients see.  ``tls``, ``allow`` and ``trash`` are
    what running bricks work with, which need not be what the options say.
    ``lost_found``: a brick is the root of its file system, which has such a
    directory until somebody removes it.  ``broken`` is what starting it is
    answered with, where that fails.  ``missed`` are the lists that bricks go
    by whose server was not told of a later one, by the server.
    """

    name: str
    bricks: list[str]
    size: int = 10 * GIB
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    status: int = CREATED
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    files: Files = dataclasses.field(default_factory=dict)
    limit: int | None = None
    replica: int = 1
    arbiter: bool = False
    thin: bool = True
    broken: str = ''
    trash_seen: bool = False
    shard_seen: bool = False
    trash: bool = False
    lost_found: bool = False
    tls: bool = False
    allow: str | None = None
    missed: dict[str, str | None] = dataclasses.field(default_factory=dict)
    placed: placement.Placement = dataclasses.field(
        default_factory=placement.Placement)

    @property
    def sharded(self) -> bool:
        """True if clients do not see where pieces of files are."""
        return is_on(self.options.get('features.shard'))

    @property
    def used(self) -> int:
        return sum(content if isinstance(content, int) else len(content)
                   for content in self.files.values())

    def admits(self, name: str | None, options: Options) -> bool:
        """Return whether somebody can mount it now.

        :param name: of the certificate; None without one.
        """
        if self.status != STARTED \
                or self.tls != is_on(self.options.get('client.ssl')):
            return False
        return not self.tls or self.lets_in(name, options)

    def lets_in(self, name: str | None, options: Options) -> bool:
        """Tell if some brick lets in whoever has a certificate."""
        return any(admitted(name, allow, options)
                   for allow in (self.allow, *self.missed.values()))


def admitted(name: str | None, allow: str | None, options: Options) -> bool:
    """Tell if a list of names admits a certificate: entries are globs."""
    if name is None:
        return False
    if allow is None:
        return options.modern
    return any(fnmatch.fnmatchcase(name, entry)
               for entry in allow.replace(',', ' ').split())


@dataclasses.dataclass
class Snapshot:
    """A snapshot: options and content as they were."""

    name: str
    origin: str
    options: dict[str, str]
    files: Files
    limit: int | None
    size: int
    created: float
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    active: bool = False


@functools.cache
def _peer_id(host: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, host))


class State:
    """One cluster.

    :param clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time,
                 options: Options | None = None,
                 server: str = 'gluster-1') -> None:
        self.clock = clock
        self.options = options or Options()
        self.server = server
        self.server_id = _peer_id(server)
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.mounts: list[Mount] = []
        #: Servers that are switched off.
        self.down: set[str] = set()
        #: Those whose daemon is down, or not reached, while bricks run.
        self.deaf: set[str] = set()
        self.server_names = ('glusterfs-server-1', 'glusterfs-server-2')

    def peer_id(self, host: str) -> str:
        return _peer_id(host)

    def snapshots_of(self, volume: str) -> list[Snapshot]:
        return [each for each in self.snapshots.values()
                if each.origin == volume]

    def cut(self, volume: Volume, *, everybody: bool = False) -> None:
        """End the mounts of those who are not, or no longer, admitted."""
        for mount in self.mounts:
            if mount.volume == volume.name and (
                    everybody and not self._unheard(volume)
                    or volume.tls and not volume.lets_in(
                        mount.name, self.options)):
                mount.alive = False
        self.mounts = [each for each in self.mounts if each.alive]

    def _unheard(self, volume: Volume) -> set[str]:
        """Return servers with bricks that run and are not told of changes."""
        return self.deaf & {brick.partition(':')[0]
                            for brick in volume.bricks}

    def start(self, volume: Volume) -> None:
        volume.status = STARTED
        volume.placed.restarted()
        self.revive(volume)
        volume.tls = is_on(volume.options.get('server.ssl'))
        volume.allow = volume.options.get(ALLOW)
        volume.trash = is_on(volume.options.get('features.trash'))

    def revive(self, volume: Volume) -> None:
        """Start what bricks do not run; not those of servers that are off.
        """
        for brick in list(volume.bricks):
            if brick.partition(':')[0] not in self.down:
                self.brick_up(volume, brick)

    def brick_up(self, volume: Volume, brick: str) -> None:
        placement.up(volume, brick)
        if self.options.self_heal:
            volume.placed.heal()

    def peer_down(self, host: str) -> None:
        """A server is switched off, with its bricks."""
        self.down.add(host)
        self.options.peers_up = False
        for volume in self.volumes.values():
            for brick in volume.bricks:
                if brick.partition(':')[0] == host:
                    placement.down(volume, brick)

    def peer_up(self, host: str) -> None:
        """It is back, and starts the bricks of volumes that are started."""
        self.down.discard(host)
        self.options.peers_up = not self.down | self.deaf
        for volume in self.volumes.values():
            if volume.status == STARTED:
                self.revive(volume)

    def daemon_down(self, host: str) -> None:
        """The daemon of a server ends, and its bricks go on."""
        self.deaf.add(host)
        self.options.peers_up = False

    def daemon_up(self, host: str) -> None:
        """It is back, hears what it has missed, and tells its bricks."""
        self.deaf.discard(host)
        self.options.peers_up = not self.down | self.deaf
        for volume in self.volumes.values():
            volume.missed.pop(host, None)
            self.cut(volume)

    def stop(self, volume: Volume) -> None:
        volume.status = STOPPED
        self.cut(volume, everybody=True)

    def set(self, volume: Volume, pairs: Mapping[str, str]) -> None:
        volume.options.update(pairs)
        trash = is_on(volume.options.get('features.trash'))
        volume.trash_seen |= trash
        volume.shard_seen |= volume.sharded
        # Switched off, it goes on for a moment: here, until a restart.
        volume.trash |= trash and volume.status == STARTED
        if volume.status == STARTED and ALLOW in pairs:
            for host in self._unheard(volume):
                volume.missed.setdefault(host, volume.allow)
            volume.allow = pairs[ALLOW]
        if self.options.modern and is_on(
                volume.options.get('server.dynamic-auth'), True):
            self.cut(volume)

    def frozen(self, volume: Volume, name: str) -> Snapshot:
        return Snapshot(name, volume.name, dict(volume.options),
                        copy.copy(volume.files), volume.limit, volume.size,
                        self.clock())
