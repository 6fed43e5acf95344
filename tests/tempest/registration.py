# SPDX-License-Identifier: Apache-2.0

"""Set up what a run needs in its services, as their administrator.

Asked for directly: the command-line client takes seconds to start, and more
than a dozen things are set up.
"""

from typing import Any

from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from tests.tempest import configs
from tests.tempest.layout import Layout
from tests.tempest.layout import PASSWORD

_DOMAIN = 'default'
_REGION = 'RegionOne'


class Administrator:
    """Somebody who may do everything, in the project ``admin``."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._session = keystone_session.Session(v3.Password(
            layout.keystone_url, username='admin', password=PASSWORD,
            project_name='admin', user_domain_id=_DOMAIN,
            project_domain_id=_DOMAIN))

    def register(self) -> None:
        """Make the user of Manila, its service and its endpoints."""
        project = self._made('project', name='service', domain_id=_DOMAIN)
        user = self._made('user', name='manila', password=PASSWORD,
                          domain_id=_DOMAIN, default_project_id=project)
        for role in ('admin', 'service'):
            self._identity('PUT', f'projects/{project}/users/{user}/roles/'
                                  + self._role(role))
        service = self._made('service', name='manilav2', type='sharev2')
        for interface in ('public', 'internal', 'admin'):
            self._made('endpoint', interface=interface, region_id=_REGION,
                       service_id=service, url=self._layout.manila_url)

    def make_default_type(self, backends: configs.Backends) -> None:
        """Make the share type of those who name none."""
        specs = {'driver_handles_share_servers': False,
                 'snapshot_support': True,
                 'create_share_from_snapshot_support': True}
        if backends.reverts:
            # False would ask for a driver that cannot.
            specs['revert_to_snapshot_support'] = True
        self._session.post(
            self._layout.manila_url + '/types',
            headers={'X-OpenStack-Manila-API-Version': '2.60'},
            json={'share_type': {
                'name': 'default', 'share_type_access:is_public': True,
                'extra_specs': {name: str(each)
                                for name, each in specs.items()}}})

    def _role(self, name: str) -> str:
        [role] = self._identity('GET', 'roles?name=' + name)['roles']
        return str(role['id'])

    def _made(self, kind: str, **fields: object) -> str:
        told = self._identity('POST', kind + 's', {kind: fields})
        return str(told[kind]['id'])

    def _identity(self, verb: str, path: str, body: object = None) -> Any:
        """:raises ClientException: Keystone refuses, or does not answer."""
        answer = self._session.request(
            f'{self._layout.keystone_url}/{path}', verb, json=body)
        return answer.json() if answer.content else None
