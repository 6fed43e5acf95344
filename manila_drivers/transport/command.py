# SPDX-License-Identifier: Apache-2.0

"""Commands as values, with secrets that do not print.

A command is made once and may then be run here or on another host, shown in
a log or compared in a test.  What it must not show is masked by its type, so
nobody has to remember to.
"""

from collections.abc import Iterator
import dataclasses
import shlex
from typing import Any

MASK = '***'

#: Characters of an output that go into an error.
EXCERPT = 500


class Secret:
    """A text that shows as ``***`` wherever it is printed.

    :param value: the text; :meth:`reveal` is the only way back to it.
    :param prefix: what may be shown before it, such as ``--password=``.
    """

    __slots__ = ('_value', 'prefix')

    def __init__(self, value: str, prefix: str = '') -> None:
        self._value = value
        self.prefix = prefix

    def reveal(self) -> str:
        """The prefix and the secret itself."""
        return self.prefix + self._value

    def hidden_in(self, text: str) -> str:
        """``text`` with the secret masked wherever it occurs."""
        return text.replace(self._value, MASK) if self._value else text

    def __str__(self) -> str:
        return self.prefix + MASK

    def __repr__(self) -> str:
        return f'Secret({self.prefix + MASK!r})'

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __reduce__(self) -> Any:
        raise TypeError('a Secret is not written anywhere')


Word = str | Secret


@dataclasses.dataclass(frozen=True)
class Command:
    """One command.

    :param argv: the words; no shell looks at them.
    :param stdin: what it reads.  The place for secrets: others see neither
        it nor where it came from.
    :param timeout: seconds after which it is given up.
    :param root: it needs root.
    :param accept: exit codes that are no failure.
    :param exposed: allows secrets among the words although everybody on the
        host can read them in the list of processes; for commands that take
        them in no other way.
    :param reads: it changes nothing, so that a dry run may run it.
    """

    argv: tuple[Word, ...]
    stdin: Word | None = None
    timeout: float = 60.0
    root: bool = False
    accept: frozenset[int] = frozenset({0})
    exposed: bool = False
    reads: bool = False

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError('a command has at least one word')
        if self.timeout <= 0:
            raise ValueError('a command has a deadline')
        if any('\0' in word for word in self.words()):
            raise ValueError('no word of a command contains NUL')
        if not self.exposed and any(isinstance(word, Secret)
                                    for word in self.argv):
            raise ValueError('a secret among the words of a command shows in '
                             'the list of processes: pass it as stdin')

    @classmethod
    def of(cls, *words: object, **parts: Any) -> 'Command':
        """Make a command; words that are no text are turned into it."""
        return cls(tuple(word if isinstance(word, Secret) else str(word)
                         for word in words), **parts)

    def words(self) -> list[str]:
        """The words as the process gets them: secrets in clear."""
        return [_reveal(word) for word in self.argv]

    def shell(self) -> str:
        """The words quoted for a shell: secrets in clear."""
        return shlex.join(self.words())

    def input(self) -> str | None:
        """Return what the process reads: secrets in clear."""
        return None if self.stdin is None else _reveal(self.stdin)

    def secrets(self) -> Iterator[Secret]:
        """The secrets among the words and the input."""
        for word in (*self.argv, self.stdin):
            if isinstance(word, Secret):
                yield word

    def masked(self, text: str) -> str:
        """``text``, such as an answer, without this command's secrets."""
        for secret in self.secrets():
            text = secret.hidden_in(text)
        return text

    def excerpt(self, text: str) -> str:
        """The end of an output for an error: masked, one line, bounded."""
        short = ' '.join(self.masked(text).split())
        return short if len(short) <= EXCERPT else '...' + short[-EXCERPT:]

    def __str__(self) -> str:
        """The command for a log: quoted, secrets masked.

        Of a script only its name, which stands behind it, and its arguments:
        its lines would hide what they say.
        """
        return ' '.join(
            str(word) if isinstance(word, Secret)
            else "'...'" if before == '-c' and '\n' in word
            else shlex.quote(word)
            for before, word in zip(('', *self.argv), self.argv, strict=False))


@dataclasses.dataclass(frozen=True)
class Result:
    """Hold what a command answered; bytes that are no UTF-8 are surrogates."""

    stdout: str
    stderr: str
    status: int


def _reveal(word: Word) -> str:
    return word.reveal() if isinstance(word, Secret) else word
