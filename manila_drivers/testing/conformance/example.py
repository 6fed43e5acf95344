# SPDX-License-Identifier: Apache-2.0

"""The smallest backend and its driver, for the lab in the documentation.

The backend is a store in memory, and each of its methods one call.  The
driver knows Manila's method names and nothing of the suites.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import copy
import dataclasses
import ipaddress
import logging
import math
import threading
from typing import Any

from manila_drivers import access
from manila_drivers import compat
from manila_drivers import networks

LOG = logging.getLogger(__name__)

GiB = 1024 ** 3
PASSWORD = 'open-sesame-7261'  # noqa: S105 - of a store in memory


class StoreError(Exception):
    """The store did not do what it was asked for."""


class NotThere(StoreError):
    """Say that the object does not exist."""


@dataclasses.dataclass
class Share:
    """A directory with a limit.

    :param limit: GiB.
    :param used: bytes.
    :param clients: level of each network.
    """

    limit: int
    used: int = 0
    clients: dict[networks.Network, str] = dataclasses.field(
        default_factory=dict)
    snapshots: set[str] = dataclasses.field(default_factory=set)


class Store:
    """Keeps shares, and answers whoever has the password.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.shares: dict[str, Share] = {}
        self._failing: tuple[int, bool] | None = None

    # What an administrator sees

    def records(self) -> dict[tuple[str, str], Share]:
        with self._lock:
            return {('share', name): copy.deepcopy(share)
                    for name, share in self.shares.items()}

    def level(self, export: str, client: str) -> str | None:
        """Return what a client can do with an export."""
        with self._lock:
            share = self.shares.get(name_of(export))
            return None if share is None else networks.level_for(
                share.clients, ipaddress.ip_address(client))

    def write(self, export: str, size: int) -> None:
        self.shares[name_of(export)].used = size

    def fail(self, nth: int, *, lasting: bool = False) -> None:
        """Let the nth call from now fail; 0 ends that."""
        self._failing = (nth, lasting) if nth else None

    # What the driver calls

    @contextlib.contextmanager
    def _call(self, password: str) -> Iterator[dict[str, Share]]:
        with self._lock:
            if password != PASSWORD:
                raise StoreError('wrong password')
            if self._failing is not None:
                left, lasting = self._failing
                self._failing = (left - 1, lasting)
                if left == 1 or left < 1 and lasting:
                    raise StoreError('the store is not there')
            yield self.shares

    def create(self, password: str, name: str, limit: int) -> None:
        """Make a share that nobody can reach, unless there is one."""
        with self._call(password) as shares:
            shares.setdefault(name, Share(limit))

    def change(self, password: str, name: str,
               how: Callable[[Share], Any]) -> Any:
        """Change a share as a whole, or ask about it.

        :raises NotThere: there is no such share.
        """
        with self._call(password) as shares:
            if name not in shares:
                raise NotThere(name)
            return how(shares[name])

    def remove(self, password: str, name: str) -> None:
        with self._call(password) as shares:
            shares.pop(name, None)

    def used(self, password: str) -> dict[str, int]:
        """Bytes in each share."""
        with self._call(password) as shares:
            return {name: share.used for name, share in shares.items()}


def name_of(export: str) -> str:
    return export.rpartition('/')[2]


def set_clients(clients: Mapping[networks.Network, str],
                ) -> Callable[[Share], None]:
    """How access of a share is changed: all at once."""
    def change(share: Share) -> None:
        share.clients = dict(clients)
    return change


