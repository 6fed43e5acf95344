# SPDX-License-Identifier: Apache-2.0

"""A registry that cannot be written: nothing is made that it would not have.

Errors are a line that names the file, and what to do.
"""

import contextlib
import os
import pathlib
import sqlite3
import tempfile

import pytest
from sqlalchemy import event

from manila_drivers import exception
from manila_drivers.cli import main
from tests.unit.audit import planted
from tests.unit.direct import bench

NOBODY = 65534


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        with bench.bench('vast', directory, registry_timeout=1) as made:
            pathlib.Path(made.cluster.options()['vast_ssl_cert_path']
                         ).parent.chmod(0o755)
            with made.backend() as backend:
                share = backend.shares.create(size=2, name='one')
                share.allow(planted.NETWORK)
                share.snapshot('first')
                backend.audit()
            made.conf.chmod(0o644)
            for each in directory.iterdir():
                if each.is_dir():
                    each.chmod(0o777)
            yield made


def file(place):
    return place.conf.parent / 'registry.sqlite3'


@contextlib.contextmanager
def nobody():
    """Have the rights that modes of files give, which root goes beyond."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)


OPERATIONS = {
    'create': lambda backend: backend.shares.create(size=2, name='two'),
    'allow': lambda backend: backend.shares.get('one').allow('10.0.0.0/8'),
    'deny': lambda backend: backend.shares.get('one').deny(planted.NETWORK),
    'resize': lambda backend: backend.shares.get('one').resize(3),
    'snapshot': lambda backend: backend.shares.get('one').snapshot('two'),
    'clone': lambda backend: backend.snapshots.get('first').clone('two'),
    'revert': lambda backend: backend.shares.get('one').revert(),
    'delete': lambda backend: backend.snapshots.get('first').delete(),
    'ensure': lambda backend: backend.shares.ensure()}


@contextlib.contextmanager
def file_for_reading(place):
    file(place).chmod(0o444)
    with nobody():
        yield


@contextlib.contextmanager
def directory_for_reading(place):
    file(place).chmod(0o666)
    place.conf.parent.chmod(0o555)
    try:
        with nobody():
            yield
    finally:
        place.conf.parent.chmod(0o755)


@contextlib.contextmanager
def not_for_us(place):
    file(place).chmod(0o000)
    with nobody():
        yield


@contextlib.contextmanager
def locked(place):
    with contextlib.closing(sqlite3.connect(
            file(place), isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        yield


#: How the registry fails, and what is said of it, to be done for it, and the
#: exit codes of changes and of lists.
FAILURES = {
    'file': (file_for_reading, 'readonly', 'may read and write it', 1, 0),
    'directory': (directory_for_reading, 'readonly',
                  'the directory of a file as well', 1, 0),
    'not ours': (not_for_us, 'unable to open', 'may read and write it', 1, 1),
    'locked': (locked, 'is locked', 'what else uses it', 4, 4)}


@pytest.mark.parametrize('operation', OPERATIONS)
@pytest.mark.parametrize('failure', FAILURES)
def test_nothing_is_made_that_cannot_be_recorded(place, failure, operation):
    fails, answer, check, _, _ = FAILURES[failure]
    before = place.cluster.inventory()
    with fails(place), pytest.raises(exception.BackendError) as caught, \
            place.backend(patience=0.1) as backend:
        OPERATIONS[operation](backend)
    assert place.cluster.inventory() == before
    told = str(caught.value)
    assert str(file(place)) in told
    assert answer in told
    assert check in told


@pytest.mark.parametrize('failure', FAILURES)
def test_commands_say_one_line_and_fail(place, failure, capsys):
    fails, answer, check, change, read = FAILURES[failure]
    run = ['--config-file', str(place.conf)]
    # Everything is imported that another user may not read.
    assert main.main([*run, 'share', 'list']) == 0
    assert main.main([*run, 'audit']) == 0
    capsys.readouterr()
    with fails(place):
        for words, code in ((('share', 'create', 'two', '2'), change),
                            (('share', 'ensure'), change),
                            (('share', 'list'), read),
                            (('audit',), 2 if read else 0)):
            assert main.main([*run, *words]) == code, words
            err = capsys.readouterr().err
            if code:
                assert err.count('Answer: ') == 1
                assert answer in err
                assert check in err
                assert str(file(place)) in err


def test_unfinished_work_is_told_to_who_may_only_read(place):
    with place.backend() as backend:
        share = backend.shares.get('one')
        backend.registry.shares.change(
            share._record, status='deleting', task={'name': 'delete'})
    with file_for_reading(place), place.backend() as backend:
        assert [one.repair for one in backend.audit().differences] == [
            'go on']


def test_a_full_disk_leaves_what_is_recorded(place):
    """Let the file grow no more; what is in it can be changed."""
    with place.backend() as backend:
        pages = []

        def full(connection, record):
            if not pages:
                pages.extend(connection.execute(
                    'PRAGMA page_count').fetchone())
            connection.execute(f'PRAGMA max_page_count = {pages[0]}')
        event.listen(backend.registry.database.engine, 'connect', full)
        before = place.cluster.inventory()
        with pytest.raises(exception.NoRoom, match='space of the file'):
            backend.shares.create(size=2, name='two', specs={
                'vast:comment': 'x' * 20000})
        assert place.cluster.inventory() == before
        assert [one.name for one in backend.shares] == ['one']
