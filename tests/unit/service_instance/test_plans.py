# SPDX-License-Identifier: Apache-2.0

"""Whole plans for service instances, argument by argument."""

import dataclasses
import ipaddress
import json

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import records
from manila_drivers.service_instance import adoption_planning
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import host_planning
from manila_drivers.service_instance import names
from manila_drivers.service_instance import planning
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import subnets
from manila_drivers.service_instance import tear_down_planning
from manila_drivers.transport import command
from tests.unit.service_instance import test_planning as tables

but, Step, Ref = dataclasses.replace, plan.Step, plan.Ref
subnet, group, conf = tables.subnet, tables.group, tables.conf
USERS, RULES, ADMIN, KEY = (tables.USERS, tables.RULES, tables.ADMIN,
                            tables.KEY)
OURS = names.subnet('u')
LIMITED = groups.rules(22, limit_ssh=True)
BLOCKS = tuple(ipaddress.IPv4Network(f'10.254.0.{number}/28')
               for number in (0, 16, 32, 48, 64))
SERVING = tables.SERVING


def port(part, network, subnet_id, group='i', ssh=''):
    name = names.port(part, 's')
    return Step('create port', name, {
        'part': part, 'network': network, 'subnet': subnet_id,
        'group': group, 'ssh_group': ssh}, part, Step(
            'delete port', name, {'part': part, 'port': Ref(part, 'id')}))


def way(ident, router='r', undo=True):
    """Return the step that connects a subnet; others need what serves."""
    return Step('add router interface', router, {'subnet': ident}, undo=Step(
        'remove router interface', router, {'subnet': ident})
        if undo else None)


def note(ident):
    return Step('note subnet', OURS, {'subnet': ident})


NEW = Ref('subnet', 'id')


def making(network='sn', blocks=BLOCKS, gateway=True):
    return Step('create subnet', OURS, {
        'network': network, 'blocks': blocks, 'gateway': gateway}, 'subnet',
        Step('delete subnet', OURS, {'subnet': NEW}))


def taking(ident):
    return Step('take subnet', ident, {'name': OURS}, undo=Step(
        'free subnet', ident, {'name': OURS}))


def rules(group_id, lacking, name='g'):
    return Step('add rules', name, {'group': group_id, 'rules': lacking})


GUARD = Step('guard subnet', 'of the new service subnet',
             {'subnet': Ref('subnet')}, 'ssh')
DEFAULT = group((), 'default', 'def')


@pytest.mark.parametrize(('given', 'more', 'steps'), [
    ({}, {}, [making(), note(NEW), way(NEW), port('service', 'sn', NEW)]),
    ({'service_network': ''}, {}, [
        Step('create network', 'net', key='network'),
        making(Ref('network', 'id')), note(NEW), way(NEW),
        port('service', Ref('network', 'id'), NEW)]),
    ({'service_subnets': (SERVING,)}, {}, [
        note('v'), way('v', undo=False), port('service', 'sn', 'v')]),
    ({'service_subnets': (subnet('f', '10.254.1.0/28'),)}, {}, [
        taking('f'), note('f'), way('f'), port('service', 'sn', 'f')]),
    # Somebody is in it.
    ({'service_subnets': (subnet('f', '10.254.0.0/28'),),
      'occupied': frozenset({'f'})}, {}, [
        making(blocks=(*BLOCKS[1:], ipaddress.IPv4Network(
            '10.254.0.80/28'))), note(NEW), way(NEW),
        port('service', 'sn', NEW)]),
    # Users are there themselves.
    ({'users': but(USERS, cidr='10.254.0.0/25')}, {}, [
        making(blocks=tuple(ipaddress.IPv4Network(f'10.254.0.{number}/28')
                            for number in range(128, 208, 16))),
        note(NEW), way(NEW), port('service', 'sn', NEW)]),
    ({'groups': ()}, {}, [
        Step('create group', 'g', key='group'),
        rules(Ref('group', 'id'), RULES), making(), note(NEW), way(NEW),
        port('service', 'sn', NEW, Ref('group', 'id'))]),
    ({'groups': (group(RULES[:3]),)}, {}, [
        rules('i', RULES[3:]), making(), note(NEW), way(NEW),
        port('service', 'sn', NEW)]),
    ({}, ADMIN, [
        making(), note(NEW), way(NEW), port('service', 'sn', NEW),
        port('admin', 'an', 'as')]),
    ({'router_id': ''}, {'to_tenant': True}, [
        making(gateway=False), note(NEW), port('public', 'un', 'u'),
        port('service', 'sn', NEW)]),
    # Nobody told where users are.
    ({'router_id': '', 'users': None}, {'to_tenant': True}, [
        making(gateway=False), note(NEW), port('public', 'un', 'u'),
        port('service', 'sn', NEW)]),
    ({'router_id': '', 'users': None, 'service_network': ''},
     {'to_tenant': True, **ADMIN}, [port('public', 'un', 'u'),
                                    port('admin', 'an', 'as')]),
    ({'ports': {'service': records.Port('p')}}, ADMIN, [
        making(), note(NEW), way(NEW), port('admin', 'an', 'as')]),
    # A subnet that is not made yet has its group made with it.
    ({'groups': (group(LIMITED),)}, {'limit_ssh': True, **ADMIN}, [
        making(), note(NEW), way(NEW), GUARD,
        port('service', 'sn', NEW, ssh=Ref('ssh', 'id')),
        port('admin', 'an', 'as')]),
    ({'groups': (group(LIMITED), tables.SSH), 'service_subnets': (
        subnet('y', '10.9.0.0/28', 'z'), SERVING)}, {'limit_ssh': True}, [
        note('v'), way('v', undo=False),
        port('service', 'sn', 'v', ssh='ssh')]),
    ({'groups': (group(LIMITED),), 'service_subnets': (
        subnet('a', '10.9.0.0/28', 'z'), SERVING)}, {'limit_ssh': True}, [
        note('v'), way('v', undo=False),
        Step('create group', names.ssh_group('v'), key='ssh'),
        rules(Ref('ssh', 'id'), (groups.ssh_rule(22, '10.254.0.0/28'),),
              names.ssh_group('v')),
        port('service', 'sn', 'v', ssh=Ref('ssh', 'id'))])])
