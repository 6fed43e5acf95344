# SPDX-License-Identifier: Apache-2.0

"""Answers of VMS that tell half, or are about something else."""

import dataclasses

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.vastdata import answers
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy
from tests.unit.vastdata.conftest import made
from tests.unit.vastdata.conftest import path_of
from tests.unit.vastdata.conftest import share

errors = compat.errors
GiB = 2 ** 30
CLIENT = '10.0.0.7'


@pytest.fixture
def driver(bench):
    bench.sim.make_directory('/manila')
    return bench.start()


def snapshot_of(driver, parent):
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': parent['id']}
    return {**snapshot, **driver.create_snapshot(None, snapshot)}


# -- lists --------------------------------------------------------------------

@pytest.mark.parametrize('number', [6, 7])
@pytest.mark.parametrize('bare', [True, False])
def test_a_full_page_is_not_taken_for_the_whole_list(bench, bare, number):
    """It tells neither the next one nor how many records there are."""
    sim = bench.sim
    driver = bench.start(vast_page_size=10)
    shares = sim.make_shares(10 * number // 2)
    sim.options.links, sim.options.bare_pages = 'untold', bare
    listed = [view.name for view in driver._backend.repository.views()]
    assert sorted(listed) == sorted(shares)


def test_pages_that_are_not_counted_end():
    walk = answers.Walk('views', (('page_size', '2'),))
    full = [{'id': 1}, {'id': 2}]
    assert walk.take({'results': full}) == full
    # A server that does not know pages tells the same again.
    assert walk.take({'results': full}) == []
    assert walk.query is None


@pytest.mark.parametrize(('told', 'ends'), [
    ({'count': '2', 'results': [{'id': 1}]}, False),
    ({'count': 'many', 'next': None, 'results': [{'id': 1}]}, True),
    ({'next': None, 'results': [{'id': 1}]}, True),
    ({'results': [{'id': 1}]}, False), ({'results': []}, True),
    ([{'id': 1}], True), ([{'id': 1}, {'id': 2}], False), ([], True),
    ([{'id': 1}, {'id': 2}, {'id': 3}], True), ({'id': 1}, True)])
def test_where_a_list_ends(told, ends):
    walk = answers.Walk('views', (('page_size', '2'),))
    walk.take(told)
    assert (walk.query is None) == ends


@pytest.mark.parametrize('kind', ['view', 'quota'])
def test_a_strange_record_of_others_is_in_nobodys_way(bench, driver, kind):
    """A server that does not know a filter lists it with everything."""
    one, path = made(driver, CLIENT)
    bench.sim.make_share('strange', path='/strange')
    bench.sim.options.ignore_filters = True
    bench.sim.change(kind, 'strange', path=None)
    driver.extend_share(one, 2)
    driver.update_access(None, one, [])
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()


@pytest.mark.parametrize(('row', 'filters', 'other'), [
    ({'name': 'a'}, {'name': 'b'}, True),
    ({'name': 'b'}, {'name': 'b'}, False),
    ({'name': None}, {'name': 'b'}, False), ({}, {'name': 'b'}, False),
    ({'name': 'B'}, {'name': 'b'}, True), (7, {'name': 'b'}, False),
    ({'path': '/a/'}, {'path': '/a'}, False),
    ({'path': '/a//b'}, {'path': '/a/b'}, False),
    ({'path': '/b'}, {'path': '/a'}, True),
    ({'path': '/a/b/'}, {'path__startswith': '/a'}, False),
    ({'path': '/b'}, {'path__startswith': '/a'}, True),
    ({'path': '/a/b'}, {'path': '/a'}, True),
    ({'loanee_root_path': '/b/'}, {'loanee_root_path__startswith': '/a'},
     True),
    ({'name': 'xb'}, {'name__contains': 'b'}, False),
    ({'tenant_id': 2}, {'tenant_id': 1}, False)])
def test_what_says_that_it_is_something_else(row, filters, other):
    assert answers.is_other(row, filters) == other


# -- records that are not the one asked for -----------------------------------

@pytest.mark.parametrize('verb', ['GET', 'PATCH'])
def test_an_answer_about_another_record_is_not_believed(bench, driver, verb):
    """As a cache or a proxy that mixes answers up gives."""
    vms = driver._backend.vms
    one, _ = made(driver)
    other, _ = made(driver, size=5)
    quota = bench.sim.record('quota', one['id'])
    wrong = bench.sim.record('quota', other['id'])
    exchange = vms.exchange

    def mixed_up(method, resource, **parts):
        answer = exchange(method, resource, **parts)
        return dataclasses.replace(answer, data=wrong) if (
            method == verb and resource.startswith(
                'quotas/%d/' % quota['id'])) else answer
    vms.exchange = mixed_up
    if verb == 'PATCH':
        bench.sim.options.ignored_fields.add('quotas.hard_limit')
        with pytest.raises(errors.ManilaException, match='does not have'):
            driver.extend_share(one, 5)
    else:
        with pytest.raises(exception.BackendError, match='with another'):
            vms.get('quotas', quota['id'], records.Quota.of)


def test_an_upgrade_that_failed_is_not_the_version(bench):
    """For logins that may not read the cluster."""
    bench.sim.options.permission_denied |= {'clusters', 'monitors'}
    bench.sim.options.sw_version = '4.7.0'
    bench.sim.options.failed_upgrade = '5.5.0'
    bench.sim.options.ignore_filters = True
    driver = bench.start()
    assert driver._backend.cluster.version.get().version == (4, 7, 0)


def test_the_newest_version_counts_in_whatever_order(bench):
    bench.sim.options.permission_denied |= {'clusters', 'monitors'}
    bench.sim.options.versions_oldest_first = True
    driver = bench.start()
    assert driver._backend.cluster.version.get().version == (5, 3, 0)


def test_one_tenant_that_can_be_read_is_not_the_only_one(bench):
    bench.sim.add_tenant('blue')
    bench.sim.change('tenant', 'default', capacity_rules='none')
    with pytest.raises(errors.ManilaException, match='vast_tenant_name'):
        bench.start()


# -- answers to what was made -------------------------------------------------

@pytest.mark.parametrize('resource', ['viewpolicies', 'quotas', 'views',
                                      'snapshots'])
def test_an_answer_may_tell_no_more_than_an_id(bench, driver, resource):
    bench.sim.options.partial_answers.add(resource)
    one, path = made(driver, CLIENT)
    snapshot = snapshot_of(driver, one)
    assert bench.sim.snapshots_on(path) == [snapshot['name']]
    assert bench.sim.can_mount(CLIENT, path) == 'rw'
    assert bench.sim.record('quota', one['id'])['hard_limit'] == GiB
    driver.delete_snapshot(None, snapshot)
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()


def test_a_qos_policy_that_is_not_stored_makes_no_share(bench):
    bench.sim.make_directory('/manila')
    bench.sim.add_qos_policy('slow')
    driver = bench.start(vast_qos_policy='slow')
    one, _ = made(driver)
    assert bench.sim.record('view', one['id'])['qos_policy'] == 'slow'
    bench.sim.options.ignored_fields.add('views.qos_policy_id')
    with pytest.raises(errors.ManilaException, match='QoS policy'):
        driver.create_share(None, share())


def test_a_snapshot_name_that_is_not_stored_is_an_error(bench, driver):
    """Else deleting it would find none of that name, and say success."""
    one, path = made(driver)
    bench.sim.perform('POST', 'snapshots', {'name': 's', 'path': path + '/'})
    bench.sim.options.ignored_fields.add('snapshots.name')
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'provider_location': 's', 'share_instance_id': one['id']}
    with pytest.raises(errors.ManilaException, match='does not have the name'):
        driver.manage_existing_snapshot(snapshot, {})


