# SPDX-License-Identifier: Apache-2.0

"""Test that what a start could not go through is owed, and not forgotten."""

import threading
import time
import uuid

import pytest

from manila_drivers import owed
from manila_drivers.standalone import private_data


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def rows(number, size=1):
    return [{'id': str(uuid.uuid4()), 'size': size} for _ in range(number)]


class Process:
    """A service process, as far as Manila's start goes."""

    def __init__(self, store, clock=None):
        self.owed = owed.Owed(store.data, 'host@vast',
                              clock=clock or Clock())
        self.store = store

    def start(self, found, check):
        """Start as Manila does; return whether it had the shares checked."""
        told = self.owed.token()
        if told == self.store.hash:
            return False
        self.owed.ensured(found, check(found))
        self.store.hash = told
        return True

    def periodic(self, check, limit=owed.BATCH):
        due = self.owed.due(limit)
        self.owed.checked(due, check(due.values()))
        return list(due)


class Store:
    """Keep what outlives a process: private storage, and Manila's hash."""

    def __init__(self, path):
        self.data = private_data.PrivateData(str(path / 'private'))
        self.hash = None


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def well(found):
    return {row['id']: {'export_locations': ['a:/b']} for row in found}


def silent(found):
    return {row['id']: {} for row in found}


def test_a_good_start_is_not_repeated(store):
    found = rows(3)
    assert Process(store).start(found, well)
    assert not Process(store).start(found, well)


@pytest.mark.parametrize('answers', [
    lambda found: {}, silent,
    lambda found: {row['id']: owed.unfinished('503') for row in found}])
def test_a_start_that_could_not_check_is_repeated(store, answers):
    found = rows(3)
    Process(store).start(found, answers)
    second = Process(store)
    assert second.start(found, answers)
    assert Process(store).start(found, well)
    # Manila has stored a token that nothing will tell again.
    Process(store).start(found, well)
    assert not Process(store).start(found, well)


def test_what_was_paid_meanwhile_is_not_checked_at_the_next_start(store):
    found = rows(3)
    first = Process(store)
    first.start(found, lambda found: {
        row['id']: owed.unfinished('503', **well(found)[row['id']])
        for row in found})
    first.periodic(well)
    assert first.owed.waiting() == {}
    assert not Process(store).start(found, well)


def test_a_killed_process_leaves_what_it_owes(store):
    """Between the check and the end of the first periodic call."""
    found = rows(60)
    first = Process(store)
    first.start(found, silent)
    first.periodic(silent)
    second = Process(store)
    assert set(second.owed.waiting()) == {row['id'] for row in found}
    assert second.owed.token() != store.hash


def test_a_share_that_manila_did_not_pass_stays_owed(store):
    """It was being extended, say, when the service was started again."""
    found = rows(2)
    Process(store).start(found, silent)
    second = Process(store)
    second.start(found[:1], well)
    assert list(second.owed.waiting()) == [found[1]['id']]
    third = Process(store)
    assert third.start(found, well)
    assert not third.owed.waiting()


def test_no_shares_at_a_start_forget_nothing(store):
    """Manila does not even call ensure_shares then, yet stores the hash."""
    found = rows(1)
    Process(store).start(found, silent)
    store.hash = Process(store).owed.token()
    assert Process(store).start(found, well)


def test_the_answer_of_an_owed_share_is_manilas_own_business(store):
    one, = rows(1)
    answers = Process(store).owed.ensured([one], {one['id']: owed.unfinished(
        'VMS said 503', reapply_access_rules=True)})
    assert answers == {one['id']: {'reapply_access_rules': True}}


def test_bounded_oldest_first_and_nobody_starves(store):
    found = rows(10)
    process = Process(store)
    process.start(found, silent)
    names = [row['id'] for row in found]
    assert process.periodic(silent, limit=4) == names[:4]
    assert process.periodic(silent, limit=4) == names[4:8]
    assert process.periodic(well, limit=4) == [*names[8:], *names[:2]]


