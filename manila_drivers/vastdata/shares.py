# SPDX-License-Identifier: Apache-2.0

"""Shares: their life and their size.

Each operation reads facts, lets ``manila_drivers.vastdata.planning`` decide
and runs the plan.  Each may be repeated after any interruption.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import executor
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)


class Shares:
    """Operations on shares of one backend."""

    def __init__(self, found: repository.Repository,
                 steps: executor.Executor, notes: share_record.ShareRecord,
                 lock: share_record.Lock) -> None:
        self._found = found
        self._cluster = found.cluster
        self._settings = found.cluster.settings
        self._executor = steps
        self._notes = notes
        self._lock = lock

    def create(self, call: call.Call) -> list[dict[str, Any]]:
        """Make an empty share that nobody can reach yet.

        :returns: its export locations.
        :raises InvalidRequest: the protocol is not NFS.
        """
        self.make(call)
        return self.locations(self._path(call.share))

    def make(self, call: call.Call,
             clone_of: records.VastSnapshot | None = None,
             ) -> Mapping[str, Any]:
        """Make the objects of a share.

        :returns: them, by the keys of the plan's steps.
        """
        share = call.share
        planning.check_protocol(share)
        closed = view_policy.closed(call.specs(), self._settings.squash)
        steps = planning.create(
            share.id, self._path(share), share.size_bytes, closed,
            self._cluster.qos_of(call.specs()), clone_of=clone_of)
        results = self._executor.run(steps)
        self._notes.policy_ids[share.id] = results['policy'].id
        self._notes.remember(share.id, closed)
        return results

    def delete(self, call: call.Call) -> None:
        """Remove a share and everything that was made for it.

        :raises Busy: snapshots that Manila does not know are in the way.
        """
        share = call.share
        # Not while update_access might put a policy back.
        with self._lock(paths.lock_name(share.id)):
            self._delete(share)
            self._notes.forget(share.id)

    def _delete(self, share: model.Share) -> None:
        view = self._found.view(share.id)
        # Asked for with what lies inside: it takes no request of its own.
        within = self._found.quotas_within(view.path) if view else []
        quota = next((quota for quota in within if quota.name == share.id),
                     None) or self._found.quota(share.id)
        quota = quota or _nameless(within, view.path if view else '')
        path = planning.path_of(view, quota, self._path(share))
        if not paths.deletable(path, self._settings.root):
            raise exception.Conflict(
                'Share %s has the directory %s, which is never deleted'
                % (share.id, path), check='the view and the quota of that '
                'name in VMS')
        if view is None:
            view = self._renamed(share, path)
            if view is None and quota is None and self._taken(share, path):
                self._executor.run(planning.delete_policies(
                    self._own_policies(share, view)))
                return None
            within = self._found.quotas_within(path)
            quota = quota or _nameless(within, path)
        planning.check_holds_no_share(share.id, path, within)
        self._check_snapshots(share, path)
        policies = self._own_policies(share, view)

        def run(streams: list[records.Stream]) -> None:
            steps = planning.delete(share.id, path, view, quota, policies,
                                    streams, tenant_id=tenant)
            self._executor.run(steps)

        tenant = self._cluster.tenant_id()
        streams = self._streams(path) if share.cloned else []
        _, refused = exception.caught(lambda: run(streams))
        if refused is None:
            return None
        # Callers without Manila's rows may not say that it is a clone.
        if getattr(refused, 'status', None) in errors.REFUSED \
                and not streams:
            streams = self._streams(path)
            if streams:
                return run(streams)
        raise refused

    def _renamed(self, share: model.Share, path: str) -> records.View | None:
        """Return the view of a directory under the share's own policy.

        Whatever it is called: its clients are those of the share.
        """
        found = self._found.view_at(path)
        return found if found is not None and found.policy in (
            share.id, paths.adopted_policy(share.id)) else None

    def _taken(self, share: model.Share, path: str) -> bool:
        """Tell if another share has become of the directory of this one.

        Whoever takes over an export leaves it where it is.
        """
        found = self._found.quota_at(path) or self._found.view_at(path)
        if found is None:
            return False
        LOG.warning('Share %s is not there any more; %s, where it was, is '
                    'now %s and stays', share.id, path, found.name)
        return True

    def _streams(self, path: str) -> list[records.Stream]:
        """Return clones that fill the directory.

        A login that may not see clones made none, and VMS refuses to delete
        a directory that one still fills.
        """
        found, error = exception.caught(lambda: self._found.streams_to(path))
        if error is not None:
            if not isinstance(error, exception.AccessDenied):
                raise error
            LOG.warning('Clones to %s cannot be looked for: %s', path, error)
        return found or []

    def _own_policies(self, share: model.Share,
                      view: records.View | None) -> dict[str, int]:
        """Return ids by name of the policies that were made for a share.

        The view tells, unless it is gone or under a policy of others.
        """
        names = (share.id, paths.adopted_policy(share.id))
        if view is not None and view.policy in names \
                and view.policy_id is not None:
            return {view.policy: view.policy_id}
        found = filter(None, map(self._found.policy, names))
        return {policy.name: policy.id for policy in found}

    def _check_snapshots(self, share: model.Share, path: str) -> None:
        names = [snap.name for snap in self._found.snapshots_within(path)
                 if snap.state not in records.VastSnapshot.LEAVING]
        if not names:
            return
        if not self._settings.delete_with_snapshots:
            raise exception.Busy(
                'Share %s has snapshots that Manila does not know: %s'
                % (share.id, ', '.join(names)),
                check='delete them in VMS, or set '
                      'vast_delete_with_snapshots')
        LOG.warning('Share %s is deleted; its snapshots %s stay in VMS',
                    share.id, ', '.join(names))

    def resize(self, call: call.Call, gib: int, *, shrink: bool) -> None:
        """Change the size to ``gib`` GiB.

        :raises PossibleDataLoss: more than that is in use.
        :raises NotFound: the share has no quota.
        """
        ident = call.share.id
        with self._lock(paths.lock_name(ident)):
            quota = self._found.quota(ident)
            steps = planning.resize(ident, quota, gib * model.GiB,
                                    shrink=shrink)
            self._executor.run(steps)
            self._notes.resized(ident, gib)

    def usage(self) -> Mapping[str, float]:
        """Return GiB in use by quota name, which is the share's id.

        What VMS does not tell is left out.
        """
        return {quota.name: quota.used / model.GiB
                for quota in self._found.quotas() if quota.used is not None}

    def locations(self, path: str) -> list[dict[str, Any]]:
        """Return where a directory can be mounted."""
        return paths.locations(self._cluster.addresses(), path)

    def _path(self, share: model.Share) -> str:
        return paths.share_path(self._settings.root, share.id)


def _nameless(quotas: Sequence[records.Quota],
              path: str) -> records.Quota | None:
    """Return the quota of a directory that does not tell its name."""
    return next((quota for quota in quotas
                 if quota.path == path and not quota.name), None)