def test_networks(given, more, steps):
    assert list(planning.network(tables.facts(**given), tables.WANTED,
                                 conf(**more))) == steps


@pytest.mark.parametrize(('found', 'more', 'ident'), [
    ((DEFAULT,), {}, ''), ((DEFAULT,), {'limit_ssh': True}, 'def'),
    ((), {'limit_ssh': True}, '')])
def test_without_a_group_of_its_own_ports_have_neutrons(found, more, ident):
    made = planning.network(tables.facts(groups=found), tables.WANTED,
                            but(conf(**more), group=''))
    assert [step.args['group'] for step in made
            if step.action == 'create port'] == [ident]
    assert not any('group' in step.action for step in made)
    assert list(planning.common_group(found, but(conf(**more),
                                                 group=''))) == []


def test_the_common_group():
    assert list(planning.common_group((), conf())) == [
        Step('create group', 'g', key='group'),
        rules(Ref('group', 'id'), RULES)]
    assert list(planning.common_group((), conf(limit_ssh=True))) == [
        Step('create group', 'g', key='group'),
        rules(Ref('group', 'id'), LIMITED)]
    assert '(tcp 445, tcp 137, ' in str(planning.common_group((), conf()))
    assert str(planning.common_group((), conf())).endswith('icmp)')
    with pytest.raises(exception.ConfigurationError):
        planning.common_group((group(RULES),), conf(limit_ssh=True))
    assert list(planning.common_group((group(RULES),), conf())) == []
    other = groups.rules(2222, limit_ssh=False)
    assert list(planning.common_group((), conf(ssh_port=2222)))[1] == rules(
        Ref('group', 'id'), other)


def test_networks_are_avoided():
    avoid = but(tables.WANTED, avoid=(ipaddress.IPv4Network(
        '10.254.0.0/26'),))
    step = planning.network(tables.facts(), avoid, conf()).steps[0]
    assert step.args['blocks'][0] == BLOCKS[4]
    assert step.detail == '10.254.0.64/28'
    taken = planning.network(tables.facts(service_subnets=(subnet(
        'f', '10.254.1.0/28'),)), tables.WANTED, conf()).steps[0]
    assert taken.detail == OURS


def test_the_service_network():
    nets = [records.Net('b'), records.Net('a')]
    assert planning.one_network([], 'net') is None
    assert planning.one_network(nets[:1], 'net') is nets[0]
    with pytest.raises(exception.Conflict, match='2 networks') as caught:
        planning.one_network(nets, 'net')
    assert caught.value.answer == 'a, b'


# -- instances ---------------------------------------------------------------

