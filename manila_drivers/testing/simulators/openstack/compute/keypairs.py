# SPDX-License-Identifier: Apache-2.0

"""``/os-keypairs``: they belong to a user, not to a project."""

import base64
import binascii
import hashlib

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response


class KeyRequests:
    def __init__(self, store: novastore.ComputeStore) -> None:
        self.store = store
        self.world = store.world

    def routes(self) -> Routes:
        return {'GET /os-keypairs': self.index, 'POST /os-keypairs': self.add,
                'GET /os-keypairs/{name}': self.show,
                'DELETE /os-keypairs/{name}': self.delete}

    def user(self, ask: Ask) -> str:
        """Whose keys: an administrator may name another user, from 2.10 on.

        :raises Refusal: 403.
        """
        wanted = ask.param('user_id') if since(ask, '2.10') else None
        if wanted and wanted != ask.caller.user_id and not ask.caller.admin:
            raise wire.compute(403, "Policy doesn't allow os_compute_api:"
                                    'os-keypairs:index to be performed.')
        return wanted or ask.caller.user_id

    def told(self, ask: Ask, key: novastore.CloudKey) -> Record:
        told: Record = {'name': key.name, 'public_key': key.public_key,
                        'fingerprint': key.fingerprint}
        if since(ask, '2.2'):
            told['type'] = 'ssh'
        return told

    def index(self, ask: Ask) -> Response:
        user = self.user(ask)
        keys = [key for key in self.store.keys.values()
                if key.user_id == user]
        keys.sort(key=lambda key: key.name)
        if not since(ask, '2.35'):
            return found(200, {'keypairs': [
                {'keypair': self.told(ask, key)} for key in keys]})
        options = self.world.options
        body = wire.paged(ask, [{'id': key.name, 'key': key} for key in keys],
                          'keypairs', most=options.page_limit,
                          below=options.link_url)
        body['keypairs'] = [{'keypair': self.told(ask, each['key'])}
                            for each in body['keypairs']]
        return found(200, body)

    def one(self, ask: Ask, name: str) -> novastore.CloudKey:
        user = self.user(ask)
        if (user, name) not in self.store.keys:
            raise wire.compute(404, f'Keypair {name} not found for user '
                                    f'{user}')
        return self.store.keys[user, name]

    def show(self, ask: Ask, name: str) -> Response:
        key = self.one(ask, name)
        return found(200, {'keypair': {
            **self.told(ask, key), 'user_id': key.user_id, 'id': key.number,
            'created_at': self.world.moment('.000000', at=key.born),
            'updated_at': None, 'deleted': False, 'deleted_at': None}})

    def add(self, ask: Ask) -> Response:
        body = ask.inner('keypair')
        schema.check(ask, body, {
            'name': schema.some, 'public_key': schema.text,
            'user_id': schema.some, 'type': schema.one_of('ssh', 'x509')})
        name = novastore.required(body, 'name', 'keypair')
        if since(ask, '2.92') or not body.get('public_key'):
            novastore.required(body, 'public_key', 'keypair')
        fingerprint = _fingerprint(str(body['public_key']))
        user = str(body.get('user_id') or ask.caller.user_id)
        owned = [key for key in self.store.keys.values()
                 if key.user_id == user]
        if (user, name) in self.store.keys:
            raise wire.compute(409, f"Key pair '{name}' already exists.")
        limit = self.store.quota(ask.caller.project_id)['key_pairs']
        if 0 <= limit <= len(owned):
            raise wire.compute(403, 'Quota exceeded, too many key pairs.')
        key = novastore.CloudKey(str(name), user, body['public_key'],
                                 fingerprint,
                       self.world.now, len(self.store.keys) + 1)
        self.store.keys[user, key.name] = key
        return found(201 if since(ask, '2.2') else 200, {
            'keypair': {**self.told(ask, key), 'user_id': user}})

    def delete(self, ask: Ask, name: str) -> Response:
        key = self.one(ask, name)
        del self.store.keys[key.user_id, key.name]
        return Response(204 if since(ask, '2.2') else 202)


def _fingerprint(public_key: str) -> str:
    """:raises Refusal: 400, no key."""
    parts = public_key.split()
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (IndexError, binascii.Error):
        blob = b''
    if len(blob) < 20 or not parts[0].startswith(('ssh-', 'ecdsa-', 'sk-')):
        raise wire.compute(400, 'Keypair data is invalid: failed to generate '
                                'fingerprint')
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ':'.join(digest[at:at + 2] for at in range(0, 32, 2))
