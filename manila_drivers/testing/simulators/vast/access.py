# SPDX-License-Identifier: Apache-2.0

"""Who can effectively reach what, computed as a cluster would.

A client that may mount a view can walk into everything below it, so every
view at or above a path counts.
"""

from collections.abc import Iterator
import dataclasses

from manila_drivers.testing.simulators.vast import hosts
from manila_drivers.testing.simulators.vast.resources import policies
from manila_drivers.testing.simulators.vast.resources.network import serves
from manila_drivers.testing.simulators.vast.resources.network import usable
from manila_drivers.testing.simulators.vast.resources.policies import READ
from manila_drivers.testing.simulators.vast.resources.policies import SQUASH
from manila_drivers.testing.simulators.vast.resources.policies import WRITE
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.tree import lineage
from manila_drivers.testing.simulators.vast.wire import Record

SNAPSHOTS = '/.snapshot/'


@dataclasses.dataclass(frozen=True)
class Way:
    """One way in: a view that lets a client mount.

    :param level: ``rw`` or ``ro``; where both lists name the client, ``rw``
        and ``ambiguous``, since which one VAST prefers is not documented.
    :param squash: the squash lists that name the client; two are ambiguous.
    """

    view: str
    policy: str
    level: str
    ambiguous: bool
    squash: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Ambiguity:
    """Two host strings of a policy that name a common host."""

    view: str
    policy: str
    read_write: str
    read_only: str


def ways(state: State, address: str, path: str, tenant_id: int,
         vip: str | None) -> Iterator[Way]:
    """Every way by which a client reaches a path, nearest view first.

    :param vip: the address it mounts from; None is any that is usable.
    """
    base, snapshot = _split(path)
    if not _exists(state, base, snapshot, tenant_id):
        return
    version, number = hosts.number_of(address)
    client = _Client(state, address, version, number)
    for view in views_above(state, base, tenant_id):
        policy = state.tables['viewpolicies'].get(view['policy_id'])
        if policy is None:    # taken away behind VMS's back
            continue
        way = client.way(view, policy)
        if way is None:
            continue
        limit = _pool_limit(state, policy, tenant_id, vip)
        if limit is None:
            continue
        if snapshot or limit == 'ro':
            way = dataclasses.replace(way, level='ro')
        yield way


def views_above(state: State, path: str, tenant_id: int) -> Iterator[Record]:
    """NFS views of a path and of everything above it."""
    for above in lineage(path):
        for view in state.tables['views'].in_tenant('path', above, tenant_id):
            if not {'NFS', 'NFS4'}.isdisjoint(view['protocols']):
                yield view


def ambiguities(state: State, path: str,
                tenant_id: int) -> Iterator[Ambiguity]:
    """Overlaps of the rw and ro lists that decide over a path."""
    for view in views_above(state, _split(path)[0], tenant_id):
        policy = state.tables['viewpolicies'].get(view['policy_id'])
        if policy is None:
            continue
        for writer, reader in overlaps(policy[WRITE], policy[READ]):
            yield Ambiguity(view['path'], policy['name'], writer, reader)


def overlaps(writers: list[str],
             readers: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs that share a host which no single deny entry takes away."""
    entries = [(text, hosts.parse(text)) for text in writers]
    denies = [entry for _, entry in entries if entry.deny]
    for reader in readers:
        wanted = hosts.parse(reader)
        for writer, entry in entries:
            common = None if entry.deny else entry.meets(wanted)
            if reader == writer and entry.netgroup:
                yield writer, reader
            elif common is not None and not any(
                    deny.covers(common) for deny in denies):
                yield writer, reader


@dataclasses.dataclass(frozen=True)
class _Client:
    state: State
    address: str
    version: int
    number: int

    def way(self, view: Record, policy: Record) -> Way | None:
        writes, reads = self.named(policy[WRITE]), self.named(policy[READ])
        if not writes and not reads:
            return None
        return Way(view['path'], policy['name'], 'rw' if writes else 'ro',
                   writes and reads,
                   tuple(field for field in SQUASH
                         if self.named(policy[field])))

    def named(self, texts: list[str]) -> bool:
        """Return whether a list names the client; a deny entry outweighs."""
        found = False
        for text in texts:
            entry = hosts.parse(text)
            if self.meant(entry):
                if entry.deny:
                    return False
                found = True
        return found

    def meant(self, entry: hosts.Entry) -> bool:
        if entry.netgroup:
            return self.address in self.state.netgroups.get(
                entry.netgroup, ())
        return entry.matches(self.version, self.number)


def _pool_limit(state: State, policy: Record, tenant_id: int,
                vip: str | None) -> str | None:
    """Return the level that VIP pools leave: ``rw``, ``ro`` or nothing."""
    levels = policies.pool_levels(state, policy)
    if not levels and vip is None:
        return 'rw'
    found = {levels.get(pool['id'], None if levels else 'RW')
             for pool in state.tables['vippools']
             if usable(pool, tenant_id)
             and (vip is None or serves(pool, vip))}
    return 'rw' if 'RW' in found else 'ro' if 'RO' in found else None


def _split(path: str) -> tuple[str, str]:
    """A path, and the name of the snapshot if it leads into one."""
    base, found, rest = path.partition(SNAPSHOTS)
    if not found:
        return path.rstrip('/') or '/', ''
    return base or '/', rest.partition('/')[0]


def _exists(state: State, base: str, snapshot: str, tenant_id: int) -> bool:
    if base not in state.trees[tenant_id]:
        return False
    return not snapshot or snapshot in snapshots_on(state, base, tenant_id)


def snapshots_on(state: State, path: str, tenant_id: int) -> list[str]:
    """Return what ``ls <path>/.snapshot`` shows."""
    stored = path.rstrip('/') + '/'
    return sorted(snapshot['name'] for snapshot in
                  state.tables['snapshots'].in_tenant('path', stored,
                                                      tenant_id)
                  if snapshot['state'] == 'SUCCEED')
