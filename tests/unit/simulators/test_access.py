# SPDX-License-Identifier: Apache-2.0

"""Who can effectively reach what."""

import ipaddress

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from manila_drivers.testing.simulators.vast import access
from manila_drivers.testing.simulators.vast import hosts
from manila_drivers.testing.simulators.vast import VmsSim


@pytest.fixture
def share(sim):
    def make(*rw, ro=(), **settings):
        return sim.make_share('s', rw=rw, ro=ro, **settings)
    return make


def test_nobody_reaches_a_closed_share(sim, share):
    path = share()
    assert sim.can_mount('10.0.0.1', path) is None
    assert sim.can_mount('fd00::1', path) is None


@pytest.mark.parametrize(('entry', 'inside', 'outside'), [
    ('10.0.0.7', '10.0.0.7', '10.0.0.8'),
    ('10.0.0.0/24', '10.0.0.255', '10.0.1.0'),
    ('0.0.0.0/0', '192.0.2.1', 'fd00::1'),
    ('10.0.*.7', '10.0.9.7', '10.0.9.8'),
    ('*.*.*.*', '192.0.2.1', 'fd00::1'),
])
def test_what_host_strings_mean(sim, share, entry, inside, outside):
    path = share(entry)
    assert sim.can_mount(inside, path) == 'rw'
    assert sim.can_mount(outside, path) is None


def test_a_star_means_both_families(sim, share):
    path = share('*')
    assert sim.can_mount('10.0.0.1', path) == 'rw'
    assert sim.can_mount('fd00::1', path) == 'rw'


def test_ipv6_entries_mean_ipv6_clients(sim, share):
    sim.options.ipv6_host_lists = True
    path = share('fd00::/64')
    assert sim.can_mount('fd00::1', path) == 'rw'
    assert sim.can_mount('fd00:1::1', path) is None
    assert sim.can_mount('10.0.0.1', path) is None


def test_netgroups_mean_their_members(sim, share):
    path = share('@lab')
    assert sim.can_mount('10.0.0.1', path) is None
    sim.add_netgroup('lab', ['10.0.0.1'])
    assert sim.can_mount('10.0.0.1', path) == 'rw'


def test_the_read_list_gives_reading(sim, share):
    path = share('10.0.0.1', ro=['10.0.0.2'])
    assert sim.can_mount('10.0.0.1', path) == 'rw'
    assert sim.can_mount('10.0.0.2', path) == 'ro'


def test_deny_entries_take_writing_away_only(sim, share):
    path = share('10.0.0.0/24', '~10.0.0.8/30', ro=['10.0.0.9'])
    assert sim.can_mount('10.0.0.7', path) == 'rw'
    assert sim.can_mount('10.0.0.8', path) is None
    assert sim.can_mount('10.0.0.9', path) == 'ro'
    assert sim.ambiguous(path) == []


def test_overlapping_lists_are_ambiguous_and_count_as_wide(sim, share):
    path = share('10.0.0.0/24', ro=['10.0.0.9', '10.1.0.0/16'])
    assert sim.can_mount('10.0.0.9', path) == 'rw'
    assert sim.ambiguous(path) == [
        access.Ambiguity(path, 's', '10.0.0.0/24', '10.0.0.9')]
    assert [way.ambiguous for way in sim.ways('10.0.0.9', path)] == [True]
    assert [way.ambiguous for way in sim.ways('10.0.0.8', path)] == [False]


def test_equal_netgroups_are_ambiguous(sim, share):
    path = share('@a', '@b', ro=['@b', '10.0.0.1'])
    assert [(found.read_write, found.read_only)
            for found in sim.ambiguous(path)] == [('@b', '@b')]


# Other ways in

def test_a_view_above_lets_clients_walk_in():
    sim = VmsSim()
    path = sim.make_share('s')
    assert sim.can_mount('192.0.2.1', path) == 'rw'
    assert [way.view for way in sim.ways('192.0.2.1', path)] == ['/']
    sim.remove('view', 'root')
    assert sim.can_mount('192.0.2.1', path) is None


def test_a_view_below_or_beside_does_not(sim):
    outer = sim.make_share('outer', path='/a')
    sim.make_share('inner', path='/a/b', rw=['*'])
    sim.make_share('beside', path='/ab', rw=['*'])
    assert sim.can_mount('10.0.0.1', outer) is None
    assert sim.can_mount('10.0.0.1', '/a/b') == 'rw'


def test_the_wider_of_two_ways_counts(sim):
    sim.make_share('outer', path='/a', rw=['10.0.0.0/24'])
    inner = sim.make_share('inner', path='/a/b', ro=['10.0.0.1'])
    assert sim.can_mount('10.0.0.1', inner) == 'rw'
    assert [way.level for way in sim.ways('10.0.0.1', inner)] == ['ro', 'rw']


def test_views_of_another_protocol_or_tenant_do_not_count(sim, share):
    sim.add_tenant('blue')
    path = share('*')
    assert sim.can_mount('10.0.0.1', path, tenant='blue') is None
    sim.change('view', 's', protocols=['SMB'])
    assert sim.can_mount('10.0.0.1', path) is None
    sim.change('view', 's', protocols=['NFS4'])
    assert sim.can_mount('10.0.0.1', path) == 'rw'


def test_nothing_is_reached_where_nothing_is(sim, share):
    path = share('*')
    assert sim.can_mount('10.0.0.1', f'{path}/below') is None
    sim.remove('directory', path)
    assert sim.can_mount('10.0.0.1', path) is None


def test_a_view_whose_policy_is_lost_lets_nobody_in(sim, share):
    path = share('*')
    sim.remove('policy', 's')
    assert sim.can_mount('10.0.0.1', path) is None
    assert sim.ambiguous(path) == []


