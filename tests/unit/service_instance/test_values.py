# SPDX-License-Identifier: Apache-2.0

"""Security groups, blocks of addresses and names, value by value."""

import base64
import dataclasses
import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.openstack import records
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import names
from manila_drivers.service_instance import subnets
from tests.unit.service_instance import test_planning as planned

SSH = groups.ssh_rule(22, '0.0.0.0/0')
FROM_ONE = groups.ssh_rule(22, '10.254.0.0/28')


def but(**parts):
    return dataclasses.replace(SSH, **parts)


def group(*rules):
    return records.SecurityGroup('i', 'g', 'p', rules)


# How Neutron may tell one and the same rule, or another one.
@pytest.mark.parametrize(('told', 'there'), [
    (SSH, True), (but(remote=None), True), (but(remote='::/0'), True),
    (but(remote='10.0.0.0/0'), True), (but(direction='INGRESS'), True),
    (but(ethertype='ipv4'), True), (but(protocol='TCP'), True),
    (but(direction='egress'), False), (but(ethertype='IPv6'), False),
    (but(protocol='udp'), False), (but(protocol=None), False),
    (but(port_min=21), False), (but(port_max=23), False),
    (but(remote='10.0.0.0/8'), False), (but(remote_group='x'), False)])
def test_a_rule_is_known_in_any_words(told, there):
    assert groups.missing(group(told), [SSH]) == (() if there else (SSH,))


def test_networks_are_known_in_any_words():
    told = but(remote='10.254.0.7/28')
    assert groups.missing(group(told), [FROM_ONE]) == ()
    assert groups.missing(group(FROM_ONE), [told]) == ()
    other = but(remote='10.254.0.16/28')
    assert groups.missing(group(other), [FROM_ONE]) == (FROM_ONE,)
    nothing = but(protocol=None)
    assert groups.missing(group(but(protocol='')), [nothing]) == ()


@pytest.mark.parametrize(('rule', 'lets_in'), [
    (SSH, True), (FROM_ONE, True), (but(direction='egress'), False),
    (but(protocol='udp'), False), (but(protocol=None), True),
    (but(protocol='6'), True), (but(protocol='ANY'), True),
    (but(port_min=None, port_max=None), True),
    (but(port_min=23), False), (but(port_max=21), False),
    (but(port_min=None, port_max=21), False),
    (but(port_min=22, port_max=None), True),
    (but(remote_group='x'), True)])
def test_who_can_log_in_at_all(rule, lets_in):
    assert groups.is_closed(group(rule), 22) is not lets_in
    assert groups.is_closed(group(but(protocol='icmp'), rule),
                            22) is not lets_in


def test_what_is_not_told_is_not_closed():
    assert groups.is_closed(group(), 22)
    assert not groups.is_closed(None, 22)
    assert not groups.is_closed(
        records.SecurityGroup('i', 'g', 'p', None), 22)


@pytest.mark.parametrize(('rule', 'refused'), [
    (SSH, True), (but(remote=None), True), (but(remote='::/0'), True),
    (FROM_ONE, False), (but(remote_group='x'), False),
    (but(port_max=21), False)])
def test_a_limit_that_a_group_undoes_is_refused(rule, refused):
    groups.check_limit(None, 22)
    if not refused:
        groups.check_limit(group(rule), 22)
        return
    with pytest.raises(exception.ConfigurationError) as caught:
        groups.check_limit(group(FROM_ONE, rule), 22)
    assert 'limit_ssh_access' in str(caught.value)
    assert 'g (i) lets everybody reach port 22' in str(caught.value)


LIMITED = group(*groups.rules(22, limit_ssh=True))


@pytest.mark.parametrize(('found', 'more'), [
    ((planned.GROUP, planned.SSH), {}),
    ((LIMITED, dataclasses.replace(planned.SSH, rules=(SSH,))), {}),
    ((dataclasses.replace(group(SSH), name='default'), planned.SSH),
     {'group': ''})])
