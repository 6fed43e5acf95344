# SPDX-License-Identifier: Apache-2.0

"""Words of a shell's script: quotes, parameters, what is put in their place.
"""

import dataclasses
import functools
import re
from typing import Any

_OPERATORS = re.compile(r'&&|\|\||;;|>>|>&|<&|[;&|()<>\n]')
_BLANKS = re.compile(r'(?:[ \t]|\\\n|#[^\n]*)*')
_BREAKS = ' \t\n;&|()<>'
_PARAMETER = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!]')
_LENGTH = re.compile(r'#([A-Za-z_][A-Za-z0-9_]*)\}')
_OPERATOR = re.compile(r'##|%%|:-|:\+|:=|[-#%+]|')


class ScriptError(Exception):
    """It is no script that could be run here."""


@dataclasses.dataclass(frozen=True)
class WordPart:
    """A piece of a word.

    :param kind: ``text``, ``parameter``, ``command`` or ``sum``.
    :param value: text, name, or what is inside.
    :param operator: of a parameter: ``-``, ``:-``, ``#``, ``%``, ...,
        ``length``
    """

    kind: str
    value: Any
    quoted: bool = False
    operator: str = ''
    argument: 'tuple[WordPart, ...]' = ()


Word = tuple[WordPart, ...]


class Scanner:
    """Words and operators of a text."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def nested(self, at: int) -> Any:
        """Return the commands of a substitution, and go behind it."""
        # The shell that has all parts defines it.
        raise NotImplementedError

    def rest(self) -> str:
        return self.text[self.at:self.at + 40]

    def blanks(self) -> None:
        """Go to what is not blank, nor a remark."""
        match = _BLANKS.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def operator(self) -> str:
        """Return the operator that is next, and stay there; '' if none."""
        self.blanks()
        match = _OPERATORS.match(self.text, self.at)
        return match[0] if match else ''

    def word(self) -> Word:
        self.blanks()
        return self._pieces(_BREAKS)

    def _pieces(self, ends: str) -> Word:
        found: list[WordPart] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in ends:
                break
            if char == "'":
                end = self.text.index("'", self.at + 1)
                found.append(WordPart(
                    'text', self.text[self.at + 1:end], True))
                self.at = end + 1
            elif char == '"':
                self.at += 1
                found += self._double() or [WordPart('text', '', True)]
            elif char == '\\':
                found.append(WordPart('text', self.text[self.at + 1], True))
                self.at += 2
            elif char == '$':
                found.append(self._dollar(quoted=False))
            elif char == '`':
                raise ScriptError('commands in back quotes')
            else:
                end = _run(self.text, self.at, ends + '\'"\\$`')
                found.append(WordPart('text', self.text[self.at:end]))
                self.at = end
        return tuple(found)

    def _double(self) -> list[WordPart]:
        found: list[WordPart] = []
        while (char := self.text[self.at]) != '"':
            if char == '\\' and self.text[self.at + 1] in '$"\\`':
                found.append(WordPart('text', self.text[self.at + 1], True))
                self.at += 2
            elif char == '$':
                found.append(self._dollar(quoted=True))
            elif char == '`':
                raise ScriptError('commands in back quotes')
            else:
                end = _run(self.text, self.at, '"\\$`', least=1)
                found.append(WordPart('text', self.text[self.at:end], True))
                self.at = end
        self.at += 1
        return found

    def _dollar(self, *, quoted: bool) -> WordPart:
        text, at = self.text, self.at + 1
        if text.startswith('((', at):
            self.at = at + 2
            inner = self._pieces_until('))')
            return WordPart('sum', inner, quoted)
        if text.startswith('(', at):
            return WordPart('command', self.nested(at + 1), quoted)
        if text.startswith('{', at):
            return self._braces(at + 1, quoted=quoted)
        match = _PARAMETER.match(text, at)
        if match is None:
            self.at = at
            return WordPart('text', '$', quoted)
        # $10 is $1 and a 0.
        name = match[0][:1] if match[0].isdecimal() else match[0]
        self.at = at + len(name)
        return WordPart('parameter', name, quoted)

    def _pieces_until(self, end: str) -> Word:
        found: list[WordPart] = []
        while not self.text.startswith(end, self.at):
            if self.text[self.at] == '$':
                found.append(self._dollar(quoted=True))
            else:
                found.append(WordPart('text', self.text[self.at], True))
                self.at += 1
        self.at += len(end)
        return tuple(found)

    def _braces(self, at: int, *, quoted: bool) -> WordPart:
        if measured := _LENGTH.match(self.text, at):
            self.at = measured.end()
            return WordPart('parameter', measured[1], quoted, 'length')
        match = _PARAMETER.match(self.text, at)
        if match is None:
            raise ScriptError(self.text[at:at + 20])
        self.at = match.end()
        operator = _OPERATOR.match(self.text, self.at)
        assert operator is not None
        self.at = operator.end()
        argument = self._pieces('}')
        if self.text[self.at:self.at + 1] != '}' \
                or (argument and not operator[0]):
            raise ScriptError(self.text[at:at + 20])
        self.at += 1
        return WordPart('parameter', match[0], quoted, operator[0], argument)


@functools.cache
def _plain_up_to(ends: str) -> re.Pattern[str]:
    return re.compile(f'[^{re.escape(ends)}]+')


def _run(text: str, at: int, ends: str, least: int = 0) -> int:
    """Return where the plain text ends that begins at ``at``."""
    match = _plain_up_to(ends).match(text, at + least)
    return match.end() if match else at + least


def plain(word: Word) -> str | None:
    """Return the text of a word if nothing of it is quoted or expanded."""
    if any(part.kind != 'text' or part.quoted for part in word):
        return None
    return ''.join(part.value for part in word)
