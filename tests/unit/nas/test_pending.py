# SPDX-License-Identifier: Apache-2.0

"""Names under which it is remembered what servers have to be told."""

import uuid

import pytest

from manila_drivers.nas import exports
from manila_drivers.nas import pending
from tests.unit.nas import world


class Storage(dict):
    """Manila's private storage, by (entity, key)."""

    def get(self, entity, key, default):
        return super().get((entity, key), default)

    def update(self, entity, details):
        super().update({(entity, key): text
                        for key, text in details.items()})

    def delete(self, entity, keys):
        for key in keys:
            self.pop((entity, key), None)


@pytest.mark.parametrize('kind', ['gpfs', 'generic'])
def test_names_stay_the_same_for_ever(kind):
    """A driver of another release has to find them."""
    storage, share = Storage(), str(uuid.UUID(int=7))
    changes = pending.PendingChanges(storage, kind, 'b')
    export = world.export({}, fsid=share)
    changes.missed(['nfs1'], [export])
    outcomes = {'nfs1': exports.Outcome(error=ValueError())}
    decision = exports.decide(export, {}, lambda server: False)
    changes.remember(export, exports.conclude(decision, outcomes, {}))
    pending.Unreached(storage, kind).add(share)
    backend = str(uuid.uuid5(uuid.NAMESPACE_URL, f'manila-{kind}:b'))
    assert storage.keys() == {
        (backend, f'{kind}_servers_in_arrears'),
        (share, f'{kind}_servers_not_closed'), (share, f'{kind}_access')}
    again = pending.PendingChanges(storage, kind, 'b')
    assert again.token == changes.token != ''
    assert again.unclosed(export)('nfs1') and not again.unclosed(export)('x')
    assert share in pending.Unreached(storage, kind)


def test_what_cannot_be_read_may_be_any():
    """Who was turned out may still be in; so no widening counts as done."""
    class Broken(Storage):
        def get(self, entity, key, default):
            raise OSError

    export = world.export({}, fsid=str(uuid.UUID(int=7)))
    changes = pending.PendingChanges(Broken(), 'gpfs', 'b')
    assert changes.unclosed(export)('nfs1')
    changes = pending.PendingChanges(None, 'gpfs', 'b')
    assert not changes.unclosed(export)('nfs1')
