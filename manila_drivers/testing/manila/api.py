# SPDX-License-Identifier: Apache-2.0

"""Manila's REST API as calls: JSON in, plain values out, errors raised."""

import types
import typing as ty

import requests

Body = dict[str, ty.Any]
READ_SECONDS = 60.0
_NOTHING: ty.Mapping[str, object] = types.MappingProxyType({})
# Without Keystone the token is read as user:project, and all may everything.
TOKEN = 'admin:demo'


class ApiError(Exception):
    """The API refused; `status` is HTTP's, `message` what it said."""

    def __init__(self, verb: str, path: str, status: int, message: str
                 ) -> None:
        super().__init__('%s %s: %d %s' % (verb, path, status, message))
        self.status = status
        self.message = message


class Api:
    """One endpoint, such as http://127.0.0.1:8786/v2, at one microversion."""

    def __init__(self, endpoint: str, microversion: str) -> None:
        self.endpoint = endpoint
        self.microversion = microversion
        self._session = requests.Session()
        # Neither proxies nor .netrc: this is about this very machine.
        self._session.trust_env = False

    def get(self, path: str, **query: object) -> Body:
        return self.call('GET', path, query=query)

    def post(self, path: str, body: Body) -> Body:
        return self.call('POST', path, body)

    def put(self, path: str, body: Body) -> Body:
        return self.call('PUT', path, body)

    def delete(self, path: str) -> Body:
        return self.call('DELETE', path)

    def call(self, verb: str, path: str, body: Body | None = None,
             query: ty.Mapping[str, object] = _NOTHING) -> Body:
        """The answer's JSON, {} when there is none.

        :raises ApiError: the answer's status is 400 or above
        """
        answer = self._session.request(
            verb, self.endpoint + path, json=body,
            params={key: str(query[key]) for key in query},
            headers=self._headers(), timeout=READ_SECONDS)
        if answer.status_code >= 400:
            raise ApiError(verb, path, answer.status_code, _message(answer))
        return ty.cast(Body, answer.json()) if answer.content else {}

    def newest(self) -> str:
        """The newest microversion that this endpoint serves."""
        versions = self.call('GET', '/')['versions']
        return ty.cast(str, versions[-1]['version'])

    def _headers(self) -> dict[str, str]:
        return {'X-Auth-Token': TOKEN,
                'X-OpenStack-Manila-API-Version': self.microversion,
                'X-OpenStack-Manila-API-Experimental': 'true'}


def _message(answer: requests.Response) -> str:
    """Return the message of {"badRequest": {"code": 400, "message": ...}}."""
    try:
        for said in answer.json().values():
            return str(said['message'])
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return answer.text[:500]
