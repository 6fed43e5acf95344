# SPDX-License-Identifier: Apache-2.0

"""Generic drivers that break the contract fail, and fail the right check.

Most of the defects are those of the driver that Manila ships.
"""

import contextlib

import pytest

from manila_drivers import compat
from manila_drivers.generic import driver
from manila_drivers.nas import directory
from manila_drivers.testing.conformance.labs import generic
from tests.conformance import catching

errors = compat.errors


class Broken(driver.GenericShareDriver):
    """Hold what several of them need."""

    def _host(self):
        return self._backend.hosts.common()

    def _run(self, *words):
        self._backend.hosts.guest(self._host()).run([
            directory.run(*words, accept=frozenset(range(256)))])

    def _path(self, share):
        return f'/shares/{share["name"]}'


class OnlyAdds(Broken):
    """A resync adds what is missing and removes nothing."""

    def update_access(self, context, share, access_rules, add_rules=(),
                      delete_rules=(), update_rules=(), **kwargs):
        path = self._path(share)
        found = self._backend.hosts.look(self._host(), ())
        before = found.nfs.of(path)
        result = super().update_access(context, share, access_rules,
                                       **kwargs)
        denied = {rule['access_to'] for rule in delete_rules or ()}
        for entry in before:
            if str(entry.client).partition('/')[0] not in denied:
                self._run('exportfs', '-o', f'{entry.level},sync',
                          f'{entry.client}:{path}')
        return result


class OpensWhileItChanges(Broken):
    def update_access(self, context, share, *args, **kwargs):
        self._run('exportfs', '-o', 'rw,sync', f'*:{self._path(share)}')
        return super().update_access(context, share, *args, **kwargs)


class UnexportsFirst(Broken):
    """Clients that stay are away for a moment."""

    def update_access(self, context, share, *args, **kwargs):
        path = self._path(share)
        found = self._backend.hosts.look(self._host(), ())
        for entry in found.nfs.of(path):
            self._run('exportfs', '-u', f'{entry.client}:{path}')
        return super().update_access(context, share, *args, **kwargs)


class OneCommandForEachRule(Broken):
    def update_access(self, context, share, access_rules, *args, **kwargs):
        for _ in access_rules:
            self._run('true')
        return super().update_access(context, share, access_rules, *args,
                                     **kwargs)


class AsksForEveryVolume(Broken):
    def create_share(self, context, share, **kwargs):
        cloud = self._backend.cloud
        for _ in range(20):
            cloud.volumes.list()
        return super().create_share(context, share, **kwargs)


class ExportsAtCreation(Broken):
    """Everybody gets in until the first rule."""

    def create_share(self, context, share, **kwargs):
        made = super().create_share(context, share, **kwargs)
        self._run('exportfs', '-o', 'rw,sync', f'*:{self._path(share)}')
        return made


class FindsByBeginning(Broken):
    """Takes what begins with the right name for its own."""

    def delete_share(self, context, share, **kwargs):
        super().delete_share(context, share, **kwargs)
        volumes = self._backend.cloud.volumes
        for found in volumes.list():
            if (found.name or '').startswith(f'manila-share-{share["id"]}') \
                    and found.status == 'available':
                volumes.delete(found.id)


class ForgetsTheVolume(Broken):
    """The record goes first, and the volume stays."""

    def delete_share(self, context, share, **kwargs):
        self._backend.notes.forget(share['id'])
        self._backend.volumes.delete = lambda ident: None
        super().delete_share(context, share, **kwargs)


class DetachesWhatIsMounted(Broken):
    """Nothing is released before its disk goes."""

    def delete_share(self, context, share, **kwargs):
        self._backend.executor.release_share = lambda *args, **kwargs: None
        super().delete_share(context, share, **kwargs)


class LeavesTheFileSystem(Broken):
    """A copy stays as small as its snapshot, and an extension idle."""

    def extend_share(self, share, new_size, **kwargs):
        self._backend.executor.grow_file_system = (
            lambda *args, **kwargs: None)
        super().extend_share(share, new_size, **kwargs)


