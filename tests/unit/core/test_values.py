# SPDX-License-Identifier: Apache-2.0

"""Rows as values, errors as one line, and the meter."""

import threading

import pytest

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.transport import meter


class OrmRow:
    """Reads like an ORM row: unknown names raise AttributeError."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __getitem__(self, key):
        return getattr(self, key)

    def get(self, key, default=None):
        return getattr(self, key, default)


@pytest.mark.parametrize('kind', [dict, OrmRow])
def test_a_share_is_read_from_rows_and_dictionaries(kind):
    share = model.Share.of(kind(
        id='i', share_id='s', share_proto='nfs', size=3,
        host='h@b#pool', export_locations=[kind(path='10.0.0.1:/x')]))
    assert share == model.Share(
        id='i', share_id='s', size=3, proto='NFS', host='h@b#pool',
        export_paths=('10.0.0.1:/x',))
    assert (share.size_bytes, share.pool) == (3 * 2 ** 30, 'pool')
    assert model.Share.of(share) is share


@pytest.mark.parametrize('kind', [dict, OrmRow])
def test_missing_keys_are_no_errors(kind):
    share = model.Share.of(kind(id='i'))
    assert (share.share_id, share.size, share.export_paths) == (
        'i', None, ())


def test_locations_to_be_managed_may_be_plain_strings():
    assert model.Share.of({'id': 'i', 'export_locations': ['a:/b']}
                          ).export_paths == ('a:/b',)
    assert model.Share.of({'id': 'i', 'export_location': 'a:/b'}
                          ).export_paths == ('a:/b',)


@pytest.mark.parametrize('kind', [dict, OrmRow])
def test_a_snapshot_knows_its_share_instance(kind):
    snapshot = model.Snapshot.of(kind(
        id='n', share_id='i', share=kind(id='i'), provider_location=None))
    assert (snapshot.share_instance_id, snapshot.name) == (
        'i', 'share-snapshot-n')
    assert snapshot.share == model.Share(id='i', share_id='i')
    assert snapshot.provider_location == ''


@pytest.mark.parametrize(('text', 'value'), [
    ('<is> True', True), ('True', True), ('<is> false', False), ('0', False),
    ('', None), ('perhaps', None), (None, None)])
def test_booleans_of_extra_specs(text, value):
    assert model.as_bool(text) is value


def test_an_error_says_where_what_answer_and_remedy():
    error = exception.NotFound('Share s has no view', answer='HTTP 404',
                               check='VMS').located('vast1').located('other')
    assert str(error) == ('Backend vast1: Share s has no view. '
                          'Answer: HTTP 404 Check: VMS')


def test_a_configuration_error_names_its_option():
    error = exception.ConfigurationError('vast_mgmt_host', 'is not set')
    assert error.option == 'vast_mgmt_host'
    assert 'vast_mgmt_host' in str(error)


def test_every_error_is_of_the_one_tree():
    found = [cls for cls in vars(exception).values()
             if isinstance(cls, type) and issubclass(cls, Exception)]
    assert len(found) > 10
    assert all(issubclass(cls, exception.DriverError) for cls in found)
    assert all(cls.__name__ in exception.__doc__ for cls in found)


def test_meters_nest_and_count_by_kind():
    with meter.measure() as outer:
        meter.count('REST', 1.0)
        with meter.measure() as inner:
            meter.count('SSH', 0.5)
    meter.count('REST', 9.0)
    assert (inner.counts, outer.counts) == ({'SSH': 1},
                                            {'REST': 1, 'SSH': 1})
    assert outer.waited == 1.5
    assert str(outer).startswith('1 REST, 1 SSH in 1.500 s of ')


def test_other_threads_count_only_what_is_carried_to_them():
    with meter.measure() as trips:
        threads = [
            threading.Thread(target=meter.carried(meter.count),
                             args=('SSH', 0.0)),
            threading.Thread(target=meter.count, args=('SSH', 0.0))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert trips.counts == {'SSH': 1}
