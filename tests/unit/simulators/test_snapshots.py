# SPDX-License-Identifier: Apache-2.0

"""Snapshots, clones of them, and the tasks in between."""

import pytest

GiB = 2 ** 30


@pytest.fixture
def path(sim):
    path = sim.make_share('s1')
    sim.write(path, GiB)
    return path


def snapshot(api, path, /, **changed):
    return api.post('snapshots/', **{'name': 'snap', 'path': f'{path}/',
                                     **changed})


def clone(api, source, /, **changed):
    return api.call('POST', f'snapshots/{source["id"]}/clone/', {
        'name': 'c', 'loanee_root_path': '/manila/clone', 'enabled': True,
        **changed})


def stream(api):
    return api.get('globalsnapstreams/1/')


def task(api, record):
    return api.get(f'vtasks/{record["id"]}/')['state']


# Snapshots

@pytest.mark.parametrize('slash', ['', '/'])
def test_a_recorded_path_ends_in_a_slash(api, path, slash):
    made = snapshot(api, path, path=path + slash)
    assert (made['path'], made['state']) == (f'{path}/', 'SUCCEED')


def test_a_snapshot_may_take_time(api, path, clock):
    api.sim.options.snapshot_delay = 5
    made = snapshot(api, path)
    assert made['state'] == 'CREATING'
    assert api.sim.snapshots_on(path) == []
    assert clone(api, made)[0] == 400
    clock.advance(5)
    assert api.get(f'snapshots/{made["id"]}/')['state'] == 'SUCCEED'
    assert api.sim.snapshots_on(path) == ['snap']


def test_a_snapshot_may_fail(api, path):
    api.sim.options.snapshot_fails = True
    snapshot(api, path)
    assert api.get('snapshots/')[0]['state'] == 'FAILED'
    assert api.sim.snapshots_on(path) == []


def test_names_are_unique_per_tenant(api, path):
    snapshot(api, path)
    assert api.refused('POST', 'snapshots/', {
        'name': 'snap', 'path': '/'}) == (
        '{"name": ["This field must be unique."]}')
    blue = api.sim.add_tenant('blue')
    snapshot(api, '', path='/', tenant_id=blue)


@pytest.mark.parametrize('changed', [
    {'path': '/none/'}, {'path': 'x'}, {'path': '//'}, {'path': None},
    {'name': None}, {'name': 'a/b'}, {'name': 'a:b'},
    {'indestructible': 'yes'}])
def test_snapshots_that_make_no_sense(api, path, changed):
    api.refused('POST', 'snapshots/', {'name': 'snap', 'path': path,
                                       **changed})
    assert api.get('snapshots/') == []


def test_what_can_change_in_a_snapshot(api, path):
    made = snapshot(api, path)
    changed = api.patch(f'snapshots/{made["id"]}/', name='other',
                        indestructible=True,
                        expiration_time='2033-01-01T00:00:00Z')
    assert (changed['name'], changed['indestructible']) == ('other', True)
    assert 'indestructible' in api.refused('DELETE',
                                           f'snapshots/{made["id"]}/')


def test_clients_see_it_below_the_directory(api, path):
    snapshot(api, path)
    status, found = api.call('POST', 'folders/stat_path/',
                             {'path': f'{path}/.snapshot/snap'})
    assert (status, found['is_directory']) == (200, True)
    assert api.call('POST', 'folders/stat_path/',
                    {'path': f'{path}/.snapshot/none'})[0] == 400


def test_deleting_one(api, path):
    made = snapshot(api, path)
    assert api.call('DELETE', f'snapshots/{made["id"]}/') == (204, None)
    assert api.call('DELETE', f'snapshots/{made["id"]}/')[0] == 404


# Clones

