# SPDX-License-Identifier: Apache-2.0

"""Options of the GPFS driver.

Importing this module needs neither Manila nor a backend.
"""

from oslo_config import cfg

DEFAULT_HELPERS = {
    'KNFS': 'manila_drivers.ibm.gpfs.KNFSHelper',
    'GNFS': 'manila_drivers.ibm.gpfs.GNFSHelper',
    'CES': 'manila_drivers.ibm.gpfs.CESHelper'}

GPFS_OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        'gpfs_share_export_ip',
        help='Address that clients mount, and the host that commands are run '
             'on unless gpfs_management_hosts names others. Required.'),
    cfg.StrOpt(
        'gpfs_mount_point_base', default='$state_path/mnt',
        help='Directory of the GPFS file system in which shares are linked; '
             'absolute, and the same on every host.'),
    cfg.StrOpt(
        'gpfs_nfs_server_type', default='CES', ignore_case=True,
        help='Which kind of NFS server exports the shares: CES for the '
             'protocol nodes of Storage Scale, KNFS for kernel NFS, GNFS for '
             'an NFS-Ganesha of your own, or another type that '
             'gpfs_share_helpers defines.'),
    cfg.ListOpt(
        'gpfs_nfs_server_list',
        help='NFS servers that every share is exported from, by name or '
             'address. Required for KNFS and GNFS. They are reached with the '
             'same SSH settings as the management hosts.'),
    cfg.BoolOpt(
        'is_gpfs_node', default=False,
        help='Whether this host is a node of the cluster: GPFS commands are '
             'then run here, through rootwrap, and not over SSH.'),
    cfg.PortOpt('gpfs_ssh_port', default=22, help='TCP port of sshd.'),
    cfg.StrOpt(
        'gpfs_ssh_login',
        help='User to log in as. Required unless everything runs on this '
             'host.'),
    cfg.StrOpt(
        'gpfs_ssh_password', secret=True,
        help='Password of gpfs_ssh_login; not needed with a key.'),
    cfg.StrOpt(
        'gpfs_ssh_private_key',
        help='File with the private key of gpfs_ssh_login.'),
    cfg.ListOpt(
        'gpfs_share_helpers',
        default=[f'{kind}={path}' for kind, path in DEFAULT_HELPERS.items()],
        help='Classes that do the exporting, as TYPE=dotted.path or '
             'TYPE:dotted.path. They are added to the built-in ones.'),
    cfg.StrOpt(
        'knfs_export_options',
        default='sync,no_root_squash,insecure,no_wdelay,no_subtree_check',
        help='Options of kernel exports, unless the extra spec '
             'knfs:export_options of the share type says otherwise. ro and '
             'rw are ignored here: rules say who may write.'),
    cfg.StrOpt(
        'ganesha_nfs_export_options', default='',
        help='Options of Ganesha exports as attribute=value pairs separated '
             'by commas, unless the extra spec gnfs:export_options of the '
             'share type says otherwise.'),
    cfg.StrOpt(
        'ganesha_fsal_name', default='GPFS', choices=['GPFS', 'VFS'],
        help='File system layer of Ganesha exports. VFS knows nothing of '
             'what other nodes change, so it is for a single server.'),
    cfg.BoolOpt(
        'knfs_persist_exports', default=True,
        help='Write kernel exports to /etc/exports.d as well, so that they '
             'are there again after a server was restarted.'),
    cfg.ListOpt(
        'gpfs_management_hosts', default=[],
        help='Hosts that GPFS commands are run on, in this order of '
             'preference. Empty means gpfs_share_export_ip, which may be an '
             'address that moves from node to node.'),
    cfg.ListOpt(
        'gpfs_export_addresses', default=[],
        help='Addresses or names that clients mount, the preferred one '
             'first, IPv6 without brackets. Empty means '
             'gpfs_share_export_ip; auto, with CES, all of its addresses, '
             'as they are when the service starts.'),
    cfg.StrOpt(
        'gpfs_filesystem',
        help='Name of the file system (device). Unset means the one that '
             'gpfs_mount_point_base is in.'),
    cfg.StrOpt(
        'gpfs_command_directory', default='/usr/lpp/mmfs/bin',
        help='Where the GPFS commands are.'),
    cfg.StrOpt(
        'gpfs_ssh_host_key_policy', default='reject',
        choices=[('reject', 'refuse it'),
                 ('learn', 'trust it on its first use, and remember it')],
        help='What to do with the key of a host that is not in '
             'gpfs_ssh_known_hosts.'),
    cfg.StrOpt(
        'gpfs_ssh_known_hosts',
        help='File with the keys of known hosts. Unset means '
             '~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.'),
    cfg.BoolOpt(
        'gpfs_ssh_use_sudo', default=False,
        help='Put "sudo -n" before commands that need root. Needed when '
             'gpfs_ssh_login is not root.'),
    cfg.FloatOpt(
        'gpfs_command_timeout', default=300, min=1, max=86400,
        help='Seconds after which a command is given up, and all that an NFS '
             'server is asked or told at once. Restoring a snapshot and '
             'deleting a fileset may take ten times as long.'),
    cfg.StrOpt(
        'gpfs_share_mode', default='777', regex=r'^[0-7]{3,4}$',
        help='Mode of the root directory of a new share.'),
    cfg.StrOpt(
        'gpfs_share_owner', regex=r'^\d+:\d+$',
        help='Owner and group of the root directory of a new share, as '
             'numbers: uid:gid. Unset leaves them to root.'),
    cfg.StrOpt(
        'gpfs_fileset_type', default='independent',
        choices=[('independent', 'with an inode space of their own'),
                 ('dependent', 'in the inode space of the file system')],
        help='Kind of the filesets that are made for shares. Dependent ones '
             'cannot have snapshots, but a file system holds more of them.'),
    cfg.StrOpt(
        'gpfs_inode_limit', regex=r'^\d+[kKmM]?(:\d+[kKmM]?)?$',
        help='How many files an independent fileset may hold, optionally '
             'with how many to allocate at once: 1M or 1M:10k. Unset leaves '
             'it to GPFS, which takes about 100,000 whatever the size. The '
             'extra spec gpfs:inode_limit of a share type overrides this.'),
    cfg.BoolOpt(
        'gpfs_quota_account_replicas', default=True,
        help='Multiply quotas by the number of data replicas, which GPFS '
             'counts against them.'),
]
