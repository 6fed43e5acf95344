# SPDX-License-Identifier: Apache-2.0

"""The REST client against a small real server."""

from collections.abc import Iterator
import json
import threading
from typing import Any

import pytest

from manila_drivers.testing.manila import api
from manila_drivers.testing.manila import client
from manila_drivers.testing.manila import web


class Manila:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        size = int(environ.get('CONTENT_LENGTH') or 0)
        body = environ['wsgi.input'].read(size)
        self.asked.append((environ['REQUEST_METHOD'], environ['PATH_INFO'],
                           json.loads(body) if body else None))
        self.version = environ.get('HTTP_X_OPENSTACK_MANILA_API_VERSION')
        status, answer = (self.answers.pop(0) if len(self.answers) > 1
                          else self.answers[0])
        data = answer if isinstance(answer, bytes) else json.dumps(
            answer).encode()
        start('%d Whatever' % status, [('Content-Length', str(len(data)))])
        return [data]


@pytest.fixture
def manila() -> Manila:
    return Manila()


@pytest.fixture
def shares(manila: Manila) -> Iterator[client.Client]:
    server = web.serve(manila, 0)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    rest = api.Api('http://127.0.0.1:%d/v2' % server.server_port, '2.85')
    yield client.Client(rest, seconds=0.2)
    server.shutdown()
    server.server_close()


def test_a_share_is_asked_for(manila: Manila, shares: client.Client) -> None:
    manila.answers = [(200, {'share': {'id': 'x'}})]
    assert shares.create_share('NFS', 1, 'gold', 'snap')['id'] == 'x'
    assert manila.asked == [('POST', '/v2/shares', {'share': {
        'share_proto': 'NFS', 'size': 1, 'share_type': 'gold',
        'snapshot_id': 'snap'}})]
    assert manila.version == '2.85'


@pytest.mark.parametrize(('answer', 'message'), [
    ({'badRequest': {'code': 400, 'message': 'Too small.'}}, 'Too small.'),
    (b'<html>a proxy</html>', '<html>a proxy</html>'),
    ({'strange': 'shape'}, '{"strange": "shape"}')])
def test_a_refusal_is_an_error(manila: Manila, shares: client.Client,
                               answer: Any, message: str) -> None:
    manila.answers = [(400, answer)]
    with pytest.raises(api.ApiError) as error:
        shares.extend('x', 0)
    assert (error.value.status, error.value.message) == (400, message)


def test_waiting_for_a_state(manila: Manila, shares: client.Client) -> None:
    manila.answers = [(200, {'share': {'status': status}})
                      for status in ('creating', 'creating', 'available')]
    assert shares.wait_share('x')['status'] == 'available'


def test_waiting_ends_at_an_error(manila: Manila,
                                  shares: client.Client) -> None:
    manila.answers = [(200, {'share': {'status': 'error'}})]
    with pytest.raises(client.WaitFailure,
                       match='became error instead of available'):
        shares.wait_share('x')
    assert len(manila.asked) == 1


def test_waiting_has_an_end(manila: Manila, shares: client.Client) -> None:
    manila.answers = [(200, {'share': {'status': 'creating'}})]
    with pytest.raises(client.WaitFailure, match=r'waited 0.2 s for share x'):
        shares.wait_share('x')


def test_gone_is_not_found(manila: Manila, shares: client.Client) -> None:
    manila.answers = [(200, {'share': {'status': 'deleting'}}),
                      (404, {'itemNotFound': {'message': 'gone'}})]
    shares.wait_share_gone('x')
    manila.answers = [(200, {'share': {'status': 'error_deleting'}})]
    with pytest.raises(client.WaitFailure, match='instead of going away'):
        shares.wait_share_gone('x')


def test_rules_settle(manila: Manila, shares: client.Client) -> None:
    manila.answers = [(200, {'access_list': [
        {'access_to': '10.0.0.1', 'state': state},
        {'access_to': '10.0.0.2', 'state': 'error'}]})
        for state in ('queued_to_apply', 'applying', 'active')]
    assert shares.wait_rules('x') == {'10.0.0.1': 'active',
                                      '10.0.0.2': 'error'}
    assert len(manila.asked) == 3


def test_old_releases_want_another_body(manila: Manila,
                                        shares: client.Client) -> None:
    manila.answers = [(400, {}), (202, b'')]
    shares.ensure_shares('h@b')
    assert [body for _, _, body in manila.asked] == [
        {'ensure_shares': {'host': 'h@b'}}, {'host': 'h@b'}]
