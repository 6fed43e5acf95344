# SPDX-License-Identifier: Apache-2.0

"""The constants of ``manila.common.constants`` that drivers use.

Of the newest supported release; a test compares the values with each of them.
"""

STATUS_AVAILABLE = 'available'
STATUS_CREATING = 'creating'
STATUS_CREATING_FROM_SNAPSHOT = 'creating_from_snapshot'
STATUS_DELETING = 'deleting'
STATUS_ENSURING = 'ensuring'
STATUS_ERROR = 'error'
STATUS_ERROR_DELETING = 'error_deleting'
STATUS_EXTENDING = 'extending'
STATUS_EXTENDING_ERROR = 'extending_error'
STATUS_INACTIVE = 'inactive'
STATUS_MANAGE_ERROR = 'manage_error'
STATUS_MANAGING = 'manage_starting'
STATUS_REVERTING = 'reverting'
STATUS_REVERTING_ERROR = 'reverting_error'
STATUS_REVERTING_TO_SNAPSHOT = 'reverting_to_snapshot'
STATUS_SHRINKING = 'shrinking'
STATUS_SHRINKING_ERROR = 'shrinking_error'
STATUS_UNMANAGE_ERROR = 'unmanage_error'
STATUS_UNMANAGING = 'unmanage_starting'

ACCESS_LEVEL_RO = 'ro'
ACCESS_LEVEL_RW = 'rw'
ACCESS_LEVELS = (ACCESS_LEVEL_RW, ACCESS_LEVEL_RO)

ACCESS_STATE_ACTIVE = 'active'
ACCESS_STATE_APPLYING = 'applying'
ACCESS_STATE_DELETED = 'deleted'
ACCESS_STATE_DENYING = 'denying'
ACCESS_STATE_ERROR = 'error'
ACCESS_STATE_QUEUED_TO_APPLY = 'queued_to_apply'
ACCESS_STATE_QUEUED_TO_DENY = 'queued_to_deny'
ACCESS_STATE_QUEUED_TO_UPDATE = 'queued_to_update'
ACCESS_STATE_UPDATING = 'updating'

REPLICA_STATE_ACTIVE = 'active'
REPLICA_STATE_IN_SYNC = 'in_sync'
REPLICA_STATE_OUT_OF_SYNC = 'out_of_sync'
REPLICATION_TYPE_DR = 'dr'
REPLICATION_TYPE_READABLE = 'readable'
REPLICATION_TYPE_WRITABLE = 'writable'


class ExtraSpecs:
    """Names of the share type's extra specs that Manila itself knows."""

    DRIVER_HANDLES_SHARE_SERVERS = 'driver_handles_share_servers'
    SNAPSHOT_SUPPORT = 'snapshot_support'
    CREATE_SHARE_FROM_SNAPSHOT_SUPPORT = 'create_share_from_snapshot_support'
    REVERT_TO_SNAPSHOT_SUPPORT = 'revert_to_snapshot_support'
    MOUNT_SNAPSHOT_SUPPORT = 'mount_snapshot_support'
    MOUNT_POINT_NAME_SUPPORT = 'mount_point_name_support'
    SNAPSHOT_INHERIT_SHARE_ACCESS_SUPPORT = (
        'snapshot_inherit_share_access_support')
    REPLICATION_TYPE_SPEC = 'replication_type'
    AVAILABILITY_ZONES = 'availability_zones'
    ENCRYPTION_SUPPORT = 'encryption_support'
    DEFAULT_QOS_TYPE = 'default_qos_type'
