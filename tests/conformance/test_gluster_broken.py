# SPDX-License-Identifier: Apache-2.0

"""GlusterFS drivers that break the contract fail, and fail the right check.

Most of the defects are those of the driver that this one replaces.
"""

import dataclasses
import functools

import pytest

from manila_drivers.glusterfs import executor
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.glusterfs import records
from manila_drivers.testing.conformance.labs import gluster
from tests.conformance import catching


class Broken(glusterfs_native.GlusterfsNativeShareDriver):
    """Hold what several of them need."""

    def _located(self, share):
        return self._backend.repository.facts(share['id'])

    def _set(self, share, **options):
        found = self._located(share)
        found.cluster.gluster.set(found.volume.name, options)


class OnlyAdds(Broken):
    """A resync adds what is missing and removes nothing."""

    def update_access(self, context, share, access_rules, add_rules=(),
                      delete_rules=(), update_rules=(), **kwargs):
        before = self._located(share).volume.allowed or ()
        result = super().update_access(context, share, access_rules,
                                       **kwargs)
        denied = {rule['access_to'] for rule in delete_rules or ()}
        now = self._located(share).volume.allowed
        self._set(share, **{records.ALLOW: ','.join(
            sorted({*before, *now} - denied))})
        return result


class LetsHeldMountsLive(Broken):
    """Leave those connected who are."""

    def update_access(self, context, share, *args, **kwargs):
        found = self._located(share)
        found.cluster.dynamic = lambda volume: True
        self._set(share, **{records.DYNAMIC: 'off'})
        return super().update_access(context, share, *args, **kwargs)


class LosesTheServers(Broken):
    """Writes the names of tenants and nobody else's."""

    def update_access(self, context, share, access_rules, *args, **kwargs):
        result = super().update_access(context, share, access_rules, *args,
                                       **kwargs)
        names = [rule['access_to'] for rule in access_rules]
        self._set(share, **{records.ALLOW: ','.join(names) or 'nobody'})
        self._backend.repository.journal.forget(share['id'])
        return result


class RestartsEveryTime(Broken):
    def update_access(self, context, share, *args, **kwargs):
        found = self._located(share)
        found.cluster.gluster.call('volume', 'stop', found.volume.name)
        return super().update_access(context, share, *args, **kwargs)


class OpenWhileItChanges(Broken):
    def update_access(self, context, share, *args, **kwargs):
        self._set(share, **{records.ALLOW: 'glusterfs-server-1,*'})
        return super().update_access(context, share, *args, **kwargs)


class Otherwise(Broken):
    """Carries out some steps in a way of its own."""

    executor_class = executor.VolumeExecutor

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        repository = self._backend.repository
        repository.run = lambda cluster, steps: self.executor_class(
            cluster, repository.wiper, repository.unseen).run(steps)


class DoesNotWipe(Otherwise):
    executor_class = type('Idle', (executor.VolumeExecutor,), {
        'empty': lambda self, volume, *, delete=False: ''})


class Careless(executor.VolumeExecutor):
    """Does not look whether anything is left, nor at any brick."""

    def empty(self, volume, *, delete=False):
        export = self._cluster.address.export(volume.name)
        with self._wiper.mounted(export, volume) as mount:
            if delete:
                mount.delete()
        return ''


class BelievesTheWipe(DoesNotWipe):
    executor_class = Careless


class Nearsighted(executor.VolumeExecutor):
    """Empties without asking for all bricks, and looks at no other time."""

    def empty(self, volume, *, delete=False):
        if not delete:
            return ''
        export = self._cluster.address.export(volume.name)
        with self._wiper.mounted(export, volume) as mount:
            mount.delete()
            return mount.something()


class BelievesWhatItSees(DoesNotWipe):
    executor_class = Nearsighted


class Late(executor.VolumeExecutor):
    def _claim(self, volume, before, share_id, claim, options):
        self._gluster.set(volume, {records.MARK: 'in-preparation'})
        self._gluster.set(volume, {records.MARK: share_id})


