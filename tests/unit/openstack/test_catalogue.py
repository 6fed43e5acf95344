# SPDX-License-Identifier: Apache-2.0

"""Endpoints in catalogues, and parts of their URLs."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.openstack import catalogue
from manila_drivers.openstack import link
from manila_drivers.openstack import versions


def endpoint(url, region='RegionOne', interface='public'):
    return {'url': url, 'region_id': region, 'interface': interface}


def service(kind, *endpoints):
    return {'type': kind, 'endpoints': list(endpoints)}


NOVA = catalogue.Wanted('compute', 'nova', ('compute',))
CINDER = catalogue.Wanted('volume', 'cinder', link.VOLUME.types)
A, B = endpoint('http://a'), endpoint('http://b', 'RegionTwo')


def changed(wanted, **changes):
    return dataclasses.replace(wanted, **changes)


@pytest.mark.parametrize(('services', 'wanted', 'url'), [
    ([service('compute', A)], NOVA, 'http://a'),
    ([service('image', B), service('compute', A)], NOVA, 'http://a'),
    ([service('compute', A, B)], changed(NOVA, region='RegionTwo'),
     'http://b'),
    ([service('compute', A, endpoint('http://i', interface='internal'))],
     changed(NOVA, interface='internal'), 'http://i'),
    # Keystone v2 calls them so.
    ([service('compute', endpoint('http://a', interface='publicURL'))], NOVA,
     'http://a'),
    ([service('block-storage', B), service('volumev3', A)], CINDER,
     'http://a'),
    ([service('volumev3'), service('block-storage', B)], CINDER, 'http://b'),
    # One thing told twice is one thing.
    ([service('compute', A), service('compute', A)], NOVA, 'http://a'),
    # Regions may share a service.
    ([service('compute', A, endpoint('http://a', 'RegionTwo'))], NOVA,
     'http://a'),
    # A default that nobody has chosen gives way to the only region.
    ([service('compute', B)],
     changed(NOVA, region='RegionOne', region_told=False), 'http://b'),
    ([service('compute', A, B)],
     changed(NOVA, region='RegionOne', region_told=False), 'http://a'),
    ([{'type': 'compute', 'endpoints': [
        {'url': 'http://a', 'region': 'R', 'interface': 'public'}]}],
     changed(NOVA, region='R'), 'http://a')])
def test_the_endpoint_is_found(services, wanted, url):
    assert catalogue.find(services, wanted) == url


@pytest.mark.parametrize(('services', 'wanted', 'kind', 'said'), [
    ([], NOVA, exception.BackendError, 'no compute service'),
    ([service('image', A)], NOVA, exception.BackendError, 'types image'),
    ([service('compute')], NOVA, exception.BackendError, 'no compute'),
    # The second version of the API is not that of ours.
    ([service('volumev2', A)], CINDER, exception.BackendError, 'volumev2'),
    ([service('compute', A)], changed(NOVA, interface='admin'),
     exception.ConfigurationError, r'\[nova\] endpoint_type.*public'),
    ([service('compute', A)], changed(NOVA, region='RegionTwo'),
     exception.ConfigurationError, r'\[nova\] region_name.*RegionOne'),
    ([service('compute', A, B)], NOVA, exception.ConfigurationError,
     r'\[nova\] region_name.*http://a.*http://b'),
    ([service('compute', A, endpoint('http://c'))],
     changed(NOVA, region='RegionOne'), exception.ConfigurationError,
     'several'),
    ([service('compute', B, endpoint('http://c', 'RegionThree'))],
     changed(NOVA, region='RegionOne', region_told=False),
     exception.ConfigurationError, 'several')])
def test_what_is_not_there_or_not_clear_is_refused(
        services, wanted, kind, said):
    with pytest.raises(kind, match=said):
        catalogue.find(services, wanted)


@pytest.mark.parametrize(('url', 'parts'), [
    ('https://cloud', ('https', 'cloud', 443, '')),
    ('http://cloud/', ('http', 'cloud', 80, '')),
    ('http://127.0.0.1:8774/v2.1', ('http', '127.0.0.1', 8774, '/v2.1')),
    (' https://[2001:db8::1]:13774/v2.1/ ',
     ('https', '2001:db8::1', 13774, '/v2.1'))])
def test_an_address_in_parts(url, parts):
    assert dataclasses.astuple(catalogue.address(url, 'o')) == parts


@pytest.mark.parametrize('url', [
    '', 'cloud:8774', 'ftp://cloud', 'http://', 'http://cloud:x/',
    '/v2.1', 'http://cloud:99999'])
def test_what_is_no_address_names_the_option(url):
    with pytest.raises(exception.ConfigurationError, match=r'\[nova\] x'):
        catalogue.address(url, '[nova] x')


@pytest.mark.parametrize(('base', 'full', 'asked', 'major'), [
    ('/v3/0123', '/v3/0123', ['/v3/', '/'], 'v3'),
    ('/volume/v3/0123', '/volume/v3/0123', ['/volume/v3/', '/volume/'],
     'v3'),
    ('/v2.1', '/v2.1', ['/v2.1/', '/'], 'v2.1'),
    ('/v2.1/0123', '/v2.1/0123', ['/v2.1/', '/'], 'v2.1'),
    ('/compute', '/compute/vX', ['/compute/'], ''),
    ('', '/vX', ['/'], ''),
    # No version: a word that begins like one.
    ('/vendor', '/vendor/vX', ['/vendor/'], '')])
def test_versions_in_paths(base, full, asked, major):
    assert catalogue.versioned(base, '/vX') == full
    assert catalogue.documents(base) == asked
    assert catalogue.major(base) == major


@pytest.mark.parametrize(('wanted', 'least', 'most', 'chosen'), [
    ((2, 79), (2, 1), (2, 104), (2, 79)),
    ((2, 79), (2, 1), (2, 60), (2, 60)),
    ((2, 9), (2, 1), (2, 10), (2, 9)),
    ((2, 79), (2, 90), (2, 104), (2, 90)),
    ((2, 79), None, (2, 104), (2, 79)),
    ((2, 79), None, None, None)])
def test_the_version_that_is_spoken(wanted, least, most, chosen):
    assert versions.chosen(
        wanted, versions.VersionRange(least, most)) == chosen


@pytest.mark.parametrize('text', [
    '', '<html>', '[]', 'null', '3', '{}', '{"versions": null}',
    '{"versions": [null]}', '{"versions": {"values": "v3"}}',
    '{"versions": [{"id": "v2.0", "version": "", "min_version": ""}]}'])
def test_what_tells_no_version_is_no_document_of_versions(text):
    assert versions.document(text, 'v3') is None
