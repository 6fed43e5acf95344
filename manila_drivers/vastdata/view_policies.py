# SPDX-License-Identifier: Apache-2.0

"""Steps on view policies: made closed, written as a whole, read back.

What VMS stored is compared with what was sent: a server that takes an empty
list for "not given" would admit everybody, and one that does not know a field
about VIP pools would admit the clients of all of them.
"""

from collections.abc import Mapping
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import binding as binding_module
from manila_drivers.vastdata import client
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import records
from manila_drivers.vastdata import site as site_module
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

UNBOUND = ('vast_bind_vippool = False accepts that shares are reached through '
           'every VIP pool; VMS binds view policies to pools from 5.0 on')


class NotBound(exception.BackendError):
    """VMS took a binding to VIP pools, and did not store it."""


class ViewPolicies:
    """View policies of one tenant."""

    def __init__(self, vms: client.Vms, site: site_module.Site) -> None:
        self._vms = vms
        self._site = site

    # -- looking ---------------------------------------------------------

    def named(self, name: str) -> records.Policy | None:
        """The policy of that name that is no other tenant's.

        Whether names are unique across tenants is not documented, so that
        one of another tenant must neither be taken nor be in the way.
        """
        return self._vms.find(
            'viewpolicies', records.Policy.of,
            lambda policy: (policy.name == name
                            and self._site.serves_here(policy)), name=name)

    def _elsewhere(self, name: str) -> list[records.Policy]:
        return [policy for policy in self._vms.readable(
            'viewpolicies', records.Policy.of, name=name)
            if policy.name == name]

    def all(self) -> list[records.Policy]:
        return list(self._vms.readable('viewpolicies', records.Policy.of))

    # -- doing -----------------------------------------------------------

    def create(self, name: str, lists: view_policy.ClientLists) -> plan.Done:
        """Make a policy, or take the one of that name, with these lists.

        :raises BackendError: VMS does not store them, or does not bind it to
            the VIP pool.  What this call made is removed then.
        """
        binding = self._site.binding()
        body = {'name': name, 'flavor': 'NFS', **lists.body(),
                **binding.body(), **self._site.scope()}
        done = self._vms.create('viewpolicies', body, records.Policy.of,
                                lambda: self._adoptable(name))
        try:
            if not self._site.serves_here(done.value):
                raise exception.BackendError(
                    'View policy %s was not made in tenant %d'
                    % (name, self._site.tenant_id()))
            policy = done.value
            if not lists.equals(policy):
                policy = self.update(name, policy.id, lists)
            self.bind(name, policy, binding)
            return plan.Done(policy, done.created)
        except exception.DriverError:
            if done.created:
                self._vms.delete('viewpolicies', done.value.id)
            raise

    def _adoptable(self, name: str) -> records.Policy | None:
        found = self.named(name)
        others = [] if found is not None else self._elsewhere(name)
        if others:
            raise exception.Conflict(
                'View policy %s cannot be made in tenant %d: one of that '
                'name is of tenant %s' % (name, self._site.tenant_id(),
                                          others[0].tenant_id))
        return found

    def update(self, name: str, ident: int, lists: view_policy.ClientLists, *,
               binding: binding_module.Binding = binding_module.AS_IT_IS,
               former: str = '') -> records.Policy:
        """Give a policy exactly these lists, and see that it has them.

        If VMS refuses them, access is at least narrowed to what the policy
        and the lists have in common, before the refusal is reported.

        :param binding: written along if VMS takes it; see :meth:`bind`.
        :param former: the name until now, if it is to be called ``name``
            from now on.
        :raises NotFound: there is no policy with this id.
        """
        body: dict[str, Any] = {'name': name} if former else {}
        body.update(lists.body())
        try:
            stored = self._stored(ident, {**body, **binding.body()}, lists)
        except exception.BackendError as exc:
            if exc.status != 400:
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
                      UNBOUND)
        return stored

    def _refused(self, ident: int, lists: view_policy.ClientLists,
                 body: dict[str, Any], binding: binding_module.Binding,
                 exc: exception.BackendError) -> records.Policy:
        """Take away at least; the pool may be what VMS refuses."""
        if binding.body():
            try:
                return self._stored(ident, body, lists)
            except exception.BackendError as again:
                exc = again
        present = self._vms.get('viewpolicies', ident, records.Policy.of)
        if present is not None:
            self._vms.update('viewpolicies', ident,
                             lists.within(present).body())
        raise exc

    def _stored(self, ident: int, body: Mapping[str, Any],
                lists: view_policy.ClientLists) -> records.Policy:
        """Write to a policy, and return what it is then."""
        data = self._vms.update('viewpolicies', ident, body)
        if isinstance(data, Mapping) and 'nfs_read_write' in data:
            stored = errors.parsed('viewpolicies', records.Policy.of, data)
            if lists.equals(stored):
                return stored
        return self._read(ident)

    def _read(self, ident: int) -> records.Policy:
        found = self._vms.get('viewpolicies', ident, records.Policy.of)
        if found is None:
            raise exception.NotFound(
                'View policy %d vanished while it was changed' % ident)
        return found

    def bind(self, name: str, policy: records.Policy,
             binding: binding_module.Binding) -> None:
        """Let views be reached through these VIP pools alone.

        :raises NotBound: VMS does not store that.
        """
        if binding.holds(policy):
            return
        self._vms.update('viewpolicies', policy.id, binding.body())
        stored = self._read(policy.id)
        if not binding.holds(stored):
            raise NotBound(
                'View policy %s is not bound to the VIP pool, so that its '
                'share would be reached through every pool' % name,
                answer='stored: %s' % (
                    'nothing' if stored.pools is None else stored.pools,),
                check=UNBOUND)

    def delete(self, name: str, ident: int) -> None:
        """Remove a policy; one that other views use stays.

        These are not ours, and the share is gone already: there is nothing
        that a repeated call could do better.
        """
        try:
            self._vms.delete('viewpolicies', ident)
        except exception.BackendError as exc:
            if exc.status != 400:
                raise
            others = self._users(ident)
            if not others:
                raise
            LOG.warning(
                'View policy %s stays in VMS although its share is deleted: '
                'it is also used by %s, which this driver did not make',
                name, ', '.join(others))

    def _users(self, ident: int) -> list[str]:
        """Views under a policy, of whichever tenant."""
        return ['view %s of %s' % (view.name or view.id, view.path)
                for view in self._vms.readable('views', records.View.of,
                                               policy_id=ident)
                if view.policy_id == ident]
