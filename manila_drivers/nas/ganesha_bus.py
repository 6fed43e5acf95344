# SPDX-License-Identifier: Apache-2.0

"""Calls of Ganesha over DBus, and its answers.  Pure.

``dbus-send`` prints texts as they are, quotes and new lines too, so answers
are read by their shape and not as a language.  It exits with 0 whenever
Ganesha returned something, whatever that says.
"""

from collections.abc import Iterable
import re

from manila_drivers import access
from manila_drivers.nas import directory
from manila_drivers.nas import ganesha_exports
from manila_drivers.transport import command

_OBJECT = '/org/ganesha/nfsd/ExportMgr'
_INTERFACE = 'org.ganesha.nfsd.exportmgr'
_DBUS_SEND = ('dbus-send', '--print-reply', '--system',
              '--dest=org.ganesha.nfsd', _OBJECT)

# Access of a client, in the options that DisplayExport tells (2.1 to 5.x).
_READ, _WRITE = 0x20, 0x40


def call(method: str, *arguments: str, accept: Iterable[int] = (0,),
         reads: bool = False) -> command.Command:
    """Call a method of Ganesha's export manager."""
    return directory.run(*_DBUS_SEND, f'{_INTERFACE}.{method}', *arguments,
                         accept=frozenset(accept), reads=reads)


def add(file: str, number: int) -> command.Command:
    return call('AddExport', f'string:{file}', _only(number))


def update(file: str, number: int) -> command.Command:
    return call('UpdateExport', f'string:{file}', _only(number))


def remove(number: int) -> command.Command:
    return call('RemoveExport', f'uint16:{number}')


def _only(number: int) -> str:
    return f'string:EXPORT(Export_Id={number})'


def show(accept: Iterable[int] = (0, 1)) -> command.Command:
    return call('ShowExports', accept=accept, reads=True)


def display(number: int) -> command.Command:
    """1 is accepted: there may be no export of that number."""
    return call('DisplayExport', f'uint16:{number}', accept=(0, 1),
                reads=True)


def introspect() -> command.Command:
    return directory.run(
        *_DBUS_SEND, 'org.freedesktop.DBus.Introspectable.Introspect',
        accept=frozenset({0, 1}), reads=True)


# Answers

def is_list(text: str) -> bool:
    """Tell if ShowExports has answered, and not just nothing."""
    return text.lstrip().startswith('method return') and re.search(
        r'^ +array \[', text, re.MULTILINE) is not None


def methods(text: str) -> frozenset[str]:
    return frozenset(re.findall(r'<method name="(\w+)"', text))


def exports(text: str) -> dict[int, str]:
    """Number to path from ShowExports, without the pseudo root."""
    return {int(number): path for number, path in re.findall(
        r'uint16 (\d+)\n +string "([^\n]*)"\n', text) if number != '0'}


_HEAD = re.compile(
    r'\n +uint16 (\d+)\n +string "([^\n]*)"\n +string "([^\n]*)"\n'
    r' +string "([^\n]*)"\n')
_CLIENT = re.compile(
    r'struct \{\n +string "([^\n]*)"\n(?: +int32 -?\d+\n| +byte \d+\n)*'
    r' +uint32 \d+\n +uint32 \d+\n +uint32 \d+\n +uint32 (\d+)\n'
    r' +uint32 \d+\n')


def export(text: str) -> ganesha_exports.GaneshaExport | None:
    """An export from DisplayExport; None if there is none.

    What clients get whom none of them names is not told.
    """
    head = _HEAD.search(text)
    if head is None:
        return None
    clients = tuple(
        found for name, options in _CLIENT.findall(text)
        for found in ganesha_exports.client_of(name, _level(int(options))))
    return ganesha_exports.GaneshaExport(
        int(head[1]), head[2], head[3], head[4], clients)


def _level(options: int) -> str:
    if not options & _READ:
        return ''
    return access.RW if options & _WRITE else access.RO


def complaint(results: Iterable[command.Result]) -> str:
    """Return what an answer with exit code 0 says is wrong."""
    for result in results:
        if result.stdout.startswith('method return') and re.search(
                r'^ +string "(0 exports|.*Errors found)', result.stdout,
                re.MULTILINE):
            return result.stdout.partition('string "')[2].strip()
    return ''
