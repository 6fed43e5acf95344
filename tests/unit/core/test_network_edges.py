# SPDX-License-Identifier: Apache-2.0

"""Where what somebody gets changes, and what of a network is left."""

import ipaddress

import pytest

from manila_drivers import networks


def nets(**levels):
    return {ipaddress.ip_network(to): level
            for level, some in levels.items() for to in some}


EVERYTHING = '0.0.0.0/0'
LAST = '255.255.255.255/32'


@pytest.mark.parametrize(('one', 'other', 'told'), [
    ({}, {}, []), (nets(rw=['10.0.0.0/8']), nets(rw=['10.0.0.0/8']), []),
    (nets(rw=['10.0.0.0/8']), {}, ['10.0.0.0/32']),
    ({}, nets(ro=['10.0.0.0/8']), ['10.0.0.0/32']),
    (nets(rw=['10.0.0.0/8']), nets(ro=['10.0.0.0/8']), ['10.0.0.0/32']),
    # The same in two halves.
    (nets(rw=['10.0.0.0/8']), nets(rw=['10.0.0.0/9', '10.128.0.0/9']), []),
    (nets(rw=['10.0.0.0/8']), nets(rw=['10.0.0.0/9']), ['10.128.0.0/32']),
    # Behind a narrower one it goes on.
    (nets(rw=['10.0.0.0/8']), nets(rw=['10.1.0.0/16']),
     ['10.0.0.0/32', '10.2.0.0/32']),
    # There is nothing behind the last address.
    (nets(rw=[EVERYTHING]), nets(rw=[EVERYTHING], ro=[LAST]), [LAST]),
    (nets(rw=[LAST]), {}, [LAST]),
    (nets(rw=['::/0']), nets(rw=['::/1']), ['8000::/128']),
    (nets(rw=['10.0.0.0/8', 'fd00::/8']), nets(rw=['fd00::/8']),
     ['10.0.0.0/32'])])
def test_addresses_that_are_not_given_alike(one, other, told):
    for found in networks.differing(one, other), networks.differing(
            other, one):
        assert sorted(map(str, found)) == sorted(told)


@pytest.mark.parametrize(('network', 'hole', 'left'), [
    ('10.0.0.0/24', '10.0.0.0/24', []), ('10.0.0.0/24', '10.0.0.0/8', []),
    ('10.0.0.0/24', EVERYTHING, []),
    ('10.0.0.0/24', '10.0.0.0/25', ['10.0.0.128/25']),
    ('10.0.0.0/30', '10.0.0.1/32', ['10.0.0.0/32', '10.0.0.2/31']),
    ('10.0.0.0/24', '10.0.1.0/24', ['10.0.0.0/24']),
    ('10.0.0.0/24', 'fd00::/8', ['10.0.0.0/24']),
    ('fd00::/126', 'fd00::3/128', ['fd00::/127', 'fd00::2/128'])])
def test_what_is_left_beside_a_hole(network, hole, left):
    found = networks.outside(ipaddress.ip_network(network),
                             ipaddress.ip_network(hole))
    assert sorted(map(str, found)) == sorted(left)