def test_any_group_may_undo_the_limit(found, more):
    facts = planned.facts(groups=found, service_subnets=(planned.SERVING,))
    with pytest.raises(exception.ConfigurationError,
                       match='lets everybody reach port 22'):
        planned.actions(facts, limit_ssh=True, **more)


NET = ipaddress.IPv4Network('10.0.0.0/28')


@pytest.mark.parametrize(('taken', 'free'), [
    ([], ['10.0.0.0/30', '10.0.0.4/30', '10.0.0.8/30', '10.0.0.12/30']),
    (['10.0.0.3/32'], ['10.0.0.4/30', '10.0.0.8/30', '10.0.0.12/30']),
    (['10.0.0.4/32'], ['10.0.0.0/30', '10.0.0.8/30', '10.0.0.12/30']),
    (['10.0.0.4/31', '10.0.0.7/32'],
     ['10.0.0.0/30', '10.0.0.8/30', '10.0.0.12/30']),
    (['10.0.0.15/32'], ['10.0.0.0/30', '10.0.0.4/30', '10.0.0.8/30']),
    (['10.0.0.0/29'], ['10.0.0.8/30', '10.0.0.12/30']),
    # One within another, and one that goes beyond.
    (['10.0.0.0/29', '10.0.0.1/32'], ['10.0.0.8/30', '10.0.0.12/30']),
    (['10.0.0.0/8'], []), (['9.255.255.0/24', '10.0.1.0/24'], [
        '10.0.0.0/30', '10.0.0.4/30', '10.0.0.8/30', '10.0.0.12/30'])])
def test_free_blocks(taken, free):
    networks = [ipaddress.IPv4Network(each) for each in taken]
    for order in networks, networks[::-1]:
        assert [str(each) for each in subnets.free_blocks(
            NET, 30, order)] == free


def test_blocks_that_are_as_long_as_all():
    assert list(subnets.free_blocks(NET, 28, [])) == [NET]
    assert list(subnets.free_blocks(NET, 27, [])) == []
    everything = ipaddress.IPv4Network('0.0.0.0/0')
    assert list(subnets.free_blocks(everything, 0, [])) == [everything]
    last = ipaddress.IPv4Network('255.255.255.252/30')
    assert list(subnets.free_blocks(last, 32, [
        ipaddress.IPv4Network('255.255.255.254/32')]))[-1] == \
        ipaddress.IPv4Network('255.255.255.255/32')


@pytest.mark.parametrize(('cidr', 'version', 'found'), [
    ('10.0.0.0/28', 4, '10.0.0.0/28'), ('10.0.0.7/28', None, '10.0.0.0/28'),
    ('10.0.0.0/28', 6, None), (None, 4, None), ('fd00::/64', None, None),
    ('', 4, None)])
def test_addresses_of_a_subnet(cidr, version, found):
    known = subnets.network_of(records.Subnet(
        's', 'n', 'net', cidr, gateway_ip='', ip_version=version))
    assert (known and str(known)) == found


def key(kind=b'ssh-ed25519', rest=b'key'):
    return base64.b64encode(
        len(kind).to_bytes(4) + kind + rest).decode()


@pytest.mark.parametrize('line', [
    f'ssh-ed25519 {key()}', f'ssh-ed25519 {key()} a comment = here',
    f'  ssh-ed25519   {key()}\n', f'x-y {key(b"x-y")}'])
def test_keys(line):
    assert names.key_blob(line) == base64.b64decode(line.split()[1])


@pytest.mark.parametrize('line', [
    '', 'ssh-ed25519', f'ssh-rsa {key()}', 'ssh-ed25519 ???',
    f'ssh-ed25519 {key()[:-4]}*{key()[-4:]}', f'1sh {key(b"1sh")}',
    'ssh-ed25519 AAAA', f'ssh-ed25519 {key()[:-1]}'])
def test_what_is_no_key(line):
    with pytest.raises(ValueError, match=r'\w'):
        names.key_blob(line)
