# SPDX-License-Identifier: Apache-2.0

"""The mutants of a module: its source with one small change each.

The changes are those of mutmut's operators.  Left out by rule, since no test
should hold on to them:

* what people read: arguments of a logger's calls and of exceptions, texts of
  three words or more, and what is put into them;
* what is for the type checker: annotations and ``assert``;
* what runs when a module is imported: decorators, defaults of parameters and
  everything outside of functions;
* of the three changes that mutmut makes to a text all but the first, for who
  notices one of them notices the others.
"""

from collections.abc import Iterator
import dataclasses
import re

import libcst as cst
from libcst import metadata
from mutmut.mutation import mutators

_PROSE = re.compile(r'\w+\W*\s\W*[\w%]+\W*\s\W*[\w%]+')


Key = tuple[str, str, str, int]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change.

    :param function: qualified name of the outermost function it is in.
    :param before: the lines that change, without indentation, as one text.
    :param number: which one it is of those in the function that read alike.
    :param first: number of the first of these lines, and of the last.
    """

    function: str
    before: str
    after: str
    number: int
    first: int
    last: int
    source: str = dataclasses.field(repr=False, compare=False)

    @property
    def key(self) -> Key:
        return self.function, self.before, self.after, self.number


def of(source: str) -> Iterator[Mutant]:
    """All mutants of a module's source, in the order of its text."""
    wrapper = metadata.MetadataWrapper(cst.parse_module(source))
    finder = _Finder()
    wrapper.module.visit(finder)
    seen: dict[tuple[str, str, str], int] = {}
    spans = wrapper.resolve(metadata.ByteSpanPositionProvider)
    data = source.encode()
    for function, old, new in finder.found:
        span = spans.get(old)
        if span is None:
            mutated = wrapper.module.deep_replace(old, new).code
        else:
            # The same, and a hundred times as fast.  Parentheses around the
            # node are not within its span, so that there may be two pairs.
            mutated = (data[:span.start]
                       + wrapper.module.code_for_node(new).encode()
                       + data[span.start + span.length:]).decode()
        if mutated == source:
            continue
        first, before, after = _lines(source, mutated)
        key = function, *(' '.join(map(str.strip, lines))
                          for lines in (before, after))
        seen[key] = seen.get(key, 0) + 1
        yield Mutant(*key, seen[key], first + 1,
                     first + max(1, len(before)), mutated)


def _lines(source: str, mutated: str) -> tuple[int, list[str], list[str]]:
    """How many lines are the same, and those that differ on both sides."""
    old, new = source.splitlines(), mutated.splitlines()
    first = last = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    while (last < min(len(old), len(new)) - first
           and old[-1 - last] == new[-1 - last]):
        last += 1
    return (first, old[first:len(old) - last], new[first:len(new) - last])


class _Finder(cst.CSTVisitor):
    """Collects (function, node, its replacement)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, cst.CSTNode, cst.CSTNode]] = []
        self._names: list[str] = []
        self._functions = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_left_out(node):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            if not self._functions:
                self._names.append(node.name.value)
            self._functions += isinstance(node, cst.FunctionDef)
            return True
        if self._functions:
            self._mutate(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._functions -= isinstance(original_node, cst.FunctionDef)
            if not self._functions:
                self._names.pop()

    def _mutate(self, node: cst.CSTNode) -> None:
        for kind, operator in mutators.mutation_operators:
            if not isinstance(node, kind):
                continue
            for number, new in enumerate(operator(node)):
                if number and isinstance(node, cst.BaseString):
                    break
                self.found.append(('.'.join(self._names), node, new))


def _is_left_out(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Parameters
                  | cst.Assert):
        return True
    if isinstance(node, cst.Call):
        return _is_log(node.func) or _is_exception(node.func)
    if isinstance(node, cst.BinaryOperation):
        return _is_prose(node.left) and isinstance(
            node.operator, cst.Modulo | cst.Add)
    return _is_prose(node)


def _is_log(function: cst.BaseExpression) -> bool:
    return (isinstance(function, cst.Attribute)
            and isinstance(function.value, cst.Name)
            and function.value.value in ('LOG', '_LOG'))


def _is_exception(function: cst.BaseExpression) -> bool:
    """``exception.InvalidRule``, ``ValueError``: by how they are called."""
    if isinstance(function, cst.Attribute):
        return (isinstance(function.value, cst.Name)
                and function.value.value in ('exception', 'errors')
                and function.attr.value[0].isupper())
    return (isinstance(function, cst.Name)
            and function.value.endswith(('Error', 'Exception')))


def _is_prose(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.SimpleString | cst.FormattedString
                  | cst.ConcatenatedString):
        return bool(_PROSE.search(_text(node)))
    return False


def _text(node: cst.CSTNode) -> str:
    if isinstance(node, cst.SimpleString):
        return node.raw_value
    if isinstance(node, cst.FormattedString):
        return ''.join(part.value if isinstance(
            part, cst.FormattedStringText) else 'x' for part in node.parts)
    if isinstance(node, cst.ConcatenatedString):
        return _text(node.left) + _text(node.right)
    return ''
