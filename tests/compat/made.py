# SPDX-License-Identifier: Apache-2.0

"""Drivers on either base class, made as Manila makes them."""

from collections.abc import Iterator
import importlib
import os
from typing import Any

from oslo_utils import importutils

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import standalone

# Every driver of the library; its signatures are compared with each release.
DRIVERS = (
    'manila_drivers.vastdata.driver.VASTShareDriver',
    'manila_drivers.glusterfs.glusterfs_native.GlusterfsNativeShareDriver',
    'manila_drivers.ibm.gpfs.GPFSShareDriver')


class Theirs(compat.BaseExecuteMixin, compat.BaseGaneshaMixin,
             compat.BaseShareDriver):
    """Manila's classes, or the stand-alone ones, as they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(False, *args, **kwargs)


class Ours(driver.ExecuteMixin, driver.GaneshaMixin, driver.ShareDriver):
    """Our classes on top of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(False, *args, **kwargs)


def drivers() -> Iterator[tuple[str, type]]:
    """The library's driver classes."""
    for path in DRIVERS:
        module, _, name = path.rpartition('.')
        yield path, getattr(importlib.import_module(module), name)


def pair(state: str) -> tuple[Any, Any]:
    """A driver of each class, in sections of their own."""
    path = os.path.join(state, 'manila.conf')
    with open(path, 'w') as file:
        file.write(f'[DEFAULT]\nstate_path = {state}\n'
                   '[theirs]\ndriver_handles_share_servers = False\n'
                   '[ours]\ndriver_handles_share_servers = False\n')
    return (make(f'{__name__}.Theirs', path, 'theirs'),
            make(f'{__name__}.Ours', path, 'ours'))


def make(dotted: str, path: str, section: str) -> Any:
    """A driver in the way of the mode this process is in."""
    if not compat.MANILA:
        return standalone.load(dotted, path, section)
    from manila.share import configuration
    from oslo_config import cfg
    cfg.CONF(['--config-file', path], project='manila')
    wrapped = configuration.Configuration(
        [cfg.StrOpt('share_driver')], config_group=section)
    return importutils.import_object(dotted, private_storage=None,
                                     configuration=wrapped)


def stats(made: Any) -> dict[str, Any]:
    found: dict[str, Any] = made.get_share_stats(refresh=True)
    return found


def attributes(made: Any) -> dict[str, str]:
    """The attributes the service reads, by their type and plain value."""
    names = ('initialized', 'driver_handles_share_servers',
             'ipv6_implemented', 'admin_network_api',
             'max_shares_per_share_server', 'max_share_server_size',
             'security_service_update_support',
             'network_allocation_update_support', 'replication_domain',
             'share_replicas_migration_support', 'encryption_support',
             'dhss_mandatory_security_service_association',
             'restore_to_target_support', 'qos_type_support', '_stats',
             'pools')
    return {name: type(getattr(made, name)).__name__ for name in names
            if hasattr(made, name)}


SHARE = {'id': 'i', 'share_id': 's', 'share_proto': 'NFS', 'size': 1,
         'export_locations': [{'path': 'a:/b', 'is_admin_only': False}]}

SERVER = {'id': 'v'}

# Calls with an answer, or none, in the base class: the argument lists and
# nothing else; the answers are compared between the two.
ANSWERED: dict[str, list[Any]] = {
    'do_setup': [None],
    'check_for_setup_error': [],
    'get_pool': [SHARE],
    'get_optional_share_creation_data': [SHARE],
    'get_periodic_hook_data': [None, [SHARE]],
    'update_share_usage_size': [None, [SHARE]],
    'transfer_accept': [None, SHARE, 'u', 'p'],
    'unmanage': [SHARE],
    'unmanage_with_server': [SHARE, SERVER],
    'unmanage_snapshot': [{}],
    'unmanage_snapshot_with_server': [{}, SERVER],
    'setup_server': [[], None],
    'teardown_server': [{}, None],
    'get_admin_network_allocations_number': [],
    'get_share_server_pools': [SERVER],
    'choose_share_server_compatible_with_share': [None, [SERVER], SHARE],
    'choose_share_server_compatible_with_share_group':
        [None, [SERVER], {'id': 'g'}],
    'get_configured_ip_versions': [],
    'get_filter_function': [],
    'get_goodness_function': [],
    'get_default_filter_function': [],
    'get_default_goodness_function': [],
    'connection_get_info': [None, SHARE],
    'migration_check_compatibility': [None, SHARE, SHARE],
    'share_server_migration_check_compatibility':
        [None, SERVER, 'h', {}, {}, {}],
    'create_share_group': [None, {'id': 'g'}],
    'delete_share_group': [
        None, {'id': 'g', 'share_instances': [], 'shares': []}],
    'create_share_group_from_share_group_snapshot':
        [None, {'id': 'g', 'shares': []},
         {'id': 'gs', 'share_group_snapshot_members': []}],
    'create_replica': [None, [], {}, [], []],
    'ensure_shares': [None, []],
    'ensure_share': [None, SHARE],
    'get_backend_info': [None],
    'create_share': [None, SHARE],
    'delete_share': [None, SHARE],
    'extend_share': [SHARE, 2],
    'shrink_share': [SHARE, 1],
    'manage_existing': [SHARE, {}],
    'unmanage_server': [{}],
    'get_network_allocations_number': [],
    'get_share_status': [SHARE],
    'migration_start': [None, SHARE, SHARE, [], {}],
    'create_backup': [None, SHARE, {}],
}


def behaviour(made: Any) -> dict[str, str]:
    """Return what each of those calls answers or raises."""
    return {name: answer(made, name, arguments)
            for name, arguments in ANSWERED.items()}


def answer(made: Any, name: str, arguments: list[Any]) -> str:
    try:
        return repr(getattr(made, name)(*arguments))
    except Exception as exc:
        return type(exc).__name__
