# SPDX-License-Identifier: Apache-2.0


"""Tests of records that outlive a process, and of their loss."""

import pytest

from manila_drivers import compat
from manila_drivers.model import GiB

errors = compat.errors


def reapplied(place):
    return {ident for ident, answer in place.manager.ensure().items()
            if answer.get('reapply_access_rules')}


@pytest.mark.parametrize('kind', ['CES', 'KNFS', 'GNFS'])
def test_rules_are_asked_for_only_where_there_may_be_some(make_place, kind):
    place = make_place(kind)
    shares = [place.manager.create() for _ in range(20)]
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(shares[0], add=[rule])
    place.manager.update(shares[0], delete=[rule])
    place.manager.update(shares[1], add=[rule])
    managed = place.manager.manage(place.lab.make_unmanaged('by-hand'))
    for _ in range(2):
        assert reapplied(place) == set()
        place.manager.restart()
    assert managed.id not in place.driver._owed.waiting()
    # What nothing is known of may have rules.
    place.lab.storage.delete(shares[2].id)
    assert reapplied(place) == {shares[2].id}


def test_exports_that_a_restart_has_lost_come_back(make_place):
    place = make_place('KNFS', knfs_persist_exports=False)
    share, other = place.manager.create(), place.manager.create()
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    for server in place.sim.servers.values():
        server.reboot()
    assert place.lab.effective(share.export, '10.0.0.1') is None
    place.manager.restart()
    assert reapplied(place) == {share.id}
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'
    assert place.lab.effective(other.export, '10.0.0.1') is None


def test_rules_that_another_process_was_told_of_are_known(make_place):
    place = make_place('KNFS', knfs_persist_exports=False)
    share = place.manager.create()
    assert reapplied(place) == set()
    mine = place.driver
    place.manager.restart()
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    place.manager.driver = mine
    for server in place.sim.servers.values():
        server.reboot()
    assert reapplied(place) == {share.id}


class Broken:
    """A storage of which some calls fail."""

    def __init__(self, storage, *failing):
        self.storage = storage
        self.failing = failing

    def __getattr__(self, name):
        if name in self.failing:
            raise RuntimeError('database is away')
        return getattr(self.storage, name)


def break_storage(place, *failing):
    """Let these calls of the storage fail, as parts of the driver see it."""
    exports = place.driver._backend.access
    broken = Broken(place.lab.storage, *failing)
    exports.nobody._storage = broken
    place.driver._backend.snapshots._restoring._storage = broken
    place.driver._backend.snapshots._restoring._notes.clear()


def test_what_could_not_be_forgotten_does_not_count(make_place):
    place = make_place('KNFS', knfs_persist_exports=False)
    share = place.manager.create()
    break_storage(place, 'delete', 'update')
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    for server in place.sim.servers.values():
        server.reboot()
    assert reapplied(place) == {share.id}
    break_storage(place, 'get')
    for server in place.sim.servers.values():
        server.reboot()
    assert reapplied(place) == {share.id}


def reverting(place):
    place.driver.check_for_setup_error()
    share = place.manager.create(size=2)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    snapshot = place.manager.create_snapshot(share)
    place.lab.write(share.export, GiB)
    place.sim.options.restore_seconds = 100_000.0
    rows = place.manager.rule_rows(share, [rule])

    def revert():
        place.driver.revert_to_snapshot(
            None, place.manager.snapshot_row(snapshot), rows, [])

    return share, rows, revert


def test_nobody_is_let_in_while_another_process_restores(place):
    """Also by one that has looked before it began."""
    share, rows, revert = reverting(place)
    mine = place.driver
    place.manager.restart()
    with pytest.raises(errors.ManilaException, match='being restored'):
        revert()
    place.manager.driver = mine
    with pytest.raises(errors.ManilaException, match='being restored'):
        place.driver.update_access(None, place.manager.row(share), rows,
                                   [], [])
    assert place.lab.effective(share.export, '10.0.0.1') is None


def test_hosts_are_asked_where_it_cannot_be_read(place):
    """A storage that could not be read once is read again."""
    share, rows, revert = reverting(place)
    with pytest.raises(errors.ManilaException, match='being restored'):
        revert()
    place.manager.restart()
    break_storage(place, 'get')
    row = place.manager.row(share)
    with pytest.raises(errors.ManilaException, match='being restored'):
        place.driver.update_access(None, row, rows, [], [])
    assert place.lab.effective(share.export, '10.0.0.1') is None
    place.lab.advance(100_000)
    place.driver.update_access(None, row, rows, [], [])
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'


def test_what_cannot_be_remembered_is_not_begun(place):
    share, _, revert = reverting(place)
    break_storage(place, 'update')
    with pytest.raises(errors.ManilaException, match='would not know'):
        revert()
    assert place.sim.restores == 0
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'


def test_a_size_that_another_process_has_given_stays(place):
    """Sizes of this process are older than Manila's row here."""
    share = place.manager.create(size=1)
    place.manager.resize(share, 3)
    mine = place.driver
    place.manager.restart()
    place.manager.resize(share, 8)
    place.manager.driver = mine
    place.manager.ensure()
    assert place.sim.state.filesets[f'share-{share.id}'].limit_kib \
        == 8 * GiB // 1024
    # A row from before a change of its own is no reason to go back.
    place.manager.resize(share, 9)
    share.size = 8
    place.manager.ensure()
    assert place.sim.state.filesets[f'share-{share.id}'].limit_kib \
        == 9 * GiB // 1024
