# SPDX-License-Identifier: Apache-2.0

"""Carries out the steps of plans: views, view policies, quotas, directories.

A step is done by the method of its name, ``delete view`` by ``delete_view``.
Each can be repeated, and decides nothing.  What VMS stored is compared with
what was sent: a server that takes an empty list for "not given" would admit
everybody, and one that does not know a field about VIP pools would admit the
clients of all of them.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import logging
import math
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import retry
from manila_drivers.vastdata import client
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import quota_steps
from manila_drivers.vastdata import record_steps
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

T = TypeVar('T')


class Executor(quota_steps.QuotaSteps):
    """Does what plans say, to objects of one tenant."""

    def run(self, steps: plan.Plan) -> dict[str, Any]:
        """Carry out a plan; see :func:`manila_drivers.plan.run`.

        Once VMS has not answered for all the time that it is given, what is
        undone then is not waited for as long.
        """
        patience = math.inf

        def perform(action: str, target: str,
                    args: Mapping[str, Any]) -> plan.Done:
            nonlocal patience
            try:
                with retry.patience(patience):
                    return self.perform(action, target, args)
            except exception.DriverError as exc:
                if errors.unable(exc):
                    patience = retry.START
                raise
        return plan.run(steps, perform)

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        method = getattr(self, action.replace(' ', '_'))
        done = method(target, **args)
        return done if isinstance(done, plan.Done) else plan.Done(done)

    # -- policies --------------------------------------------------------

    def create_policy(self, name: str, lists: view_policy.ClientLists, *,
                      replaces: bool = False) -> plan.Done:
        """Make a policy, or take the one of that name, with these lists.

        :param replaces: another that lets in whom it should not: that must
            not go on because nothing tells the VIP pool.  It is bound when it
            is in place, see :meth:`confine_policy`.
        :raises BackendError: VMS does not store them, or does not bind it to
            the VIP pool.  What this call made is removed then.
        """
        binding = self._binding(name, replaces=replaces)
        done, refused = exception.caught(
            lambda: self._new_policy(name, lists, binding))
        if done is None:
            if not (replaces and binding.body() and getattr(
                    refused, 'status', None) in errors.REFUSED):
                raise refused or AssertionError
            # The pool may be what VMS refuses.
            LOG.error('View policy %s is made without a VIP pool: %s', name,
                      refused)
            binding = view_policy.AS_IT_IS
            done = self._new_policy(name, lists, binding)
        self._expect_made('viewpolicies', done)
        try:
            policy = self._whole('viewpolicies', done.value, 'read_write',
                                 'read_only')
            if not self._cluster.serves_here(policy):
                raise exception.BackendError(
                    'View policy %s was not made in tenant %d'
                    % (name, self._cluster.tenant_id()))
            if not lists.equals(policy):
                policy = self.update_policy(name, policy.id, lists,
                                            binding=view_policy.AS_IT_IS)
            if not replaces:
                self.bind_policy(name, policy, binding)
            return plan.Done(policy, done.created)
        except exception.DriverError:
            if done.created:
                self._delete('viewpolicies', done.value.id)
            raise

    def _binding(self, name: str, *, replaces: bool) -> view_policy.Binding:
        """Return the VIP pools of a new policy; see :meth:`create_policy`."""
        binding, unknown = exception.caught(self._cluster.binding)
        if binding is not None:
            return binding
        if not replaces:
            raise unknown or AssertionError
        LOG.error('View policy %s is bound as far as that is known: %s', name,
                  unknown)
        return self._cluster.known_binding()

    def _new_policy(self, name: str, lists: view_policy.ClientLists,
                    binding: view_policy.Binding) -> plan.Done:
        body = {'name': name, 'flavor': 'NFS', **lists.body(),
                **binding.body(), **self._cluster.scope()}
        return self._vms.create('viewpolicies', body, records.ViewPolicy.of,
                                lambda: self._adoptable(name))

    def _adoptable(self, name: str) -> records.ViewPolicy | None:
        found = self._found.policy(name)
        others = [policy for policy in self._found.policies(name=name)
                  if policy.name == name] if found is None else []
        if others:
            raise exception.Conflict(
                'View policy %s cannot be made in tenant %d: one of that '
                'name is of tenant %s' % (name, self._cluster.tenant_id(),
                                          others[0].tenant_id))
        return found

    def update_policy(self, name: str, ident: int,
                      lists: view_policy.ClientLists, former: str = '', *,
                      binding: view_policy.Binding | None = None,
                      ) -> records.ViewPolicy:
        """Give a policy exactly these lists, and see that it has them.

        If VMS refuses them, access is at least narrowed to what the policy
        and the lists have in common, before the refusal is reported.

        :param former: the name until now, if it is to be called ``name``
            from now on.
        :param binding: written along if VMS takes it; what is known of it
            without asking unless given.  See :meth:`bind_policy`.
        :raises NotFound: there is no policy with this id.
        """
        asks = binding is None
        if binding is None:
            binding = self._cluster.known_binding()
        body: dict[str, Any] = {'name': name} if former else {}
        body.update(lists.body())
        try:
            stored = self._written(ident, {**body, **binding.body()}, lists)
        except exception.BackendError as exc:
            if exc.status not in errors.REFUSED:
                raise
            stored = self._refused(ident, lists, body, binding, exc)
        if stored.name != name:
            raise exception.BackendError(
                'View policy %d is called %s where %s is expected'
                % (ident, stored.name, name),
                check='who renamed it in VMS')
        if not lists.equals(stored):
            raise exception.BackendError(
                'View policy %s does not hold the host lists that were sent'
                % name, answer='read/write %s, read-only %s, no squash %s, '
                'root squash %s, all squash %s' % (
                    stored.read_write, stored.read_only, stored.no_squash,
                    stored.root_squash, stored.all_squash),
                check='who can reach the view, by hand, in VMS')
        if not binding.holds(stored):
            LOG.error('View policy %s is not bound to the VIP pool: its share '
                      'is reached through every pool. Check: %s', name,
                      view_policy.UNBOUND)
        elif asks and binding.pools is None and not stored.pools \
                and self._cluster.settings.pool:
            # It was made while nothing told the pool.
            _, unknown = exception.caught(
                lambda: self.confine_policy(name, stored))
            if unknown is not None:
                LOG.error('View policy %s may be reached through every VIP '
                          'pool: %s', name, unknown)
        return stored

    def _refused(self, ident: int, lists: view_policy.ClientLists,
                 body: dict[str, Any], binding: view_policy.Binding,
                 exc: exception.BackendError) -> records.ViewPolicy:
        """Take away at least; the pool may be what VMS refuses."""
        if binding.body():
            try:
                return self._written(ident, body, lists)
            except exception.BackendError as again:
                exc = again
        present = self._vms.get('viewpolicies', ident, records.ViewPolicy.of)
        if present is not None:
            self._vms.update('viewpolicies', ident,
                             lists.within(present).body())
        raise exc

    def _written(self, ident: int, body: Mapping[str, Any],
                 lists: view_policy.ClientLists) -> records.ViewPolicy:
        """Write to a policy, and return what it is then."""
        data = self._vms.update('viewpolicies', ident, body)
        if isinstance(data, Mapping) and 'nfs_read_write' in data \
                and errors.is_about(data, ident):
            stored = errors.parsed('viewpolicies', records.ViewPolicy.of, data)
            if lists.equals(stored):
                self._expect_lists(stored, lists)
                return stored
        self._found.unseen.forget(('viewpolicies', ident))
        return self._read('viewpolicies', ident, records.ViewPolicy.of)

    def _expect_lists(self, told: records.ViewPolicy,
                      lists: view_policy.ClientLists) -> None:
        """Have the next statistics see that a policy has its lists."""
        def look() -> str:
            now = self._vms.get('viewpolicies', told.id,
                                records.ViewPolicy.of)
            return '' if now is None or now.name == told.name and (
                lists.equals(now)
                or self._notes.has_made(told.name, now)) else (
                    'view policy %s was set to %s, and, as %s, has '
                    'read/write %s, read-only %s. Check: change the access '
                    'rules of the share' % (told.name, lists, now.name,
                                            now.read_write, now.read_only))
        self._found.unseen.expect(('viewpolicies', told.id), look)

    def bind_policy(self, name: str, policy: records.ViewPolicy,
                    binding: view_policy.Binding) -> None:
        """Let views be reached through these VIP pools alone.

        :raises NotBound: VMS does not store that.
        """
        if binding.holds(policy):
            return
        self._vms.update('viewpolicies', policy.id, binding.body())
        stored = self._read('viewpolicies', policy.id, records.ViewPolicy.of)
        if not binding.holds(stored):
            raise errors.NotBound(
                'View policy %s is not bound to the VIP pool, so that its '
                'share would be reached through every pool' % name,
                answer='stored: %s' % (
                    'nothing' if stored.pools is None else stored.pools,),
                check=view_policy.UNBOUND)

    def confine_policy(self, name: str, policy: records.ViewPolicy) -> None:
        """Bind a policy that is used already.

        Where it cannot be before somebody changes the configuration or VMS,
        that is logged: nobody is let in because of it who had been kept out.

        :raises DriverError: nothing tells the VIP pool at the moment.
        """
        _, unbound = exception.caught(lambda: self.bind_policy(
            name, policy, self._cluster.binding()))
        if unbound is None:
            return
        if not isinstance(unbound, (errors.NotBound,
                                    exception.ConfigurationError)):
            raise unbound
        LOG.error('View policy %s stays without its VIP pool: %s', name,
                  unbound)

    def delete_policy(self, name: str, ident: int) -> None:
        """Remove a policy; one that other views use stays.

        These are not ours, and the share is gone already: there is nothing
        that a repeated call could do better.
        """
        _, refused = exception.caught(
            lambda: self._delete('viewpolicies', ident))
        if refused is None:
            return
        if getattr(refused, 'status', None) not in errors.REFUSED:
            raise refused
        seen, own = self._found.views_under(ident), paths.owner_of(name)
        others = [view for view in seen if view.name != own]
        if len(others) < len(seen):
            self._vms.wait_for('Deleting view %s' % own, lambda: not any(
                view.name == own for view in self._found.views_under(ident)
                ) or None, client.LINGERING)
            if not others:
                self._delete('viewpolicies', ident)
                return
        if not others:
            raise refused
        LOG.warning(
            'View policy %s stays in VMS although its share is deleted: it '
            'is also used by %s, which this driver did not make', name,
            ', '.join('view %s of %s' % (view.name or view.id, view.path)
                      for view in others))

    # -- views -----------------------------------------------------------

    def create_view(self, name: str, path: str, policy_id: int,
                    qos_id: int | None = None) -> plan.Done:
        body: dict[str, Any] = {
            'name': name, 'path': path, 'policy_id': policy_id,
            'create_dir': False, 'protocols': list(self._settings.protocols),
            **self._cluster.scope()}
        if qos_id is not None:
            body['qos_policy_id'] = qos_id

        def look() -> records.View | None:
            found = self._found.view(name)
            if found is not None and found.path != path:
                raise exception.Conflict(
                    'View %s for %s cannot be made: it exists for %s'
                    % (name, path, found.path))
            return found

        done = self._vms.create('views', body, records.View.of, look)
        done = self._check_made(
            'views', done, 'policy_id', 'protocols',
            *(['qos_id'] if qos_id is not None else []))
        self._check_served(done, qos_id)
        if done.value.policy_id != policy_id:
            self.attach_policy(name, done.value.id, policy_id)
        return done

    def _check_served(self, done: plan.Done, qos_id: int | None) -> None:
        """Raise if a new view serves more or less than it was asked to."""
        view: records.View = done.value
        if not done.created:
            return
        wanted = self._settings.protocols
        error = None
        if view.protocols is not None and set(view.protocols) != set(wanted):
            error = record_steps.not_stored(
                'View', view.name, 'protocols %s' % ', '.join(wanted),
                ', '.join(view.protocols))
        elif qos_id is not None and view.qos_id != qos_id:
            error = record_steps.not_stored(
                'View', view.name, 'QoS policy with the id %d' % qos_id,
                view.qos_id)
        if error is not None:
            self._delete('views', view.id)
            raise error

    def attach_policy(self, name: str, ident: int, policy_id: int) -> None:
        stored = self._stored('views', ident, {'policy_id': policy_id},
                              records.View.of)
        if stored.policy_id != policy_id:
            raise record_steps.not_stored(
                'View', name, 'policy with the id %d' % policy_id,
                stored.policy_id)

    def serve_protocols(self, name: str, ident: int,
                        protocols: Sequence[str]) -> None:
        """Let a view be mounted with these protocols."""
        stored = self._stored('views', ident, {'protocols': list(protocols)},
                              records.View.of)
        if set(stored.protocols or ()) != set(protocols):
            raise record_steps.not_stored(
                'View', name, 'protocols %s' % ', '.join(protocols),
                ', '.join(stored.protocols or ('none that VMS tells',)))

    def delete_view(self, name: str, ident: int) -> None:
        self._delete('views', ident)
