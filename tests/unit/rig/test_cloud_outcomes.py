# SPDX-License-Identifier: Apache-2.0

"""How the tests of the real cloud tell what both drivers did."""

from tests.functional.openstack import manila
from tests.functional.openstack import outcomes

Outcome = outcomes.Outcome


def test_both_drivers_stand_side_by_side():
    assert outcomes.side_by_side([
        Outcome('ours', 'single', 'nfs', 20.4),
        Outcome('ours', 'handled', 'nfs', 61.0),
        Outcome('control', 'single', 'nfs', 44.6, 'a share\n  is lost')]) == (
        'single: nfs\n'
        "    Manila's driver: fails, 45 s: a share is lost\n"
        '    ours: passed, 20 s\n'
        'handled: nfs\n'
        "    Manila's driver: not played\n"
        '    ours: passed, 61 s')


def test_what_failed_once_does_not_pass():
    told = outcomes.side_by_side([
        Outcome('ours', 'single', 'nfs', 1, 'lost'),
        Outcome('ours', 'single', 'nfs', 2)])
    assert 'ours: fails, 1 s: lost; passed, 2 s' in told


def test_a_long_reason_is_cut():
    assert len(Outcome('ours', 'single', 'nfs', 1, 'x' * 9999).told()) < 400


def test_what_is_for_all_servers_is_not_left():
    before = {'security groups': set(), 'ports': set(), 'volumes': set()}
    kept = {'security groups': {'manila-service 1', 'default 2'},
            'ports': {'manila:share manila-share 3'}, 'volumes': set()}
    assert manila.left(before, kept) == {}


def test_what_a_server_had_is_left():
    before = {'security groups': {'of-others 1'}, 'ports': set()}
    after = {'security groups': {'of-others 1', 'manila-ssh-only 2'},
             'ports': {'compute:nova 77 3'}}
    assert manila.left(before, after) == {
        'security groups': ['manila-ssh-only 2'],
        'ports': ['compute:nova 77 3']}
