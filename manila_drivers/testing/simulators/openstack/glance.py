# SPDX-License-Identifier: Apache-2.0

"""Glance: images, as far as finding one goes."""

from typing import Any
from urllib.parse import urlencode

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.keystone import Keystone
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Gateway
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

FILTERS = ('name', 'status', 'visibility', 'owner', 'id')
PAGING = ('limit', 'marker', 'sort', 'sort_key', 'sort_dir')


class Glance(Gateway):
    """Images.  Errors are pages of HTML, and links are paths."""

    name = 'image'

    def __init__(self, world: World, keystone: Keystone) -> None:
        super().__init__(world, keystone)
        self.images: dict[str, Record] = {}
        self.add({'GET /images': self.index, 'GET /images/{ident}': self.show,
                  'POST /images': self.create,
                  'PUT /images/{ident}/file': self.upload,
                  'DELETE /images/{ident}': self.delete,
                  'GET /images/{ident}/members': self.members,
                  'POST /images/{ident}/members': self.add_member,
                  'PUT /images/{ident}/members/{member}': self.accept})
        #: Status by project, by image.
        self.shared: dict[str, dict[str, str]] = {}

    # The front

    def discover(self, request: Request, path: str) -> Response | None:
        if request.verb != 'GET' or path not in ('', '/', '/versions',
                                                 '/versions/'):
            return None
        versions = [{
            'id': f'v2.{minor}',
            'status': 'CURRENT' if minor == 17 else 'SUPPORTED',
            'links': [{'rel': 'self', 'href': f'{self.url}/v2/'}]}
            for minor in (17, 16, 15, 9, 7, 6, 5, 4, 3, 2, 1, 0)]
        status = 200 if path.startswith('/versions') else 300
        return found(status, {'versions': versions})

    def place(self, path: str, caller: Caller) -> str:
        if not path.startswith('/v2/'):
            raise self.nowhere()
        return path[3:]

    def unauthenticated(self) -> Refusal:
        return wire.image(401, 'This server could not verify that you are '
                          'authorized to access the document you requested. '
                          'Either you supplied the wrong credentials (e.g., '
                          'bad password), or your browser does not '
                          'understand how to supply the credentials '
                          'required.')

    def body(self, request: Request) -> Record:
        if request.path.endswith('/file'):
            return {'size': len(request.body)}
        return super().body(request)

    # Administration

    def put(self, name: str, owner: str, *, status: str = 'active',
            visibility: str = 'public', **more: Any) -> Record:
        """Store an image."""
        ident = self.world.uuid()
        now = self.world.moment('Z')
        stored: Record = {
            'id': ident, 'name': name, 'status': status, 'owner': owner,
            'visibility': visibility, 'disk_format': 'qcow2',
            'container_format': 'bare', 'min_disk': 0, 'min_ram': 0,
            'protected': False, 'os_hidden': False, 'tags': [],
            'size': 2 ** 30 if status == 'active' else None,
            'virtual_size': None, 'checksum': None, 'os_hash_algo': None,
            'os_hash_value': None, 'created_at': now, 'updated_at': now,
            'self': f'/v2/images/{ident}', 'file': f'/v2/images/{ident}/file',
            'schema': '/v2/schemas/image', **more}
        if status == 'active':
            stored['stores'] = 'file'
        self.images[ident] = stored
        return stored

    # Requests

    def visible(self, record: Record, caller: Caller) -> bool:
        return (caller.admin or record['owner'] == caller.project_id
                or record['visibility'] == 'public'
                or self.shared.get(record['id'], {}).get(
                    caller.project_id) == 'accepted')

    def one(self, ident: str, caller: Caller) -> Record:
        """:raises Refusal: 404, no such image, or none of the caller's."""
        record = self.images.get(ident)
        if record is None or not self.visible(record, caller):
            raise wire.image(404, f'No image found with ID {ident}')
        return record

    def index(self, ask: Ask) -> Response:
        records = [record for record in self.images.values()
                   if self.visible(record, ask.caller) and all(
                       str(record.get(key)) == value
                       for key, value in ask.params if key not in PAGING)]
        records.sort(key=lambda record: self.world.order(record['id'], 0.0))
        size = self.options.image_page_limit
        limit = number(ask.param('limit'))
        if limit is None and ask.param('limit') is not None:
            raise wire.image(400, 'limit param must be an integer')
        if limit is not None:
            size = min(limit, self.options.page_limit)
        marker, start = ask.param('marker'), 0
        if marker is not None:
            if marker not in [each['id'] for each in records]:
                raise wire.image(400, f'No image found with ID {marker}')
            start = 1 + [each['id'] for each in records].index(marker)
        query = urlencode([pair for pair in ask.params
                           if pair[0] != 'marker'])
        body: Record = {'images': records[start:start + size],
                        'first': '/v2/images' + (f'?{query}' if query
                                                 else ''),
                        'schema': '/v2/schemas/images'}
        if size and start + size < len(records):
            last = body['images'][-1]['id']
            body['next'] = f'/v2/images?marker={last}' + (
                f'&{query}' if query else '')
        return found(200, body)

    def show(self, ask: Ask, ident: str) -> Response:
        return found(200, self.one(ident, ask.caller))

    def create(self, ask: Ask) -> Response:
        known = {**ask.body}
        name = known.pop('name', '')
        visibility = known.pop('visibility', 'shared')
        if visibility == 'public' and not ask.caller.admin:
            raise wire.image(403, 'You are not authorized to complete '
                                  'publicize_image action.')
        return found(201, self.put(name, ask.caller.project_id,
                                   status='queued', visibility=visibility,
                                   **known))

    def upload(self, ask: Ask, ident: str) -> Response:
        record = self.one(ident, ask.caller)
        if record['status'] != 'queued':
            raise wire.image(409, 'Image status transition from '
                             f'{record["status"]} to saving is not allowed')
        record.update(status='active', stores='file', size=ask.body['size'])
        return Response(204)

    def delete(self, ask: Ask, ident: str) -> Response:
        record = self.one(ident, ask.caller)
        if not ask.caller.admin and record['owner'] != ask.caller.project_id:
            raise wire.image(403, 'You are not authorized to complete '
                                  'delete_image action.')
        del self.images[ident]
        return Response(204)

    # Members of shared images

    def _shared(self, ask: Ask, ident: str) -> dict[str, str]:
        """:raises Refusal: 404 no such image, 403 it is not a shared one."""
        record = self.images.get(ident)
        known = self.shared.setdefault(ident, {})
        if record is None or not (self.visible(record, ask.caller)
                                  or ask.caller.project_id in known):
            raise wire.image(404, f'Image {ident} not found.')
        if record['visibility'] != 'shared':
            raise wire.image(403, 'Only shared images have members.')
        return known

    def members(self, ask: Ask, ident: str) -> Response:
        known = self._shared(ask, ident)
        mine = ask.caller.admin or (
            self.images[ident]['owner'] == ask.caller.project_id)
        return found(200, {'members': [
            self._member(ident, project) for project in known
            if mine or project == ask.caller.project_id],
            'schema': '/v2/schemas/members'})

    def _member(self, ident: str, project: str) -> Record:
        return {'image_id': ident, 'member_id': project,
                'status': self.shared[ident][project],
                'schema': '/v2/schemas/member'}

    def add_member(self, ask: Ask, ident: str) -> Response:
        project = str(ask.body.get('member'))
        self._shared(ask, ident).setdefault(project, 'pending')
        return found(200, self._member(ident, project))

    def accept(self, ask: Ask, ident: str, member: str) -> Response:
        self._shared(ask, ident)[member] = str(ask.body.get('status'))
        return found(200, self._member(ident, member))