# -- clones -------------------------------------------------------------------

@pytest.mark.parametrize('field', ['loanee_root_path', 'loanee_snapshot_id'])
@pytest.mark.parametrize('form', ['null_fields', 'absent_fields'])
def test_a_clone_that_tells_little_is_where_its_share_is(bench, driver, form,
                                                         field):
    bench.sim.options.clone_delay = 60
    parent, _ = made(driver)
    snapshot = snapshot_of(driver, parent)
    child = share(2)
    getattr(bench.sim.options, form).add('globalsnapstreams.' + field)
    wanted = '10.9.0.1:/manila/manila-' + child['id']
    began = driver.create_share_from_snapshot(None, child, snapshot)
    assert began['export_locations'][0]['path'] == wanted
    assert driver.create_share_from_snapshot(None, child, snapshot) == began
    # It may be fed by this one for all that anybody knows.
    bench.sim.options.clone_keeps_snapshot = False
    with pytest.raises(errors.ShareSnapshotIsBusy):
        driver.delete_snapshot(None, snapshot)
    bench.clock.sleep(61)
    ended = driver.get_share_status(child)
    assert ended['status'] == 'available'
    assert ended['export_locations'][0]['path'] == wanted


@pytest.mark.parametrize(('code', 'body'), [
    (500, None), (404, '<html>'), (403, {'detail': 'permission_denied'}),
    (302, ''), (200, {'detail': 'busy'}), (200, [{'id': None}])])
