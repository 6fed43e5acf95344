# SPDX-License-Identifier: Apache-2.0

"""The configuration files of the cloud, as text.  Pure.

``venv`` is the directory of the environment that the services run from; some
of their files are taken from there.
"""

import pathlib

from tests.functional.openstack import places
from tests.tempest.configs import ini
from tests.tempest.configs import Sections

SECRET = 'between-the-metadata-agent-and-nova'


def account(user: str) -> dict[str, object]:
    """Return how a service's user logs in."""
    return {'auth_type': 'password', 'auth_url': places.IDENTITY,
            'username': user, 'password': places.PASSWORD,
            'project_name': 'service', 'user_domain_name': 'Default',
            'project_domain_name': 'Default'}


def regional(user: str) -> dict[str, object]:
    return {**account(user), 'region_name': places.REGION}


def guarded(user: str) -> dict[str, object]:
    """Return how a service looks at the tokens that it is shown."""
    return {**account(user), 'www_authenticate_uri': places.IDENTITY,
            'service_token_roles': 'service',
            'service_token_roles_required': 'true'}


def privileged(file: str) -> dict[str, object]:
    """Return how a service starts its helper: it is root already."""
    return {'helper_command':
            f'privsep-helper --config-file {places.CONFIG / file}'}


def common(name: str) -> dict[str, object]:
    return {'host': places.HOST, 'my_ip': '127.0.0.1',
            'state_path': places.STATE / name, 'log_dir': places.LOGS,
            'transport_url': places.BROKER_URL, 'auth_strategy': 'keystone',
            # Services that have died are noticed within a test.
            'report_interval': 5, 'service_down_time': 60}


def locks(name: str) -> dict[str, object]:
    return {'lock_path': places.STATE / name / 'locks'}


def keystone() -> str:
    return ini({
        'DEFAULT': {'log_dir': places.LOGS, 'log_file': 'keystone.log'},
        'database': {'connection': places.database('keystone')},
        'token': {'provider': 'fernet', 'expiration': 86400},
        'fernet_tokens': {'key_repository':
                          places.STATE / 'keystone' / 'fernet'},
        'credential': {'key_repository':
                       places.STATE / 'keystone' / 'credential'},
        'cache': {'enabled': 'true', 'backend': 'dogpile.cache.memory_pickle'},
        'identity': {'password_hash_rounds': 4}})


def placement() -> str:
    return ini({
        'DEFAULT': {'log_dir': places.LOGS, 'log_file': 'placement.log'},
        'api': {'auth_strategy': 'keystone'},
        'placement_database': {'connection': places.database('placement')},
        'keystone_authtoken': guarded('placement')})


def glance(venv: pathlib.Path) -> str:
    state = places.STATE / 'glance'
    return ini({
        'DEFAULT': {
            'log_dir': places.LOGS, 'log_file': 'glance.log',
            'enabled_backends': 'file:file', 'enabled_import_methods': '[]',
            'worker_self_reference_url': places.url(places.GLANCE)},
        'database': {'connection': places.database('glance')},
        'glance_store': {'default_backend': 'file'},
        'file': {'filesystem_store_datadir': state / 'images'},
        'os_glance_staging_store': {
            'filesystem_store_datadir': state / 'staging'},
        'os_glance_tasks_store': {'filesystem_store_datadir': state / 'tasks'},
        'paste_deploy': {
            'flavor': 'keystone',
            'config_file': venv / 'etc' / 'glance' / 'glance-api-paste.ini'},
        'oslo_concurrency': locks('glance'),
        'keystone_authtoken': guarded('glance')})


def nova(venv: pathlib.Path) -> str:
    state = places.STATE / 'nova'
    helper = privileged('nova.conf')
    return ini({
        'DEFAULT': {
            **common('nova'),
            'compute_driver': 'libvirt.LibvirtDriver',
            'instances_path': state / 'instances',
            'vif_plugging_timeout': 300, 'vif_plugging_is_fatal': 'true',
            'block_device_allocate_retries_interval': 1},
        'api': {'auth_strategy': 'keystone'},
        'wsgi': {'api_paste_config': venv / 'etc' / 'nova' / 'api-paste.ini'},
        'api_database': {'connection': places.database('nova_api')},
        'database': {'connection': places.database('nova')},
        'conductor': {'workers': 1},
        'scheduler': {'workers': 1, 'discover_hosts_in_cells_interval': 5},
        'oslo_concurrency': locks('nova'),
        'vnc': {'enabled': 'false'},
        'libvirt': {
            # With less it translates the same again and again.
            'virt_type': 'qemu', 'cpu_mode': 'none', 'tb_cache_size': 512,
            'num_pcie_ports': 12, 'connection_uri': 'qemu:///system',
            'nfs_mount_point_base': state / 'mnt'},
        'os_vif_ovs': {'ovsdb_connection': f'unix:{places.SWITCH_SOCKET}'},
        'glance': {'endpoint_override': places.url(places.GLANCE),
                   'region_name': places.REGION},
        'cinder': {**account('nova'), 'os_region_name': places.REGION,
                   'catalog_info': 'volumev3::publicURL'},
        'neutron': {**regional('nova'), 'service_metadata_proxy': 'true',
                    'metadata_proxy_shared_secret': SECRET},
        'placement': regional('placement'),
        'service_user': {**regional('nova'),
                         'send_service_user_token': 'true'},
        'nova_sys_admin': helper, 'privsep_osbrick': helper,
        'vif_plug_ovs_privileged': helper,
        'vif_plug_linux_bridge_privileged': helper,
        'keystone_authtoken': guarded('nova')})


