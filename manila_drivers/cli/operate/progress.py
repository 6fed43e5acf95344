# SPDX-License-Identifier: Apache-2.0

"""Progress of long work: a bar on a terminal, lines elsewhere."""

from collections.abc import Callable
import time
from typing import TextIO

WIDTH = 30
#: Seconds between two lines where there is no terminal.
EVERY = 10.0


class Progress:
    """Shows how far something is.

    :param stream: a terminal or a file.
    :param what: in words, such as 'copying two'.
    """

    def __init__(self, stream: TextIO, what: str,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._what = what
        self._clock = clock
        self._terminal = stream.isatty()
        self._told: tuple[int | None, float] | None = None

    def __call__(self, percent: int | None) -> None:
        """Show a percentage, None for one that is not told."""
        if self._terminal:
            self._stream.write('\r' + bar(self._what, percent) + '\x1b[K')
            self._told = percent, self._clock()
        elif self._told is None or (
                percent != self._told[0]
                and self._clock() - self._told[1] >= EVERY):
            self._stream.write(line(self._what, percent) + '\n')
            self._told = percent, self._clock()
        self._stream.flush()

    def done(self) -> None:
        """End what was shown, if anything was."""
        if self._told is None:
            return
        if self._terminal:
            self._stream.write('\r' + bar(self._what, 100) + '\x1b[K\n')
        else:
            self._stream.write(line(self._what, 100) + '\n')
        self._stream.flush()


def bar(what: str, percent: int | None) -> str:
    """Return one line with a bar."""
    filled = WIDTH * (percent or 0) // 100
    return (f'{what} [{"#" * filled}{"." * (WIDTH - filled)}] '
            + ('' if percent is None else f'{percent:3d} %')).rstrip()


def line(what: str, percent: int | None) -> str:
    return what + ('' if percent is None else f': {percent} %')
