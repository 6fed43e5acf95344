# SPDX-License-Identifier: Apache-2.0

"""Records, private data and revisions, in an SQLite file."""

import concurrent.futures
import os
import stat
import subprocess
import sys
import threading
import uuid

import pytest
import sqlalchemy as sa

from manila_drivers import exception
from manila_drivers.registry import engine
from manila_drivers.registry import records
from manila_drivers.registry import registry
from manila_drivers.registry import revisions
from manila_drivers.registry import schema
from manila_drivers.standalone import private_data
from tests import patience

ENTITY = '7f9c1b1e-6a43-4d4c-9d4e-6ad1a7a0c9f4'


@pytest.fixture
def url(tmp_path):
    return f'sqlite:///{tmp_path}/deep/down/registry.sqlite3'


@pytest.fixture
def made(url):
    found = registry.Registry(url)
    yield found
    found.close()


def share(name='one', **values):
    return records.ShareEntry(**{
        'id': str(uuid.uuid4()), 'backend': 'b', 'name': name,
        'proto': 'NFS', 'size': 1, 'status': 'creating',
        'task': {'name': 'create'}, **values})


def test_what_is_written_is_read(made, url):
    one = made.shares.add(share(
        locations=({'path': '10.0.0.1:/a', 'preferred': True},),
        specs={'a': 'b'}, failure='an "odd" ünicode ✓'))
    assert made.shares.get(one.id) == one
    changed = made.shares.change(one, task=None, size=5, status='available')
    assert (changed.task, changed.size, changed.version) == (None, 5, 2)
    again = registry.Registry(url)
    assert again.shares.all(backend='b') == [changed]
    assert again.shares.all(backend='c') == []
    assert again.shares.get('nothing') is None


def test_a_record_is_changed_only_by_who_has_seen_it_last(made):
    one = made.shares.add(share())
    made.shares.change(one, size=2)
    with pytest.raises(exception.Conflict, match='another process'):
        made.shares.change(one, size=3)
    assert made.shares.get(one.id).size == 2
    made.shares.remove(one)
    made.shares.remove(one)
    with pytest.raises(exception.Conflict):
        made.shares.change(one, size=4)


def test_names_are_unique_in_a_backend_and_differ_by_case(made):
    made.shares.add(share())
    with pytest.raises(exception.Conflict):
        made.shares.add(share())
    made.shares.add(share('ONE'))
    made.shares.add(share(backend='other'))
    assert len(made.shares.all(name='one')) == 2


def test_rules_go_with_their_share_and_snapshots_keep_it(made):
    one = made.shares.add(share())
    made.rules.add(records.RuleEntry(
        'r', one.id, 'ip', '10.0.0.1', 'rw', 'active'))
    with pytest.raises(exception.Conflict):
        made.rules.add(records.RuleEntry(
            's', one.id, 'ip', '10.0.0.1', 'ro', 'active'))
    taken = made.snapshots.add(records.SnapshotEntry(
        's', 'b', 'first', one.id, 1, 'available'))
    with pytest.raises(sa.exc.IntegrityError):
        made.shares.remove(one)
    assert len(made.rules.all(share_id=one.id)) == 1
    made.snapshots.remove(taken)
    made.shares.remove(one)
    assert made.rules.all() == []


