#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Shares on IBM Storage Scale, whose file system is GPFS.

``manila_drivers.ibm.gpfs.GPFSShareDriver`` is what ``share_driver`` names.
The classes are imported when they are asked for: options are listed by
programs that need neither them nor Manila.
"""

import importlib
from typing import Any

_HOMES = {
    'GPFSShareDriver': 'driver',
    'NASHelperBase': 'helper',
    'KNFSHelper': 'knfs',
    'GNFSHelper': 'gnfs',
    'CESHelper': 'ces'}

__all__ = ('CESHelper', 'GNFSHelper', 'GPFSShareDriver', 'KNFSHelper',
           'NASHelperBase')


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'),
                   name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
