# SPDX-License-Identifier: Apache-2.0

"""Options of the Generic driver.

Importing this module needs neither Manila nor a cloud.  Those of the virtual
machines are in ``manila_drivers.service_instance``, and those of the services
that are asked, in the sections [nova], [cinder], [neutron] and [glance], in
``manila_drivers.openstack``.
"""

from oslo_config import cfg

#: Helpers by what operators call them: the paths of Manila's own, which
#: stand in many a manila.conf, and short names.
NFS = 'NFS'
CIFS_IP = 'CIFS by address'
CIFS_USER = 'CIFS by user'
HELPERS = {
    'manila.share.drivers.helpers.NFSHelper': NFS,
    'manila.share.drivers.helpers.CIFSHelperIPAccess': CIFS_IP,
    'manila.share.drivers.helpers.CIFSHelperUserAccess': CIFS_USER}

GENERIC_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'smb_template_config_path', default='$state_path/smb.conf',
        deprecated_for_removal=True,
        deprecated_reason='Shares are in the registry of Samba.',
        help='Without effect. Configurations of old name it.'),
    cfg.StrOpt(
        'service_instance_smb_config_path',
        default='$share_mount_path/smb.conf',
        deprecated_for_removal=True,
        deprecated_reason='Shares are in the registry of Samba.',
        help='Without effect. Configurations of old name it.'),
    cfg.StrOpt(
        'volume_name_template', default='manila-share-%s',
        help='Name of the volume of a share; %s stands for the id of the '
             'share instance.'),
    cfg.StrOpt(
        'volume_snapshot_name_template', default='manila-snapshot-%s',
        help='Name of the volume snapshot of a snapshot; %s stands for the '
             'id of the snapshot instance.'),
    cfg.StrOpt(
        'share_mount_path', default='/shares',
        help='Directory in the service instance below which volumes are '
             'mounted. It stays what it is as long as there are shares.'),
    cfg.IntOpt(
        'max_time_to_create_volume', default=180, min=1, max=86400,
        help='Seconds within which a volume or a volume snapshot has to be '
             'made or deleted. A volume made of a snapshot may take longer: '
             'Manila is told how far it is.'),
    cfg.IntOpt(
        'generic_copy_timeout', default=86400, min=60, max=2592000,
        help='Seconds that Cinder may take to fill a volume with what is in '
             'a snapshot. A share whose volume is not there by then goes '
             'into error, counted from when it was first asked how far it '
             'is.'),
    cfg.IntOpt(
        'max_time_to_extend_volume', default=180, min=1, max=86400,
        help='Seconds within which a volume has to be extended.'),
    cfg.IntOpt(
        'max_time_to_attach', default=120, min=1, max=86400,
        help='Seconds within which a volume has to be attached or detached. '
             'Nova itself tries to detach one from a virtual machine that '
             'does not react for more than three minutes; that is waited '
             'for.'),
    cfg.ListOpt(
        'share_helpers',
        default=[
            'CIFS=manila.share.drivers.helpers.CIFSHelperIPAccess',
            'NFS=manila.share.drivers.helpers.NFSHelper'],
        help='How each protocol is served, as PROTOCOL=helper pairs; '
             'protocols that are not named are not served. The helpers are '
             'called as those of Manila: '
             'manila.share.drivers.helpers.NFSHelper, '
             'manila.share.drivers.helpers.CIFSHelperIPAccess (rules of type '
             'ip) and manila.share.drivers.helpers.CIFSHelperUserAccess '
             '(rules of type user).'),
    cfg.StrOpt(
        'share_volume_fstype', default='ext4', choices=['ext4', 'ext3', 'xfs'],
        help='File system of new shares. One with xfs cannot be shrunk.'),
    cfg.StrOpt(
        'cinder_volume_type',
        help='Type of the volumes of shares; unset leaves it to Cinder.'),
    cfg.BoolOpt(
        'set_zero_reserved_blocks', default=True,
        help='Leave no blocks of ext3 and ext4 to root alone, so that '
             'shares hold what their size says.'),
    cfg.IntOpt(
        'generic_max_volumes_per_server', default=26, min=1, max=5000,
        help='Most volumes that a service instance may have, its own disk '
             'among them if that is a volume. 26 is what the usual machine '
             'type of libvirt takes with virtio-blk; images with '
             'hw_scsi_model=virtio-scsi and hw_disk_bus=scsi take more.'),
    cfg.IntOpt(
        'generic_freeze_time', default=20, min=0, max=120,
        help='Seconds for which writes to a share may be held up while a '
             'snapshot of its volume is begun, so that it is taken of a file '
             'system at rest. 0 takes it as a power failure would leave it; '
             'the journal of the file system copes with that as well.'),
    cfg.IntOpt(
        'generic_probe_timeout', default=10, min=1, max=600,
        help='Seconds after which a service instance that is not reached '
             'counts as away, where something can be done without it: when '
             'the service starts and when shares are deleted.'),
]
