# SPDX-License-Identifier: Apache-2.0

"""Tear-downs that know only a part, and of what Manila's driver made."""

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.service_instance import names
from tests.unit.service_instance.conftest import OTHER
from tests.unit.service_instance.conftest import SERVER


@pytest.fixture
def managed(site):
    return site.manager()


@pytest.fixture
def made(site, managed):
    found = {}
    managed.create(site.request(), found)
    return found


@pytest.mark.parametrize('kept', [
    (names.SERVER_ID,), (names.SERVER_ID, names.SUBNET_ID),
    (names.SERVER_ID, names.INSTANCE_ID), (names.SERVER_ID, names.ROUTER_ID),
    (names.INSTANCE_ID, names.SERVICE_PORT, names.SUBNET_ID,
     names.ROUTER_ID),
    (names.INSTANCE_ID, names.SERVICE_PORT, names.SUBNET_ID)])
def test_some_details_are_enough(site, managed, made, kept):
    managed.delete({key: made[key] for key in kept})
    assert site.lasting() == []
    router = site.ports(device_id=site.sim.tenant.router_id)
    assert {ip['subnet_id'] for port in router for ip in port['fixed_ips']
            } == {site.sim.tenant.subnet_id}


def test_no_details_change_nothing(site, managed, made, caplog):
    before = site.sim.inventory()
    managed.delete({})
    assert site.sim.inventory() == before
    ident = made[names.INSTANCE_ID]
    assert f'{ident} of share server {SERVER}' in caplog.text


@pytest.mark.parametrize('gone', ['server', 'port', 'subnet', 'all'])
def test_what_is_gone_is_passed_over(site, managed, made, gone):
    if gone in ('server', 'all'):
        site.sim.ask('DELETE', f'/compute/v2.1/servers/{made["instance_id"]}')
        site.clock.sleep(10)
    if gone in ('port', 'subnet', 'all'):
        site.sim.ask('DELETE',
                     f'/network/v2.0/ports/{made["service_port_id"]}')
    if gone in ('subnet', 'all'):
        router = site.sim.tenant.router_id
        subnet = made['subnet_id']
        site.sim.ask('PUT', f'/network/v2.0/routers/{router}'
                     f'/remove_router_interface', {'subnet_id': subnet})
        host, = site.ports(device_id='manila-share')
        site.sim.ask('PUT', f'/network/v2.0/ports/{host["id"]}',
                     {'port': {'fixed_ips': []}})
        site.clock.sleep(5)
        assert site.sim.ask(
            'DELETE', f'/network/v2.0/subnets/{subnet}')[0] == 204
    managed.delete(made)
    managed.delete(made)
    assert site.lasting() == []


def test_an_instance_in_error_is_removed(site, managed):
    site.sim.spoil('build')
    made = {}
    with pytest.raises(exception.BackendError):
        managed.create(site.request(), made)
    assert made['instance_id']
    managed.delete(made)
    assert site.lasting() == []


def test_a_repeated_set_up_replaces_an_instance_in_error(site, managed):
    site.sim.spoil('build')
    with pytest.raises(exception.BackendError):
        managed.create(site.request(), {})
    made = {}
    managed.create(site.request(), made)
    assert managed.alive(made)
    assert len(site.sim.nova.store.servers) == 1


def test_an_instance_that_cannot_be_deleted_keeps_its_network(
        site, managed, made):
    site.sim.spoil('delete_server')
    begin = site.clock()
    with pytest.raises(exception.BackendError,
                       match=made['instance_id']) as caught:
        managed.delete(made)
    assert 'in ERROR' in caught.value.what and site.clock() - begin < 30
    assert site.ports(id=made['service_port_id'])
    managed.delete(made)
    assert site.lasting() == []


def test_a_subnet_with_somebody_elses_port_stays(site, managed, made):
    """A set-up of another host has its port, and no server yet."""
    status, _ = site.sim.ask('POST', '/network/v2.0/ports', {
        'port': {'network_id': managed.network_helper.service_network_id,
                 'device_owner': 'manila', 'name': 'manila-service-x',
                 'fixed_ips': [{'subnet_id': made['subnet_id']}]}},
        user='manila')
    assert status == 201
    managed.delete(made)
    assert site.subnets()[made['subnet_id']]['name']
    router = site.ports(device_id=site.sim.tenant.router_id)
    assert made['subnet_id'] in {ip['subnet_id'] for port in router
                                 for ip in port['fixed_ips']}


