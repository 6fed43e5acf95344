# SPDX-License-Identifier: Apache-2.0

"""Shares, snapshots and rules in the two shapes that Manila uses.

Some calls hand a driver ORM rows and some plain dictionaries, which differ
just where a careless driver trips: a row raises AttributeError for a key it
does not have, and DetachedInstanceError for a relation that was not loaded.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

ROW = 'row'
DICT = 'dict'
SHAPES = (ROW, DICT)


class DetachedInstanceError(Exception):
    """A relation was not loaded, and the session is closed."""


class Row:
    """Looks like one of Manila's rows.

    :param unloaded: names of relations that raise when touched.
    """

    # SQLAlchemy's own attribute, which drivers take for the share's metadata.
    metadata: Any = None

    def __init__(self, values: Mapping[str, Any],
                 unloaded: Iterable[str] = ()) -> None:
        self.__dict__['_values'] = dict(values)
        self.__dict__['_unloaded'] = frozenset(unloaded)

    def __getattr__(self, key: str) -> Any:
        if key.startswith('_'):
            raise AttributeError(key)
        if key in self._unloaded:
            raise DetachedInstanceError(
                f'Parent instance is not bound to a Session; lazy load of '
                f'attribute {key!r} cannot proceed')
        try:
            return self._values[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key, default)

    def keys(self) -> Iterable[str]:
        return iter(self)

    def items(self) -> Iterable[tuple[str, Any]]:
        return [(key, self._values[key]) for key in self]


def shaped(shape: str, values: Mapping[str, Any],
           unloaded: Iterable[str] = ()) -> Any:
    """Return content as a row or as a dictionary."""
    return Row(values, unloaded) if shape == ROW else dict(values)


def share(shape: str, *, ident: str, size: int | None, proto: str,
          host: str = 'host@backend#pool', status: str = 'creating',
          exports: Iterable[Mapping[str, Any]] = (),
          snapshot_id: str | None = None) -> Any:
    """A share instance.

    :param exports: locations as the driver returned them.
    """
    locations = [
        shaped(shape, {'id': f'{ident}-{number}', 'uuid': f'{ident}-{number}',
                       'path': str(location['path']),
                       'share_instance_id': ident,
                       'is_admin_only': bool(location.get('is_admin_only')),
                       'created_at': None, 'updated_at': None})
        for number, location in enumerate(exports)]
    values: dict[str, Any] = {
        'id': ident, 'share_id': 'user-' + ident, 'name': 'share-' + ident,
        'host': host, 'status': status, 'size': size, 'share_proto': proto,
        'progress': '100%', 'user_id': 'u', 'project_id': 'p',
        'display_name': "it's \"a\" share", 'display_description': None,
        'snapshot_id': snapshot_id, 'is_public': False,
        'share_group_id': None, 'share_type_id': None,
        'source_share_group_snapshot_member_id': None,
        'replica_state': None, 'availability_zone': 'nova',
        'availability_zone_id': 'az', 'share_network_id': None,
        'share_server_id': None, 'access_rules_status': 'active',
        'scheduled_at': None, 'launched_at': None, 'terminated_at': None,
        'created_at': None, 'updated_at': None, 'deleted': 'False',
        'deleted_at': None, 'export_locations': locations}
    if shape == DICT:
        return {**values, 'share_server': None}
    return Row({**values, 'replication_type': None, 'share_type': None,
                'mount_snapshot_support': False, 'mount_point_name': None,
                'cast_rules_to_readonly': False,
                'export_location':
                    locations[0]['path'] if locations else None},
               unloaded=('share', 'share_server', 'share_network',
                         'access_rules'))


def snapshot(shape: str, *, ident: str, share_row: Any,
             provider_location: str | None = None,
             status: str = 'available') -> Any:
    """A snapshot instance; as a dictionary it brings its share along."""
    owner = share_row['id']
    values: dict[str, Any] = {
        'id': ident, 'snapshot_id': 'user-' + ident,
        'name': 'share-snapshot-' + ident, 'share_instance_id': owner,
        'share_id': owner, 'share_name': 'share-' + owner,
        'status': status, 'progress': '100%',
        'provider_location': provider_location, 'created_at': None,
        'updated_at': None, 'deleted': 'False', 'deleted_at': None}
    if shape == DICT:
        return {**values, 'share': share_row}
    return Row({**values, 'size': share_row['size'],
                'share_instance': share_row, 'export_locations': []},
               unloaded=('share_group_snapshot',))


def rule(shape: str, *, access_id: str, share_id: str, access_type: str,
         access_to: str, access_level: str, state: str = 'active') -> Any:
    """An access rule of a share instance; ``id`` is not what users see."""
    return shaped(shape, {
        'id': 'mapping-' + access_id, 'access_id': access_id,
        'share_instance_id': share_id, 'share_id': 'user-' + share_id,
        'access_type': access_type, 'access_to': access_to,
        'access_level': access_level, 'access_key': None, 'state': state,
        'created_at': None, 'updated_at': None, 'deleted': 'False'},
        unloaded=('share_instance',))


class Context:
    """As much of a request context as drivers may look at."""

    user_id = 'u'
    project_id = 'p'
    is_admin = True
    roles = ('admin',)
    request_id = 'req-conformance'
    read_deleted = 'no'

    def elevated(self) -> 'Context':
        return self

    def to_dict(self) -> dict[str, Any]:
        return {'user_id': self.user_id, 'project_id': self.project_id,
                'is_admin': self.is_admin, 'request_id': self.request_id}
