# SPDX-License-Identifier: Apache-2.0

"""Tells where all threads are when somebody asks with SIGUSR1.

`.ci/run` asks each pytest whose time is over, before it ends it: what hung is
then in the log.  Nothing is said, and nothing ends, in other runs.
"""

import faulthandler
import os
import signal
import sys

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # Output is not captured at this moment, and a duplicate stays so.
    error = os.fdopen(os.dup(sys.__stderr__.fileno()), 'w')
    config.add_cleanup(lambda: _stop(error))
    faulthandler.register(signal.SIGUSR1, error, all_threads=True)


def _stop(error) -> None:
    faulthandler.unregister(signal.SIGUSR1)
    error.close()
