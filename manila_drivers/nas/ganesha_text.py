# SPDX-License-Identifier: Apache-2.0

"""The syntax of Ganesha's configuration: text to blocks and back.  Pure.

Read is what Ganesha 2.0 to 5.x and Manila's own Ganesha library write:
nested blocks, settings that end in ``;``, words and quoted texts, comments
that begin with ``#``, ``//`` or are within ``/* */``, and directives.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import re

from manila_drivers import exception

_TOKEN = re.compile(
    r'(?P<skip>\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)'
    r'|(?P<directive>%[A-Za-z]+[^\n]*)'
    r'|(?P<quoted>"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    r'|(?P<mark>[{}=;,])'
    r'|(?P<word>[^\s{}=;,"\'#]+)', re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """A block: its settings by lower-case name, and blocks within it.

    :param settings: the values of each, in their order, without quotes.
    """

    name: str
    settings: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=dict)
    blocks: tuple['Block', ...] = ()

    def text(self, name: str, default: str = '') -> str:
        """A setting that has one value."""
        values = self.settings.get(name.lower(), ())
        return values[0] if values else default

    def named(self, name: str) -> Iterator['Block']:
        return (block for block in self.blocks
                if block.name == name.lower())


def read(text: str) -> tuple[Block, ...]:
    """The blocks of a file; directives are passed over.

    :raises BackendError: it is not such a file.
    """
    tokens = _Tokens(text)
    found = []
    while tokens:
        found.append(_block(tokens))
    return tuple(found)


class _Tokens:
    """Tokens that are still to be read: (kind, text)."""

    def __init__(self, text: str) -> None:
        self._left: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _bad(text[at:at + 40])
            at = match.end()
            if match.lastgroup not in ('skip', 'directive'):
                self._left.append((str(match.lastgroup), match[0]))
        self._left.reverse()

    def __bool__(self) -> bool:
        return bool(self._left)

    def next(self, *allowed: str) -> str:
        """The next token; marks are allowed by name, others by kind."""
        if not self._left:
            raise _bad('the end')
        kind, text = self._left.pop()
        if (text if kind == 'mark' else kind) not in allowed:
            raise _bad(text)
        return _unquoted(text) if kind == 'quoted' else text


def _bad(near: str) -> exception.BackendError:
    return exception.BackendError(
        'A file of Ganesha cannot be understood', answer=f'near {near!r}')


def _block(tokens: _Tokens) -> Block:
    name = tokens.next('word')
    tokens.next('{')
    return _inside(name, tokens)


def _inside(name: str, tokens: _Tokens) -> Block:
    settings: dict[str, tuple[str, ...]] = {}
    blocks: list[Block] = []
    while True:
        item = tokens.next('word', '}', ';')
        if item == '}':
            return Block(name.lower(), settings, tuple(blocks))
        if item == ';':
            continue
        if tokens.next('=', '{') == '{':
            blocks.append(_inside(item, tokens))
        else:
            settings[item.lower()] = _values(tokens)


def _values(tokens: _Tokens) -> tuple[str, ...]:
    values: list[str] = []
    while True:
        value = tokens.next('word', 'quoted', ',', ';')
        if value == ';':
            return tuple(values)
        if value != ',':
            values.append(value)


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1]
    return re.sub(r'\\(.)', r'\1', text[1:-1])


def quoted(text: str) -> str:
    """A text as a value.

    :raises InvalidRequest: Ganesha has no way to say it.
    """
    if re.search(r'["\'\\\x00-\x1f\x7f]', text):
        raise exception.InvalidRequest(
            f'{text!r} cannot be exported by Ganesha: it has quotes, '
            f'backslashes or control characters')
    return f'"{text}"'
