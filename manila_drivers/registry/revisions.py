# SPDX-License-Identifier: Apache-2.0

"""How a registry gets the tables of today, whatever it has.

Each revision is a function that makes its tables of the ones before, and that
can be repeated: MariaDB keeps what was done of a revision that was cut off.
They are never changed once released, and name no table of ``schema``, which
goes on.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
from typing import Any

import sqlalchemy as sa

from manila_drivers import exception
from manila_drivers.registry import engine

Revision = Callable[[Any], None]

_OPTIONS = {'mysql_engine': 'InnoDB', 'mysql_charset': 'utf8mb4',
            'mysql_collate': 'utf8mb4_bin'}


def _first(connection: Any) -> None:
    """Shares, snapshots, rules, private data and leases."""
    tables = sa.MetaData()
    json, text, column = sa.JSON(none_as_null=True), sa.Text, sa.Column
    sa.Table(
        'shares', tables,
        column('id', sa.String(36), primary_key=True),
        column('backend', sa.String(255), nullable=False),
        column('name', sa.String(255), nullable=False),
        column('proto', sa.String(32), nullable=False),
        column('size', sa.Integer),
        column('status', sa.String(32), nullable=False),
        column('task', json),
        column('failure', text, nullable=False),
        column('locations', json, nullable=False),
        column('specs', json),
        column('snapshot_id', sa.String(36)),
        column('created_at', sa.String(32), nullable=False),
        column('version', sa.Integer, nullable=False),
        sa.UniqueConstraint('backend', 'name', name='one_share_of_a_name'),
        **_OPTIONS)
    sa.Table(
        'snapshots', tables,
        column('id', sa.String(36), primary_key=True),
        column('backend', sa.String(255), nullable=False),
        column('name', sa.String(255), nullable=False),
        column('share_id', sa.String(36), sa.ForeignKey('shares.id'),
               nullable=False),
        column('size', sa.Integer),
        column('status', sa.String(32), nullable=False),
        column('location', text, nullable=False),
        column('failure', text, nullable=False),
        column('created_at', sa.String(32), nullable=False),
        column('version', sa.Integer, nullable=False),
        sa.UniqueConstraint('backend', 'name',
                            name='one_snapshot_of_a_name'), **_OPTIONS)
    sa.Table(
        'rules', tables,
        column('id', sa.String(36), primary_key=True),
        column('share_id', sa.String(36), sa.ForeignKey('shares.id'),
               nullable=False),
        column('kind', sa.String(32), nullable=False),
        column('target', sa.String(255), nullable=False),
        column('level', sa.String(8), nullable=False),
        column('state', sa.String(16), nullable=False),
        column('reason', text, nullable=False),
        column('created_at', sa.String(32), nullable=False),
        column('version', sa.Integer, nullable=False),
        sa.UniqueConstraint('share_id', 'kind', 'target',
                            name='one_rule_for_a_target'), **_OPTIONS)
    sa.Table(
        'private_data', tables,
        column('entity_id', sa.String(36), primary_key=True),
        column('name', sa.String(255), primary_key=True),
        column('value', text, nullable=False), **_OPTIONS)
    sa.Table(
        'leases', tables,
        column('name', sa.String(255), primary_key=True),
        column('owner', sa.String(255), nullable=False),
        column('expires', sa.BigInteger, nullable=False), **_OPTIONS)
    tables.create_all(connection)


REVISIONS: Sequence[Revision] = (_first,)

_TABLES = sa.MetaData()
_REVISION = sa.Table(
    'registry_revision', _TABLES,
    sa.Column('revision', sa.Integer, primary_key=True,
              autoincrement=False), **_OPTIONS)
# A number that nobody else asks for, and a name of the same kind.
_NUMBER, _NAME = 6_021_947_215, 'manila_drivers_registry'


def upgrade(database: engine.Database, seconds: float,
            revisions: Sequence[Revision] = REVISIONS) -> int:
    """Bring a registry up to date; return how many revisions were missing.

    Processes that do so at once wait for each other.

    :param seconds: how long they wait.
    :raises ConfigurationError: it was made by a newer release.
    """
    with database.begin() as connection:
        if current(connection) == len(revisions):
            return 0
    with _alone(database, seconds) as connection:
        return _upgrade(connection, revisions)


def _upgrade(connection: Any, revisions: Sequence[Revision]) -> int:
    _TABLES.create_all(connection)
    before = current(connection)
    if before > len(revisions):
        raise exception.ConfigurationError(
            'registry_connection', 'the registry was made by a newer release '
            f'of this library: it has revision {before}, and '
            f'{len(revisions)} is known here',
            check='that all hosts have the same release')
    for number, revise in enumerate(revisions[before:], before + 1):
        revise(connection)
        connection.execute(_REVISION.insert().values(revision=number))
    return len(revisions) - before


def current(connection: Any) -> int:
    """Return the last revision that a registry has, 0 for none."""
    if not sa.inspect(connection).has_table(_REVISION.name):
        return 0
    found = connection.execute(sa.select(
        sa.func.max(_REVISION.c.revision))).scalar()
    return int(found or 0)


@contextlib.contextmanager
def _alone(database: engine.Database, seconds: float) -> Iterator[Any]:
    """Open a transaction that has ended when the next process begins its own.

    SQLite keeps others out with the transaction itself, PostgreSQL with a
    lock that ends with it.  MariaDB's lock belongs to a connection: another
    one holds it, so that what was done is to be seen before it is free.
    """
    with contextlib.ExitStack() as held:
        if database.name in ('mysql', 'mariadb'):
            holder = held.enter_context(database.begin())
            _lock(holder, seconds)
            held.callback(holder.execute, sa.text(
                'SELECT RELEASE_LOCK(:name)'), {'name': _NAME})
        with database.begin() as connection:
            if database.name == 'postgresql':
                connection.execute(
                    sa.text('SELECT pg_advisory_xact_lock(:number)'),
                    {'number': _NUMBER})
            yield connection


def _lock(connection: Any, seconds: float) -> None:
    got = connection.execute(
        sa.text('SELECT GET_LOCK(:name, :seconds)'),
        {'name': _NAME, 'seconds': seconds}).scalar()
    if got != 1:
        raise exception.Busy(
            'The registry is being brought up to date by another process',
            check='what else uses the registry')
