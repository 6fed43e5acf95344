# SPDX-License-Identifier: Apache-2.0

"""Drivers that break the contract, each in one way.

They keep the suites honest: a check that none of these fails might as well
check nothing.
"""

import contextlib
import dataclasses
import functools
import logging
import time
import uuid

from manila_drivers import access
from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.vastdata import driver
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)
EVERYBODY = view_policy.ClientLists(read_write=('*',))
NOBODY = view_policy.ClientLists()


class Broken(driver.VASTShareDriver):
    """Hold what several of them need."""

    @property
    def _vms(self):
        return self._backend.vms

    def _write(self, share, wanted):
        policy = self._backend.repository.policy(share['id'])
        if policy is not None:
            self._vms.update('viewpolicies', policy.id, wanted.body())


class OpensOnCreation(Broken):
    def create_share(self, context, share, **kwargs):
        locations = super().create_share(context, share, **kwargs)
        self._write(share, EVERYBODY)
        return locations


class OpenWhileCreating(Broken):
    """The policy is closed only once the view is there."""

    def create_share(self, context, share, **kwargs):
        executor = self._backend.executor
        create = executor.create_policy
        executor.create_policy = lambda name, lists: create(name, EVERYBODY)
        try:
            locations = super().create_share(context, share, **kwargs)
        finally:
            executor.create_policy = create
        self._write(share, NOBODY)
        return locations


class _Rules(Broken):
    """Base of those that misunderstand the lists of rules."""

    def understood(self, rules, add, delete, change):
        return rules

    def update_access(self, context, share, access_rules, add_rules=(),
                      delete_rules=(), update_rules=(), **kwargs):
        return super().update_access(
            context, share, self.understood(
                list(access_rules), list(add_rules or ()),
                list(delete_rules or ()), list(update_rules or ())),
            add_rules, delete_rules, update_rules, **kwargs)


class IgnoresDenial(_Rules):
    def understood(self, rules, add, delete, change):
        return rules + delete


class LosesARule(_Rules):
    def understood(self, rules, add, delete, change):
        return rules[:-1] if len(rules) > 2 else rules


class IgnoresLevelChanges(_Rules):
    def understood(self, rules, add, delete, change):
        changed = {rule['access_id'] for rule in change}
        return [rule if rule['access_id'] not in changed
                else dict(rule.items(), access_level={
                    'rw': 'ro', 'ro': 'rw'}[rule['access_level']])
                for rule in rules]


class IgnoresResync(Broken):
    def update_access(self, context, share, access_rules, add_rules=(),
                      delete_rules=(), update_rules=(), **kwargs):
        if add_rules or delete_rules or update_rules:
            return super().update_access(
                context, share, access_rules, add_rules, delete_rules,
                update_rules, **kwargs)
        return {}


class AppliesOnlyAdditions(_Rules):
    """Takes the list of added rules for the whole truth."""

    def understood(self, rules, add, delete, change):
        return add or rules


class WidensThenNarrows(Broken):
    def update_access(self, context, share, *args, **kwargs):
        self._write(share, EVERYBODY)
        return super().update_access(context, share, *args, **kwargs)


class ClearsThenAdds(Broken):
    def update_access(self, context, share, *args, **kwargs):
        self._write(share, NOBODY)
        return super().update_access(context, share, *args, **kwargs)


class WritesAmbiguousLists(Broken):
    """The wide rule stays whole beside the narrow one in the other list."""

    def update_access(self, context, share, access_rules, *args, **kwargs):
        result = super().update_access(context, share, access_rules, *args,
                                       **kwargs)
        rules = access.ip_grants(access.rules_of(access_rules),
                                 versions={4}).levels
        lists = {level: tuple(networks.canonical(network) for network, found
                              in rules.items() if found == level)
                 for level in ('rw', 'ro')}
        self._write(share, view_policy.ClientLists(lists['rw'], lists['ro']))
        return result


class NamesRulesByTheWrongId(Broken):
    def update_access(self, *args, **kwargs):
        result = super().update_access(*args, **kwargs)
        return {'mapping-' + key: value for key, value in result.items()}


class HidesRefusals(Broken):
    def update_access(self, *args, **kwargs):
        super().update_access(*args, **kwargs)
        return {}


class RefusesForNoReason(_Rules):
    def update_access(self, context, share, access_rules, *args, **kwargs):
        states = super().update_access(context, share, access_rules, *args,
                                       **kwargs)
        if len(access_rules) > 1:
            rule = access_rules[-1]
            states[rule['access_id']] = {'state': 'error'}
        return states

    def understood(self, rules, add, delete, change):
        return rules[:-1] if len(rules) > 1 else rules


