# SPDX-License-Identifier: Apache-2.0

"""Decisions about networks and instances: tables, and laws."""

import ipaddress

from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.openstack import records
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import names
from manila_drivers.service_instance import planning
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import subnets
from manila_drivers.service_instance import tear_down_planning

Net = ipaddress.IPv4Network
CIDR = Net('10.254.0.0/16')


def subnet(ident, cidr, name='', gateway='x', version=4):
    return records.Subnet(ident, name, 'n', cidr, gateway, version)


def wanted(gateway=True, prefix=28, cidr=CIDR, avoid=()):
    return subnets.SubnetWanted('mine', cidr, prefix, gateway,
                                tuple(map(Net, avoid)))


# Blocks

@st.composite
def networks(draw, low=8, high=32):
    length = draw(st.integers(low, high))
    address = draw(st.integers(int(CIDR[0]) - 2 ** 12,
                               int(CIDR[-1]) + 2 ** 12))
    return Net((address, length), strict=False)


@given(taken=st.lists(networks(low=12), max_size=40),
       prefix=st.integers(20, 30))
def test_no_block_overlaps_with_anything(taken, prefix):
    found = list(subnets.free_blocks(CIDR, prefix, taken))
    for block in found:
        assert block.subnet_of(CIDR) and block.prefixlen == prefix
        assert not any(block.overlaps(each) for each in taken)
    assert found == sorted(set(found))


@given(taken=st.lists(networks(low=18), max_size=12),
       prefix=st.integers(20, 26))
@hypothesis(max_examples=60)
def test_every_free_block_is_found(taken, prefix):
    assert list(subnets.free_blocks(CIDR, prefix, taken)) == [
        each for each in CIDR.subnets(new_prefix=prefix)
        if not any(each.overlaps(one) for one in taken)]


def test_comparing_names_of_blocks_would_not_do():
    """As Manila's own driver does: the law above catches it."""
    taken = [Net('10.254.0.0/25')]
    named = next(each for each in CIDR.subnets(new_prefix=28)
                 if str(each) not in map(str, taken))
    assert named.overlaps(taken[0])
    assert not next(subnets.free_blocks(CIDR, 28, taken)).overlaps(taken[0])


def test_thousands_of_subnets_are_no_work():
    taken = list(CIDR.subnets(new_prefix=28))[:-1]
    assert list(subnets.free_blocks(CIDR, 28, taken)) == [
        Net('10.254.255.240/28')]


@given(existing=st.lists(st.tuples(
    networks(low=16), st.sampled_from(['', 'mine', 'other']),
    st.sampled_from(['', '10.0.0.1', None]),
    st.sampled_from([4, 4, 4, 6, None])), max_size=30),
    gateway=st.booleans(), avoid=st.lists(networks(low=16), max_size=3))
def test_whatever_exists_the_choice_suits(existing, gateway, avoid):
    found = [subnet(str(number), str(net), name, gate, version)
             for number, (net, name, gate, version) in enumerate(existing)]
    asked = wanted(gateway, avoid=map(str, avoid))
    try:
        choice = subnets.choose(found, asked)
    except exception.NoRoom:
        assert not list(subnets.free_blocks(CIDR, 28, [
            *avoid, *(net for net, *_, version in existing
                      if version != 6)]))
        return
    chosen = choice.serving or choice.free
    if chosen is not None:
        assert chosen.name == ('mine' if choice.serving else '')
        assert chosen.gateway_ip is not None
        assert bool(chosen.gateway_ip) == gateway
        assert chosen.ip_version != 6
        assert not any(Net(chosen.cidr).overlaps(each) for each in avoid)
        return
    for block in choice.blocks:
        assert not any(block.overlaps(each) for each in avoid)
        assert not any(block.overlaps(net) for net, *_, version in existing
                       if version != 6)


@pytest.mark.parametrize(('existing', 'serving', 'free', 'block'), [
    ([], None, None, '10.254.0.0/28'),
    ([subnet('a', '10.254.0.0/28', 'mine')], 'a', None, None),
    ([subnet('b', '10.254.0.0/28', 'mine'),
      subnet('a', '10.254.0.16/28', 'mine')], 'a', None, None),
    ([subnet('a', '10.254.0.0/28')], None, 'a', None),
    ([subnet('a', '10.254.0.0/28', gateway='')], None, None,
     '10.254.0.16/28'),
    ([subnet('a', '10.254.0.0/28', gateway=None)], None, None,
     '10.254.0.16/28'),
    ([subnet('a', '10.254.0.0/25', 'other')], None, None,
     '10.254.0.128/28'),
    ([subnet('a', '10.254.0.4/30', 'other')], None, None, '10.254.0.16/28'),
    ([subnet('a', '10.0.0.0/8', 'mine', gateway='')], None, None, 'none'),
    ([subnet('a', 'fd00::/64', 'mine', version=6)], None, None,
     '10.254.0.0/28')])
