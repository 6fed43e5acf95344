# SPDX-License-Identifier: Apache-2.0

"""Networks and what they give: laws, held against looking at each of them."""

import ipaddress
import time

from hypothesis import given
from hypothesis import strategies as st
import pytest

from manila_drivers import networks

LEVEL = st.sampled_from(('rw', 'ro'))
# Few bits, so that networks meet often; of both versions.
NETWORKS = st.builds(
    lambda version, bits, length: ipaddress.ip_network(
        ((0x0A000000 | bits, length) if version == 4 else
         ((0x0A000000 | bits) << 96, length)), strict=False),
    st.sampled_from([4, 4, 6]), st.integers(0, 63),
    st.sampled_from([0, 8, 26, 27, 28, 29, 30, 31, 32]))
LEVELS = st.dictionaries(NETWORKS, LEVEL, max_size=8)
PROBES = [ipaddress.ip_address(0x0A000000 + n) for n in range(66)] + [
    ipaddress.ip_address(text) for text in (
        '9.255.255.255', '255.255.255.255', '::', 'a00::', 'a00:0:1::',
        'a00:3::', 'a00:3f::', 'ffff::')]
RANK = {None: 0, 'ro': 1, 'rw': 2}


def net(text):
    return ipaddress.ip_network(text)


def nets(levels):
    return {net(text): level for text, level in levels.items()}


def within(inner, outer):
    return inner.version == outer.version and inner.subnet_of(outer)


@pytest.mark.parametrize(('text', 'network'), [
    ('10.0.0.1', '10.0.0.1/32'), ('10.0.0.1/8', '10.0.0.0/8'),
    ('10.0.0.0/255.0.0.0', '10.0.0.0/8'), ('2001:db8::1/32', '2001:db8::/32'),
    ('::1', '::1/128'), ('', None), ('*', None), ('@group', None),
    ('10.0.0.0/33', None), ('host.example.org', None)])
def test_networks_are_read(text, network):
    found = networks.parse(text)
    assert (found and str(found)) == network


@pytest.mark.parametrize(('text', 'canonical', 'halves'), [
    ('10.0.0.1/32', '10.0.0.1', ['10.0.0.1/32']),
    ('::1/128', '::1', ['::1/128']), ('10.0.0.0/8', '10.0.0.0/8',
                                      ['10.0.0.0/8']),
    ('0.0.0.0/1', '0.0.0.0/1', ['0.0.0.0/1']),
    ('2001:db8::/32', '2001:db8::/32', ['2001:db8::/32']),
    ('0.0.0.0/0', '0.0.0.0/0', ['0.0.0.0/1', '128.0.0.0/1']),
    ('::/0', '::/0', ['::/1', '8000::/1'])])
def test_networks_are_written(text, canonical, halves):
    assert networks.canonical(net(text)) == canonical
    assert list(map(str, networks.halves(net(text)))) == halves


@pytest.mark.parametrize(('text', 'plain'), [
    ('::ffff:10.0.0.1', '10.0.0.1/32'), ('::ffff:0:0/96', '0.0.0.0/0'),
    ('::ffff:10.1.0.0/112', '10.1.0.0/16'), ('10.0.0.0/8', '10.0.0.0/8'),
    # These hold more than what is IPv4, or nothing of it.
    ('::fffe:0:0/95', '::fffe:0:0/95'), ('::/0', '::/0'),
    ('::a00:1/128', '::a00:1/128'), ('::1/128', '::1/128')])
def test_ipv4_in_ipv6_is_ipv4(text, plain):
    assert str(networks.plain(net(text))) == plain


def test_order():
    ordered = list(map(net, ('0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9',
                             '10.0.0.1', '11.0.0.0/8', '::/0', '::1')))
    assert sorted(set(ordered), key=networks.order) == ordered


@pytest.mark.parametrize(('address', 'level'), [
    ('10.2.0.1', 'rw'), ('10.1.0.1', 'ro'), ('10.1.1.1', 'rw'),
    ('11.0.0.1', None), ('::1', None), ('2001:db8::1', 'ro')])
