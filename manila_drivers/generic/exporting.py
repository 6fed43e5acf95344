# SPDX-License-Identifier: Apache-2.0

"""From Manila's rules to what a service instance exports.  Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from manila_drivers import access
from manila_drivers import plan
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.generic import records
from manila_drivers.nas import exports
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.nas import samba

#: As Manila's own driver exports.
NFS_OPTIONS = ('no_subtree_check', 'no_root_squash')
#: Names of users that Samba and its registry take as they are.  What else
#: Manila lets through might be read as a list, a group or a variable there.
USER = (r'[A-Za-z0-9_.]([A-Za-z0-9_.@\\ -]{0,253}'
        r'[A-Za-z0-9_.-])?\$?')


@dataclasses.dataclass(frozen=True)
class Clients:
    """Who shall reach a share.

    :param levels: network or user to ``rw`` or ``ro``.
    :param errors: why a rule is refused, by its access id.
    """

    helper: str
    levels: Mapping[Any, str]
    errors: Mapping[str, str]

    @property
    def digest(self) -> str:
        return notes.digest(self.levels)


def wanted(rules: Sequence[access.Rule], helper: str,
           path: str) -> Clients:
    """Return who shall reach a share, and which rules cannot be honoured.

    :param helper: one of those of ``opts``.
    :raises InvalidRequest: somebody would get to write who may only read.
    """
    if helper == opts.NFS:
        grants = access.ip_grants(rules, versions=(4,))
        refused = kernel.cut(grants.levels).refused
        exports.require_readers(path, grants.levels, refused)
        grants = grants.without(refused)
        return Clients(helper, dict(grants.levels), grants.errors)
    if helper == opts.CIFS_IP:
        nets = access.ip_grants(rules, levels=(access.RW,), versions=(4,))
        return Clients(helper, dict(nets.levels), nets.errors)
    users = access.name_grants(rules, 'user', pattern=USER)
    return Clients(helper, dict(users.levels), users.errors)


def nobody(helper: str) -> Clients:
    return Clients(helper, {}, {})


def commands(found: guest_records.GuestFacts, placement: records.Placement,
             goal: Clients) -> guest_planning.Commands:
    """Return what makes an instance export to those and nobody else."""
    if goal.helper == opts.NFS:
        return guest_planning.nfs(found, export(found, placement, goal))
    users = goal.helper == opts.CIFS_USER
    share = samba.Share(
        placement.section, placement.path,
        networks=None if users else goal.levels,
        users=goal.levels if users else None)
    return guest_planning.cifs(found, share)


def export(found: guest_records.GuestFacts, placement: records.Placement,
           goal: Clients) -> exports.Export:
    mounted = found.mount(placement.path)
    return exports.Export(
        placement.path, placement.section,
        (mounted and mounted.uuid) or placement.ident,
        goal.levels, NFS_OPTIONS)


def plan_access(found: guest_records.GuestFacts,
                placement: records.Placement, host: records.ServiceHost,
                goal: Clients) -> plan.Plan:
    """Export a share to those who shall reach it; nothing if it is so."""
    todo = commands(found, placement, goal)
    if not todo:
        return plan.Plan()
    told = ['%s %s' % one for one in goal.levels.items()]
    more = ' and %d more' % (len(told) - 5) if len(told) > 5 else ''
    return plan.Plan((plan.Step(
        'export share', placement.path, {'host': host, 'commands': todo},
        detail='to %s%s' % (', '.join(told[:5]) or 'nobody', more)),))


def seen(found: guest_records.GuestFacts, placement: records.Placement,
         helper: str) -> tuple[Mapping[Any, str] | None, bool]:
    """Return who reaches a share of NFS, and whether that will last.

    For CIFS the second says whether there is a section of the share.
    """
    if helper == opts.NFS:
        levels, _ = kernel.levels(found.nfs.of(placement.path))
        return dict(levels), not kernel_plan.doubtful(found.nfs,
                                                      placement.path)
    path = found.samba.path(placement.section)
    return {}, path == placement.path