class AsksForEachRule(Broken):
    def update_access(self, context, share, access_rules, *args, **kwargs):
        for _ in access_rules:
            self._backend.repository.policy(share['id'])
        return super().update_access(context, share, access_rules, *args,
                                     **kwargs)


class WritesWhatIsThere(Broken):
    """Writes although nothing has changed; the content stays the same."""

    def update_access(self, context, share, *args, **kwargs):
        result = super().update_access(context, share, *args, **kwargs)
        policy = self._backend.repository.policy(share['id'])
        self._write(share, view_policy.ClientLists(policy.read_write,
                                                   policy.read_only))
        return result


class ExpandsNetworks(Broken):
    """Upstream's way: a network host by host.  Half a million suffice."""

    def update_access(self, context, share, access_rules, *args, **kwargs):
        for rule in access.rules_of(access_rules):
            grants = access.ip_grants([rule], versions={4, 6})
            for network in grants.levels:
                hosts = network.hosts()
                kept = [str(next(hosts)) for _ in range(min(
                    network.num_addresses - 2, 50_000))
                ] if network.num_addresses > 2 else []
                LOG.debug('%d hosts', len(kept))
        return super().update_access(context, share, access_rules, *args,
                                     **kwargs)


class MixesCalls(Broken):
    """Rules pass through an attribute that all threads share."""

    seen: list = []

    def update_access(self, context, share, access_rules, *args, **kwargs):
        self.seen = [*self.seen, *access_rules][-6:]
        time.sleep(0.005)
        return super().update_access(context, share, self.seen, *args,
                                     **kwargs)


class MakesPoliciesOfTheAbsent(Broken):
    def update_access(self, context, share, *args, **kwargs):
        self._backend.executor.perform('create policy', share['id'],
                                      {'lists': NOBODY})
        return super().update_access(context, share, *args, **kwargs)


class DeletesTheNextBestThing(Broken):
    """Believes what a filter returns."""

    def delete_share(self, context, share, **kwargs):
        super().delete_share(context, share, **kwargs)
        for quota in self._backend.repository.quotas():
            if quota.name.startswith(share['id']):
                self._vms.delete('quotas', quota.id)


class LeavesTheQuota(Broken):
    def delete_share(self, context, share, **kwargs):
        def kept(self, name, ident):
            """Keep it."""
        self._backend.executor.delete_quota = functools.partial(
            kept, self)
        super().delete_share(context, share, **kwargs)


class DeletesOnce(Broken):
    def delete_share(self, context, share, **kwargs):
        if self._backend.repository.view(share['id']) is None:
            raise ValueError('no such share')
        super().delete_share(context, share, **kwargs)


class LeaksWhenCreationFails(Broken):
    """Takes something temporary and gives it back only on success."""

    def create_share(self, context, share, **kwargs):
        name = 'temporary-' + uuid.uuid4().hex
        quota = self._backend.executor.perform('create quota', name, {
            'path': '/tmp-' + name, 'limit': 1, 'make_directory': True})
        locations = super().create_share(context, share, **kwargs)
        self._vms.delete('quotas', quota.value.id)
        self._backend.executor.perform(
            'delete directory', '/tmp-' + name,
            {'tenant_id': self._backend.cluster.tenant_id()})
        return locations


class NamesByChance(Broken):
    """A repeated creation does not find what the first one made."""

    def create_snapshot(self, context, snapshot, **kwargs):
        renamed = dict(snapshot.items())
        renamed['name'] = 'snapshot-' + uuid.uuid4().hex
        return super().create_snapshot(context, renamed, **kwargs)


class ClaimsSuccess(Broken):
    def create_snapshot(self, context, snapshot, **kwargs):
        try:
            return super().create_snapshot(context, snapshot, **kwargs)
        except Exception:
            LOG.exception('never mind')
            return {}


class RaisesWhatItGets(Broken):
    def extend_share(self, share, new_size, **kwargs):
        try:
            super().extend_share(share, new_size, **kwargs)
        except Exception as exc:
            raise KeyError('results') from exc


class ShrinksRegardless(Broken):
    def shrink_share(self, share, new_size, **kwargs):
        super().extend_share(share, new_size, **kwargs)


