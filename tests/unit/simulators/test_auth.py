# SPDX-License-Identifier: Apache-2.0

import pytest
from requests.auth import _basic_auth_str

from manila_drivers.testing.simulators.vast import VmsSim
from tests.unit.simulators.client import Api


def login(api, **changed):
    body = {'username': api.sim.username, 'password': api.sim.password,
            **changed}
    return api.call('POST', 'token/', body, headers={})


def bearer(api, token):
    return api.call('GET', 'views/', headers={
        'Authorization': f'Bearer {token}'})


def test_a_login_gives_a_pair_and_is_counted(api):
    status, pair = login(api)
    assert (status, set(pair)) == (200, {'access', 'refresh'})
    assert bearer(api, pair['access'])[0] == 200
    assert (api.sim.logins, api.sim.calls) == (1, 2)


def test_a_wrong_password_is_401_and_no_login(api):
    status, body = login(api, password='wrong')
    assert (status, api.sim.logins) == (401, 0)
    assert 'detail' in body


def test_a_null_user_is_a_bad_request(api):
    assert login(api, username=None) == (
        400, {'username': ['This field may not be null.']})
    assert api.call('POST', 'token/', {}, headers={})[0] == 400


def test_an_expired_access_token_is_403_with_the_known_text(api, clock):
    api.sim.options.access_token_lifetime = 60
    pair = login(api)[1]
    clock.advance(59)
    assert bearer(api, pair['access'])[0] == 200
    clock.advance(1)
    status, body = bearer(api, pair['access'])
    assert status == 403
    assert 'Token is invalid or expired' in str(body)
    assert body['code'] == 'token_not_valid'


def test_a_refresh_gives_a_new_pair_once(api, clock):
    pair = login(api)[1]
    clock.advance(4000)
    status, newer = api.call('POST', 'token/refresh/',
                             {'refresh': pair['refresh']}, headers={})
    assert (status, bearer(api, newer['access'])[0]) == (200, 200)
    again = api.call('POST', 'token/refresh/',
                     {'refresh': pair['refresh']}, headers={})
    assert again[0] == 401
    assert (api.sim.logins, api.sim.refreshes) == (1, 1)


def test_a_refresh_token_may_work_more_than_once(api):
    api.sim.options.refresh_rotates = False
    body = {'refresh': login(api)[1]['refresh']}
    for _ in range(2):
        assert api.call('POST', 'token/refresh/', body, headers={})[0] == 200


def test_an_expired_refresh_token_is_401(api, clock):
    pair = login(api)[1]
    clock.advance(86400)
    assert api.call('POST', 'token/refresh/', {'refresh': pair['refresh']},
                    headers={})[0] == 401
    assert api.call('POST', 'token/refresh/', {}, headers={})[0] == 400


def test_tokens_can_be_ended_from_outside(api):
    pair = login(api)[1]
    api.sim.expire_tokens()
    assert bearer(api, pair['access'])[0] == 403
    assert api.call('POST', 'token/refresh/', {'refresh': pair['refresh']},
                    headers={})[0] == 200
    api.sim.expire_tokens(refresh=True)
    assert api.call('POST', 'token/refresh/', {'refresh': pair['refresh']},
                    headers={})[0] == 401


def test_old_tokens_are_forgotten(api, clock):
    api.sim.options.access_token_lifetime = 1
    api.sim.options.refresh_token_lifetime = 1
    for _ in range(600):
        login(api)
        clock.advance(1)
    assert len(api.sim.auth.access) < 600


@pytest.mark.parametrize(('header', 'status'), [
    ({}, 401),
    ({'Authorization': 'Digest x'}, 401),
    ({'Authorization': 'Bearer nonsense'}, 403),
    ({'Authorization': 'Api-Token nonsense'}, 403),
    ({'Authorization': 'Basic !!!'}, 401),
    ({'Authorization': _basic_auth_str('admin', 'wrong')}, 401),
])
def test_bad_credentials(api, header, status):
    assert api.call('GET', 'views/', headers=header)[0] == status


def test_basic_is_accepted_everywhere_and_is_no_login(api):
    header = {'Authorization': _basic_auth_str(api.sim.username,
                                               api.sim.password)}
    assert api.call('GET', 'views/', headers=header)[0] == 200
    assert api.sim.logins == 0


def test_api_tokens_expire_and_can_be_revoked(api, clock):
    short, revoked = (api.sim.add_api_token(60) for _ in range(2))

    def works(token):
        return api.call('GET', 'views/', headers={
            'Authorization': f'Api-Token {token}'})[0] == 200
    assert works(short)
    assert works(revoked)
    api.sim.revoke_api_token(revoked)
    assert not works(revoked)
    clock.advance(60)
    assert not works(short)


def test_api_tokens_need_a_recent_version(api):
    api.sim.options.sw_version = '5.2.9'
    assert api.call('GET', 'views/')[0] == 401
    api.sim.options.sw_version = '5.3'
    assert api.call('GET', 'views/')[0] == 200


