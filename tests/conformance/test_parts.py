# SPDX-License-Identifier: Apache-2.0

"""The suites' own parts: rows, the model, the seam, shortening."""

import random
import threading

import pytest

from manila_drivers import access
from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance import watching

ABLE = lab.Access()


def rule(to, level='rw', kind='ip', ident='1'):
    return access.Rule(ident, kind, to, level)


# Rows

def test_a_row_is_as_awkward_as_manilas():
    row = rows.share(rows.ROW, ident='i', size=3, proto='NFS',
                     exports=[{'path': 'a:/b'}])
    assert (row['size'], row.size, row.get('size')) == (3, 3, 3)
    assert row.get('nothing', 5) == 5
    assert 'size' in row
    assert 'nothing' not in row
    assert dict(row)['id'] == dict(row.items())['id'] == 'i'
    assert row.metadata is None
    with pytest.raises(AttributeError):
        row['nothing']
    with pytest.raises(rows.DetachedInstanceError):
        row.get('share_server')
    row['size'] = 4
    assert row.size == 4
    assert row['export_locations'][0]['path'] == row.export_location == 'a:/b'


def test_a_dictionary_is_a_dictionary():
    made = rows.share(rows.DICT, ident='i', size=3, proto='NFS')
    assert type(made) is dict
    with pytest.raises(KeyError):
        made['nothing']


@pytest.mark.parametrize('shape', rows.SHAPES)
def test_both_shapes_of_a_snapshot_lead_to_its_share(shape):
    share = rows.share(shape, ident='i', size=3, proto='NFS')
    snapshot = rows.snapshot(shape, ident='s', share_row=share)
    found = snapshot.get('share') or snapshot.get('share_instance')
    assert found['id'] == snapshot['share_id'] == 'i'


@pytest.mark.parametrize('shape', rows.SHAPES)
def test_the_id_of_a_rule_is_not_what_users_see(shape):
    made = rows.rule(shape, access_id='a', share_id='i', access_type='ip',
                     access_to='10.0.0.1', access_level='rw')
    assert made['id'] != made['access_id'] == 'a'


# The model

def test_clients_stand_at_every_edge():
    found = meaning.clients([rule('10.0.0.0/30'), rule('::1'),
                             rule('alice', kind='user')], ABLE)
    assert set(found) == {'10.0.0.0', '10.0.0.3', '10.0.0.4',
                          '9.255.255.255', '203.0.113.77', '10.200.3.4'}


def test_there_is_nothing_beyond_the_last_address():
    found = meaning.clients([rule('0.0.0.0/0')], ABLE)
    assert {'0.0.0.0', '255.255.255.255'} <= set(found)  # noqa: S104


def test_names_are_asked_about_where_rules_name_clients():
    able = lab.Access(types=frozenset({'cert'}))
    found = meaning.clients([rule('alice', kind='cert'), rule('10.0.0.1')],
                            able)
    assert set(found) == {'alice', 'alice-stranger', 'nobody.example.org'}
    assert meaning.level([rule('alice', 'ro', 'cert')], 'alice') == 'ro'
    assert meaning.level([rule('alice', 'ro', 'cert')], 'bob') is None


@pytest.mark.parametrize(('one', 'why'), [
    (rule('10.0.0.1'), ''), (rule('x'), 'no network'),
    (rule('::1'), 'IPv6'), (rule('a', kind='user'), 'type user'),
    (rule('10.0.0.1', 'wo'), 'level wo')])
def test_what_cannot_be_honoured(one, why):
    assert meaning.impossible(one, ABLE) == why


def test_the_narrowest_rule_decides():
    found = meaning.levels(
        [rule('10.0.0.0/8'), rule('10.1.0.0/16', 'ro', ident='2')],
        ['10.0.0.1', '10.1.0.1', '11.0.0.0'])
    assert found == {'10.0.0.1': 'rw', '10.1.0.1': 'ro', '11.0.0.0': None}


# Watching

class FakeLab:
    """Answers with what is written in ``levels``."""

    def __init__(self):
        self.seam = seam.Seam()
        self.level = None

    def effective(self, export, client):
        return self.level


