# SPDX-License-Identifier: Apache-2.0

"""Who may talk to VMS: passwords, token pairs and API tokens."""

import base64
from collections.abc import Mapping
import dataclasses
import json
import secrets
from typing import NamedTuple

from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import ApiError
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

SAFE = frozenset(('GET', 'HEAD', 'OPTIONS'))

# What every token of a login begins with.
TOKEN_HEAD = 'eyJhbGciOiJIUzI1NiJ9'  # noqa: S105 - opens nothing

INVALID_TOKEN: Record = {
    'detail': 'Given token not valid for any token type',
    'code': 'token_not_valid',
    'messages': [{'token_class': 'AccessToken', 'token_type': 'access',
                  'message': 'Token is invalid or expired'}]}
DENIED: Record = {
    'detail': 'You do not have permission to perform this action.',
    'code': 'permission_denied'}


@dataclasses.dataclass
class User:
    """``tenant_id`` is None for an administrator of the whole cluster."""

    name: str
    password: str
    tenant_id: int | None = None


class Grant(NamedTuple):
    """A token and until when it holds."""

    user: User
    expires: float


class Auth:
    """Users, tokens, and counters of their use.

    Not thread-safe; the simulator's lock is held around each request.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.users: list[User] = []
        self.access: dict[str, Grant] = {}
        self.refreshing: dict[str, Grant] = {}
        self.api_tokens: dict[str, Grant] = {}
        self.logins = 0
        self.refreshes = 0

    # Token pairs

    def login(self, body: Record, tenant: str | None) -> Response:
        """``POST token/``."""
        for field in ('username', 'password'):
            if field not in body:
                raise field_error(field, 'This field is required.')
            if body[field] is None:
                raise field_error(field, 'This field may not be null.')
        user = self.find(body['username'], body['password'], tenant)
        if user is None:
            raise detail(401, 'No active account found with the given '
                              'credentials')
        self.logins += 1
        return self.pair(user)

    def refresh(self, body: Record) -> Response:
        """``POST token/refresh/``."""
        token = body.get('refresh')
        if not isinstance(token, str):
            raise field_error('refresh', 'This field is required.')
        grant = self.refreshing.get(token)
        if grant is None or grant.expires <= self.now:
            raise ApiError(401, {'detail': 'Token is invalid or expired',
                                 'code': 'token_not_valid'})
        if self.state.options.refresh_rotates:
            del self.refreshing[token]
        self.refreshes += 1
        return self.pair(grant.user)

    def pair(self, user: User) -> Response:
        options = self.state.options
        self.forget_expired()
        access = self.token(user, 'access')
        refresh = self.token(user, 'refresh')
        self.access[access] = Grant(
            user, self.now + options.access_token_lifetime)
        self.refreshing[refresh] = Grant(
            user, self.now + options.refresh_token_lifetime)
        headers = ({'Set-Cookie': f'sessionid={secrets.token_hex(8)}; '
                                  'Path=/; HttpOnly; Secure'}
                   if options.session_cookie else {})
        return answer(200, {'access': access, 'refresh': refresh}, headers)

    def token(self, user: User, kind: str) -> str:
        """Looks like a JWT; means nothing but itself."""
        claims = json.dumps({'token_type': kind, 'user': user.name,
                             'jti': secrets.token_hex(8)})
        return '.'.join((
            TOKEN_HEAD,
            base64.urlsafe_b64encode(claims.encode()).decode().rstrip('='),
            secrets.token_urlsafe(32)))

    def new_api_token(self, user: User, lifetime: float) -> str:
        token = secrets.token_urlsafe(32)
        self.api_tokens[token] = Grant(user, self.now + lifetime)
        return token

    def expire(self, *, refresh: bool = False) -> None:
        """Let every access token end now, and the refresh tokens if told."""
        self.access.clear()
        if refresh:
            self.refreshing.clear()

    def forget_expired(self) -> None:
        if len(self.access) + len(self.refreshing) < 1000:
            return
        for grants in (self.access, self.refreshing):
            for token in [token for token, grant in grants.items()
                          if grant.expires <= self.now]:
                del grants[token]

    # Each request

    @property
    def now(self) -> float:
        return self.state.timeline.clock()

    def find(self, name: object, password: object,
             tenant: str | None) -> User | None:
        """A tenant's users log in with the tenant's name beside theirs."""
        for user in self.users:
            if (user.name, user.password) == (name, password) and (
                    user.tenant_id is None or tenant is not None
                    and self.state.tenant_name(user.tenant_id) == tenant):
                return user
        return None

    def identify(self, headers: Mapping[str, str]) -> User:
        """The user behind the Authorization header.

        :raises ApiError: 401 or 403, as VMS answers for that scheme.
        """
        scheme, _, value = (headers.get('authorization') or '').partition(' ')
        if scheme == 'Bearer':
            return self.held(self.access, value, INVALID_TOKEN)
        if scheme == 'Api-Token' and self.state.version >= (5, 3):
            return self.held(self.api_tokens, value,
                             {'detail': 'Invalid or expired API token.'})
        if scheme == 'Basic':
            return self.basic(value, headers.get('x-tenant-name'))
        raise detail(401, 'Authentication credentials were not provided.')

    def held(self, grants: Mapping[str, Grant], token: str,
             refusal: Record) -> User:
        grant = grants.get(token)
        if grant is None or grant.expires <= self.now:
            raise ApiError(403, refusal)
        return grant.user

    def basic(self, value: str, tenant: str | None) -> User:
        try:
            name, _, password = base64.b64decode(
                value, validate=True).decode().partition(':')
        except ValueError:
            raise detail(401, 'Invalid basic header.') from None
        user = self.find(name, password, tenant)
        if user is None:
            raise detail(401, 'Invalid username/password.')
        return user

    def scope(self, user: User, headers: Mapping[str, str]) -> int | None:
        """The only tenant whose objects the request sees, or None for all.

        :raises ApiError: 403, the header names a tenant that is unknown or
            not the user's.
        """
        name = headers.get('x-tenant-name')
        if not name:
            return user.tenant_id
        try:
            tenant_id: int = self.state.tenant(name)['id']
        except KeyError:
            raise ApiError(403, DENIED) from None
        if user.tenant_id not in (None, tenant_id):
            raise ApiError(403, DENIED)
        return tenant_id

    def permit(self, user: User, verb: str, resource: str) -> None:
        """:raises ApiError: 403, the role lacks the right."""
        options = self.state.options
        denied = options.permission_denied
        if resource in denied or f'{verb} {resource}' in denied or (
                user.tenant_id is not None
                and resource in options.tenant_admin_denied):
            raise ApiError(403, DENIED)

    def check_cookie(self, request: Request) -> None:
        """A kept session cookie switches cross-site checks on.

        :raises ApiError: 403, a write with the cookie.
        """
        if request.verb not in SAFE and 'sessionid=' in (
                request.headers.get('cookie') or ''):
            raise detail(403, 'CSRF Failed: CSRF token missing.')