def test_which_subnet(existing, serving, free, block):
    if block == 'none':
        with pytest.raises(exception.NoRoom, match='service_network_cidr'):
            subnets.choose(existing, wanted())
        return
    found = subnets.choose(existing, wanted())
    assert (found.serving and found.serving.id) == serving
    assert (found.free and found.free.id) == free
    assert (str(found.blocks[0]) if found.blocks else None) == block


# Routers

USERS = records.Subnet('u', '', 'n', '10.7.0.0/24', '10.7.0.1', 4)


def port(address='10.7.0.1', device='r', owner='network:router_interface',
         subnet_id='u'):
    fixed = () if address is None else (
        records.FixedIp('x', '10.1.1.1'), records.FixedIp(subnet_id, address))
    return records.Port('p', fixed_ips=fixed, device_id=device,
                        device_owner=owner)


@pytest.mark.parametrize('ports', [
    [port()], [port(None), port()], [port(device=''), port()],
    [port(owner='network:ha_router_replicated_interface')],
    [port(owner='network:router_interface_distributed')],
    [port(owner=None)]])
def test_the_router_of_users(ports):
    assert subnets.router_of(USERS, ports) == 'r'


@pytest.mark.parametrize('ports', [
    [], [port(None)], [port('10.7.0.2')], [port(device='')],
    [port(owner='compute:nova')], [port(owner='network:dhcp')],
    [port(subnet_id='other')]])
def test_a_gateway_that_is_no_router(ports):
    with pytest.raises(exception.InvalidRequest, match='no router'):
        subnets.router_of(USERS, ports)


@pytest.mark.parametrize(('gateway', 'version', 'kind', 'words'), [
    ('', 4, exception.InvalidRequest, 'has no gateway'),
    (None, 4, exception.BackendError, 'does not tell'),
    ('fd00::1', 6, exception.InvalidRequest, 'IPv6')])
def test_users_that_no_router_leads_to(gateway, version, kind, words):
    with pytest.raises(kind, match=words):
        subnets.check_users(records.Subnet('u', '', 'n', 'x', gateway,
                                           version))


# Groups

RULES = groups.rules(22, limit_ssh=False)


def group(rules, name='g', ident='i'):
    return records.SecurityGroup(ident, name, 'p', tuple(rules))


def test_a_group_that_is_new_or_not_finished_gets_its_rules():
    assert groups.missing(None, RULES) == RULES
    assert groups.missing(group([]), RULES) == RULES
    assert groups.missing(group(RULES[:3]), RULES) == RULES[3:]
    assert groups.missing(group(RULES), RULES) == ()
    # Taken out by an operator, after it was finished.
    assert groups.missing(group(RULES[3:]), RULES) == ()


def test_a_rule_may_be_told_in_other_words():
    told = records.SecurityRule('ingress', 'IPv4', 'icmp', None, None, None)
    assert groups.missing(group([told]), RULES) == ()


def test_a_group_that_does_not_tell_its_rules():
    with pytest.raises(exception.BackendError, match='does not tell'):
        groups.missing(records.SecurityGroup('i', 'g', 'p', None), RULES)


def test_two_groups_of_a_name():
    with pytest.raises(exception.Conflict, match='2 security groups'):
        groups.named([group([], ident='a'), group([], ident='b')], 'g')


def test_a_group_of_addresses_is_not_everybody():
    """Neutron tells no prefix with it; older ones do not know the field."""
    data = {'id': 'r', 'direction': 'ingress', 'ethertype': 'IPv4',
            'protocol': 'tcp', 'port_range_min': 22, 'port_range_max': 22,
            'remote_ip_prefix': None, 'remote_group_id': None}
    some = records.SecurityRule.of({**data, 'remote_address_group_id': 'a'})
    everybody = records.SecurityRule.of(data)
    groups.check_limit(group([some]), 22)
    with pytest.raises(exception.ConfigurationError):
        groups.check_limit(group([everybody]), 22)
    wanted = groups.rules(22, limit_ssh=False)
    assert len(groups.missing(group([some]), wanted)) == len(wanted)
    assert len(groups.missing(group([everybody]), wanted)) \
        == len(wanted) - 1