def test_the_answer_of_a_clone_is_a_stream_that_begins(api, path):
    status, begun = clone(api, snapshot(api, path))
    assert (status, begun['state']) == (200, 'Initializing')
    assert begun['async_task']['state'] == 'RUNNING'
    assert begun['source_path'] == f'{path}/'
    assert task(api, begun['async_task']) == 'COMPLETED'
    done = stream(api)
    assert (done['state'], done['status']) == ('Completed',
                                               {'state': 'FINISHED'})
    api.post('quotas/', name='q', path='/manila/clone')
    assert api.get('quotas/?name=q')[0]['used_effective_capacity'] == GiB


def test_a_clone_takes_its_time(api, path, clock):
    api.sim.options.clone_init_delay = 10
    api.sim.options.clone_delay = 110
    begun = clone(api, snapshot(api, path))[1]
    seen = []
    for _ in range(13):
        record = stream(api)
        seen.append((record['state'], record['sync_progress']))
        clock.advance(10)
    assert seen[0] == ('Initializing', 0)
    assert seen[1] == ('Syncing', 0)
    assert seen[6] == ('Syncing', 50)
    assert seen[-1] == ('Completed', 100)
    assert [percent for _, percent in seen] == sorted(
        percent for _, percent in seen)
    assert task(api, begun['async_task']) == 'COMPLETED'


def test_a_target_that_exists_is_refused(api, path):
    source = snapshot(api, path)
    assert clone(api, source, loanee_root_path=path)[0] == 400
    assert clone(api, source)[0] == 200
    _status, body = clone(api, source, loanee_root_path='/manila/other')
    assert body == {'name': ['This field must be unique.']}
    assert ('directory', 'default',
            '/manila/other') not in api.sim.inventory()


def test_the_targets_parent_may_be_required(api, path):
    source = snapshot(api, path)
    api.sim.options.clone_needs_parent = True
    status, body = clone(api, source, loanee_root_path='/new/clone')
    assert status == 400
    assert 'no such directory: /new' in body['detail']
    api.sim.options.clone_needs_parent = False
    assert clone(api, source, loanee_root_path='/new/clone')[0] == 200


def test_a_clone_into_another_tenant(api, path):
    blue = api.sim.add_tenant('blue')
    clone(api, snapshot(api, path), loanee_tenant_id=blue)
    assert ('directory', 'blue', '/manila/clone') in api.sim.inventory()
    assert ('stream', 'blue', 'c') in api.sim.inventory()


@pytest.mark.parametrize('changed', [
    {'name': None}, {'loanee_root_path': None}, {'loanee_root_path': 'x'},
    {'loanee_tenant_id': 99}, {'enabled': 'yes'}])
def test_clones_that_make_no_sense(api, path, changed):
    assert clone(api, snapshot(api, path), **changed)[0] == 400
    assert api.get('globalsnapstreams/') == []


def test_clones_need_a_version(api, path):
    source = snapshot(api, path)
    handler = api.sim.router.resources['snapshots']
    api.sim.options.sw_version = '4.5.9'
    assert handler.state.version == (4, 5, 9)
    pair = api.call('POST', 'token/', {
        'username': 'admin', 'password': api.sim.password}, headers={})[1]
    api.headers = {'Authorization': f'Bearer {pair["access"]}'}
    assert clone(api, source)[0] == 404
    api.sim.options.sw_version = '4.6.0-1.1'
    assert clone(api, source)[0] == 200


def test_a_source_cannot_be_deleted_before_the_end(api, path, clock):
    api.sim.options.clone_delay = 60
    source = snapshot(api, path)
    clone(api, source)
    assert 'source' in api.refused('DELETE', f'snapshots/{source["id"]}/')
    clock.advance(60)
    assert api.call('DELETE', f'snapshots/{source["id"]}/')[0] == 204


def test_a_clone_that_is_not_copied_stays_active(api, path, clock):
    source = snapshot(api, path)
    clone(api, source, enabled=False)
    clock.advance(1000)
    assert stream(api)['state'] == 'Active'
    assert api.refused('DELETE', f'snapshots/{source["id"]}/')


