# SPDX-License-Identifier: Apache-2.0

"""Rules that a server cannot serve keep nobody in who is turned out."""

import pytest

from manila_drivers import access
from manila_drivers import compat
from manila_drivers.nas import exports
from manila_drivers.nas import missing
from manila_drivers.testing.conformance import rows

errors = compat.errors
ALICE, BOB, WIDE = '10.0.0.1', '10.0.0.2', '128.0.0.0/1'
READER, WRITER = '131.3.3.9', '200.0.0.1'
# Each takes about 20 entries around it; a kernel's export may have 2000.
READERS = [f'{128 + n}.{n}.{n}.0/28' for n in range(120)]


@pytest.fixture
def place(make_place):
    return prepared(make_place, 'KNFS')


def prepared(make_place, kind):
    made = make_place(kind)
    made.share = made.manager.create()
    made.path = '/' + made.share.export.partition(':/')[2]
    made.row = made.manager.row(made.share, rows.DICT)
    return made


def update(place, *rules):
    """Return the networks whose rules are refused."""
    made = [place.manager.rule(*rule) for rule in rules]
    answer = place.driver.update_access(
        None, place.row, place.manager.rule_rows(place.share, made)) or {}
    named = {rule.access_id: rule.to for rule in made}
    return {named[ident] for ident, state in answer.items()
            if state['state'] == 'error'}


def given(place, *clients):
    return [place.lab.effective(place.share.export, client)
            for client in clients]


def turned_out(place):
    few = [(reader, 'ro') for reader in READERS[:20]]
    assert not update(place, (ALICE,), (BOB,), (WIDE,), *few)
    many = [(reader, 'ro') for reader in READERS]
    assert update(place, (BOB,), (WIDE,), *many) == set(READERS[20:])
    assert given(place, ALICE, BOB, READER, WRITER) == [
        None, 'rw', 'ro', 'rw']
    # Nothing changes by saying it again, and less can still be said.
    assert update(place, (BOB,), (WIDE,), *many) == set(READERS[20:])
    assert update(place, (BOB,), *many) == set()
    assert given(place, BOB, READER, WRITER) == ['rw', 'ro', None]


def test_one_is_turned_out_beside_rules_that_cannot_be_served(place):
    turned_out(place)


def test_others_are_let_in_beside_them(place):
    assert update(place, (WIDE,), *((one, 'ro') for one in READERS)) == {WIDE}
    assert given(place, ALICE, READER, WRITER) == [None, 'ro', None]
    assert update(place, (WIDE,), (ALICE,), *(
        (one, 'ro') for one in READERS)) == {WIDE}
    assert given(place, ALICE, READER, WRITER) == ['rw', 'ro', None]


def test_who_wrote_by_the_network_may_be_made_to_read(place):
    """Entries of others may overlap in any way; they are less for that."""
    with_many = [(one, 'ro') for one in READERS]
    assert not update(place, (WIDE,))
    assert update(place, (WIDE,), *with_many) == set(READERS)
    assert given(place, READER, WRITER) == ['rw', 'rw']
    assert not update(place, (WIDE, 'ro'), *with_many)
    assert given(place, READER, WRITER) == ['ro', 'ro']


def test_a_single_rule_goes_as_well(place):
    update(place, (ALICE,), (WIDE,), *((one, 'ro') for one in READERS[:20]))
    place.driver.deny_access(None, place.row, {
        'access_type': 'ip', 'access_to': ALICE, 'access_level': 'rw'})
    assert given(place, ALICE, READER, WRITER) == [None, 'ro', 'rw']


@pytest.mark.parametrize('kind', ['KNFS', 'GNFS'])
def test_one_is_turned_out_where_the_directory_is_missing(make_place, kind):
    """The file system is not mounted there, and may be at any moment."""
    place = prepared(make_place, kind)
    update(place, (ALICE,), (BOB,))
    server = place.sim.servers['nfs2']
    server.files.is_directory = lambda path: False
    place.sim.unmounted.add('nfs2')
    assert not update(place, (BOB,))
    assert server.access(ALICE, place.path) is None
    assert server.access(BOB, place.path) == 'rw'
    with pytest.raises(errors.ManilaException, match='is not a directory'):
        update(place, ('10.0.0.9',))
    assert given(place, ALICE, BOB, '10.0.0.9') == [None, None, None]
    assert server.access(BOB, place.path) is None
    place.sim.unmounted.clear()
    assert not update(place, ('10.0.0.9',))
    assert given(place, ALICE, BOB, '10.0.0.9') == [None, None, 'rw']


# As it must not be

def refused_as_a_whole(wanted, current, refused):
    exports.require_readers('/p', wanted, why := refused(wanted))
    return access.Servable({one: level for one, level in wanted.items()
                            if one not in why}, why)


def served_without_readers(wanted, current, refused):
    why = refused(wanted)
    return access.Servable({one: level for one, level in wanted.items()
                            if one not in why}, why)


@pytest.mark.parametrize('broken', [refused_as_a_whole,
                                    served_without_readers])
def test_broken_decisions_are_caught(place, monkeypatch, broken):
    monkeypatch.setattr(access, 'servable', broken)
    with pytest.raises((AssertionError, errors.ManilaException)):
        turned_out(place)


def test_a_directory_that_is_missing_stops_nothing_else(
        make_place, monkeypatch):
    def strict(wanted, lacking, seen):
        for error in lacking.values():
            raise error
        return wanted, None

    monkeypatch.setattr(missing, 'possible', strict)
    with pytest.raises((AssertionError, errors.ManilaException)):
        test_one_is_turned_out_where_the_directory_is_missing(
            make_place, 'KNFS')