def test_the_most_specific_one_decides(address, level):
    levels = nets({'10.1.0.0/16': 'ro', '10.0.0.0/8': 'rw',
                   '10.1.1.1': 'rw', '2001:db8::/32': 'ro'})
    assert networks.level_for(levels, address) == level
    assert networks.level_for(levels, ipaddress.ip_address(address)) == level


# Looking up

@given(LEVELS, NETWORKS)
def test_what_holds_a_network(levels, network):
    found = networks.PrefixTable(levels)
    holding = sorted(((outer.prefixlen, level) for outer, level
                      in levels.items() if within(network, outer)),
                     reverse=True)
    assert list(found.holding(network)) == holding
    assert found.level(network) == (holding[0][1] if holding else None)


def test_lengths_are_looked_at_from_the_longest():
    """In whatever order they came."""
    levels = nets({'10.0.0.0/16': 'b', '10.0.0.0/8': 'c', '10.0.0.0/24': 'a',
                   '10.0.0.0/30': 'x', '0.0.0.0/0': 'd', '::/0': 'x'})
    assert list(networks.PrefixTable(levels).holding(net('10.0.0.0/29'))) == [
        (24, 'a'), (16, 'b'), (8, 'c'), (0, 'd')]


def test_the_first_of_the_same_network_stays():
    found = networks.PrefixTable()
    for level in 'ro', 'rw':
        found.add(net('10.0.0.0/8'), level)
    assert found.level(net('10.0.0.1')) == 'ro'


@given(st.lists(NETWORKS), NETWORKS)
def test_what_lies_within_a_network(some, network):
    assert networks.Within(some)(network) == any(
        within(one, network) for one in some)


@pytest.mark.parametrize(('some', 'network', 'lies'), [
    (['10.0.0.0/8'], '10.0.0.0/8', True),
    (['10.0.0.0/7'], '10.0.0.0/8', False),
    (['10.0.0.0/7', '10.0.0.0/9'], '10.0.0.0/8', True),
    (['0.0.0.0/32'], '0.0.0.0/0', True), (['::/128'], '::/0', True),
    # Of another version, whatever its numbers.
    (['::/128'], '0.0.0.0/32', False), (['0.0.0.0/32'], '::/0', False),
    (['9.0.0.0/8', '11.0.0.0/8'], '10.0.0.0/8', False),
    (['255.255.255.255', '::/128'], '255.255.255.254/32', False),
    # As many wider ones as there are begin where it begins.
    ([f'0.0.0.0/{length}' for length in range(32)], '0.0.0.0/32', False),
    ([f'0.0.0.0/{length}' for length in range(33)], '0.0.0.0/32', True)])
def test_one_within_a_network(some, network, lies):
    assert networks.Within(map(net, some))(net(network)) is lies


def first_match(pairs, address):
    """Return what the first network that holds an address gives."""
    return next((level for network, level in pairs if address in network),
                None)


@given(st.lists(st.tuples(NETWORKS, LEVEL), max_size=8))
def test_lists_of_which_the_first_match_decides(pairs):
    levels, whole = networks.first_decides(pairs)
    for probe in PROBES:
        assert networks.level_for(levels, probe) == first_match(pairs, probe)
    assert whole == (dict(reversed(pairs)) == levels)


# Comparing

@given(LEVELS, LEVELS)
def test_meet_gives_everybody_the_less(one, other):
    found = networks.meet(one, other)
    for probe in PROBES:
        assert networks.level_for(found, probe) == min(
            networks.level_for(one, probe), networks.level_for(other, probe),
            key=RANK.__getitem__)


