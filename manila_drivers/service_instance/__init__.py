# SPDX-License-Identifier: Apache-2.0

"""Service instances: servers in Nova that serve shares, for any driver.

The names are those of Manila's module of that name.  The classes are imported
when they are asked for: options are listed by programs that need neither
them nor OpenStack's clients.
"""

import importlib
from typing import Any

from manila_drivers.service_instance import opts

common_opts = opts.common_opts
no_share_servers_handling_mode_opts = opts.no_share_servers_handling_mode_opts
share_servers_handling_mode_opts = opts.share_servers_handling_mode_opts

_HOMES = {
    'ServiceInstanceManager': 'manager',
    'BaseNetworkhelper': 'helper',
    'NeutronNetworkHelper': 'network',
    'ensure_server': 'ensuring'}

__all__ = ('BaseNetworkhelper', 'NeutronNetworkHelper',
           'ServiceInstanceManager', 'common_opts', 'ensure_server',
           'no_share_servers_handling_mode_opts',
           'share_servers_handling_mode_opts')


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'),
                   name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
