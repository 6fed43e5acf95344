# SPDX-License-Identifier: Apache-2.0

"""Objects of two tenants are never taken for one share's.

Each tenant has a file tree of its own, so that one path means two things.
"""

import contextlib

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.vast import Fault
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors
GiB = 2 ** 30
DATA = 12345


@pytest.fixture
def bench(bench):
    """Tenant blue exports /data; tenant default has a directory /data."""
    sim = bench.sim
    sim.make_directory('/manila')
    sim.add_tenant('blue')
    sim.make_share('blues', size=2, path='/data', tenant='blue',
                   rw=['10.1.0.1'])
    sim.write('/data', 777, tenant='blue')
    sim.make_directory('/data')
    sim.write('/data', DATA)
    return bench


def adopted(driver, path='/data', **options):
    """Manage an export; the share, and None if that is refused."""
    one = share(size=None, export_locations=[{'path': '10.9.0.1:' + path}])
    try:
        driver.manage_existing(one, options)
    except errors.ManageInvalidShare:
        return one, False
    return one, True


def untouched(bench, tenant, path, size):
    assert bench.sim.directories(tenant).get(path) == size


WAYS = {
    'the role may not read tenants': lambda sim: (
        sim.options.permission_denied.add('tenants')),
    'tenants are not there at the moment': lambda sim: (
        sim.options.missing_routes.add('tenants')),
    'tenants are shown without names': lambda sim: (
        sim.options.absent_fields.add('tenants.name')),
    'tenants cannot be read at the moment': lambda sim: sim.arm(
        Fault('status', code=403, times=None, match='GET /api/v1/tenants/'))}
# Objects that name their tenant tell it then.
LEARNED = list(WAYS)[:2]


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('started', [True, False])
def test_another_tenants_export_is_not_adopted(bench, way, started):
    if started:
        driver = bench.start()
        bench.clock.sleep(301)
        WAYS[way](bench.sim)
    else:
        WAYS[way](bench.sim)
        driver = bench.make()
        driver.do_setup(None)
        if way not in LEARNED:
            with pytest.raises(errors.ManilaException, match='tenant'):
                driver.check_for_setup_error()
            return
        driver.check_for_setup_error()
    one, taken = adopted(driver)
    assert not taken
    driver.delete_share(None, one)
    untouched(bench, 'default', '/data', DATA)
    untouched(bench, 'blue', '/data', 777)
    assert bench.sim.record('view', 'blues', 'blue')


@pytest.mark.parametrize('way', WAYS)
def test_a_service_that_runs_knows_its_tenant(bench, way):
    """And goes on working, whatever the list of tenants does."""
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    bench.clock.sleep(301)
    WAYS[way](bench.sim)
    path = '/manila/manila-' + one['id']
    bench.sim.make_directory(path, 'blue')
    bench.sim.write(path, 99, tenant='blue')
    driver.update_access(None, one, [rule('r', '10.0.0.7')])
    assert bench.sim.can_mount('10.0.0.7', path) == 'rw'
    driver.extend_share(one, 3)
    driver.update_access(None, one, [])
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()
    untouched(bench, 'blue', path, 99)


@pytest.mark.parametrize('tenant', [None, 'blue'])
def test_a_tenant_is_learned_from_objects_that_name_it(bench, tenant):
    bench.sim.options.permission_denied.add('tenants')
    driver = bench.start(vast_tenant_name=tenant)
    one = share()
    driver.create_share(None, one)
    path = '/manila/manila-' + one['id']
    assert path in bench.sim.directories(tenant or 'default')
    taken = adopted(driver)[1]
    assert taken is (tenant == 'blue')


def test_a_tenant_that_nothing_tells_is_refused_at_the_start(bench):
    bench.sim.options.permission_denied.add('tenants')
    bench.sim.options.absent_fields |= {'viewpolicies.tenant_name',
                                        'views.tenant_name'}
    with pytest.raises(errors.ManilaException) as caught:
        bench.start()
    assert 'Option vast_tenant_name' in str(caught.value)
    assert 'view tenants' in str(caught.value)


