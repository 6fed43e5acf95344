# SPDX-License-Identifier: Apache-2.0

"""Access rules as values: forms, refusals, laws."""

import ipaddress
import itertools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from manila_drivers import access
from manila_drivers import overlap

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


def grants(levels):
    return access.Grants(levels=levels, errors={}, source={
        network: 'r%d' % n for n, network in enumerate(levels)})


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
    assert [access.canonical(n) for n in found.levels] == [canonical]


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


def test_names_are_held_against_a_pattern():
    found = access.name_grants(
        [rule(1, 'client.example', kind='cert'),
         rule(2, 'a,b', kind='cert'), rule(3, 'x' * 65, kind='cert')],
        'cert', pattern=r'[\w.-]{1,64}')
    assert list(found.levels) == ['client.example']
    assert set(found.errors) == {'r2', 'r3'}


def test_the_most_specific_rule_decides():
    levels = access.ip_grants([
        rule(1, '10.0.0.0/8', 'rw'), rule(2, '10.1.0.0/16', 'ro'),
        rule(3, '10.1.1.1', 'rw')]).levels
    assert access.level_for(levels, '10.2.0.1') == 'rw'
    assert access.level_for(levels, '10.1.0.1') == 'ro'
    assert access.level_for(levels, '10.1.1.1') == 'rw'
    assert access.level_for(levels, '11.0.0.1') is None
    assert access.level_for(levels, '::1') is None


def level_in(lists, probe):
    """What two lists give, where being in both is an offence."""
    in_rw = any(probe in network for network in lists.rw)
    in_ro = any(probe in network for network in lists.ro)
    assert not (in_rw and in_ro), probe
    return 'rw' if in_rw else 'ro' if in_ro else None


@given(st.dictionaries(NETWORKS, LEVELS, max_size=8))
def test_separate_lists_mean_what_the_rules_mean(levels):
    lists = overlap.separate(grants(levels), limit=10000)
    assert not lists.errors
    for probe in PROBES:
        assert level_in(lists, probe) == access.level_for(levels, probe)


@given(st.dictionaries(NETWORKS, LEVELS, max_size=8), st.integers(0, 40))
def test_with_a_limit_the_rest_of_the_rules_is_still_exact(levels, limit):
    lists = overlap.separate(grants(levels), limit)
    kept = {network: level for n, (network, level)
            in enumerate(levels.items()) if 'r%d' % n not in lists.errors}
    for probe in PROBES:
        assert level_in(lists, probe) == access.level_for(kept, probe)
    assert len(lists.rw) + len(lists.ro) <= len(kept) + limit


@given(st.dictionaries(NETWORKS, LEVELS, max_size=8),
       st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(levels, random):
    items = list(levels.items())
    random.shuffle(items)
    first = overlap.separate(grants(levels), 10000)
    second = overlap.separate(grants(dict(items)), 10000)
    assert (first.rw, first.ro) == (second.rw, second.ro)


def test_without_overlap_networks_stay_as_they_were_given():
    lists = overlap.separate(access.ip_grants(
        [rule(1, '10.0.0.0/8'), rule(2, '11.0.0.0/8', 'ro'),
         rule(3, '10.0.0.1')]), 200)
    assert [str(n) for n in lists.rw] == ['10.0.0.0/8', '10.0.0.1/32']
    assert [str(n) for n in lists.ro] == ['11.0.0.0/8']


def test_a_limit_of_nought_refuses_the_narrower_rule():
    lists = overlap.separate(access.ip_grants(
        [rule(1, '10.0.0.0/8'), rule(2, '10.0.0.1', 'ro')]), 0)
    assert [str(n) for n in lists.rw] == ['10.0.0.0/8']
    assert lists.ro == ()
    assert '10.0.0.0/8' in lists.errors['r2']


def test_a_thousand_holes_in_everything_take_no_time():
    # The limit of the whole-suite timeout would not catch a quadratic cut.
    rules = [rule('all', '0.0.0.0/0')] + [
        rule(n, '10.%d.%d.1' % divmod(n, 250), 'ro') for n in range(1000)]
    import time
    started = time.perf_counter()
    lists = overlap.separate(access.ip_grants(rules), 100000)
    assert time.perf_counter() - started < 5
    assert len(lists.ro) == 1000
    assert not lists.errors


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
