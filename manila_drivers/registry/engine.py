# SPDX-License-Identifier: Apache-2.0

"""Connections to the registry's database, each wait with a deadline."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import random
import re
import time
from typing import Any
from typing import TypeVar
import weakref

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy import exc
from sqlalchemy import pool

from manila_drivers import exception

T = TypeVar('T')

OPTION = 'registry_connection'
# Names of parameters of a URL whose values nobody is shown.
_SECRET = re.compile('pass|pwd|secret|token|key', re.IGNORECASE)
#: Tries of a transaction that met another one.
TRIES = 50


class Database:
    """One database, used in short transactions.  Thread-safe.

    :param url: of SQLAlchemy; for SQLite the file and its directory are
        made, readable by their owner only.
    :param seconds: every wait for the database, at the most.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self.seconds = seconds
        try:
            parsed = sa.engine.make_url(url)
            arguments = _arguments(parsed, seconds)
            self.engine: Any = sa.create_engine(
                parsed, hide_parameters=True, connect_args=arguments,
                **_pool(parsed.get_backend_name()))
        except (exc.ArgumentError, ValueError):
            raise exception.ConfigurationError(
                OPTION, 'is no URL of SQLAlchemy',
                check='postgresql+psycopg2://USER:PASSWORD@HOST/NAME, for '
                      'instance') from None
        except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
            raise exception.ConfigurationError(
                OPTION, 'what it needs of Python is not installed',
                answer=str(error), check='the package of its driver, such as '
                'psycopg2 or PyMySQL') from error
        _forget_in_children(self.engine)
        self.name: str = self.engine.dialect.name
        self.url = shown(parsed)
        if self.name == 'sqlite':
            _make_file(parsed.database)
            _prepare_sqlite(self.engine)

    @property
    def shared(self) -> bool:
        """True if other hosts may use it as well."""
        return self.name != 'sqlite'

    def now(self, connection: Any) -> int:
        """Return milliseconds by the database's own clock."""
        return int(connection.execute(sa.text(_NOW[self.name])).scalar())

    @contextlib.contextmanager
    def begin(self) -> Iterator[Any]:
        """Open a transaction, and commit it at the end.

        :raises Unreachable: nothing was asked.
        :raises Busy: others kept it for too long; nothing was changed.
        :raises AccessDenied: it may not be written; nothing was changed.
        :raises NoRoom: its file system is full; nothing was changed.
        :raises OutcomeUnknown: the connection was lost.
        """
        try:
            connection = self.engine.connect()
        except exc.SQLAlchemyError as error:
            if self.name == 'sqlite' and isinstance(error, exc.DBAPIError):
                raise self._translated(error) from None
            raise exception.Unreachable(
                f'The registry {self.url} does not answer',
                answer=_told(error), check=OPTION) from None
        try:
            with connection, connection.begin():
                yield connection
        except exc.IntegrityError:
            raise
        except exc.DBAPIError as error:
            raise self._translated(error) from None

    def transact(self, work: Callable[[Any], T]) -> T:
        """Return what a function does in a transaction.

        It is repeated if another transaction came in between: what the two
        wrote at once is there then for it to see.

        :raises sqlalchemy.exc.IntegrityError: each time.
        """
        for number in range(TRIES):
            try:
                with self.begin() as connection:
                    return work(connection)
            except exc.IntegrityError:
                if number + 1 == TRIES:
                    raise
            except _Again as error:
                if number + 1 == TRIES:
                    raise exception.Busy(error.what, answer=error.answer,
                                         check=error.check) from None
            # Apart from the others: all began again at once.
            pause = random.uniform(0, 0.01)  # noqa: S311 (no secret)
            time.sleep(pause * min(number + 1, 10))
        raise AssertionError('not reached')

    def close(self) -> None:
        self.engine.dispose()

    def _translated(self, error: Any) -> exception.DriverError:
        told = _told(error)
        what = f'The registry {self.url} could not be used'
        if self.name == 'sqlite' and 'locked' in told \
                or _WAITED & _codes(error):
            return exception.Busy(what, answer=told, check='what else uses '
                                  'it, a backup say; then repeat the command')
        if _DEADLOCKS & _codes(error):
            return _Again(what, answer=told)
        if _READ_ONLY & {told, *_codes(error)}:
            return exception.AccessDenied(
                what + ': nothing was recorded', answer=told, check='that the '
                'user of this command may read and write it, the directory '
                'of a file as well, and that it is not mounted for reading')
        if _FULL & {told, *_codes(error)}:
            return exception.NoRoom(
                what + ': nothing was recorded', answer=told,
                check='the space of the file system that it is on')
        if isinstance(error, (exc.OperationalError, exc.InterfaceError)):
            return exception.OutcomeUnknown(what, answer=told, check=OPTION)
        return exception.BackendError(what, answer=told, check=OPTION)


