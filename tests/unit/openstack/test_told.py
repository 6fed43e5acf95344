# SPDX-License-Identifier: Apache-2.0

"""Answers that are complete, or about something else, or not to be had."""

import itertools
import json

import pytest

from manila_drivers import exception
from manila_drivers.openstack import errors
from manila_drivers.openstack import fields
from manila_drivers.openstack import service
from manila_drivers.testing.simulators import openstack
from manila_drivers.transport import rest
from manila_drivers.transport import retry

Fault = openstack.Fault
OTHER = 'ffffffff-0000-0000-0000-000000000001'
SERVER = '/compute/v2.1/servers/[^/]+$'


# Lists of several pages

def fill(clients, count):
    for number in range(count):
        clients.volumes.create(name='v%d' % number, size=1)
        clients.networks.create_network('n%d' % number)
        clients.compute.create_keypair('k%d' % number, (
            'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1ZsYoLue+oe3Ti4yV5OwHCBRz9'
            'XL4lFphLzaVRgZqP root@vm'))


@pytest.mark.parametrize('options', [
    {'page_limit': 2, 'network_page_limit': 2},
    {'page_limit': 2, 'network_page_limit': 2, 'link_url': ''},
    {'page_limit': 2, 'network_page_limit': 2, 'shuffled': True},
    {'page_limit': 5, 'network_page_limit': 5},
    {'page_limit': 1000}])
def test_lists_are_read_to_their_end(make_bench, options):
    bench = make_bench(**options)
    clients = bench.cloud()
    fill(clients, 5)
    for number in range(3):
        bench.sim.add_image('i%d' % number)
    assert sorted(each.name for each in clients.volumes.list()) == [
        'v%d' % number for number in range(5)]
    names = {each.name for each in clients.networks.networks()}
    assert names >= {'n%d' % number for number in range(5)}
    assert len(clients.compute.keypairs()) == 5
    assert len(clients.images.images()) == 4
    bench.clock.sleep(60)
    for number in range(5):
        clients.volumes.create_snapshot(
            clients.volumes.list('v%d' % number)[0].id, name='s')
    assert len(clients.volumes.snapshots('s')) == 5


@pytest.mark.parametrize(('kind', 'raised'), [
    ('status', errors.ServiceError), ('html', exception.DriverError),
    ('truncated', exception.OutcomeUnknown),
    ('reset_before', exception.OutcomeUnknown)])
def test_a_list_whose_second_page_fails_is_no_list(
        make_bench, kind, raised):
    bench = make_bench(page_limit=2)
    clients = bench.cloud()
    fill(clients, 3)
    bench.sim.arm(Fault(kind, code=500, times=None, match='marker='))
    with retry.patience(2), pytest.raises(raised):
        clients.volumes.list()


def pages(markers):
    """Return empty pages, each of which leads to another one."""
    return (json.dumps({'volumes': [], 'volumes_links': [{
        'rel': 'next', 'href': 'http://x/?marker=%s' % each}]})
        for each in markers)


@pytest.mark.parametrize('markers', [
    itertools.repeat(1), itertools.cycle((1, 2, 3)), itertools.count()])
def test_a_list_that_does_not_end_is_left(
        bench, clients, monkeypatch, markers):
    monkeypatch.setattr(service, 'MOST_PAGES', 20)
    bench.altered['GET .*/volumes/detail'] = pages(markers)
    with pytest.raises(exception.BackendError, match='does not end'):
        clients.volumes.list()
    assert len(bench.asked()) <= 21


@pytest.mark.parametrize(('count', 'ignores'), [
    (4, False), (5, False), (6, False), (2, True), (3, True)])
