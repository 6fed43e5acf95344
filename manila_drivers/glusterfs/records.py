# SPDX-License-Identifier: Apache-2.0

"""Values of what gluster tells."""

from collections.abc import Mapping
import dataclasses

from manila_drivers import exception
from manila_drivers.glusterfs import paths

ALLOW = 'auth.ssl-allow'
CLIENT_TLS = 'client.ssl'
SERVER_TLS = 'server.ssl'
DYNAMIC = 'server.dynamic-auth'
READ_ONLY = 'features.read-only'
TRASH = 'features.trash'
QUOTA = 'features.quota'
SHARD = 'features.shard'
GNFS = 'nfs.export-volumes'
MARK = 'user.manila-share'
STATE = 'user.manila-state'
PARENT = 'user.manila-cloned-from'
TLS_RUNS = 'user.manila-tls'
SHARDED = 'user.manila-shard'
CLAIM = 'user.manila-claim-'

#: Options that old or trimmed builds do not have.
OPTIONAL = frozenset({DYNAMIC, TRASH, GNFS})

NONE = 'NONE'
WIPING = 'wiping'
UNMANAGED = 'unmanaged'

_TRUE = frozenset({'on', 'yes', 'true', 'enable', '1'})

_EXPOSING = ('ganesha.enable', 'user.cifs', 'user.smb')

_OFF = frozenset({'off', 'no', 'false', 'disable', '0'})

# With any other value than these clients are refused whatever the rules say,
# or nothing can be written or deleted.
_HINDERING: Mapping[str, frozenset[str]] = {
    'auth.allow': frozenset({'*'}), 'auth.reject': frozenset({'none'}),
    'features.read-only': _OFF, 'features.worm': _OFF,
    'features.worm-file-level': _OFF, 'server.root-squash': _OFF,
    'server.all-squash': _OFF,
    'storage.owner-uid': frozenset({'0', '-1'}),
    'storage.owner-gid': frozenset({'0', '-1'})}