def cinder(venv: pathlib.Path) -> str:
    state = places.STATE / 'cinder'
    helper = privileged('cinder.conf')
    return ini({
        'DEFAULT': {
            **common('cinder'),
            'api_paste_config': venv / 'etc' / 'cinder' / 'api-paste.ini',
            'rootwrap_config': places.CONFIG / 'cinder-rootwrap.conf',
            'enabled_backends': ','.join(places.BACKENDS),
            'default_volume_type': '__DEFAULT__',
            'glance_api_servers': places.url(places.GLANCE)},
        'database': {'connection': places.database('cinder')},
        'ceph1': {
            'volume_backend_name': 'ceph1',
            'volume_driver': 'cinder.volume.drivers.rbd.RBDDriver',
            'rbd_pool': 'volumes', 'rbd_ceph_conf': '/etc/ceph/ceph.conf',
            'report_discard_supported': 'true'},
        'nfs1': {
            'volume_backend_name': 'nfs1',
            'volume_driver': 'cinder.volume.drivers.nfs.NfsDriver',
            'nfs_shares_config': places.CONFIG / 'nfs_shares',
            'nfs_mount_point_base': state / 'mnt',
            'nfs_sparsed_volumes': 'true', 'nfs_snapshot_support': 'true',
            'nas_secure_file_operations': 'false',
            'nas_secure_file_permissions': 'false'},
        'oslo_concurrency': locks('cinder'),
        'cinder_sys_admin': helper, 'privsep_osbrick': helper,
        'key_manager': {
            'backend': 'cinder.keymgr.conf_key_mgr.ConfKeyManager',
            'fixed_key': '0' * 64},
        'nova': regional('nova'),
        'service_user': {**regional('cinder'),
                         'send_service_user_token': 'true'},
        'keystone_authtoken': guarded('cinder')})


def neutron(venv: pathlib.Path) -> str:
    return ini({
        'DEFAULT': {
            **common('neutron'),
            'core_plugin': 'ml2', 'service_plugins': 'router',
            'api_paste_config': venv / 'etc' / 'neutron' / 'api-paste.ini',
            'rpc_workers': 1, 'rpc_state_report_workers': 0,
            'notify_nova_on_port_status_changes': 'true',
            'notify_nova_on_port_data_changes': 'true',
            'dhcp_agents_per_network': 1,
            'interface_driver': 'openvswitch'},
        'database': {'connection': places.database('neutron')},
        'agent': {'root_helper': places.PROGRAMS / 'sudo',
                  'report_interval': 10},
        'oslo_concurrency': locks('neutron'),
        'nova': regional('nova'), 'placement': regional('placement'),
        'keystone_authtoken': guarded('neutron')})


def ml2() -> str:
    return ini({
        # All machines are on one host, whose switch is network enough.
        'ml2': {'type_drivers': 'flat,vlan,local,vxlan',
                'tenant_network_types': 'local',
                'mechanism_drivers': 'openvswitch',
                'extension_drivers': 'port_security'},
        'securitygroup': {'enable_security_group': 'true',
                          'firewall_driver': 'openvswitch'},
        'ovs': {**_switch(), 'datapath_type': 'netdev',
                'local_ip': '127.0.0.1', 'integration_bridge': 'br-int',
                'of_inactivity_probe': 60, 'of_listen_address': '127.0.0.1',
                'of_listen_port': places.OPENFLOW},
        'agent': {'tunnel_types': ''}})


def dhcp() -> str:
    return ini({
        'DEFAULT': {'interface_driver': 'openvswitch',
                    'dhcp_driver': 'neutron.agent.linux.dhcp.Dnsmasq',
                    'enable_isolated_metadata': 'true'},
        'ovs': _switch()})


def l3() -> str:
    return ini({'DEFAULT': {'interface_driver': 'openvswitch',
                            'agent_mode': 'legacy'}, 'ovs': _switch()})


