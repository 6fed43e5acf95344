# SPDX-License-Identifier: Apache-2.0

"""Share servers on the simulated cloud: what is made, and what is left."""

import threading

import pytest

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import names
from manila_drivers.transport import command
from tests.unit.service_instance.conftest import HOST
from tests.unit.service_instance.conftest import OTHER
from tests.unit.service_instance.conftest import SERVER


def made_by(managed, request):
    made = {}
    managed.create(request, made)
    return made


def admin_options(site, **more):
    net = site.sim.add_tenant_network('service', '10.9.0.0/24', name='admin',
                                      router=False)
    site.before = site.sim.inventory()
    return {'admin_network_id': net.network_id,
            'admin_subnet_id': net.subnet_id, **more}


def nics(site, made):
    """Parts of the ports of an instance in the order of its interfaces."""
    server = site.sim.server(made['instance_id'])
    parts = {made[key]: part for part, key in names.PORTS.items()
             if key in made}
    return [parts[each] for each in server.ports]


def test_the_details_are_those_that_manilas_driver_has(site):
    made = made_by(site.manager(), site.request())
    service = site.ports(id=made['service_port_id'])[0]
    assert made == {
        'server_id': SERVER, 'instance_id': service['device_id'],
        'ip': service['fixed_ips'][0]['ip_address'],
        'public_address': service['fixed_ips'][0]['ip_address'],
        'username': 'manila', 'pk_path': str(site.key),
        'subnet_id': service['fixed_ips'][0]['subnet_id'],
        'router_id': site.sim.tenant.router_id,
        'service_port_id': service['id'],
        'ssh_host_key': site.host_key(site.sim.machine_at(made['ip'])),
        'instance_home':
            f'{site.sim.keystone.project("service").id} RegionOne'}
    assert all(len(each) < 1024 for each in made.values())


def test_what_is_left_would_be_seen(site):
    """The check that all the tests of tear-downs end with."""
    made_by(site.manager(limit_ssh_access=True), site.request())
    assert {each[1] for each in site.lasting()} == {
        'server', 'port', 'subnet', 'security_group'}


def test_an_instance_says_what_it_is_for(site):
    made = made_by(site.manager(), site.request())
    server = site.sim.server(made['instance_id'])
    assert server.name == f'g_{SERVER}'
    assert server.metadata[names.SHARE_SERVER] == SERVER
    assert server.metadata[names.MADE_BY].endswith('@g')
    subnet = site.subnets()[made['subnet_id']]
    assert subnet['name'] == names.subnet(site.sim.tenant.subnet_id)
    assert subnet['cidr'] == '10.254.0.0/28' and subnet['gateway_ip']


@pytest.mark.parametrize(('tenant', 'admin', 'wanted', 'address', 'public'), [
    (False, False, ['service'], 'service', 'service'),
    (False, True, ['service', 'admin'], 'service', 'service'),
    (True, False, ['public', 'service'], 'service', 'public'),
    (True, True, ['public', 'admin'], 'admin', 'public')])
def test_four_topologies(site, tenant, admin, wanted, address, public):
    options = admin_options(site) if admin else {}
    managed = site.manager(connect_share_server_to_tenant_network=tenant,
                           **options)
    managed.network_helper.setup_connectivity_with_service_instances()
    made = made_by(managed, site.request())
    assert nics(site, made) == wanted

    def ip(part):
        port = site.ports(id=made[names.PORTS[part]])[0]
        return port['fixed_ips'][0]['ip_address']
    assert made['ip'] == ip(address) and made['public_address'] == ip(public)
    assert made.get('admin_ip') == (ip('admin') if admin else None)
    [found], there = managed.running()
    assert found.items() <= made.items() and there == {made['instance_id']}
    assert managed.runner(found).run(command.Command.of('true'))
    assert ('router_id' in made) == (not tenant)
    assert ('subnet_id' in made) == ('service' in wanted)
    if tenant and 'service' in wanted:
        assert site.subnets()[made['subnet_id']]['gateway_ip'] is None
    assert managed.alive(made)
    managed.delete(made)
    assert site.lasting() == []


def test_what_does_not_run_or_is_not_ours_is_not_logged_in_to(site):
    managed = site.manager()
    made = made_by(managed, site.request())
    server = site.sim.server(made['instance_id'])
    mine = server.metadata[names.MADE_BY]
    managed.cloud.compute.mark(made['instance_id'], {
        names.MADE_BY: 'other@g'})
    assert managed.running() == ([], {made['instance_id']})
    managed.cloud.compute.mark(made['instance_id'], {
        names.MADE_BY: mine})
    assert managed.running()[0]
    # A port that only has the name of one of ours.
    managed.cloud.networks.update_port(made['service_port_id'], name='moved')
    managed.cloud.networks.create_port(
        site.sim.tenant.network_id,
        name=names.port('service', SERVER))
    assert managed.running() == ([], {made['instance_id']})
    managed.cloud.compute.stop(made['instance_id'])
    site.clock.sleep(60)
    assert managed.running() == ([], set())


