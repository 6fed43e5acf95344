# SPDX-License-Identifier: Apache-2.0

"""Many shares in a real Manila, faster than its scheduler would make them.

On the storage the driver makes them, in a process of its own without Manila;
in Manila's database they are copies of a share that Manila has made, with the
ids of the new ones.  What its API tells of them it tells as of any other.
"""

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import typing as ty
import uuid

from tests import patience
from tests.manila.conftest import REPOSITORY

_MAKE = """
import json, sys
from manila_drivers import direct
file, section, registry, count, network = sys.argv[1:]
made = []
with direct.Backend.load(file, section, registry=registry) as backend:
    for number in range(int(count)):
        share = backend.shares.create(size=2, name='crowd %d' % number)
        share.allow(network)
        made.append((share.id, list(share.locations)))
json.dump(made, sys.stdout)
"""

#: Tables in the order in which rows may be entered, with the columns that
#: are the row's own.
_SHARES, _INSTANCES, _PATHS, _RULES, _GIVEN = (
    'shares', 'share_instances', 'share_instance_export_locations',
    'share_access_map', 'share_instance_access_map')


def make(file: pathlib.Path, section: str, count: int,
         network: str) -> list[tuple[str, list[str]]]:
    """Have the driver make shares of 2 GiB that a network may write to."""
    done = subprocess.run(
        [sys.executable, '-c', _MAKE, str(file), section,
         'sqlite:///%s' % (file.parent / 'crowd.sqlite3'), str(count),
         network], capture_output=True, text=True,
        timeout=patience.seconds(300), cwd=REPOSITORY,
        env={**os.environ, 'MANILA_DRIVERS_STANDALONE': '1'})
    assert done.returncode == 0, done.stderr
    return [(ident, paths) for ident, paths in json.loads(done.stdout)]


def enter(database: pathlib.Path, like: str,
          made: ty.Iterable[tuple[str, list[str]]]) -> list[str]:
    """Enter shares as copies of one; return their ids in this order.

    :param like: id of a share with one instance and one rule.
    """
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as base:
        base.row_factory = sqlite3.Row
        with base:
            return [_one(base, like, number, *each)
                    for number, each in enumerate(made)]


def resize(database: pathlib.Path, share: str, size: int) -> None:
    """Have Manila say another size of a share, in GiB."""
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as base:
        with base:
            base.execute('UPDATE shares SET size = ? WHERE id = ?',
                         (size, share))


def _one(base: sqlite3.Connection, like: str, number: int, instance: str,
         paths: list[str]) -> str:
    share, rule = str(uuid.uuid4()), str(uuid.uuid4())
    old = _rows(base, _INSTANCES, share_id=like)[0]
    _copy(base, _SHARES, {'id': like}, id=share,
          display_name='crowd %d' % number)
    _copy(base, _INSTANCES, {'id': old['id']}, id=instance, share_id=share)
    location = _rows(base, _PATHS, share_instance_id=old['id'])[0]
    for path in paths:
        _copy(base, _PATHS, {'id': location['id']}, id=None,
              uuid=str(uuid.uuid4()), share_instance_id=instance, path=path)
    _copy(base, _RULES, {'share_id': like}, id=rule, share_id=share)
    _copy(base, _GIVEN, {'share_instance_id': old['id']},
          id=str(uuid.uuid4()), share_instance_id=instance, access_id=rule)
    return share


def _rows(base: sqlite3.Connection, table: str,
          **where: str) -> list[sqlite3.Row]:
    [(column, value)] = where.items()
    return base.execute(f'SELECT * FROM {table} WHERE {column} = ?',  # noqa: S608
                        (value,)).fetchall()


def _copy(base: sqlite3.Connection, table: str, of: dict[str, str],
          **change: object) -> None:
    row = {**dict(_rows(base, table, **of)[0]), **change}
    base.execute('INSERT INTO %s (%s) VALUES (%s)' % (  # noqa: S608
        table, ', '.join(f'"{name}"' for name in row),
        ', '.join('?' * len(row))), list(row.values()))