def test_one_bad_share_stops_no_other(store):
    found = rows(50)
    bad = found[0]['id']

    def check(some):
        return {row['id']: {} if row['id'] == bad else {'x': ''}
                for row in some}
    process = Process(store)
    process.start(found, silent)
    for _ in range(3):
        process.periodic(check)
    assert list(process.owed.waiting()) == [bad]


def test_what_only_a_start_can_tell_waits_for_it(store):
    """New addresses of a pool reach Manila through ensure_shares alone."""
    found = rows(1)
    process = Process(store)
    process.start(found, silent)
    process.periodic(well)
    assert 'export_locations' in process.owed.waiting()[found[0]['id']]
    assert process.periodic(well) == []
    after = Process(store)
    assert after.start(found, well)
    assert not after.owed.waiting()


def asks(found):
    return {row['id']: {'reapply_access_rules': True} for row in found}


def test_rules_that_were_asked_for_are_owed_until_set(store):
    one, two = found = rows(2)
    process = Process(store)
    process.start(found, asks)
    process.owed.rules_set(one['id'])
    process.owed.rules_failed(two['id'], '503')
    assert list(process.owed.waiting()) == [two['id']]
    assert Process(store).start(found, well)


def test_rules_of_a_share_without_any_never_come(store):
    clock = Clock()
    process = Process(store, clock)
    process.start(rows(1), asks)
    clock.now += owed.RULES_EXPECTED / 2
    process.periodic(well)
    assert process.owed.waiting()
    clock.now += owed.RULES_EXPECTED
    process.periodic(well)
    assert not process.owed.waiting()
    assert process.owed.token() == store.hash


def test_a_share_that_goes_is_forgotten_also_while_it_is_checked(store):
    one, two = found = rows(2)
    process = Process(store)
    process.start(found, silent)
    due = process.owed.due()
    process.owed.forget(one['id'])
    process.owed.checked(due, silent(found))
    assert list(process.owed.waiting()) == [two['id']]


def test_a_new_size_counts(store):
    one, = found = rows(1)
    process = Process(store)
    process.start(found, silent)
    before = process.owed.due()
    process.owed.resized(one['id'], 7)
    row, = process.owed.due().values()
    assert (row['size'], row.get('size'), row['id']) == (7, 7, one['id'])
    process.owed.checked(before, well(found))
    assert process.owed.waiting()


class Broken:
    """A database that is away."""

    def __getattr__(self, name):
        def call(*args):
            raise OSError('no database')
        return call


def test_what_cannot_be_read_counts_as_owed(store, caplog):
    found = rows(1)
    store.data, whole = Broken(), store.data
    process = Process(store)
    process.start(found, silent)
    assert found[0]['id'] in process.owed.waiting()
    assert Process(store).owed.token() != store.hash
    assert 'no database' in caplog.text
    process.owed._store._storage = whole
    process.periodic(silent)
    store.data = whole
    assert list(Process(store).owed.waiting()) == [found[0]['id']]


def test_thousands_are_stored_in_few_values(store):
    found = rows(2000)
    process = Process(store)
    process.start(found, silent)
    entity = process.owed._store._entity
    assert len(store.data.get(entity)) <= 80
    while process.periodic(lambda some: {row['id']: {'x': ''}
                                         for row in some}):
        pass
    assert store.data.get(entity) == {'told': store.hash} or (
        store.hash == '' and not store.data.get(entity))


