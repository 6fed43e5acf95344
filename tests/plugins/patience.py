# SPDX-License-Identifier: Apache-2.0

"""Gives every test more time, where ``MANILA_DRIVERS_PATIENCE`` says so."""

import pytest

from tests import ending
from tests import patience


# After all who mark tests: what they say is what is multiplied.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if patience.TIMES == 1:
        return
    for item in items:
        # The first of several is the one that counts; no limit stays none.
        item.add_marker(
            pytest.mark.timeout(patience.seconds(ending.limit(item))),
            append=False)
