# SPDX-License-Identifier: Apache-2.0

"""All damage comes to an end, in a repair or in some other way."""

import pytest

from manila_drivers.audit import differences
from tests.unit.audit import api_plants
from tests.unit.audit import by_hand

#: Lost shares are deleted in Manila, and orphans removed by their names.
ENDED = {differences.LOST_SHARE, differences.ORPHAN_SHARE,
         differences.ORPHAN_SNAPSHOT}


@pytest.mark.parametrize('kind', by_hand.UNDONE)
def test_what_no_repair_mends_is_undone_by_hand(kind):
    """Say it where it is planted: beside a real Manila it takes minutes."""
    left = {name for name, plant in api_plants.of(kind).items()
            if not plant.mended and not ENDED & set(plant.kinds)}
    assert left - set(by_hand.UNDONE[kind]) == set()