def test_ports_are_guarded_before_there_is_a_server(site):
    """Nobody but users of NFS, CIFS and SSH gets in, from the beginning."""
    made = made_by(site.manager(), site.request())
    service = site.ports(id=made['service_port_id'])[0]
    groups = site.sim.neutron.store.rows['security_group']
    assert [groups[each]['name'] for each in service['security_groups']] == [
        'manila-service']
    assert groups[service['security_groups'][0]]['project_id'] == (
        site.sim.keystone.project('service').id)
    for protocol, port, open_ in (
            ('tcp', 22, True), ('tcp', 2049, True), ('tcp', 445, True),
            ('udp', 137, True), ('icmp', None, True), ('tcp', 111, False),
            ('tcp', 5985, False), ('tcp', 3306, False)):
        assert site.sim.lets_in(made['ip'], protocol, port,
                                '10.7.0.9') == open_, (protocol, port)


def test_limited_ssh_lets_nobody_in_but_the_service_subnet(site):
    managed = site.manager(limit_ssh_access=True)
    one = made_by(managed, site.request())
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    two = made_by(managed, site.request(OTHER, net))
    for made in (one, two):
        assert site.sim.lets_in(made['ip'], 'tcp', 2049, '10.7.0.9')
        assert not site.sim.lets_in(made['ip'], 'tcp', 22, '10.7.0.9')
        assert managed.alive(made)
    assert not site.sim.lets_in(one['ip'], 'tcp', 22, two['ip'])
    managed.delete(one)
    managed.delete(two)
    assert [each for each in site.lasting()
            if each[2] == 'service'] == []


def test_limited_ssh_is_refused_with_a_group_that_lets_everybody_in(site):
    made_by(site.manager(), site.request())
    with pytest.raises(exception.ConfigurationError,
                       match=r'limit_ssh_access.*manila-service') as caught:
        site.manager(limit_ssh_access=True).create(site.request(OTHER), {})
    assert 'service_instance_security_group' in caught.value.check


def widen(site, name):
    """Let everybody log in, behind our back."""
    # Neutron makes the default one when it is asked first.
    site.sim.ask('GET', '/network/v2.0/security-groups', user='manila')
    group = next(each['id'] for each
                 in site.sim.neutron.store.rows['security_group'].values()
                 if each['name'].startswith(name) and each['project_id']
                 == site.sim.keystone.project('service').id)
    status, told = site.sim.ask('POST', '/network/v2.0/security-group-rules', {
        'security_group_rule': {
            'security_group_id': group, 'direction': 'ingress',
            'ethertype': 'IPv4', 'protocol': 'tcp', 'port_range_min': 22,
            'port_range_max': 22, 'remote_ip_prefix': '0.0.0.0/0'}},
        user='manila')
    assert status == 201, told


def refused_before_anything_is_made(site, managed, why):
    before = site.sim.inventory()
    with pytest.raises(exception.ConfigurationError,
                       match=f'limit_ssh_access.*{why}'):
        managed.create(site.request(OTHER), {})
    assert {each for each in site.sim.inventory() - before
            if each[1] in ('server', 'port')} == set()


@pytest.mark.parametrize(('name', 'options'), [
    ('manila-service-subnet-', {}),
    ('default', {'service_instance_security_group': ''})])
def test_limited_ssh_is_refused_with_a_group_that_was_widened(site, name,
                                                              options):
    managed = site.manager(limit_ssh_access=True,
                           max_time_to_build_instance=30, **options)
    if not options:
        made_by(managed, site.request())
    widen(site, name)
    refused_before_anything_is_made(site, managed, name)


