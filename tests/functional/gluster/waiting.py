# SPDX-License-Identifier: Apache-2.0

"""Waiting for what daemons of others do in their own time."""

from collections.abc import Callable
import time

from tests import patience


def eventually(question: Callable[[], object], seconds: float = 20) -> bool:
    """Return whether it becomes true."""
    end = time.monotonic() + patience.seconds(seconds)
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