def test_api_tokens_can_be_made_and_revoked_by_clients(api):
    made = api.post('apitokens/', name='t', owner='admin',
                    expiry_date='2033-01-01T00:00:00')
    header = {'Authorization': f'Api-Token {made["token"]}'}
    assert api.call('GET', 'views/', headers=header)[0] == 200
    assert made['token'] not in str(api.get('apitokens/'))
    api.patch(f'apitokens/{made["id"]}/revoke/')
    assert api.call('GET', 'views/', headers=header)[0] == 403


def test_an_owner_has_five_tokens_at_most(api):
    for number in range(5):
        api.post('apitokens/', name=str(number), owner='admin')
    body = {'name': 'six', 'owner': 'admin'}
    assert api.call('POST', 'apitokens/', body)[0] == 503
    assert api.refused('POST', 'apitokens/', {'name': 'x', 'owner': 'nobody'})
    assert api.refused('POST', 'apitokens/', {**body, 'expiry_date': 'soon'})
    api.sim.options.sw_version = '5.2'
    header = {'Authorization': _basic_auth_str(api.sim.username,
                                               api.sim.password)}
    assert api.call('POST', 'apitokens/', body, headers=header)[0] == 404


def test_permission_denied_names_itself_and_spares_the_rest(api):
    api.sim.options.permission_denied = {'quotas', 'POST views'}
    status, body = api.call('GET', 'quotas/')
    assert status == 403
    assert 'permission_denied' in str(body)
    assert 'expired' not in str(body)
    assert api.call('GET', 'views/')[0] == 200
    assert api.call('POST', 'views/', {})[0] == 403


# Tenants

@pytest.fixture
def tenants(sim: VmsSim) -> VmsSim:
    sim.add_tenant('blue')
    sim.add_user('bob', 'builder', 'blue')
    sim.make_share('one')
    sim.make_share('two', tenant='blue')
    return sim


def as_bob(api: Api, tenant: str | None = 'blue') -> dict[str, str]:
    named = {'X-Tenant-Name': tenant} if tenant else {}
    return {**named, 'Authorization': _basic_auth_str('bob', 'builder')}


def test_a_tenants_administrator_sees_his_tenant_only(api, tenants):
    _status, views = api.call('GET', 'views/', headers=as_bob(api))
    assert [view['name'] for view in views] == ['two']
    other = tenants.record('view', 'one')
    assert api.call('GET', f'views/{other["id"]}/',
                    headers=as_bob(api))[0] == 404
    assert len(api.get('views/')) == 2
    listed = api.call('GET', 'tenants/', headers=as_bob(api))[1]
    assert [tenant['name'] for tenant in listed] == ['blue']


def test_his_objects_land_in_his_tenant(api, tenants):
    status, made = api.call('POST', 'viewpolicies/', {'name': 'p'},
                            headers=as_bob(api))
    assert (status, made['tenant_name']) == (201, 'blue')
    body = {'name': 'q', 'tenant_id': 1}
    assert api.call('POST', 'viewpolicies/', body,
                    headers=as_bob(api))[0] == 403


def test_he_must_name_his_tenant_and_no_other(api, tenants):
    assert api.call('GET', 'views/', headers=as_bob(api, None))[0] == 401
    assert api.call('GET', 'views/', headers=as_bob(api, 'default'))[0] == 401
    body = {'username': 'bob', 'password': 'builder'}
    assert api.call('POST', 'token/', body, headers={})[0] == 401
    status, pair = api.call('POST', 'token/', body,
                            headers={'X-Tenant-Name': 'blue'})
    assert status == 200
    wrong = {'Authorization': f'Bearer {pair["access"]}',
             'X-Tenant-Name': 'default'}
    assert api.call('GET', 'views/', headers=wrong)[0] == 403


def test_he_cannot_see_vip_pools(api, tenants):
    assert api.call('GET', 'vippools/', headers=as_bob(api))[0] == 403
    assert api.call('GET', 'vippools/')[0] == 200
    tenants.options.tenant_admin_denied.clear()
    assert api.call('GET', 'vippools/', headers=as_bob(api))[0] == 200


def test_the_header_scopes_a_clusters_administrator(api, tenants):
    scoped = {**api.headers, 'X-Tenant-Name': 'blue'}
    views = api.call('GET', 'views/', headers=scoped)[1]
    assert [view['name'] for view in views] == ['two']
    unknown = {**api.headers, 'X-Tenant-Name': 'green'}
    assert api.call('GET', 'views/', headers=unknown)[0] == 403


# Cookies

def test_a_kept_session_cookie_makes_writes_fail(sim):
    keeping = Api(sim, cookies=True)
    login(keeping)
    assert keeping.call('GET', 'views/')[0] == 200
    status, body = keeping.call('POST', 'viewpolicies/', {'name': 'x'})
    assert status == 403
    assert 'CSRF' in str(body)
    keeping.close()


def test_the_cookie_can_be_switched_off(sim):
    sim.options.session_cookie = False
    keeping = Api(sim, cookies=True)
    login(keeping)
    assert keeping.call('POST', 'viewpolicies/', {'name': 'x'})[0] == 201
    keeping.close()
