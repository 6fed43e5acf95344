# SPDX-License-Identifier: Apache-2.0

"""A plain client for the tests: no retries, no forgiveness."""

from http import cookiejar
from typing import Any

import requests

from manila_drivers.testing.simulators.vast import VmsAdapter
from manila_drivers.testing.simulators.vast import VmsSim


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Api:
    """Verbs on paths below ``/api/v1/``; status and JSON come back.

    Keeps no cookies unless ``cookies`` says so.
    """

    def __init__(self, sim: VmsSim, base: str = 'https://vms', *,
                 ca_file: str | None = None, cookies: bool = False) -> None:
        self.sim = sim
        self.base = f'{base}/api/v1/'
        self.session = requests.Session()
        self.session.trust_env = False
        if ca_file is None:
            self.session.mount('https://', VmsAdapter(sim))
        else:
            self.session.verify = ca_file
        if not cookies:
            self.session.cookies.set_policy(
                cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self.headers = {'Authorization': f'Api-Token {sim.api_token}'}
        self.timeout = (5.0, 5.0)

    def send(self, verb: str, path: str, body: Any = None,
             **settings: Any) -> requests.Response:
        settings.setdefault('headers', self.headers)
        settings.setdefault('timeout', self.timeout)
        if body is not None:
            settings['json'] = body
        return self.session.request(verb, self.base + path, **settings)

    def call(self, verb: str, path: str, body: Any = None,
             **settings: Any) -> tuple[int, Any]:
        response = self.send(verb, path, body, **settings)
        return response.status_code, (response.json() if response.content
                                      else None)

    def get(self, path: str, /) -> Any:
        status, content = self.call('GET', path)
        assert status == 200, content
        return content

    def post(self, path: str, /, **body: Any) -> Any:
        status, content = self.call('POST', path, body)
        assert status in (200, 201), content
        return content

    def patch(self, path: str, /, **body: Any) -> Any:
        status, content = self.call('PATCH', path, body)
        assert status == 200, content
        return content

    def refused(self, verb: str, path: str, body: Any = None) -> str:
        """The text of an answer that must be 400."""
        response = self.send(verb, path, body)
        assert response.status_code == 400, response.text
        return response.text

    def close(self) -> None:
        self.session.close()
