# SPDX-License-Identifier: Apache-2.0

"""Time for audits: they make many shares, and ask for all of them."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition('/')[0]) \
                and item.get_closest_marker('timeout') is None:
            item.add_marker(pytest.mark.timeout(600))
