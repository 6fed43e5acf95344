# SPDX-License-Identifier: Apache-2.0

"""Tell what holds for the tests of every directory."""

import gc

import hypothesis
import pytest

# By default an example may take 200 ms of the clock on the wall and many may
# not be slow to make, which a busy machine makes any test fail.
hypothesis.settings.register_profile(
    'steady', deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile('steady')

# The last lines of a run say what the suites have shown, on several workers
# too. Whatever hangs ends, and what a killed run has left is ended.
pytest_plugins = [
    'manila_drivers.testing.conformance.summary', 'tests.ending',
    'tests.plugins.order', 'tests.plugins.patience', 'tests.plugins.played',
    'tests.plugins.recording', 'tests.plugins.stacks', 'tests.plugins.turns']


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave alone what stays until the end when garbage is looked for.

    Thousands of tests were walked through each time, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
