# SPDX-License-Identifier: Apache-2.0

"""Time that passes only when somebody lets it."""

import threading


class Clock:
    """Seconds; ``sleep`` moves them on at once.  Thread-safe."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._lock = threading.Lock()
        self._now = start

    def __call__(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(0.0, seconds)