def test_the_file_is_its_owners_alone(made, tmp_path):
    path = tmp_path / 'deep' / 'down'
    assert stat.S_IMODE((path / 'registry.sqlite3').stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize(('url', 'told'), [
    ('nonsense', 'no URL'), ('sqlite://', 'names no file'),
    ('sqlite:///:memory:', 'names no file'),
    ('sqlite:////proc/nowhere/r.sqlite3', 'cannot be made'),
    ('oracle+oracledb://u:open-sesame@h/n', 'oracle'),
    ('postgresql+nonsense://u:open-sesame@h/n', 'not')])
def test_a_registry_that_cannot_be_says_so(url, told):
    with pytest.raises(exception.ConfigurationError, match=told) as caught:
        registry.Registry(url)
    assert caught.value.option == 'registry_connection'
    assert 'open-sesame' not in str(caught.value)


def test_what_is_no_registry_is_an_error_of_ours(tmp_path):
    (tmp_path / 'r').write_text('this is no database at all' * 100)
    with pytest.raises(exception.DriverError, match='not a database'):
        registry.Registry(f'sqlite:///{tmp_path}/r')


def test_a_writer_who_stays_is_waited_for_so_long(url):
    made = registry.Registry(url, seconds=0.3)
    one = made.shares.add(share())
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with made.database.begin():
            entered.set()
            leave.wait(patience.seconds(20))
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        stayed = threads.submit(stay)
        assert entered.wait(patience.seconds(10))
        with pytest.raises(exception.Busy, match='locked'):
            made.shares.change(one, size=2)
        leave.set()
        stayed.result(patience.seconds(10))
    assert made.shares.change(one, size=2).size == 2


# -- private data -------------------------------------------------------------

@pytest.fixture(params=['registry', 'file'])
def private(request, made, tmp_path):
    if request.param == 'registry':
        return made.private_data
    return private_data.PrivateData(str(tmp_path / 'private'))


def test_private_data_is_what_manila_has(private):
    assert private.get(ENTITY) == {}
    assert private.get(ENTITY, 'a', 'none') == 'none'
    assert private.update(ENTITY, {'a': 1, 'b': None}) == {'a': 1, 'b': None}
    assert private.get(ENTITY) == {'a': '1', 'b': 'None'}
    private.update(ENTITY, {'b': 'x' * 1023, 'c': 'ü'})
    assert private.get(ENTITY, ['a', 'c', 'd']) == {'a': '1', 'c': 'ü'}
    private.update(ENTITY, {'e': 2}, delete_existing=True)
    assert private.get(ENTITY) == {'e': '2'}
    private.delete(ENTITY, 'nothing')
    private.delete(ENTITY, ['e'])
    assert private.get(ENTITY) == {}
    private.update(ENTITY, {'a': 1})
    private.delete(ENTITY)
    assert private.get(ENTITY) == {}


@pytest.mark.parametrize('call', [
    lambda one: one.get('no-uuid'), lambda one: one.delete('no-uuid'),
    lambda one: one.update('no-uuid', {}),
    lambda one: one.update(ENTITY, 'text'),
    lambda one: one.update(ENTITY, {'a': 'x' * 1024}),
    lambda one: one.update(ENTITY, {'k' * 256: 'x'})])
def test_private_data_refuses_what_manila_does(private, call):
    with pytest.raises(ValueError, match=r'UUID|dictionary|characters'):
        call(private)


def test_all_writers_of_private_data_are_heard(made):
    def write(number):
        made.private_data.update(ENTITY, {'same': number,
                                          f'own-{number}': number})
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    found = made.private_data.get(ENTITY)
    assert len(found) == 41
    assert int(found['same']) in range(40)


# -- revisions ------------------------------------------------------------

def columns(connection):
    looked = sa.inspect(connection)
    return {table: {
        'columns': sorted((column['name'], str(column['type']),
                           column['nullable'])
                          for column in looked.get_columns(table)),
        'unique': sorted((one['name'], tuple(one['column_names']))
                         for one in looked.get_unique_constraints(table)),
        'foreign': sorted((tuple(one['constrained_columns']),
                           one['referred_table'])
                          for one in looked.get_foreign_keys(table))}
        for table in looked.get_table_names() if table != 'registry_revision'}


def test_the_revisions_end_where_the_schema_is(made):
    wanted = sa.create_engine('sqlite://')
    with wanted.connect() as fresh, made.database.begin() as revised:
        schema.METADATA.create_all(fresh)
        assert columns(revised) == columns(fresh)
        assert len(columns(fresh)) == 5


def grown(connection):
    connection.execute(sa.text('CREATE TABLE IF NOT EXISTS grown (a INT)'))


def fails(connection):
    grown(connection)
    raise RuntimeError('cut off')


def test_only_missing_revisions_are_made_and_they_can_be_repeated(made):
    database = made.database
    one = made.shares.add(share())
    assert revisions.upgrade(database, 5) == 0
    longer = (*revisions.REVISIONS, grown)
    with pytest.raises(RuntimeError):
        revisions.upgrade(database, 5, (*revisions.REVISIONS, fails))
    assert revisions.upgrade(database, 5, longer) == 1
    assert revisions.upgrade(database, 5, longer) == 0
    assert made.shares.get(one.id) == one
    with pytest.raises(exception.ConfigurationError, match='newer release'):
        revisions.upgrade(database, 5)


SCRIPT = """
import sys, uuid
from manila_drivers.registry import records, registry
made = registry.Registry(sys.argv[1])
for number in range(int(sys.argv[2])):
    made.shares.add(records.ShareEntry(
        str(uuid.uuid4()), 'b', f'{uuid.uuid4()}', 'NFS', 1, 'available'))
print(made.upgraded)
"""


def test_processes_that_come_first_at_once_make_one_registry(url):
    children = [subprocess.Popen(
        [sys.executable, '-c', SCRIPT, url, '20'], stdout=subprocess.PIPE,
        text=True, env=dict(os.environ)) for _ in range(6)]
    told = [child.communicate(timeout=patience.seconds(90))[0].strip()
            for child in children]
    assert [child.returncode for child in children] == [0] * 6
    assert sorted(told) == ['0'] * 5 + ['1']
    assert len(registry.Registry(url).shares.all()) == 120


def test_waits_are_bounded_for_every_kind_of_database():
    pg = engine._arguments(sa.engine.make_url(
        'postgresql+psycopg2://u@h/n'), 30)
    assert 'lock_timeout=30000' in pg['options']
    assert pg['connect_timeout'] == 30
    maria = engine._arguments(sa.engine.make_url(
        'mysql+pymysql://u@h/n'), 30)
    assert maria['read_timeout'] == 60
