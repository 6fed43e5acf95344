# SPDX-License-Identifier: Apache-2.0

"""Migration and replication: calls that few drivers have."""

from typing import Any


class Migration:
    """Calls that move a share to another backend."""

    def migration_check_compatibility(
            self, context: Any, source_share: Any, destination_share: Any,
            share_server: Any = None,
            destination_share_server: Any = None) -> Any:
        """Say what a migration could keep; nothing by default."""
        return dict.fromkeys(
            ('compatible', 'writable', 'preserve_metadata', 'nondisruptive',
             'preserve_snapshots'), False)

    def migration_start(
            self, context: Any, source_share: Any, destination_share: Any,
            source_snapshots: Any, snapshot_mappings: Any,
            share_server: Any = None,
            destination_share_server: Any = None) -> Any:
        """Start a migration and return at once."""
        raise NotImplementedError()

    def migration_continue(
            self, context: Any, source_share: Any, destination_share: Any,
            source_snapshots: Any, snapshot_mappings: Any,
            share_server: Any = None,
            destination_share_server: Any = None) -> Any:
        """Say whether the first phase is done."""
        raise NotImplementedError()

    def migration_complete(
            self, context: Any, source_share: Any, destination_share: Any,
            source_snapshots: Any, snapshot_mappings: Any,
            share_server: Any = None,
            destination_share_server: Any = None) -> Any:
        """Switch over to the destination."""
        raise NotImplementedError()

    def migration_cancel(
            self, context: Any, source_share: Any, destination_share: Any,
            source_snapshots: Any, snapshot_mappings: Any,
            share_server: Any = None,
            destination_share_server: Any = None) -> Any:
        """Stop a migration and remove the destination."""
        raise NotImplementedError()

    def migration_get_progress(
            self, context: Any, source_share: Any, destination_share: Any,
            source_snapshots: Any, snapshot_mappings: Any,
            share_server: Any = None,
            destination_share_server: Any = None) -> Any:
        """Say how far a migration is, in percent."""
        raise NotImplementedError()


class Replication:
    """Calls about replicas of a share."""

    def create_replica(self, context: Any, replica_list: Any,
                       new_replica: Any, access_rules: Any,
                       replica_snapshots: Any,
                       share_server: Any = None) -> Any:
        """Add a replica."""
        raise NotImplementedError()

    def delete_replica(self, context: Any, replica_list: Any,
                       replica_snapshots: Any, replica: Any,
                       share_server: Any = None) -> Any:
        """Remove a replica."""
        raise NotImplementedError()

    def promote_replica(self, context: Any, replica_list: Any, replica: Any,
                        access_rules: Any, share_server: Any = None,
                        quiesce_wait_time: Any = None) -> Any:
        """Make a replica the active one."""
        raise NotImplementedError()

    def update_replica_state(self, context: Any, replica_list: Any,
                             replica: Any, access_rules: Any,
                             replica_snapshots: Any,
                             share_server: Any = None) -> Any:
        """Say whether a replica is in step."""
        raise NotImplementedError()

    def create_replicated_snapshot(self, context: Any, replica_list: Any,
                                   replica_snapshots: Any,
                                   share_server: Any = None) -> Any:
        """Take a snapshot on all replicas."""
        raise NotImplementedError()

    def delete_replicated_snapshot(self, context: Any, replica_list: Any,
                                   replica_snapshots: Any,
                                   share_server: Any = None) -> Any:
        """Remove a snapshot from all replicas."""
        raise NotImplementedError()

    def update_replicated_snapshot(self, context: Any, replica_list: Any,
                                   share_replica: Any,
                                   replica_snapshots: Any,
                                   replica_snapshot: Any,
                                   share_server: Any = None) -> Any:
        """Say how one replica's copy of a snapshot is."""
        raise NotImplementedError()

    def revert_to_replicated_snapshot(
            self, context: Any, active_replica: Any, replica_list: Any,
            active_replica_snapshot: Any, replica_snapshots: Any,
            share_access_rules: Any, snapshot_access_rules: Any,
            share_server: Any = None) -> Any:
        """Put a replicated share back to a snapshot."""
        raise NotImplementedError()
