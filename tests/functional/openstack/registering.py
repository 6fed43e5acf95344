# SPDX-License-Identifier: Apache-2.0

"""Entries of a new cloud: users, endpoints, images, types."""

import pathlib

from tests.functional.openstack import places
from tests.functional.openstack.api import Api
from tests.functional.openstack.api import Body
from tools.service_image import building
from tools.service_image import recipe

#: A project like any other, and who works in it.
TENANT = 'tenant'


class Identity:
    """Keystone's API, as far as a new cloud needs it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        api.catalog.setdefault('identity', places.IDENTITY)
        self._roles = {each['name']: each['id'] for each in api.listed(
            'identity', '/roles', 'roles')}

    def project(self, name: str) -> str:
        made = self._api.post('identity', '/projects', {'project': {
            'name': name, 'domain_id': 'default'}})
        return str(made['id'])

    def user(self, name: str, project: str, *roles: str) -> str:
        """Make a user with these roles in a project; return its id."""
        made = self._api.post('identity', '/users', {'user': {
            'name': name, 'password': places.PASSWORD,
            'domain_id': 'default', 'default_project_id': project}})
        for role in roles:
            self._api.do('identity', 'PUT', f'/projects/{project}/users/'
                         f'{made["id"]}/roles/{self._roles[role]}')
        return str(made['id'])

    def endpoint(self, kind: str, name: str, url: str) -> None:
        service = self._api.post('identity', '/services', {'service': {
            'name': name, 'type': kind}})
        for interface in ('public', 'internal', 'admin'):
            self._api.post('identity', '/endpoints', {'endpoint': {
                'service_id': service['id'], 'interface': interface,
                'url': url, 'region_id': places.REGION}})


def identities() -> None:
    """Register all services, their users, and a tenant."""
    identity = Identity(Api())
    service = identity.project('service')
    for user in dict.fromkeys(user for _, user, _ in
                              places.CATALOG.values()):
        identity.user(user, service, 'admin', 'service')
    for kind, (name, _, url) in places.CATALOG.items():
        identity.endpoint(kind, name, url)
    identity.user(TENANT, identity.project(TENANT), 'member')


def contents(files: pathlib.Path) -> None:
    """Upload the service image; make the flavor and the volume types.

    :param files: the directory that it was built into
    """
    api = Api()
    kernel = _upload(api, f'{places.IMAGE}-kernel', 'aki', 'aki',
                     files / building.KERNEL)
    initrd = _upload(api, f'{places.IMAGE}-initrd', 'ari', 'ari',
                     files / building.INITRD)
    properties = recipe.properties(kernel, initrd)
    # Emulated processors are spared what protects real ones.
    properties['os_command_line'] += ' mitigations=off'
    _upload(api, places.IMAGE, 'qcow2', 'bare', files / building.DISK,
            properties)
    api.post('compute', '/flavors', {'flavor': {
        'name': 'service', 'id': places.FLAVOR, 'ram': 512, 'vcpus': 1,
        'disk': 0}})
    for name in places.BACKENDS:
        made = api.post('volumev3', '/types', {'volume_type': {
            'name': name}})
        api.post('volumev3', f'/types/{made["id"]}/extra_specs', {
            'extra_specs': {'volume_backend_name': name}})


def _upload(api: Api, name: str, kind: str, container: str,
            file: pathlib.Path, properties: Body | None = None) -> str:
    made = api.ask('image', 'POST', '/images', {
        'name': name, 'disk_format': kind, 'container_format': container,
        'visibility': 'public', **(properties or {})}).body
    with file.open('rb') as content:
        answer = api.ask(
            'image', 'PUT', f'/images/{made["id"]}/file', data=content,
            headers={'Content-Type': 'application/octet-stream'})
    assert answer.status == 204, answer
    return str(made['id'])
