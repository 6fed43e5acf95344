# SPDX-License-Identifier: Apache-2.0

"""Misconfigurations of each driver's section, as data."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Wrong:
    """One thing that is wrong.

    values: what the section has instead, None for nothing; option: the one
    that the finding has to name; misplaced: the values stand in [DEFAULT];
    asked: the backend has to be asked, with everything else in order that is
    needed for that; alone: it hides what else is wrong with the backend;
    ahead: seconds by which the clock of the backend is ahead of ours.
    """

    option: str
    values: dict
    misplaced: bool = False
    asked: bool = False
    alone: bool = False
    ahead: float = 0.0

    def __str__(self):
        return ','.join(f'{name}={value}' for name, value
                        in self.values.items()) or (
                            f'{self.option} {self.ahead:+.0f}')


def static(option, *values):
    """One for each value of an option."""
    return [Wrong(option, {option: value}) for value in values]


def unknown(name, value='x'):
    return Wrong(name, {name: value})



COMMON = [
    *static('driver_handles_share_servers', None, 'True', 'perhaps'),
    *static('max_over_subscription_ratio', '0.5', 'many'),
    *static('reserved_share_percentage', 'ten'),
    *static('num_shell_tries', 'thrice'),
    unknown('share_backend_nam'), unknown('nothing_like_that_exists')]

VAST = [
    *COMMON,
    *static('vast_mgmt_host', None, 'not a host'),
    *static('vast_mgmt_user', None),
    *static('vast_mgmt_password', None),
    *static('vast_vippool_name', None),
    *static('vast_mgmt_port', 'https', '70000'),
    *static('vast_ssl_cert_verify', 'perhaps'),
    *static('vast_ssl_cert_path', '/nowhere/ca.pem', '/etc/hostname'),
    *static('vast_api_version', 'one'),
    *static('vast_export_addresses', 'bad..name', '300.1.1.1'),
    *static('vast_max_export_locations', '0', '5000'),
    *static('vast_nfs_protocols', 'SMB', ''),
    *static('vast_squash', 'all'),
    *static('vast_share_dir_mode', '999', '7'),
    *static('vast_root_export', '../x'),
    *static('vast_bind_vippool', 'maybe'),
    *static('vast_access_split_limit', '-1'),
    *static('vast_ipv6_access_rules', 'six'),
    *static('vast_delete_with_snapshots', 'never'),
    *static('vast_open_parent_view', 'shut'),
    *static('vast_connect_timeout', '0', 'soon'),
    *static('vast_read_timeout', 'long'),
    *static('vast_retries', '-1'),
    *static('vast_retry_timeout', '9999999'),
    *static('vast_page_size', '1'),
    *static('vast_task_timeout', '0'),
    unknown('vast_mgmt_hots'), unknown('vast_vipool_name'),
    Wrong('vast_qos_policy', {'vast_qos_policy': 'gold'}, misplaced=True),
    Wrong('vast_task_timeout', {'vast_task_timeout': '5'}, misplaced=True),
    # The backend is asked.
    Wrong('vast_mgmt_host', {}, asked=True, ahead=90.0),
    Wrong('vast_vippool_name', {'vast_vippool_name': 'nope'}, asked=True),
    Wrong('vast_qos_policy', {'vast_qos_policy': 'nope'}, asked=True),
    Wrong('vast_export_addresses', {'vast_export_addresses': 'nosuchhost'},
          asked=True),
    Wrong('vast_mgmt_password', {'vast_mgmt_password': 'wrong'}, asked=True,
          alone=True),
    Wrong('vast_mgmt_password', {'vast_mgmt_user': 'nobody'}, asked=True,
          alone=True),
    Wrong('vast_api_token', {'vast_api_token': 'wrong'}, asked=True,
          alone=True),
    Wrong('vast_tenant_name', {'vast_tenant_name': 'nope'}, asked=True,
          alone=True),
    Wrong('vast_mgmt_host', {'vast_mgmt_port': '1'}, asked=True, alone=True),
    Wrong('vast_ssl_cert_path', {
        'vast_ssl_cert_path': '/etc/ssl/certs/ca-certificates.crt'},
        asked=True, alone=True),
    Wrong('vast_ssl_cert_verify', {'vast_ssl_cert_verify': 'False'})]

GLUSTER = [
    *COMMON,
    *static('glusterfs_servers', None, 'root@bad host', 'a@h,b@h'),
    *static('glusterfs_volume_pattern', None, '(', 'open-ended-[0-9]+'),
    Wrong('glusterfs_targets', {'glusterfs_targets': 'root@h:/v'}),
    *static('glusterfs_share_layout', 'layout.of.old'),
    *static('glusterfs_path_to_private_key', '/nowhere/key'),
    *static('glusterfs_mount_point_base', 'relative/path'),
    *static('glusterfs_ssh_port', '0x16', '99999'),
    *static('glusterfs_host_keys', 'any', 'accept-new'),
    *static('glusterfs_command_timeout', '0'),
    *static('glusterfs_lock_timeout', '-1'),
    *static('glusterfs_wipe_timeout', 'forever'),
    *static('glusterfs_server_names', '', 'two words'),
    *static('glusterfs_manila_names', ''),
    *static('glusterfs_quota', 'maybe'),
    unknown('glusterfs_server'), unknown('glusterfs_volume_patern'),
    Wrong('glusterfs_quota', {'glusterfs_quota': 'True'}, misplaced=True),
    Wrong('glusterfs_servers', {}, asked=True, ahead=-600.0),
    # Where {here} is has files of rootwrap; see test_check.
    *(Wrong(option, {'root_helper': f'sudo rootwrap {{here}}/{name}.conf'},
            misplaced=True) for option, name in (
                ('root_helper', 'nowhere'), ('root_helper', 'unfiltered'),
                ('glusterfs_mount_point_base', 'unequipped'))),
    Wrong('glusterfs_volume_pattern', {
        'glusterfs_volume_pattern': 'none-of-these-[0-9]+$'}, asked=True)]

GPFS = [
    *COMMON,
    *static('gpfs_share_export_ip', None, 'not a host'),
    *static('gpfs_mount_point_base', 'relative', '/', '/gpfs0/../x'),
    *static('gpfs_nfs_server_type', 'XNFS'),
    *static('gpfs_nfs_server_list', 'bad host!'),
    *static('is_gpfs_node', 'perhaps'),
    *static('gpfs_ssh_port', 'ssh'),
    *static('gpfs_ssh_login', None),
    *static('gpfs_ssh_private_key', '/nowhere/key'),
    *static('gpfs_share_helpers', 'nonsense'),
    *static('ganesha_fsal_name', 'ZFS'),
    *static('knfs_persist_exports', 'maybe'),
    *static('gpfs_export_addresses', 'bad host!'),
    *static('gpfs_filesystem', 'not a name'),
    *static('gpfs_ssh_host_key_policy', 'any', 'learn'),
    *static('gpfs_ssh_known_hosts', '/nowhere/hosts'),
    *static('gpfs_ssh_use_sudo', 'False', 'perhaps'),
    *static('gpfs_command_timeout', '0'),
    *static('gpfs_share_mode', '999'),
    *static('gpfs_share_owner', 'root'),
    *static('gpfs_fileset_type', 'other'),
    *static('gpfs_inode_limit', 'many'),
    *static('gpfs_quota_account_replicas', 'maybe'),
    unknown('gpfs_comand_timeout'),
    Wrong('gpfs_share_mode', {'gpfs_share_mode': '755'}, misplaced=True),
    Wrong('gpfs_management_hosts', {}, asked=True, ahead=3600.0),
    Wrong('gpfs_management_hosts', {
        'gpfs_management_hosts': '127.0.0.77,127.0.0.1'}, asked=True),
    Wrong('gpfs_filesystem', {'gpfs_filesystem': 'nope'}, asked=True,
          alone=True)]

CES = [
    *GPFS,
    Wrong('gpfs_nfs_server_list', {'gpfs_nfs_server_type': 'KNFS',
                                   'gpfs_nfs_server_list': None})]

# Of servers of the operator's own, which commands are run on.
SERVERS = [
    *GPFS,
    *static('gpfs_nfs_server_list', None, ','),
    *static('gpfs_export_addresses', 'auto', 'auto,10.0.0.1')]

KNFS = [
    *SERVERS,
    *static('knfs_export_options', 'rw=10.0.0.1', 'fsid=0', 'sync,async',
            'anonuid=nobody', 'no_such_option'),
    Wrong('gpfs_nfs_server_list', {'gpfs_nfs_server_list': '127.0.0.77'},
          asked=True, alone=True),
    # The servers run kernel NFS, and no Ganesha.
    Wrong('gpfs_nfs_server_list', {'gpfs_nfs_server_type': 'GNFS'},
          asked=True, alone=True)]

GNFS = [
    *SERVERS,
    *static('ganesha_nfs_export_options', 'Access_Type=RW', 'export_id=7',
            'squash=sometimes', 'sectype', 'no_such_option=1'),
    Wrong('ganesha_export_dir', {'ganesha_export_dir': 'relative'}),
    Wrong('ganesha_export_dir', {'ganesha_export_dir': '/nowhere/export.d'},
          asked=True),
    Wrong('ganesha_config_path', {'ganesha_config_path': '/nowhere/g.conf'},
          asked=True),
    Wrong('gpfs_nfs_server_list', {'gpfs_nfs_server_list': '127.0.0.77'},
          asked=True, alone=True),
    Wrong('gpfs_nfs_server_list', {'gpfs_nfs_server_type': 'KNFS'},
          asked=True, alone=True)]

GENERIC = [
    *(one for one in COMMON
      if one.values != {'driver_handles_share_servers': 'True'}),
    *static('max_time_to_create_volume', '0', 'soon'),
    *static('max_time_to_extend_volume', 'x'),
    *static('max_time_to_attach', '0'),
    *static('generic_copy_timeout', '5'),
    *static('share_volume_fstype', 'btrfs'),
    *static('share_helpers', 'nonsense', 'NFS=nonsense', '',
            'CIFS=manila.share.drivers.helpers.NFSHelper'),
    *static('generic_max_volumes_per_server', '0', 'many'),
    *static('generic_freeze_time', '500'),
    *static('generic_probe_timeout', '0'),
    *static('share_mount_path', 'relative', '/a/../b'),
    *static('volume_name_template', 'fixed', '%s-%s'),
    *static('volume_snapshot_name_template', 'x'),
    *static('service_instance_user', None),
    *static('service_instance_name_or_id', None),
    *static('service_net_name_or_ip', None),
    *static('tenant_net_name_or_ip', None),
    *static('path_to_private_key', '/nowhere/key'),
    Wrong('path_to_private_key', {'service_instance_password': None}),
    *static('set_zero_reserved_blocks', 'maybe'),
    *static('limit_ssh_access', 'maybe'),
    unknown('generic_freze_time'), unknown('service_instance_name'),
    Wrong('generic_freeze_time', {'generic_freeze_time': '5'},
          misplaced=True),
    Wrong('cinder_volume_type', {'cinder_volume_type': 'nope'}, asked=True),
    *(Wrong(name, {name: 'nope'}, asked=True, alone=True) for name in (
        'service_instance_name_or_id', 'service_net_name_or_ip',
        'tenant_net_name_or_ip')),
    Wrong('service_instance_password', {'service_instance_password': 'no'},
          asked=True, alone=True)]

# Where a service instance is made for each share server.
SERVING = [
    *(one for one in COMMON
      if one.option != 'driver_handles_share_servers'),
    *static('driver_handles_share_servers', None, 'perhaps'),
    *static('max_time_to_build_instance', '0', 'soon'),
    *static('share_volume_fstype', 'btrfs'),
    *static('share_helpers', 'nonsense', 'NFS=nonsense'),
    *static('share_mount_path', 'relative'),
    *static('service_instance_user', None),
    *static('path_to_private_key', '/nowhere/key', None),
    *static('service_instance_name_template', 'fixed', '%s-%s'),
    *static('service_network_cidr', '10.254.0.0/33', 'fd00::/64'),
    *static('service_network_division_mask', '0', '31', '8'),
    Wrong('interface_driver', {'interface_driver': 'nonsense',
                               'service_network_host': 'here'}),
    *static('limit_ssh_access', 'maybe'),
    *static('service_instance_ssh_port', '0x16'),
    *static('service_instance_boot_volume_size', '0'),
    Wrong('admin_subnet_id', {'admin_network_id': 'a'}),
    unknown('service_instance_flavour_id'), unknown('service_network_nam'),
    Wrong('service_network_cidr', {
        'service_network_cidr': '10.0.0.0/8'}, misplaced=True),
    # The cloud is asked.
    *(Wrong(name, {name: 'nope'}, asked=True) for name in (
        'service_image_name', 'service_instance_flavor_id',
        'cinder_volume_type', 'backend_availability_zone')),
    Wrong('service_instance_boot_volume_type', {
        'service_instance_boot_from_volume': 'True',
        'service_instance_boot_volume_type': 'nope'}, asked=True),
    Wrong('service_instance_base_boot_volume_id', {
        'service_instance_boot_from_volume': 'True',
        'service_image_name': None,
        'service_instance_base_boot_volume_id': 'nope'}, asked=True),
    Wrong('admin_network_id', {'admin_network_id': 'nope',
                               'admin_subnet_id': 'nope'}, asked=True)]

TABLES = {'vast': VAST, 'gluster': GLUSTER, 'ces': CES, 'knfs': KNFS,
          'gnfs': GNFS, 'generic': GENERIC, 'servers': SERVING}