VM = records.Server('vm', status='ACTIVE')
MINE = tables.MINE
KEY_NAME = names.key_pair('k', KEY)


def image(key='', volume='', image='i'):
    return [Step('create server', 'g_s', {
        'image': image, 'key': key, 'volume': volume}, 'server'),
        Step('await server', 'g_s', {'server': Ref('server', 'id')})]


DELETE = Step('delete server', 'g_s', {'server': 'vm'})
CLONE = Step('clone volume', 'manila-share-s-boot', {'source': 'base'},
             'volume')


def ready(ident):
    return Step('await volume', 'manila-share-s-boot', {'volume': ident})


@pytest.mark.parametrize(('given', 'more', 'steps'), [
    ({}, {}, image()), ({'image': ''}, {}, image(image='')),
    ({}, {'public_key': KEY}, [Step('import key', KEY_NAME),
                               *image(KEY_NAME)]),
    ({'key': True}, {'public_key': KEY}, image(KEY_NAME)),
    ({'key': True}, {}, image()),
    ({}, {'boot': settings.BootSettings()}, image()),
    ({}, {'boot': tables.BOOT}, [
        CLONE, ready(Ref('volume', 'id')),
        *image(volume=Ref('volume', 'id'))]),
    ({'volume': records.Volume('v')}, {'boot': tables.BOOT}, [
        ready('v'), *image(volume='v')]),
    ({'volume': records.Volume('v')}, {}, image()),
    ({'server': VM}, {}, [Step('await server', 'g_s', {'server': 'vm'})]),
    ({'server': but(VM, status='ERROR')}, {'public_key': KEY}, [
        DELETE, Step('import key', KEY_NAME), *image(KEY_NAME)])])
def test_instances(given, more, steps):
    conf_ = but(settings.InstanceSettings(
        'img', '100', '%s', 'g', 'h@g', 'nova', 'k', '', None), **more)
    assert list(planning.instance(planning.InstanceFacts(
        **{'image': 'i', **given}), conf_, 's', MINE)) == steps


@pytest.mark.parametrize(('server', 'ports', 'keeps'), [
    (VM, MINE, True), (None, MINE, False), (VM, {}, True),
    (but(VM, status='BUILD', task_state='spawning'), MINE, True),
    (but(VM, status='ERROR'), MINE, False),
    (but(VM, task_state='deleting'), MINE, False),
    (but(VM, task_state=''), MINE, True),
    (but(VM, id='other'), MINE, False),
    (VM, {**MINE, 'admin': records.Port('q', device_id='other')}, False),
    (VM, {**MINE, 'admin': records.Port('q', device_id='vm')}, True)])
def test_what_an_interrupted_set_up_had_asked_for(server, ports, keeps):
    assert planning.keeps(server, ports) is keeps


# -- the end -----------------------------------------------------------------

def use(ident, *ports, name=None):
    return tear_down_planning.SubnetUse(
        subnet(ident, 'x', OURS if name is None else name), ports)


def leave(ident, *routers):
    return [*(Step('remove router interface', each, {'subnet': ident})
              for each in routers),
            Step('delete ssh group', names.ssh_group(ident),
                 {'subnet': ident}),
            Step('let subnet go', ident, {'name': OURS})]


def owned(owner, device='d', ident='x', subnet_id='s'):
    return records.Port(ident, device_id=device, device_owner=owner,
                        fixed_ips=(records.FixedIp(subnet_id, '10.0.0.1'),))


ROUTER = owned('network:router_interface', 'r2')


@pytest.mark.parametrize(('ports', 'uses', 'router', 'steps'), [
    (('a', 'b'), [], 'r', [Step('delete port', 'a'),
                           Step('delete port', 'b')]),
    ((), [use('s'), use('t')], '', [*leave('s'), *leave('t')]),
    ((), [use('s'), use('t', owned('compute:az'))], '', leave('s')),
    (('x',), [use('s', owned('compute:az'))], '', [
        Step('delete port', 'x'), *leave('s')]),
    ((), [use('s', ROUTER)], 'r', leave('s', 'r', 'r2')),
    ((), [use('s', but(ROUTER, device_id='r'))], 'r', leave('s', 'r')),
    ((), [use('s', but(ROUTER, device_id=None))], '', leave('s')),
    ((), [use('s', owned('network:dhcp', 'r3'))], '', leave('s')),
    ((), [use('s', name='service_subnet_of_somebody')], 'r', []),
    ((), [tear_down_planning.SubnetUse(records.Subnet('s'))], 'r', [])])
