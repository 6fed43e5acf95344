# SPDX-License-Identifier: Apache-2.0

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
    """Return what tenants mount."""
    return str(locations[0]['path'])
