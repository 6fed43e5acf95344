# SPDX-License-Identifier: Apache-2.0

"""Directories, what they hold, and the counters that follow."""

import pytest
from requests.auth import _basic_auth_str

from manila_drivers.testing.simulators.vast.tree import lineage
from manila_drivers.testing.simulators.vast.tree import Tree

GiB = 2 ** 30


def test_lineage_is_deepest_first():
    assert list(lineage('/a/b')) == ['/a/b', '/a', '/']
    assert list(lineage('/')) == ['/']


def test_totals_include_what_is_below():
    tree = Tree('now')
    tree.make('/a/b/c', 'now')
    tree.hold('/a/b', 5)
    tree.hold('/a/b/c', 7)
    tree.hold('/a/b', 1)
    assert [tree[path].total for path in lineage('/a/b/c')] == [7, 8, 8, 8]
    assert tree.remove('/a/b') == 8
    assert set(tree) == {'/', '/a'}
    assert tree['/'].total == 0
    with pytest.raises(FileNotFoundError):
        tree.hold('/a/b', 1)


def used(api, name):
    return api.get(f'quotas/?name={name}')[0]['used_effective_capacity']


def test_writing_moves_the_counters_of_every_quota_above(api):
    path = api.sim.make_share('s')
    api.post('quotas/', name='all', path='/manila', hard_limit=None)
    api.sim.write(path, 3 * GiB)
    assert (used(api, 's'), used(api, 'all')) == (3 * GiB, 3 * GiB)
    assert api.get('quotas/?name=s')[0]['state'] == 'HARD_EXCEEDED'
    assert api.get('quotas/?name=all')[0]['state'] == 'OK'


def test_a_quota_on_data_that_exists_counts_it(api):
    api.sim.make_directory('/a')
    api.sim.write('/a', 9)
    made = api.post('quotas/', name='q', path='/a', soft_limit=5)
    assert (made['used_capacity'], made['state']) == (9, 'SOFT_EXCEEDED')
    assert api.patch(f'quotas/{made["id"]}/', soft_limit=10)['state'] == 'OK'


def test_counters_may_lag(api, clock):
    api.sim.options.usage_lag = 30
    path = api.sim.make_share('s')
    api.sim.write(path, 5)
    assert used(api, 's') == 0
    clock.advance(30)
    assert used(api, 's') == 5


def test_tenants_have_trees_of_their_own(api):
    api.sim.add_tenant('blue')
    path = api.sim.make_share('s')
    assert api.sim.make_share('t', path=path, tenant='blue') == path
    api.sim.write(path, 5, tenant='blue')
    assert (used(api, 's'), used(api, 't')) == (0, 5)
    assert api.sim.directories()[path] == 0
    assert api.sim.directories('blue') == {'/': 0, '/manila': 0, path: 5}


# Folders

def folder(api, verb, action, **body):
    return api.call(verb, f'folders/{action}/', body)


def test_a_folder_is_deleted_and_its_space_comes_back_later(api, clock):
    path = api.sim.make_share('s')
    api.sim.write(path, 7 * GiB)
    assert folder(api, 'DELETE', 'delete_folder', path=path)[0] == 200
    assert ('directory', 'default', path) not in api.sim.inventory()
    assert used(api, 's') == 0
    assert api.get('clusters/')[0]['logical_space_in_use'] == 7 * GiB
    clock.advance(60)
    assert api.get('clusters/')[0]['logical_space_in_use'] == 0


def test_a_folder_that_is_not_there(api):
    status, body = folder(api, 'DELETE', 'delete_folder', path='/none')
    assert status == 400
    assert 'no such directory' in body['detail']


def test_the_trash_may_be_switched_off(api):
    path = api.sim.make_share('s')
    api.sim.options.trash_enabled = False
    assert folder(api, 'DELETE', 'delete_folder', path=path) == (
        400, {'detail': 'trash folder disabled'})
    assert ('directory', 'default', path) in api.sim.inventory()


def test_folders_that_are_never_deleted(api):
    assert folder(api, 'DELETE', 'delete_folder', path='/')[0] == 400
    assert folder(api, 'DELETE', 'delete_folder', path='')[0] == 400
    assert folder(api, 'DELETE', 'delete_folder')[0] == 400


@pytest.mark.parametrize(('version', 'status'), [
    ('4.6.9', 404), ('4.7.0-12', 400), ('5.0.0.25', 400)])
def test_folder_delete_needs_a_version(api, version, status):
    api.sim.options.sw_version = version
    basic = requests_basic(api)
    assert api.call('DELETE', 'folders/delete_folder/', {'path': '/none'},
                    headers=basic)[0] == status


def requests_basic(api):
    return {'Authorization': _basic_auth_str(api.sim.username,
                                             api.sim.password)}


def test_other_things_done_with_folders(api):
    assert folder(api, 'POST', 'create_folder', path='/a/b', user='bob',
                  create_dir_mode=700)[0] == 200
    _status, found = folder(api, 'POST', 'stat_path', path='/a/b')
    assert (found['owning_user'], found['mode']) == ('bob', '700')
    assert folder(api, 'POST', 'stat_path', path='/a')[1]['children'] == 1
    folder(api, 'PATCH', 'modify_folder', path='/a/b', user='root',
           group='staff')
    found = folder(api, 'POST', 'stat_path', path='/a/b/')[1]
    assert (found['owning_uid'], found['owning_gid']) == (0, 1000)
    assert folder(api, 'POST', 'stat_path', path='/none')[0] == 400


def test_folders_can_be_locked(api):
    api.sim.make_directory('/a')
    query = 'folders/read_only/?path=/a&tenant_id=1'
    assert api.get(query)['state'] == 'READ_WRITE'
    assert folder(api, 'POST', 'read_only', path='/a')[0] == 200
    assert api.get(query)['state'] == 'READ_ONLY'
    assert folder(api, 'DELETE', 'read_only', path='/a')[0] == 204
    assert api.get(query)['state'] == 'READ_WRITE'
