# SPDX-License-Identifier: Apache-2.0

"""Access rules as values: forms, refusals, laws."""

import ipaddress
import itertools

from hypothesis import strategies as st
import pytest

from manila_drivers import access
from manila_drivers import networks

NETWORKS = st.builds(
    lambda bits, length: ipaddress.ip_network(
        (0x0A000000 | bits, length), strict=False),
    # Few bits, so that networks meet often.
    st.integers(0, 63), st.sampled_from([0, 8, 26, 27, 28, 29, 30, 31, 32]))
LEVELS = st.sampled_from([access.RW, access.RO])
PROBES = [ipaddress.ip_address(0x0A000000 + n) for n in range(66)] + [
    ipaddress.ip_address('9.255.255.255'),
    ipaddress.ip_address('255.255.255.255')]


def rule(number, to, level='rw', kind='ip'):
    return access.Rule('r%s' % number, kind, to, level)


class Row(dict):
    """A row as an ORM has them: get works, unknown keys do not."""


@pytest.mark.parametrize(('text', 'canonical'), [
    ('10.0.0.7', '10.0.0.7'),
    ('10.0.0.7/32', '10.0.0.7'),
    ('10.0.0.7/24', '10.0.0.0/24'),
    (' 10.0.0.0/8 ', '10.0.0.0/8'),
    ('0.0.0.0/0', '0.0.0.0/0'),
    ('::/0', '::/0'),
    ('2001:DB8:0::1', '2001:db8::1'),
    ('2001:db8::1/64', '2001:db8::/64')])
def test_a_target_has_one_canonical_text(text, canonical):
    found = access.ip_grants(access.rules_of(
        [Row(access_id='a', access_type='ip', access_to=text,
             access_level='rw')]))
    assert not found.errors
    assert [networks.canonical(n) for n in found.levels] == [canonical]


@pytest.mark.parametrize('text', [
    '', 'host.example', '10.0.0.0/33', '10.0.0', '10.0.0.1-10.0.0.9', '*',
    '@group', 'fe80::1%eth0', '10.0.0.1; rm', '~10.0.0.1', '10.0.0.*'])
def test_what_is_no_network_is_refused_alone(text):
    found = access.ip_grants([rule(1, text), rule(2, '10.0.0.1')])
    assert set(found.errors) == {'r1'}
    assert [str(n) for n in found.levels] == ['10.0.0.1/32']


def test_a_rule_of_another_type_level_or_version_is_refused_alone():
    found = access.ip_grants(
        [rule(1, 'alice', kind='user'), rule(2, '10.0.0.1', 'admin'),
         rule(3, '::1'), rule(4, '10.0.0.2')], versions=(4,))
    assert set(found.errors) == {'r1', 'r2', 'r3'}
    assert list(found.source.values()) == ['r4']


@pytest.mark.parametrize('order', list(itertools.permutations(
    [rule('rw', '10.0.0.5', 'rw'), rule('ro', '10.0.0.5/32', 'ro')])))
def test_of_one_target_twice_the_weaker_level_stays(order):
    found = access.ip_grants(order)
    assert list(found.levels.values()) == ['ro']
    assert set(found.errors) == {'rrw'}


def test_the_same_rule_twice_is_no_conflict():
    found = access.ip_grants([rule(1, '10.0.0.5'), rule(2, '10.0.0.5/32')])
    assert not found.errors
    assert len(found.levels) == 1


def test_ids_come_from_access_id_and_else_from_id():
    assert access.Rule.of(Row(id='m', access_id='a')).access_id == 'a'
    assert access.Rule.of(Row(id='m')).access_id == 'm'


def test_a_snapshot_rule_has_no_level_and_is_read_only():
    assert access.Rule.of(Row(id='m', access_type='ip',
                              access_to='10.0.0.1')).level == 'ro'