def test_no_answer_about_a_clone_puts_its_share_into_error(bench, driver,
                                                           code, body):
    bench.sim.options.clone_delay = 600
    parent, _ = made(driver)
    child = share(2)
    driver.create_share_from_snapshot(None, child,
                                      snapshot_of(driver, parent))
    bench.sim.arm(Fault('status', code=code, body=body, times=None,
                        match='GET .*globalsnapstreams'))
    assert driver.get_share_status(child) == {
        'status': 'creating_from_snapshot'}


@pytest.mark.parametrize('changes', [
    {'tasks_end_untold': True}, {'permission_denied': {'vtasks'}},
    {'missing_routes': {'vtasks'}}])
def test_a_task_that_does_not_tell_keeps_no_share(bench, driver, changes):
    bench.sim.options.clone_delay = 600
    parent, _ = made(driver)
    child = share(2, snapshot_id='n')
    snapshot = snapshot_of(driver, parent)
    driver.create_share_from_snapshot(None, child, snapshot)
    for name, value in changes.items():
        setattr(bench.sim.options, name, value)
    before = bench.clock()
    driver.delete_share(None, child)
    assert bench.clock() - before < 60
    assert not bench.sim.record('stream', 'manila-' + child['id'])
    driver.delete_snapshot(None, snapshot)


# -- what is deleted ----------------------------------------------------------

@pytest.mark.parametrize('status', [400, 409, 424])
def test_what_is_in_use_is_told_in_several_ways(bench, driver, status,
                                                caplog):
    bench.sim.options.in_use_status = status
    bench.sim.options.clone_delay = 600
    one, path = made(driver, CLIENT)
    child = share(2)
    snapshot = snapshot_of(driver, one)
    driver.create_share_from_snapshot(None, child, snapshot)
    with pytest.raises(errors.ShareSnapshotIsBusy, match='still feeds'):
        driver.delete_snapshot(None, snapshot)
    # Nobody says that it is a clone.
    driver.delete_share(None, child)
    driver.delete_snapshot(None, snapshot)
    bench.sim.perform('POST', 'views', {
        'name': 'by-hand', 'path': '/by-hand', 'create_dir': True,
        'policy_id': bench.sim.record('policy', one['id'])['id']})
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()
    assert 'view by-hand of /by-hand' in caplog.text


@pytest.mark.parametrize('others', [True, False])
def test_a_view_that_goes_later_is_waited_for(bench, driver, others, caplog):
    one, _ = made(driver, CLIENT)
    if others:
        bench.sim.perform('POST', 'views', {
            'name': 'by-hand', 'path': '/by-hand', 'create_dir': True,
            'policy_id': bench.sim.record('policy', one['id'])['id']})
    bench.sim.options.view_delay = 5
    driver.delete_share(None, one)
    assert not bench.sim.record('view', one['id'])
    assert bool(bench.sim.record('policy', one['id'])) == others
    assert ('view by-hand' in caplog.text) == others
    assert 'view %s of' % one['id'] not in caplog.text


def test_a_view_that_stays_is_no_deleted_share(bench, driver):
    one, _ = made(driver, CLIENT)
    bench.sim.options.view_delay = 1e6
    with pytest.raises(errors.ManilaException, match='Deleting view'):
        driver.delete_share(None, one)
    bench.clock.sleep(1e6)
    driver.delete_share(None, one)
    assert not [item for item in bench.sim.inventory()
                if one['id'] in item[2]]


@pytest.mark.parametrize('changes', [
    {}, {'task_delay': 30}, {'tasks_end_untold': True}])
def test_a_directory_is_gone_when_its_task_has_ended(bench, driver, changes):
    one, path = made(driver)
    bench.sim.options.folder_tasks = True
    for name, value in changes.items():
        setattr(bench.sim.options, name, value)
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()


