# SPDX-License-Identifier: Apache-2.0

"""Views, policies and quotas: defaults, checks, uniqueness."""

import pytest

GiB = 2 ** 30


@pytest.fixture
def share(sim):
    return sim.make_share('s1')


# Policies

def test_a_policy_with_a_name_only_is_open_to_the_world(api):
    made = api.post('viewpolicies/', name='p')
    assert made['nfs_read_write'] == ['*']
    assert made['nfs_root_squash'] == ['*']
    assert made['nfs_read_only'] == made['nfs_no_squash'] == []


def test_explicitly_empty_lists_stay_empty(api):
    made = api.post('viewpolicies/', name='p', nfs_read_write=[],
                    nfs_read_only=[])
    assert made['nfs_read_write'] == made['nfs_read_only'] == []
    assert made['nfs_root_squash'] == ['*']
    assert api.get(f'viewpolicies/{made["id"]}/') == made


def test_empty_may_mean_the_default(api):
    api.sim.options.empty_list_means_default = True
    made = api.post('viewpolicies/', name='p', nfs_read_write=[])
    assert made['nfs_read_write'] == ['*']
    path = f'viewpolicies/{made["id"]}/'
    assert api.patch(path, nfs_read_write=[])['nfs_read_write'] == []
    api.sim.options.empty_list_means_default_on_patch = True
    assert api.patch(path, nfs_read_write=[])['nfs_read_write'] == ['*']


def test_a_change_replaces_the_lists_it_names_only(api):
    made = api.post('viewpolicies/', name='p', nfs_read_write=['10.0.0.1'],
                    nfs_read_only=['10.0.0.2'])
    changed = api.patch(f'viewpolicies/{made["id"]}/',
                        nfs_read_write=['10.0.0.3'])
    assert changed['nfs_read_write'] == ['10.0.0.3']
    assert changed['read_write'] == ['10.0.0.3']
    assert changed['nfs_read_only'] == ['10.0.0.2']


@pytest.mark.parametrize('host', [
    '10.0.0.7', '10.0.0.0/24', '0.0.0.0/0', '10.0.0.*', '10.*.*.*', '*',
    '@hosts', '~10.0.0.7', '~10.0.0.0/28', '~10.0.0.*'])
def test_host_strings_that_exist(api, host):
    assert api.post('viewpolicies/', name='p', nfs_read_write=[host])


@pytest.mark.parametrize('host', [
    'host.example.org', '10.0.0.1-10.0.0.9', 'fd00::1', 'fd00::/64', '10.0.0',
    '10.0.0.300', '10.0.0.0/33', '10.0.0.0/255.0.0.0', '', ' 10.0.0.1',
    '~*', '~@hosts', '@', '10.0.0.*/24', '300.*.*.*', '~', '10.0.*',
    'fe80::1%eth0'])
def test_host_strings_that_do_not(api, host):
    body = {'name': 'p', 'nfs_read_write': [host]}
    assert 'nfs_read_write' in api.refused('POST', 'viewpolicies/', body)


def test_deny_entries_belong_into_the_write_list(api):
    body = {'name': 'p', 'nfs_read_only': ['~10.0.0.1']}
    assert 'nfs_read_only' in api.refused('POST', 'viewpolicies/', body)
    api.sim.options.deny_entries = False
    body = {'name': 'p', 'nfs_read_write': ['~10.0.0.1']}
    assert api.refused('POST', 'viewpolicies/', body)


def test_netgroups_do_not_belong_into_the_trash_list(api):
    body = {'name': 'p', 'trash_access': ['@hosts']}
    assert 'trash_access' in api.refused('POST', 'viewpolicies/', body)
    body['trash_access'] = ['10.0.0.1']
    assert api.post('viewpolicies/', **body)['trash_access'] == ['10.0.0.1']


def test_ipv6_hosts_by_option(api):
    api.sim.options.ipv6_host_lists = True
    assert api.post('viewpolicies/', name='p',
                    nfs_read_write=['fd00::1', 'fd00::/64'])


