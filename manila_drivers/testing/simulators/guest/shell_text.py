# SPDX-License-Identifier: Apache-2.0

"""The text of a POSIX shell's script as a tree.

The grammar is that of dash without here-documents, aliases and globbing.
Whatever else there may be is an error, so that no script is passed over.
"""

import dataclasses
import functools
import re
from typing import Any

from manila_drivers.testing.simulators.guest import shell_words

ScriptError = shell_words.ScriptError
Word = shell_words.Word
plain = shell_words.plain

_RESERVED = frozenset({'then', 'elif', 'else', 'fi', 'do', 'done', 'esac',
                       '}', 'in'})
_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')
_REDIRECTION = re.compile(r'(\d*)(>>|>&|<&|>|<)')


@dataclasses.dataclass(frozen=True)
class Redirection:
    number: int
    operator: str
    target: Word


@dataclasses.dataclass(frozen=True)
class Node:
    """One command of any kind.

    :param kind: ``simple``, ``pipe``, ``and-or``, ``list``, ``group``,
        ``subshell``, ``if``, ``while``, ``until``, ``for``, ``case`` or
        ``function``.
    :param parts: as the kind has them; see :class:`_Parser`.
    """

    kind: str
    parts: tuple[Any, ...]
    redirections: tuple[Redirection, ...] = ()


@functools.lru_cache(maxsize=2048)
def parse(text: str) -> Node:
    """Return the list of commands that a script is."""
    parser = _Parser(text)
    tree = parser.commands(())
    if parser.token() is not None:
        raise ScriptError(f'syntax error near {parser.rest()!r}')
    return tree


