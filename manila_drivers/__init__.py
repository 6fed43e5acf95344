# SPDX-License-Identifier: Apache-2.0


"""Share drivers for OpenStack Manila, usable with Manila and without.

Importing this package imports nothing else: what knows about Manila is in
:mod:`manila_drivers.compat`, and is only loaded by the driver classes.

``Backend``, ``Share`` and ``Snapshot`` are the way in without Manila; they are
imported from :mod:`manila_drivers.direct` when somebody asks for them.
"""

from typing import Any
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manila_drivers.direct import Backend
    from manila_drivers.direct import Share
    from manila_drivers.direct import Snapshot

__all__ = ['Backend', 'Share', 'Snapshot']


def __getattr__(name: str) -> Any:
    if name in __all__:
        from manila_drivers import direct
        return getattr(direct, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