def test_a_page_that_is_full_need_not_be_the_last(
        make_bench, monkeypatch, count, ignores):
    """A proxy has taken the links out of the answers."""
    monkeypatch.setattr(service, 'PAGE', 2)
    bench = make_bench()
    clients = bench.cloud()
    fill(clients, count)
    every = clients.volumes.list()
    assert len(every) == count

    def without(data):
        data.pop('volumes_links', None)
        if ignores:
            # Neither the limit nor the marker means anything to it.
            data['volumes'] = [{'id': each.id, 'name': each.name}
                               for each in every]
        return data
    bench.altered['GET .*/volumes/detail'] = without
    assert {each.id for each in clients.volumes.list()} == {
        each.id for each in every}


def test_a_record_that_moves_to_another_page_is_listed_once(
        make_bench):
    bench = make_bench(page_limit=2)
    clients = bench.cloud()
    fill(clients, 3)
    first = clients.volumes.list()[0]
    raw = {'id': first.id, 'name': first.name}
    bench.altered['GET .*/volumes/detail.*marker'] = lambda data: {
        **data, 'volumes': [raw, *data['volumes']]}
    assert len(clients.volumes.list()) == 3


@pytest.mark.parametrize(('data', 'marker'), [
    ({}, ''), ({'servers_links': []}, ''), ({'servers_links': None}, ''),
    ({'servers_links': [{'rel': 'self', 'href': 'x?marker=a'}]}, ''),
    ({'servers_links': [{'rel': 'next',
                         'href': 'http://h/v2.1/servers?limit=2&marker=a'}]},
     'a'),
    ({'next': '/v2/images?marker=b&status=active'}, 'b'),
    ({'links': [{'rel': 'next', 'href': '?marker=c%20d'}]}, 'c d')])
def test_the_marker_of_the_next_page(data, marker):
    assert service.following(data, 'servers') == marker


def test_a_next_page_that_is_not_told_is_no_end():
    with pytest.raises(exception.BackendError, match='does not tell which'):
        service.following({'next': '/v2/images?page=2'}, 'images')


# Answers about something else

@pytest.mark.parametrize(('pattern', 'key', 'call'), [
    ('GET ' + SERVER, 'server', lambda c: c.compute.server('a')),
    ('GET .*/volumes/a', 'volume', lambda c: c.volumes.volume('a')),
    ('GET .*/snapshots/a', 'snapshot', lambda c: c.volumes.snapshot('a')),
    ('GET .*/flavors/a', 'flavor', lambda c: c.compute.flavor('a')),
    ('GET .*/ports/a', 'port', lambda c: c.networks.port('a')),
    ('GET .*/subnets/a', 'subnet', lambda c: c.networks.subnet('a')),
    ('GET .*/networks/a', 'network', lambda c: c.networks.network('a')),
    ('GET .*/routers/a', 'router', lambda c: c.networks.router('a')),
    ('PUT .*/ports/a', 'port', lambda c: c.networks.update_port('a')),
    ('PUT .*/volumes/a', 'volume', lambda c: c.volumes.rename('a', 'b'))])
def test_another_object_is_not_the_one_that_was_asked_for(
        bench, clients, pattern, key, call):
    bench.altered[pattern] = '{"%s": {"id": "%s"}}' % (key, OTHER)
    with pytest.raises(exception.BackendError, match='another one') as info:
        call(clients)
    assert OTHER in str(info.value)
    for body in ('{}', '{"%s": null}' % key, '{"%s": []}' % key, '[]',
                 'null', '{"%s": {}}' % key, '{"%s": {"id": null}}' % key,
                 '{"%s": {"id": 7}}' % key):
        bench.altered[pattern] = body
        with pytest.raises(exception.BackendError):
            call(clients)
    bench.altered[pattern] = '{"%s": {"id": "A"}}' % key
    assert call(clients).id == 'A'


@pytest.mark.parametrize('body', [
    '{}', 'null', '[]', '{"volumes": null}', '{"volumes": {}}',
    '{"volumes": [null]}', '{"volumes": [{"name": "a"}]}'])
def test_a_list_that_is_not_told_is_not_an_empty_one(bench, clients, body):
    bench.altered['GET .*/volumes/detail'] = body
    with pytest.raises(exception.BackendError):
        clients.volumes.list()


