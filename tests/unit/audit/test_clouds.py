# SPDX-License-Identifier: Apache-2.0

"""The way to Manila that clouds.yaml describes, over HTTP."""

from http import server
import json
import threading

import pytest

from manila_drivers import exception
from manila_drivers.manila_api import clouds
from manila_drivers.transport import meter
from manila_drivers.transport import retry

IMPATIENT = retry.RetryPolicy(retries=3, first=0.01, longest=0.01, total=60)
CLOUDS = """
clouds:
  rig:
    auth_type: admin_token
    # openstacksdk 4.4 forgets one below auth.
    token: secret-token
    auth: {endpoint: '%s/v2/'}
  fixed:
    auth_type: none
    shared_file_system_endpoint_override: '%s/elsewhere'
  keystone:
    auth:
      auth_url: '%s/v3'
      username: admin
      password: secret-password
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
"""


class Door(server.ThreadingHTTPServer):
    """Answers from a list, or else with what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), _Handler)
        self.answers, self.asked = [], []
        threading.Thread(target=self.serve_forever, args=(0.02,),
                         daemon=True).start()


class _Handler(server.BaseHTTPRequestHandler):
    timeout = 30

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        status, body, *headers = self.server.answers.pop(0) \
            if self.server.answers else (200, {'path': self.path})
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in dict(*headers).items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET

    def log_message(self, format, *args):
        pass


@pytest.fixture
def door(tmp_path, monkeypatch):
    found = Door()
    url = f'http://127.0.0.1:{found.server_port}'
    file = tmp_path / 'clouds.yaml'
    file.write_text(CLOUDS % (url, url, url))
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(file))
    yield found
    found.shutdown()
    found.server_close()


def connect(cloud='rig'):
    return clouds.CloudConnection(cloud, IMPATIENT)


def test_a_request_goes_where_the_cloud_says(door):
    connection = connect()
    with meter.measure() as trips:
        assert connection.get('/shares', '2.71', host='a@b#c')[
            'path'] == '/v2/shares?host=a%40b%23c'
    assert trips.counts == {'REST': 1}
    headers = {name.lower(): value for name, value in door.asked[0][1].items()}
    assert headers['x-openstack-manila-api-version'] == '2.71'
    assert headers['x-auth-token'] == 'secret-token'
    assert connect('fixed').get('/types', '2.71')[
        'path'] == '/elsewhere/types'


@pytest.mark.parametrize(('status', 'kind'), [
    (403, clouds.ApiDenied), (401, clouds.ApiDenied),
    (404, exception.NotFound), (406, exception.BackendError),
    (500, exception.BackendError), (204, exception.BackendError)])
def test_a_refusal_says_what_was_answered(door, status, kind):
    door.answers = [(status, {'forbidden': {'code': status,
                                            'message': 'not for you'}},
                     {'X-Compute-Request-Id': 'req-1'})] * 3
    with pytest.raises(kind) as caught:
        connect().get('/types', '2.71')
    error = caught.value
    assert (error.status, f'HTTP {status}' in error.answer) == (status, True)
    if status != 204:
        assert 'req-1' in error.answer
        assert 'not for you' in error.answer
    assert 'secret' not in str(error)
    assert 'GET /types' in str(error)


def test_a_service_that_is_away_is_asked_again(door):
    door.answers = [(503, {}), (502, b'<html>'), (200, {'fine': True})]
    assert connect().get('/types', '2.71') == {'fine': True}
    door.answers = [(503, {'x': {'message': 'maintenance'}})] * 500
    with pytest.raises(exception.BackendError, match='maintenance'):
        connect().get('/types', '2.71')


def test_what_is_no_json_is_said(door):
    door.answers = [(200, b'<html>Welcome')]
    with pytest.raises(exception.BackendError, match='no JSON'):
        connect().get('/types', '2.71')


def test_nobody_there(door):
    connection = connect()
    door.shutdown()
    door.server_close()
    with pytest.raises(exception.Unreachable):
        connection.get('/types', '2.71')


def test_a_cloud_that_is_not_there_is_named(door):
    with pytest.raises(exception.ConfigurationError, match='nowhere'):
        connect('nowhere')


def test_a_login_that_is_refused_tells_no_secret(door):
    # Keystone tells its versions, and then refuses.
    door.answers = [(300, {'versions': {'values': []}})] + [
        (401, {'error': {'code': 401, 'message': 'no such user',
                         'title': 'Unauthorized'}})] * 5
    with pytest.raises(exception.DriverError) as caught:
        connect('keystone').get('/types', '2.71')
    assert 'secret-password' not in str(caught.value)
    assert 'keystone' in str(caught.value)
