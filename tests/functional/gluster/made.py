#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Rows as Manila hands them to drivers."""

import typing as ty
import uuid

Row = dict[str, ty.Any]


def share(size: int = 1, **fields: ty.Any) -> Row:
    return {'id': str(uuid.uuid4()), 'share_id': str(uuid.uuid4()),
            'share_proto': 'GLUSTERFS', 'size': size, **fields}


def snapshot(of: Row, **fields: ty.Any) -> Row:
    return {'id': str(uuid.uuid4()), 'snapshot_id': str(uuid.uuid4()),
            'share_id': of['share_id'], 'share_instance_id': of['id'],
            'share': of, 'size': of['size'], 'provider_location': None,
            **fields}


def rules(*names: str, level: str = 'rw') -> list[Row]:
    return [{'id': f'map-{name}', 'access_id': f'rule-{name}',
             'access_type': 'cert', 'access_to': name,
             'access_level': level} for name in names]


def path(locations: list[Row]) -> str:
    """What tenants mount."""
    return str(locations[0]['path'])