def test_tear_downs(ports, uses, router, steps):
    found = tear_down_planning.network(tear_down_planning.TearDownFacts(
        ports, tuple(uses)), router)
    assert list(found) == steps
    assert all(step.detail == OURS for step in found
               if step.action == 'let subnet go')


@pytest.mark.parametrize(('found', 'router', 'equipment', 'occupies'), [
    (ROUTER, True, True, True),
    (owned('network:ha_router_replicated_interface'), True, True, True),
    (owned('network:dhcp'), False, True, False),
    (owned('manila:share'), False, True, False),
    (owned('', 'manila-share'), False, True, False),
    (owned('', 'manila-admin-share'), False, True, False),
    (owned(None, 'manila-share'), False, False, True),
    (owned('router'), False, False, True),
    (owned('compute:network:router'), False, False, True),
    (owned('compute:az'), False, False, True),
    (owned('manila'), False, False, True),
    (owned(''), False, False, True), (owned(None), False, False, True)])
def test_whose_a_port_is(found, router, equipment, occupies):
    assert tear_down_planning.is_router(found) is router
    assert tear_down_planning.is_equipment(found) is equipment
    assert tear_down_planning.occupied([found]) == (
        {'s'} if occupies else set())
    assert tear_down_planning.occupied([
        but(found, fixed_ips=None),
        but(found, fixed_ips=(records.FixedIp('', 'x'),))]) == set()


def test_the_whole_end():
    network = plan.Plan((Step('delete port', 'p'),))
    assert list(tear_down_planning.whole(['a', 'b'], network, 'v')) == [
        Step('delete server', 'a'), Step('delete server', 'b'),
        Step('delete port', 'p'), Step('delete volume', 'v')]
    assert list(tear_down_planning.whole([], network, '')) == [
        Step('delete port', 'p')]


# -- adoption ----------------------------------------------------------------

IDENT = '2f0e0d0c-1111-4222-8333-444455556666'
OLD = '0f0e0d0c-1111-4222-8333-444455556666'
INSTANCES = settings.InstanceSettings('img', '100', 'vm-%s', 'g', 'h@g',
                                      'nova', 'k', '', None)
SERVER = records.Server(IDENT, name='x', status='ACTIVE', volumes=('v',),
                        metadata={names.SHARE_SERVER: OLD})
MARKS = {names.SHARE_SERVER: 'new', names.MADE_BY: 'h@g'}
FIXED = (records.FixedIp('s', '10.0.0.2'),)
SERVICE = records.Port('p', name='x', network_id='sn', fixed_ips=FIXED)
PUBLIC = but(SERVICE, id='q', network_id='un')
ADMIN_PORT = but(SERVICE, id='a', network_id='an')
VOLUME = records.Volume('v')


def adopted(network=None, **facts):
    return adoption_planning.adopt(
        adoption_planning.AdoptionFacts(**{
            'server': SERVER, 'ports': (SERVICE,), 'service_network': 'sn',
            **facts}), IDENT, 'new', INSTANCES, network or conf())


def rename(part, ident):
    return Step('rename port', ident, {'name': f'manila-{part}-new'})


MARK = Step('mark server', IDENT, {'marks': MARKS})
MARK_VOLUME = Step('mark volume', 'v', {'marks': MARKS})


@pytest.mark.parametrize(('facts', 'network', 'volume', 'steps'), [
    ({}, {}, '', [rename('service', 'p'), MARK]),
    ({'volumes': (VOLUME,)}, {}, 'v', [
        rename('service', 'p'), MARK_VOLUME, MARK]),
    # It was told that it has none.
    ({'volumes': (VOLUME,), 'server': but(SERVER, volumes=())}, {}, '',
     [rename('service', 'p'), MARK]),
    ({'server': but(SERVER, volumes=None)}, {}, '', [
        rename('service', 'p'), MARK]),
    # A call that was cut off has done a part.
    ({'ports': (but(SERVICE, name='manila-service-new'),), 'volumes': (
        but(VOLUME, metadata={**MARKS, 'more': 'x'}),)}, {}, 'v', [MARK]),
    ({'ports': (but(SERVICE, name='manila-service-new'),), 'volumes': (
        but(VOLUME, metadata=MARKS),), 'server': but(
            SERVER, metadata=MARKS)}, {}, 'v', []),
    ({'server': but(SERVER, metadata={**MARKS, names.MADE_BY: 'other'})},
     {}, '', [rename('service', 'p'), MARK]),
    ({'ports': (ADMIN_PORT, SERVICE)}, ADMIN, '', [
        rename('service', 'p'), rename('admin', 'a'), MARK]),
    ({'ports': (PUBLIC, SERVICE)}, {'to_tenant': True}, '', [
        rename('public', 'q'), rename('service', 'p'), MARK]),
    ({'ports': (ADMIN_PORT, PUBLIC), 'service_network': ''},
     {'to_tenant': True, **ADMIN}, '', [
        rename('public', 'q'), rename('admin', 'a'), MARK])])
