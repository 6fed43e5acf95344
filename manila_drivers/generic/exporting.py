# SPDX-License-Identifier: Apache-2.0

"""From Manila's rules to what a service instance exports.  Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import posixpath
from typing import Any

from manila_drivers import access
from manila_drivers import networks
from manila_drivers import plan
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.generic import records
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.nas import samba

#: As Manila's own driver exports.
NFS_OPTIONS = ('no_root_squash',)

Goal = exports.Export | samba.SambaShare


@dataclasses.dataclass(frozen=True)
class Clients:
    """Who shall reach a share.

    :param levels: network or user to ``rw`` or ``ro``; of Samba by address
        ``ro`` is nothing, and keeps a network out of a wider one.
    :param errors: why a rule is refused, by its access id.
    :param source: the access id of the rule that a network is of.
    :param withheld: whether somebody shall reach it whom nobody may let in.
    """

    helper: str
    levels: Mapping[Any, str]
    errors: Mapping[str, str] = dataclasses.field(default_factory=dict)
    source: Mapping[Any, str] = dataclasses.field(default_factory=dict)
    withheld: bool = False

    @property
    def lets_in(self) -> bool:
        """Return whether anybody reaches the share by them."""
        return bool(_given(self.levels, self.helper))

    def digest(self) -> str:
        """Return a short text for what an instance shows of them."""
        if self.helper == opts.NFS:
            shown: Mapping[Any, str] = {
                exports_text.network_of(client): level for client, level
                in kernel.cut(self.levels).clients.items()}
        elif self.helper == opts.CIFS_IP:
            shown = dict.fromkeys(samba.admitted(self.levels).networks,
                                  access.RW)
        else:
            shown = self.levels
        return notes.digest(shown)


def wanted(rules: Sequence[access.Rule], helper: str) -> Clients:
    """Return who shall reach a share, and which rules cannot be honoured.

    :param helper: one of those of ``opts``.
    """
    if helper == opts.CIFS_USER:
        users = samba.user_grants(rules)
        return Clients(helper, users.levels, users.errors)
    if helper != opts.CIFS_IP:
        grants = access.ip_grants(rules)
        return Clients(helper, grants.levels, grants.errors, grants.source)
    grants = access.ip_grants(rules, versions=(4,))
    return Clients(helper, grants.levels, {**grants.errors, **{
        rule.access_id: samba.READ_ONLY for rule in rules
        if rule.level == access.RO and rule.access_id not in grants.errors}},
        grants.source)


def _given(levels: Mapping[Any, str], helper: str) -> Mapping[Any, str]:
    """Return the levels that let somebody in."""
    return levels if helper != opts.CIFS_IP else {
        network: level for network, level in levels.items()
        if level == access.RW}


def servable(clients: Clients, found: guest_records.GuestFacts,
             placement: records.Placement) -> Clients:
    """Return what an instance can be told of those who shall reach a share.

    What it cannot be told keeps nobody in who shall not.

    :param found: says who reaches it now.
    """
    if clients.helper == opts.CIFS_USER:
        return clients
    if clients.helper == opts.NFS:
        given = access.servable(clients.levels, kernel.levels(
            found.nfs.of(placement.path))[0], kernel.refused)
    else:
        given = access.servable(
            clients.levels, seen(found, placement, clients.helper) or {},
            samba.refused)
    return dataclasses.replace(clients, levels=given.levels, errors={
        **{clients.source[network]: why
           for network, why in given.refused.items()}, **clients.errors})


def narrowed(clients: Clients, found: guest_records.GuestFacts,
             placement: records.Placement) -> Clients:
    """Return those who reach a share now and shall go on, and how."""
    if clients.helper == opts.NFS:
        levels = networks.meet(kernel.levels(
            found.nfs.of(placement.path))[0], clients.levels)
        less = networks.takes_away(clients.levels, levels)
        return dataclasses.replace(clients, levels=levels, withheld=less)
    now = seen(found, placement, clients.helper) or {}
    if clients.helper == opts.CIFS_IP:
        levels = dict(access.readable(
            networks.meet(now, clients.levels), samba.refused))
        less = networks.takes_away(_writers(clients.levels),
                                   _writers(levels))
    else:
        levels = {user: min(level, now[user]) for user, level
                  in clients.levels.items() if user in now}
        less = levels != clients.levels
    return dataclasses.replace(clients, levels=levels, withheld=less)


def _writers(levels: Mapping[Any, str]) -> dict[Any, str]:
    return {network: level if level == access.RW else ''
            for network, level in levels.items()}


def unnamed(found: guest_records.GuestFacts, placement: records.Placement,
            note: notes.ShareNote, root: str,
            ) -> guest_records.FoundDisk | None:
    """Return the disk of a share whose UUID is needed and was not told.

    Where an export has no ``fsid``, clients of NFS have handles with that of
    the file system, and lose the share if another one is written down.  What
    this driver has made is called after its share, and was noted to be in the
    usual place; what was found elsewhere later may be of Manila's own driver.

    :param root: directory that shares are mounted in.
    """
    mount = found.mount(placement.path)
    if placement.is_cifs or mount is None or mount.disk is None \
            or mount.disk.looked or _is_made(placement, note, root):
        return None
    if note.volume_id and not mount.disk.is_volume(note.volume_id):
        # It is not the share's, which nobody is let in to now.
        return None
    return None if _has_fsid(found, placement) else mount.disk


def _is_made(placement: records.Placement, note: notes.ShareNote,
             root: str) -> bool:
    return not note.claim and note.path == posixpath.join(root,
                                                          placement.name)


def _has_fsid(found: guest_records.GuestFacts,
              placement: records.Placement) -> bool:
    return kernel.own_fsids(found.nfs).get(placement.path, '') not in (
        '', '0', 'root')


def is_unnamed(found: guest_records.GuestFacts,
               placement: records.Placement, note: notes.ShareNote,
               root: str) -> bool:
    """Tell if nobody knows by what clients know a share that is away."""
    return not placement.is_cifs and not _is_made(
        placement, note, root) and not _has_fsid(found, placement)


def goal(found: guest_records.GuestFacts, placement: records.Placement,
         clients: Clients) -> Goal:
    """Return what an instance is to export."""
    if clients.helper == opts.NFS:
        mounted = found.mount(placement.path)
        return exports.Export(
            placement.path, placement.section,
            (mounted and mounted.uuid) or placement.ident, clients.levels,
            NFS_OPTIONS)
    if clients.helper == opts.CIFS_USER:
        return samba.SambaShare(placement.section, placement.path,
                           users=clients.levels)
    return samba.SambaShare(placement.section, placement.path,
                       networks=clients.levels)


def plan_access(found: guest_records.GuestFacts,
                placement: records.Placement, host: records.ServiceHost,
                clients: Clients, *, closed: bool = False) -> plan.Plan:
    """Export a share to those who shall reach it; nothing if it is so.

    :param closed: a script has closed it, and opens it at its end.
    """
    target = goal(found, placement, clients)
    todo: object
    if closed:
        todo = True
    elif isinstance(target, exports.Export):
        todo = guest_access.nfs(found, target)
    elif target.closed and found.samba.section(target.name) is None:
        todo = []
    else:
        todo = guest_access.cifs(found, target)
    if not todo:
        return plan.Plan()
    told = ['%s %s' % one for one in _given(
        clients.levels, clients.helper).items()]
    more = ' and %d more' % (len(told) - 5) if len(told) > 5 else ''
    return plan.Plan((plan.Step(
        'export share', placement.path,
        {'host': host, 'found': found, 'goal': target,
         'closed': placement.ident if closed else ''},
        detail='to %s%s' % (', '.join(told[:5]) or 'nobody', more)),))


def seen(found: guest_records.GuestFacts, placement: records.Placement,
         helper: str) -> Mapping[Any, str] | None:
    """Return who reaches a share as an instance shows it.

    None if that is not what we would have made, or will not last.
    """
    if helper == opts.NFS:
        entries = found.nfs.of(placement.path)
        if kernel_plan.doubtful(found.nfs, placement.path):
            return None
        return {entry.network or entry.client: entry.level
                for entry in entries}
    section = found.samba.section(placement.section)
    if section is None:
        return {}
    share = samba.read(placement.section, section)
    if share is None or share.path != placement.path:
        return None
    return share.users if helper == opts.CIFS_USER else share.networks
