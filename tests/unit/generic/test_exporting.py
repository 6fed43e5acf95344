# SPDX-License-Identifier: Apache-2.0

"""From Manila's rules to those who shall reach a share."""

import ipaddress

import pytest

from manila_drivers import access
from manila_drivers.generic import exporting
from manila_drivers.generic import opts
from manila_drivers.nas import samba

NET = ipaddress.ip_network


def rule(to, level='rw', kind='ip', ident=None):
    return access.Rule(ident or to, kind, to, level)


def test_networks_reach_shares_of_nfs():
    found = exporting.wanted([
        rule('10.0.0.1'), rule('10.1.0.0/16', 'ro'), rule('2001:db8::/64'),
        rule('::ffff:10.0.0.2')], opts.NFS)

    assert found.levels == {
        NET('10.0.0.1/32'): 'rw', NET('10.1.0.0/16'): 'ro',
        NET('2001:db8::/64'): 'rw', NET('10.0.0.2/32'): 'rw'}
    assert not found.errors


@pytest.mark.parametrize(('helper', 'bad'), [
    (opts.NFS, rule('alice', kind='user')),
    (opts.CIFS_IP, rule('2001:db8::1')),
    (opts.CIFS_IP, rule('10.0.0.2', 'ro')),
    (opts.CIFS_IP, rule('alice', kind='user')),
    (opts.CIFS_USER, rule('10.0.0.2')),
    (opts.CIFS_USER, rule('cn', kind='cert'))])
def test_a_rule_that_cannot_be_honoured_stops_no_other(helper, bad):
    good = (rule('bob', kind='user') if helper == opts.CIFS_USER
            else rule('10.0.0.1'))
    found = exporting.wanted([bad, good], helper)

    assert set(found.errors) == {bad.access_id}
    let_in = {one: level for one, level in found.levels.items()
              if level == 'rw'}
    assert len(let_in) == 1


@pytest.mark.parametrize(('rules', 'let_in', 'refused'), [
    ([rule('10.0.0.0/30'), rule('10.0.0.1', 'ro')],
     ['10.0.0.0/32', '10.0.0.2/31'], ['10.0.0.1']),
    ([rule('10.0.0.0/30', 'ro'), rule('10.0.0.1')], ['10.0.0.1/32'],
     ['10.0.0.0/30']),
    ([rule('10.0.0.1'), rule('10.0.0.1/32', 'ro')], [],
     ['10.0.0.1', '10.0.0.1/32']),
    ([rule('10.0.0.1', 'ro')], [], ['10.0.0.1']),
    ([rule('10.0.0.1', 'ro'), rule('10.0.0.1/32', 'ro')], [],
     ['10.0.0.1', '10.0.0.1/32'])])
def test_who_may_only_read_does_not_write_by_samba(rules, let_in, refused):
    found = exporting.wanted(rules, opts.CIFS_IP)

    assert set(found.errors) == set(refused)
    assert samba.admitted(found.levels).networks == tuple(map(NET, let_in))
    assert found.lets_in is bool(let_in)


@pytest.mark.parametrize('name', [
    'alice', 'a', 'DOMAIN\\alice', 'alice@example.org', 'alice b',
    'host$', 'a.b-c_d'])
def test_names_of_users(name):
    found = exporting.wanted([rule(name, 'ro', 'user')], opts.CIFS_USER)

    assert found.levels == {name: 'ro'}


@pytest.mark.parametrize('name', [
    '$(reboot)', 'a`id`', "a'b", 'a"b', 'a,b', 'a;b', '@group', '+group',
    '&group', '%U', 'a\nb', 'a%b', ' a', '-x', 'a=b', '[a]', '#a', 'a ', ''])
def test_names_that_something_might_read_are_refused(name):
    bad = rule(name, kind='user', ident='bad')
    found = exporting.wanted([bad], opts.CIFS_USER)

    assert set(found.errors) == {'bad'}
    assert not found.levels