def test_who_does_not_look_at_rules_that_are_there_is_caught(site,
                                                             monkeypatch):
    monkeypatch.setattr(groups, 'check_limit', lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        test_limited_ssh_is_refused_with_a_group_that_was_widened(
            site, 'manila-service-subnet-', {})


def test_limited_ssh_is_refused_where_ports_have_no_groups(site):
    made_by(site.manager(), site.request())
    for each in site.sim.neutron.store.rows['network'].values():
        each['port_security_enabled'] = False
    managed = site.manager(limit_ssh_access=True,
                           service_instance_security_group='limited')
    refused_before_anything_is_made(site, managed, 'port security')


def test_no_group_is_wanted(site):
    made = {}
    managed = site.manager(service_instance_security_group='',
                           max_time_to_build_instance=30)
    # The default group lets nobody in: that is the operator's affair.
    with pytest.raises(exception.Unreachable):
        managed.create(site.request(), made)
    assert not any(each[1] == 'security_group'
                   for each in site.sim.left(site.before))
    managed.delete(made)
    assert site.lasting() == []


def test_what_an_operator_took_out_of_the_group_stays_out(site):
    managed = site.manager()
    made_by(managed, site.request())
    rules = site.sim.neutron.store.rows['security_group_rule']
    gone = next(key for key, rule in rules.items()
                if rule['port_range_min'] == 445
                and rule['protocol'] == 'tcp')
    assert site.sim.ask('DELETE', '/network/v2.0/security-group-rules/'
                        + gone, user='manila')[0] == 204
    made = made_by(managed, site.request(OTHER))
    assert not site.sim.lets_in(made['ip'], 'tcp', 445, '10.7.0.9')


@pytest.mark.parametrize('limited', [True, False])
def test_a_group_that_lets_nobody_log_in_is_told(site, caplog, limited):
    """It was made with limit_ssh_access, which was taken back since."""
    made_by(site.manager(limit_ssh_access=limited), site.request())
    managed = site.manager(max_time_to_build_instance=30)
    try:
        managed.create(site.request(OTHER), {})
    except exception.Unreachable:
        assert limited
    assert ('manila-service lets nobody reach port 22' in caplog.text) \
        is limited


@pytest.mark.parametrize('subnets', [0, 50])
def test_requests_do_not_grow_with_subnets(site, subnets):
    managed = site.manager()
    managed.network_helper.setup_connectivity_with_service_instances()
    network = managed.network_helper.service_network_id
    for number in range(subnets):
        status, _ = site.sim.ask('POST', '/network/v2.0/subnets', {
            'subnet': {'network_id': network, 'ip_version': 4,
                       'name': f'other {number}',
                       'cidr': f'10.254.{number}.0/28'}}, user='manila')
        assert status == 201
    managed.network_helper.setup_connectivity_with_service_instances()
    mark = site.sim.mark()
    made = made_by(managed, site.request())
    asked = [each for each in site.sim.asked(mark)
             if each.startswith('network ')]
    assert len(asked) == 10, asked
    mark = site.sim.mark()
    managed.delete(made)
    assert len([each for each in site.sim.asked(mark)
                if each.startswith('network ')]) <= 8


@pytest.mark.parametrize('clone', [False, True])
@pytest.mark.parametrize('delete', [False, True])
def test_instances_boot_from_volumes(site, clone, delete):
    base = site.base(3) if clone else None
    managed = site.manager(
        service_instance_boot_from_volume=True,
        service_instance_boot_volume_delete_on_termination=delete,
        service_instance_base_boot_volume_id=base,
        service_instance_boot_volume_size=4)
    made = made_by(managed, site.request())
    volumes = [each for each in site.sim.left(site.before)
               if each[1] == 'volume']
    assert len(volumes) == 1
    ident = volumes[0][4]
    assert site.sim.disk(ident).gib == (3 if clone else 4)
    if clone:
        assert volumes[0][3] == f'manila-share-{SERVER}-boot'
        assert made[names.BOOT_VOLUME] == ident
    managed.delete(made)
    site.clock.sleep(5)
    left = [each[4] for each in site.lasting()]
    # Of an image Nova makes the volume: to keep it is what was asked for.
    assert left == ([] if clone or delete else [ident])


def test_a_clone_needs_no_image(site):
    managed = site.manager(
        service_instance_boot_from_volume=True, service_image_name='none',
        service_instance_base_boot_volume_id=site.base())
    made = made_by(managed, site.request())
    assert managed.alive(made)


def test_two_set_ups_for_the_same_users_at_once_share_a_subnet(site):
    managers = [site.manager(), site.manager(section='h')]
    made, errors = [{}, {}], []

    def run(number):
        _, error = exception.caught_any(lambda: managers[number].create(
            site.request((SERVER, OTHER)[number]), made[number]))
        errors.append(error)
    threads = [threading.Thread(target=run, args=(number,), daemon=True)
               for number in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert errors == [None, None]
    assert made[0]['subnet_id'] == made[1]['subnet_id']
    assert made[0]['ip'] != made[1]['ip']
    managers[0].delete(made[0])
    # The other one is still reached, by users and by this host.
    assert managers[1].alive(made[1])
    router = site.ports(device_id=site.sim.tenant.router_id)
    assert made[1]['subnet_id'] in {
        ip['subnet_id'] for port in router for ip in port['fixed_ips']}
    managers[1].delete(made[1])
    assert site.lasting() == []


def test_no_lock_is_held_while_a_server_boots(site):
    managed = site.manager()
    held = []
    sleep = site.clock.sleep

    def seen(seconds):
        held.append(tuple(site.held))
        sleep(seconds)
    managed.instances.sleep = seen
    made_by(managed, site.request())
    assert held and set(held) == {()}


def test_a_freed_subnet_is_taken_again(site):
    managed = site.manager()
    made = made_by(managed, site.request())
    managed.delete(made)
    assert [each['id'] for each in site.pool()] == [made['subnet_id']]
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    again = made_by(managed, site.request(OTHER, net))
    assert again['subnet_id'] == made['subnet_id']
    assert site.subnets()[again['subnet_id']]['name'] == names.subnet(
        net.subnet_id)


def test_a_subnet_that_another_host_has_taken_too_is_left_to_it(site):
    """As without a coordinator: both have seen it free."""
    managed = site.manager()
    made = made_by(managed, site.request())
    managed.delete(made)
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    site.sim.arm(site.fault('status', code=403, match='POST .*/ports$'))
    theirs = names.subnet('their-subnet')
    update = managed.network_helper.neutron_api.update_subnet

    def taken(ident, *, name):
        found = update(ident, name=name)
        update(ident, name=theirs)
        return found
    managed.network_helper.neutron_api.update_subnet = taken
    with pytest.raises(exception.AccessDenied):
        managed.create(site.request(OTHER, net), {})
    assert site.subnets()[made['subnet_id']]['name'] == theirs


def test_no_subnet_without_a_gateway_is_taken_for_a_router(site):
    tenant = {'connect_share_server_to_tenant_network': True}
    site.manager(**tenant).delete(
        made_by(site.manager(**tenant), site.request()))
    made = made_by(site.manager(), site.request())
    assert made['subnet_id'] not in {each['id'] for each in site.pool()}
    assert site.subnets()[made['subnet_id']]['gateway_ip']


def test_a_block_that_the_router_has_elsewhere_is_avoided(site):
    """Users have 10.254.0.0/24 on their router, in another subnet."""
    _, net = site.sim.ask('POST', '/network/v2.0/networks', {
        'network': {'name': 'x'}}, user='demo')
    _, subnet = site.sim.ask('POST', '/network/v2.0/subnets', {
        'subnet': {'network_id': net['network']['id'], 'ip_version': 4,
                   'cidr': '10.254.0.0/24'}}, user='demo')
    assert site.sim.ask(
        'PUT', f'/network/v2.0/routers/{site.sim.tenant.router_id}'
        f'/add_router_interface',
        {'subnet_id': subnet['subnet']['id']}, user='demo')[0] == 200
    site.before = site.sim.inventory()
    managed = site.manager()
    made = made_by(managed, site.request())
    assert site.subnets()[made['subnet_id']]['cidr'] == '10.254.1.0/28'
    assert managed.alive(made)
    managed.delete(made)
    assert site.lasting() == []


def test_users_with_the_addresses_of_the_service_network(site):
    net = site.sim.add_tenant_network('demo', '10.254.0.0/20', name='same')
    made = made_by(site.manager(), site.request(SERVER, net))
    assert site.subnets()[made['subnet_id']]['cidr'] == '10.254.16.0/28'


def test_a_dry_run_shows_all_and_changes_nothing(site):
    managed = site.manager()
    before = site.sim.inventory()
    with plan.dry_run() as dry:
        managed.create(site.request(), {})
    assert site.sim.inventory() == before
    shown = str(dry)
    for each in ('create network manila_service_network', 'create subnet',
                 'add router interface', 'create port', 'import key',
                 f'create server g_{SERVER}'):
        assert each in shown


@pytest.mark.parametrize('networks', [0, 2])
def test_a_share_server_is_in_one_subnet(site, networks):
    one = site.request().networks
    with pytest.raises(exception.InvalidRequest, match=f'{networks} subnets'):
        site.manager().create(model.ServerRequest(SERVER, one * networks), {})


def test_the_host_has_an_address_in_each_service_subnet(site):
    managed = site.manager()
    one = made_by(managed, site.request())
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    two = made_by(managed, site.request(OTHER, net))
    port, = site.ports(device_id='manila-share')
    assert port['device_owner'] == 'manila:share'
    assert port['binding:host_id'] == HOST
    assert port['port_security_enabled'] is False
    assert {each['subnet_id'] for each in port['fixed_ips']} == {
        one['subnet_id'], two['subnet_id']}


def test_a_boot_volume_whose_deletion_failed_goes_the_next_time(site):
    managed = site.manager(
        service_instance_boot_from_volume=True,
        service_instance_boot_volume_delete_on_termination=False,
        service_instance_base_boot_volume_id=site.base())
    made = {}
    managed.create(site.request(), made)
    site.sim.spoil('delete_volume')
    with pytest.raises(exception.BackendError, match='error_deleting'):
        managed.delete(made)
    managed.delete(made)
    assert site.lasting() == []
