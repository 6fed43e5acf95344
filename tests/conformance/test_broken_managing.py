# SPDX-License-Identifier: Apache-2.0

"""Drivers that take over, or clone, what they have to refuse."""

import pytest

from manila_drivers import model
from manila_drivers.testing.conformance.labs import vast
from tests.conformance import broken
from tests.conformance import catching

LABS = vast.VastLabs()


class TakesWhatIsServed(broken.Broken):
    """Whose name an export has makes no difference."""

    def manage_existing(self, share, driver_options, **kwargs):
        path = share['export_locations'][0]['path'].partition(':')[2]
        view = next(one for one in self._backend.repository.views()
                    if one.path == path)
        self._vms.update('views', view.id, {'name': 'anything'})
        return super().manage_existing(share, driver_options, **kwargs)


class LooksForTheSnapshotFirst(broken.Broken):
    """Says that the snapshot is missing, whatever else is wrong."""

    def create_share_from_snapshot(self, context, share, snapshot, *args,
                                   **kwargs):
        if self._backend.snapshots.find(model.Snapshot.of(snapshot)) is None:
            raise broken.compat.errors.SnapshotResourceNotFound(
                name=snapshot['id'])
        return super().create_share_from_snapshot(
            context, share, snapshot, *args, **kwargs)


class ClonesNothing(broken.Broken):
    """A share from a snapshot is a new one, and empty."""

    def create_share_from_snapshot(self, context, share, snapshot, *args,
                                   **kwargs):
        return self.create_share(context, share)


@pytest.mark.parametrize(('driver_class', 'scenario', 'check'), [
    (TakesWhatIsServed, 'a_share_is_not_managed_a_second_time',
     'manage.served'),
    (LooksForTheSnapshotFirst, 'a_clone_of_another_protocol_is_refused',
     'protocol.clone'),
    (ClonesNothing, 'a_clone_has_what_its_snapshot_has', 'clone.content')])
def test_a_broken_driver_fails_its_check(driver_class, scenario, check):
    made = LABS.with_driver(driver_class)
    assert catching.failed(lambda: catching.play(made, scenario)) == check
    assert catching.failed(lambda: catching.play(LABS, scenario)) == ''
