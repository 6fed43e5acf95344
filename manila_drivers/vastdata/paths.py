# SPDX-License-Identifier: Apache-2.0

"""Names and paths on the cluster, and what clients mount.  Pure.

These are upstream's: a share's view, policy and quota are named by its
instance id, and its directory is ``<vast_root_export>/manila-<id>``.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import ipaddress
import itertools
from typing import Any
import uuid

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import networks
from manila_drivers.vastdata import records


def share_path(root: str, share_id: str) -> str:
    """Directory of a share; ``root`` is normalised, '' for ``/``."""
    return '%s/manila-%s' % (root, share_id)


def lock_name(share_id: str) -> str:
    """Return the name of the lock that keeps other calls about a share out.

    It has to reach all hosts that serve the backend.
    """
    return 'vast-' + share_id


def is_instance_id(name: str) -> bool:
    """Return whether an object has been named by Manila."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def adopted_policy(share_id: str) -> str:
    """Name of the view policy of a managed share until its first rules.

    While a policy of this name exists, the clients of the time before are
    left as they are (:mod:`manila_drivers.vastdata.adoption`).
    """
    return share_id + '-adopted'


def owner_of(policy: str) -> str:
    """Return the id of the share that a policy of this name is of."""
    return policy.removesuffix('-adopted')


def stream_name(share_id: str) -> str:
    """Name of the clone that a share from a snapshot is filled by."""
    return 'manila-' + share_id


def parents(path: str) -> list[str]:
    """The directories above a path, ``/`` first."""
    parts = [part for part in path.split('/') if part]
    return ['/'] + ['/' + '/'.join(parts[:n]) for n in range(1, len(parts))]


def apart(one: str, other: str) -> bool:
    """Tell if of two directories neither is the other nor lies in it."""
    one, other = (records.path_of(each).rstrip('/') + '/'
                  for each in (one, other))
    return not (one.startswith(other) or other.startswith(one))


def exports_nfs(view: records.View) -> bool:
    """Tell if a view may be mounted with NFS; one that does not tell may."""
    return view.protocols is None or not {'NFS', 'NFS4'}.isdisjoint(
        view.protocols)


def deletable(path: str, root: str) -> bool:
    """Tell if a directory may be removed with everything in it at all."""
    path = records.path_of(path)
    return (path.startswith('/') and path != '/' and path != (root or '/')
            and path not in parents(root or '/'))


def bracketed(host: str) -> str:
    """A host as it stands before ``:/path``."""
    return '[%s]' % host if ':' in host else host


def export_path(host: str, path: str) -> str:
    return '%s:%s' % (bracketed(host), path)


def locations(hosts: Iterable[str], path: str) -> list[dict[str, Any]]:
    """Export locations in Manila's shape; the first is the preferred."""
    return [model.export_location(export_path(host, path),
                                  preferred=number == 0)
            for number, host in enumerate(hosts)]


def snapshot_locations(hosts: Iterable[str], path: str,
                       name: str) -> list[dict[str, Any]]:
    """Where a snapshot is seen, read-only, by whoever mounts the share."""
    inside = '%s/.snapshot/%s' % (path, name)
    return [{'path': export_path(host, inside), 'is_admin_only': False}
            for host in hosts]


def split_export(text: str) -> tuple[str, str]:
    """Host and path of an export location.

    :raises NotManageable: it is not ``host:/path`` or ``[IPv6]:/path``.
    """
    if text.startswith('['):
        host, found, path = text[1:].partition(']:')
    else:
        host, found, path = text.partition(':')
    if not (host and found and path.startswith('/')):
        raise exception.NotManageable(
            'Export path %r is not of the form address:/path' % text)
    return host, records.path_of(path)


def first_addresses(ranges: Iterable[tuple[str, str]],
                    limit: int) -> tuple[str, ...]:
    """The first addresses of inclusive ranges, in order.

    Ranges are walked, not expanded: an IPv6 one may hold more addresses than
    there is memory.  One that cannot be read is named.
    """
    return tuple(itertools.islice(_walk(ranges), limit))


def _walk(ranges: Iterable[tuple[str, str]]) -> Iterator[str]:
    for start, end in ranges:
        low, high = _bounds(start, end)
        kind = type(low)
        for number in range(int(low), int(high) + 1):
            yield str(kind(number))


def _bounds(start: str, end: str) -> tuple[networks.Address, networks.Address]:
    try:
        low, high = ipaddress.ip_address(start), ipaddress.ip_address(end)
    except ValueError as exc:
        raise exception.BackendError(
            'VIP pool has the unreadable range %s to %s' % (start, end),
            answer=str(exc)) from exc
    if low.version != high.version:
        raise exception.BackendError(
            'VIP pool has the range %s to %s, of two families'
            % (start, end), check='ip_ranges of the VIP pool in VMS')
    return low, high


def same_host(one: str, other: str) -> bool:
    """Return whether two texts name the same host."""
    return _comparable(one) == _comparable(other)


def _comparable(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.rstrip('.').lower()


def in_ranges(host: str, ranges: Iterable[tuple[str, str]]) -> bool:
    """Tell if an address lies in one of the ranges; a name never does."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for start, end in ranges:
        low, high = _bounds(start, end)
        if (low.version == address.version == high.version
                and int(low) <= int(address) <= int(high)):
            return True
    return False
