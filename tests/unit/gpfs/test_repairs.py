# SPDX-License-Identifier: Apache-2.0

"""Repairs of a check of all shares while others change the same shares."""

import pytest

from manila_drivers import exception
from manila_drivers.model import GiB

GIB = 1024 ** 2


def fileset(place, share):
    return place.sim.state.filesets[f'share-{share.id}']


def drifted(place, count=1):
    """Shares of 1 GiB whose quotas were changed by hand."""
    shares = [place.manager.create() for _ in range(count)]
    for share in shares:
        fileset(place, share).limit_kib = 5 * GIB
    return shares


def ensure(place, shares, meanwhile=lambda: None):
    """Check shares; something happens once all has been listed.

    Another process has Manila's rows as they were before.
    """
    rows = [place.manager.row(share) for share in shares]
    mine = place.driver
    place.manager.restart()
    other, place.manager.driver = place.driver, mine
    health = mine._backend.health
    drifted = health._drifted

    def late(wanted):
        found = drifted(wanted)
        place.manager.driver = other
        meanwhile()
        place.manager.driver = mine
        return found

    health._drifted = late
    answers = mine.ensure_shares(None, rows)
    health._drifted = drifted
    assert all('status' not in answer for answer in answers.values())
    return answers


def test_a_share_that_another_host_extends_meanwhile_stays_so(place):
    share, other = drifted(place, 2)
    ensure(place, [share, other], lambda: place.manager.resize(share, 4))
    assert fileset(place, share).limit_kib == 4 * GIB
    assert fileset(place, other).limit_kib == 1 * GIB


def test_a_share_that_another_host_extended_before_stays_so(place):
    """Manila's row was read before that was written down."""
    share = place.manager.create()
    row = place.manager.row(share)
    place.manager.resize(share, 2)
    place.manager.resize(share, 4)
    place.manager.restart()
    place.driver.ensure_shares(None, [row])
    assert fileset(place, share).limit_kib == 4 * GIB
    # A drifted one gets the size that it was given, and not the row's.
    fileset(place, share).limit_kib = 9 * GIB
    place.driver.ensure_shares(None, [row])
    assert fileset(place, share).limit_kib == 4 * GIB
    # A row of a size that nobody gave is newer.
    place.driver.ensure_shares(None, [dict(row, size=7)])
    assert fileset(place, share).limit_kib == 7 * GIB


def test_a_share_that_was_filled_meanwhile_is_not_limited_below(place):
    share, = drifted(place)
    ensure(place, [share],
           lambda: place.lab.write(share.export, 3 * GiB))
    assert fileset(place, share).limit_kib == 5 * GIB


@pytest.mark.parametrize('kind', ['CES', 'KNFS', 'GNFS'])
def test_rules_that_change_meanwhile_stay(make_place, kind):
    place = make_place(kind)
    share, = drifted(place)
    gone = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[gone])

    def change():
        place.manager.update(share, add=[place.manager.rule('10.0.0.2')],
                             delete=[gone])

    ensure(place, [share], change)
    assert place.lab.effective(share.export, '10.0.0.1') is None
    assert place.lab.effective(share.export, '10.0.0.2') == 'rw'
    assert fileset(place, share).limit_kib == 1 * GIB


@pytest.mark.parametrize('linked', [True, False])
def test_a_share_that_is_deleted_meanwhile_is_not_made_again(place, linked):
    share, other = drifted(place, 2)
    if not linked:
        place.driver._backend.client.do([
            place.driver._backend.client.make.unlink_fileset(
                'gpfs0', f'share-{share.id}')])
    answers = ensure(place, [share, other],
                     lambda: place.manager.delete_only(share))
    assert f'share-{share.id}' not in place.sim.state.filesets
    assert answers[share.id] == {}
    assert fileset(place, other).limit_kib == 1 * GIB
    assert not any('gpfs_sizes' in pairs
                   for pairs in place.lab.storage.data.values())


def test_a_share_that_is_being_changed_is_owed_and_stops_no_other(place):
    share, other = drifted(place, 2)
    with place.driver._backend.access.alone(share.id):
        answers = ensure(place, [share, other])
        assert answers[share.id]['export_locations']
        assert fileset(place, share).limit_kib == 5 * GIB
        assert fileset(place, other).limit_kib == 1 * GIB
        assert set(place.driver._owed.waiting()) == {share.id}
    place.lab.advance(60)
    place.manager.stats()
    assert fileset(place, share).limit_kib == 1 * GIB
    assert not place.driver._owed.waiting()


def test_a_coordinator_that_is_away_is_asked_once(place, monkeypatch):
    shares = drifted(place, 5)
    asked = []

    def away(ident, patience):
        asked.append(ident)
        raise exception.Unreachable('The coordinator does not answer')

    monkeypatch.setattr(place.driver._backend.access, 'alone', away)
    ensure(place, shares)
    assert len(asked) == 1
    assert {fileset(place, one).limit_kib for one in shares} == {5 * GIB}
    assert set(place.driver._owed.waiting()) == {one.id for one in shares}


def test_nothing_is_set_where_the_size_cannot_be_read(place, monkeypatch):
    share, = drifted(place)
    get = place.lab.storage.get

    def failing(ident, key=None, default=None):
        if key == 'gpfs_sizes':
            raise ConnectionError
        return get(ident, key, default)

    monkeypatch.setattr(place.lab.storage, 'get', failing)
    ensure(place, [share])
    assert fileset(place, share).limit_kib == 5 * GIB
    assert set(place.driver._owed.waiting()) == {share.id}
    monkeypatch.undo()
    place.lab.advance(60)
    place.manager.stats()
    assert fileset(place, share).limit_kib == 1 * GIB


def test_a_size_that_cannot_be_stored_is_known_here(place, monkeypatch):
    share = place.manager.create()
    place.manager.resize(share, 2)
    row = place.manager.row(share)

    def failing(ident, details, delete_existing=False):
        raise ConnectionError

    monkeypatch.setattr(place.lab.storage, 'update', failing)
    place.manager.resize(share, 4)
    monkeypatch.undo()
    fileset(place, share).limit_kib = 9 * GIB
    place.driver.ensure_shares(None, [row])
    assert fileset(place, share).limit_kib == 4 * GIB
