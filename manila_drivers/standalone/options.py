# SPDX-License-Identifier: Apache-2.0

"""The options that Manila's base classes register in a backend's section.

Same names, types and defaults as Manila's, so that one manila.conf serves
both; a test compares them with every supported release.
"""

from oslo_config import cfg
from oslo_config import types

SHARE_OPTS = [
    cfg.StrOpt('share_backend_name',
               help='Name of the backend, as share types select it.'),
    cfg.BoolOpt('driver_handles_share_servers',
                help='Whether the driver makes a share server for each share '
                     'network. Must be set; each driver says which of the '
                     'two it supports.'),
    cfg.IntOpt('num_shell_tries', default=3,
               help='How often a command that may fail for passing reasons '
                    'is tried.'),
    cfg.IntOpt('reserved_share_percentage', default=0,
               help='Percentage of the capacity that new shares must leave '
                    'free.'),
    cfg.IntOpt('reserved_share_from_snapshot_percentage', default=0,
               help='The same for shares made from a snapshot; 0 means '
                    'reserved_share_percentage.'),
    cfg.IntOpt('reserved_share_extend_percentage', default=0,
               help='The same for shares that grow; 0 means '
                    'reserved_share_percentage.'),
    cfg.FloatOpt('max_over_subscription_ratio', default=20.0, min=1.0,
                 help='How many times the capacity may be promised when '
                      'provisioning is thin.'),
    cfg.StrOpt('filter_function',
               help='Expression that decides whether a share may be placed '
                    'here.'),
    cfg.StrOpt('goodness_function',
               help='Expression that says how well, from 0 to 100, a share '
                    'is placed here.'),
    cfg.StrOpt('replication_domain',
               help='Name common to all backends that can replicate to each '
                    'other.'),
    cfg.StrOpt('backend_availability_zone',
               help='Availability zone of this backend.'),
    cfg.StrOpt('network_config_group',
               help='Section with the network options of share servers.'),
    cfg.StrOpt('admin_network_config_group',
               help="Section with the options of the administrators' "
                    'network of share servers.'),
    cfg.IntOpt('max_shares_per_share_server', default=-1,
               help='Most shares that one share server may hold; -1 means '
                    'no limit.'),
    cfg.IntOpt('max_share_server_size', default=-1,
               help='Most GiB that one share server may hold; -1 means no '
                    'limit.'),
    cfg.ListOpt('migration_ignore_files', default=['lost+found'],
                help='Names of files that a migration does not copy.'),
    cfg.StrOpt('share_mount_template',
               default='mount -vt %(proto)s %(options)s %(export)s %(path)s',
               help='Command that mounts a share of this backend.'),
    cfg.StrOpt('share_unmount_template', default='umount -v %(path)s',
               help='Command that unmounts a share of this backend.'),
    cfg.Opt('protocol_access_mapping',
            type=types.Dict(types.List(types.String(), bounds=True)),
            default={'ip': ['nfs'], 'user': ['cifs']},
            help='Which protocols take which type of access rule.'),
]

SSH_OPTS = [
    cfg.IntOpt('ssh_conn_timeout', default=60,
               help='Seconds within which an SSH connection must stand.'),
    cfg.IntOpt('ssh_min_pool_conn', default=1,
               help='SSH connections kept open.'),
    cfg.IntOpt('ssh_max_pool_conn', default=10,
               help='Most SSH connections open at a time.'),
]

GANESHA_OPTS = [
    cfg.StrOpt('ganesha_config_dir', default='/etc/ganesha',
               help='Directory of the Ganesha configuration.'),
    cfg.StrOpt('ganesha_config_path',
               default='$ganesha_config_dir/ganesha.conf',
               help='Main file of the Ganesha configuration.'),
    cfg.StrOpt('ganesha_service_name', default='ganesha.nfsd',
               help='Name of the Ganesha service.'),
    cfg.StrOpt('ganesha_db_path', default='$state_path/manila-ganesha.db',
               help='SQLite file in which export numbers are kept.'),
    cfg.StrOpt('ganesha_export_dir', default='$ganesha_config_dir/export.d',
               help='Directory of the files with one export each.'),
    cfg.StrOpt('ganesha_export_template_dir',
               default='/etc/manila/ganesha-export-templ.d',
               help='Directory of the export templates.'),
    cfg.BoolOpt('ganesha_rados_store_enable', default=False,
                help='Keep exports and their counter in RADOS objects.'),
    cfg.StrOpt('ganesha_rados_store_pool_name',
               help='RADOS pool of those objects.'),
    cfg.StrOpt('ganesha_rados_export_counter',
               default='ganesha-export-counter',
               help='RADOS object of the export counter.'),
    cfg.StrOpt('ganesha_rados_export_index', default='ganesha-export-index',
               help='RADOS object that lists the exports.'),
]

# Only without Manila: there is no share type to ask, so what the type would
# say stands in the backend's section.
OWN_OPTS = [
    cfg.DictOpt('share_type_extra_specs', default={},
                help='Extra specs of every share handled stand-alone that '
                     'brings none of its own, as key:value pairs.'),
]

# Without Manila these stand in [DEFAULT], where Manila's own are.
GLOBAL_OPTS = [
    cfg.StrOpt('state_path', default='~/.local/state/manila_drivers',
               help='Directory for private data and, unless lock_path is '
                    'set, locks.'),
    cfg.StrOpt('root_helper', default='sudo -n',
               help='Put before commands that need root.'),
    cfg.StrOpt('registry_connection', secret=True,
               help='Database in which it is recorded what was made without '
                    'Manila, as an URL of SQLAlchemy, such as '
                    'postgresql+psycopg2://USER:PASSWORD@HOST/NAME; all '
                    'hosts that work on the same backends need the same. '
                    'Unset means the file registry.sqlite3 in state_path, '
                    'which is for one host.'),
    cfg.FloatOpt('registry_timeout', default=30, min=1, max=3600,
                 help='Seconds to wait for the database of '
                      'registry_connection.'),
    cfg.FloatOpt('registry_lease', default=60, min=3, max=3600,
                 help='Seconds after which the locks of a host that has '
                      'failed are free. A host that was suspended for longer '
                      'may find that another has gone on with its work.'),
]
