# SPDX-License-Identifier: Apache-2.0

"""Seeds, set-up and mischief."""

import pytest

from manila_drivers.testing.simulators.vast import VmsSim

SEEDED = {('policy', 'default', 'default'), ('directory', 'default', '/')}


def test_a_new_cluster_exports_its_root_to_the_world():
    sim = VmsSim()
    assert sim.inventory() == SEEDED | {('view', 'default', 'root')}
    assert sim.can_mount('192.0.2.1', '/') == 'rw'
    assert sim.squash('192.0.2.1', '/') == ('nfs_root_squash',)
    assert sim.record('view', 'root')['policy_id'] == 1
    assert sim.state.tenant('default')['id'] == 1


def test_the_root_can_be_closed_from_the_start(sim):
    assert sim.inventory() == SEEDED
    assert sim.can_mount('192.0.2.1', '/') is None


def test_nothing_an_operator_does_is_a_call(sim):
    sim.make_share('s')
    sim.make_upstream_share('u')
    sim.add_pool('p', '10.0.0.1')
    sim.remove('view', 's')
    assert (sim.calls, sim.log) == (0, [])


def test_the_password_can_be_set(sim):
    assert sim.password.startswith('secret-')
    assert sim.password != VmsSim().password
    sim.username, sim.password = 'me', 'mine'
    assert sim.auth.find('me', 'mine', None)
    assert not sim.auth.find('admin', 'mine', None)


# Shares

def test_a_healthy_share(sim):
    path = sim.make_share('s', size=2, rw=['10.0.0.1'], root='/a/b/')
    assert path == '/a/b/manila-s'
    assert sim.record('quota', 's')['hard_limit'] == 2 * 2 ** 30
    assert sim.record('view', 's')['path'] == path
    assert sim.can_mount('10.0.0.1', path) == 'rw'
    assert sim.can_mount('10.0.0.2', path) is None
    assert sim.make_share('t', root='/') == '/manila-t'


def test_many_shares(sim):
    ids = sim.make_shares(3, size=2)
    assert len(set(ids)) == 3
    assert sim.make_shares(['x', 'y']) == ['x', 'y']
    for share_id in (*ids, 'x', 'y'):
        for kind in ('view', 'quota', 'policy'):
            assert sim.record(kind, share_id)


def test_a_name_taken_is_an_error(sim):
    sim.make_share('s')
    with pytest.raises(Exception, match='unique'):
        sim.make_share('s')


def lists(sim, name):
    policy = sim.record('policy', name)
    return {field.removeprefix('nfs_'): policy[field]
            for field in ('nfs_read_write', 'nfs_read_only', 'nfs_no_squash',
                          'nfs_root_squash')}


def test_upstreams_share_without_rules_is_open(sim):
    path = sim.make_upstream_share('u', 1)
    assert lists(sim, 'u') == {'read_write': ['*'], 'read_only': ['*'],
                               'no_squash': [], 'root_squash': ['*']}
    assert sim.can_mount('192.0.2.1', path) == 'rw'
    assert sim.ambiguous(path)


def test_upstreams_share_with_rules(sim):
    path = sim.make_upstream_share('u', 1, ['10.0.0.0/30', '10.1.0.1'])
    assert lists(sim, 'u') == {
        'read_write': ['10.0.0.1', '10.0.0.2', '10.1.0.1'],
        'read_only': ['*'], 'no_squash': ['*'], 'root_squash': ['*']}
    assert sim.can_mount('10.0.0.1', path) == 'rw'
    assert sim.can_mount('192.0.2.1', path) == 'ro'
    sim.make_upstream_share('v', 1, [('10.0.0.1', 'ro'), '10.0.0.2'])
    assert lists(sim, 'v')['read_only'] == ['10.0.0.1']
    with pytest.raises(ValueError, match='too large'):
        sim.make_upstream_share('w', 1, ['10.0.0.0/8'])