def test_attachments_of_another_server_are_not_ours(bench, clients):
    bench.altered['GET .*os-volume_attachments'] = (
        '{"volumeAttachments": [{"serverId": "b", "volumeId": "v"}]}')
    with pytest.raises(exception.BackendError, match='another one'):
        clients.compute.attachments('a')


@pytest.mark.parametrize('sizes', [(10, 10, 3), (25, 0), (9,), (0,),
                                   (12, 12, 0)])
def test_attachments_are_read_to_their_end(bench, clients, sizes):
    """Nova cuts them where it likes, and leads to no next page."""
    ends = list(itertools.accumulate(sizes))
    bench.altered['GET .*os-volume_attachments'] = (
        json.dumps({'volumeAttachments': [
            {'serverId': 's', 'volumeId': 'v%d' % number}
            for number in range(end - size, end)]})
        for size, end in zip(sizes, ends, strict=True))
    found = clients.compute.attachments('s')
    assert [each.volume_id for each in found] == [
        'v%d' % number for number in range(ends[-1])]
    queries = [entry.query for entry in bench.sim.log
               if 'os-volume_attachments' in entry.path]
    assert queries == ['', *('offset=%d' % end for end in ends[:-1])]


@pytest.mark.parametrize(('pattern', 'call'), [
    ('GET .*/volumes/detail', lambda c: c.volumes.list('x')),
    ('GET .*/volumes/detail', lambda c: c.volumes.list(metadata={'k': 'v'})),
    ('GET .*/networks', lambda c: c.networks.networks('x')),
    ('GET .*/ports', lambda c: c.networks.ports(device_id='x')),
    ('GET .*/ports', lambda c: c.networks.ports(ip_address='10.0.0.9')),
    ('GET .*/images', lambda c: c.images.images('x')),
    ('GET .*/servers/detail', lambda c: c.compute.servers('x')),
    ('GET .*/security-groups', lambda c: c.networks.security_groups('x'))])
def test_a_filter_that_is_ignored_is_applied_again(
        bench, clients, pattern, call):
    bench.altered[pattern] = lambda data: {
        key: [{'id': 'a', 'name': 'other', 'device_id': 'other',
               'status': 'active', 'project_id': 'p', 'metadata': {}}]
        for key in ('volumes', 'networks', 'ports', 'images', 'servers',
                    'security_groups')}
    assert call(clients) == []


def test_a_port_that_does_not_tell_its_host_is_not_taken_for_none(
        bench, clients):
    bench.altered['GET .*/ports'] = '{"ports": [{"id": "a"}]}'
    with pytest.raises(exception.BackendError, match='binding_host'):
        clients.networks.ports(binding_host='compute-1')


def test_a_key_pair_of_another_name_is_not_it(bench, clients):
    bench.altered['GET .*/os-keypairs/k'] = '{"keypair": {"name": "j"}}'
    with pytest.raises(exception.BackendError, match='another one'):
        clients.compute.keypair('k')


@pytest.mark.parametrize(('pattern', 'body', 'call'), [
    ('POST .*/volumes$', '{"volume": {"id": "a", "name": "other"}}',
     lambda c: c.volumes.create(name='a', size=1)),
    ('POST .*/snapshots$', '{"snapshot": {"id": "a", "volume_id": "other"}}',
     lambda c: c.volumes.create_snapshot('v', name='a')),
    ('POST .*/os-keypairs', '{"keypair": {"name": "b"}}',
     lambda c: c.compute.create_keypair('a', 'ssh-ed25519 AAAA')),
    ('POST .*/os-volume_att',
     '{"volumeAttachment": {"volumeId": "b", "serverId": "s"}}',
     lambda c: c.compute.attach('s', 'v')),
    ('POST .*/os-volume_att',
     '{"volumeAttachment": {"volumeId": "v", "serverId": "b"}}',
     lambda c: c.compute.attach('s', 'v')),
    ('POST .*/ports', '{"port": {"id": "a", "network_id": "m"}}',
     lambda c: c.networks.create_port('n')),
    ('POST .*/networks', '{"network": {"id": "a", "name": "m"}}',
     lambda c: c.networks.create_network('n'))])
