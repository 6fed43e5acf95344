# SPDX-License-Identifier: Apache-2.0

"""Commands that a shell has in itself."""

import ast
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import fnmatch
import operator
import re
from typing import Any

from manila_drivers.testing.simulators.guest import unmodelled

Arguments = Sequence[str]


class Exit(Exception):
    """The shell ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Return(Exit):
    """A function ends."""


class NumberError(Exception):
    """Something that is no number is compared."""


class Loop(Exception):
    """A loop ends, or goes on with its next turn."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def _status(shell: Any, arguments: Arguments) -> int:
    return int(arguments[0]) if arguments else int(shell.status)


def _exit(shell: Any, arguments: Arguments) -> int:
    raise Exit(_status(shell, arguments))


def _return(shell: Any, arguments: Arguments) -> int:
    raise Return(_status(shell, arguments))


def _break(shell: Any, arguments: Arguments) -> int:
    raise Loop('break')


def _continue(shell: Any, arguments: Arguments) -> int:
    raise Loop('continue')


def _set(shell: Any, arguments: Arguments) -> int:
    words = list(arguments)
    while words and re.fullmatch(r'[-+][a-zA-Z]+', words[0]):
        letters = set(words[0][1:])
        if letters - set('efux'):
            raise unmodelled.NotModelledError(words[0])
        if words[0][0] == '-':
            shell.options |= letters
        else:
            shell.options -= letters
        words.pop(0)
        if not words:
            return 0
    if words[:1] == ['--']:
        words.pop(0)
    shell.arguments = words
    return 0


def _shift(shell: Any, arguments: Arguments) -> int:
    count = int(arguments[0]) if arguments else 1
    if count > len(shell.arguments):
        raise Exit(2)
    del shell.arguments[:count]
    return 0


def _trap(shell: Any, arguments: Arguments) -> int:
    action, *names = arguments
    for name in names:
        if action == '-':
            shell.traps.pop(name, None)
        else:
            shell.traps[name] = action
    return 0


def _read(shell: Any, arguments: Arguments) -> int:
    if arguments[:1] != ['-r']:
        raise unmodelled.NotModelledError('read without -r')
    source = shell.streams.get(0)
    line = source.line() if source else ''
    text = line.removesuffix('\n')
    names = arguments[1:]
    if shell.variables.get('IFS', ' ') == '':
        values = [text]
    else:
        values = text.strip().split(None, len(names) - 1)
    for number, name in enumerate(names):
        shell.variables[name] = values[number] if number < len(values) else ''
    return 0 if line.endswith('\n') else 1


def _export(shell: Any, arguments: Arguments) -> int:
    for each in arguments:
        name, equals, value = each.partition('=')
        if equals:
            shell.variables[name] = value
    return 0


def _echo(shell: Any, arguments: Arguments) -> int:
    text = ' '.join(arguments)
    if '\\' in text or arguments[:1] == ['-n']:
        raise unmodelled.NotModelledError('shells differ in this echo')
    shell.streams[1].write(text + '\n')
    return 0


_ESCAPES = {'\\n': '\n', '\\t': '\t', '\\\\': '\\'}


def _printf(shell: Any, arguments: Arguments) -> int:
    form, *values = arguments
    wanted = len(re.findall(r'%(?:[sd]|02x)', form))
    text = ''
    while True:
        some, values = values[:wanted], values[wanted:]
        some += [''] * (wanted - len(some))

        def piece(match: re.Match[str]) -> str:
            if match[0] == '%%':
                return '%'
            if match[0][0] == '\\':
                return _ESCAPES[match[0]]
            value = some.pop(0)  # noqa: B023
            return f'{int(value):02x}' if match[0] == '%02x' else value

        text += re.sub(r'%02x|%[sd%]|\\.', piece, form)
        if not values or not wanted:
            break
    shell.streams[1].write(text)
    return 0


def _command(shell: Any, arguments: Arguments) -> int:
    if arguments[:1] != ['-v']:
        raise unmodelled.NotModelledError('command without -v')
    found = arguments[1] in COMMANDS or shell.system.known(arguments[1])
    if found:
        shell.streams[1].write(arguments[1] + '\n')
    return 0 if found else 127


def _bracket(shell: Any, arguments: Arguments) -> int:
    if arguments[-1:] != [']']:
        return 2
    return _test(shell, arguments[:-1])


def _test(shell: Any, arguments: Arguments) -> int:
    try:
        return 0 if _true(shell, list(arguments)) else 1
    except NumberError as exc:
        # Another command: the shell goes on.
        shell.streams[2].write(f'sh: {exc}: Illegal number\n')
        return 2


_NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    '-eq': operator.eq, '-ne': operator.ne, '-lt': operator.lt,
    '-le': operator.le, '-gt': operator.gt, '-ge': operator.ge}
_KINDS = {'-e': ('file', 'directory', 'block'), '-f': ('file',),
          '-d': ('directory',), '-b': ('block',),
          '-w': ('file', 'directory', 'block'),
          '-r': ('file', 'directory', 'block')}


def _true(shell: Any, words: list[str]) -> bool:
    if words[:1] == ['!']:
        return not _true(shell, words[1:])
    if not words:
        return False
    if len(words) == 1:
        return words[0] != ''
    if len(words) == 2:
        kind, value = words
        if kind in ('-z', '-n'):
            return (value == '') == (kind == '-z')
        if kind == '-s':
            return shell.system.kind(value) == 'file' \
                and bool(shell.system.text(value))
        return shell.system.kind(value) in _KINDS[kind]
    left, sign, right = words
    if sign in ('=', '!='):
        return (left == right) == (sign == '=')
    if sign == '-ef':
        return bool(shell.system.same(left, right))
    try:
        return _NUMBERS[sign](int(left), int(right))
    except ValueError:
        raise NumberError(left) from None


def trimmed(value: str, sign: str, pattern: str) -> str:
    """Return ``${value#pattern}`` and its kin."""
    lengths = range(len(value) + 1)
    if sign in ('##', '%'):
        lengths = lengths[::-1]
    for at in lengths:
        piece, rest = ((value[:at], value[at:]) if sign[0] == '#'
                       else (value[at:], value[:at]))
        if fnmatch.fnmatchcase(piece, pattern):
            return rest
    return value


_SIGNS: Mapping[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.floordiv, ast.Mod: operator.mod}


def calculated(text: str, variables: Mapping[str, str]) -> str:
    """Return the value of an arithmetic expression."""
    def value(node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.Name):
            return int(variables.get(node.id) or 0)
        if isinstance(node, ast.BinOp):
            return _SIGNS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            # Of a command that has printed nothing.
            return value(node.operand)
        raise unmodelled.NotModelledError(text)

    try:
        return str(value(ast.parse(text.strip(), mode='eval').body))
    except (SyntaxError, ZeroDivisionError):
        raise Exit(2) from None


COMMANDS: Mapping[str, Callable[[Any, Arguments], int]] = {
    ':': lambda shell, words: 0, 'true': lambda shell, words: 0,
    'false': lambda shell, words: 1, 'umask': lambda shell, words: 0,
    'exit': _exit, 'return': _return, 'break': _break,
    'continue': _continue, 'set': _set, 'shift': _shift, 'trap': _trap,
    'read': _read, 'export': _export, 'echo': _echo, 'printf': _printf,
    'command': _command, '[': _bracket, 'test': _test}
