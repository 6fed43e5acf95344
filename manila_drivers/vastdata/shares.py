#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Shares: their life, their size and who may reach them.

Each operation reads facts, lets ``manila_drivers.vastdata.planning`` decide
and runs the plan.  Each may be repeated after any interruption.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import logging
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.vastdata import hosts as hosts_module
from manila_drivers.vastdata import layout
from manila_drivers.vastdata import objects as objects_module
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records

LOG = logging.getLogger(__name__)

Lock = Callable[[str], contextlib.AbstractContextManager[Any]]
Locations = list[dict[str, Any]]


class Shares:
    """Operations on shares of one backend.

    :param lock: makes a lock, of all processes of the host, by name.
    """

    def __init__(self, objects: objects_module.Objects, lock: Lock) -> None:
        self._objects = objects
        self._site = objects.site
        self._settings = objects.site.settings
        self._lock = lock

    # -- life ------------------------------------------------------------

    def create(self, share: model.Share, specs: model.Specs) -> Locations:
        """Make an empty share that nobody can reach yet.

        :returns: its export locations.
        """
        path = self.new_path(share)
        self._objects.run(planning.create(
            share.id, path, share.size_bytes, self.closed(specs),
            self.qos_id(specs)))
        return self.locations(path)

    def delete(self, share: model.Share) -> None:
        """Remove a share and everything that was made for it.

        :raises Busy: snapshots that Manila does not know are in the way.
        """
        # Not while update_access might put a policy back.
        with self._lock('vast-' + share.id):
            self._delete(share)

    def _delete(self, share: model.Share) -> None:
        view = self._objects.view(share.id)
        quota = self._objects.quota(share.id)
        path = planning.path_of(view, quota, layout.share_path(
            self._settings.root, share.id))
        if not layout.deletable(path, self._settings.root):
            raise exception.Conflict(
                'Share %s has the directory %s, which is never deleted'
                % (share.id, path), check='the view and the quota of that '
                'name in VMS')
        self._check_snapshots(share, path)
        streams = self._objects.streams_to(path) if share.cloned else []
        policy_id = self._own_policy_id(share, view)
        try:
            self._objects.run(planning.delete(share.id, path, view, quota,
                                              policy_id, streams))
        except exception.BackendError as exc:
            # Callers without Manila's rows may not say that it is a clone.
            if exc.status != 400 or streams:
                raise
            streams = self._objects.streams_to(path)
            if not streams:
                raise
            self._objects.run(planning.delete(share.id, path, view, quota,
                                              policy_id, streams))

    def _own_policy_id(self, share: model.Share,
                       view: records.View | None) -> int | None:
        """Id of the policy that was made for a share.

        The view tells it, unless it is gone or under a policy that others
        may use too.
        """
        if view is not None and view.policy == share.id:
            return view.policy_id
        policy = self._objects.policy(share.id)
        return None if policy is None else policy.id

    def _check_snapshots(self, share: model.Share, path: str) -> None:
        names = [snap.name for snap in self._objects.snapshots_within(path)
                 if snap.state not in records.Snapshot.LEAVING]
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

    # -- size ------------------------------------------------------------

    def resize(self, share: model.Share, gib: int, *, shrink: bool) -> None:
        """Change the size to ``gib`` GiB.

        :raises PossibleDataLoss: more than that is in use.
        :raises NotFound: the share has no quota.
        """
        quota = self._objects.quota(share.id)
        if quota is None:
            raise exception.NotFound(
                'Share %s has no quota of that name' % share.id,
                check='whether the share exists in VMS')
        self._objects.run(planning.resize(
            share.id, quota, gib * model.GiB, shrink=shrink))

    def usage(self) -> Mapping[str, int]:
        """Bytes in use by quota name, which is the share's id."""
        return {quota.name: quota.used for quota in self._objects.quotas()}

    # -- access ----------------------------------------------------------

    def update_access(self, share: model.Share,
                      rules: Sequence[access.Rule],
                      specs: model.Specs) -> Mapping[str, str]:
        """Make access exactly what the rules say, whatever it was.

        :returns: the reason by access id of each rule that is refused.
        :raises NotFound: the share has no view, so nobody has access.
        :raises InvalidRequest: the protocol is not NFS.  Taking access away
            from such a share works, since there is none.
        """
        if rules and share.proto:
            _check_protocol(share)
        wanted, errors = hosts_module.wanted(
            rules, hosts_module.squash_of(specs, self._settings.squash),
            split_limit=self._settings.split_limit,
            ipv6=self._settings.ipv6_rules)
        # Reading, comparing and writing must not be interleaved.
        with self._lock('vast-' + share.id):
            policy = self._objects.policy(share.id)
            view = None
            if planning.asks_for_view(policy):
                view = self._view(share)
            self._objects.run(planning.access(share.id, wanted, policy,
                                              view))
        return errors

    def _view(self, share: model.Share) -> records.View:
        view = self._objects.view(share.id)
        if view is None:
            raise exception.NotFound(
                'Share %s has no view of that name' % share.id,
                check='whether the share exists in VMS')
        return view

    # -- what others need as well ------------------------------------------

    def new_path(self, share: model.Share) -> str:
        """Directory for a new share.

        :raises InvalidRequest: the protocol is not NFS.
        """
        _check_protocol(share)
        return layout.share_path(self._settings.root, share.id)

    def locations(self, path: str) -> Locations:
        return layout.locations(self._site.addresses(), path)

    def closed(self, specs: model.Specs) -> hosts_module.Hosts:
        """Lists that admit nobody."""
        return hosts_module.Hosts(squash=hosts_module.squash_of(
            specs, self._settings.squash))

    def qos_id(self, specs: model.Specs) -> int | None:
        name = specs.get('vast:qos_policy', self._settings.qos_policy)
        return self._site.qos_id(name) if name else None


def _check_protocol(share: model.Share) -> None:
    if share.proto != 'NFS':
        raise exception.InvalidRequest(
            'Share %s asks for protocol %s; this backend serves NFS'
            % (share.id, share.proto or '(none)'))