class _Parser(shell_words.Scanner):
    """Commands of a text."""

    def __init__(self, text: str, at: int = 0) -> None:
        super().__init__(text)
        self.at = at

    def nested(self, at: int) -> Node:
        inner = _Parser(self.text, at)
        tree = inner.commands((')',))
        inner.expect(')')
        self.at = inner.at
        return tree

    def token(self) -> str | None:
        """Return the operator or the bare word that is next; stay there.

        :returns: None at the end; '' for a word that is not bare.
        """
        found = self.operator()
        if found or self.at >= len(self.text):
            return found or None
        begin = self.at
        word = self.word()
        self.at = begin
        return plain(word) or ''

    def expect(self, text: str) -> None:
        found = self.operator()
        if not found:
            found = plain(self.word()) or ''
        elif found == text:
            self.at += len(found)
        if found != text:
            raise ScriptError(f'{text!r} is missing before {self.rest()!r}')

    def lines(self) -> None:
        while self.operator() == '\n':
            self.at += 1

    def commands(self, ends: tuple[str, ...]) -> Node:
        """A list up to one of some words; ('list', ((node, background),))
        """
        found = []
        self.lines()
        while (token := self.token()) is not None and token not in ends:
            node = self._and_or()
            mark = self.operator()
            if mark in (';', '&', '\n'):
                self.at += 1
            found.append((node, mark == '&'))
            self.lines()
            if mark not in (';', '&', '\n'):
                break
        return Node('list', tuple(found))

    def _and_or(self) -> Node:
        """('and-or', (node, operator, node, ...))"""
        found: list[Any] = [self._pipe()]
        while (mark := self.operator()) in ('&&', '||'):
            self.at += 2
            self.lines()
            found += [mark, self._pipe()]
        return found[0] if len(found) == 1 else Node('and-or', tuple(found))

    def _pipe(self) -> Node:
        """('pipe', (negated, nodes))"""
        negated = self.token() == '!'
        if negated:
            self.word()
        found = [self._command()]
        while self.operator() == '|':
            self.at += 1
            self.lines()
            found.append(self._command())
        if len(found) == 1 and not negated:
            return found[0]
        return Node('pipe', (negated, tuple(found)))

    def _command(self) -> Node:
        token = self.token()
        compound = {
            '(': self._subshell, '{': self._group, 'if': self._if,
            'while': self._while, 'until': self._while, 'for': self._for,
            'case': self._case}
        if token in compound:
            node = compound[token]()
            return dataclasses.replace(
                node, redirections=tuple(self._redirections()))
        if token in _RESERVED:
            raise ScriptError(f'{token!r} before {self.rest()!r}')
        return self._simple()

    def _redirections(self) -> list[Redirection]:
        found = []
        while (one := self._redirection()) is not None:
            found.append(one)
        return found

    def _redirection(self) -> Redirection | None:
        self.blanks()
        match = _REDIRECTION.match(self.text, self.at)
        if match is None:
            return None
        if self.text.startswith('<<', match.start(2)):
            raise ScriptError('here-document')
        self.at = match.end()
        number = int(match[1]) if match[1] else int(match[2][0] == '>')
        return Redirection(number, match[2], self.word())

    def _simple(self) -> Node:
        """('simple', (assignments, words))"""
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections = []
        while True:
            one = self._redirection()
            if one is not None:
                redirections.append(one)
                continue
            if self.operator() == '(' and len(words) == 1 \
                    and not assignments:
                return self._function(plain(words[0]) or '')
            if self.operator() or self.at >= len(self.text):
                break
            word = self.word()
            pair = _assignment(word)
            if pair is not None and not words:
                assignments.append(pair)
            else:
                words.append(word)
        if not (assignments or words or redirections):
            raise ScriptError(f'no command before {self.rest()!r}')
        return Node('simple', (tuple(assignments), tuple(words)),
                    tuple(redirections))

    def _function(self, name: str) -> Node:
        """('function', (name, node))"""
        self.expect('(')
        self.expect(')')
        self.lines()
        return Node('function', (name, self._command()))

    def _subshell(self) -> Node:
        self.expect('(')
        body = self.commands((')',))
        self.expect(')')
        return Node('subshell', (body,))

    def _group(self) -> Node:
        self.expect('{')
        body = self.commands(('}',))
        self.expect('}')
        return Node('group', (body,))

    def _if(self) -> Node:
        """('if', (((condition, body), ...), otherwise))"""
        self.expect('if')
        clauses = []
        otherwise = None
        while True:
            condition = self.commands(('then',))
            self.expect('then')
            clauses.append((condition, self.commands(
                ('elif', 'else', 'fi'))))
            if self.token() != 'elif':
                break
            self.expect('elif')
        if self.token() == 'else':
            self.expect('else')
            otherwise = self.commands(('fi',))
        self.expect('fi')
        return Node('if', (tuple(clauses), otherwise))

    def _while(self) -> Node:
        kind = plain(self.word()) or ''
        condition = self.commands(('do',))
        self.expect('do')
        body = self.commands(('done',))
        self.expect('done')
        return Node(kind, (condition, body))

    def _for(self) -> Node:
        """('for', (name, words or None, body))"""
        self.expect('for')
        name = plain(self.word()) or ''
        words: list[Word] | None = None
        if self.token() == 'in':
            self.expect('in')
            words = []
            while not self.operator():
                words.append(self.word())
        if self.operator() in (';', '\n'):
            self.at += 1
        self.lines()
        self.expect('do')
        body = self.commands(('done',))
        self.expect('done')
        return Node('for', (name, tuple(words) if words is not None
                            else None, body))

    def _case(self) -> Node:
        """('case', (word, ((patterns, body), ...)))"""
        self.expect('case')
        word = self.word()
        self.lines()
        self.expect('in')
        self.lines()
        clauses = []
        while self.token() != 'esac':
            patterns = [self.word()]
            while self.operator() == '|':
                self.at += 1
                patterns.append(self.word())
            self.expect(')')
            clauses.append((tuple(patterns),
                            self.commands((';;', 'esac'))))
            if self.operator() == ';;':
                self.at += 2
            self.lines()
        self.expect('esac')
        return Node('case', (word, tuple(clauses)))


def _assignment(word: Word) -> tuple[str, Word] | None:
    """Return name and value if the word is an assignment."""
    if not word or word[0].kind != 'text' or word[0].quoted:
        return None
    name, equals, rest = word[0].value.partition('=')
    if not equals or not _NAME.fullmatch(name):
        return None
    begin = (dataclasses.replace(word[0], value=rest),) if rest else ()
    return name, (*begin, *word[1:])
