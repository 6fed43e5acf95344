# SPDX-License-Identifier: Apache-2.0

"""A check of a registry that is a real PostgreSQL or MariaDB."""

import pytest
import sqlalchemy as sa

from manila_drivers.direct import loading
from manila_drivers.preflight import recording
from manila_drivers.registry import records
from manila_drivers.registry import registry
from tests.functional.registry import mariadb
from tests.functional.registry import postgres
from tests.functional.registry import test_databases
from tests.unit.direct import bench

server, url = test_databases.server, test_databases.url
pytestmark = test_databases.pytestmark


@pytest.fixture
def look(url, tmp_path):
    conf = bench.write(tmp_path / 'manila.conf', {'vast': {
        'share_driver': 'x'}}, registry_connection=url, registry_timeout=2)

    def call(**more):
        found = recording.look(loading.section(conf, 'vast'), ['vast'],
                               **more)
        assert postgres.PASSWORD not in ''.join(map(str, found))
        return found
    return call


def tables(url):
    made = sa.create_engine(url)
    try:
        return sorted(sa.inspect(made).get_table_names())
    finally:
        made.dispose()


def execute(url, *lines):
    made = sa.create_engine(url)
    try:
        with made.begin() as connection:
            for line in lines:
                connection.execute(sa.text(line))
    finally:
        made.dispose()


def test_an_empty_one_is_not_made(url, look):
    assert look() == []
    assert tables(url) == []


def test_one_that_is_right_has_no_finding_and_stays(url, look):
    made = registry.Registry(url, seconds=5)
    made.shares.add(records.ShareEntry(
        id='1', backend='vast', name='one', proto='NFS', size=1,
        status='available'))
    assert look() == []
    assert look(ask=False) == []
    assert len(made.shares.all()) == 1
    with made.database.begin() as connection:
        assert connection.execute(sa.text(
            'SELECT count(*) FROM leases')).scalar() == 0
    made.close()


def test_all_that_is_wrong_is_told(url, look):
    made = registry.Registry(url, seconds=5)
    made.shares.add(records.ShareEntry(
        id='1', backend='gone', name='one', proto='NFS', size=1,
        status='available'))
    made.close()
    [found] = look()
    assert '1 shares of backend gone' in found.tried
    execute(url, 'DROP TABLE rules')
    [found] = look()
    assert 'table rules' in found.answered
    execute(url, 'INSERT INTO registry_revision VALUES (99)')
    [found] = look()
    assert 'newer release' in found.tried


def test_who_may_only_read_is_told(server, url, look):
    registry.Registry(url, seconds=5).close()
    name = sa.engine.make_url(url).database
    if url.startswith('postgresql'):
        execute(url, f'ALTER DATABASE "{name}" SET '
                'default_transaction_read_only = on')
    else:
        server._do(f'REVOKE ALL ON {name}.* FROM {mariadb.USER}@localhost',
                   f'GRANT SELECT ON {name}.* TO {mariadb.USER}@localhost')
    [found] = look()
    assert 'nothing was recorded' in found.tried
    assert found.answered
