# SPDX-License-Identifier: Apache-2.0

"""Inputs and outputs of a shell, and the host that it runs on."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Protocol

from manila_drivers.transport import command


class ShellHost(Protocol):
    """A host as a shell sees it."""

    def execute(self, words: Sequence[str], read: Callable[[], str], *,
                root: bool) -> command.Result:
        """Run a program; ``read`` returns what it is given to read."""

    def kind(self, path: str) -> str:
        """``file``, ``directory``, ``block``, or '' for nothing."""

    def text(self, path: str) -> str:
        """:raises OSError: it cannot be read."""

    def put(self, path: str, text: str, *, more: bool, root: bool) -> None:
        """Write a file anew, or ``more`` of it.

        :raises OSError: it cannot be written.
        """

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Have something done when so much time has passed."""

    def known(self, name: str) -> bool:
        """Return whether there is such a program."""


class Source:
    """A text that is read once.

    :param text: or what returns it, which is called when somebody reads:
        who sends nothing may not say so before a command has ended.
    """

    def __init__(self, text: str | Callable[[], str] = '') -> None:
        self._text, self._at = '', 0
        self._wait: Callable[[], str] | None = None
        if isinstance(text, str):
            self._text = text
        else:
            self._wait = text

    def _arrived(self) -> None:
        if self._wait is not None:
            wait, self._wait = self._wait, None
            self._text = wait()

    def rest(self) -> str:
        self._arrived()
        found = self._text[self._at:]
        self._at = len(self._text)
        return found

    def line(self) -> str:
        """Return the next line with its end, or '' at the end."""
        self._arrived()
        end = self._text.find('\n', self._at) + 1 or len(self._text)
        found = self._text[self._at:end]
        self._at = end
        return found


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def write(self, text: str) -> None:
        self._pieces.append(text)

    @property
    def text(self) -> str:
        return ''.join(self._pieces)


class Null(Sink):

    def write(self, text: str) -> None:
        """Forget it."""


class File(Sink):

    def __init__(self, system: ShellHost, path: str, *, root: bool) -> None:
        super().__init__()
        self._system, self._path, self._root = system, path, root

    def write(self, text: str) -> None:
        self._system.put(self._path, text, more=True, root=self._root)
