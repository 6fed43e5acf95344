# SPDX-License-Identifier: Apache-2.0

"""From a URL to the method that answers it."""

import json
import re
from typing import NamedTuple
from urllib.parse import parse_qsl
from urllib.parse import quote

from manila_drivers.testing.simulators.vast import telling
from manila_drivers.testing.simulators.vast.auth import Auth
from manila_drivers.testing.simulators.vast.resources import RESOURCES
from manila_drivers.testing.simulators.vast.resources.base import Handler
from manila_drivers.testing.simulators.vast.resources.base import Resource
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import ApiError
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import not_found
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

_URL = re.compile(r'/api(?:/(?:v\d+|latest))?/(.*)')


class Target(NamedTuple):
    """``/api/v1/snapshots/5/clone/`` in its parts."""

    resource: str
    ident: int | None
    action: str


class Router:
    """Routing, authentication and the reading of bodies.

    URLs end in a slash.  Without it a GET is redirected and anything else
    is not found, since a redirect would lose its body.
    """

    def __init__(self, state: State, auth: Auth) -> None:
        self.auth = auth
        self.resources: dict[str, Resource] = {
            name: kind(state) for name, kind in RESOURCES.items()}
        self.handlers: dict[tuple[str, str, bool, str], Handler] = {}
        for name, resource in self.resources.items():
            for (verb, numbered, action), handler in (
                    resource.routes().items()):
                self.handlers[name, verb, numbered, action] = handler

    def answer(self, request: Request) -> Response:
        """Never raises: refusals are answers too."""
        try:
            return self.route(request)
        except ApiError as refusal:
            headers = ({'WWW-Authenticate': 'Bearer realm="api"'}
                       if refusal.status == 401 else {})
            return answer(refusal.status, refusal.body, headers)

    def route(self, request: Request) -> Response:
        match = _URL.fullmatch(request.path)
        if match is None:
            return Response(404, b'<html><h1>Not Found</h1></html>',
                            {'Content-Type': 'text/html'})
        rest = match[1]
        if rest and not rest.endswith('/'):
            return self.without_slash(request)
        parts = rest.split('/')[:-1]
        if parts[:1] == ['token']:
            return self.token(request, parts[1:])
        user = self.auth.identify(request.headers)
        if not parts:
            return self.description(request)
        self.auth.check_cookie(request)
        target = self.target(parts)
        self.auth.permit(user, request.verb, target.resource)
        state = self.auth.state
        if telling.lacks(state, request.verb, target.resource,
                         target.action):
            if state.options.missing_route_page:
                return telling.page()
            raise not_found()
        call = Call(request.verb, *target, request.path,
                    parse_qsl(request.query, keep_blank_values=True),
                    body_of(request),
                    self.auth.scope(user, request.headers))
        telling.taken(state.options, call)
        return telling.told(state, call,
                            self.handler(target, request.verb)(call))

    def without_slash(self, request: Request) -> Response:
        if request.verb != 'GET':
            raise not_found()
        query = f'?{quote(request.query, "=&%+/,")}' if request.query else ''
        return Response(301, b'', {
            'Location': f'{quote(request.path)}/{query}'})

    def target(self, parts: list[str]) -> Target:
        """:raises ApiError: 404, nothing is there."""
        resource, *rest = parts
        if resource not in self.resources or len(rest) > 2:
            raise not_found()
        ident = number(rest[0]) if rest else None
        if ident is not None:
            return Target(resource, ident, ''.join(rest[1:]))
        if len(rest) == 2:
            raise not_found()
        return Target(resource, None, ''.join(rest))

    def handler(self, target: Target, verb: str) -> Handler:
        """:raises ApiError: 404 or 405."""
        numbered = target.ident is not None
        handler = self.handlers.get(
            (target.resource, verb, numbered, target.action))
        if handler is not None:
            return handler
        if any(key[0] == target.resource and key[2:] == (
                numbered, target.action) for key in self.handlers):
            raise detail(405, f'Method "{verb}" not allowed.')
        raise not_found()

    def token(self, request: Request, rest: list[str]) -> Response:
        if rest not in ([], ['refresh']):
            raise not_found()
        if request.verb != 'POST':
            raise detail(405, f'Method "{request.verb}" not allowed.')
        body = body_of(request)
        if rest:
            return self.auth.refresh(body)
        return self.auth.login(body, request.headers.get('x-tenant-name'))

    def description(self, request: Request) -> Response:
        """The API described by itself, as far as it goes."""
        paths: Record = {}
        for name, verb, numbered, action in self.handlers:
            parts = [name, *(['{id}'] if numbered else []),
                     *([action] if action else [])]
            paths.setdefault(f'/{"/".join(parts)}/', {})[verb.lower()] = {
                'responses': {'default': {'description': ''}}}
        return answer(200, {
            'openapi': '3.0.3', 'paths': paths,
            'info': {'title': 'VMS simulator',
                     'version': self.auth.state.options.sw_version}})


def body_of(request: Request) -> Record:
    """The JSON object that a request carries; none is an empty one.

    :raises ApiError: 415 not announced as JSON, 400 not a JSON object.
    """
    if not request.body:
        return {}
    kind = (request.headers.get('content-type') or '').partition(';')[0]
    if kind.strip().lower() != 'application/json':
        raise detail(415, f'Unsupported media type "{kind}" in request.')
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise detail(400, f'JSON parse error - {error}') from None
    if not isinstance(body, dict):
        raise ApiError(400, {'non_field_errors': [
            ('Invalid data. Expected a dictionary, but got '
            f'{type(body).__name__}.')]})
    return body
