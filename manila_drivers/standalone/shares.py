# SPDX-License-Identifier: Apache-2.0

"""Shares, snapshots, access and statistics: the calls of every driver.

What Manila's base class does by default: most calls say that they are not
implemented, some do nothing, a few have an answer.
"""

from typing import Any


class ShareCalls:
    """Calls about shares and their snapshots."""

    def create_share(self, context: Any, share: Any,
                     share_server: Any = None) -> Any:
        """Make a share and return its export locations."""
        raise NotImplementedError()

    def create_share_from_snapshot(self, context: Any, share: Any,
                                   snapshot: Any, share_server: Any = None,
                                   parent_share: Any = None) -> Any:
        """Make a share that starts as a copy of a snapshot."""
        raise NotImplementedError()

    def get_share_status(self, share: Any, share_server: Any = None) -> Any:
        """Say how far a share is that is made in the background."""
        raise NotImplementedError()

    def get_optional_share_creation_data(self, share: Any,
                                         share_server: Any = None) -> Any:
        """Return metadata to store with a new share; none by default."""
        return {}

    def delete_share(self, context: Any, share: Any,
                     share_server: Any = None) -> Any:
        """Remove a share with all that belongs to it."""
        raise NotImplementedError()

    def extend_share(self, share: Any, new_size: Any,
                     share_server: Any = None) -> Any:
        """Let a share grow to a size in GiB."""
        raise NotImplementedError()

    def shrink_share(self, share: Any, new_size: Any,
                     share_server: Any = None) -> Any:
        """Let a share shrink to a size in GiB, without loss of data."""
        raise NotImplementedError()

    def create_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None) -> Any:
        """Take a snapshot."""
        raise NotImplementedError()

    def delete_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None) -> Any:
        """Remove a snapshot; one that is gone already is a success."""
        raise NotImplementedError()

    def revert_to_snapshot(self, context: Any, snapshot: Any,
                           share_access_rules: Any,
                           snapshot_access_rules: Any,
                           share_server: Any = None) -> Any:
        """Put a share back to its latest snapshot."""
        raise NotImplementedError()

    def ensure_share(self, context: Any, share: Any,
                     share_server: Any = None) -> Any:
        """Check one share at the start of the service."""
        raise NotImplementedError()

    def ensure_shares(self, context: Any, shares: Any) -> Any:
        """Check all shares at once; the answer is keyed by instance id."""
        raise NotImplementedError()

    def get_backend_info(self, context: Any) -> Any:
        """Return what, when it changes, calls for ensure_shares."""
        raise NotImplementedError()

    def get_pool(self, share: Any) -> Any:
        """Name the pool of a share, or None for the only one."""
        return None

    def get_periodic_hook_data(self, context: Any,
                               share_instances: Any) -> Any:
        """Pass the instances on to the periodic hooks as they are."""
        return share_instances

    def transfer_accept(self, context: Any, share: Any, new_user: Any,
                        new_project: Any, access_rules: Any = None,
                        share_server: Any = None) -> Any:
        """Hand a share to another project; nothing to do by default."""

    def update_share_from_metadata(self, context: Any, share: Any,
                                   metadata: Any,
                                   share_server: Any = None) -> Any:
        """Act on metadata that users may set and drivers obey."""
        raise NotImplementedError()

    def update_share_usage_size(self, context: Any, shares: Any) -> Any:
        """Return used sizes, for notifications; none by default."""
        return []


class AccessCalls:
    """Calls about access rules."""

    def update_access(self, context: Any, share: Any, access_rules: Any,
                      add_rules: Any = None, delete_rules: Any = None,
                      update_rules: Any = None,
                      share_server: Any = None) -> Any:
        """Make the access to a share what ``access_rules`` say.

        Release 19 has no ``update_rules``, so none of the three hints is
        required here.
        """
        raise NotImplementedError()

    def allow_access(self, context: Any, share: Any, access: Any,
                     share_server: Any = None) -> Any:
        """Add one rule; only used without update_access."""
        raise NotImplementedError()

    def deny_access(self, context: Any, share: Any, access: Any,
                    share_server: Any = None) -> Any:
        """Remove one rule; only used without update_access."""
        raise NotImplementedError()

    def snapshot_update_access(self, context: Any, snapshot: Any,
                               access_rules: Any, add_rules: Any,
                               delete_rules: Any,
                               share_server: Any = None) -> Any:
        """Make the access to a mountable snapshot what the rules say."""
        raise NotImplementedError()


class ManageCalls:
    """Calls that take existing objects over, or let them go."""

    def manage_existing(self, share: Any, driver_options: Any) -> Any:
        """Take a share over and return its size."""
        raise NotImplementedError()

    def manage_existing_with_server(self, share: Any, driver_options: Any,
                                    share_server: Any = None) -> Any:
        """Do likewise on a share server."""
        raise NotImplementedError()

    def unmanage(self, share: Any) -> Any:
        """Let a share go; nothing to do by default."""

    def unmanage_with_server(self, share: Any,
                             share_server: Any = None) -> Any:
        """Do likewise on a share server."""

    def manage_existing_snapshot(self, snapshot: Any,
                                 driver_options: Any) -> Any:
        """Take a snapshot over and return its size."""
        raise NotImplementedError()

    def manage_existing_snapshot_with_server(
            self, snapshot: Any, driver_options: Any,
            share_server: Any = None) -> Any:
        """Do likewise on a share server."""
        raise NotImplementedError()

    def unmanage_snapshot(self, snapshot: Any) -> Any:
        """Let a snapshot go; nothing to do by default."""

    def unmanage_snapshot_with_server(self, snapshot: Any,
                                      share_server: Any = None) -> Any:
        """Do likewise on a share server."""


class BackupCalls:
    """Calls about backups made by the driver."""

    def create_backup(self, context: Any, share_instance: Any, backup: Any,
                      share_server: Any = None) -> Any:
        """Start a backup."""
        raise NotImplementedError()

    def create_backup_continue(self, context: Any, share_instance: Any,
                               backup: Any, share_server: Any = None) -> Any:
        """Say how far a backup is, in percent."""
        raise NotImplementedError()

    def delete_backup(self, context: Any, backup: Any, share_instance: Any,
                      share_server: Any = None) -> Any:
        """Remove a backup."""
        raise NotImplementedError()

    def restore_backup(self, context: Any, backup: Any, share_instance: Any,
                       share_server: Any = None) -> Any:
        """Start to restore a backup."""
        raise NotImplementedError()

    def restore_backup_continue(self, context: Any, backup: Any,
                                share_instance: Any,
                                share_server: Any = None) -> Any:
        """Say how far a restore is, in percent."""
        raise NotImplementedError()
