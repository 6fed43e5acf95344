# SPDX-License-Identifier: Apache-2.0

"""Taking existing exports under management, and letting them go."""

from collections.abc import Mapping
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.vastdata import executor
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import view_policy


class Adoption:
    """Manage and unmanage of one backend."""

    def __init__(self, found: repository.Repository,
                 steps: executor.Executor,
                 notes: share_record.ShareRecord) -> None:
        self._found = found
        self._cluster = found.cluster
        self._settings = found.cluster.settings
        self._executor = steps
        self._notes = notes

    def adopt(self, call: call.Call,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take the export at the share's path under management.

        Its clients keep access until rules come.

        :returns: ``size`` in GiB and ``export_locations``.
        :raises NotManageable: with nothing changed.
        """
        share = call.share
        closed = view_policy.closed(call.specs(), self._settings.squash)
        if share.proto != 'NFS':
            raise exception.NotManageable(
                'Share %s asks for protocol %s; this backend serves NFS'
                % (share.id, share.proto or '(none)'))
        path = self._path(share)
        facts = self._facts(share, path)
        gib = planning.size_of(facts, options)
        steps = planning.adopt(share.id, facts, gib, closed)
        self._executor.run(steps)
        return {'size': gib, 'export_locations': paths.locations(
            self._cluster.addresses(), path)}

    def release(self, call: call.Call) -> None:
        """Leave everything as it is, names included."""
        steps = planning.release(call.share.id)
        self._executor.run(steps)

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
        pool = None if known else self._cluster.pool.get()
        if any(paths.same_host(host, one) for one in known) or (
                pool and paths.in_ranges(host, pool.ranges)):
            return
        raise exception.NotManageable(
            'Address %s of export path %s is none of this backend'
            % (host, export),
            check='vast_vippool_name and vast_export_addresses')

    def _facts(self, share: model.Share, path: str) -> planning.ExportFacts:
        views = self._found.views_around(path)
        view = _only([view for view in views
                      if path in (view.path, _mounted(view))], path)
        self._check_owner(share, view)
        _check_view(view)
        _check_neighbours(view, views)
        _check_name(share, view, views)
        quota = self._found.quota_at(path)
        return planning.ExportFacts(
            view, quota, self._policy(share, view),
            used=quota.used if quota else view.capacity)

    def _policy(self, share: model.Share,
                view: records.View) -> records.ViewPolicy | None:
        names = [share.id, paths.adopted_policy(share.id)]
        if paths.is_instance_id(view.name) and view.name != share.id:
            # Another share had this view until it was unmanaged.
            if view.policy == view.name:
                names.append(view.name)
            names.append(paths.adopted_policy(view.name))
        return next(filter(None, map(self._found.policy, names)), None)

    def _check_owner(self, share: model.Share, view: records.View) -> None:
        """No two shares with one directory: deleting one takes both.

        Names in VMS do not tell if a share is still served, since letting it
        go changes nothing there; what Manila stores about it does.
        """
        owner = view.name
        if (paths.is_instance_id(owner) and owner != share.id
                and self._notes.knows(owner)):
            raise exception.NotManageable(
                'The view for %s is share %s, which this Manila serves'
                % (view.path, owner), check='unmanage that share first')


def _only(views: list[records.View], path: str) -> records.View:
    if len(views) != 1:
        raise exception.NotManageable(
            'VMS has %d views for %s where one is needed'
            % (len(views), path), check='path and vast_tenant_name')
    if _mounted(views[0]) != views[0].path:
        raise exception.NotManageable(
            'View %s of %s has the alias %s, which clients of NFSv3 mount in '
            'its place; the location of a share is its path' % (
                views[0].name or views[0].id, views[0].path, views[0].alias),
            check='take the alias off the view')
    return views[0]


def _mounted(view: records.View) -> str:
    """Return the path that clients of NFSv3 mount."""
    if not view.alias or 'NFS' not in (view.protocols or ('NFS',)):
        return view.path
    return records.path_of(view.alias)


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