def test_adoption(facts, network, volume, steps):
    found = adopted(conf(**network), **facts)
    assert list(found.steps) == steps
    assert found.volume == volume
    assert tuple(found.ports) == conf(**network).parts
    where = {'sn': 'service', 'un': 'public', 'an': 'admin'}
    assert all(where[port.network_id] == part
               for part, port in found.ports.items())
    assert all(step.detail == step.args['name'] for step in found.steps
               if step.action == 'rename port')


@pytest.mark.parametrize(('facts', 'network', 'says'), [
    ({'ports': ()}, {}, 'no single port'),
    ({'ports': (SERVICE, but(SERVICE, id='z'))}, {}, 'no single port'),
    ({'ports': (but(SERVICE, fixed_ips=None),)}, {}, 'no single port'),
    # One more, which nobody would remove.
    ({'ports': (SERVICE, PUBLIC)}, {}, 'in network un'),
    ({'ports': (SERVICE, ADMIN_PORT)}, {}, 'in network an'),
    ({'ports': (SERVICE,)}, ADMIN, 'the admin network'),
    ({'ports': (SERVICE,), 'service_network': ''}, {}, 'in network sn'),
    ({'volumes': (VOLUME, but(VOLUME, id='w')), 'server': but(
        SERVER, volumes=('v', 'w'))}, {}, '2 boot volumes'),
    ({'volumes': (VOLUME,), 'server': but(SERVER, volumes=None)}, {},
     'does not tell the volumes')])
def test_what_is_not_like_ours(facts, network, says):
    with pytest.raises(exception.NotManageable, match=says):
        adopted(conf(**network), **facts)


@pytest.mark.parametrize(('ports', 'answer'), [
    ((), 'none'), ((SERVICE, but(SERVICE, id='z')), 'p, z')])
def test_ports_that_are_not_like_ours_are_named(ports, answer):
    with pytest.raises(exception.NotManageable) as caught:
        adopted(ports=ports)
    assert caught.value.answer == answer


def test_an_instance_by_its_name_alone():
    found = adopted(server=but(SERVER, name=f'vm-{OLD}', metadata=None))
    assert list(found.steps) == [rename('service', 'p'), MARK]
    with pytest.raises(exception.NotManageable, match=IDENT):
        adopted(server=but(SERVER, name='vm', metadata=None))


@pytest.mark.parametrize(('name', 'metadata', 'is_ours'), [
    ('x', {names.SHARE_SERVER: OLD}, True), ('x', {}, False),
    ('x', None, False), ('x', {names.SHARE_SERVER: ''}, False),
    ('x', {names.MADE_BY: 'h@g'}, False),
    (f'vm-{OLD}', None, True), (f'vm-g_{OLD}', None, True),
    (f'vm-h_{OLD}', None, False), (f'xvm-{OLD}', None, False),
    (f'vm-{OLD}x', None, False), ('vm-', None, False), (None, None, False),
    (OLD, None, False), (f'vm-{OLD[:-1]}', None, False)])
def test_which_servers_are_instances(name, metadata, is_ours):
    """The end of a share server is the end of its instance."""
    server = but(SERVER, name=name, metadata=metadata)
    if is_ours:
        assert adoption_planning.checked(server, IDENT, INSTANCES) is server
        return
    with pytest.raises(exception.NotManageable, match='no service instance'):
        adoption_planning.checked(server, IDENT, INSTANCES)


@pytest.mark.parametrize('status', ['SHUTOFF', 'ERROR', 'BUILD', '', None])
def test_one_that_does_not_run(status):
    with pytest.raises(exception.NotManageable, match='does not run'):
        adoption_planning.checked(but(SERVER, status=status), IDENT,
                                  INSTANCES)


# -- this host ---------------------------------------------------------------

