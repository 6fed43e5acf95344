# SPDX-License-Identifier: Apache-2.0

"""SQLite under a whole Manila: one transaction at a time, properly nested.

As shipped, Manila on SQLite locks itself up.  Several threads hold read
transactions and then want to write; and one thread opens a second session
inside a first one's transaction (deleting a share updates quotas), where
SQLite then waits for itself.  Under eventlet such a wait, inside a C call,
stops every greenthread, the one that would end it included.

So nobody is ever made to wait inside SQLite.  A connection is lent to one
thread at a time, behind a lock that both kinds of threads wait for in their
own way, and a thread that asks again gets the connection it already has,
with the inner transaction as a savepoint of the outer one.

It is plugged in by the URL: `sqlite:////file?plugin=one_at_a_time`.
"""

# Where the types are checked, SQLAlchemy need not be installed.
# mypy: disable-error-code="import-not-found, misc"

import logging
import sqlite3
import threading
import typing as ty

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy import pool
from sqlalchemy.dialects import plugins

NAME = 'one_at_a_time'


class NestingConnection(sqlite3.Connection):
    """begin, commit and rollback may be nested: savepoints inside."""

    depth = 0

    def begin(self) -> None:
        self.execute('SAVEPOINT level%d' % self.depth if self.depth
                     else 'BEGIN IMMEDIATE')
        self.depth += 1

    def commit(self) -> None:
        if self._inner():
            self.execute('RELEASE level%d' % self.depth)
        else:
            super().commit()

    def rollback(self) -> None:
        if self._inner():
            self.execute('ROLLBACK TO level%d' % self.depth)
            self.execute('RELEASE level%d' % self.depth)
        else:
            super().rollback()

    def _inner(self) -> bool:
        self.depth = max(self.depth - 1, 0)
        return self.depth > 0


class TurnPool(pool.SingletonThreadPool):
    """Lends one connection to one thread at a time; to that one, again.

    Each request of the API has a thread of its own, and a connection for each
    would read the schema and translate all statements anew.
    """

    def __init__(self, creator: ty.Any, **options: ty.Any) -> None:
        super().__init__(creator, **options)
        self._turn = threading.Lock()
        self._owner: int | None = None
        self._only: pool.ConnectionPoolEntry | None = None

    def connect(self) -> pool.PoolProxiedConnection:
        if self._owner == threading.get_ident():
            return super().connect()
        self._turn.acquire()
        self._owner = threading.get_ident()
        try:
            return super().connect()
        except BaseException:
            self._pass_on()
            raise

    def _do_get(self) -> pool.ConnectionPoolEntry:
        # Whoever has the turn alone gets here.
        if self._only is None:
            self._only = super()._do_get()
        return self._only

    def _do_return_conn(self, record: pool.ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        self._pass_on()

    def _pass_on(self) -> None:
        # Not by a mark of the thread itself: a connection that was dropped
        # is returned by whichever thread collects the garbage.
        self._owner = None
        self._turn.release()


class Plugin(sqlalchemy.engine.CreateEnginePlugin):
    """Gives the engine under construction the pool and the connection."""

    def __init__(self, url: sqlalchemy.URL, kwargs: dict[str, ty.Any]
                 ) -> None:
        super().__init__(url, kwargs)
        kwargs['poolclass'] = TurnPool
        arguments = kwargs.setdefault('connect_args', {})
        arguments['factory'] = NestingConnection
        # It goes from thread to thread.
        arguments['check_same_thread'] = False

    def update_url(self, url: sqlalchemy.URL) -> sqlalchemy.URL:
        return url.difference_update_query(['plugin'])

    def engine_created(self, engine: sqlalchemy.Engine) -> None:
        sqlalchemy.event.listen(engine, 'begin', _begin)


def _begin(connection: sqlalchemy.Connection) -> None:
    ty.cast(NestingConnection, connection.connection.dbapi_connection).begin()
    # oslo.db begins, lazily and unnested, unless it finds this mark.
    connection.info['in_transaction'] = True


def register() -> None:
    # Pools name their loggers after themselves, and would escape the quiet
    # that Manila imposes on SQLAlchemy.
    logging.getLogger(__name__).setLevel(logging.WARNING)
    plugins.register(NAME, __name__, Plugin.__name__)


def load_related_in_lists() -> None:
    """Let models load related rows by IN, as those of the newest Manila do.

    To be called before the models are imported.  Older ones have a few
    relations that load by subqueries, which SQLAlchemy puts together anew
    for every statement: half of the time that their services take.
    """
    relationship = orm.relationship

    def relating(*arguments: ty.Any, **options: ty.Any) -> ty.Any:
        if options.get('lazy') == 'subquery':
            options['lazy'] = 'selectin'
        return relationship(*arguments, **options)

    orm.relationship = relating
