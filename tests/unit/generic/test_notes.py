# SPDX-License-Identifier: Apache-2.0

"""Notes about shares, and the storage that keeps them."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import notes
from manila_drivers.standalone import private_data

IDENT = '7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11'


@pytest.fixture(params=['kept', 'memory'])
def kept(request, tmp_path):
    return notes.GenericNotes(
        private_data.PrivateData(str(tmp_path / 'private.sqlite'))
        if request.param == 'kept' else None)


def test_nothing_is_known_of_a_share_at_first(kept):
    assert kept.share(IDENT) == notes.ShareNote()
    assert kept.snapshot(IDENT) == ''


def test_what_is_written_is_read(kept):
    kept.update(IDENT, volume_id='v', cloning=True)
    kept.update(IDENT, cloning=False, path='/legacy', section='s')
    kept.remember_snapshot(IDENT, 'snap')

    assert kept.share(IDENT) == notes.ShareNote('v', '/legacy', 's')
    assert kept.snapshot(IDENT) == 'snap'
    kept.forget(IDENT)
    assert kept.share(IDENT) == notes.ShareNote()
    assert kept.snapshot(IDENT) == ''


FULL = notes.ShareNote('v', '/legacy', 's', cloning=True, since='17',
                       rules='r', adopted=True,
                       claim=notes.place('vm', '/legacy'), leaving=True,
                       waits='18')


def test_all_that_is_known_is_forgotten(tmp_path):
    """Of a copy that was given up too: a share with notes is not deleted."""
    assert all(getattr(FULL, one.name) for one in dataclasses.fields(FULL))
    storage = private_data.PrivateData(str(tmp_path / 'private.sqlite'))
    kept = notes.GenericNotes(storage)
    kept.update(IDENT, **dataclasses.asdict(FULL))
    kept.remember_snapshot(IDENT, 'snap')
    assert kept.share(IDENT) == FULL
    kept.forget(IDENT)

    assert not storage.get(IDENT)
    assert not storage.get(FULL.claim)


def test_keys_are_those_of_manilas_driver(tmp_path):
    storage = private_data.PrivateData(str(tmp_path / 'private.sqlite'))
    storage.update(IDENT, {'volume_id': 'v', 'volume_snapshot_id': 's'})
    kept = notes.GenericNotes(storage)

    assert kept.share(IDENT).volume_id == 'v'
    assert kept.snapshot(IDENT) == 's'


def test_keys_of_others_stay(tmp_path):
    storage = private_data.PrivateData(str(tmp_path / 'private.sqlite'))
    storage.update(IDENT, {'somebody': 'else'})
    kept = notes.GenericNotes(storage)
    kept.update(IDENT, volume_id='v')
    kept.forget(IDENT)

    assert storage.get(IDENT) == {'somebody': 'else'}


def test_rules_end_the_time_before_them(kept):
    kept.update(IDENT, adopted=True)
    kept.remember_rules(IDENT, notes.digest({'10.0.0.1': 'rw'}))

    assert not kept.share(IDENT).adopted
    assert kept.share(IDENT).rules == notes.digest({'10.0.0.1': 'rw'})


def test_order_makes_no_other_digest():
    one = notes.digest({'a': 'rw', 'b': 'ro'})

    assert one == notes.digest({'b': 'ro', 'a': 'rw'})
    assert one != notes.digest({'a': 'ro', 'b': 'ro'})
    assert one != notes.digest({})


class Broken:
    """A database that is away."""

    def get(self, *args):
        raise OSError('gone')

    update = delete = get


def test_a_storage_that_fails_is_told():
    kept = notes.GenericNotes(Broken())

    with pytest.raises(exception.BackendError, match='cannot be read'):
        kept.share(IDENT)
    with pytest.raises(exception.BackendError, match='cannot be read'):
        kept.forget(IDENT)
    # Rules that are set are not unset because nobody can write that down.
    kept.remember_rules(IDENT, 'x')
