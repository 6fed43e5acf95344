# SPDX-License-Identifier: Apache-2.0

"""Options of the VAST driver.

Importing this module needs neither Manila nor a backend.
"""

from oslo_config import cfg
from oslo_config import types

VAST_OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        'vast_mgmt_host',
        help='Name or address of the management service (VMS) of the VAST '
             'cluster. An IPv6 address is written without brackets. '
             'Required.'),
    cfg.PortOpt(
        'vast_mgmt_port', default=443,
        help='TCP port of the management service.'),
    cfg.StrOpt(
        'vast_mgmt_user',
        help='User of the management service. Required, with '
             'vast_mgmt_password, unless vast_api_token is set.'),
    cfg.StrOpt(
        'vast_mgmt_password', secret=True,
        help='Password of vast_mgmt_user.'),
    cfg.StrOpt(
        'vast_api_token', default='', secret=True,
        help='API token, used instead of user and password when set. Needs '
             'VMS 5.3 or later.'),
    cfg.StrOpt(
        'vast_vippool_name',
        help='Name of the virtual IP pool whose addresses clients mount. '
             'Required unless vast_export_addresses is set.'),
    cfg.StrOpt(
        'vast_root_export', default='manila',
        help='Directory in which the directories of shares are made.'),
    cfg.BoolOpt(
        'vast_ssl_cert_verify', default=True,
        help='Verify the certificate of the management service. Without it '
             'anyone in between can read the credentials.'),
    cfg.StrOpt(
        'vast_ssl_cert_path',
        help='File with the certificates of the authorities accepted for the '
             'management service, in PEM form. Unset means those that the '
             'requests library trusts.'),
    cfg.StrOpt(
        'vast_api_version', default='v1', regex=r'^(v\d+|latest)$',
        help='Version of the REST interface to use: v1, v2, ... or latest.'),
    cfg.StrOpt(
        'vast_tenant_name',
        help='VAST tenant in which shares are made. Unset means the default '
             'tenant. When set it is also sent along with every request, '
             'which the login of a tenant administrator needs.'),
    cfg.ListOpt(
        'vast_export_addresses', default=[],
        help='Addresses or names that clients mount, instead of those of the '
             'pool. When set, the pool need not be readable.'),
    cfg.IntOpt(
        'vast_max_export_locations', default=16, min=1, max=1000,
        help='How many addresses of the pool are offered per share at most.'),
    cfg.ListOpt(
        'vast_nfs_protocols', default=['NFS'],
        item_type=types.String(choices=['NFS', 'NFS4']),
        help='Protocols of the views: NFS is version 3, NFS4 is 4.1 and '
             '4.2.'),
    cfg.StrOpt(
        'vast_squash', default='no_root_squash',
        choices=[
            ('no_root_squash', 'root of a client is root in the share'),
            ('root_squash', 'root of a client is nobody in the share'),
            ('all_squash', 'every user of a client is nobody')],
        help='How users of clients are mapped. The directory of a new share '
             'belongs to root, so that with any squashing nobody can write '
             'into it unless vast_share_dir_mode allows it. The extra spec '
             'vast:squash of a share type overrides this.'),
    cfg.StrOpt(
        'vast_share_dir_mode', regex=r'^[0-7]{3,4}$',
        help='Mode of the directory of a new share, as digits such as 777. '
             'Unset leaves the choice to the cluster (755).'),
    cfg.StrOpt(
        'vast_qos_policy',
        help='Name of an existing QoS policy for the views of new shares. '
             'The extra spec vast:qos_policy of a share type overrides '
             'this.'),
    cfg.BoolOpt(
        'vast_bind_vippool',
        help='Let shares be mounted through vast_vippool_name only; False: '
             'through every pool of the cluster, including pools of other '
             'networks. Unset binds shares where VMS can, which is from 5.0 '
             'on, and warns at the start where it cannot; True refuses to '
             'start there.'),
    cfg.IntOpt(
        'vast_access_split_limit', default=200, min=0, max=5000,
        help='Where a read-only rule lies inside a read/write one, or the '
             'reverse, the wider network is written as the networks around '
             'the narrower one. This is how many host entries that may add '
             'to one share. Beyond it the narrower rule is put in error; 0 '
             'always does so.'),
    cfg.BoolOpt(
        'vast_ipv6_access_rules', default=False,
        help='Whether the cluster accepts IPv6 addresses in the host lists '
             'of view policies. While this is off, IPv6 rules are put in '
             'error.'),
    cfg.BoolOpt(
        'vast_delete_with_snapshots', default=False,
        help='Delete a share although snapshots that Manila does not know '
             'exist of its directory. They stay on the cluster, keep their '
             'space and are hard to reach.'),
    cfg.StrOpt(
        'vast_open_parent_view', default='warn',
        choices=[('warn', 'log a warning when the service starts'),
                 ('refuse', 'do not start')],
        help='What to do when a view above the shares admits clients: who '
             'can mount it can walk into every share. A new cluster has such '
             'a view on /.'),
    cfg.FloatOpt(
        'vast_connect_timeout', default=10, min=0.1, max=300,
        help='Seconds to wait for a connection to the management service.'),
    cfg.FloatOpt(
        'vast_read_timeout', default=60, min=0.1, max=3600,
        help='Seconds to wait for an answer of the management service.'),
    cfg.IntOpt(
        'vast_retries', min=0, max=1000,
        help='How often a request is repeated at the most when the '
             'management service is unreachable or busy. Unset, only '
             'vast_retry_timeout counts.'),
    cfg.FloatOpt(
        'vast_retry_timeout', default=120, min=0, max=3600,
        help='Seconds for which a request is repeated when the management '
             'service is unreachable or busy, with growing pauses. A '
             'service that moves to another node is away for a minute or '
             'two.'),
    cfg.IntOpt(
        'vast_page_size', default=1000, min=10, max=10000,
        help='How many objects are listed with one request.'),
    cfg.FloatOpt(
        'vast_task_timeout', default=600, min=1, max=86400,
        help='Seconds to wait for a background task or a snapshot of the '
             'cluster to finish, and for each share of a group that is made '
             'from a group snapshot to be filled.'),
]