def test_policy_names_are_unique_across_tenants(api):
    blue = api.sim.add_tenant('blue')
    api.post('viewpolicies/', name='p')
    body = {'name': 'p', 'tenant_id': blue}
    assert api.call('POST', 'viewpolicies/', body) == (
        400, {'name': ['This field must be unique.']})
    other = api.post('viewpolicies/', name='q')
    assert api.refused('PATCH', f'viewpolicies/{other["id"]}/', {'name': 'p'})


@pytest.mark.parametrize('body', [
    {}, {'name': None}, {'name': ''}, {'name': 5}, {'name': 'x' * 256},
    {'name': 'p', 'nfs_read_write': '*'},
    {'name': 'p', 'nfs_read_write': [1]},
    {'name': 'p', 'flavor': 'VANILLA'},
    {'name': 'p', 'nfs_enforce_tls': 'yes'},
    {'name': 'p', 'tenant_id': 99},
    {'name': 'p', 'tenant_id': True},
    {'name': 'p', 'vip_pools': [99]},
    {'name': 'p', 'vip_pools': 'vippool-1'},
    {'name': 'p', 'permission_per_vip_pool': {'1': 'RX'}},
    {'name': 'p', 'permission_per_vip_pool': {'nine': 'RW'}},
])
def test_policies_that_make_no_sense(api, body):
    api.refused('POST', 'viewpolicies/', body)
    assert len(api.get('viewpolicies/')) == 1


def test_a_policy_in_use_cannot_be_deleted(api, share):
    policy = api.get('viewpolicies/?name=s1')[0]
    assert policy['count_views'] == 1
    path = f'viewpolicies/{policy["id"]}/'
    assert 'used by' in api.refused('DELETE', path)
    api.call('DELETE', f'views/{api.get("views/?name=s1")[0]["id"]}/')
    assert api.call('DELETE', path) == (204, None)
    assert api.call('DELETE', path)[0] == 404


def test_a_renamed_policy_is_renamed_in_its_views(api, share):
    policy = api.get('viewpolicies/?name=s1')[0]
    api.patch(f'viewpolicies/{policy["id"]}/', name='other')
    assert api.get('views/?policy__name=other')[0]['name'] == 's1'


def test_netgroups_can_be_refreshed(api):
    assert api.call('PATCH', 'viewpolicies/1/refresh_netgroups/')[0] == 204


def test_policies_that_serve_a_tenant(api):
    blue = api.sim.add_tenant('blue')
    api.post('viewpolicies/', name='all', tenant_id=None)
    api.post('viewpolicies/', name='blue', tenant_id=blue)
    found = api.get(f'viewpolicies/?serves_tenant={blue}')
    assert [policy['name'] for policy in found] == ['all', 'blue']


# Limits

def test_the_number_of_policies_is_limited(api):
    api.sim.options.max_policies = 2
    api.post('viewpolicies/', name='p')
    assert 'Maximum' in api.refused('POST', 'viewpolicies/', {'name': 'q'})


def test_the_number_of_host_strings_is_limited(api):
    api.sim.options.max_tables = 4    # one is taken by the default policy
    hosts = [f'10.0.{n // 250}.{n % 250}' for n in range(200)]
    lists = {'nfs_root_squash': [], 'nfs_read_write': hosts[:150]}
    body = {'name': 'p', **lists}
    made = api.post('viewpolicies/', **body)
    assert 'Maximum' in api.refused('POST', 'viewpolicies/', {'name': 'q'})
    path = f'viewpolicies/{made["id"]}/'
    assert api.refused('PATCH', path, {'nfs_read_write': hosts[:151]})
    api.patch(path, nfs_read_write=hosts[:100])
    api.post('viewpolicies/', name='q')
    api.call('DELETE', path)
    api.post('viewpolicies/', **body | {'nfs_read_write': hosts[:100]})


# Views

def view(**changed):
    return {'name': 'v', 'path': '/a/b', 'policy_id': 1,
            'create_dir': True, **changed}


