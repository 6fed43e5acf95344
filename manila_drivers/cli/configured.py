# SPDX-License-Identifier: Apache-2.0

"""Backends that a configuration file has."""

import os

from oslo_config import cfg

from manila_drivers import exception

_OPTS = [cfg.ListOpt('enabled_share_backends', default=[])]
_DRIVER = [cfg.StrOpt('share_driver')]


def sections(path: str | os.PathLike[str]) -> dict[str, tuple[str, bool]]:
    """Return the driver of each backend, and if Manila would start it.

    :raises ConfigurationError: the file cannot be read.
    """
    conf = cfg.ConfigOpts()
    try:
        conf([], project='manila_drivers', default_config_dirs=[],
             default_config_files=[os.fspath(path)])
    except cfg.Error as exc:
        raise exception.ConfigurationError(
            'config_file', f'{path} cannot be read', answer=str(exc),
            check='--config-file') from exc
    conf.register_opts(_OPTS)
    enabled = [name.strip() for name in conf.enabled_share_backends]
    found = {}
    for name in conf.list_all_sections():
        if name == 'DEFAULT':
            continue
        conf.register_opts(_DRIVER, group=name)
        driver = conf[name].share_driver
        if driver or name in enabled:
            found[name] = (str(driver or ''), name in enabled)
    return found


def only(path: str | os.PathLike[str]) -> str:
    """Return the one backend that a file has.

    :raises ConfigurationError: it has several, or none.
    """
    found = sections(path)
    enabled = [name for name, (_, on) in found.items() if on] or list(found)
    if len(enabled) != 1:
        raise exception.ConfigurationError(
            'backend', f'{path} has '
            + (f'the backends {", ".join(enabled)}' if enabled else
               'no section with share_driver'),
            check='--backend, or $MANILA_DRIVERS_BACKEND')
    return enabled[0]