class RecreatesWhatIsLost(Broken):
    """An empty share in the place of one that is gone."""

    def _ensure_shares(self, context, shares):
        for row in shares:
            if self._backend.volumes.volume_of(row['id']) is None:
                self._backend.notes.forget(row['id'])
                self._backend.shares.create(self._call(row))
        return super()._ensure_shares(context, shares)


class FormatsAtEveryStart(Broken):
    def _ensure_shares(self, context, shares):
        for row in shares:
            self._run('sh', '-c', f'umount {self._path(row)}')
            found = self._backend.hosts.look(self._host(), ())
            note = self._backend.notes.share(row['id'])
            disk = found.disk(note.volume_id)
            if disk is not None:
                self._run('mkfs.ext4', '-q', '-F', '-m', '0', '-U',
                          row['id'], disk.name)
        return super()._ensure_shares(context, shares)


LABS = generic.GenericLabs()

class ShrinksRegardless(Broken):
    """Calls it done, although more is in use."""

    def shrink_share(self, *args, **kwargs):
        with contextlib.suppress(errors.ManilaException):
            super().shrink_share(*args, **kwargs)


BY_SCENARIO = [
    (ShrinksRegardless, 'shrinking_below_what_is_used_is_refused',
     'shrink.data-loss'),
    (OnlyAdds, 'a_resync_removes_strangers', 'access.too-wide'),
    (OneCommandForEachRule, 'rules_stay_within_their_budget',
     'budget.update_access'),
    (AsksForEveryVolume, 'life_stays_within_its_budget', 'budget.create'),
    (ExportsAtCreation, 'nobody_reaches_a_share_before_its_first_rule',
     'access'),
    (FindsByBeginning, 'a_delete_leaves_strangers_alone', 'strangers'),
    (ForgetsTheVolume, 'a_delete_takes_rules_and_data_along', ''),
    (DetachesWhatIsMounted, 'a_delete_takes_rules_and_data_along', ''),
    (LeavesTheFileSystem, 'a_share_gets_the_size_that_is_asked_for',
     'extend.nothing'),
    (RecreatesWhatIsLost, 'a_share_that_is_gone_is_told', 'ensure'),
    (FormatsAtEveryStart, 'what_is_in_a_share_stays', 'content.ensure')]


@pytest.mark.parametrize(
    ('driver_class', 'scenario', 'check'), BY_SCENARIO,
    ids=[one[0].__name__ for one in BY_SCENARIO])
def test_a_scenario_fails(driver_class, scenario, check):
    found = catching.failed(
        lambda: catching.play(LABS.with_driver(driver_class), scenario))
    assert found
    assert found.startswith(check), found
    assert catching.failed(lambda: catching.play(LABS, scenario)) == ''


BY_HISTORIES = [
    (OnlyAdds, 'access.too-wide'),
    (UnexportsFirst, 'access.interrupted'),
    (OpensWhileItChanges, 'access.too-wide-meanwhile')]


@pytest.mark.parametrize(('driver_class', 'check'), BY_HISTORIES,
                         ids=[one[0].__name__ for one in BY_HISTORIES])
def test_histories_fail(driver_class, check):
    found = catching.in_histories(LABS.with_driver(driver_class), 30)
    assert found.startswith(check)


BY_SWEEP = [
    (ForgetsTheVolume, 'delete alone', ''),
    (DetachesWhatIsMounted, 'delete alone', '')]


@pytest.mark.parametrize(('driver_class', 'operation', 'check'), BY_SWEEP,
                         ids=[one[0].__name__ for one in BY_SWEEP])
def test_a_sweep_fails(monkeypatch, driver_class, operation, check):
    found = catching.in_sweep(monkeypatch, LABS.with_driver(driver_class),
                              operation, scale='0.02')
    assert found
    assert found.startswith(check), found
