# SPDX-License-Identifier: Apache-2.0

"""Shares: their life, their size and who may reach them.

Each operation reads facts, lets ``manila_drivers.vastdata.planning`` decide
and runs the plan.  Each may be repeated after any interruption.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import logging
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import objects as objects_module
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

Lock = Callable[[str], contextlib.AbstractContextManager[Any]]
Locations = list[dict[str, Any]]


class _NoView(exception.NotFound):
    """A share has vanished, or was never made."""


class Shares:
    """Operations on shares of one backend.

    :param lock: makes a lock by name, for all hosts of the backend.
    :param granted: what the host lists of shares should be.
    """

    def __init__(self, objects: objects_module.Objects, lock: Lock,
                 granted: share_record.ShareRecord) -> None:
        self.granted = granted
        self._objects = objects
        self._site = objects.site
        self._settings = objects.site.settings
        self._lock = lock
        # Ids of the shares' own policies, as they were last seen; an id is
        # never used again.
        self._policy_ids: dict[str, int] = {}

    # -- life ------------------------------------------------------------

    def create(self, share: model.Share, specs: model.Specs) -> Locations:
        """Make an empty share that nobody can reach yet.

        :returns: its export locations.
        """
        path = self.new_path(share)
        self.make(share, path, specs)
        return self.locations(path)

    def make(self, share: model.Share, path: str, specs: model.Specs,
             clone_of: records.Snapshot | None = None) -> Mapping[str, Any]:
        """Make the objects of a share.

        :returns: them, by the keys of the plan's steps.
        """
        closed = self.closed(specs)
        results = self._objects.run(planning.create(
            share.id, path, share.size_bytes, closed, self.qos_id(specs),
            clone_of=clone_of))
        self._policy_ids[share.id] = results['policy'].id
        self.granted.remember(share.id, closed)
        return results

    def delete(self, share: model.Share) -> None:
        """Remove a share and everything that was made for it.

        :raises Busy: snapshots that Manila does not know are in the way.
        """
        # Not while update_access might put a policy back.
        with self.locked(share.id):
            self._delete(share)
            self._policy_ids.pop(share.id, None)
            self.granted.forget(share.id)

    def _delete(self, share: model.Share) -> None:
        view = self._objects.view(share.id)
        quota = self._objects.quota(share.id)
        path = planning.path_of(view, quota, paths.share_path(
            self._settings.root, share.id))
        if not paths.deletable(path, self._settings.root):
            raise exception.Conflict(
                'Share %s has the directory %s, which is never deleted'
                % (share.id, path), check='the view and the quota of that '
                'name in VMS')
        if view is None and quota is None and self._taken(share, path):
            return
        self._check_snapshots(share, path)
        streams = self._streams(path) if share.cloned else []
        policies = self._own_policies(share, view)

        def run() -> None:
            self._objects.run(planning.delete(
                share.id, path, view, quota, policies, streams,
                tenant_id=self._site.tenant_id()))
        try:
            run()
        except exception.BackendError as exc:
            # Callers without Manila's rows may not say that it is a clone.
            if exc.status != 400 or streams:
                raise
            streams = self._streams(path)
            if not streams:
                raise
            run()

    def _taken(self, share: model.Share, path: str) -> bool:
        """Tell if another share has become of the directory of this one.

        Whoever takes over an export leaves it where it is.
        """
        quota = self._objects.quota_at(path)
        if quota is None or quota.name == share.id:
            return False
        LOG.warning('Share %s is not there any more; %s, where it was, is '
                    'now %s and stays', share.id, path, quota.name)
        return True

    def _streams(self, path: str) -> list[records.Stream]:
        """Clones that fill the directory.

        A login that may not see clones made none, and VMS refuses to delete
        a directory that one still fills.
        """
        found, error = exception.caught(
            lambda: self._objects.streams_to(path))
        if error is not None:
            if not isinstance(error, exception.AccessDenied):
                raise error
            LOG.warning('Clones to %s cannot be looked for: %s', path, error)
        return found or []

    def _own_policies(self, share: model.Share,
                      view: records.View | None) -> dict[str, int]:
        """Ids by name of the policies that were made for a share.

        The view tells, unless it is gone or under a policy of others.
        """
        names = (share.id, paths.adopted_policy(share.id))
        if view is not None and view.policy in names \
                and view.policy_id is not None:
            return {view.policy: view.policy_id}
        found = filter(None, map(self._objects.policy, names))
        return {policy.name: policy.id for policy in found}

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
        with self.locked(share.id):
            quota = self._objects.quota(share.id)
            if quota is None:
                raise exception.NotFound(
                    'Share %s has no quota of that name' % share.id,
                    check='whether the share exists in VMS')
            self._objects.run(planning.resize(
                share.id, quota, gib * model.GiB, shrink=shrink))
            self.granted.resized(share.id, gib)

    def usage(self) -> Mapping[str, int]:
        """Bytes in use by quota name, which is the share's id.

        What VMS does not tell is left out.
        """
        return {quota.name: quota.used for quota in self._objects.quotas()
                if quota.used is not None}

    # -- access ----------------------------------------------------------

    def update_access(self, share: model.Share,
                      rules: Sequence[access.Rule],
                      specs: model.Specs | None) -> Mapping[str, str]:
        """Make access exactly what the rules say, whatever it was.

        :param specs: extra specs of the share's type, None if they cannot be
            read.
        :returns: the reason by access id of each rule that is refused.
        :raises NotFound: the share has no view, so nobody has access, and
            there are rules.
        :raises InvalidRequest: the protocol is not NFS.  Taking access away
            from such a share works, since there is none.
        """
        if rules and share.proto:
            _check_protocol(share)
        wanted, errors = view_policy.wanted(
            rules, view_policy.present_squash(specs, self._settings.squash),
            split_limit=self._settings.split_limit,
            ipv6=self._settings.ipv6_rules)
        # Reading, comparing and writing must not be interleaved.
        with self.locked(share.id):
            _, gone = exception.caught(
                lambda: self._set_hosts(share, wanted))
        if gone is not None and (rules or not isinstance(gone, _NoView)):
            raise gone
        return errors

    def _set_hosts(self, share: model.Share,
                   wanted: view_policy.ClientLists) -> None:
        """Write the policy first: taking away must not wait for the view."""
        ident = self._policy_ids.get(share.id)
        view = None
        if ident is None or not self._written(share, ident, wanted):
            view = self._own_view(share)
            ident = None if view is None else view.policy_id
            if ident is None or not self._written(share, ident, wanted):
                view, ident = None, self._found(share, wanted)
        view = view or self._view(share)
        if ident is None:
            wanted = _squashed(wanted)
        results = self._objects.run(
            planning.attachment(share.id, wanted, ident, view))
        if ident is None:
            ident = results['policy'].id
        self._policy_ids[share.id] = ident
        self.granted.remember(share.id, wanted)

    def _own_view(self, share: model.Share) -> records.View | None:
        """The share's view, if it tells which policy is the share's own."""
        view, failure = exception.caught(
            lambda: self._objects.view(share.id))
        if failure is not None:
            if (not isinstance(failure, exception.BackendError)
                    or errors.unable(failure)):
                raise failure
            LOG.warning('The view of share %s cannot be read: %s', share.id,
                        failure)
            return None
        return view if view and view.policy == share.id else None

    def _written(self, share: model.Share, ident: int,
                 wanted: view_policy.ClientLists) -> bool:
        """Write to the policy that was the share's own the last time."""
        try:
            self._objects.run(planning.written(share.id, ident, wanted))
        except exception.DriverError as exc:
            self._policy_ids.pop(share.id, None)
            if not isinstance(exc, exception.NotFound):
                raise
            return False
        return True

    def _found(self, share: model.Share,
               wanted: view_policy.ClientLists) -> int | None:
        """Look for the share's own policy and write to it."""
        policy = self._objects.policy(share.id)
        adopted = None if policy is not None else self._objects.policy(
            paths.adopted_policy(share.id))
        self._objects.run(planning.narrowing(share.id, wanted, policy,
                                             adopted))
        found = policy or adopted
        return None if found is None else found.id

    def _view(self, share: model.Share) -> records.View:
        view = self._objects.view(share.id)
        if view is None:
            raise _NoView(
                'Share %s has no view of that name' % share.id,
                check='whether the share exists in VMS')
        return view

    # -- what others need as well ------------------------------------------

    def locked(self, share_id: str) -> contextlib.AbstractContextManager[Any]:
        """Keep other calls about a share out, on all hosts of the backend."""
        return self._lock('vast-' + share_id)

    def resized(self, share: model.Share, *, look: bool) -> bool:
        """Tell if Manila's row of a share is older than its size.

        :param look: for what other hosts have set, too.
        """
        size = self.granted.size(share.id, look=look)
        return size is not None and size != share.size

    def new_path(self, share: model.Share) -> str:
        """Directory for a new share.

        :raises InvalidRequest: the protocol is not NFS.
        """
        _check_protocol(share)
        return paths.share_path(self._settings.root, share.id)

    def locations(self, path: str) -> Locations:
        return paths.locations(self._site.addresses(), path)

    def closed(self, specs: model.Specs) -> view_policy.ClientLists:
        """Lists that admit nobody."""
        return view_policy.ClientLists(squash=view_policy.squash_of(
            specs, self._settings.squash))

    def closed_as_it_is(self, specs: model.Specs | None,
                        ) -> view_policy.ClientLists:
        """The same for a share that is there already."""
        return view_policy.ClientLists(squash=view_policy.present_squash(
            specs, self._settings.squash))

    def qos_id(self, specs: model.Specs) -> int | None:
        name = specs.get('vast:qos_policy', self._settings.qos_policy)
        return self._site.qos_id(name) if name else None


def _check_protocol(share: model.Share) -> None:
    if share.proto != 'NFS':
        raise exception.InvalidRequest(
            'Share %s asks for protocol %s; this backend serves NFS'
            % (share.id, share.proto or '(none)'))


def _squashed(wanted: view_policy.ClientLists) -> view_policy.ClientLists:
    """Lists for a policy that has to be made.

    :raises InvalidRequest: there are clients, and nothing says how they are
        to be squashed.
    """
    if wanted.squash is not None:
        return wanted
    if wanted.read_write or wanted.read_only:
        raise exception.InvalidRequest(
            'The squashing of clients is not known',
            check='vast:squash in the extra specs of the share type')
    return dataclasses.replace(wanted, squash='root_squash')
