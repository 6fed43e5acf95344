# SPDX-License-Identifier: Apache-2.0

"""The configuration files of a run, as text.  Pure."""

from collections.abc import Mapping
import configparser
import dataclasses
import io
import pathlib

from tests.tempest.layout import Layout
from tests.tempest.layout import PASSWORD

Sections = Mapping[str, Mapping[str, object]]

RELEASE = '23.0.1'
MICROVERSION = '2.99'


@dataclasses.dataclass(frozen=True)
class Backends:
    """Hold what manila.conf and the services have to know of the backends.

    :param sections: their own ones; options that are None are left out.
    :param defaults: options of [DEFAULT].
    :param extra: further sections.
    :param programs: directories whose programs manila-share finds first.
    :param reverts: whether the default share type wants shares that can be
        reverted.
    """

    sections: Sections
    defaults: Mapping[str, object] = dataclasses.field(default_factory=dict)
    extra: Sections = dataclasses.field(default_factory=dict)
    programs: tuple[pathlib.Path, ...] = ()
    reverts: bool = False


def ini(sections: Sections) -> str:
    parser = configparser.RawConfigParser(default_section='\0')
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    for name, options in sections.items():
        parser.add_section(name)
        for key, value in options.items():
            parser.set(name, key, str(value))
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def keystone(layout: Layout) -> str:
    return ini({
        'DEFAULT': {'log_dir': layout.logs, 'log_file': 'keystone.log'},
        'database': {'connection': layout.database('keystone')},
        'token': {'provider': 'fernet', 'expiration': 86400},
        'fernet_tokens': {'key_repository': layout.work / 'fernet'},
        'credential': {'key_repository': layout.work / 'credential'},
        # Without it a request costs some sixty queries, and most of a run's
        # time.  In memory, so that one process has to serve all requests.
        'cache': {'enabled': 'true', 'backend': 'dogpile.cache.memory_pickle'},
        'identity': {'password_hash_rounds': 4}})


def _escaped(options: Mapping[str, object]) -> dict[str, str]:
    """Options as oslo.config reads them, which would expand a plain ``$``."""
    return {name: str(value).replace('$', r'\$')
            for name, value in options.items() if value is not None}


def manila(layout: Layout, backends: Backends) -> str:
    """One file for all services; the API's part does not harm the others."""
    state = layout.work / 'state'
    return ini({
        'DEFAULT': {
            'debug': 'true', 'host': 'solo', 'my_ip': '127.0.0.1',
            'state_path': state, 'log_dir': layout.logs,
            'api_paste_config': layout.manila.parent / 'etc' / 'manila'
            / 'api-paste.ini',
            'transport_url': 'rabbit://guest:guest@127.0.0.1:%d/'
            % layout.broker_port,
            'auth_strategy': 'keystone',
            'enabled_share_backends': ','.join(backends.sections),
            'enabled_share_protocols': 'NFS,CIFS,GLUSTERFS',
            'default_share_type': 'default',
            'periodic_interval': 5, 'periodic_fuzzy_delay': 0,
            'report_interval': 5, 'service_down_time': 60,
            'quota_shares': 200, 'quota_gigabytes': 5000,
            'quota_snapshots': 200, 'quota_snapshot_gigabytes': 5000,
            'quota_share_networks': 50, **_escaped(backends.defaults)},
        'database': {'connection': layout.database('manila'),
                     'max_pool_size': 20, 'max_overflow': 50},
        'oslo_concurrency': {'lock_path': state / 'locks'},
        'coordination': {'backend_url': 'file://%s' % state},
        'oslo_policy': {'policy_file': layout.work / 'policy.yaml'},
        'keystone_authtoken': {
            'www_authenticate_uri': layout.keystone_url,
            'auth_url': layout.keystone_url, 'auth_type': 'password',
            'username': 'manila', 'password': PASSWORD,
            'project_name': 'service', 'user_domain_name': 'Default',
            'project_domain_name': 'Default'},
        **{name: _escaped(options) for name, options
           in {**backends.extra, **backends.sections}.items()}})


def tempest(layout: Layout, backends: Backends,
            share: Mapping[str, object]) -> str:
    """Return tempest.conf.

    :param share: options of [share] that are the backend's own.
    """
    names = [str(options['share_backend_name'])
             for options in backends.sections.values()]
    return ini({
        'DEFAULT': {'log_dir': layout.logs, 'log_file': 'tempest.log'},
        'auth': {
            'use_dynamic_credentials': 'true',
            'create_isolated_networks': 'false',
            'admin_username': 'admin', 'admin_password': PASSWORD,
            'admin_project_name': 'admin', 'admin_domain_name': 'Default',
            'tempest_roles': 'member',
            'default_credentials_domain_name': 'Default'},
        'identity': {'auth_version': 'v3', 'uri_v3': layout.keystone_url,
                     'v3_endpoint_type': 'public', 'region': 'RegionOne'},
        'identity-feature-enabled': {'api_v2': 'false'},
        # Patience for a machine that is busy otherwise; nothing is expected
        # to take this long.
        'service-clients': {'http_timeout': 300},
        'service_available': {
            'manila': 'true', 'nova': 'false', 'neutron': 'false',
            'glance': 'false', 'cinder': 'false', 'swift': 'false',
            'horizon': 'false'},
        'oslo_concurrency': {'lock_path': layout.work / 'tempest-locks'},
        'share': {
            'catalog_type': 'sharev2', 'endpoint_type': 'public',
            'max_api_microversion': MICROVERSION,
            'default_share_type_name': 'default',
            'backend_names': ','.join(names), 'multi_backend': 'false',
            'multitenancy_enabled': 'false',
            'create_networks_when_multitenancy_enabled': 'false',
            'build_interval': 1, 'build_timeout': 600,
            'enable_ip_rules_for_protocols': '',
            'enable_user_rules_for_protocols': '',
            'enable_cert_rules_for_protocols': '',
            'enable_cephx_rules_for_protocols': '',
            'enable_ro_access_level_for_protocols': '',
            'capability_snapshot_support': 'true',
            'capability_create_share_from_snapshot_support': 'true',
            'run_extend_tests': 'true', 'run_shrink_tests': 'true',
            'run_snapshot_tests': 'true',
            'run_revert_to_snapshot_tests': 'false',
            'run_mount_snapshot_tests': 'false',
            'run_manage_unmanage_tests': 'true',
            'run_manage_unmanage_snapshot_tests': 'true',
            'run_share_group_tests': 'true',
            'run_replication_tests': 'false',
            'run_host_assisted_migration_tests': 'false',
            'run_driver_assisted_migration_tests': 'false',
            'run_driver_assisted_backup_tests': 'false',
            'run_encryption_tests': 'false', **share}})