def test_another_object_is_not_the_one_that_was_made(
        bench, clients, pattern, body, call):
    bench.altered[pattern] = body
    with pytest.raises(exception.OutcomeUnknown):
        call(clients)


# Errors

def test_a_404_of_a_proxy_is_no_missing_object(bench, clients):
    clients.volumes.check()
    bench.sim.arm(Fault('html', code=404, times=None, match='/volumes/a'))
    for call in (clients.volumes.volume, clients.volumes.delete):
        with pytest.raises(errors.ServiceError) as info:
            call('a')
        assert not isinstance(info.value, exception.NotFound)
        assert info.value.check


def test_an_error_has_its_parts(bench, clients):
    with pytest.raises(errors.ServiceNotFound) as info:
        clients.volumes.volume(OTHER)
    error = info.value
    assert (error.service, error.status, error.kind) == (
        'volume', 404, 'itemNotFound')
    assert error.request_id.startswith('req-')
    assert error.request_id in str(error) and OTHER in str(error)
    assert OTHER in error.message


@pytest.mark.parametrize(('headers', 'found'), [
    ({'X-Openstack-Request-Id': 'req-1'}, 'req-1'),
    ({'x-compute-request-id': 'req-2'}, 'req-2'),
    ({'x-openstack-request-id': ''}, ''), ({}, '')])
def test_the_id_of_a_request(headers, found):
    assert errors.request_id(headers) == found


@pytest.mark.parametrize('text', [
    '', 'null', '7', '"x"', '[]', '{}', '{"a": null}', '{"a": {}}',
    '{"itemNotFound": {"message": null}}', '{"itemNotFound": {"code": 404}}',
    '<html', '\x00\xff', '{"message": "no Route matched"}',
    '{"error": {"message": "x"}}', '{"NeutronError": "x"}',
    '{"NeutronError": {"type": 7, "message": []}}'])
def test_no_answer_is_too_odd_for_an_error(text):
    for status in (300, 400, 401, 403, 404, 406, 409, 413, 429, 500, 503):
        error = errors.refused('volume', 'It', rest.Response(status, text))
        assert error.status == status and 'HTTP %d' % status in str(error)
        assert not isinstance(error, exception.NotFound) or 'NotFound' in text


def test_a_long_page_is_cut():
    text = errors.plain('<p>' + 'x' * 10000)
    assert len(text) < 600 and text.endswith('...')


# Fields

@pytest.mark.parametrize(('method', 'value', 'found'), [
    ('text', 'a', 'a'), ('text', '', ''), ('text', None, None),
    ('number', 0, 0), ('number', None, None), ('flag', 'false', False),
    ('flag', 'True', True), ('flag', None, None), ('texts', [], ()),
    ('texts', None, None), ('pairs', {}, {}), ('pairs', None, None),
    ('part', None, None), ('rows', [], ()), ('rows', None, None)])
def test_a_field_is_as_it_is_told(method, value, found):
    assert getattr(fields.Fields({'f': value}, 'thing'), method)('f') == found
    if value is None:
        assert getattr(fields.Fields({}, 'thing'), method)('f') is None


@pytest.mark.parametrize(('method', 'value'), [
    ('ident', None), ('ident', ''), ('ident', 7), ('text', 7), ('text', []),
    ('number', '1'), ('number', 1.5), ('number', True), ('flag', 1),
    ('flag', 'yes'), ('texts', 'abc'), ('texts', [1]), ('pairs', {'a': 1}),
    ('pairs', []), ('part', []), ('rows', {}), ('rows', [None])])
def test_a_field_of_another_type_is_refused(method, value):
    with pytest.raises(exception.BackendError, match='came'):
        getattr(fields.Fields({'f': value}, 'thing'), method)('f')