def shown(url: Any) -> str:
    """Return a URL for people: without the password, wherever it stands."""
    told: str = url.difference_update_query(
        list(filter(_SECRET.search, url.query))).render_as_string(
            hide_password=True)
    return told


class _Again(exception.Busy):
    """The database chose this transaction to end for another one's sake."""


_NOW = {
    'sqlite': "SELECT CAST((julianday('now') - 2440587.5) * 86400000 "
              'AS INTEGER)',
    'postgresql': 'SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 '
                  'AS BIGINT)',
    'mysql': 'SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)',
    'mariadb': 'SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)'}


def _arguments(url: Any, seconds: float) -> dict[str, Any]:
    """Return what bounds each wait, for the drivers that we know.

    :raises ConfigurationError: the database is of another kind.
    """
    kind, driver = url.get_backend_name(), url.get_driver_name()
    whole, thousandths = max(1, round(seconds)), round(seconds * 1000)
    if kind == 'sqlite':
        if not url.database or url.database == ':memory:':
            raise exception.ConfigurationError(
                OPTION, 'names no file; a registry that is forgotten is none')
        return {'timeout': seconds}
    if kind == 'postgresql' and driver in ('psycopg2', 'psycopg'):
        return {'connect_timeout': max(2, whole),
                'tcp_user_timeout': thousandths,
                'options': f'-c lock_timeout={thousandths} '
                           f'-c statement_timeout={2 * thousandths} '
                           '-c idle_in_transaction_session_timeout='
                           f'{4 * thousandths}'}
    if kind in ('mysql', 'mariadb') and driver == 'pymysql':
        return {'connect_timeout': whole, 'read_timeout': 2 * whole,
                'write_timeout': 2 * whole,
                'init_command': 'SET SESSION innodb_lock_wait_timeout='
                                f'{whole}'}
    raise exception.ConfigurationError(
        OPTION, f'{kind}+{driver} is not known here, so that its waits would '
        'have no end', check='sqlite, postgresql+psycopg2, '
        'postgresql+psycopg, mysql+pymysql')


def _pool(kind: str) -> dict[str, Any]:
    """Return how connections are kept."""
    if kind == 'sqlite':
        return {'poolclass': pool.NullPool}
    # One that the server has closed meanwhile is replaced.
    return {'pool_pre_ping': True, 'pool_recycle': 300, 'max_overflow': 50}


def _forget_in_children(engine: Any) -> None:
    """Have forked children make connections of their own."""
    known = weakref.ref(engine)

    def forget() -> None:
        found = known()
        if found is not None:
            found.dispose(close=False)
    os.register_at_fork(after_in_child=forget)


def _make_file(path: str) -> None:
    if os.path.exists(path):
        return
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700,
                    exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise exception.ConfigurationError(
            OPTION, f'{path} cannot be made', answer=str(error),
            check='state_path, and who may write there') from error


def _prepare_sqlite(engine: Any) -> None:
    """Have transactions begin as writers, which SQLite lets wait."""
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute('PRAGMA foreign_keys = ON')
        # What is recorded has to outlive a power failure.
        connection.execute('PRAGMA synchronous = FULL')

    def begun(connection: Any) -> None:
        connection.exec_driver_sql('BEGIN IMMEDIATE')
    event.listen(engine, 'connect', connected)
    event.listen(engine, 'begin', begun)


# How PostgreSQL and MariaDB say that a lock was waited for in vain, and that
# one of two transactions that wait for each other had to end.
_WAITED = frozenset({'55P03', 1205})
_DEADLOCKS = frozenset({'40P01', '40001', 1213})
# And SQLite as well, in words: that it may not be written, or is full.
_READ_ONLY = frozenset({'25006', '42501', 1142, 1290, 1792, 1836,
                        'attempt to write a readonly database',
                        'unable to open database file'})
_FULL = frozenset({'53100', 1021, 1114, 'database or disk is full'})


def _codes(error: Any) -> set[Any]:
    """Return the codes that an error has; drivers keep them in places."""
    original = error.orig
    return {getattr(original, 'pgcode', None),
            getattr(original, 'sqlstate', None),
            *list(getattr(original, 'args', ()))[:1]}


def _told(error: Exception) -> str:
    """Return what the database said, in one line."""
    return ' '.join(str(getattr(error, 'orig', None) or error).split())