IF = ipaddress.IPv4Interface
HOST_PORT = host_planning.HostPort('0123456789abcdef', 'FA:16:3e:00:00:01',
                                   (IF('10.254.0.3/28'),))


def ip(*words, **parts):
    return command.Command.of('ip', *words, timeout=30.0, **parts)


def ovs(*words):
    return command.Command.of('ovs-vsctl', '--timeout=20', '--', *words,
                              root=True, timeout=30.0)


def test_commands_of_this_host():
    assert host_planning.plug(HOST_PORT, 'bridge', 'br') == ip(
        'link', 'add', 'tap0123456789a', 'type', 'veth', 'peer', 'name',
        'ns-0123456789a', root=True)
    assert host_planning.plug(HOST_PORT, 'ovs', 'br') == ovs(
        '--may-exist', 'add-port', 'br', 'tap0123456789a', '--', 'set',
        'Interface', 'tap0123456789a', 'type=internal',
        'external_ids:iface-id=0123456789abcdef',
        'external_ids:iface-status=active',
        'external_ids:attached-mac=FA:16:3e:00:00:01')
    assert host_planning.unplug('x', 'bridge', 'br') == ip(
        'link', 'delete', 'x', root=True)
    assert host_planning.unplug('x', 'ovs', 'br') == ovs(
        '--if-exists', 'del-port', 'br', 'x')
    assert host_planning.batch(['a b', 'c']) == ip(
        '-batch', '-', stdin='a b\nc\n', root=True)
    assert host_planning.look_devices() == ip('-j', 'addr', 'show')
    assert host_planning.look_routes() == ip('-j', '-4', 'route', 'show')


@pytest.mark.parametrize(('row', 'found'), [
    ({'dst': '10.0.0.0/8', 'dev': 'eth0', 'protocol': 'kernel',
      'prefsrc': '10.0.0.1'}, ('10.0.0.0/8', 'eth0', True, '10.0.0.1')),
    ({'dst': 'default', 'protocol': 'dhcp'}, ('default', '', False, '')),
    ({'dst': 'x', 'dev': None, 'prefsrc': None}, ('x', '', False, ''))])
def test_routes(row, found):
    text = json.dumps([row, {}])
    assert host_planning.routes(text) == (host_planning.HostRoute(*found),)
    assert host_planning.routes('') == ()
    with pytest.raises(exception.BackendError, match='about routes'):
        host_planning.routes('x')
    with pytest.raises(exception.BackendError, match='about addresses') as e:
        host_planning.devices('y' * 300)
    assert e.value.answer == 'y' * 200


def address(**parts):
    return {'family': 'inet', 'local': '10.0.0.1', 'prefixlen': 24,
            'scope': 'global', **parts}


@pytest.mark.parametrize(('row', 'found'), [
    ({'ifname': 'a', 'address': 'AA:BB', 'flags': ['X', 'UP'],
      'addr_info': [address(), address(local='10.0.0.2')]},
     ('a', 'aa:bb', True, (IF('10.0.0.1/24'), IF('10.0.0.2/24')))),
    ({'ifname': 'a'}, ('a', '', False, ())),
    ({'ifname': 'a', 'address': None, 'flags': ['LOWER_UP']},
     ('a', '', False, ())),
    *(({'ifname': 'a', 'addr_info': [address(**parts)]}, ('a', '', False, ()))
      for parts in ({'family': 'inet6'}, {'scope': 'host'},
                    {'scope': 'link'}, {'dynamic': True})),
    ({'ifname': 'a', 'addr_info': [address(dynamic=False)]},
     ('a', '', False, (IF('10.0.0.1/24'),)))])
def test_interfaces(row, found):
    assert host_planning.devices(json.dumps([row])) == (
        host_planning.HostDevice(*found),)


INSIDE = (IF('10.254.0.9/28'),)


@pytest.mark.parametrize(('device', 'kind', 'stale'), [
    ('tapold', 'ovs', True), ('ns-old', 'ovs', False),
    ('ns-old', 'bridge', True), ('tapold', 'bridge', False),
    ('eth0', 'ovs', False), ('tapliving', 'ovs', False),
    ('ns-living', 'bridge', False), ('tap0123456789a', 'ovs', False),
    ('ns-0123456789a', 'bridge', False)])