@given(LEVELS, LEVELS)
def test_who_loses_something(before, after):
    levels = {**before, **after}
    edges = {address for network in levels for address in (
        network.network_address, network.broadcast_address)}
    if any(RANK[networks.level_for(after, probe)]
           < RANK[networks.level_for(before, probe)]
           for probe in (*PROBES, *edges)):
        assert networks.takes_away(before, after)
    assert not networks.takes_away(before, before)
    assert not networks.takes_away(networks.meet(before, after), after)


@pytest.mark.parametrize(('before', 'after', 'loses'), [
    ({}, {}, False), ({}, {'10.0.0.1': 'ro'}, False),
    ({'10.0.0.1': 'ro'}, {}, True), ({'10.0.0.1': 'rw'},
                                     {'10.0.0.1': 'ro'}, True),
    ({'10.0.0.1': 'ro'}, {'10.0.0.1': 'rw'}, False),
    ({'10.0.0.1': 'rw'}, {'10.0.0.0/8': 'ro'}, True),
    ({'10.0.0.1': 'rw'}, {'10.0.0.0/8': 'rw'}, False),
    ({'10.0.0.0/8': 'rw'}, {'10.0.0.1': 'rw'}, True),
    ({'10.0.0.0/8': 'rw'}, {'10.0.0.0/8': 'rw', '10.0.0.1': 'ro'}, True)])
def test_what_takes_away(before, after, loses):
    assert networks.takes_away(nets(before), nets(after)) is loses


# Cutting

def level_in(apart, probe):
    """Return what disjoint networks give; two levels are an offence."""
    found = {level for level in ('rw', 'ro')
             for network in apart.of(level) if probe in network}
    assert len(found) < 2, probe
    return next(iter(found), None)


@given(LEVELS, st.sampled_from([0, 1, 2, 3, 5, 40, 10000]))
def test_separate_networks_mean_what_the_levels_mean(levels, limit):
    """But for those that are refused; and cost no more than the limit."""
    apart = networks.separate(levels, limit)
    kept = {network: level for network, level in levels.items()
            if network not in apart.refused}
    for probe in PROBES:
        assert level_in(apart, probe) == networks.level_for(kept, probe)
    assert len(apart.levels) <= len(kept) + limit
    assert limit < 10000 or not apart.refused
    assert list(apart.levels) == sorted(apart.levels, key=networks.order)


@given(LEVELS, st.randoms(use_true_random=False))
def test_the_order_of_levels_does_not_matter(levels, random):
    items = list(levels.items())
    random.shuffle(items)
    assert networks.separate(levels, 3) == networks.separate(dict(items), 3)


def test_a_thousand_holes_in_everything_take_no_time():
    # The limit of the whole-suite timeout would not catch a quadratic cut.
    levels = nets({'0.0.0.0/0': 'rw', **{
        '10.%d.%d.1' % divmod(n, 250): 'ro' for n in range(1000)}})
    started = time.process_time()
    apart = networks.separate(levels, 100000)
    assert time.process_time() - started < 5
    assert len(apart.of('ro')) == 1000
    assert not apart.refused


def separate(levels, limit):
    """The two lists and the networks that are refused, as texts."""
    found = networks.separate(nets(levels), limit)
    return (' '.join(map(str, found.of('rw'))),
            ' '.join(map(str, found.of('ro'))),
            ' '.join(sorted(map(str, found.refused))))


