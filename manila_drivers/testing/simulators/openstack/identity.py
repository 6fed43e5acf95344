# SPDX-License-Identifier: Apache-2.0

"""Keystone's API, as far as getting tokens goes."""

import hmac
import time
from typing import Any

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.keystone import AppCredential
from manila_drivers.testing.simulators.openstack.keystone import CloudProject
from manila_drivers.testing.simulators.openstack.keystone import CloudToken
from manila_drivers.testing.simulators.openstack.keystone import CloudUser
from manila_drivers.testing.simulators.openstack.keystone import DOMAIN
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Gateway
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

#: Type of a service -> name, and what follows the host in its URL.
SERVICES = {
    'placement': ('placement', '/placement'),
    'image': ('glance', '/image'),
    'compute': ('nova', '/compute/v2.1'),
    'network': ('neutron', '/network'),
    'volumev3': ('cinderv3', '/volume/v3/{project}'),
    'block-storage': ('cinder', '/volume/v3/{project}'),
    'identity': ('keystone', '/identity')}
INTERFACES = ('public', 'internal', 'admin')


class Identity(Gateway):
    """``POST /v3/auth/tokens`` and what belongs to it."""

    name = 'identity'

    def discover(self, request: Request, path: str) -> Response | None:
        if request.verb not in ('GET', 'HEAD'):
            return None
        about = {
            'id': 'v3.14', 'status': 'stable',
            'updated': '2020-04-07T00:00:00Z',
            'links': [{'rel': 'self', 'href': f'{self.url}/v3/'}],
            'media-types': [{
                'base': 'application/json',
                'type': 'application/vnd.openstack.identity-v3+json'}]}
        if path in ('', '/'):
            return found(300, {'versions': {'values': [about]}})
        if path in ('/v3', '/v3/'):
            return found(200, {'version': about})
        return None

    def place(self, path: str, caller: Caller) -> str:
        raise self.nowhere()

    def nowhere(self) -> Refusal:
        return wire.refused('identity', 404, wire.NO_RESOURCE)

    def _routed(self, request: Request, path: str,
                request_id: str) -> Response:
        if path != '/v3/auth/tokens':
            raise self.nowhere()
        if request.verb == 'POST':
            return self.log_in(self.body(request))
        if self.keystone.held(request.headers.get('x-auth-token')) is None:
            raise self.refuse()
        subject = self.keystone.held(request.headers.get('x-subject-token'))
        if subject is None:
            raise wire.refused('identity', 404,
                               'Could not recognize Fernet token')
        if request.verb == 'DELETE':
            del self.keystone.tokens[subject.id]
            return Response(204)
        return self.told(200, subject)

    def refuse(self) -> Refusal:
        return wire.refused('identity', 401, wire.NOT_AUTHENTICATED)

    # POST

    def log_in(self, body: Record) -> Response:
        """:raises Refusal: 400 not understood, 401 not let in."""
        auth = _inner(body, 'auth')
        identity = _inner(auth, 'identity')
        methods = identity.get('methods')
        if not isinstance(methods, list) or not methods:
            raise wire.refused('identity', 400, "'methods' is a required "
                                                'property')
        if methods == ['application_credential']:
            if 'scope' in auth:
                raise wire.refused(
                    'identity', 401, 'Application credentials cannot request '
                                     'a scope.')
            credential = self.credential(
                _inner(identity, 'application_credential'))
            return self.told(201, self.keystone.issue(
                credential.user, credential.project, methods[0],
                credential.roles, credential))
        if methods == ['password']:
            user = self.user(_inner(_inner(identity, 'password'), 'user'))
        elif methods == ['token']:
            held = self.keystone.held(_inner(identity, 'token').get('id'))
            if held is None:
                raise self.refuse()
            user = held.user
        else:
            raise self.refuse()
        project = self.scope(auth.get('scope'), user)
        roles = frozenset(user.roles.get(project.id, ()) if project else ())
        return self.told(201, self.keystone.issue(user, project, methods[0],
                                                  roles))

    def user(self, told: Record) -> CloudUser:
        for user in self.keystone.users.values():
            if 'id' in told:
                same = told['id'] == user.id
            else:
                same = told.get('name') == user.name and _default(told)
            if same and user.enabled and _equal(told.get('password'),
                                                user.password):
                return user
        raise self.refuse()

    def credential(self, told: Record) -> AppCredential:
        """By its id, or by its name and user."""
        for credential in self.keystone.credentials.values():
            if 'id' in told:
                same = told['id'] == credential.id
            else:
                user = told.get('user') or {}
                same = told.get('name') == credential.name and (
                    user.get('id') == credential.user.id
                    or user.get('name') == credential.user.name
                    and _default(user))
            if same and credential.user.enabled and _equal(
                    told.get('secret'), credential.secret):
                return credential
        raise self.refuse()

    def scope(self, told: Any, user: CloudUser) -> CloudProject | None:
        """The project of a token; None if it is for none.

        :raises Refusal: 401, no such project, or none of the user's.
        """
        if told == 'unscoped':
            return None
        if not told:
            return self.keystone.projects.get(user.default_project or '')
        project = told.get('project') if isinstance(told, dict) else None
        if not isinstance(project, dict):
            raise self.refuse()
        for each in self.keystone.projects.values():
            if 'id' in project:
                same = project['id'] == each.id
            else:
                same = project.get('name') == each.name and _default(project)
            if same and each.enabled and user.roles.get(each.id):
                return each
        raise self.refuse()

    # Answers

    def told(self, status: int, token: CloudToken) -> Response:
        # Clients compare these with the time of their own machine, and would
        # take a token for old if a test's clock went behind it.
        ahead = time.time() - self.world.now
        body: Record = {
            'methods': [token.method],
            'user': {'domain': DOMAIN, 'id': token.user.id,
                     'name': token.user.name, 'password_expires_at': None},
            'audit_ids': [self.world.hex(22)],
            'expires_at': self.world.moment('Z', micro=True,
                                            at=token.expires + ahead),
            'issued_at': self.world.moment('Z', micro=True,
                                           at=token.issued + ahead)}
        if token.credential is not None:
            body['application_credential'] = {
                'id': token.credential.id, 'name': token.credential.name,
                'restricted': True}
        if token.project is not None:
            body['project'] = {'domain': DOMAIN, 'id': token.project.id,
                               'name': token.project.name}
            body['is_domain'] = False
            body['roles'] = [{'id': f'role-{name}', 'name': name}
                             for name in sorted(token.roles)]
            body['catalog'] = self.catalog(token.project)
        return found(status, {'token': body}, X_Subject_Token=token.id,
                     Vary='X-Auth-Token')

    def catalog(self, project: CloudProject) -> list[Record]:
        """Every service in every region, by every interface."""
        return [{
            'endpoints': [
                {'id': f'{kind}-{region}-{interface}', 'interface': interface,
                 'region_id': region, 'region': region,
                 'url': self.host(region) + path.format(project=project.id)}
                for region in self.options.regions
                for interface in INTERFACES],
            'id': f'service-{kind}', 'type': kind, 'name': name}
            for kind, (name, path) in SERVICES.items()]

    def host(self, region: str) -> str:
        """Other regions exist and do not answer."""
        if region == 'RegionOne':
            return self.world.url
        return f'http://{region.lower()}.invalid'


def _inner(body: Record, name: str) -> Record:
    """:raises Refusal: 400, it is not there."""
    found = body.get(name)
    if not isinstance(found, dict):
        raise wire.refused('identity', 400,
                           f'{name!r} is a required property')
    return found


def _default(told: Record) -> bool:
    """The domain that goes with a name is the only one."""
    domain = told.get('domain')
    return isinstance(domain, dict) and any(
        domain.get(key) == value for key, value in DOMAIN.items())


def _equal(told: Any, secret: str) -> bool:
    return isinstance(told, str) and hmac.compare_digest(told.encode(),
                                                         secret.encode())
