# SPDX-License-Identifier: Apache-2.0

"""Access where a backend cannot say everything: laws and a table."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
import pytest

from manila_drivers import access
from manila_drivers import networks
from tests.unit.nas import world

RANK = world.RANK


def limited(limit):
    return lambda levels: networks.separate(levels, limit).refused


def lawful(wanted, current, limit, servable=access.servable):
    found = servable(wanted, current, limited(limit))
    assert not access.readers(found.levels, limited(limit)(found.levels))
    decides = networks.PrefixTable({one: one for one in wanted})
    for client in world.CLIENTS:
        shall, had, has = (networks.level_for(levels, client) for levels in (
            wanted, current, found.levels))
        rule = decides.level(ipaddress.ip_network(client))
        if rule not in found.refused:
            assert has == shall
        # Who has more keeps what another rule gives, and had it before.
        assert RANK[has] <= RANK[shall] or (
            RANK[has] <= RANK[had] and rule in found.refused)
        if rule is None:
            assert has is None
    # Repeated, it is the same.
    again = access.servable(wanted, found.levels, limited(limit))
    assert world.meant(again.levels) == world.meant(found.levels)


@given(world.LEVELS, world.LEVELS, st.sampled_from([0, 1, 2, 3, 5, 1000]))
def test_laws(wanted, current, limit):
    lawful(wanted, current, limit)


def nets(text):
    return {ipaddress.ip_network(one): level for one, _, level in (
        each.partition(' ') for each in text.split(', ') if each)}


@pytest.mark.parametrize(('wanted', 'current', 'left', 'refused'), [
    # A new reader in a network that is in force; another goes, one comes.
    ('10.0.0.0/30 rw, 10.0.0.1 ro, 10.0.0.7 ro',
     '10.0.0.0/30 rw, 10.0.0.6 rw',
     '10.0.0.0/30 rw, 10.0.0.7 ro', '10.0.0.1'),
    # The network is the new one.
    ('10.0.0.0/30 rw, 10.0.0.1 ro', '10.0.0.1 ro', '10.0.0.1 ro',
     '10.0.0.0/30'),
    ('10.0.0.0/30 rw, 10.0.0.1 ro', '', '10.0.0.1 ro', '10.0.0.0/30'),
    # It could write before, by a rule of its own.
    ('10.0.0.0/30 rw, 10.0.0.1 ro', '10.0.0.1 rw', '10.0.0.1 ro',
     '10.0.0.0/30'),
    ('10.0.0.0/28 rw, 10.0.0.0/30 ro, 10.0.0.2 rw',
     '10.0.0.0/30 rw, 10.0.0.1 rw, 10.0.0.2 rw', '10.0.0.0/30 ro',
     '10.0.0.0/28 10.0.0.2'),
    # Both are there already, however that came.
    ('10.0.0.0/30 rw, 10.0.0.1 ro', '10.0.0.0/30 rw, 10.0.0.1 ro',
     '10.0.0.0/30 ro, 10.0.0.1 ro', '10.0.0.0/30'),
    # Who could write less than before loses no more than that.
    ('10.0.0.0/30 ro, 10.0.0.1 rw', '', '10.0.0.0/30 ro', '10.0.0.1')])
def test_where_nothing_can_be_cut(wanted, current, left, refused):
    found = access.servable(nets(wanted), nets(current), limited(0))
    assert networks.differing(found.levels, nets(left)) == []
    assert set(found.refused) == {ipaddress.ip_network(one)
                                  for one in refused.split()}


def widening(wanted, current, refused):
    why = refused(wanted)
    return access.Servable({one: level for one, level in wanted.items()
                            if one not in why}, why)


def silent(wanted, current, refused):
    return access.Servable(
        access.servable(wanted, current, refused).levels, {})


def open_again(wanted, current, refused):
    found = access.servable(wanted, current, refused)
    return access.Servable({**current, **found.levels}, found.refused)


@pytest.mark.parametrize('broken', [widening, silent, open_again])
def test_broken_decisions_are_caught(broken):
    with pytest.raises(AssertionError):
        lawful(nets('10.0.0.0/30 rw, 10.0.0.1 ro'),
               nets('10.0.0.6 rw'), 0, broken)
