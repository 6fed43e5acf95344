# SPDX-License-Identifier: Apache-2.0

"""Errors: which service, which object, what it answered, what to check."""

import pytest

from manila_drivers import exception
from tests.unit.service_instance.conftest import SERVER


def failure(site, managed=None, made=None):
    with pytest.raises(exception.DriverError) as caught:
        (managed or site.manager()).create(site.request(),
                                           {} if made is None else made)
    return caught.value


@pytest.mark.parametrize(('resource', 'words'), [
    ('network', 'network'), ('subnet', 'subnets'), ('port', 'ports'),
    ('security_group', 'security groups'),
    ('security_group_rule', 'rules of security groups')])
def test_quotas_of_networks(site, resource, words):
    used = {'network': 0, 'subnet': 0, 'port': 0, 'security_group': 1,
            'security_group_rule': 5}[resource]
    project = site.sim.keystone.project('service').id
    assert site.sim.ask('PUT', f'/network/v2.0/quotas/{project}', {
        'quota': {resource: used}})[0] == 200
    made = {}
    error = failure(site, made=made)
    assert isinstance(error, exception.NoRoom)
    assert 'Quota exceeded' in error.answer
    if resource != 'network':
        assert f'quota of {words} of the project' in error.check
    assert site.lasting() == [] and set(made) <= {'server_id'}


def test_a_quota_of_servers_takes_everything_back(site):
    project = site.sim.keystone.project('service').id
    assert site.sim.ask('PUT', f'/compute/v2.1/os-quota-sets/{project}', {
        'quota_set': {'instances': 0}})[0] == 200
    made = {}
    error = failure(site, made=made)
    assert isinstance(error, exception.NoRoom)
    assert 'quota of instances' in error.check
    assert f'g_{SERVER}' in error.what
    assert made == {'server_id': SERVER} and site.lasting() == []


@pytest.mark.parametrize(('option', 'value', 'words'), [
    ('service_instance_flavor_id', 'nope', 'nope'),
    ('backend_availability_zone', 'nope', 'availability zone')])
def test_a_server_that_nova_refuses_names_the_option(site, option, value,
                                                     words):
    made = {}
    error = failure(site, site.manager(**{option: value}), made)
    assert error.check == option and words in error.answer
    assert 'POST /servers' in str(error)
    assert made == {'server_id': SERVER} and site.lasting() == []


@pytest.mark.parametrize(('images', 'words'), [
    (0, 'there are 0 active images'), (2, 'there are 2 active images')])
def test_there_has_to_be_one_image(site, images, words):
    name = 'other'
    for _ in range(images):
        site.sim.add_image(name)
    site.before = site.sim.inventory()
    error = failure(site, site.manager(service_image_name=name))
    assert isinstance(error, exception.ConfigurationError)
    assert error.option == 'service_image_name' and words in str(error)
    assert site.lasting() == []


def test_nobody_else_lends_an_image(site):
    """Who may upload may call it so; an administrator is shown all."""
    demo = site.sim.keystone.project('demo').id
    for visibility in 'private', 'shared', 'community':
        site.sim.add_image('other', owner=demo, visibility=visibility)
    error = failure(site, site.manager(service_image_name='other'))
    assert 'there are 0 active images' in str(error)
    assert 'not trusted' in error.answer and demo in error.answer
    own = site.sim.add_image('other', owner=site.sim.keystone.project(
        'service').id, visibility='private')
    managed = site.manager(service_image_name='other')
    assert managed.instances.image(managed.instance_settings()) == own['id']


@pytest.mark.parametrize('status', ['pending', 'accepted'])
def test_an_image_that_was_shared_has_to_be_accepted(site, status):
    service = site.sim.keystone.project('service').id
    image = site.sim.add_image('other', owner=site.sim.keystone.project(
        'demo').id, visibility='shared')
    members = f'/image/v2/images/{image["id"]}/members'
    site.sim.ask('POST', members, {'member': service}, user='demo')
    site.sim.ask('PUT', f'{members}/{service}', {'status': status})
    managed = site.manager(service_image_name='other')
    conf = managed.instance_settings()
    if status == 'accepted':
        assert managed.instances.image(conf) == image['id']
    else:
        with pytest.raises(exception.ConfigurationError):
            managed.instances.image(conf)


def test_a_server_in_error_tells_what_is_known_of_the_cause(site):
    site.sim.spoil('build')
    made = {}
    error = failure(site, made=made)
    assert made['instance_id'] in error.what and 'ERROR' in error.what
    assert 'Exceeded maximum number of retries' in error.answer
    assert 'nova-compute' in error.check
    # It is kept for somebody to look at, with what belongs to it.
    assert site.sim.server(made['instance_id'])
    assert site.ports(id=made['service_port_id'])