class Driver:
    """A share driver for the store, with what Manila calls.

    :param store: the store itself, or anything with its methods.
    """

    def __init__(self, store: Any, password: str = PASSWORD) -> None:
        self.store = store
        self.password = password

    def do_setup(self, context: Any) -> None:
        """Nothing is asked before it is needed."""

    def check_for_setup_error(self) -> None:
        with translated('start'):
            self.store.used(self.password)

    # Shares

    def create_share(self, context: Any, share: Any, share_server: Any = None,
                     **more: Any) -> list[dict[str, Any]]:
        if share['share_proto'] != 'NFS':
            raise compat.errors.InvalidShare(reason='NFS only')
        with translated('create_share'):
            self.store.create(self.password, share['id'], share['size'])
        return exports(share)

    def delete_share(self, context: Any, share: Any, share_server: Any = None,
                     **more: Any) -> None:
        with translated('delete_share'):
            self.store.remove(self.password, share['id'])

    def extend_share(self, share: Any, new_size: int,
                     share_server: Any = None, **more: Any) -> None:
        self._change('extend_share', share, lambda found: setattr(
            found, 'limit', new_size))

    def shrink_share(self, share: Any, new_size: int,
                     share_server: Any = None, **more: Any) -> None:
        def shrink(found: Share) -> bool:
            if found.used <= new_size * GiB:
                found.limit = new_size
            return found.limit == new_size
        if not self._change('shrink_share', share, shrink):
            raise compat.errors.ShareShrinkingPossibleDataLoss(
                share_id=share['id'])

    def _change(self, operation: str, share: Any,
                how: Callable[[Share], Any]) -> Any:
        with translated(operation, share['id']):
            return self.store.change(self.password, share['id'], how)

    # Access

    def update_access(self, context: Any, share: Any, access_rules: Any,
                      add_rules: Any, delete_rules: Any,
                      update_rules: Any = None, share_server: Any = None,
                      ) -> dict[str, dict[str, str]]:
        grants = access.ip_grants(access.rules_of(access_rules),
                                  versions=(4,))
        self.write_clients(share, grants.levels)
        return access.states(grants.errors)

    def write_clients(self, share: Any,
                      clients: Mapping[networks.Network, str]) -> None:
        self._change('update_access', share, set_clients(clients))

    # Snapshots

    def create_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None) -> dict[str, str]:
        self._change('create_snapshot', owner(snapshot),
                     lambda found: found.snapshots.add(snapshot['id']))
        return {'provider_location': snapshot['id']}

    def delete_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None) -> None:
        try:
            self._change('delete_snapshot', owner(snapshot),
                         lambda found: found.snapshots.discard(
                             snapshot['id']))
        except compat.errors.ShareResourceNotFound:
            LOG.info('Snapshot %s went with its share', snapshot['id'])

    # Service

    def ensure_shares(self, context: Any, shares: Iterable[Any],
                      ) -> dict[str, dict[str, Any]]:
        try:
            with translated('ensure_shares'):
                there = self.store.used(self.password)
        except compat.errors.ShareBackendException:
            return {share['id']: {} for share in shares}
        return {share['id']: {'export_locations': exports(share)}
                if share['id'] in there else {'status': 'error'}
                for share in shares}

    def get_backend_info(self, context: Any) -> dict[str, str]:
        return {'version': '1'}

    def update_share_usage_size(self, context: Any, shares: Iterable[Any],
                                ) -> list[dict[str, Any]]:
        with translated('update_share_usage_size'):
            used = self.store.used(self.password)
        return [{'id': share['id'], 'used_size': used[share['id']] / GiB}
                for share in shares if share['id'] in used]

    def get_share_stats(self, refresh: bool = False) -> dict[str, Any]:
        free: float | str = 'unknown'
        try:
            with translated('get_share_stats'):
                used = self.store.used(self.password)
            free = 1000 - math.ceil(sum(used.values()) / GiB)
        except compat.errors.ShareBackendException as exc:
            LOG.warning('No statistics: %s', exc)
        return {
            'share_backend_name': 'example', 'vendor_name': 'Example',
            'driver_version': '1', 'storage_protocol': 'NFS',
            'driver_handles_share_servers': False,
            'total_capacity_gb': 'unknown' if free == 'unknown' else 1000,
            'free_capacity_gb': free, 'reserved_percentage': 0,
            'reserved_snapshot_percentage': 0,
            'reserved_share_extend_percentage': 0,
            'snapshot_support': True,
            'create_share_from_snapshot_support': False}


def owner(snapshot: Any) -> dict[str, Any]:
    """As much of a snapshot's share as every shape of it tells."""
    return {'id': snapshot['share_instance_id']}


def exports(share: Any) -> list[dict[str, Any]]:
    return [{'path': f"192.0.2.7:/{share['id']}", 'is_admin_only': False}]


@contextlib.contextmanager
def translated(operation: str, ident: str = '') -> Iterator[None]:
    """Turn what the store raises into what Manila knows."""
    LOG.debug('%s %s', operation, ident)
    try:
        yield
    except NotThere as exc:
        raise compat.errors.ShareResourceNotFound(share_id=ident) from exc
    except StoreError as exc:
        raise compat.errors.ShareBackendException(
            msg=f'{operation}: {exc}') from exc
