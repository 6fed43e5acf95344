# SPDX-License-Identifier: Apache-2.0

"""Taking existing exports under management, and letting them go."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.vastdata import objects as objects_module
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import view_policy


@dataclasses.dataclass(frozen=True)
class Facts:
    """What VMS has at the path that is to be managed.

    ``policy`` is the share's own, by one of its two names
    (:func:`~manila_drivers.vastdata.paths.adopted_policy`), or the one that
    another share id left on this view when it was unmanaged.  ``used`` is in
    bytes, None if VMS does not tell.
    """

    view: records.View
    quota: records.Quota | None
    policy: records.Policy | None
    used: int | None


def size_of(facts: Facts, options: Mapping[str, Any]) -> int:
    """Size in GiB that a share will have.

    The quota rounded up; without one, ``size`` of the driver options, which
    must hold what is there; without that, what is used, rounded up.

    :raises NotManageable: ``size`` is needed, is no number, or does not hold
        what is there.
    """
    given = options.get('size')
    if given is not None and not str(given).strip().isdecimal():
        raise exception.NotManageable(
            'Driver option size is %r, not a number of GiB' % given)
    if facts.quota is not None and facts.quota.hard_limit:
        return -(-facts.quota.hard_limit // model.GiB)
    if given is None and facts.used is None:
        raise exception.NotManageable(
            'VMS does not tell how much is in %s, and no limit for it'
            % facts.view.path, check='give the size in GiB, with '
            '--driver-options size=<GiB>')
    least = max(1, -(-(facts.used or 0) // model.GiB))
    if given is None:
        return least
    if int(given) < least:
        raise exception.NotManageable(
            'Driver option size is %r; %d GiB are the least for what is in '
            'the directory' % (given, least))
    return int(given)


def steps(share_id: str, facts: Facts, gib: int,
          closed: view_policy.ClientLists) -> plan.Plan:
    """Rename, bound and prepare; the clients of today are not cut off.

    They stay until the first update_access, which is when the rules are
    known, whatever comes in between: a policy that is called after that state
    tells everybody of it, health checks too.
    """
    view, quota, policy = facts.view, facts.quota, facts.policy
    found: list[plan.Step] = []
    if quota is None:
        found.append(plan.Step('create quota', share_id, {
            'path': view.path, 'limit': gib * model.GiB,
            'make_directory': False}))
    else:
        if quota.hard_limit != gib * model.GiB:
            found.append(plan.Step('extend quota', quota.name, {
                'quota': quota, 'limit': gib * model.GiB}))
        if quota.name != share_id:
            found.append(plan.Step('rename', share_id, {
                'resource': 'quotas', 'ident': quota.id}))
    adopted = paths.adopted_policy(share_id)
    if policy is None:
        found.append(plan.Step('create policy', adopted, {'hosts': closed}))
    elif policy.name not in (share_id, adopted):
        found.append(plan.Step('rename', adopted, {
            'resource': 'viewpolicies', 'ident': policy.id}))
    # The view last: it is by the view's name that a share counts as ours.
    if view.name != share_id:
        found.append(plan.Step('rename', share_id, {
            'resource': 'views', 'ident': view.id}))
    return plan.Plan(tuple(found))


class Adoption:
    """Manage and unmanage of one backend."""

    def __init__(self, objects: objects_module.Objects,
                 granted: share_record.ShareRecord) -> None:
        self._objects = objects
        self._granted = granted
        self._site = objects.site
        self._settings = objects.site.settings

    def manage(self, share: model.Share, options: Mapping[str, Any],
               closed: view_policy.ClientLists) -> dict[str, Any]:
        """Take the export at the share's path under management.

        :returns: ``size`` in GiB and ``export_locations``.
        :raises NotManageable: with nothing changed.
        """
        if share.proto != 'NFS':
            raise exception.NotManageable(
                'Share %s asks for protocol %s; this backend serves NFS'
                % (share.id, share.proto or '(none)'))
        path = self._path(share)
        facts = self._facts(share, path)
        gib = size_of(facts, options)
        self._granted.adopt(share.id)
        self._objects.run(steps(share.id, facts, gib, closed))
        return {'size': gib, 'export_locations': paths.locations(
            self._site.addresses(), path)}

    def _path(self, share: model.Share) -> str:
        if not share.export_paths:
            raise exception.NotManageable(
                'Share %s comes without an export path' % share.id)
        host, path = paths.split_export(share.export_paths[0])
        self._check_host(host, share.export_paths[0])
        if not paths.deletable(path, self._settings.root):
            raise exception.NotManageable(
                '%s cannot be one share: it holds others' % path)
        return path

    def _check_host(self, host: str, export: str) -> None:
        known = self._settings.addresses
        pool = None if known else self._site.pool.get()
        if any(paths.same_host(host, one) for one in known) or (
                pool and paths.in_ranges(host, pool.ranges)):
            return
        raise exception.NotManageable(
            'Address %s of export path %s is none of this backend'
            % (host, export),
            check='vast_vippool_name and vast_export_addresses')

    def _facts(self, share: model.Share, path: str) -> Facts:
        views = self._objects.views()
        view = _only([view for view in views if view.path == path], path)
        self._check_owner(share, view)
        _check_view(view)
        _check_neighbours(view, views)
        _check_name(share, view, views)
        quota = self._objects.quota_at(path)
        return Facts(view, quota, self._policy(share, view),
                     used=quota.used if quota else view.capacity)

    def _policy(self, share: model.Share,
                view: records.View) -> records.Policy | None:
        names = [share.id, paths.adopted_policy(share.id)]
        if paths.is_instance_id(view.name) and view.name != share.id:
            # Another share had this view until it was unmanaged.
            if view.policy == view.name:
                names.append(view.name)
            names.append(paths.adopted_policy(view.name))
        return next(filter(None, map(self._objects.policy, names)), None)

    def _check_owner(self, share: model.Share, view: records.View) -> None:
        """No two shares with one directory: deleting one takes both.

        Names in VMS do not tell if a share is still served, since letting it
        go changes nothing there; what Manila stores about it does.
        """
        owner = view.name
        if (paths.is_instance_id(owner) and owner != share.id
                and self._granted.knows(owner)):
            raise exception.NotManageable(
                'The view for %s is share %s, which this Manila serves'
                % (view.path, owner), check='unmanage that share first')


def _only(views: list[records.View], path: str) -> records.View:
    if len(views) != 1:
        raise exception.NotManageable(
            'VMS has %d views for %s where one is needed'
            % (len(views), path), check='path and vast_tenant_name')
    return views[0]


def _check_view(view: records.View) -> None:
    others = sorted(set(view.protocols or ()) - {'NFS', 'NFS4'})
    if others or not view.protocols:
        raise exception.NotManageable(
            'View %s of %s serves %s' % (
                view.name, view.path, ', '.join(others)
                or 'no protocol that VMS tells'),
            check='a managed share may serve NFS and NFS4 alone')


def _check_neighbours(view: records.View, views: list[records.View]) -> None:
    """No share inside another: deleting one would delete the other."""
    for other in views:
        inside = other.path.startswith(view.path + '/')
        above = (other.path in paths.parents(view.path)
                 and paths.is_instance_id(other.name))
        if inside or above:
            raise exception.NotManageable(
                '%s cannot be managed: view %s for %s lies %s it'
                % (view.path, other.name, other.path,
                   'inside' if inside else 'above'))


def _check_name(share: model.Share, view: records.View,
                views: list[records.View]) -> None:
    for other in views:
        if other.name == share.id and other.id != view.id:
            raise exception.NotManageable(
                'Share %s has the view for %s already'
                % (share.id, other.path))
