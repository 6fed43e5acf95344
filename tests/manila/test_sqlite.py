# SPDX-License-Identifier: Apache-2.0

"""The database shim: turns between threads, nesting within one."""

from concurrent import futures
import pathlib
import threading
import typing as ty

import pytest
import sqlalchemy
from sqlalchemy import exc
from sqlalchemy import orm
from sqlalchemy import text

from manila_drivers.testing.manila import sqlite

THREADS, ROUNDS = 8, 25


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> sqlalchemy.Engine:
    sqlite.register()
    return _with_counter('sqlite:///%s/x?plugin=one_at_a_time' % tmp_path)


def _with_counter(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(text('CREATE TABLE t (n INTEGER)'))
        connection.execute(text('INSERT INTO t VALUES (0)'))
    return engine


def _value(connection: sqlalchemy.Connection) -> int:
    return int(connection.execute(text('SELECT n FROM t')).scalar_one())


def _write(connection: sqlalchemy.Connection, value: int) -> None:
    connection.execute(text('UPDATE t SET n = :n'), {'n': value})


def _count_up(engine: sqlalchemy.Engine) -> None:
    """Reads, lets others in if they can, and writes: loses if they can."""
    for _ in range(ROUNDS):
        with engine.begin() as connection:
            now = _value(connection)
            threading.Event().wait(0.001)
            _write(connection, now + 1)


def _race(engine: sqlalchemy.Engine) -> int:
    with futures.ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(_count_up, [engine] * THREADS))
    with engine.connect() as connection:
        return _value(connection)


def test_nothing_is_lost_between_threads(engine: sqlalchemy.Engine) -> None:
    assert _race(engine) == THREADS * ROUNDS


def test_plain_sqlite_loses(tmp_path: pathlib.Path) -> None:
    """Without the shim increments vanish, or the file is locked."""
    try:
        reached = _race(_with_counter('sqlite:///%s/y' % tmp_path))
    except exc.OperationalError:
        reached = 0
    assert reached < THREADS * ROUNDS


def test_an_inner_transaction_sees_the_outer(
        engine: sqlalchemy.Engine) -> None:
    with engine.begin() as outer:
        _write(outer, 1)
        with engine.begin() as inner:
            assert _value(inner) == 1
            _write(inner, 2)
        assert _value(outer) == 2
    with engine.connect() as connection:
        assert _value(connection) == 2


def test_an_inner_rollback_leaves_the_outer(
        engine: sqlalchemy.Engine) -> None:
    with engine.begin() as outer:
        _write(outer, 1)
        with engine.connect() as inner:
            _write(inner, 2)
            inner.rollback()
        assert _value(outer) == 1
    with engine.connect() as connection:
        assert _value(connection) == 1


def test_an_outer_rollback_takes_the_inner_along(
        engine: sqlalchemy.Engine) -> None:
    with engine.connect() as outer:
        _write(outer, 1)
        with engine.begin() as inner:
            _write(inner, 2)
        outer.rollback()
        assert _value(outer) == 0


def test_a_failed_transaction_passes_the_turn_on(
        engine: sqlalchemy.Engine) -> None:
    with pytest.raises(exc.OperationalError), engine.begin() as connection:
        connection.execute(text('UPDATE nothing SET n = 1'))
    with futures.ThreadPoolExecutor(1) as thread:
        thread.submit(_count_up, engine).result(timeout=30)


def test_related_rows_are_loaded_in_lists(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orm, 'relationship', orm.relationship)
    sqlite.load_related_in_lists()
    base: ty.Any = orm.declarative_base()

    class Row(base):
        __tablename__ = 'rows'
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        above = sqlalchemy.Column(sqlalchemy.ForeignKey('rows.id'))
        below = orm.relationship('Row', lazy='subquery', join_depth=2)

    engine = sqlalchemy.create_engine('sqlite://')
    base.metadata.create_all(engine)
    told: list[str] = []
    sqlalchemy.event.listen(engine, 'before_cursor_execute', (
        lambda *arguments: told.append(arguments[2])))
    with orm.Session(engine) as session:
        session.add_all([Row(id=1), Row(id=2, above=1), Row(id=3, above=1)])
        session.commit()
        told.clear()
        first = session.scalars(
            sqlalchemy.select(Row).where(Row.id == 1)).one()
        assert [row.id for row in first.below] == [2, 3]
    assert ' IN ' in told[1]
    assert not [text for text in told if 'FROM (SELECT' in text]