class ForgetsTheStart(Broken):
    """Takes what it could not check for healthy, as most drivers do."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        self._owed.ensured = lambda shares, answers: {
            share['id']: answers.get(share['id']) or {} for share in shares}


class RecreatesTheLost(Broken):
    def ensure_shares(self, context, shares, **kwargs):
        objects = self._backend.repository
        for share in shares:
            if objects.is_directory('/manila/manila-' + share['id']):
                continue
            with contextlib.suppress(compat.errors.ManilaException):
                self.create_share(context, share)
        return super().ensure_shares(context, shares, **kwargs)


class StopsAtABrokenShare(Broken):
    def ensure_shares(self, context, shares, **kwargs):
        answers = super().ensure_shares(context, shares, **kwargs)
        for ident, answer in answers.items():
            if answer.get('status') == 'error':
                raise ValueError(ident)
        return answers


class ForgetsTheRules(Broken):
    """Repairs a policy and does not ask for the rules."""

    def ensure_shares(self, context, shares, **kwargs):
        answers = super().ensure_shares(context, shares, **kwargs)
        for answer in answers.values():
            answer.pop('reapply_access_rules', None)
        return answers


class StatisticsFail(Broken):
    def get_share_stats(self, refresh=False, **kwargs):
        if refresh:
            self._update_share_stats()
        return super().get_share_stats(**kwargs)


class AdvertisesTooLittle(Broken):
    def _update_share_stats(self, data=None):
        super()._update_share_stats(data)
        self._stats['snapshot_support'] = None


class ConnectsInTheConstructor(Broken):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.do_setup(None)
        self._backend.cluster.tenant.get()


class TellsItsPassword(Broken):
    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        LOG.debug('logging in with %s', self._backend.settings.password)


class TellsItsTokens(Broken):
    def create_share(self, context, share, **kwargs):
        auth = self._vms._transport._auth
        LOG.debug('asking with %s', auth.headers(self._vms._transport.call))
        return super().create_share(context, share, **kwargs)


class KnowsOnlyDictionaries(Broken):
    def extend_share(self, share, new_size, **kwargs):
        if 'not-there' in share or share.get('metadata', {}):
            return
        try:
            share['not-there']
        except KeyError:
            super().extend_share(share, new_size, **kwargs)


class InterruptsClients(Broken):
    """Managing cuts off the clients of today."""

    def manage_existing(self, share, driver_options, **kwargs):
        answer = super().manage_existing(share, driver_options, **kwargs)
        view = self._backend.repository.view(share['id'])
        policy = self._backend.repository.policy(
            paths.adopted_policy(share['id']))
        self._vms.update('views', view.id, {'policy_id': policy.id})
        return answer


class CombinesTenants(Broken):
    """Takes objects of every tenant for its own where a path is the same."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        site = self._backend.cluster
        site.here = site.listed_here = lambda record: True
        repository = self._backend.repository
        repository.views = lambda: list(self._vms.readable(
            'views', records.View.of))
        repository.views_around = lambda path: repository.views()


class BelievesThatACallIsGone(Broken):
    """Whatever is answered with 404 is not there any more."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        executor = self._backend.executor
        known = executor.delete_directory

        def gone(path, tenant_id):
            try:
                known(path, tenant_id)
            except exception.BackendError as exc:
                if exc.status != 404:
                    raise
        executor.delete_directory = gone


class TrustsTheViewsPolicy(Broken):
    """Does not look which policy the view really has."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        self._backend.executor.attach_policy = (
            lambda name, ident, policy_id: None)


class CutsOffAtTheNextStart(Broken):
    """A managed share has no rules, so nobody may reach it."""

    def ensure_shares(self, context, shares, **kwargs):
        answers = super().ensure_shares(context, shares, **kwargs)
        for share in shares:
            view = self._backend.repository.view(share['id'])
            policy = self._backend.repository.policy(
                paths.adopted_policy(share['id']))
            if view and policy:
                self._vms.update('views', view.id, {'policy_id': policy.id})
        return answers


class CallsTheVanishedWhole(Broken):
    """A clone that is no longer listed has come to its end."""

    def get_share_status(self, share, **kwargs):
        answer = super().get_share_status(share, **kwargs)
        view = self._backend.repository.view(share['id'])
        if answer['status'] == 'error' and view is not None:
            return {'status': 'available', 'export_locations':
                    self._backend.shares.locations(view.path)}
        return answer


class GivesUpByCount(Broken):
    """Three repetitions, however little time they take."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        transport = self._vms._transport
        transport._policy = dataclasses.replace(transport._policy, retries=3)


class WritesFromOldLists(Broken):
    """Repairs by what the lists said when the check began."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        self._backend.health._reread = lambda share, facts, steps: facts
