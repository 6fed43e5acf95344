# SPDX-License-Identifier: Apache-2.0

"""View policies: who may reach a share, and through what.  Pure.

Access rules become VMS's five host lists.

A host string is an IPv4 address, a network in CIDR form, ``*`` or a few more
forms that this driver reads but never writes.  Two empty lists admit nobody.
What a host gets that is in both lists is not documented, so that no such
policy is ever written (``networks.separate``).
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import logging
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.vastdata import records

LOG = logging.getLogger(__name__)

EVERYONE = '*'

LIST_VERSION = (5, 0)
LEVELS_VERSION = (5, 1)

#: What to do where VMS does not store that.
UNBOUND = ('vast_bind_vippool = False accepts that shares are reached through '
           'every VIP pool; VMS binds view policies to pools from 5.0 on')

# Never gives root of a client more than the mode it stands beside.
_LISTS = {'no_root_squash': 'nfs_no_squash',
          'root_squash': 'nfs_root_squash', 'all_squash': 'nfs_all_squash'}
SQUASHES = tuple(_LISTS)
_STRICTER = {'no_root_squash': 'root_squash', 'root_squash': 'all_squash',
             'all_squash': 'root_squash'}


@dataclasses.dataclass(frozen=True)
class ClientLists:
    """The complete wanted content of a policy's lists.

    ``squash`` names the one squash list that holds everyone; None leaves the
    squash lists as they are, where nobody can say what they should be.
    ``unsettled`` puts everyone into a second one, as upstream's driver does: a
    mark that these hosts are not yet what the rules say, for whoever comes
    after a process that ends in between (:func:`settled`).
    """

    read_write: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    squash: str | None = 'no_root_squash'
    unsettled: bool = False

    def body(self) -> dict[str, list[str]]:
        """Return the lists as VMS takes them.

        All of them go together: the change is atomic, so that no moment has
        the new content of one list and the old one of another.
        """
        body = {'nfs_read_write': list(self.read_write),
                'nfs_read_only': list(self.read_only)}
        if self.squash is not None:
            holding = {self.squash}
            if self.unsettled:
                holding.add(_STRICTER[self.squash])
            for kind, field in _LISTS.items():
                body[field] = [EVERYONE] if kind in holding else []
        return body

    def __str__(self) -> str:
        """Say who gets in, for people."""
        told = ['%s %s' % (level, ' '.join(hosts)) for level, hosts in (
            ('read/write', self.read_write), ('read-only', self.read_only))
            if hosts]
        return '%s; %s' % (', '.join(told) or 'for nobody',
                           self.squash or 'squashing as it is')

    def equals(self, policy: records.ViewPolicy) -> bool:
        """Return whether a policy is exactly this; a list not told is not."""
        present = {
            'nfs_read_write': policy.read_write,
            'nfs_read_only': policy.read_only,
            'nfs_no_squash': policy.no_squash,
            'nfs_root_squash': policy.root_squash,
            'nfs_all_squash': policy.all_squash}
        return all(_same(present[field], wanted)
                   for field, wanted in self.body().items())

    def within(self, policy: records.ViewPolicy) -> 'ClientLists':
        """Return the part that the policy has: never wider than either."""
        denied = [host for host in policy.read_write or ()
                  if host.startswith('~')]
        return dataclasses.replace(
            self, read_write=(*_common(self.read_write, policy.read_write),
                              *denied),
            read_only=_common(self.read_only, policy.read_only))


@dataclasses.dataclass(frozen=True)
class Granting:
    """Hold what becomes of a share's rules.

    :param errors: the reason by access id of each refused rule.
    :param withheld: whether somebody has less than that, since nobody can
        say how their users are to be squashed.
    :param unclear: whether it hangs on who has access now.
    """

    lists: ClientLists
    errors: Mapping[str, str]
    withheld: bool
    unclear: bool


def wanted(rules: Iterable[access.Rule], squash: str | None, *,
           split_limit: int, ipv6: bool,
           current: Mapping[access.Network, str] | None = None) -> Granting:
    """Host lists for the complete set of rules.

    :param squash: None lets nobody have more than now.
    :param current: what a policy gives now.
    """
    def refused(levels: Mapping[access.Network, str],
                ) -> Mapping[access.Network, str]:
        return networks.separate(levels, split_limit).refused

    grants = access.ip_grants(rules, versions=(4, 6) if ipv6 else (4,))
    now = current or {}
    levels = grants.levels if squash is not None \
        else networks.meet(now, grants.levels)
    served = access.servable(levels, now, refused)
    lists = networks.separate(served.levels, split_limit)
    read_write, read_only = (tuple(map(
        networks.canonical, lists.of(level))) for level in access.LEVELS)
    return Granting(
        ClientLists(read_write, read_only, squash),
        grants.without({network: why for network, why
                        in served.refused.items()
                        if network in grants.source}).errors,
        networks.takes_away(grants.levels, levels),
        current is None and bool(grants.levels) and (
            squash is None or bool(access.readers(levels, refused(levels)))))


def levels_of(policy: records.ViewPolicy) -> dict[access.Network, str]:
    """Return what networks a policy lets in; names are left out.

    Who is in both lists counts as one who may only read, and a network that
    somebody is kept out of (``~10.0.0.7``) as one that is not let in.
    """
    found: dict[access.Network, str] = {}
    denied: list[access.Network] = []
    for host in policy.read_write or ():
        if host.startswith('~'):
            out = networks.parse(host[1:])
            if out is None:
                # Nobody can say who that is.
                return {}
            denied.append(out)
    for hosts, level in ((policy.read_write or (), access.RW),
                         (policy.read_only or (), access.RO)):
        for host in hosts:
            network = networks.parse(host)
            for one in networks.EVERYBODY if host == EVERYONE else (
                    [network] if network else []):
                found[one] = level
    for out in denied:
        found = {part: level for network, level in found.items()
                 for part in networks.outside(network, out)}
    return found


def squash_of(specs: Mapping[str, str], default: str) -> str:
    """The squash mode of a share: its type's extra spec, or the option.

    :raises InvalidRequest: the extra spec names no such mode.
    """
    squash = specs.get('vast:squash', default)
    if squash not in SQUASHES:
        raise exception.InvalidRequest(
            'Extra spec vast:squash is %r' % squash,
            check='one of %s' % ', '.join(SQUASHES))
    return squash


def present_squash(specs: Mapping[str, str] | None,
                   default: str) -> str | None:
    """Like :func:`squash_of`, for shares that are there already.

    None, which leaves the squashing that a share has, where its type cannot
    be read or names no such mode: taking access away must not depend on it.
    """
    if specs is None:
        return None
    squash, error = exception.caught(lambda: squash_of(specs, default))
    if error is not None:
        if not isinstance(error, exception.InvalidRequest):
            raise error
        LOG.warning('A share keeps the squashing that it has: %s', error)
    return squash


def closed(specs: Mapping[str, str], default: str) -> ClientLists:
    """Return lists that admit nobody, for a share of that type.

    :raises InvalidRequest: see :func:`squash_of`.
    """
    return ClientLists(squash=squash_of(specs, default))


def admits(policy: records.ViewPolicy) -> bool:
    """Tell if a policy lets anybody in.  Lists not told count as open."""
    return bool(policy.read_write is None or policy.read_write
                or policy.read_only is None or policy.read_only)


def without_everyone(policy: records.ViewPolicy,
                     squash: str | None) -> ClientLists | None:
    """A policy's lists less ``*``, or None where it has no ``*``.

    Upstream's driver leaves ``*`` in one list or both.
    """
    read_write = policy.read_write or ()
    read_only = policy.read_only or ()
    if EVERYONE not in read_write and EVERYONE not in read_only:
        return None
    return ClientLists(tuple(h for h in read_write if h != EVERYONE),
                 tuple(h for h in read_only if h != EVERYONE), squash,
                 unsettled=True)


def plain(host: str) -> str:
    """A host string as we would write it, for comparison."""
    network = networks.parse(host)
    return host if network is None else networks.canonical(network)


def _same(present: tuple[str, ...] | None, want: Iterable[str]) -> bool:
    if present is None:
        return False
    # As it was written, mostly: reading a thousand hosts takes 10 ms.
    wanted = set(want)
    return set(present) == wanted or set(map(plain, present)) == wanted


def _common(want: tuple[str, ...],
            present: tuple[str, ...] | None) -> tuple[str, ...]:
    have = set(map(plain, present or ()))
    return tuple(host for host in want if host in have)


def settled(policy: records.ViewPolicy, squash: str | None) -> bool:
    """Return whether everyone is in the one squash list that is wanted.

    Upstream's driver puts everyone in two of them at once, and the option
    may have been another when the policy was made.
    """
    if squash is None:
        return True
    lists = {'no_root_squash': policy.no_squash,
             'root_squash': policy.root_squash,
             'all_squash': policy.all_squash}
    return all(hosts == ((EVERYONE,) if kind == squash else ())
               for kind, hosts in lists.items())


@dataclasses.dataclass(frozen=True)
class Binding:
    """The VIP pools that views are reached through: () for all of them.

    Which field of a view policy says so depends on the version of VMS:
    ``vip_pools`` in 5.0, ``permission_per_vip_pool`` beside it from 5.1 on,
    none before.  So what was written is always read back.  ``pools`` is None
    where a policy's binding is left as it is, because nothing says what it
    should be.
    """

    pools: tuple[int, ...] | None = None
    version: tuple[int, ...] = LEVELS_VERSION

    def body(self) -> dict[str, Any]:
        """The fields as VMS takes them."""
        if self.pools is None:
            return {}
        body: dict[str, Any] = {'vip_pools': list(self.pools)}
        if self.version >= LEVELS_VERSION:
            body['permission_per_vip_pool'] = {
                str(pool): 'RW' for pool in self.pools}
        return body

    def holds(self, policy: records.ViewPolicy) -> bool:
        """Return whether the views of a policy are reached in just this way.

        A policy that does not tell its pools is reached through all.
        """
        if self.pools is None:
            return True
        wanted = tuple((pool, 'RW') for pool in self.pools)
        return (policy.pools or ()) == wanted


#: Leave what a policy has.
AS_IT_IS = Binding()
