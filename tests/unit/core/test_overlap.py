# SPDX-License-Identifier: Apache-2.0

"""How much cutting networks out of others may cost, as a table."""

import ipaddress

import pytest

from manila_drivers import access
from manila_drivers import overlap


def separate(levels, limit):
    """The two lists and the networks that are refused, as texts."""
    networks = {ipaddress.ip_network(text): level
                for text, level in levels.items()}
    found = overlap.separate(access.Grants(
        networks, {network: str(network) for network in networks}, {}), limit)
    return (' '.join(map(str, found.rw)), ' '.join(map(str, found.ro)),
            ' '.join(sorted(found.errors)))


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
    wide, narrow = map(ipaddress.ip_network, ('10.0.0.0/30', '10.0.0.1'))
    found = overlap.separate(access.Grants(
        {wide: 'rw', narrow: 'ro'}, {wide: 'a', narrow: 'b'}, {'c': 'why'}),
        0)
    assert found.errors['c'] == 'why'
    assert set(found.errors) == {'b', 'c'}
    for word in 'rw', '10.0.0.0/30', '0 extra entries':
        assert word in found.errors['b']
