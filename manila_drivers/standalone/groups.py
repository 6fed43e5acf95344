# SPDX-License-Identifier: Apache-2.0

"""Share groups, built from the calls for single shares."""

import logging
from typing import Any

from manila_drivers.standalone import constants
from manila_drivers.standalone import errors
from manila_drivers.standalone import shares

LOG = logging.getLogger(__name__)


class Groups(shares.ShareCalls):
    """Calls about share groups and their snapshots."""

    _stats: dict[str, Any]
    driver_handles_share_servers: Any

    def create_share_group(self, context: Any, share_group_dict: Any,
                           share_server: Any = None) -> Any:
        """Make an empty group, which needs nothing on the backend."""

    def delete_share_group(self, context: Any, share_group_dict: Any,
                           share_server: Any = None) -> Any:
        """Remove an empty group, which has nothing on the backend."""

    def create_share_group_from_share_group_snapshot(
            self, context: Any, share_group_dict: Any,
            share_group_snapshot_dict: Any, share_server: Any = None) -> Any:
        """Clone each share of the group from its member of the snapshot.

        :returns: None for the group, and one update for each share.
        """
        if not share_group_snapshot_dict['share_group_snapshot_members']:
            return None, None
        servers = ({'share_server': share_server}
                   if self.driver_handles_share_servers else {})
        pairs = self._collate_share_group_snapshot_info(
            share_group_dict, share_group_snapshot_dict)
        return None, [
            _clone_update(pair['share'], self.create_share_from_snapshot(
                context, pair['share'], pair['snapshot'], **servers))
            for pair in pairs]

    def create_share_group_snapshot(self, context: Any, snap_dict: Any,
                                    share_server: Any = None) -> Any:
        """Take a snapshot of each share, or of none: failures are undone.

        :returns: None for the group, and the updates of the members.
        """
        if not self._stats.get('snapshot_support'):
            raise errors.ShareGroupSnapshotNotSupported(
                share_group=snap_dict['share_group_id'])
        members = snap_dict.get('share_group_snapshot_members', [])
        if not members:
            return None, None
        taken: list[dict[str, Any]] = []
        updates = []
        try:
            for member in members:
                snapshot = _member_snapshot(member)
                update = self.create_snapshot(context, snapshot,
                                              share_server=share_server)
                taken.append(snapshot)
                if update:
                    updates.append({**update, 'id': member['id']})
        except errors.ManilaException:
            for snapshot in taken:
                self._cleanup_group_share_snapshot(context, snapshot,
                                                   share_server)
            raise
        return None, updates

    def delete_share_group_snapshot(self, context: Any, snap_dict: Any,
                                    share_server: Any = None) -> Any:
        """Remove the snapshot of each member."""
        for member in snap_dict.get('share_group_snapshot_members', []):
            self.delete_snapshot(
                context,
                _member_snapshot(member, member['provider_location']),
                share_server=share_server)
        return None, None

    def _cleanup_group_share_snapshot(self, context: Any,
                                      share_snapshot: Any,
                                      share_server: Any) -> Any:
        try:
            self.delete_snapshot(context, share_snapshot,
                                 share_server=share_server)
        except errors.ManilaException:
            LOG.error('Snapshot %s of share %s, made for a group, is left '
                      'behind', share_snapshot['id'],
                      share_snapshot['share_id'])
            raise

    def _collate_share_group_snapshot_info(
            self, share_group_dict: Any,
            share_group_snapshot_dict: Any) -> Any:
        """Pair each new share with the snapshot member it comes from."""
        members = {
            member['id']: member for member in
            share_group_snapshot_dict['share_group_snapshot_members']}
        pairs = []
        for share in share_group_dict['shares']:
            member = members.get(
                share['source_share_group_snapshot_member_id'])
            if member is None:
                raise errors.InvalidShareGroup(
                    reason='share {} has no source in group snapshot {}'
                    .format(share['id'], share_group_snapshot_dict['id']))
            pairs.append({'share': share, 'snapshot': member})
        return pairs


def _clone_update(share: Any, answer: Any) -> dict[str, Any]:
    """Return Manila's update of a cloned share, from the driver's answer."""
    if not isinstance(answer, dict):
        return {'id': share['id'], 'export_locations': answer}
    status = answer.get('status')
    if status not in (constants.STATUS_AVAILABLE,
                      constants.STATUS_CREATING_FROM_SNAPSHOT):
        raise errors.InvalidShareInstance(
            reason=f'the driver answered status {status} for a clone')
    return {'id': share['id'], 'status': status,
            'export_locations': answer.get('export_locations', [])}


def _member_snapshot(member: Any, location: Any = None) -> dict[str, Any]:
    """A member of a group snapshot in the shape of a snapshot instance."""
    share = member['share']
    return {
        'snapshot_id': member['share_group_snapshot_id'],
        'share_id': member['share_id'],
        'share_instance_id': share['id'],
        'id': member['id'],
        'share': share,
        'share_name': member['share_name'],
        'name': member['name'],
        'size': share['size'],
        'share_size': share['size'],
        'share_proto': share['share_proto'],
        'provider_location': location}