def test_the_only_tenant_that_a_login_sees_is_its_tenant(bench):
    """``vast_tenant_name`` unset, and none is called default."""
    tenants = bench.sim.state.tables['tenants']
    tenants.remove(bench.sim.state.tenant('default'))
    driver = bench.start()
    one, taken = adopted(driver)
    assert taken
    driver.delete_share(None, one)
    assert '/data' not in bench.sim.directories('blue')
    assert bench.sim.state.trees[1]['/data'].used == DATA


def test_several_tenants_and_none_that_is_meant(bench):
    bench.sim.add_tenant('green')
    table = bench.sim.state.tables['tenants']
    table.update(bench.sim.state.tenant('default'), {'name': 'red'})
    with pytest.raises(errors.ManilaException) as caught:
        bench.start()
    assert 'Option vast_tenant_name' in str(caught.value)
    assert 'blue, green, red' in str(caught.value)


@pytest.mark.parametrize('field', ['views', 'quotas', 'viewpolicies',
                                   'snapshots'])
@pytest.mark.parametrize('form', ['null_fields', 'absent_fields'])
def test_records_that_do_not_tell_their_tenant(bench, field, form):
    """They are not believed to be ours: nothing is lost, nothing combined."""
    if (field, form) == ('viewpolicies', 'null_fields'):
        pytest.skip('null is how a policy says that it serves all tenants')
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    path = '/manila/manila-' + one['id']
    bench.sim.write(path, DATA)
    getattr(bench.sim.options, form).add(field + '.tenant_id')
    before = bench.sim.inventory()
    assert not adopted(driver)[1]
    answers = driver.ensure_shares(None, [one])
    assert answers[one['id']].get('status') != 'error'
    assert bench.sim.inventory() == before
    assert bench.sim.directories()[path] == DATA
    if field in ('views', 'quotas'):
        with pytest.raises(errors.ManilaException, match='tell which tenant'):
            driver.delete_share(None, one)
        assert bench.sim.directories()[path] == DATA


@pytest.mark.parametrize('kind', ['view', 'quota', 'snapshot'])
def test_what_another_tenant_has_by_the_same_name_is_not_ours(bench, kind):
    driver = bench.start()
    one = share()
    path = driver.create_share(None, one)[0]['path'].partition(':')[2]
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': one['id']}
    snapshot.update(driver.create_snapshot(None, snapshot))
    name = snapshot['name'] if kind == 'snapshot' else one['id']
    blue = bench.sim.tenant_id('blue')
    bench.sim.make_directory(path, 'blue')
    bench.sim.write(path, 99, tenant='blue')
    bench.sim.change(kind, name, tenant_id=blue, tenant_name='blue')
    before = bench.sim.record(kind, name, 'blue')
    for work in (lambda: driver.delete_snapshot(None, snapshot),
                 lambda: driver.update_access(None, one, [
                     rule('r', '10.0.0.7')]),
                 lambda: driver.ensure_shares(None, [one]),
                 lambda: driver.extend_share(one, 4),
                 lambda: driver.delete_share(None, one)):
        with contextlib.suppress(errors.ManilaException):
            work()
    assert bench.sim.record(kind, name, 'blue') == before
    untouched(bench, 'blue', path, 99)


def test_a_policy_name_that_another_tenant_has_is_in_the_way(bench):
    """Names of policies are unique across tenants."""
    driver = bench.start()
    one = share()
    bench.sim.perform('POST', 'viewpolicies', {
        'name': one['id'], 'nfs_read_write': ['10.1.0.1'],
        'tenant_id': bench.sim.tenant_id('blue')})
    before = bench.sim.records('policy')
    with pytest.raises(errors.ManilaException, match='of tenant'):
        driver.create_share(None, one)
    driver.delete_share(None, one)
    assert bench.sim.records('policy') == before