def metadata() -> str:
    return ini({'DEFAULT': {
        'nova_metadata_host': '127.0.0.1',
        'nova_metadata_port': places.METADATA,
        'metadata_proxy_shared_secret': SECRET, 'metadata_workers': 1}})


def _switch() -> dict[str, object]:
    return {'ovsdb_connection': f'unix:{places.SWITCH_SOCKET}'}


def rootwrap(text: str, venv: pathlib.Path, *services: str) -> str:
    """Return a service's own file with our programs before the system's."""
    filters = ','.join(f'{venv}/etc/{name}/rootwrap.d' for name in services)
    lines = []
    for line in text.splitlines():
        if line.startswith('filters_path'):
            line = f'filters_path={filters}'
        if line.startswith('exec_dirs='):
            line = (f'exec_dirs={places.PROGRAMS},{venv}/bin,'
                    + line.partition('=')[2])
        lines.append(line)
    return '\n'.join(lines) + '\n'


def manila(venv: pathlib.Path, backends: Sections) -> str:
    """Return the file of all of Manila's services."""
    state = places.STATE / 'manila'
    return ini({
        'DEFAULT': {
            **common('manila'),
            'debug': 'true',
            'api_paste_config': venv / 'etc' / 'manila' / 'api-paste.ini',
            'rootwrap_config': places.CONFIG / 'manila-rootwrap.conf',
            'enabled_share_backends': ','.join(backends),
            'enabled_share_protocols': 'NFS,CIFS',
            'periodic_interval': 10, 'periodic_fuzzy_delay': 0,
            'enable_gathering_share_usage_size': 'true',
            'share_usage_size_update_interval': 60},
        # Notifications stand in its log.
        'oslo_messaging_notifications': {'driver': 'log'},
        'database': {'connection': places.database('manila')},
        'oslo_concurrency': locks('manila'),
        'coordination': {'backend_url': f'file://{state}'},
        'oslo_policy': {'policy_file': places.CONFIG / 'manila-policy.yaml'},
        **{name: regional('manila')
           for name in ('nova', 'cinder', 'neutron', 'glance')},
        'keystone_authtoken': guarded('manila'), **backends})


CEPH_ID = '457eb676-33da-42ec-9a8c-9293d545c337'


def ceph() -> str:
    """Return the settings of a cluster of one disk, which is a file."""
    return ini({'global': {
        'fsid': CEPH_ID, 'mon_initial_members': 'a',
        'mon_host': '[v2:127.0.0.1:3300,v1:127.0.0.1:6789]',
        'public_network': '127.0.0.0/8',
        'auth_cluster_required': 'none', 'auth_service_required': 'none',
        'auth_client_required': 'none', 'osd_pool_default_size': 1,
        'osd_pool_default_min_size': 1, 'osd_pool_default_pg_num': 16,
        'osd_crush_chooseleaf_type': 0, 'mon_allow_pool_size_one': 'true',
        'mon_allow_pool_delete': 'true',
        'mon_warn_on_pool_no_redundancy': 'false',
        # Not much of the machine's disk need be free for a test.
        'mon_data_avail_warn': 1, 'mon_data_avail_crit': 1,
        'osd_objectstore': 'bluestore', 'bluestore_block_size': 30_000_000_000,
        'osd_memory_target': 939_524_096, 'mgr_initial_modules': '',
        'mgr_pool': 'false', 'rbd_default_features': 61,
        'log_to_stderr': 'false'}})


LIBVIRTD = f"""\
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:file:{places.LOGS}/libvirtd.log"
"""

QEMU = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
clear_emulator_capabilities = 0
"""

#: Programs of the cloud's own, found before the system's.
PROGRAMS = {
    # Root already: its options are dropped, and the rest is run.
    'sudo': """\
#!/bin/sh
while :; do
    case "$1" in
        -n|-E|-H|-S) shift ;;
        -u) shift 2 ;;
        --) shift; break ;;
        *) break ;;
    esac
done
exec "$@"
""",
    # Who emulates a machine goes before others: they wait for a little work
    # of its, and Linux weighs sessions alike, however many wait for one,
    # unless it weighs processes alone.
    'qemu-system-x86_64': """\
#!/bin/sh
echo -15 2>/dev/null >/proc/self/autogroup || :
exec nice -n -5 /usr/bin/qemu-system-x86_64 "$@"
""",
    # The NFS back end's server is a directory, as this kernel has no NFS.
    'mount': f"""\
#!/bin/sh
case " $* " in
    *' -t nfs '*)
        for directory; do :; done
        exec /usr/bin/mount --bind {places.VOLUMES} "$directory" ;;
esac
exec /usr/bin/mount "$@"
"""}
