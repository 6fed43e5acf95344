# SPDX-License-Identifier: Apache-2.0

"""Shares on IBM Storage Scale, whose file system is GPFS.

``manila_drivers.ibm.gpfs.GPFSShareDriver`` is what ``share_driver`` names.
The classes are imported when they are asked for: options are listed by
programs that need neither them nor Manila.
"""

import importlib
from typing import Any

_HOMES = {
    'GPFSShareDriver': 'driver',
    'NASHelperBase': 'helpers.base',
    'KNFSHelper': 'helpers.knfs',
    'GNFSHelper': 'helpers.gnfs',
    'CESHelper': 'helpers.ces'}

__all__ = ('CESHelper', 'GNFSHelper', 'GPFSShareDriver', 'KNFSHelper',
           'NASHelperBase')


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'),
                   name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