def test_a_row_is_read_and_a_rule_is_left_alone():
    found = access.Rule.of(Row(id=7, access_type='IP', access_level='RW',
                               access_to=' 10.0.0.1 '))
    assert found == access.Rule('7', 'ip', '10.0.0.1', 'rw')
    assert access.Rule.of(found) is found
    assert access.rules_of([found]) == (found,)
    assert access.rules_of(None) == ()
    assert access.Rule.of(Row(id='m', access_type=None, access_to=None)) \
        == access.Rule('m', '', '', 'ro')


def test_a_refused_rule_has_its_reason_and_the_state_error():
    errors = access.ip_grants(
        [rule('rw', '10.0.0.5'), rule('ro', '10.0.0.5', 'ro'),
         rule('x', 'host.example')]).errors
    assert '10.0.0.5 a weaker level' in errors['rrw']
    assert "'host.example' is neither" in errors['rx']
    assert access.states(errors) == {'rrw': {'state': 'error'},
                                     'rx': {'state': 'error'}}
    assert access.states({}) == {}


@pytest.mark.parametrize(('answer', 'reasons'), [
    (access.states({'a': 'why', 'b': 'because'}),
     {'a': 'why', 'b': 'because'}),
    (access.states({}), {}), (None, {}), ({}, {}),
    # A driver of somebody else's tells states alone.
    ({'a': {'state': 'error'}, 'b': {'state': 'active'}, 'c': {},
      'd': {'access_key': 'k'}}, {'a': 'the driver does not say why'})])
def test_why_rules_are_in_error(answer, reasons):
    assert access.refusals(answer) == reasons


def test_a_reason_stays_what_it_was_when_the_rule_was_refused():
    errors = {'a': 'why'}
    answer = access.states(errors)
    errors.clear()
    assert access.refusals(answer) == {'a': 'why'}


def test_names_are_held_against_a_pattern():
    found = access.name_grants(
        [rule(1, 'client.example', kind='cert'),
         rule(2, 'a,b', kind='cert'), rule(3, 'x' * 65, kind='cert')],
        'cert', pattern=r'[\w.-]{1,64}')
    assert list(found.levels) == ['client.example']
    assert set(found.errors) == {'r2', 'r3'}


@pytest.mark.parametrize(('to', 'plain'), [
    ('::ffff:10.0.0.1', '10.0.0.1/32'),
    ('::ffff:a00:1/128', '10.0.0.1/32'),
    ('::ffff:10.1.0.0/112', '10.1.0.0/16'),
    ('::ffff:0:0/96', '0.0.0.0/0'),
    # These hold more than what is IPv4.
    ('::ffff:0:0/95', '::fffe:0:0/95'), ('::/0', '::/0'),
    ('::10.0.0.1', '::a00:1/128')])
def test_ipv4_under_a_name_of_ipv6_is_ipv4(to, plain):
    grants = access.ip_grants([access.Rule('one', 'ip', to)])
    assert list(map(str, grants.levels)) == [plain]


def test_both_names_of_an_address_are_one_target():
    grants = access.ip_grants([
        access.Rule('one', 'ip', '::ffff:10.0.0.1'),
        access.Rule('two', 'ip', '10.0.0.1', 'ro')])
    assert {str(network): level for network, level
            in grants.levels.items()} == {'10.0.0.1/32': 'ro'}
    assert list(grants.errors) == ['one']


def test_what_cannot_be_served_is_refused_step_by_step():
    grants = access.ip_grants([
        rule(1, '10.0.0.1'), rule(2, '10.0.0.2', 'ro'), rule(3, '10.0.0.3'),
        rule(4, 'nonsense')])
    one, two, three = grants.levels
    left = grants.without({one: 'why one'}).without({two: 'why two'})
    assert left.levels == {three: 'rw'}
    assert left.source == {three: 'r3'}
    assert {name: why for name, why in left.errors.items()
            if name != 'r4'} == {'r1': 'why one', 'r2': 'why two'}
    assert left.errors['r4'] == grants.errors['r4']