@pytest.mark.parametrize(('rule', 'refused'), [
    (('ingress', 'IPv4', 'tcp', 22, 22, '0.0.0.0/0'), True),
    (('ingress', 'IPv4', 'tcp', 1, 65535, None), True),
    (('ingress', 'IPv4', None, None, None, None), True),
    (('ingress', 'IPv4', 'tcp', None, None, '0.0.0.0/0'), True),
    (('egress', 'IPv4', None, None, None, None), False),
    (('ingress', 'IPv4', 'tcp', 22, 22, '10.0.0.0/8'), False),
    (('ingress', 'IPv4', 'udp', 22, 22, None), False),
    (('ingress', 'IPv4', 'tcp', 23, 90, None), False)])
def test_a_limit_that_would_have_no_effect(rule, refused):
    found = group([records.SecurityRule(*rule)])
    if not refused:
        groups.check_limit(found, 22)
        return
    with pytest.raises(exception.ConfigurationError,
                       match='limit_ssh_access'):
        groups.check_limit(found, 22)


def test_a_limited_group_has_no_rule_for_ssh():
    limited = groups.rules(22, limit_ssh=True)
    groups.check_limit(group(limited), 22)
    assert set(RULES) - set(limited) == {groups.ssh_rule(22, '0.0.0.0/0')}


# Plans

def conf(**more):
    return settings.NetworkSettings('net', CIDR, 28, 'host',
                                    **{'group': 'g', **more})


WANTED = planning.NetworkWanted('s', 'un', 'u')
ADMIN = {'admin_network': 'an', 'admin_subnet': 'as'}
GROUP = group(RULES)
SERVING = subnet('v', '10.254.0.0/28', names.subnet('u'))
SSH = group([groups.ssh_rule(22, '10.254.0.0/28')],
            names.ssh_group('v'), 'ssh')


def actions(facts, **more):
    return [each.action for each in planning.network(facts, WANTED,
                                                     conf(**more))]


def facts(**more):
    return planning.NetworkFacts(**{
        'service_network': 'sn', 'users': USERS, 'router_id': 'r',
        'groups': (GROUP,), **more})


@pytest.mark.parametrize(('given_', 'more', 'steps'), [
    ({}, {}, ['create subnet', 'note subnet', 'add router interface',
              'create port']),
    ({'service_network': ''}, {}, [
        'create network', 'create subnet', 'note subnet',
        'add router interface', 'create port']),
    ({'service_subnets': (SERVING,)}, {}, [
        'note subnet', 'add router interface', 'create port']),
    ({'service_subnets': (subnet('f', '10.254.1.0/28'),)}, {}, [
        'take subnet', 'note subnet', 'add router interface',
        'create port']),
    ({'groups': ()}, {}, [
        'create group', 'add rules', 'create subnet', 'note subnet',
        'add router interface', 'create port']),
    ({}, ADMIN, ['create subnet', 'note subnet', 'add router interface',
                 'create port', 'create port']),
    ({'router_id': ''}, {'to_tenant': True}, [
        'create subnet', 'note subnet', 'create port', 'create port']),
    ({'router_id': '', 'service_network': '', 'users': None},
     {'to_tenant': True, **ADMIN}, ['create port', 'create port']),
    ({'groups': (group(groups.rules(22, limit_ssh=True)),)},
     {'limit_ssh': True}, [
        'create subnet', 'note subnet', 'add router interface',
        'guard subnet', 'create port']),
    ({'groups': (group(groups.rules(22, limit_ssh=True)), SSH),
      'service_subnets': (SERVING,)}, {'limit_ssh': True}, [
        'note subnet', 'add router interface', 'create port']),
    ({'service_subnets': (SERVING,),
      'ports': {'service': records.Port('p')}}, {}, [
        'note subnet', 'add router interface'])])
def test_what_is_made(given_, more, steps):
    assert actions(facts(**given_), **more) == steps


def test_an_interface_that_others_need_is_not_taken_back():
    def undo(found):
        return [bool(each.undo) for each in planning.network(
            found, WANTED, conf()) if each.action == 'add router interface']
    assert undo(facts()) == [True]
    assert undo(facts(service_subnets=(SERVING,))) == [False]


def test_every_port_has_its_guards_from_the_beginning():
    made = planning.network(facts(groups=(
        group(groups.rules(22, limit_ssh=True)), SSH),
        service_subnets=(SERVING,)), WANTED, conf(limit_ssh=True, **ADMIN))
    guards = {each.args['part']: (each.args['group'], each.args['ssh_group'])
              for each in made if each.action == 'create port'}
    assert guards == {'service': ('i', 'ssh'), 'admin': ('i', '')}


