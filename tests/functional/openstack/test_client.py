# SPDX-License-Identifier: Apache-2.0

"""Our own clients on the real services: found, asked, and understood."""

import contextlib
import logging

from oslo_config import cfg
import pytest

from manila_drivers import exception
from manila_drivers.openstack import cloud as clouds
from manila_drivers.openstack import errors
from manila_drivers.openstack import polling
from manila_drivers.openstack import records
from tests.functional.openstack import configs
from tests.functional.openstack import places
from tests.tempest.configs import ini

pytestmark = pytest.mark.timeout(3600)

NOBODY = '00000000-0000-0000-0000-000000000001'
KEY = ('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1ZsYoLue+oe3Ti4yV5OwHCBRz9XL4lF'
       'phLzaVRgZqP root@vm')
GROUPS = ('nova', 'cinder', 'neutron', 'glance')


def configured(directory, **changes):
    """Return clients whose file has no region: the cloud has only one."""
    path = directory / 'manila.conf'
    path.write_text(ini({group: {**configs.account('manila'),
                                 **changes.get(group, {})}
                         for group in GROUPS}))
    conf = cfg.ConfigOpts()
    conf(['--config-file', str(path)], project='manila')
    return clouds.Cloud(conf)


@pytest.fixture(scope='module')
def ours(cloud, tmp_path_factory):
    made = configured(tmp_path_factory.mktemp('ours'))
    yield made
    made.close()


def reached(ours, ident, *statuses):
    return polling.until(
        lambda: ours.volumes.volume(ident),
        lambda each: each.status in statuses, limit=300, what='The volume')


@pytest.fixture
def volume(ours):
    made = ours.volumes.create(name='a.b', size=1, volume_type='ceph1',
                               metadata={'of': 'a test'})
    yield reached(ours, made.id, 'available')
    reached(ours, made.id, 'available', 'error')
    ours.volumes.delete(made.id, cascade=True)
    with contextlib.suppress(exception.NotFound):
        polling.until(lambda: ours.volumes.volume(made.id),
                      lambda each: False, limit=60, what='The deletion')


@pytest.fixture
def subnet(ours):
    net = ours.networks.create_network('of-a-test')
    made = ours.networks.create_subnet(net.id, cidr='10.99.0.0/28',
                                       name='of-a-test')
    yield made
    for each in ours.networks.ports(network_id=net.id):
        if each.device_owner != 'network:dhcp':
            ours.networks.delete_port(each.id)
    ours.networks.delete_subnet(made.id)
    ours.networks._remove('/networks/' + net.id, 'Deletion of the network')


def test_services_are_found_and_versions_are_negotiated(ours, caplog):
    caplog.set_level(logging.DEBUG)
    for each in (ours.compute, ours.volumes, ours.networks, ours.images):
        each.check()
    assert ours.compute._connection.version() == (2, 79)
    assert ours.volumes._connection.version() == (3, 66)
    assert 'does not tell its versions' not in caplog.text
    assert places.PASSWORD not in caplog.text
    projects = {each.project_id() for each in (
        ours.compute, ours.volumes, ours.networks, ours.images)}
    assert len(projects) == 1


def test_a_wrong_password_is_refused(cloud, tmp_path):
    wrong = configured(tmp_path, nova={'password': 'not-this-one'})
    with pytest.raises(exception.AccessDenied, match=r'\[nova\]') as info:
        wrong.compute.check()
    assert info.value.status == 401 and 'not-this-one' not in str(info.value)


def test_images_flavors_and_key_pairs(ours):
    [image] = ours.images.images(places.IMAGE)
    assert image.status == 'active'
    assert ours.compute.flavor(places.FLAVOR).ram == 512
    made = ours.compute.create_keypair('of-a-test', KEY)
    try:
        with pytest.raises(exception.Conflict):
            ours.compute.create_keypair('of-a-test', KEY)
        assert ours.compute.keypair('of-a-test').public_key.split()[:2] == (
            KEY.split()[:2])
        assert made.name in {each.name for each in ours.compute.keypairs()}
    finally:
        ours.compute.delete_keypair('of-a-test')
    assert ours.compute.keypair('of-a-test') is None
    ours.compute.delete_keypair('of-a-test')


def test_what_is_not_there_is_not_found(ours):
    for call in (ours.compute.server, ours.compute.attachments,
                 ours.compute.actions, ours.volumes.volume,
                 ours.volumes.snapshot, ours.networks.port,
                 ours.networks.network, ours.networks.subnet,
                 ours.networks.router, ours.compute.flavor):
        with pytest.raises(errors.ServiceNotFound) as info:
            call(NOBODY)
        assert info.value.status == 404 and info.value.request_id
    for gone in (ours.compute.delete_server, ours.volumes.delete,
                 ours.volumes.delete_snapshot, ours.networks.delete_port,
                 ours.networks.delete_subnet,
                 ours.networks.delete_security_group):
        gone(NOBODY)


