# SPDX-License-Identifier: Apache-2.0

"""Steps on a terminal: one at a time, to read along."""

from collections.abc import Iterable
from collections.abc import Sequence
import os
import shutil
import sys
import textwrap
from typing import TextIO

from manila_drivers.testing.manila.calls import Call
from manila_drivers.testing.manila.journal import Step

_CLEAR = '\r\x1b[K'


class Screen:
    """Prints steps as they come; colours and progress only to a terminal."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty() and os.environ.get('TERM') != 'dumb'
        self._width = min(shutil.get_terminal_size().columns, 100)
        self._colours = self._live and not os.environ.get('NO_COLOR')

    def chapter(self, title: str) -> None:
        self.line()
        self.line(self._coloured('1', title))

    def begin(self, title: str) -> None:
        if self._live:
            self._write('  %s ...' % title)

    def tell(self, step: Step) -> None:
        self.line('%s %s' % (self._verdict(step), self._title(step)))
        for text in (step.failure or step.result, requests(step.calls,
                                                           step.asked)):
            for line in textwrap.wrap(text, self._width - 6,
                                      break_on_hyphens=False):
                self.line('      ' + line)

    def line(self, text: str = '') -> None:
        self._write((_CLEAR if self._live else '') + text + '\n')

    def _verdict(self, step: Step) -> str:
        if step.failure:
            return self._coloured('31', 'FAIL')
        return self._coloured('32', '  ok')

    def _title(self, step: Step) -> str:
        return '%s Manila %5.2f s' % (step.title.ljust(self._width - 21),
                                      step.seconds)

    def _coloured(self, code: str, text: str) -> str:
        return '\x1b[%sm%s\x1b[0m' % (code, text) if self._colours else text

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def requests(calls: Iterable[Call], asked: Sequence[str]) -> str:
    """'driver: update_access (2 REST, 4 ms): GET viewpolicies, PATCH ...'"""
    if not asked:
        return ''
    told = ', '.join(_told(call) for call in calls if call.requests)
    return 'driver: %s: %s' % (told or 'asked', ', '.join(
        _brief(line) for line in asked))


def _told(call: Call) -> str:
    return '%s (%s, %.0f ms)' % (call.method, call.trips,
                                 call.seconds * 1000)


def _brief(line: str) -> str:
    """Without the status, if that is good news."""
    request, _, status = line.rpartition(' ')
    return request if status.startswith('2') else line