BOOT = settings.BootSettings('base')


def instance_steps(server=None, ports=None, boot=None, key=False,
                   volume=None, public_key=''):
    conf_ = settings.InstanceSettings('img', '100', '%s', 'g', 'h@g', 'nova',
                                      'k', public_key, boot)
    return [each.action for each in planning.instance(
        planning.InstanceFacts(server, 'i', key, volume), conf_, 's',
        ports or {})]


MINE = {'service': records.Port('p', device_id='vm')}
KEY = ('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1ZsYoLue+oe3Ti4yV5OwHCBRz9XL4l'
       'FphLzaVRgZqP')


@pytest.mark.parametrize(('more', 'steps'), [
    ({}, ['create server', 'await server']),
    ({'public_key': KEY}, ['import key', 'create server', 'await server']),
    ({'public_key': KEY, 'key': True}, ['create server', 'await server']),
    ({'boot': settings.BootSettings()}, ['create server', 'await server']),
    ({'boot': BOOT}, ['clone volume', 'await volume', 'create server',
                      'await server']),
    ({'boot': BOOT, 'volume': records.Volume('v')}, [
        'await volume', 'create server', 'await server']),
    ({'server': records.Server('vm', status='BUILD'), 'ports': MINE},
     ['await server']),
    ({'server': records.Server('vm', status='ACTIVE'), 'ports': MINE},
     ['await server']),
    ({'server': records.Server('vm', status='ERROR'), 'ports': MINE},
     ['delete server', 'create server', 'await server']),
    ({'server': records.Server('vm', status='ACTIVE',
                               task_state='deleting'), 'ports': MINE},
     ['delete server', 'create server', 'await server']),
    ({'server': records.Server('vm', status='ACTIVE'),
      'ports': {'service': records.Port('p', device_id='')}},
     ['delete server', 'create server', 'await server'])])
def test_which_server_is_made(more, steps):
    assert instance_steps(**more) == steps


# Tear-downs

VM = records.Port('vm', device_id='x', device_owner='compute:nova')
DHCP = records.Port('d', device_id='dhcp', device_owner='network:dhcp')
WAY = records.Port('w', device_id='r2', device_owner='network:ha_router_'
                   'replicated_interface')
HOST_PORT = records.Port('h', device_id='manila-share', device_owner='')


MINE_NAMED = names.subnet('u')


def going(*ports_, name=MINE_NAMED, router=''):
    use = tear_down_planning.SubnetUse(subnet('s', 'x', name), ports_)
    return [f'{each.action} {each.target}'
            for each in tear_down_planning.network(
                tear_down_planning.TearDownFacts(('vm',), (use,)), router)]


FREE = [f'delete ssh group {names.ssh_group("s")}', 'let subnet go s']


@pytest.mark.parametrize(('ports', 'more', 'steps'), [
    ([], {}, FREE), ([VM, DHCP, HOST_PORT], {}, FREE),
    ([WAY], {}, ['remove router interface r2', *FREE]),
    ([], {'router': 'r'}, ['remove router interface r', *FREE]),
    ([WAY], {'router': 'r'}, ['remove router interface r',
                              'remove router interface r2', *FREE]),
    ([VM, records.Port('other', device_owner='compute:nova')], {}, []),
    # Of a set-up that has no server yet, and one that nobody told of.
    ([records.Port('other', device_owner='manila')], {}, []),
    ([records.Port('other', device_owner='')], {}, []),
    ([records.Port('other', device_owner=None)], {}, []),
    ([], {'name': ''}, []), ([], {'name': 'theirs', 'router': 'r'}, [])])
def test_what_goes_with_an_instance(ports, more, steps):
    assert going(*ports, **more) == ['delete port vm', *steps]


# Names

def test_a_key_is_named_by_itself_and_not_by_its_comment():
    assert names.key_pair('k', KEY) == names.key_pair('k', KEY + '  me@here')
    assert len(names.key_pair('k', KEY)) == len('k-') + 16


@pytest.mark.parametrize('line', [
    '', 'ssh-ed25519', 'ssh-ed25519 !!!', '-----BEGIN OPENSSH PRIVATE KEY',
    'ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIN1ZsYoLue+oe3Ti4yV5OwHCBRz9XL4l'])
def test_no_public_key(line):
    with pytest.raises(ValueError, match=r'.'):
        names.key_blob(line)