def test_interfaces_of_ports_that_are_gone(device, kind, stale):
    def found(*addresses):
        return host_planning.stale(
            [host_planning.HostDevice('other'),
             host_planning.HostDevice(device, addresses=addresses)],
            HOST_PORT, kind, ['living'])
    assert found(*INSIDE) == found(IF('10.9.0.1/24'), *INSIDE) == (
        [device] if stale else [])
    assert found() == found(IF('10.9.0.1/28')) == found(
        IF('10.254.0.9/24')) == []


NAME = 'ns-0123456789a'
TAP = 'tap0123456789a'
GOOD = host_planning.HostDevice(NAME, HOST_PORT.mac.lower(), True,
                                HOST_PORT.addresses)


@pytest.mark.parametrize(('found', 'lines'), [
    ([GOOD, host_planning.HostDevice(TAP, up=True)], []),
    ([GOOD, host_planning.HostDevice(TAP)], [f'link set dev {TAP} up']),
    ([GOOD, host_planning.HostDevice('x', up=True)],
     [f'link set dev {TAP} up']),
    ([but(GOOD, up=False), host_planning.HostDevice(TAP, up=True)],
     [f'link set dev {NAME} up'])])
def test_both_ends_of_a_cable_are_up(found, lines):
    assert host_planning.configure(found, [], HOST_PORT, 'bridge') == lines


def test_ways_that_lead_elsewhere_are_left_alone():
    net, other = '10.254.0.0/28', '10.255.0.0/28'
    two = but(HOST_PORT, addresses=(*HOST_PORT.addresses,
                                    IF('10.255.0.3/28')))
    good = host_planning.HostDevice(TAP, two.mac.lower(), True,
                                    two.addresses)

    def ways(*routes, only=False):
        return host_planning.configure(
            [good], [host_planning.HostRoute(*each) for each in routes],
            but(two, only=only), 'ovs')
    ours = (net, TAP, True)
    assert ways((net, 'eth1', True), ours, (other, 'eth1', True)) == [
        f'route del {net} dev eth1',
        f'route append {net} dev eth1 proto kernel scope link',
        f'route del {other} dev eth1',
        f'route append {other} dev eth1 proto kernel scope link']
    # Of the network of administrators an old way goes, whoever made it.
    for old in 'tapold', 'ns-old':
        assert ways((net, old), ours, only=True) == [
            f'route del {net} dev {old}']
        assert ways((net, old), ours) == []
    assert ways((net, 'eth1'), ours, only=True) == []


# -- groups and subnets ------------------------------------------------------

def test_rules():
    assert [(each.protocol, each.port_min, each.port_max) for each in
            groups.rules(23, limit_ssh=False)] == [
        ('tcp', 445, 445), ('tcp', 137, 139), ('udp', 137, 139),
        ('udp', 445, 445), ('tcp', 2049, 2049), ('udp', 2049, 2049),
        ('tcp', 23, 23), ('icmp', None, None)]
    assert {(each.direction, each.ethertype, each.remote)
            for each in RULES} == {('ingress', 'IPv4', '0.0.0.0/0')}
    assert groups.ssh_rule(23, '10.0.0.0/28') == records.SecurityRule(
        'ingress', 'IPv4', 'tcp', 23, 23, '10.0.0.0/28')


@pytest.mark.parametrize(('change', 'counts'), [
    ({}, True), ({'direction': 'INGRESS'}, True),
    ({'ethertype': 'ipv4'}, True), ({'protocol': 'ICMP'}, True),
    ({'remote': None}, True), ({'direction': 'egress'}, False),
    ({'ethertype': 'IPv6'}, False), ({'protocol': None}, False),
    ({'remote': '10.0.0.0/8'}, False), ({'remote_group': 'x'}, False),
    ({'port_min': 8}, False), ({'port_max': 0}, False)])
def test_the_last_rule_tells_that_a_group_is_finished(change, counts):
    last = but(RULES[-1], **change)
    assert (groups.missing(group([last]), RULES) == ()) is counts


@pytest.mark.parametrize(('change', 'refused'), [
    ({}, True), ({'protocol': '6'}, True), ({'protocol': None}, True),
    ({'protocol': 'udp'}, False), ({'protocol': '17'}, False),
    ({'port_min': 21}, True), ({'port_min': 23, 'port_max': 24}, False),
    ({'port_max': 23}, True), ({'port_min': 20, 'port_max': 21}, False),
    ({'port_min': None, 'port_max': 21}, False),
    ({'port_max': None}, True), ({'port_min': None, 'port_max': None}, True),
    ({'remote': None}, True), ({'remote': '::/0'}, True),
    ({'remote': '128.0.0.0/1'}, False), ({'remote_group': 'x'}, False),
    ({'direction': 'egress'}, False)])
