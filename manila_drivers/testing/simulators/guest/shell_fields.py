# SPDX-License-Identifier: Apache-2.0

"""From words of a script to what a command is given."""

from collections.abc import Sequence
import re
from typing import Any

from manila_drivers.testing.simulators.guest import shell_builtins
from manila_drivers.testing.simulators.guest import shell_streams
from manila_drivers.testing.simulators.guest import shell_words

Word = shell_words.Word
Exit = shell_builtins.Exit
Sink = shell_streams.Sink

#: What means something in a pattern.
_SPECIAL = re.compile(r'([*?\[])')
_BLANKS = re.compile(r'[ \t\n]+')


def _is_all(part: shell_words.WordPart) -> bool:
    return part.kind == 'parameter' and part.value == '@'


class WordFields:
    """The part of a shell that expands words."""

    name: str
    arguments: list[str]
    variables: dict[str, str]
    options: set[str]
    status: int
    substituted: int
    streams: dict[int, Any]

    def child(self) -> Any:
        """Return a subshell."""
        # The shell that has all parts defines it.
        raise NotImplementedError

    def text(self, word: Word) -> str:
        """Expand a word that stays one."""
        if len(word) == 1 and word[0].kind == 'text':
            return str(word[0].value)
        return ''.join(
            ' '.join(self.arguments) if part.kind == 'parameter'
            and part.value == '@' else self._value(part) for part in word)

    def fields(self, words: Sequence[Word]) -> list[str]:
        """Expand words, of which each may become several or none."""
        found: list[str] = []
        for word in words:
            # Most words are one of these.
            if len(word) == 1 and word[0].kind == 'text':
                found.append(word[0].value)
            elif len(word) == 1 and word[0].quoted and not _is_all(word[0]):
                found.append(self._value(word[0]))
            else:
                found += self._fields(word)
        return found

    def _fields(self, word: Word) -> list[str]:
        if not self.arguments and any(map(_is_all, word)) and not any(
                part.value for part in word if not _is_all(part)):
            # "$@" is no word at all where there are none.
            return []
        found: list[str] = []
        now: str | None = None
        for part in word:
            for number, piece in enumerate(self._pieces(part)):
                if number and now is not None:
                    found.append(now)
                    now = None
                if piece is not None:
                    now = (now or '') + piece
        return found if now is None else [*found, now]

    def _pieces(self, part: shell_words.WordPart) -> Sequence[str | None]:
        """Return what a part is, in pieces that belong to several fields.

        None is a place where a field ends, and none begins by itself.
        """
        if _is_all(part):
            return (self.arguments if part.quoted
                    else ' '.join(self.arguments).split())
        value = self._value(part)
        if part.quoted or part.kind == 'text':
            return [value]
        return [piece or None for piece in _BLANKS.split(value)]

    def _pattern(self, word: Word) -> str:
        """Expand a word as a pattern: what is quoted means itself."""
        return ''.join(
            _SPECIAL.sub(r'[\1]', self._value(part)) if part.quoted
            else self._value(part) for part in word)

    def _value(self, part: shell_words.WordPart) -> str:
        if part.kind == 'text':
            return str(part.value)
        if part.kind == 'command':
            shell, sink = self.child(), Sink()
            shell.streams[1] = sink
            self.status = self.substituted = shell.ended(
                lambda: shell.run(part.value))
            return sink.text.rstrip('\n')
        if part.kind == 'sum':
            return shell_builtins.calculated(
                self.text(part.value), self.variables)
        return self._parameter(part)

    def _parameter(self, part: shell_words.WordPart) -> str:
        value = self._get(part.value)
        operator = part.operator
        if operator.startswith(':') and value == '':
            value = None
        if operator in ('-', ':-'):
            return self.text(part.argument) if value is None else value
        if operator in ('+', ':+'):
            return '' if value is None else self.text(part.argument)
        if value is None:
            if 'u' in self.options and part.value not in ('@', '*'):
                self.streams[2].write(
                    f'sh: {part.value}: parameter not set\n')
                raise Exit(2)
            return ''
        if operator == 'length':
            return str(len(value.encode()))
        if operator:
            return shell_builtins.trimmed(
                value, operator, self._pattern(part.argument))
        return value

    def _get(self, name: str) -> str | None:
        if name in self.variables or name[0].isalpha():
            return self.variables.get(name)
        if name.isdecimal():
            number = int(name)
            if not number:
                return self.name
            return self.arguments[number - 1] \
                if number <= len(self.arguments) else None
        if name in ('*', '@'):
            return ' '.join(self.arguments)
        if name == '#':
            return str(len(self.arguments))
        return {'?': str(self.status), '$': '4711', '!': ''}.get(name)