def test_old_details_do_not_free_a_subnet_that_others_have_taken(
        site, managed, made):
    managed.delete(made)
    other = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    again = {}
    managed.create(site.request(OTHER, other), again)
    assert again['subnet_id'] == made['subnet_id']
    managed.delete(made)
    assert managed.alive(again)
    assert site.subnets()[again['subnet_id']]['name'] == names.subnet(
        other.subnet_id)


def test_a_volume_that_is_not_the_servers_is_never_deleted(site, managed,
                                                           made):
    _, told = site.sim.ask('POST', '/volume/v3/volumes', {
        'volume': {'size': 1, 'name': f'manila-share-{SERVER}-boot'}},
        user='manila')
    site.clock.sleep(10)
    managed.delete({**made, names.BOOT_VOLUME: told['volume']['id']})
    assert site.sim.disk(told['volume']['id'])


def test_soft_deleted_servers_are_gone(site, managed, made):
    site.sim.options.soft_delete = True
    managed.delete(made)
    assert [each for each in site.lasting() if each[1] != 'server'] == []


def test_one_port_that_stays_does_not_keep_the_others(site, tmp_path):
    managed = site.manager(connect_share_server_to_tenant_network=True)
    made = {}
    managed.create(site.request(), made)
    site.sim.arm(site.fault('status', code=403, times=None, match=(
        f'DELETE .*/ports/{made["service_port_id"]}')))
    with pytest.raises(exception.AccessDenied, match='Deletion of port'):
        managed.delete(made)
    assert not site.ports(id=made['public_port_id'])
    site.sim.faults.disarm()
    managed.delete(made)
    assert site.lasting() == []


def test_what_is_forgotten_of_an_instance(site, managed, made):
    assert site.storage.get(made['instance_id'], names.HOST_KEY)
    managed.delete(made)
    assert not site.storage.rows.get(made['instance_id'])


def test_a_dry_run_shows_what_would_go(site, managed, made):
    before = site.sim.inventory()
    with plan.dry_run() as dry:
        managed.delete(made)
    assert site.sim.inventory() == before
    shown = str(dry)
    for each in (f'delete server {made["instance_id"]}',
                 f'delete port {made["service_port_id"]}',
                 f'remove router interface {made["router_id"]}',
                 f'let subnet go {made["subnet_id"]}'):
        assert each in shown


def _free_subnet(site):
    managed = site.manager()
    made = {}
    managed.create(site.request(), made)
    managed.delete(made)
    free, = site.pool()
    return managed, free['id']


def test_a_subnet_that_a_router_is_left_in_is_nobodys_to_take(site):
    """Manila's own driver may have left it so, or an operator."""
    managed, free = _free_subnet(site)
    other = site.sim.add_tenant_network('demo', '10.77.0.0/24', name='other')
    router = next(port['device_id'] for port in site.ports(
        device_owner='network:router_interface')
        if port['fixed_ips'][0]['subnet_id'] == other.subnet_id)
    assert site.sim.ask(
        'PUT', f'/network/v2.0/routers/{router}/add_router_interface',
        {'subnet_id': free})[0] == 200
    made = {}
    managed.create(site.request(), made)
    assert made['subnet_id'] != free and managed.alive(made)


def test_a_subnet_is_not_let_go_with_a_router_in_it(site):
    """Others would be given it, and could not be connected to it."""
    managed, free = _free_subnet(site)
    site.sim.arm(site.fault('status', code=500, times=None,
                            match='remove_router_interface'))
    site.sim.arm(site.fault('status', code=409, times=None,
                            match='POST .*/ports', body={'NeutronError': {
                                'type': 'OverQuota', 'detail': '',
                                'message': 'Quota exceeded'}}))
    made = {}
    with pytest.raises(exception.DriverError):
        managed.create(site.request(), made)
    assert site.pool() == []
    assert made['subnet_id'] == free
    site.sim.disarm()
    managed.delete(made)
    assert [each['id'] for each in site.pool()] == [free]
    other = site.sim.add_tenant_network('demo', '10.77.0.0/24', name='other')
    made = {}
    managed.create(site.request(OTHER, other), made)
    assert made['subnet_id'] == free