class MarksAtTheEnd(Otherwise):
    """A volume is prepared first, and taken when all has gone well."""

    executor_class = Late


class AsksForEveryVolume(Broken):
    def create_share(self, context, share, **kwargs):
        for located in self._backend.repository.clusters.volumes():
            located.cluster.gluster.volume(located.volume.name)
        return super().create_share(context, share, **kwargs)


class StartsTheCloneFirst(Broken):
    """The clone runs with its parent's names until its own are set."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        made = self._backend.snapshots
        made._open = functools.partial(self._started, made._open)

    @staticmethod
    def _started(opening, share, snapshot, located):
        gluster = located.cluster.gluster
        gluster.call('volume', 'start', located.volume.name)
        opening(share, snapshot, dataclasses.replace(
            located, volume=gluster.volume(located.volume.name)))


class DeletesAnyVolume(Broken):
    """Takes what begins with the right name for its own."""

    def delete_share(self, context, share, **kwargs):
        super().delete_share(context, share, **kwargs)
        for located in self._backend.repository.clusters.volumes():
            if located.volume.name.startswith('manila-' + share['id'][:-1]):
                gluster = located.cluster.gluster
                gluster.call('volume', 'stop', located.volume.name)


class WritesAtEveryStart(Broken):
    def _ensure_shares(self, context, shares):
        for share in shares[:1]:
            self._set(share, **{records.MARK: share['id']})
        return super()._ensure_shares(context, shares)


LABS = gluster.GlusterLabs()
LEVELS = gluster.GlusterLabs(gluster.LevelsLab)

BY_SCENARIO = [
    (OnlyAdds, 'a_resync_removes_strangers', 'access.too-wide'),
    (LosesTheServers, 'a_share_lives_from_creation_to_deletion', 'raised'),
    (AsksForEveryVolume, 'life_stays_within_its_budget', 'budget.create'),
    (DeletesAnyVolume, 'a_delete_leaves_strangers_alone', 'strangers'),
    (BelievesWhatItSees, 'nothing_comes_back_with_a_part_that_was_away',
     'next.content'),
    (WritesAtEveryStart, 'a_start_with_many_shares_stays_within_its_budget',
     'budget.ensure')]


@pytest.mark.parametrize(
    ('driver_class', 'scenario', 'check'), BY_SCENARIO,
    ids=[one[0].__name__ for one in BY_SCENARIO])
def test_a_scenario_fails(driver_class, scenario, check):
    found = catching.failed(
        lambda: catching.play(LABS.with_driver(driver_class), scenario))
    assert found.startswith(check)
    assert catching.failed(lambda: catching.play(LABS, scenario)) == ''


BY_HISTORIES = [
    (OnlyAdds, 'access.too-wide'),
    (LetsHeldMountsLive, 'access.too-wide'),
    (RestartsEveryTime, 'access.interrupted'),
    (OpenWhileItChanges, 'access.too-wide-meanwhile')]


@pytest.mark.parametrize(('driver_class', 'check'), BY_HISTORIES,
                         ids=[one[0].__name__ for one in BY_HISTORIES])
def test_histories_fail(driver_class, check):
    found = catching.in_histories(LEVELS.with_driver(driver_class), 30)
    assert found.startswith(check)


BY_SWEEP = [
    (DoesNotWipe, 'delete alone', 'strangers'),
    (BelievesTheWipe, 'delete alone', 'claimed.state'),
    (MarksAtTheEnd, 'create', ('repeat.state', 'delete.failed')),
    (StartsTheCloneFirst, 'create from snapshot', 'access.too-wide-')]


@pytest.mark.parametrize(('driver_class', 'operation', 'check'), BY_SWEEP,
                         ids=[one[0].__name__ for one in BY_SWEEP])
def test_a_sweep_fails(monkeypatch, driver_class, operation, check):
    found = catching.in_sweep(monkeypatch, LABS.with_driver(driver_class),
                              operation, scale='0.34')
    assert found and found.startswith(check)