def test_snapshots_are_read_only(sim, share):
    path = share('10.0.0.1')
    inside = f'{path}/.snapshot/snap'
    assert sim.can_mount('10.0.0.1', inside) is None
    sim.perform('POST', 'snapshots', {'name': 'snap', 'path': path})
    assert sim.can_mount('10.0.0.1', inside) == 'ro'
    assert sim.can_mount('10.0.0.2', inside) is None


# VIP pools

@pytest.fixture
def pools(sim):
    sim.add_pool('lab', '10.9.0.1-10.9.0.9', 'fd00::1')
    sim.add_pool('off', '10.8.0.1', enabled=False)
    sim.add_pool('copy', '10.7.0.1', role='REPLICATION')
    sim.add_tenant('blue')
    sim.add_pool('blue', '10.6.0.1', tenant='blue')
    return sim


@pytest.mark.parametrize(('vip', 'level'), [
    (None, 'rw'), ('10.9.0.9', 'rw'), ('fd00::1', 'rw'), ('10.27.0.1', None),
    ('10.9.0.10', None)])
def test_a_policy_bound_to_a_pool(pools, share, vip, level):
    path = share('*', pool='lab')
    assert pools.can_mount('10.0.0.1', path, vip=vip) == level


@pytest.mark.parametrize(('vip', 'level'), [
    (None, 'rw'), ('10.27.0.1', 'rw'), ('10.9.0.1', 'rw'), ('10.8.0.1', None),
    ('10.7.0.1', None), ('10.6.0.1', None), ('192.0.2.1', None)])
def test_a_policy_that_is_not_bound(pools, share, vip, level):
    path = share('*')
    assert pools.can_mount('10.0.0.1', path, vip=vip) == level


def test_a_pool_may_limit_the_level(pools, share):
    one, lab = 1, 2
    path = share('*', permission_per_vip_pool={str(lab): 'RO'})
    assert pools.can_mount('10.0.0.1', path, vip='10.9.0.1') == 'ro'
    assert pools.can_mount('10.0.0.1', path, vip='10.27.0.1') is None
    assert pools.can_mount('10.0.0.1', path) == 'ro'
    pools.change('policy', 's', permission_per_vip_pool={str(one): 'RW',
                                                         str(lab): 'RO'})
    assert pools.can_mount('10.0.0.1', path) == 'rw'


def test_a_policy_bound_to_a_pool_that_is_off(pools, share):
    path = share('*', pool='off')
    assert pools.can_mount('10.0.0.1', path) is None


# Squash

def test_squash_lists_that_name_a_client(sim, share):
    path = share('*', nfs_root_squash=['10.0.0.1'], nfs_no_squash=['*'])
    assert sim.squash('10.0.0.2', path) == ('nfs_no_squash',)
    assert sim.squash('10.0.0.1', path) == ('nfs_no_squash',
                                            'nfs_root_squash')
    sim.change('policy', 's', nfs_read_write=[])
    assert sim.squash('10.0.0.2', path) == ()


# Laws, on the small network 10.0.0.0/29 and its neighbours

ADDRESSES = [f'10.0.0.{n}' for n in range(16)]
ENTRIES = st.one_of(
    st.sampled_from(ADDRESSES),
    st.builds(lambda n, length: str(ipaddress.ip_network(
        f'10.0.0.{n}/{length}', strict=False)),
        st.integers(0, 15), st.integers(28, 32)),
    st.sampled_from(['10.0.0.*', '10.*.0.1', '*', '0.0.0.0/0']))
LISTS = st.lists(ENTRIES, max_size=4)
DENIES = st.lists(ENTRIES.filter(lambda text: text != '*').map('~{}'.format),
                  max_size=2)


def slow(text: str, address: str) -> bool:
    """Return what a host string means, another way."""
    if text == '*':
        return True
    if '*' in text:
        return all(want in ('*', have) for want, have in zip(
            text.split('.'), address.split('.'), strict=True))
    return ipaddress.ip_address(address) in ipaddress.ip_network(text)


@given(ENTRIES, st.sampled_from(ADDRESSES))
def test_an_entry_means_what_it_says(text, address):
    entry = hosts.parse(text)
    assert entry.matches(*hosts.number_of(address)) == slow(text, address)


@given(ENTRIES, ENTRIES)
def test_two_entries_meet_where_both_match(one, other):
    common = hosts.parse(one).meets(hosts.parse(other))
    for address in ADDRESSES:
        both = slow(one, address) and slow(other, address)
        number = hosts.number_of(address)
        assert both == (common is not None and common.matches(*number))


@settings(max_examples=200)
@given(LISTS, DENIES, LISTS)
def test_levels_follow_from_the_lists(rw, denies, ro):
    sim = VmsSim(open_root=False)
    path = sim.make_share('s', rw=[*rw, *denies], ro=ro)
    for address in ADDRESSES:
        writes = any(slow(text, address) for text in rw) and not any(
            slow(text[1:], address) for text in denies)
        reads = any(slow(text, address) for text in ro)
        expected = 'rw' if writes else 'ro' if reads else None
        assert sim.can_mount(address, path) == expected
        if writes and reads:
            assert sim.ambiguous(path)


@given(LISTS, LISTS)
def test_what_is_ambiguous_names_a_common_host(rw, ro):
    for writer, reader in access.overlaps(rw, ro):
        common = hosts.parse(writer).meets(hosts.parse(reader))
        assert common is not None
        address = str(ipaddress.ip_address(common.value))
        assert slow(writer, address)
        assert slow(reader, address)
