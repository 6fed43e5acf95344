# SPDX-License-Identifier: Apache-2.0

"""Make the driver and the registry that a configuration file names.

Driver classes and SQLAlchemy are imported here, when they are needed.
"""

import importlib
import os
import sys
from typing import Any
from typing import TYPE_CHECKING

from oslo_config import cfg

from manila_drivers import exception
from manila_drivers import extras

if TYPE_CHECKING:
    from manila_drivers.registry.registry import Registry
    from manila_drivers.standalone import configuration

_FORCE = 'MANILA_DRIVERS_STANDALONE'
#: In a backend's section; Manila's own option.
DRIVER_OPTS = [cfg.StrOpt(
    'share_driver', help='Dotted path of the class of the driver.')]


def stand_alone() -> None:
    """Have drivers stand on this library's base class, not on Manila's.

    :raises ConfigurationError: they were imported with Manila's before.
    """
    found: Any = sys.modules.get('manila_drivers.compat')
    if found is None:
        before = os.environ.get(_FORCE)
        os.environ[_FORCE] = '1'
        try:
            found = importlib.import_module('manila_drivers.compat')
        finally:
            if before is None:
                del os.environ[_FORCE]
            else:
                os.environ[_FORCE] = before
    if found.MANILA:
        raise exception.ConfigurationError(
            _FORCE, 'is not set in the environment, and the drivers of this '
            "process stand on Manila's base class already",
            check=f'{_FORCE}=1, for programs that use both')


def section(config_file: str | os.PathLike[str],
            name: str) -> 'configuration.Configuration':
    """Return the section of a backend.

    :raises ConfigurationError: there is no such file or section.
    """
    stand_alone()
    from manila_drivers.standalone import configuration
    from manila_drivers.standalone import options
    return configuration.Configuration.from_file(
        config_file, name, [*DRIVER_OPTS, *options.SHARE_OPTS])


def open_registry(conf: 'configuration.Configuration',
                  url: str | None = None) -> 'Registry':
    """Return the registry that a configuration names.

    :param url: goes before ``registry_connection``.
    :raises ConfigurationError: it cannot be used.
    :raises Unreachable: its database does not answer.
    """
    with extras.needed(
            'sqlalchemy', 'registry', 'registry_connection', 'SQLAlchemy is '
            'not installed, which the registry of shares needs'):
        from manila_drivers.registry import registry
    url = url or conf.default_get('registry_connection') or (
        'sqlite:///' + os.path.join(conf.state_path, 'registry.sqlite3'))
    return registry.Registry(
        url, seconds=conf.default_get('registry_timeout'),
        lease=conf.default_get('registry_lease'))


def driver(conf: 'configuration.Configuration', registry: 'Registry') -> Any:
    """Return the driver of a section; nothing was asked of its backend.

    :raises ConfigurationError: the section names no driver of ours that can
        be used without Manila.
    """
    # What is on one host is kept apart by files.
    return plain_driver(
        conf, registry.private_data,
        registry.leases if registry.database.shared else None)


def plain_driver(conf: 'configuration.Configuration', private_storage: Any,
                 coordinator: Any = None, *, service_host: str = '') -> Any:
    """Return the driver of a section that has its notes elsewhere.

    :param service_host: of a share service, whose shares are looked at; it
        may have share servers.
    :raises ConfigurationError: as :func:`driver`.
    """
    path = str(conf.safe_get('share_driver') or '')
    kind = driver_class(path)
    if conf.safe_get('driver_handles_share_servers') and not service_host:
        raise exception.ConfigurationError(
            'driver_handles_share_servers', 'is True, and share servers need '
            "Manila's networks", check='False, if the driver can do without')
    try:
        return kind(configuration=conf, private_storage=private_storage,
                    coordinator=coordinator, service_host=service_host,
                    # A service may have the port, and a command ends soon.
                    serve_metrics=False)
    except exception.DriverError:
        raise
    except cfg.Error as exc:
        raise exception.ConfigurationError(
            'share_driver', f'{path} does not take its options',
            answer=str(exc)) from exc
    except Exception as exc:
        from manila_drivers import compat
        if not isinstance(exc, compat.errors.ManilaException):
            raise
        raise exception.ConfigurationError(
            'driver_handles_share_servers', 'does not suit the driver',
            answer=str(exc)) from exc


def driver_class(path: str) -> Any:
    """Return the class of a driver.

    :raises ConfigurationError: there is none, or it is not one of ours.
    """
    if not path:
        raise exception.ConfigurationError('share_driver', 'is not set')
    stand_alone()
    if path.startswith('manila.'):
        # Where there is a Manila it could be imported, which helps nobody.
        raise exception.ConfigurationError(
            'share_driver', f"{path} is Manila's own and no driver of this "
            'library', check='manila_drivers in the place of '
            'manila.share.drivers, and check --migrate first')
    module, _, name = path.rpartition('.')
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as exc:
        raise exception.ConfigurationError(
            'share_driver', f'{path} cannot be imported', answer=str(exc),
            check='its spelling') from exc
    from manila_drivers import driver as skin
    if not (isinstance(kind, type) and issubclass(kind, skin.ShareDriver)):
        raise exception.ConfigurationError(
            'share_driver', f'{path} is no driver of this library')
    return kind