def test_a_boot_volume_in_error_tells_what_cinder_says(site):
    managed = site.manager(service_instance_boot_from_volume=True,
                           service_instance_base_boot_volume_id=site.base())
    site.sim.options.pool_gib = 1
    error = failure(site, managed)
    assert 'Boot volume' in error.what and 'went into error' in error.what
    assert 'Could not find any available weighted backend' in error.answer
    assert site.lasting() == []


def test_a_base_volume_that_is_not_there_names_the_option(site):
    managed = site.manager(
        service_instance_boot_from_volume=True,
        service_instance_base_boot_volume_id=SERVER)
    error = failure(site, managed)
    assert isinstance(error, exception.ConfigurationError)
    assert error.option == 'service_instance_base_boot_volume_id'
    assert site.lasting() == []


def test_a_build_that_takes_too_long(site):
    site.sim.options.build = 1000
    error = failure(site, site.manager(max_time_to_build_instance=60))
    assert isinstance(error, exception.Busy)
    assert 'last seen: BUILD' in error.answer
    assert 'max_time_to_build_instance' in error.check


def test_users_without_a_router(site):
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='alone',
                                      router=False)
    with pytest.raises(exception.InvalidRequest, match='no router') as caught:
        site.manager().create(site.request(SERVER, net), {})
    assert 'connect_share_server_to_tenant_network' in caught.value.check
    assert site.manager(
        connect_share_server_to_tenant_network=True).create(
        site.request(SERVER, net), {}) is None


def test_two_service_networks_are_refused(site):
    for _ in range(2):
        site.sim.ask('POST', '/network/v2.0/networks', {
            'network': {'name': 'manila_service_network'}}, user='manila')
    error = failure(site)
    assert isinstance(error, exception.Conflict)
    assert 'service_network_name' in error.check


def test_a_network_of_others_with_the_name_is_not_taken(site):
    status, told = site.sim.ask('POST', '/network/v2.0/networks', {
        'network': {'name': 'manila_service_network'}}, user='demo')
    assert status == 201
    managed = site.manager()
    assert managed.network_helper.service_network_id != told['network']['id']


def test_no_block_is_left(site):
    managed = site.manager(service_network_cidr='10.254.0.0/28')
    managed.create(site.request(), {})
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    with pytest.raises(exception.NoRoom, match='service_network_cidr'):
        managed.create(site.request('2f0e0d0c-1111-4222-8333-444455556666',
                                    net), {})


def test_a_start_looks_at_image_and_flavor(site):
    site.manager().check()
    for option, value in (('service_image_name', 'nope'),
                          ('service_instance_flavor_id', 'nope')):
        with pytest.raises(exception.ConfigurationError) as caught:
            site.manager(**{option: value}).check()
        assert caught.value.option == option


def test_a_start_survives_glance(site, caplog):
    site.sim.arm(site.fault('status', code=500, match='/image/',
                            times=None))
    site.manager().check()
    assert 'manila-service-image' in caplog.text


def test_the_key_pair_of_another_key_is_refused(site):
    managed = site.manager()
    managed.create(site.request(), {})
    key = next(iter(site.sim.nova.store.keys.values()))
    key.public_key = site.host_key(object())
    with pytest.raises(exception.Conflict, match='path_to_public_key'):
        managed.create(site.request('2f0e0d0c-1111-4222-8333-444455556666'),
                       {})


def test_a_service_network_that_was_deleted_is_made_again(site):
    managed = site.manager()
    made = {}
    managed.create(site.request(), made)
    managed.delete(made)
    network = managed.network_helper.service_network_id
    for port in site.ports(network_id=network):
        site.sim.ask('DELETE', f'/network/v2.0/ports/{port["id"]}')
    for subnet in list(site.subnets().values()):
        assert site.sim.ask(
            'DELETE', f'/network/v2.0/subnets/{subnet["id"]}')[0] == 204
    assert site.sim.ask('DELETE',
                        f'/network/v2.0/networks/{network}')[0] == 204
    made = {}
    managed.create(site.request(), made)
    assert managed.alive(made)
    assert managed.network_helper.service_network_id != network


def test_a_start_survives_a_group_that_cannot_be_made(site, caplog):
    project = site.sim.keystone.project('service').id
    site.sim.ask('PUT', f'/network/v2.0/quotas/{project}',
                 {'quota': {'security_group': 1}})
    site.manager().network_helper.setup_connectivity_with_service_instances()
    assert 'manila-service could not be looked after' in caplog.text


def test_a_host_that_is_not_plugged_in_leaves_nothing(site):
    made = {}
    error = failure(site, site.manager(ovs_integration_bridge='none'), made)
    assert error.option == 'ovs_integration_bridge'
    assert made == {'server_id': SERVER} and site.lasting() == []
