# SPDX-License-Identifier: Apache-2.0

"""Records in the shape in which Manila hands them to drivers."""

from collections.abc import Iterable
from typing import Any

from manila_drivers.registry import records


def share(record: records.ShareEntry) -> dict[str, Any]:
    """Return the row of a share instance."""
    row: dict[str, Any] = {
        'id': record.id, 'share_id': record.id, 'name': 'share-' + record.id,
        'display_name': record.name, 'size': record.size,
        'share_proto': record.proto, 'status': record.status,
        'host': f'direct@{record.backend}#{record.backend}',
        'project_id': '', 'share_type_id': None, 'share_server': None,
        'snapshot_id': record.snapshot_id,
        'export_locations': [dict(location) for location in record.locations]}
    if record.specs is not None:
        row['share_type_extra_specs'] = dict(record.specs)
    return row


def snapshot(record: records.SnapshotEntry,
             owner: records.ShareEntry) -> dict[str, Any]:
    """Return the row of a snapshot instance, with its share."""
    return {
        'id': record.id, 'snapshot_id': record.id,
        'name': snapshot_name(record), 'size': record.size,
        'share_id': owner.id, 'share_instance_id': owner.id,
        'share_name': 'share-' + owner.id, 'status': record.status,
        'provider_location': record.location or None,
        'share': share(owner)}


def snapshot_name(record: records.SnapshotEntry) -> str:
    """Return what drivers call a snapshot, as Manila does."""
    return 'share-snapshot-' + record.id


def rules(chosen: Iterable[records.RuleEntry]) -> list[dict[str, Any]]:
    """Return the rows of access rules."""
    return [{'id': rule.id, 'access_id': rule.id, 'access_type': rule.kind,
             'access_to': rule.target, 'access_level': rule.level,
             'state': rule.state} for rule in chosen]


def locations(answer: Any) -> tuple[dict[str, Any], ...]:
    """Return export locations as they are recorded."""
    return tuple({'path': str(each['path']),
                  'is_admin_only': bool(each.get('is_admin_only')),
                  'preferred': bool((each.get('metadata') or {}).get(
                      'preferred'))} for each in answer or ())
