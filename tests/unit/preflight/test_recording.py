# SPDX-License-Identifier: Apache-2.0

"""A check looks at the registry as well, and changes nothing of it."""

import importlib.util
import json
import os
import sqlite3

import pytest

from manila_drivers.cli import main
from manila_drivers.registry import revisions
from tests.unit.direct import bench
from tests.unit.registry import test_not_writable


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


#: One that others than root can read.
sealed = test_not_writable.place


@pytest.fixture
def recorded(place):
    with place.backend() as backend:
        backend.shares.create(size=1, name='one').allow('192.0.2.0/24')
    return place


@pytest.fixture
def check(place, capsys):
    """The command; returns the exit code, findings and standard error."""
    def call(*words, conf=None):
        code = main.main(['--config-file', str(conf or place.conf), 'check',
                          *words, '-f', 'json'])
        told = capsys.readouterr()
        assert 's3cret' not in told.out + told.err
        return code, json.loads(told.out), told.err
    return call


def file(place):
    return place.conf.parent / 'registry.sqlite3'


def run(place, *lines):
    with sqlite3.connect(file(place)) as connection:
        for line in lines:
            connection.execute(line)
    connection.close()


def one(found):
    [told] = found
    assert told['Backend'] == '(registry)'
    assert all(told[name] for name in ('Option', 'Tried', 'Answered',
                                       'What to do')), told
    return told


def other(place, name, **defaults):
    """Write another file beside the usual one, with the same backend."""
    return bench.write(
        place.conf.with_name(name), {'vast': {
            'driver_handles_share_servers': False,
            **place.cluster.options()}}, **defaults)


def test_one_that_is_right_has_no_finding(recorded, check):
    before = file(recorded).read_bytes()
    assert check()[:2] == (0, [])
    assert check('--offline')[:2] == (0, [])
    assert file(recorded).read_bytes() == before


def test_none_is_made(place, check):
    assert check()[:2] == (0, [])
    assert not file(place).exists()


def test_where_it_cannot_be_made_is_told_if_that_is_said(place, check):
    (place.conf.parent / 'a file').touch()
    there = place.conf.parent / 'a file' / 'below'
    for defaults in ({'state_path': there}, {
            'state_path': place.conf.parent,
            'registry_connection': f'sqlite:///{there}/r.sqlite3'}):
        code, found, _ = check(conf=other(place, 'c.conf', **defaults))
        assert (code, one(found)['Option']) == (1, list(defaults)[-1])
        assert 'cannot be made' in found[0]['Tried']


def newer(place):
    run(place, 'INSERT INTO registry_revision VALUES (99)')


def older(place):
    run(place, 'DELETE FROM registry_revision')


def renamed(place):
    run(place, "UPDATE shares SET backend = 'vast-of-before'")


def no_table(place):
    run(place, 'DROP TABLE rules')


def no_column(place):
    run(place, 'ALTER TABLE shares DROP COLUMN failure')


def overwritten(place):
    file(place).write_bytes(b'no database at all\n' * 500)


def damaged(place):
    content = bytearray(file(place).read_bytes())
    for page in range(4096, len(content), 4096):
        content[page + 8:page + 600] = os.urandom(592)
    file(place).write_bytes(content)


def open_to_all(place):
    file(place).chmod(0o644)


#: What is done, the severity, and what is said.
DAMAGE = {
    'newer': (newer, 'error', 'newer release'),
    'older': (older, 'warning', 'brings it up to date'),
    'renamed': (renamed, 'warning', '1 shares of backend vast-of-before'),
    'no table': (no_table, 'error', 'not whole'),
    'no column': (no_column, 'error', 'not whole'),
    'overwritten': (overwritten, 'error', 'could not be used'),
    'damaged': (damaged, 'error', 'damaged'),
    'open to all': (open_to_all, 'warning', 'than its owner')}


@pytest.mark.parametrize('name', DAMAGE)
def test_what_is_wrong_is_told_once_and_left(recorded, check, name):
    work, severity, said = DAMAGE[name]
    work(recorded)
    before = file(recorded).read_bytes()
    code, found, err = check()
    assert one(found)['Severity'] == severity, found
    assert said in found[0]['Tried']
    assert found[0]['Option'] == 'state_path'
    assert code == {'warning': 1, 'error': 2}[severity]
    assert '(registry): 1 findings' in err
    assert file(recorded).read_bytes() == before
    # Whoever comes from Manila has nothing recorded here.
    assert not any(line['Backend'] == '(registry)'
                   for line in check('--migrate')[1])


def test_several_at_once_are_all_told(recorded, check):
    renamed(recorded)
    open_to_all(recorded)
    _, found, _ = check('vast', 'vast')
    assert len(found) == 2


def test_a_lock_of_somebody_else_is_told(recorded, check):
    conf = other(recorded, 'c.conf', state_path=recorded.conf.parent,
                 registry_timeout=1)
    holder = sqlite3.connect(file(recorded), isolation_level=None)
    holder.execute('BEGIN IMMEDIATE')
    try:
        code, found, _ = check(conf=conf)
    finally:
        holder.close()
    assert code == 2
    assert 'locked' in one(found)['Answered']


def test_who_may_only_read_is_told(sealed, capsys):
    with test_not_writable.file_for_reading(sealed):
        code = main.main(['--config-file', str(sealed.conf), 'check',
                          '--offline', '-f', 'json'])
    found = json.loads(capsys.readouterr().out)
    assert code == 2
    assert 'nothing was recorded' in found[-1]['Tried']


# Its driver is no package of ours: there, or not.
URLS = {
    'postgresql+psycopg2://u:s3cret@127.0.0.1:1/name': 'does not answer'
    if importlib.util.find_spec('psycopg2') else 'it needs of Python',
    'oracle://u:s3cret@127.0.0.1/name': '',
    's3cret': 'is no URL of SQLAlchemy'}


@pytest.mark.parametrize('url', URLS)
def test_a_server_that_does_not_answer_shows_no_password(place, check, url):
    code, found, _ = check(conf=other(
        place, 'c.conf', registry_connection=url, registry_timeout=1))
    assert code == 2
    assert URLS[url] in found[0]['Tried']
    assert found[0]['Option'] == 'registry_connection'
    assert len(found) == 1


def test_options_of_it_that_cannot_be_are_all_told(place, check):
    code, found, _ = check(conf=other(
        place, 'c.conf', registry_timeout='soon', registry_lease=1))
    assert code == 2
    assert sorted(told['Option'] for told in found) == [
        'registry_lease', 'registry_timeout']


def test_an_older_one_is_not_brought_up_to_date(recorded, check,
                                                monkeypatch):
    monkeypatch.setattr(revisions, 'REVISIONS', (
        *revisions.REVISIONS, lambda connection: pytest.fail('revised')))
    code, found, _ = check()
    assert code == 1
    assert 'it has revision 1, and 2 is known here' in one(found)['Answered']