# Mischief

@pytest.mark.parametrize('kind', ['view', 'policy', 'quota'])
def test_an_object_can_vanish(sim, kind):
    sim.make_share('s')
    before = sim.inventory()
    sim.remove(kind, 's')
    assert before - sim.inventory() == {(kind, 'default', 's')}
    assert sim.record(kind, 's') is None
    with pytest.raises(KeyError):
        sim.remove(kind, 's')


def test_a_directory_can_vanish_with_its_data(sim):
    path = sim.make_share('s')
    sim.write(path, 5)
    sim.remove('directory', path)
    assert sim.record('quota', 's')['used_capacity'] == 0
    with pytest.raises(KeyError):
        sim.remove('directory', path)
    with pytest.raises(FileNotFoundError):
        sim.write(path, 5)


def test_snapshots_and_streams_can_vanish(sim):
    sim.make_share('s')
    sim.perform('POST', 'snapshots', {'name': 'a', 'path': '/manila'})
    sim.perform('POST', 'snapshots', {'name': 'c', 'enabled': False,
                                      'loanee_root_path': '/c'}, 1, 'clone')
    sim.remove('stream', 'c')
    sim.remove('snapshot', 'a')
    assert not {item for item in sim.inventory()
                if item[0] in ('stream', 'snapshot')}


def test_a_policy_lost_leaves_a_view_that_can_still_be_deleted(sim, api):
    sim.make_share('s')
    ident = sim.record('view', 's')['id']
    sim.remove('policy', 's')
    sim.make_share('t')
    sim.change('view', 's', policy_id=sim.record('policy', 't')['id'])
    assert sim.record('policy', 't')['count_views'] == 2
    sim.remove('view', 't')
    assert sim.record('policy', 't')['count_views'] == 1
    assert api.call('DELETE', f'views/{ident}/')[0] == 204
    assert sim.record('policy', 't')['count_views'] == 0


def test_a_record_can_drift(sim, api):
    sim.make_share('s')
    sim.change('quota', 's', hard_limit=1, name='x')
    assert api.get('quotas/?name=x')[0]['hard_limit'] == 1
    assert api.get('quotas/?name=s') == []


def test_records_are_copies(sim):
    sim.make_share('s', rw=['10.0.0.1'])
    sim.records('policy')[1]['nfs_read_write'].append('*')
    sim.record('policy', 's')['nfs_read_write'].append('*')
    assert sim.record('policy', 's')['nfs_read_write'] == ['10.0.0.1']


def test_room_is_given_back_by_what_vanishes(sim):
    sim.options.max_tables = 2
    for name in ('a', 'b', 'c'):
        sim.make_share(name)
        sim.remove('view', name)
        sim.remove('policy', name)
    assert ('quota', 'default', 'c') in sim.inventory()


# Pools and tenants

def test_pools(sim, api):
    ident = sim.add_pool('lab', '10.0.0.1-10.0.0.9', 'fd00::1', enabled=False)
    pool = api.get(f'vippools/{ident}/')
    assert pool['ip_ranges'] == [['10.0.0.1', '10.0.0.9'],
                                 ['fd00::1', 'fd00::1']]
    assert (pool['enabled'], pool['tenant_id']) == (False, None)
    blue = sim.add_tenant('blue', max_views=5)
    sim.add_pool('b', '10.1.0.1', tenant='blue')
    assert api.get('vippools/?name=b')[0]['tenant_id'] == blue
    sim.remove('pool', 'lab')
    assert api.get('vippools/?name=lab') == []
    with pytest.raises(ValueError, match='banana'):
        sim.add_pool('x', 'banana')
    with pytest.raises(KeyError):
        sim.add_pool('x', '10.0.0.1', tenant='green')


def test_qos_policies(sim, api):
    sim.add_qos_policy('fast')
    assert api.get('qospolicies/?name=fast')[0]['policy_type'] == 'VIEW'