def test_a_volume_and_its_snapshot(ours, volume):
    assert (volume.size, volume.type, volume.attachments) == (1, 'ceph1', ())
    assert [each.id for each in ours.volumes.list(
        'a.b', {'of': 'a test'})] == [volume.id]
    assert ours.volumes.list('a.b', {'of': 'another'}) == []
    assert ours.volumes.rename(volume.id, 'axb').name == 'axb'
    assert ours.volumes.list('a.b') == []
    snapshot = ours.volumes.create_snapshot(volume.id, name='s',
                                            metadata={'k': 'v'})
    polling.until(lambda: ours.volumes.snapshot(snapshot.id),
                  lambda each: each.status == 'available', limit=120,
                  what='The snapshot')
    assert [each.metadata for each in ours.volumes.snapshots(
        's', volume.id)] == [{'k': 'v'}]
    request = ours.volumes.extend(volume.id, 900)
    polling.until(lambda: ours.volumes.messages(volume.id), bool, limit=60,
                  what='The message')
    [message] = ours.volumes.messages(volume.id)
    assert message.request_id == request and 'extend' in message.text
    reached(ours, volume.id, 'available')
    with pytest.raises(exception.NotFound, match='type with name nope'):
        ours.volumes.create(name='x', size=1, volume_type='nope')
    assert ours.volumes.limits().volumes_used >= 1


def test_networks_ports_and_groups(ours, subnet):
    networks = ours.networks
    assert subnet.gateway_ip == '10.99.0.1'
    bare = networks.create_subnet(subnet.network_id, cidr='10.99.1.0/28',
                                  gateway_ip='')
    assert networks.subnet(bare.id).gateway_ip == ''
    assert [each.id for each in networks.subnets(
        subnet.network_id, name='')] == [bare.id]
    networks.delete_subnet(bare.id)
    with pytest.raises(errors.ServiceError) as info:
        networks.create_subnet(subnet.network_id, cidr='10.99.0.0/29')
    assert (info.value.status, info.value.kind) == (400, 'InvalidInput')
    group = networks.create_security_group('of-a-test', 'd')
    rule = records.SecurityRule('ingress', 'IPv4', 'tcp', 2049, 2049,
                                '0.0.0.0/0')
    for _ in range(2):
        networks.add_rule(group.id, rule)
    [found] = networks.security_groups('of-a-test')
    assert set(found.rules) - set(group.rules) == {rule}
    port = networks.create_port(
        subnet.network_id, name='of-a-test', security_groups=[group.id],
        device_id='manila-share', device_owner='manila:share',
        binding_host=places.HOST, fixed_ips=[
            {'subnet_id': subnet.id, 'ip_address': '10.99.0.9'}])
    for fits in ({'name': ['of-a-test', 'other']},
                 {'subnet_id': subnet.id, 'ip_address': '10.99.0.9'},
                 {'device_id': 'manila-share', 'binding_host': places.HOST,
                  'network_id': subnet.network_id}):
        assert [each.id for each in networks.ports(**fits)] == [port.id]
    with pytest.raises(exception.Conflict):
        networks.create_port(subnet.network_id, fixed_ips=[
            {'subnet_id': subnet.id, 'ip_address': '10.99.0.9'}])
    with pytest.raises(exception.Busy):
        networks.delete_security_group(group.id)
    assert networks.update_port(port.id, security_groups=(),
                                port_security=False).port_security is False
    networks.delete_port(port.id)
    networks.delete_security_group(group.id)
    assert 'binding' in networks.extensions()


@pytest.mark.slow
@pytest.mark.parametrize('version', ['2.79', '2.101'])
def test_a_server_with_a_volume(ours, volume, subnet, tmp_path, version):
    compute = configured(tmp_path, nova={'api_microversion': version}).compute
    [image] = ours.images.images(places.IMAGE)
    port = ours.networks.create_port(subnet.network_id, name='of-a-server')
    made = compute.create_server(
        name='a.b', flavor=places.FLAVOR, image=image.id, ports=[port.id],
        metadata={'of': 'a test'})
    try:
        server = polling.until(
            lambda: compute.server(made.id),
            lambda each: each.status in ('ACTIVE', 'ERROR'), limit=600,
            what='The server')
        assert server.status == 'ACTIVE', server.fault
        assert [each.ip for each in server.addresses] == [
            each.ip_address for each in port.fixed_ips]
        assert [each.id for each in compute.servers(
            'a.b', {'of': 'a test'}, all_projects=True)] == [server.id]
        request = compute.attach(server.id, volume.id)
        polling.until(lambda: ours.volumes.volume(volume.id).attachments,
                      bool, limit=300, what='The attachment')
        reached(ours, volume.id, 'in-use')
        assert [each.volume_id for each in compute.attachments(
            server.id)] == [volume.id]
        assert volume.id in compute.server(server.id).volumes
        action = compute.actions(server.id)[0]
        assert (action.action, action.request_id) == (
            'attach_volume', request)
        with pytest.raises(errors.AlreadyAttached):
            compute.attach(server.id, volume.id)
        compute.detach(server.id, volume.id)
        reached(ours, volume.id, 'available')
        with pytest.raises(errors.NotAttached):
            compute.detach(server.id, volume.id)
    finally:
        compute.delete_server(made.id)
    with pytest.raises(exception.NotFound):
        polling.until(lambda: compute.server(made.id), lambda each: False,
                      limit=120, what='The deletion')