@pytest.mark.parametrize('untold', [True, False])
def test_a_directory_that_stays_is_no_deleted_share(bench, driver, untold):
    one, path = made(driver)
    bench.sim.write(path, 7)
    bench.sim.options.folder_tasks = bench.sim.options.task_fails = True
    bench.sim.options.tasks_end_untold = untold
    with pytest.raises(errors.ManilaException, match='Deleting /manila'):
        driver.delete_share(None, one)
    assert bench.sim.record('quota', one['id'])
    bench.sim.options.task_fails = False
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()


# -- what is in use, and who is let in ----------------------------------------

def test_a_quota_that_does_not_tell_yet_may_be_full(bench):
    """A scheduler takes what is not known for enough."""
    sim = bench.sim
    sim.add_tenant('blue', capacity_rules={'hard_limit': 100 * GiB})
    sim.make_directory('/manila', 'blue')
    driver = bench.start(vast_tenant_name='blue')
    one, two = share(30), share(50)
    for new in one, two:
        path = path_of(driver.create_share(None, new))
    sim.write(path, 20 * GiB, tenant='blue')

    def free():
        bench.clock.sleep(61)
        return driver.get_share_stats(refresh=True)['free_capacity_gb']
    assert free() == 80
    untold = {'used_capacity': None, 'used_effective_capacity': None}
    sim.change('quota', one['id'], tenant='blue', **untold)
    assert free() == 50
    sim.change('quota', one['id'], tenant='blue', hard_limit=0)
    assert free() == 'unknown'


@pytest.mark.parametrize(('told', 'used'), [
    ({'used_capacity': 5, 'used_effective_capacity': 7}, 7),
    ({'used_capacity': 5}, 5), ({}, None), ({'used_capacity': None}, None),
    ({'used_capacity': 5, 'used_effective_capacity': None}, None),
    ({'used_effective_capacity': 7}, 7), ({'used_capacity': -1}, None)])
def test_what_the_limit_is_enforced_on_is_what_is_used(told, used):
    assert records.Quota.of({'id': 1, 'name': 'q', 'path': '/q',
                             'tenant_id': 1, **told}).used == used


@pytest.mark.parametrize(('used', 'word'), [
    (None, 'does not tell what is in use'), (3 * GiB, 'more than its 1 GiB')])
def test_a_share_whose_limit_was_taken_away_is_told_of(bench, driver, used,
                                                       word, caplog):
    one, _ = made(driver, CLIENT)
    bench.sim.change('quota', one['id'], hard_limit=0, used_capacity=used,
                     used_effective_capacity=used)
    answer = driver.ensure_shares(None, [one])[one['id']]
    assert answer['export_locations']
    assert word in caplog.text + str(driver.owed_checks())
    assert bool(driver.owed_checks()) == (used is None)


def policy_of(*read_write):
    return records.ViewPolicy.of({
        'id': 1, 'name': 'p', 'tenant_id': None, 'nfs_read_only': [],
        'nfs_read_write': list(read_write)})


@pytest.mark.parametrize(('hosts', 'let_in', 'kept_out'), [
    (['10.0.0.0/30', '~10.0.0.1'], ['10.0.0.0', '10.0.0.2', '10.0.0.3'],
     ['10.0.0.1']),
    (['10.0.0.1', '~10.0.0.0/30'], [], ['10.0.0.1']),
    (['10.0.0.0/30', '~10.1.0.0/16', '~fe80::1'], ['10.0.0.1'], []),
    (['10.0.0.0/30', '~@hosts'], [], ['10.0.0.1'])])
def test_who_is_kept_out_is_not_let_in(hosts, let_in, kept_out):
    levels = view_policy.levels_of(policy_of(*hosts))

    def inside(host):
        return any(view_policy.networks.parse(host).subnet_of(network)
                   for network in levels)
    assert all(map(inside, let_in))
    assert not any(map(inside, kept_out))


def test_what_is_left_of_lists_keeps_out_whom_it_kept_out():
    wanted = view_policy.ClientLists(('10.0.0.0/24', '10.1.0.1'))
    left = wanted.within(policy_of('10.0.0.0/24', '~10.0.0.7'))
    assert left.read_write == ('10.0.0.0/24', '~10.0.0.7')


@pytest.mark.parametrize('code', [301, 302, 307, 308, 405])
def test_a_route_that_leads_elsewhere_is_told_as_such(bench, driver, code):
    """A redirected change would lose its body; none is followed."""
    one, _ = made(driver)
    bench.sim.arm(Fault('status', code=code, body='', times=None,
                        match='PATCH', headers={'Location': '/api/v1/'}))
    with pytest.raises(errors.ManilaException, match='vast_api_version'):
        driver.extend_share(one, 2)
    assert bench.sim.record('quota', one['id'])['hard_limit'] == GiB


