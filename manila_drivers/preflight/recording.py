# SPDX-License-Identifier: Apache-2.0

"""Look at the registry of shares that a configuration file names.

Nothing is made and nothing is brought up to date: what the first command
would do so to is told.  That it may be written is tried in a transaction that
is taken back.
"""

from collections.abc import Collection
from collections.abc import Iterator
import contextlib
import os
import pathlib
import stat
from typing import Any

import sqlalchemy as sa

from manila_drivers import exception
from manila_drivers.preflight import findings
from manila_drivers.preflight import values
from manila_drivers.preflight.findings import Finding
from manila_drivers.registry import engine
from manila_drivers.registry import revisions
from manila_drivers.registry import schema

CONNECTION, STATE, TIMEOUT, LEASE = (
    'registry_connection', 'state_path', 'registry_timeout', 'registry_lease')
_RESTORE = 'bring it back from a backup, then audit: that is older'


def look(conf: Any, sections: Collection[str], *,
         ask: bool = True) -> list[Finding]:
    """Return all that is wrong with a registry; of none, nothing.

    :param conf: the configuration of any section of the file.
    :param sections: all that are in it.
    :param ask: look at a database server as well, and not at a file alone.
    """
    settings: dict[str, Any] = {}
    found: list[Finding] = []
    for name in (CONNECTION, STATE, TIMEOUT, LEASE):
        settings[name], error = exception.caught_any(
            lambda name=name: conf.default_get(name))  # type: ignore[misc]
        if error is not None:
            found.append(Finding(name, 'has a value that it cannot have',
                                 values.why(error)))
    if found:
        return found
    option = CONNECTION if settings[CONNECTION] else STATE
    url = settings[CONNECTION] or 'sqlite:///' + os.path.join(
        settings[STATE], 'registry.sqlite3')
    path = _file(url)
    if path is not None and not path.exists():
        said = option == CONNECTION or conf.is_said(STATE)
        return list(_to_be_made(path, option)) if said else []
    if path is None and not ask:
        return []
    _, error = exception.caught(lambda: found.extend(
        _Look(url, float(settings[TIMEOUT]), option).all(sections)))
    return found if error is None else [
        *found, _named(Finding.of(error), option)]


def _file(url: str) -> pathlib.Path | None:
    """Return the file of a registry, None if it is none, or not told."""
    try:
        parsed = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return None
    if parsed.get_backend_name() != 'sqlite' or not parsed.database:
        return None
    return pathlib.Path(parsed.database)


def _to_be_made(path: pathlib.Path, option: str) -> Iterator[Finding]:
    there = next((each for each in path.absolute().parents
                  if each.exists()), pathlib.Path('/'))
    if not there.is_dir() or not os.access(
            there, os.W_OK | os.X_OK, effective_ids=True):
        yield Finding(
            option, f'the registry {path} cannot be made', f'this user may '
            f'not write {there}', 'who runs manila-drivers, and who may write '
            'there', findings.WARNING)


def _named(finding: Finding, option: str) -> Finding:
    """Return a finding whose option is the one that the file has."""
    return Finding(option, finding.tried, finding.answered,
                   f'that {option} names the registry, and what keeps it'
                   if finding.do == CONNECTION else finding.do,
                   finding.severity)


class _Undone(Exception):
    """Takes a transaction back."""


class _Look:
    """A registry that is there, or should be.

    :param option: by which it is found.
    """

    def __init__(self, url: str, seconds: float, option: str) -> None:
        self._database = engine.Database(url, seconds)
        self._option = option

    def all(self, sections: Collection[str]) -> Iterator[Finding]:
        """Yield what is wrong with it.

        :raises DriverError: it cannot be used at all.
        """
        with contextlib.closing(self._database):
            yield from self._mode()
            with self._database.begin() as connection:
                known = list(self._content(connection, sections))
            yield from known
            _, error = exception.caught(self._try_to_write)
            if error is not None:
                yield _named(Finding.of(error), self._option)

    def _mode(self) -> Iterator[Finding]:
        """Others may read who can reach what, and notes of drivers."""
        path = self._database.engine.url.database
        if self._database.shared or not os.path.exists(path):
            return
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield self._tell(
                'can be read or written by others than its owner',
                f'mode {mode:04o}', f'chmod 600 {path}', findings.WARNING)

    def _content(self, connection: Any,
                 sections: Collection[str]) -> Iterator[Finding]:
        if not self._database.shared:
            told = connection.exec_driver_sql('PRAGMA quick_check').scalar()
            if told != 'ok':
                yield self._tell('is damaged', str(told), _RESTORE)
                return
        here, known = revisions.current(connection), len(revisions.REVISIONS)
        tables = set(sa.inspect(connection).get_table_names())
        if here > known:
            yield self._tell(
                'was made by a newer release of this library',
                f'it has revision {here}, and {known} is known here',
                'that all hosts have the same release')
            return
        if here < known:
            if here or tables & schema.METADATA.tables.keys():
                yield self._tell(
                    'was made by an older release of this library, and the '
                    'next command brings it up to date', f'it has revision '
                    f'{here}, and {known} is known here', 'back it up; older '
                    'releases cannot use it afterwards', findings.WARNING)
            return
        lacking = sorted(_lacking(connection, tables))
        if lacking:
            yield self._tell('is not whole', 'it has no ' + ', '.join(lacking),
                             _RESTORE)
            return
        yield from self._unconfigured(connection, sections)

    def _unconfigured(self, connection: Any,
                      sections: Collection[str]) -> Iterator[Finding]:
        """Tell of shares that no command reaches with this file."""
        table = schema.SHARES
        for backend, number in connection.execute(
                sa.select(table.c.backend, sa.func.count()).group_by(
                    table.c.backend).order_by(table.c.backend)):
            if backend not in sections:
                yield self._tell(
                    f'has {number} shares of backend {backend}',
                    f'this file has no section [{backend}]',
                    'whether the section was renamed: shares are recorded by '
                    'its name; or which file goes with this registry',
                    findings.WARNING)

    def _try_to_write(self) -> None:
        """Write something, and take it back.

        :raises DriverError: it may not be written.
        """
        with contextlib.suppress(_Undone), \
                self._database.begin() as connection:
            if sa.inspect(connection).has_table(schema.LEASES.name):
                connection.execute(schema.LEASES.insert().values(
                    name='check', owner='check', expires=0))
            raise _Undone

    def _tell(self, tried: str, answered: str, do: str,
              severity: str = findings.ERROR) -> Finding:
        return Finding(self._option,
                       f'the registry {self._database.url} {tried}',
                       answered, do, severity)


def _lacking(connection: Any, tables: Collection[str]) -> Iterator[str]:
    """Yield tables and columns that are missing."""
    for name, table in schema.METADATA.tables.items():
        if name not in tables:
            yield f'table {name}'
            continue
        there = {column['name']
                 for column in sa.inspect(connection).get_columns(name)}
        for column in table.columns:
            if column.name not in there:
                yield f'column {name}.{column.name}'
