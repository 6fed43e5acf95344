# SPDX-License-Identifier: Apache-2.0

"""Shares on volumes of Cinder, served by virtual machines of Nova.

``manila_drivers.generic.GenericShareDriver`` is what ``share_driver`` names.
The class is imported when it is asked for: options are listed by programs
that need neither it nor Manila.
"""

import importlib
from typing import Any

_HOMES = {'GenericShareDriver': 'driver'}

__all__ = ('GenericShareDriver',)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'),
                   name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
