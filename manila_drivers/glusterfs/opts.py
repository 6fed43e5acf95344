# SPDX-License-Identifier: Apache-2.0

"""Options of the GlusterFS driver.

Importing this module needs neither Manila nor a backend.
"""

from oslo_config import cfg

LAYOUT = 'layout_volume.GlusterfsVolumeMappedLayout'

GLUSTER_OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'glusterfs_servers', default=[],
        help='Management addresses, [user@]host, of one server of each '
             'GlusterFS cluster. With a user, gluster runs there over SSH; '
             'without, on this host, which is then a member of the cluster. '
             'An IPv6 address is written in brackets. Required unless '
             'glusterfs_targets is set.'),
    cfg.StrOpt(
        'glusterfs_volume_pattern',
        help='Regular expression, matched from the start of its name, for '
             'the volumes that may become shares. #{size} in it stands for a '
             'number, the size of the volume in GiB; ## is a plain #. '
             'Example: manila-share-volume-#{size}G-[0-9]+$. Required with '
             'glusterfs_servers.'),
    cfg.ListOpt(
        'glusterfs_targets', default=[],
        deprecated_for_removal=True,
        deprecated_reason='glusterfs_servers with glusterfs_volume_pattern '
                          'does all that it does, and knows the sizes of '
                          'volumes.',
        help='Instead of glusterfs_servers and glusterfs_volume_pattern: the '
             'volumes that may become shares, each as [user@]host:/volume. '
             'For configurations of old; their sizes are not known from '
             'their names.'),
    cfg.StrOpt(
        'glusterfs_share_layout', choices=[(LAYOUT, 'one share, one volume')],
        help='How shares are laid out. There is one way.'),
    cfg.StrOpt(
        'glusterfs_path_to_private_key',
        deprecated_name='glusterfs_native_path_to_private_key',
        help='Private SSH key to log in with; goes before the password.'),
    cfg.StrOpt(
        'glusterfs_server_password', secret=True,
        deprecated_name='glusterfs_native_server_password',
        help='SSH password to log in with where there is no key.'),
    cfg.StrOpt(
        'glusterfs_mount_point_base',
        help='Directory on this host for the temporary mounts through which '
             'volumes are emptied. Unset means the directory mnt below '
             'state_path.'),
    cfg.PortOpt(
        'glusterfs_ssh_port', default=22,
        help='TCP port of sshd on the servers.'),
    cfg.ListOpt(
        'glusterfs_known_hosts', default=[],
        help='Files with the host keys of the servers, as of OpenSSH. Unset '
             'means those that ssh itself reads.'),
    cfg.StrOpt(
        'glusterfs_host_keys', default='strict',
        choices=[('strict', 'only servers with a known key are talked to'),
                 ('accept-new', ('the key of a server that is seen for the '
                                 'first time is remembered in the first file '
                                 'of glusterfs_known_hosts'))],
        help='What to do about servers whose host key is not known. A key '
             'that has changed is never accepted.'),
    cfg.FloatOpt(
        'glusterfs_command_timeout', default=150, min=1, max=3600,
        help='Seconds that one gluster command may take. Its own limit is '
             '120.'),
    cfg.FloatOpt(
        'glusterfs_lock_timeout', default=30, min=0, max=600,
        help='Seconds to repeat a gluster command for that meets another '
             'transaction on the same volume, or a server or glusterd that '
             'is being restarted.'),
    cfg.FloatOpt(
        'glusterfs_wipe_timeout', default=86400, min=1, max=2592000,
        help='Seconds that emptying a volume may take. It goes on from where '
             'it was when the delete is repeated.'),
    cfg.ListOpt(
        'glusterfs_server_names', default=['glusterfs-server'],
        help='How the common names begin that the TLS certificates of the '
             'servers have. Names that begin so are never given or taken '
             'access by rules.'),
    cfg.ListOpt(
        'glusterfs_manila_names', default=['manila-host'],
        help='How the common name begins that the TLS certificate of this '
             'host has; as for glusterfs_server_names.'),
    cfg.BoolOpt(
        'glusterfs_quota', default=False,
        help='Bound new shares to their size by a quota on the volume. '
             'Without it a share is as large as its volume, and cannot be '
             'shrunk.'),
]
