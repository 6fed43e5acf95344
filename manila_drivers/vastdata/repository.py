# SPDX-License-Identifier: Apache-2.0

"""Look up views, policies, quotas and snapshots by name, path or id.

Objects that are found are of our tenant.  Whether names are unique across
tenants is not documented, so that an object of another one must neither be
taken nor be in the way.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import unseen
from manila_drivers.vastdata import client
from manila_drivers.vastdata import cluster
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records

T = TypeVar('T')


class Repository:
    """Objects of one tenant on one cluster."""

    def __init__(self, vms: client.Vms,
                 facts: cluster.ClusterFacts,
                 later: unseen.Unseen | None = None) -> None:
        self.vms = vms
        #: Deletions that the next statistics look at.
        self.unseen = later or unseen.Unseen('vast')
        self.cluster = facts

    def _one(self, resource: str, parse_record: Callable[[Any], T],
             match: Callable[[T], bool], **filters: object) -> T | None:
        return self.vms.find(
            resource, parse_record,
            lambda found: match(found) and self.cluster.here(found),
            **filters, **self.cluster.scope())

    # -- views and policies ----------------------------------------------

    def view(self, name: str) -> records.View | None:
        return self._one('views', records.View.of,
                         lambda view: view.name == name, name=name)

    def views(self) -> list[records.View]:
        return [view for view in self.vms.readable(
            'views', records.View.of, **self.cluster.scope())
            if self.cluster.listed_here(view)]

    def view_at(self, path: str) -> records.View | None:
        return self._one('views', records.View.of,
                         lambda view: view.path == path, path=path)

    def views_around(self, path: str) -> list[records.View]:
        """Return views, none left out that may be at, above or in a path.

        :raises BackendError: such a one cannot be read, or does not tell
            which tenant it is of.
        """
        def near(row: Any) -> records.View | None:
            told = row.get('path') if isinstance(row, Mapping) else None
            view, error = exception.caught(lambda: self._view_here(row))
            if error is not None and not (
                    isinstance(told, str) and told.startswith('/')
                    and paths.apart(told, path)):
                raise error
            return view
        return [view for view in self.vms.list(
            'views', near, **self.cluster.scope()) if view is not None]

    def _view_here(self, row: Any) -> records.View | None:
        view = errors.parsed('views', records.View.of, row)
        return view if self.cluster.here(view) else None

    def views_under(self, policy_id: int) -> list[records.View]:
        """Return views that use a policy, of whichever tenant."""
        return [view for view in self.vms.readable(
            'views', records.View.of, policy_id=policy_id)
            if view.policy_id == policy_id]

    def policy(self, name: str) -> records.ViewPolicy | None:
        """Return the policy of that name that is no other tenant's."""
        return self.vms.find(
            'viewpolicies', records.ViewPolicy.of,
            lambda policy: (policy.name == name
                            and self.cluster.serves_here(policy)), name=name)

    def policies(self, **filters: object) -> list[records.ViewPolicy]:
        """Return policies of all tenants."""
        return list(self.vms.readable('viewpolicies', records.ViewPolicy.of,
                                      **filters))

    # -- quotas ----------------------------------------------------------

    def quota(self, name: str) -> records.Quota | None:
        return self._one('quotas', records.Quota.of,
                         lambda quota: quota.name == name,
                         name=name, show_user_rules='false')

    def quota_at(self, path: str) -> records.Quota | None:
        return self._one('quotas', records.Quota.of,
                         lambda quota: quota.path == path,
                         path=path, show_user_rules='false')

    def quotas_within(self, path: str) -> list[records.Quota]:
        """Return quotas of a directory and of directories in it."""
        def within(row: Any) -> records.Quota | None:
            quota, error = exception.caught(
                lambda: errors.parsed('quotas', records.Quota.of, row))
            if quota is None or not (quota.path + '/').startswith(path + '/'):
                # One of a share may be in it for all that is known.
                if error is not None and paths.is_instance_id(
                        str(row.get('name'))):
                    raise error
                return None
            return quota if self.cluster.here(quota) else None
        return [quota for quota in self.vms.list(
            'quotas', within, path__startswith=path, show_user_rules='false',
            **self.cluster.scope()) if quota is not None]

    def quotas(self) -> list[records.Quota]:
        return [quota for quota in self.vms.readable(
            'quotas', records.Quota.of, show_user_rules='false',
            **self.cluster.scope()) if self.cluster.listed_here(quota)]

    # -- snapshots and clones --------------------------------------------

    def snapshot(self, name: str, path: str) -> records.VastSnapshot | None:
        """Return the snapshot of that name; path '' = wherever it is."""
        return self._one('snapshots', records.VastSnapshot.of,
                         lambda snap: (snap.name == name
                                       and path in ('', snap.path)),
                         name=name)

    def snapshot_by_id(self, ident: object) -> records.VastSnapshot | None:
        """Return a snapshot of whichever tenant."""
        return self.vms.get('snapshots', ident, records.VastSnapshot.of)

    def snapshots_within(self, path: str) -> list[records.VastSnapshot]:
        """Return snapshots of a directory and of directories in it."""
        inside = path + '/'
        return [snap for snap in self.vms.list(
            'snapshots', records.VastSnapshot.of, path__startswith=path,
            **self.cluster.scope())
            if (snap.path + '/').startswith(inside)
            and self.cluster.here(snap)]

    def stream(self, name: str) -> records.Stream | None:
        return self.vms.find(
            'globalsnapstreams', records.Stream.of,
            lambda stream: (stream.is_called(name)
                            and self.cluster.fills_here(stream)), name=name)

    def streams_to(self, path: str) -> list[records.Stream]:
        """Return clones that fill a directory."""
        return [stream for stream in self.vms.list(
            'globalsnapstreams', records.Stream.of,
            loanee_root_path__startswith=path)
            if stream.fills(path) and self.cluster.fills_here(stream)]

    def streams_from(self, snapshot_id: int,
                     name: str) -> list[records.Stream]:
        """Return clones that are fed by a snapshot."""
        return [stream for stream in self.vms.list(
            'globalsnapstreams', records.Stream.of,
            loanee_snapshot__id=snapshot_id)
            if stream.is_fed_by(snapshot_id, name)]

    # -- directories -----------------------------------------------------

    def is_directory(self, path: str) -> bool:
        """Tell if a directory exists.

        :raises OutcomeUnknown: VMS did not answer that.
        """
        try:
            data = self.vms.call(
                'POST', 'folders/stat_path/', repeatable=True,
                body={'path': path, 'tenant_id': self.cluster.tenant_id()})
        except exception.BackendError as exc:
            if exc.status == 404 or \
                    errors.NO_DIRECTORY not in exc.answer.lower():
                raise
            return False
        found = data.get('is_directory') if isinstance(data, Mapping) else None
        if not isinstance(found, bool):
            raise exception.OutcomeUnknown(
                'Whether %s is a directory was not answered' % path,
                answer=repr(data)[:200])
        return found
