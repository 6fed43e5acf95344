# SPDX-License-Identifier: Apache-2.0

"""The scripts of ``transport.script``, read as the shell reads them.

Only what such a script consists of is understood; anything else is an
error, so that a script that is put together wrongly is not passed over.
"""

from collections.abc import Iterator
import dataclasses
import functools
import re

_TOKEN = re.compile(r"""
    (?P<blank>[ \t]+)
  | (?P<operator>\n | ;; | [()|<>;&{}])
  | (?P<word>(?: '[^']*' | "(?:[^"\\]|\\.)*" | \\. | [^\s'"\\()|<>;&] )+)
""", re.VERBOSE | re.DOTALL)

_PART = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)""",
                   re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Step:
    """One command of a script.

    :param accepted: exit codes after which it goes on; None goes on always.
    """

    words: tuple[str, ...]
    stdin: str
    accepted: frozenset[int] | None


class ShellError(Exception):
    """It is no script of ours."""


def marker(text: str) -> str:
    """Return what marks the ends of commands on the outputs."""
    found = re.search(r"printf '\\n%s %s %s\\n' ([0-9a-f]+) ", text)
    if found is None:
        raise ShellError(text[:80])
    return found[1]


def steps(text: str) -> tuple[Step, ...]:
    """The commands of a script, in order."""
    marker(text)
    _, start, body = text.partition('mark 0 0\n')
    if not start or not body.endswith('exit 0\n}\n'):
        raise ShellError('it has no beginning or no end')
    return _steps(body)


@functools.lru_cache(maxsize=2048)
def _steps(body: str) -> tuple[Step, ...]:
    """Remembered: suites run the same scripts again and again."""
    return tuple(_parsed(body))


def _parsed(body: str) -> Iterator[Step]:
    lines = list(_lines(body.removesuffix('exit 0\n}\n')))
    at = 0
    while at < len(lines):
        words, stdin = _command(lines[at])
        accepted = None
        at += 3
        if at < len(lines) and lines[at][0] == ('word', 'case'):
            codes = lines[at][:lines[at].index(('operator', ')'))]
            accepted = frozenset(int(word) for _, word in codes
                                 if word.isdecimal())
            at += 1
        yield Step(words, stdin, accepted)


def _lines(text: str) -> Iterator[list[tuple[str, str]]]:
    line: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ShellError(text[at:at + 80])
        at = match.end()
        if match['operator'] == '\n':
            yield line
            line = []
        elif match['operator']:
            line.append(('operator', match[0]))
        elif match['word']:
            line.append(('word', _plain(match[0])))


def _plain(word: str) -> str:
    return ''.join(
        single or re.sub(r'\\([$`"\\])', r'\1', double) or escaped or bare
        for single, double, escaped, bare in _PART.findall(word))


def _command(line: list[tuple[str, str]]) -> tuple[tuple[str, ...], str]:
    """The words in parentheses and what they are fed with."""
    operators = [(at, text) for at, (kind, text) in enumerate(line)
                 if kind == 'operator']
    shape = ''.join(text for _, text in operators)
    if shape == '()<' and line[-1] == ('word', '/dev/null'):
        begin, end, stdin = 1, operators[1][0], ''
    elif shape == '|()' and line[:2] == [('word', 'printf'),
                                         ('word', '%s')]:
        begin, end, stdin = operators[1][0] + 1, operators[2][0], line[2][1]
    else:
        raise ShellError(f'not a command of a script: {line}')
    return tuple(text for _, text in line[begin:end]), stdin