# -- names that are not told --------------------------------------------------

@pytest.mark.parametrize('resource', ['views', 'quotas'])
@pytest.mark.parametrize('ignoring', [True, False])
def test_a_share_is_not_gone_because_its_name_is_not_told(bench, driver,
                                                          resource, ignoring):
    one, path = made(driver, CLIENT)
    bench.sim.options.null_fields.add(resource + '.name')
    bench.sim.options.ignore_filters = ignoring
    if not ignoring:
        with pytest.raises(errors.ManilaException, match='tell their names'):
            driver.delete_share(None, one)
        assert path in bench.sim.directories()
        bench.sim.options.null_fields.clear()
    # They may be of others there, but for what is where the share is.
    driver.delete_share(None, one)
    assert not [item for item in bench.sim.inventory()
                if one['id'] in item[2]]


@pytest.mark.parametrize('ignoring', [True, False])
def test_a_snapshot_is_not_gone_because_its_name_is_not_told(bench, driver,
                                                             ignoring):
    one, path = made(driver)
    snapshot = snapshot_of(driver, one)
    bench.sim.options.null_fields.add('snapshots.name')
    bench.sim.options.ignore_filters = ignoring
    with pytest.raises(errors.ManilaException, match='does not tell the'):
        driver.delete_snapshot(None, snapshot)
    assert bench.sim.snapshots_on(path) == [snapshot['name']]


@pytest.mark.parametrize('ignoring', [True, False])
@pytest.mark.parametrize('form', ['null_fields', 'absent_fields'])
def test_a_clone_is_not_gone_because_its_name_is_not_told(
        bench, driver, form, ignoring):
    bench.sim.options.clone_delay = 60
    parent, _ = made(driver)
    child = share(2)
    driver.create_share_from_snapshot(None, child,
                                      snapshot_of(driver, parent))
    getattr(bench.sim.options, form).add('globalsnapstreams.name')
    bench.sim.options.ignore_filters = ignoring
    assert driver.get_share_status(child)[
        'status'] == 'creating_from_snapshot'
    bench.clock.sleep(61)
    assert driver.get_share_status(child)['status'] == 'available'


def test_what_has_no_name_is_in_nobodys_way(bench, driver):
    """A server that does not know the filter lists it with everything."""
    bench.sim.perform('POST', 'views', {
        'path': '/nameless', 'policy_id': 1, 'create_dir': True})
    bench.sim.options.ignore_filters = True
    one, path = made(driver, CLIENT)
    driver.delete_share(None, one)
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()
    assert '/nameless' in bench.sim.directories()


# -- answers to a deletion ----------------------------------------------------

ODD = [(202, ''), (201, {'id': 7}), (200, []),
       (200, {'results': [], 'count': 0, 'next': None})]


@pytest.mark.parametrize(('code', 'body'), ODD)
@pytest.mark.parametrize('what', ['folders', 'views', 'quotas',
                                  'viewpolicies', 'snapshots'])
def test_what_is_no_answer_to_a_deletion_is_looked_after(bench, driver, what,
                                                         code, body):
    one, path = made(driver, CLIENT)
    snapshot = snapshot_of(driver, one)

    def delete():
        driver.delete_snapshot(None, snapshot)
        driver.delete_share(None, one)
    bench.sim.write(path, 7)
    fault = Fault('status', code=code, body=body, match='DELETE .*' + what)
    bench.sim.arm(fault)
    with pytest.raises(errors.ManilaException, match='Deleting'):
        delete()
    bench.sim.arm(dataclasses.replace(fault, before=False))
    delete()
    assert path not in bench.sim.directories()
    assert not [item for item in bench.sim.inventory()
                if one['id'] in item[2] or item[2] == snapshot['name']]


@pytest.mark.parametrize('body', [{}, [], {'id': 7}, {'results': []}])
def test_an_export_is_managed_or_refused_whatever_is_answered(bench, driver,
                                                              body):
    bench.sim.make_share('old', path='/data')
    one = share(None, export_locations=[{'path': '10.9.0.1:/data'}])
    bench.sim.arm(Fault('status', code=200, body=body, match='PATCH',
                        times=None))
    with pytest.raises(errors.ManilaException):
        driver.manage_existing(one, {})