def test_a_view_and_its_directory(api):
    made = api.post('views/', **view())
    assert made['policy'] == 'default'
    assert made['protocols'] == ['NFS']
    assert made['tenant_name'] == 'default'
    assert ('directory', 'default', '/a/b') in api.sim.inventory()


def test_without_a_directory_it_must_be_made(api):
    assert 'no such directory' in api.refused(
        'POST', 'views/', view(create_dir=False))
    api.sim.make_directory('/a/b')
    assert api.post('views/', **view(create_dir=False))


@pytest.mark.parametrize('changed', [
    {'path': None}, {'path': 'a'}, {'path': '/a/'}, {'path': '//a'},
    {'path': '/a/../b'}, {'path': '/a/./b'}, {'path': 7}, {'path': ''},
    {'policy_id': 99}, {'policy_id': None}, {'policy_id': '1'},
    {'protocols': ['NFS', 'FTP']}, {'protocols': []}, {'protocols': 'NFS'},
    {'protocols': ['SMB']}, {'alias': 'x'}, {'alias': '/\xe4'},
    {'qos_policy_id': 99}, {'tenant_id': 99}, {'create_dir': 'yes'},
    {'create_dir_mode': 888}, {'create_dir_mode': 'rwx'},
    {'create_dir_mode': 77777},
])
def test_views_that_make_no_sense(api, changed):
    api.refused('POST', 'views/', view(**changed))
    assert api.get('views/') == []
    assert ('directory', 'default', '/a/b') not in api.sim.inventory()


@pytest.mark.parametrize('missing', ['path', 'policy_id'])
def test_what_a_view_requires(api, missing):
    body = view()
    del body[missing]
    assert missing in api.refused('POST', 'views/', body)


def test_what_is_optional_in_a_view(api):
    qos = api.sim.add_qos_policy('fast')
    made = api.post('views/', **view(
        name=None, protocols=['NFS4', 'SMB'], share='smb', alias='/x',
        qos_policy_id=qos, create_dir_mode=777))
    assert (made['name'], made['qos_policy']) == (None, 'fast')
    assert api.sim.state.trees[1]['/a/b'].mode == 0o777
    user = api.sim.add_qos_policy('user', 'USER')
    assert api.refused('PATCH', f'views/{made["id"]}/',
                       {'qos_policy_id': user})


def test_view_names_are_unique_per_tenant(api):
    blue = api.sim.add_tenant('blue')
    policy = api.post('viewpolicies/', name='b', tenant_id=blue)['id']
    api.post('views/', **view())
    assert api.refused('POST', 'views/', view(path='/c')) == (
        '{"name": ["This field must be unique."]}')
    api.post('views/', **view(tenant_id=blue, policy_id=policy))


def test_view_paths_are_unique_unless_switched(api):
    api.post('views/', **view())
    assert 'unique set' in api.refused('POST', 'views/', view(name='w'))
    api.sim.options.allow_views_on_same_path = True
    assert api.post('views/', **view(name='w'))


def test_a_policy_of_another_tenant_does_not_fit(api):
    blue = api.sim.add_tenant('blue')
    assert 'another tenant' in api.refused('POST', 'views/',
                                           view(tenant_id=blue))
    common = api.post('viewpolicies/', name='c', tenant_id=None)['id']
    assert api.post('views/', **view(tenant_id=blue, policy_id=common))


def test_what_can_change_in_a_view(api):
    made = api.post('views/', **view())
    path = f'views/{made["id"]}/'
    policy = api.post('viewpolicies/', name='p')
    changed = api.patch(path, policy_id=policy['id'], name='w')
    assert (changed['policy'], changed['name']) == ('p', 'w')
    assert api.get('viewpolicies/?name=p')[0]['count_views'] == 1
    assert api.get('viewpolicies/1/')['count_views'] == 0
    assert api.refused('PATCH', path, {'path': '/c'})
    assert api.patch(path, path='/a/b') == changed
    api.post('views/', **view(path='/c'))
    assert api.refused('PATCH', path, {'name': 'v'})