def test_a_clone_may_fail_and_then_has_to_be_stopped(api, path):
    api.sim.options.clone_fails = True
    source = snapshot(api, path)
    clone(api, source)
    assert stream(api)['state'] == 'Suspended'
    assert api.refused('DELETE', f'snapshots/{source["id"]}/')
    api.patch('globalsnapstreams/1/stop/')
    assert api.call('DELETE', f'snapshots/{source["id"]}/')[0] == 204


def test_pause_and_resume(api, path):
    api.sim.options.clone_delay = 60
    clone(api, snapshot(api, path))
    assert api.patch('globalsnapstreams/1/pause/')['enabled'] is False
    assert api.patch('globalsnapstreams/1/resume/')['enabled'] is True


# Removing an unfinished clone

@pytest.fixture
def unfinished(api, path):
    api.sim.options.clone_delay = 600
    api.sim.options.task_delay = 5
    return clone(api, snapshot(api, path))[1]


def test_it_has_to_be_stopped_first(api, unfinished, clock):
    where = 'globalsnapstreams/1/'
    assert 'Stop' in api.refused('DELETE', where, {'remove_dir': True})
    folder = {'path': '/manila/clone'}
    assert 'in use' in api.refused('DELETE', 'folders/delete_folder/', folder)
    stopping = api.patch(f'{where}stop/')
    assert (stopping['state'], task(api, stopping)) == ('RUNNING', 'RUNNING')
    assert api.refused('DELETE', where)
    clock.advance(5)
    assert task(api, stopping) == 'COMPLETED'
    status, deleting = api.call('DELETE', where, {'remove_dir': True})
    assert (status, deleting['state']) == (200, 'RUNNING')
    assert ('directory', 'default', '/manila/clone') in api.sim.inventory()
    clock.advance(5)
    assert api.call('GET', where)[0] == 404
    assert ('directory', 'default',
            '/manila/clone') not in api.sim.inventory()
    clock.advance(1000)
    assert api.get('globalsnapstreams/') == []


def test_a_stop_without_slash_is_lost(api, unfinished):
    assert api.call('PATCH', 'globalsnapstreams/1/stop')[0] == 404


def test_the_directory_stays_unless_told(api, unfinished, clock):
    api.patch('globalsnapstreams/1/stop/')
    clock.advance(5)
    api.call('DELETE', 'globalsnapstreams/1/')
    clock.advance(5)
    assert ('directory', 'default', '/manila/clone') in api.sim.inventory()
    assert ('stream', 'default', 'c') not in api.sim.inventory()


def test_stopping_may_delete_at_once(api, unfinished, clock):
    api.sim.options.stop_deletes_stream = True
    api.patch('globalsnapstreams/1/stop/')
    clock.advance(5)
    assert api.call('DELETE', 'globalsnapstreams/1/')[0] == 404


def test_a_task_may_fail(api, unfinished, clock):
    api.sim.options.task_fails = True
    stopping = api.patch('globalsnapstreams/1/stop/')
    clock.advance(5)
    failed = api.get(f'vtasks/{stopping["id"]}/')
    assert failed['state'] == 'FAILED'
    assert 'not enough resources' in failed['messages'][-1]
    assert stream(api)['state'] == 'Syncing'


@pytest.mark.parametrize('outlive', [False, True])
def test_a_finished_stream_and_its_folder(api, path, outlive):
    api.sim.options.streams_outlive_folder = outlive
    clone(api, snapshot(api, path))
    assert api.call('DELETE', 'folders/delete_folder/',
                    {'path': '/manila/clone'})[0] == 200
    assert bool(api.get('globalsnapstreams/')) is outlive


def test_only_recent_tasks_are_remembered(api, path):
    clone(api, snapshot(api, path))
    for _ in range(1100):
        api.patch('globalsnapstreams/1/stop/')
    assert len(api.get('vtasks/')) == 1000
