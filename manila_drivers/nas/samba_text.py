# SPDX-License-Identifier: Apache-2.0

"""Text of smb.conf, as ``net conf`` prints and takes it.  Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
import re

from manila_drivers import exception
from manila_drivers.nas import directory
from manila_drivers.nas import exports

#: A user that there cannot be, for lists that must not be empty.
NOBODY = '-'

#: Names of users that mean one user to Samba, to a shell and in a list.
#: ``@``, ``+`` and ``&`` before a name make it a group, ``%`` is replaced,
#: and a backslash at the end would go on with the next line.
USER = r'\w(?:[\w .@\\-]{0,253}[\w.@-])?\$?'

_RESERVED = frozenset({'global', 'homes', 'printers', 'print$', 'ipc$'})
_TRUE = frozenset({'yes', 'true', 'on', '1'})
_FALSE = frozenset({'no', 'false', 'off', '0'})
_SAME = {'allow hosts': 'hosts allow', 'deny hosts': 'hosts deny',
         'browsable': 'browseable', 'public': 'guest ok',
         'directory': 'path', 'create mode': 'create mask',
         'writable': 'writeable', 'write ok': 'writeable'}
_SWITCHES = frozenset({'browseable', 'guest ok', 'read only', 'available'})

#: Parameters that say who gets in where, and as what.
DECIDES = frozenset({
    'path', 'available', 'read only', 'guest ok', 'hosts allow', 'hosts deny',
    'valid users', 'invalid users', 'read list', 'write list', 'admin users',
    'force user', 'guest only'})


def is_true(value: str) -> bool:
    """Return whether a switch of smb.conf is on."""
    return value.strip().lower() in _TRUE


def words(value: str | None) -> list[str] | None:
    """Return the words of a list, whose quotes and order mean nothing."""
    return None if value is None else sorted(listed(value))


def check(name: str, path: str) -> None:
    """:raises InvalidRequest: one of them cannot be written down."""
    directory.check(exports.Export(path, name, '', {}))
    if name.lower() in _RESERVED:
        raise exception.InvalidRequest(
            f'{name!r} means something else to Samba',
            check='share_name_template')
    if re.search(r'[%"]|\\$|^\s|\s$', path):
        raise exception.InvalidRequest(
            f'{path!r} cannot be shared with Samba')


def names(users: Iterable[str]) -> str:
    """Return a list of users; each is quoted, since it may have blanks.

    :raises InvalidRequest: one of them cannot be in it.
    """
    found = sorted(set(users))
    for name in found:
        if not re.fullmatch(USER, name):
            raise exception.InvalidRequest(
                f'{name!r} is not a name of a user that Samba can be given')
    return ' '.join(f'"{name}"' for name in found)


def listed(text: str) -> list[str]:
    """Return the names of a list, as Samba takes it apart."""
    return [word.replace('"', '') for word in re.findall(
        r'(?:"[^"]*"?|[^\s,;"])+', text) if word.replace('"', '')]


def write(name: str, section: Mapping[str, str]) -> str:
    """Return the text that ``net conf import`` takes."""
    return ''.join([f'[{name}]\n', *(
        f'\t{parameter} = {value}\n'
        for parameter, value in section.items())])


def read(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of a text; names are in lower case."""
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    for line in text.split('\n'):
        head = re.fullmatch(r'\s*\[(.*)\]\s*', line)
        if head:
            section = found.setdefault(head[1].strip().lower(), {})
            continue
        parameter, equals, value = line.partition('=')
        parameter = ' '.join(parameter.split()).lower()
        if section is not None and equals and parameter[:1] not in '#;':
            section[parameter] = value.strip()
    return found


def meaning(section: Mapping[str, str]) -> dict[str, str]:
    """Return a section with one word for each thing.

    Parameters at their default are as if they were not there.
    """
    found = {}
    for parameter, value in section.items():
        parameter = _SAME.get(parameter, parameter)
        if parameter == 'writeable':
            parameter = 'read only'
            value = 'no' if value.lower() in _TRUE else 'yes'
        if parameter in _SWITCHES:
            value = ('yes' if value.lower() in _TRUE else 'no'
                     if value.lower() in _FALSE else value)
        if value.strip():
            found[parameter] = value.strip()
    if found.get('available') == 'yes':
        del found['available']
    found.setdefault('read only', 'yes')
    found.setdefault('guest ok', 'no')
    found.setdefault('browseable', 'yes')
    return found