def test_deleting_a_view_leaves_the_data(api, share):
    api.sim.write(share, 5)
    ident = api.get('views/?name=s1')[0]['id']
    assert api.call('DELETE', f'views/{ident}/?force=true') == (204, None)
    assert ('directory', 'default', share) in api.sim.inventory()
    assert api.get('quotas/?name=s1')[0]['used_capacity'] == 5


# Quotas

def quota(**changed):
    return {'name': 'q', 'path': '/a/b', 'hard_limit': GiB,
            'create_dir': True, **changed}


def test_a_quota_and_its_directory(api):
    made = api.post('quotas/', **quota())
    assert (made['hard_limit'], made['state']) == (GiB, 'OK')
    assert made['soft_limit'] is None
    assert ('directory', 'default', '/a/b') in api.sim.inventory()


@pytest.mark.parametrize('changed', [
    {'name': None}, {'path': '/a/b/'}, {'hard_limit': '5'},
    {'hard_limit': -1}, {'hard_limit': True}, {'hard_limit': 1.5},
    {'create_dir': False}, {'tenant_id': 99}])
def test_quotas_that_make_no_sense(api, changed):
    api.refused('POST', 'quotas/', quota(**changed))
    assert api.get('quotas/') == []


@pytest.mark.parametrize('status', [503, 400])
def test_a_second_quota_on_a_path(api, status):
    api.sim.options.duplicate_quota_status = status
    api.post('quotas/', **quota())
    assert api.call('POST', 'quotas/', quota(name='r'))[0] == status
    assert 'unique' in api.refused('POST', 'quotas/', quota())
    assert len(api.get('quotas/')) == 1


def test_what_can_change_in_a_quota(api):
    made = api.post('quotas/', **quota())
    path = f'quotas/{made["id"]}/'
    changed = api.patch(path, hard_limit=2 * GiB, name='r',
                        grace_period='02:00:00')
    assert (changed['hard_limit'], changed['name']) == (2 * GiB, 'r')
    assert api.refused('PATCH', path, {'path': '/c'})
    assert api.call('DELETE', path) == (204, None)
    assert ('directory', 'default', '/a/b') in api.sim.inventory()


def test_ids_rise_and_are_not_used_again(api):
    first = api.post('quotas/', **quota())['id']
    api.call('DELETE', f'quotas/{first}/')
    assert api.post('quotas/', **quota())['id'] > first


# Fields that do not exist

SLIPS = [
    ('POST', 'viewpolicies/', {'name': 'p', 'nfs_readwrite': []}),
    ('PATCH', 'viewpolicies/1/', {'nfs_readwrite': []}),
    ('POST', 'views/', view(policy=1)),
    ('POST', 'quotas/', quota(hardlimit=1)),
    ('POST', 'snapshots/', {'name': 's', 'path': '/', 'tenant': 1}),
    ('POST', 'folders/create_folder/', {'path': '/x', 'mode': 777}),
]


@pytest.mark.parametrize(('verb', 'path', 'body'), SLIPS)
def test_a_slip_of_the_pen_is_refused(api, verb, path, body):
    assert 'Unknown field.' in api.refused(verb, path, body)


@pytest.mark.parametrize(('verb', 'path', 'body'), SLIPS)
def test_or_ignored_as_by_a_real_server(api, verb, path, body):
    api.sim.options.refuse_unknown_fields = False
    assert api.call(verb, path, body)[0] in (200, 201)


@pytest.mark.parametrize('kind', ['views', 'quotas', 'viewpolicies'])
def test_a_whole_record_can_be_sent_back(api, share, kind):
    record = api.get(f'{kind}/?name=s1')[0]
    assert api.patch(f'{kind}/{record["id"]}/', **record) == record


def test_fields_of_other_protocols_are_nobodys_business(api):
    assert api.post('viewpolicies/', name='p', s3_bucket_full_control='x',
                    smb_read_write=[])
