# SPDX-License-Identifier: Apache-2.0

"""Whom a policy of a view lets in, and whom rules may without a squash."""

import ipaddress

import pytest

from manila_drivers import access
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy


def policy(read_write=(), read_only=()):
    return records.ViewPolicy(
        1, 'p', read_write, read_only, (), (), ())


@pytest.mark.parametrize(('read_write', 'read_only', 'levels'), [
    ([], [], {}), (None, None, {}),
    (['10.0.0.1'], [], {'10.0.0.1/32': 'rw'}),
    ([], ['10.0.0.0/24'], {'10.0.0.0/24': 'ro'}),
    (['10.0.0.1'], ['10.0.0.1'], {'10.0.0.1/32': 'ro'}),
    (['*'], [], {'0.0.0.0/0': 'rw', '::/0': 'rw'}),
    ([], ['*'], {'0.0.0.0/0': 'ro', '::/0': 'ro'}),
    (['@group', '10.0.0.1'], ['host.example'], {'10.0.0.1/32': 'rw'}),
    # Who is kept out.
    (['10.0.0.0/31', '~10.0.0.1'], [], {'10.0.0.0/32': 'rw'}),
    (['~10.0.0.1'], ['10.0.0.0/31'], {'10.0.0.0/32': 'ro'}),
    (['10.0.0.0/30', '~10.0.0.1', '~10.0.0.2'], [],
     {'10.0.0.0/32': 'rw', '10.0.0.3/32': 'rw'}),
    (['10.0.0.1', '~10.0.0.0/24'], [], {}),
    # Nobody can say who that is.
    (['10.0.0.1', '~@group'], ['10.0.0.2'], {})])
def test_whom_a_policy_lets_in(read_write, read_only, levels):
    found = view_policy.levels_of(policy(read_write, read_only))
    assert {str(network): level for network, level in found.items()} == levels


def rule(target, level='rw'):
    return access.Rule(f'id-{target}', 'ip', target, level)


@pytest.mark.parametrize(('now', 'lists'), [
    (None, ((), ())), ({}, ((), ())),
    ({'10.0.0.0/24': 'rw'}, (('10.0.0.1',), ())),
    ({'10.0.0.1': 'ro'}, ((), ('10.0.0.1',))),
    ({'10.1.0.0/16': 'rw'}, ((), ()))])
def test_without_a_squash_nobody_has_more_than_now(now, lists):
    current = None if now is None else {
        ipaddress.ip_network(to): level for to, level in now.items()}
    found = view_policy.wanted([rule('10.0.0.1')], None, split_limit=10,
                               ipv6=False, current=current)
    assert (found.lists.read_write, found.lists.read_only) == lists
    # With one it is what the rules say.
    found = view_policy.wanted([rule('10.0.0.1')], 'root_squash',
                               split_limit=10, ipv6=False, current=current)
    assert (found.lists.read_write, found.lists.read_only) == (
        ('10.0.0.1',), ())