def is_on(value: str | None) -> bool | None:
    """A boolean as gluster reads it; None if the option is not set."""
    return None if value is None else value.strip().lower() in _TRUE


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume of a cluster.

    ``options`` has those alone that are explicitly set.  ``bricks`` is
    ``host:/directory`` of each, and ``peers`` the id of the server that it
    is on; ``width`` is how many of them hold the same file together, 0 where
    that is not told, and ``redundancy`` how many of those can be lost in a
    dispersed one, or None.
    ``arbiters`` are bricks that keep names and no data.  ``snapshots`` is
    None where gluster does not tell.  ``copies`` is False only of what is
    known to keep each file once, so that nothing is ever healed.  ``unread``
    is why nothing but its name could be read, or ''.
    """

    name: str
    id: str = ''
    status: str = 'Started'
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    snapshots: int | None = 0
    bricks: tuple[str, ...] = ()
    width: int = 1
    redundancy: int | None = 0
    dispersed: bool = False
    peers: tuple[str, ...] = ()
    arbiters: frozenset[str] = frozenset()
    copies: bool = True
    unread: str = ''

    def check_read(self) -> None:
        """:raises BackendError: nothing but its name is known."""
        if self.unread:
            raise exception.BackendError(self.unread)

    @property
    def started(self) -> bool:
        return self.status == 'Started'

    def on(self, option: str) -> bool | None:
        return is_on(self.options.get(option))

    def user(self, option: str) -> str:
        """A user option; '' if it is not set or NONE."""
        value = self.options.get(option, '')
        return '' if value.upper() == NONE else value

    @property
    def mark(self) -> str:
        """The share that the volume is, '' if it is none."""
        return self.user(MARK)

    @property
    def state(self) -> str:
        return self.user(STATE)

    @property
    def free(self) -> bool:
        return not self.unread and not self.mark and not self.state

    @property
    def allowed(self) -> tuple[str, ...] | None:
        """Names that may mount it; None means everybody with a certificate.
        """
        value = self.options.get(ALLOW)
        if value is None:
            return None
        return tuple(value.replace(',', ' ').split())

    @property
    def encrypted(self) -> bool:
        """Tell if TLS is on for both sides: not whether bricks run so."""
        return bool(self.on(CLIENT_TLS) and self.on(SERVER_TLS))

    @property
    def is_clone(self) -> bool:
        """Return whether it was made for a share out of a snapshot.

        By name and by origin: one of the operator's pool never is.
        """
        return paths.is_clone(self.name) and (
            paths.is_id(self.user(PARENT))
            or any('/snaps/' in brick for brick in self.bricks))

    @property
    def coming_back(self) -> bool:
        """Tell if it was brought back to a snapshot and not started since.

        Its options are then those of the snapshot's time, whoever has had
        it or been let in since.
        """
        return not self.started and any('/snaps/' in brick
                                        for brick in self.bricks)

    @property
    def sharded(self) -> bool:
        """True if it keeps files in pieces, which no client sees.

        Those of deleted ones are removed later, in the background.  While a
        volume is emptied or looked into this is switched off, and a mark
        says so.
        """
        return bool(self.on(SHARD) or self.on(SHARDED))

    def shown(self) -> dict[str, str]:
        """Options with which all that is in it can be seen."""
        return self.changes({SHARD: 'off', SHARDED: 'on'}) \
            if self.sharded else {}

    def hidden(self) -> dict[str, str]:
        """Options with which it is as it was before :meth:`shown`."""
        return {SHARD: 'on', SHARDED: NONE} if self.sharded else {}

    def exposed(self) -> str:
        """The option by which others than the list says get in, or ''.

        Servers of other protocols export volumes that have these.
        """
        return next((option for option in _EXPOSING if self.on(option)), '')

    def hindrance(self) -> str:
        """The option for which it cannot serve as a share, or ''."""
        for option, harmless in _HINDERING.items():
            value = self.options.get(option, '').strip().lower()
            if value and value not in harmless:
                return option
        return ''

    def claims(self) -> dict[str, str]:
        """Shares that backends claimed the volume for, by option.

        They mean something only as long as two backends both have just
        claimed a free volume: see ``planning.rival``.
        """
        return {option: self.user(option) for option in self.options
                if option.startswith(CLAIM) and self.user(option)}

    def changes(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Those of the options that are not so already."""
        return {option: value for option, value in wanted.items()
                if not self._has(option, value)}

    def _has(self, option: str, value: str) -> bool:
        now = self.options.get(option)
        if value == NONE:
            return not self.user(option)
        if value == 'off' and option in (TRASH, READ_ONLY, QUOTA, SHARD):
            # Off unless it is set.
            return not is_on(now)
        if value in ('on', 'off') and option.find('user.') != 0:
            return is_on(now) is (value == 'on')
        return now == value


@dataclasses.dataclass(frozen=True)
class VolumeSnapshot:
    """``volumes`` are the volumes that it is of; ours have one."""

    name: str
    volumes: tuple[str, ...] = ()
    active: bool = False


@dataclasses.dataclass(frozen=True)
class VolumeQuota:
    """Bytes.  ``limit`` is None without one, ``used`` if it is not told."""

    limit: int | None
    used: int | None


def brick_path(name: str) -> str:
    """The directory of a brick by its name, ``host:/directory``."""
    return '/' + name.partition(':/')[2]


@dataclasses.dataclass(frozen=True)
class Brick:
    """A brick as ``volume status`` has it.

    ``total`` and ``free`` are bytes of the file system that its directory is
    in; where the brick does not run that may be another one.  ``pid`` tells
    two runs of it apart, and ``peer`` is the id of its server.
    """

    name: str
    total: int | None
    free: int | None
    online: bool = True
    pid: str = ''
    peer: str = ''

    @property
    def path(self) -> str:
        return brick_path(self.name)


@dataclasses.dataclass(frozen=True)
class Peer:
    """A server of a cluster, as one of them sees it.

    ``connected`` says whether it hears of changes, by its id ``ident``.
    """

    ident: str
    name: str
    connected: bool


@dataclasses.dataclass(frozen=True)
class BrickHeal:
    """Hold what the copies in one brick lack, or others lack of them.

    ``entries`` is how many files; None if it is not told.
    """

    brick: str
    connected: bool
    entries: int | None