COSTS = [
    # levels, entries more, lists: one network of two, or none, costs one
    ({'10.0.0.0/30': 'rw', '10.0.0.1': 'ro'}, 1,
     ('10.0.0.0/32 10.0.0.2/31', '10.0.0.1/32')),
    ({'10.0.0.0/31': 'rw', '10.0.0.1': 'ro'}, 1,
     ('10.0.0.0/32', '10.0.0.1/32')),
    ({'10.0.0.0/31': 'ro', '10.0.0.1': 'rw', '10.0.0.0': 'rw'}, 1,
     ('10.0.0.0/32 10.0.0.1/32', '')),
    ({'10.0.0.0/29': 'ro', '10.0.0.1': 'rw'}, 2,
     ('10.0.0.1/32', '10.0.0.0/32 10.0.0.2/31 10.0.0.4/30')),
    ({'10.0.0.0/29': 'rw', '10.0.0.0': 'ro', '10.0.0.7': 'ro'}, 3,
     ('10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32',
      '10.0.0.0/32 10.0.0.7/32')),
    # A hole within a hole is cut out of that one alone.
    ({'10.0.0.0/29': 'rw', '10.0.0.0/30': 'ro', '10.0.0.1': 'rw'}, 2,
     ('10.0.0.1/32 10.0.0.4/30', '10.0.0.0/32 10.0.0.2/31')),
    # Of the same level nothing is cut, and is there twice for nothing.
    ({'10.0.0.0/29': 'rw', '10.0.0.1': 'rw'}, 0,
     ('10.0.0.0/29 10.0.0.1/32', '')),
    ({'10.0.0.0/29': 'rw', '10.0.0.0/30': 'rw', '10.0.0.1': 'ro'}, 3,
     ('10.0.0.0/32 10.0.0.2/31 10.0.0.4/30', '10.0.0.1/32')),
    # Two that have nothing to do with each other share the limit.
    ({'10.0.0.0/30': 'rw', '10.0.0.1': 'ro', '10.1.0.0/30': 'rw',
      '10.1.0.1': 'ro'}, 2,
     ('10.0.0.0/32 10.0.0.2/31 10.1.0.0/32 10.1.0.2/31',
      '10.0.0.1/32 10.1.0.1/32')),
    ({'::/0': 'ro', '8000::/1': 'rw', '0.0.0.0/0': 'rw',
      '128.0.0.0/1': 'ro'}, 2,
     ('0.0.0.0/1 8000::/1', '128.0.0.0/1 ::/1'))]


@pytest.mark.parametrize(('levels', 'cost', 'lists'), COSTS)
def test_what_cutting_costs(levels, cost, lists):
    """At exactly the limit all is served; below, something is refused."""
    assert separate(levels, cost) == (*lists, '')
    assert separate(levels, cost + 1) == (*lists, '')
    if cost:
        assert separate(levels, cost - 1)[2]
        assert separate(levels, 0)[2]


@pytest.mark.parametrize(('levels', 'limit', 'lists'), [
    ({'10.0.0.0/30': 'rw', '10.0.0.1': 'ro'}, 0,
     ('10.0.0.0/30', '', '10.0.0.1/32')),
    ({'10.0.0.0/31': 'ro', '10.0.0.1': 'rw'}, 0,
     ('', '10.0.0.0/31', '10.0.0.1/32')),
    # All that a network would have to be cut for is refused with it.
    ({'10.0.0.0/29': 'rw', '10.0.0.0': 'ro', '10.0.0.7': 'ro'}, 2,
     ('10.0.0.0/29', '', '10.0.0.0/32 10.0.0.7/32')),
    # The first by address is served.
    ({'10.1.0.0/30': 'rw', '10.1.0.1': 'ro', '10.0.0.0/30': 'rw',
      '10.0.0.1': 'ro'}, 1,
     ('10.0.0.0/32 10.0.0.2/31 10.1.0.0/30', '10.0.0.1/32',
      '10.1.0.1/32')),
    # Without the hole there is none within it.
    ({'10.0.0.0/29': 'rw', '10.0.0.0/30': 'ro', '10.0.0.1': 'rw'}, 0,
     ('10.0.0.0/29 10.0.0.1/32', '', '10.0.0.0/30'))])
def test_what_is_refused_for_the_limit(levels, limit, lists):
    assert separate(levels, limit) == lists


def test_the_reason_names_the_wider_rule_and_the_limit():
    found = networks.separate(nets({'10.0.0.0/30': 'rw', '10.0.0.1': 'ro'}), 0)
    (network, why), = found.refused.items()
    assert str(network) == '10.0.0.1/32'
    for word in 'rw', '10.0.0.0/30', '0 extra entries':
        assert word in why