def test_a_clone_of_another_tenant_to_the_same_path_goes_on(bench):
    driver = bench.start()
    sim = bench.sim
    sim.options.clone_delay = 600
    one = share()
    path = driver.create_share(None, one)[0]['path'].partition(':')[2]
    sim.perform('POST', 'snapshots', {
        'name': 'blue-snap', 'path': '/data/',
        'tenant_id': sim.tenant_id('blue')})
    ident = sim.record('snapshot', 'blue-snap', 'blue')['id']
    sim.perform('POST', 'snapshots', {
        'name': 'blue-clone', 'loanee_root_path': path,
        'loanee_tenant_id': sim.tenant_id('blue')}, ident, 'clone')
    driver.delete_share(None, {**one, 'snapshot_id': 'x'})
    assert sim.record('stream', 'blue-clone', 'blue')['state'] == 'Syncing'
    assert path not in sim.directories()
    assert path in sim.directories('blue')


@pytest.mark.parametrize('kind', ['viewpolicies', 'quotas', 'views'])
def test_a_tenant_that_is_not_stored_is_noticed(bench, kind):
    """Objects would land in the default tenant."""
    driver = bench.start(vast_tenant_name='blue')
    before = bench.sim.inventory()
    bench.sim.options.ignored_fields.add(kind + '.tenant_id')
    # The header says the tenant as well, on this simulator.
    bench.sim.auth.scope = lambda user, headers: None
    with pytest.raises(errors.ManilaException):
        driver.create_share(None, share())
    left = {item for item in bench.sim.inventory() - before
            if item[0] != 'directory'}
    assert not left


@pytest.mark.parametrize('tenant', ['default', 'blue'])
def test_every_call_names_the_tenant(bench, tenant):
    driver = bench.start(vast_tenant_name=tenant)
    ident = bench.sim.tenant_id(tenant)
    bench.sim.clear_log()
    bench.sim.options.clone_delay = 5
    one, two = share(), share(2)
    row = {**one, 'export_locations': driver.create_share(None, one)}
    driver.update_access(None, one, [rule('r', '10.0.0.7')])
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': one['id'], 'share': row}
    snapshot.update(driver.create_snapshot(None, snapshot))
    driver.create_share_from_snapshot(None, two, snapshot)
    bench.clock.sleep(10)
    driver.get_share_status(two)
    bench.sim.remove('view', one['id'], tenant)
    driver.ensure_shares(None, [one, two])
    driver.delete_snapshot(None, snapshot)
    for each in (one, two):
        driver.delete_share(None, each)
    for entry in bench.sim.log:
        resource = entry.path.split('/')[3]
        if entry.verb == 'POST' and resource in (
                'views', 'quotas', 'viewpolicies', 'folders'):
            assert entry.body['tenant_id'] == ident, entry.label
        if resource == 'folders':
            assert entry.body['tenant_id'] == ident, entry.label
        if entry.verb == 'GET' and resource in ('views', 'quotas') \
                and entry.path.count('/') == 4:
            assert f'tenant_id={ident}' in entry.query, entry.label
        if entry.path.endswith('/clone/'):
            assert entry.body['loanee_tenant_id'] == ident


@pytest.mark.parametrize('adopted', [False, True])
def test_a_policy_of_the_same_name_elsewhere_is_in_nobodys_way(bench, adopted):
    """Else an administrator of a tenant could keep a rule of another."""
    sim = bench.sim
    sim.make_directory('/manila')
    sim.options.policy_names_per_tenant = True
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    driver.update_access(None, one, [rule('a', '10.0.0.7')])
    other = sim.add_tenant('other')
    sim.perform('POST', 'viewpolicies', {
        'name': one['id'] + ('-adopted' if adopted else ''),
        'tenant_id': other})
    path = '/manila/manila-' + one['id']
    # A view under a policy of others makes the driver look for its own.
    sim.change('view', one['id'], policy='default', policy_id=1)
    driver = bench.start()
    answers = driver.ensure_shares(None, [one])
    assert answers[one['id']].get('reapply_access_rules')
    sim.change('view', one['id'], policy='default', policy_id=1)
    bench.start().update_access(None, one, [])
    assert sim.can_mount('10.0.0.7', path) is None
    sim.change('view', one['id'], policy='default', policy_id=1)
    bench.start().delete_share(None, one)
    assert not [item for item in sim.inventory()
                if one['id'] in item[-1] and item[1] == 'default']
    assert [item for item in sim.inventory() if item[1] == 'other'
            and one['id'] in item[-1]]
