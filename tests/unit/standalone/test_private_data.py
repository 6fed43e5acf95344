# SPDX-License-Identifier: Apache-2.0

"""Private data against a dictionary, and under many writers."""

import os
import pathlib
import sqlite3
import stat
import subprocess
import sys
import threading

import hypothesis
from hypothesis import stateful
from hypothesis import strategies
import pytest

from manila_drivers.standalone import private_data
from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]

ONE = '11111111-1111-4111-8111-111111111111'
TWO = '22222222-2222-4222-8222-222222222222'


@pytest.fixture
def store(tmp_path):
    return private_data.PrivateData(str(tmp_path / 'below' / 'data.sqlite3'))


def test_values_come_back_as_text(store):
    store.update(ONE, {'a': 1, 'b': None, 'c': 'text'})

    assert store.get(ONE) == {'a': '1', 'b': 'None', 'c': 'text'}
    assert store.get(ONE, 'a') == '1'
    assert store.get(ONE, 'z') is None
    assert store.get(ONE, 'z', 'other') == 'other'
    assert store.get(ONE, ['a', 'c', 'z']) == {'a': '1', 'c': 'text'}
    assert store.get(TWO, default='other') == {}
    assert store.get(TWO, ['a'], 'other') == {}


def test_update_merges_or_replaces(store):
    given = {'a': 1}

    assert store.update(ONE, given) is given
    store.update(ONE, {'b': 2})
    assert store.get(ONE) == {'a': '1', 'b': '2'}
    store.update(ONE, {'b': 3}, delete_existing=True)
    assert store.get(ONE) == {'b': '3'}


def test_delete(store):
    for entity in (ONE, TWO):
        store.update(entity, {'a': 1, 'b': 2, 'c': 3})

    store.delete(ONE, 'a')
    store.delete(ONE, ['b', 'z'])
    assert store.get(ONE) == {'c': '3'}
    store.delete(ONE)
    store.delete(ONE)
    assert store.get(ONE) == {}
    assert store.get(TWO) == {'a': '1', 'b': '2', 'c': '3'}


@pytest.mark.parametrize('entity', ['', 'share-1', None, 7])
def test_entities_are_uuids(store, entity):
    for call in (lambda: store.get(entity), lambda: store.delete(entity),
                 lambda: store.update(entity, {})):
        with pytest.raises(ValueError, match='is not a UUID'):
            call()


@pytest.mark.parametrize('details', [
    None, 'text', [('a', 1)], {'k' * 256: 1}, {'a': 'v' * 1024}])
def test_what_manila_cannot_store_is_refused(store, details):
    with pytest.raises(ValueError, match=r'dictionary|characters'):
        store.update(ONE, details)

    assert store.get(ONE) == {}


def test_limits_are_inclusive(store):
    store.update(ONE, {'k' * 255: 'v' * 1023})

    assert store.get(ONE, 'k' * 255) == 'v' * 1023


def test_nothing_is_made_before_it_is_needed(tmp_path):
    private_data.PrivateData(str(tmp_path / 'below' / 'data.sqlite3'))

    assert os.listdir(tmp_path) == []


def test_others_cannot_read(store, tmp_path):
    store.update(ONE, {'a': 1})

    for path in tmp_path.rglob('*'):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_failed_update_changes_nothing(store):
    store.update(ONE, {'a': 1})

    class Unprintable:
        calls = 0

        def __str__(self):
            # The first time its length is looked at.
            Unprintable.calls += 1
            if Unprintable.calls > 1:
                raise RuntimeError('no')
            return ''

    with pytest.raises(RuntimeError):
        store.update(ONE, {'b': 2, 'c': Unprintable()}, delete_existing=True)

    assert store.get(ONE) == {'a': '1'}


def test_a_busy_file_is_an_error_in_time(tmp_path, store):
    store.update(ONE, {'a': 1})
    path = str(tmp_path / 'below' / 'data.sqlite3')
    db = sqlite3.connect(path, isolation_level=None)
    db.execute('BEGIN EXCLUSIVE')
    try:
        with pytest.raises(sqlite3.OperationalError, match='locked'):
            private_data.PrivateData(path, timeout=0.05).get(ONE)
    finally:
        db.close()

    assert store.get(ONE) == {'a': '1'}


def test_threads_share_it(store):
    def work(number):
        store.update(ONE, {f'k{number}': number})
        assert store.get(ONE, f'k{number}') == str(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get(ONE) == {f'k{n}': str(n) for n in range(64)}


WRITER = """
import sys
from manila_drivers.standalone import private_data
store = private_data.PrivateData(sys.argv[1])
for n in range(20):
    store.update(sys.argv[2], {sys.argv[3] + str(n): n})
"""


def test_processes_share_it(store, tmp_path):
    path = str(tmp_path / 'below' / 'data.sqlite3')
    writers = [subprocess.Popen(
        [sys.executable, '-c', WRITER, path, ONE, name],
        env={**os.environ, 'PYTHONPATH': str(ROOT)}) for name in 'abc']

    assert [writer.wait(patience.seconds(60)) for writer in writers] == [0, 0,
                                                                         0]
    assert len(store.get(ONE)) == 60


KEYS = strategies.sampled_from(['a', 'b', 'c', "quo'te", ''])


class AgainstDictionary(stateful.RuleBasedStateMachine):
    """Any history of calls leaves what a dictionary would hold."""

    @stateful.initialize()
    def start(self):
        import tempfile
        self.place = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.place.name, 'data')
        self.model = {}

    @property
    def store(self):
        # A new one each time, as after a restart.
        return private_data.PrivateData(self.path)

    @stateful.rule(entity=strategies.sampled_from([ONE, TWO]),
                   details=strategies.dictionaries(
                       KEYS, strategies.none() | strategies.integers()
                       | strategies.text(max_size=20).filter(
                           lambda text: text.isprintable())),
                   replace=strategies.booleans())
    def update(self, entity, details, replace):
        self.store.update(entity, details, delete_existing=replace)
        if replace:
            self.model[entity] = {}
        self.model.setdefault(entity, {}).update(
            {key: str(value) for key, value in details.items()})

    @stateful.rule(entity=strategies.sampled_from([ONE, TWO]),
                   key=strategies.none() | KEYS | strategies.lists(KEYS))
    def delete(self, entity, key):
        self.store.delete(entity, key)
        held = self.model.setdefault(entity, {})
        for name in ([*held] if key is None else
                     [key] if isinstance(key, str) else key):
            held.pop(name, None)

    @stateful.invariant()
    def same(self):
        for entity in (ONE, TWO):
            held = getattr(self, 'model', {}).get(entity, {})
            if hasattr(self, 'path'):
                assert self.store.get(entity) == held

    def teardown(self):
        if hasattr(self, 'place'):
            self.place.cleanup()


AgainstDictionary.TestCase.settings = hypothesis.settings(
    max_examples=30, stateful_step_count=12, deadline=None)
TestAgainstDictionary = AgainstDictionary.TestCase
