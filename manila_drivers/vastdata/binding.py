# SPDX-License-Identifier: Apache-2.0

"""Through which VIP pools a share is reached.  Pure.

Which field of a view policy says so depends on the version of VMS:
``vip_pools`` in 5.0, ``permission_per_vip_pool`` beside it from 5.1 on, none
before.  So what was written is always read back.
"""

import dataclasses
from typing import Any

from manila_drivers.vastdata import records

LIST_VERSION = (5, 0)
LEVELS_VERSION = (5, 1)


@dataclasses.dataclass(frozen=True)
class Binding:
    """VIP pools by their ids: () for all of them.

    ``pools`` is None where a policy's binding is left as it is, because
    nothing says what it should be.
    """

    pools: tuple[int, ...] | None = None
    version: tuple[int, ...] = LEVELS_VERSION

    def body(self) -> dict[str, Any]:
        """The fields as VMS takes them."""
        if self.pools is None:
            return {}
        body: dict[str, Any] = {'vip_pools': list(self.pools)}
        if self.version >= LEVELS_VERSION:
            body['permission_per_vip_pool'] = {
                str(pool): 'RW' for pool in self.pools}
        return body

    def holds(self, policy: records.Policy) -> bool:
        """Whether the views of a policy are reached in just this way.

        A policy that does not tell its pools is reached through all.
        """
        if self.pools is None:
            return True
        wanted = tuple((pool, 'RW') for pool in self.pools)
        return (policy.pools or ()) == wanted


#: Leave what a policy has.
AS_IT_IS = Binding()
