# SPDX-License-Identifier: Apache-2.0

"""Who is turned out is turned out, whatever has become of the share's type,
and whatever else is asked for that VMS cannot be told."""

import functools

import pytest

from manila_drivers import access
from manila_drivers import compat
from manila_drivers.vastdata import view_policy
from tests.unit.vastdata.conftest import path_of
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors
ALICE, BOB, CAROL, NET = '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.0/24'


class Place:

    def __init__(self, bench, specs=None, **options):
        self.bench = bench
        self.driver = bench.start(**options)
        self.row = share()
        self.mended(specs or {'vast:squash': 'all_squash'})
        self.path = path_of(self.driver.create_share(None, self.row))

    def mended(self, specs):
        self.row['share_type_extra_specs'] = specs

    def update(self, *rules):
        """Return the rules that are refused."""
        made = [rule(to, to, *more) for to, *more in rules]
        return set(self.driver.update_access(
            None, self.row, made, [], []) or {})

    def given(self, *clients):
        return [self.bench.sim.can_mount(one, self.path) for one in clients]

    def squash(self, client):
        return self.bench.sim.squash(client, self.path)


class Unreadable:

    def items(self):
        raise LookupError('the type is gone')


REFUSED = {'vast:squash': 'nonsense'}
BAD = pytest.mark.parametrize('specs', [REFUSED, Unreadable()])


def turned_out(place, specs):
    place.update((ALICE,), (BOB,), (NET, 'ro'))
    place.mended(specs)
    assert not place.update((BOB,), (NET, 'ro'))
    assert place.given(ALICE, BOB, CAROL) == ['ro', 'rw', 'ro']
    with pytest.raises(errors.ManilaException, match=r'vast:squash|specs'):
        place.update((BOB, 'ro'), (CAROL,))
    assert place.given(ALICE, BOB, CAROL) == [None, 'ro', 'ro']
    assert place.squash(BOB) == ('nfs_all_squash',)
    place.mended({'vast:squash': 'root_squash'})
    assert not place.update((CAROL,))
    assert place.given(ALICE, BOB, CAROL) == [None, None, 'rw']
    assert place.squash(CAROL) == ('nfs_root_squash',)


@BAD
def test_of_a_type_that_says_nothing_nobody_is_let_in(bench, specs):
    """As with GPFS: less is given at once, and more is not."""
    turned_out(Place(bench), specs)


@BAD
def test_nobody_is_let_in_where_nobody_was(bench, specs):
    place = Place(bench)
    place.mended(specs)
    with pytest.raises(errors.ManilaException, match=r'vast:squash|specs'):
        place.update((ALICE,))
    assert place.given(ALICE) == [None]
    assert not place.update()


@BAD
def test_a_service_that_has_just_begun_knows_as_much(bench, specs):
    place = Place(bench)
    place.update((ALICE,), (BOB,))
    place.driver = bench.start()
    place.mended(specs)
    assert not place.update((BOB,))
    assert place.given(ALICE, BOB) == [None, 'rw']


# Readers that cannot be kept apart from a network that may write

def beside_readers(place):
    readers = [(f'10.0.0.{n}', 'ro') for n in range(16, 28, 4)]
    assert not place.update((ALICE,), ('10.1.0.0/24',), (NET,), readers[0])
    assert place.update(('10.1.0.0/24',), (NET,), *readers) == {
        to for to, _ in readers[1:]}
    assert place.given(ALICE, '10.0.0.16', '10.1.0.1') == ['rw', 'ro', 'rw']
    # Whoever reads already does not come to write for others.
    assert place.update((NET,), *readers) == {to for to, _ in readers[1:]}
    assert place.given('10.0.0.16', '10.0.0.20', '10.1.0.1') == [
        'ro', 'rw', None]
    assert not place.update(*readers)
    assert place.given('10.0.0.16', '10.0.0.20', ALICE) == ['ro', 'ro', None]


def test_beside_readers_that_cannot_be_kept_apart(bench):
    beside_readers(Place(bench, vast_access_split_limit=8))


def test_a_new_network_gives_way_to_readers(bench):
    place = Place(bench, vast_access_split_limit=0)
    assert place.update((ALICE, 'ro'), (NET,)) == {NET}
    assert place.given(ALICE, BOB) == ['ro', None]


# As it must not be

def letting_in(rules, squash, *, good=view_policy.wanted, **more):
    found = good(rules, squash or 'root_squash', **more)
    return view_policy.Granting(
        view_policy.ClientLists(found.lists.read_write,
                                found.lists.read_only, squash),
        found.errors, False, False)


def letting_write(wanted, current, refused):
    why = refused(wanted)
    return access.Servable({one: level for one, level in wanted.items()
                            if one not in why}, why)


@pytest.mark.parametrize(('target', 'name', 'broken', 'test'), [
    (view_policy, 'wanted', letting_in,
     functools.partial(turned_out, specs=REFUSED)),
    (access, 'servable', letting_write, beside_readers)])
def test_broken_decisions_are_caught(bench, monkeypatch, target, name,
                                     broken, test):
    place = Place(bench, vast_access_split_limit=8)
    monkeypatch.setattr(target, name, broken)
    with pytest.raises((AssertionError, pytest.fail.Exception,
                        errors.ManilaException)):
        test(place)