def test_everybody_may_not_log_in(change, refused):
    rule = but(groups.ssh_rule(22, '0.0.0.0/0'), **change)
    found = group([groups.ssh_rule(22, '10.0.0.0/8'), rule])
    if refused:
        with pytest.raises(exception.ConfigurationError, match='port 22'):
            groups.check_limit(found, 22)
    else:
        groups.check_limit(found, 22)


def test_nothing_to_limit():
    groups.check_limit(None, 22)
    groups.check_limit(but(group([]), rules=None), 22)


def test_groups_by_name():
    one, two = group([], 'a', '1'), group([], 'b', '2')
    assert groups.named((one, two), 'b') is two
    assert groups.named((one, two), 'c') is None
    with pytest.raises(exception.Conflict) as caught:
        groups.named((one, but(one, id='0')), 'a')
    assert caught.value.answer == '0, 1'


@pytest.mark.parametrize('found', [
    subnet('a', '10.254.0.0/28', 'mine', '', 4),
    subnet('a', '10.254.0.0/28', 'mine', None, 4),
    subnet('a', '10.254.0.0/28', 'mine', version=6),
    subnet('a', None, 'mine'), subnet('a', 'x', 'mine')])
def test_a_subnet_that_does_not_suit(found):
    choice = subnets.choose([found], tables.wanted())
    assert choice.serving is None and choice.free is None and choice.blocks


def test_free_subnets_are_chosen_by_the_name_of_who_needs_one():
    free = [subnet(str(number), f'10.254.0.{16 * number}/28')
            for number in range(8)]
    chosen = {subnets.choose(free, but(tables.wanted(), name=name)).free.id
              for name in 'abcdefghij'}
    assert len(chosen) > 3
    again = [subnets.choose(order, tables.wanted()).free.id
             for order in (free, free[::-1])]
    assert len(set(again)) == 1
    left = subnets.choose(free, but(tables.wanted(), occupied={
        each.id for each in free[1:]}))
    assert left.free == free[0]
    assert len(subnets.choose([], tables.wanted()).blocks) == 5
    assert subnets.choose([], tables.wanted(
        prefix=17)).blocks == (ipaddress.IPv4Network('10.254.0.0/17'),
                               ipaddress.IPv4Network('10.254.128.0/17'))


@pytest.mark.parametrize(('version', 'cidr', 'found'), [
    (4, '10.0.0.0/8', '10.0.0.0/8'), (None, '10.0.0.0/8', '10.0.0.0/8'),
    (4, '10.1.0.0/8', '10.0.0.0/8'), (6, '10.0.0.0/8', None),
    (4, None, None), (4, 'fd00::/64', None)])
def test_networks_of_subnets(version, cidr, found):
    told = subnets.network_of(records.Subnet('s', cidr=cidr,
                                             ip_version=version))
    assert (told and str(told)) == found


def test_users_that_routers_can_serve():
    for version in 4, None:
        subnets.check_users(but(USERS, ip_version=version))
    with pytest.raises(exception.InvalidRequest, match=r'Gateway 10\.7'):
        subnets.router_of(USERS, [])
    port = records.Port('p', fixed_ips=None, device_id='r')
    with pytest.raises(exception.InvalidRequest):
        subnets.router_of(USERS, [port])


# -- names -------------------------------------------------------------------

def test_names():
    assert names.subnet('u') == ('service_subnet_for_handling_of_share_'
                                 'server_for_tenant_subnet_u')
    assert names.ssh_group('v') == 'manila-service-subnet-v'
    assert names.port('service', 's') == 'manila-service-s'
    assert names.instance('vm-%s', 'g', 's') == 'vm-g_s'
    assert names.instance('vm-%s', '', 's') == 'vm-s'
    assert names.device('tap', '0123456789abcdef') == 'tap0123456789a'
    assert names.key_pair('k', KEY) == 'k-' + names.key_pair('', KEY)[1:]
    for line in (KEY.replace('ssh-', '1ssh-'), KEY.split()[1],
                 KEY.replace('ssh-ed25519', 'sh-ed25519')):
        with pytest.raises(ValueError, match=r'\w'):
            names.key_blob(line)
    assert names.key_blob(KEY + ' me')[4:15] == b'ssh-ed25519'
