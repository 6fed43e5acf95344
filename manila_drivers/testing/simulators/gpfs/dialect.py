# SPDX-License-Identifier: Apache-2.0

"""The words and the output of mm commands, in the style of GPFS."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from urllib import parse

from manila_drivers.testing.simulators.gpfs.state import Refused
from manila_drivers.testing.simulators.gpfs.state import State

#: Takes the simulator and the words behind the command's name, and returns
#: what goes to standard output.
Commands = Mapping[str, Callable[[Any, list[str]], str]]

#: When everything was made.
DATE = 'Sat Nov 21 10:00:00 2026'


def escaped(value: object) -> str:
    """As GPFS does it: whatever could be taken for its own."""
    text = parse.quote(str(value), safe=' !"#$&\'()*,;<=>?@[]^_`{|}~+.-')
    return '%2D%2D' if text == '--' and value == '--' else text


def listing(command: str, columns: str, rows: Iterable[Sequence[object]], *,
            section: str = '') -> str:
    """The output of a command with -Y."""
    header = 'HEADER:version:reserved:reserved'
    lines = [f'{command}:{section}:{header}:{columns}:']
    lines += [f'{command}:{section}:0:1:::'
              + ':'.join(escaped(value) for value in row) + ':'
              for row in rows]
    return '\n'.join(lines) + '\n'


def options(words: Sequence[str], flags: str = '',
            ) -> tuple[list[str], dict[str, str]]:
    """Words without a dash, and the others with their values.

    :param flags: options that have no value, separated by blanks.
    """
    plain: list[str] = []
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith('-') or word == '-':
            plain.append(word)
        elif word in flags.split():
            found[word] = ''
        elif not rest:
            raise Refused(f'Option {word} needs a value.')
        else:
            found[word] = rest.pop(0)
    return plain, found


def device(state: State, command: str,
           words: list[str]) -> list[str]:
    """The words behind the name of the file system."""
    if not words or words[0].removeprefix('/dev/') != state.device:
        name = words[0] if words else ''
        raise Refused(f'{command}: File system {name} is not known to the '
                      f'GPFS cluster.')
    return words[1:]