@pytest.mark.parametrize(('before', 'meanwhile', 'after', 'check'), [
    (None, ['rw'], None, 'access.too-wide-meanwhile'),
    ('ro', ['rw'], 'ro', 'access.too-wide-meanwhile'),
    ('rw', [None], 'rw', 'access.interrupted'),
    ('rw', ['ro', 'rw'], None, 'access.too-wide-meanwhile'),
    (None, ['ro', None], 'rw', 'access.interrupted'),
    (None, ['ro', 'rw'], 'rw', ''), ('rw', ['ro', None], None, ''),
    ('rw', ['rw', 'rw'], 'rw', '')])
def test_access_goes_straight_to_its_end(before, meanwhile, after, check):
    fake = FakeLab()
    fake.level = before
    watch = watching.Watch(fake, 'export', ['client'])
    with watch.watching():
        for fake.level in meanwhile:
            fake.seam.tell()
    found = ''
    try:
        watch.straight_to({'client': after})
    except verdict.Violation as exc:
        found = exc.check
    assert found == check


class SlowLab(FakeLab):
    """The first look takes until another is over, if one can be."""

    def __init__(self):
        super().__init__()
        self.began = threading.Event()
        self.other = threading.Event()

    def effective(self, export, client):
        seen, first = self.level, not self.began.is_set()
        self.began.set()
        if first:
            self.other.wait(0.2)
        return seen


def test_looks_of_parallel_calls_are_remembered_in_their_order():
    """Looks from before access went are no access that comes back."""
    fake = SlowLab()
    watch = watching.Watch(fake, 'export', ['client'])
    fake.began.set()
    fake.level = 'rw'

    def later():
        fake.began.wait()
        fake.level = None
        fake.seam.tell()
        fake.other.set()

    with watch.watching():
        fake.began.clear()
        thread = threading.Thread(target=later)
        thread.start()
        fake.seam.tell()
        thread.join()
    watch.straight_to({'client': None})


# The seam

def test_a_dead_process_calls_nobody():
    middle, done = seam.Seam(), []
    process = seam.Process(middle)
    middle.kill(2, after=True)
    process.call(lambda: done.append(1))
    with pytest.raises(seam.Killed):
        process.call(lambda: done.append(2))
    middle.spare()
    with pytest.raises(seam.Killed):
        process.call(lambda: done.append(3))
    assert done == [1, 2]
    seam.Process(middle).call(lambda: done.append(4))
    assert (done, middle.calls) == ([1, 2, 4], 3)


def test_killed_before_means_without_effect():
    middle, done = seam.Seam(), []
    middle.kill(1, after=False)
    with pytest.raises(seam.Killed):
        seam.Process(middle).call(lambda: done.append(1))
    assert not done


def test_watchers_look_after_failures_as_well():
    middle, looks = seam.Seam(), []
    with middle.watched(lambda: looks.append(1)), \
            pytest.raises(ZeroDivisionError):
        seam.Process(middle).call(lambda: 1 / 0)
    assert looks == [1]


# Histories

class Able:
    features = lab.Features()

    def tampers(self):
        return ()


@pytest.mark.parametrize('seed', range(20))
def test_a_history_depends_on_its_seed_alone(seed):
    made = [history.make(random.Random(seed), Able()) for _ in range(2)]
    assert made[0] == made[1]
    for step in made[0]:
        texts = [(one.type, one.to) for one in step.add]
        assert len(set(texts)) == len(texts)


def test_a_history_is_shortened_to_what_fails():
    made = next(made for made in (
        history.make(random.Random(seed), Able()) for seed in range(500))
        if len(made) > 5)
    guilty = made[-1] if made[-1].add else made[0]
    ident = guilty.add[0].access_id

    def fails(story):
        return any(one.access_id == ident for step in story
                   for one in step.add)
    short = history.shortened(made, fails)
    assert len(short) == 1
    assert [one.access_id for one in short[0].add] == [ident]
    assert not short[0].delete
    assert not short[0].change


# Differences and scale

def test_differences_are_named():
    with pytest.raises(verdict.Violation) as caught:
        verdict.same('check', {('a', 'b'): 1, 'c': {'x': 1}},
                     {'c': {'x': 2}, 'd': 3})
    assert caught.value.text == (
        'missing a b; left or added d; c is x: 2 instead of 1')


@pytest.mark.parametrize('text', ['0', '-1', '2', 'much'])
def test_a_scale_that_makes_no_sense(text, monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', text)
    with pytest.raises(ValueError, match=r'SCALE|could not convert'):
        running.scale()