def test_threads(store):
    found = rows(200)
    process = Process(store)
    process.start(found, silent)

    def go(part):
        for row in found[part::4]:
            process.owed.resized(row['id'], 2)
            process.owed.forget(row['id'])
            process.periodic(silent, limit=2)
    threads = [threading.Thread(target=go, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process.owed.waiting() == {}
    assert Process(store).owed.waiting() == {}


def at(row, *places):
    return {**row, 'export_locations': [
        {'path': place, 'is_admin_only': False} for place in places]}


@pytest.mark.parametrize(('places', 'owes'), [
    (['a:/b'], False), (['a:/c'], True), (['a:/b', 'a:/c'], True),
    ([], True)])
def test_what_manila_has_already_is_no_news(store, places, owes):
    one, = rows(1)
    process = Process(store)
    process.start([at(one, *places)], silent)
    process.periodic(lambda found: {one['id']: {
        'export_locations': [{'path': 'a:/b', 'is_admin_only': False}],
        'status': 'available'}})
    assert bool(process.owed.waiting()) is owes


def test_what_happens_while_all_are_checked_is_not_taken_back(store):
    """Manila goes on with calls while an operator has shares checked."""
    gone, grown = found = rows(2)
    process = Process(store)
    process.start(found, silent)
    process.owed.ensuring()
    process.owed.forget(gone['id'])
    process.owed.resized(grown['id'], 7)
    process.owed.ensured(found, silent(found))
    due = process.owed.due()
    assert {ident: row['size'] for ident, row in due.items()} == {
        grown['id']: 7}
    assert set(Process(store).owed.waiting()) == {grown['id']}
    # Only while it went on: what is passed later is as it is passed.
    process.owed.ensuring()
    process.owed.ensured(found, silent(found))
    assert set(process.owed.waiting()) == {row['id'] for row in found}


def test_a_share_that_could_not_be_removed_stays_owed(store):
    one, = found = rows(1)
    process = Process(store)
    process.start(found, silent)

    def fail():
        with process.owed.leaving(one['id']):
            seen.update(process.owed.due())
            raise OSError('503')
    seen = {}
    with pytest.raises(OSError, match='503'):
        fail()
    assert seen == {}
    assert list(process.owed.due()) == [one['id']]
    with process.owed.leaving(one['id']):
        pass
    assert process.owed.waiting() == {}


def test_no_rules_are_given_up_while_those_of_others_fail(store):
    clock = Clock()
    process = Process(store, clock)
    one, *others = found = rows(6)
    process.start(found, asks)
    for other in others:
        clock.now += owed.RULES_EXPECTED / 2
        process.owed.rules_failed(other['id'], '503')
        process.periodic(well)
    assert one['id'] in process.owed.waiting()


def test_a_share_that_went_while_nothing_could_be_read_is_forgotten(store):
    one, two = found = rows(2)
    Process(store).start(found, silent)
    store.data, whole = Broken(), store.data
    process = Process(store)
    process.owed.forget(one['id'])
    process.owed._store._storage = whole
    assert list(process.owed.waiting()) == [two['id']]
    store.data = whole
    assert list(Process(store).owed.waiting()) == [two['id']]


def test_ten_thousand_shares_take_no_time_for_each_of_them(store):
    """The rules of each come one by one after a start that asked for all."""
    def seconds(number):
        found = rows(number)
        process = Process(store)
        process.start(found, asks)
        process.owed._store._write = len
        began = time.process_time()
        for row in found[:100]:
            process.owed.rules_set(row['id'])
        return time.process_time() - began
    assert seconds(10000) < 20 * (seconds(100) + 0.001)


def test_each_change_is_stored_and_one_that_was_not_with_the_next(store):
    found = rows(60)
    process = Process(store)
    process.start(found, silent)
    storage = process.owed._store._storage
    process.owed.forget(found[0]['id'])
    assert len(Process(store).owed.waiting()) == 59
    process.owed._store._storage = Broken()
    process.owed.forget(found[1]['id'])
    process.owed._store._storage = storage
    assert len(Process(store).owed.waiting()) == 59
    process.owed.forget(found[2]['id'])
    assert set(Process(store).owed.waiting()) == {
        *process.owed.waiting()}
    assert len(process.owed.waiting()) == 57
    for row in found:
        process.owed.forget(row['id'])
    assert Process(store).owed.waiting() == {}
