# SPDX-License-Identifier: Apache-2.0

"""Who gets what by a section of smb.conf, as smbd decides it.

Told from access.c and share_access.c of Samba, and asked of the real one;
nothing of this is shared with what the driver thinks of it.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import functools
import ipaddress
import re

KNOWN = frozenset({
    'path', 'comment', 'browseable', 'create mask', 'read only', 'guest ok',
    'hosts allow', 'hosts deny', 'valid users', 'invalid users', 'read list',
    'write list', 'available', 'vfs objects'})
_SAME = {'allow hosts': 'hosts allow', 'deny hosts': 'hosts deny',
         'browsable': 'browseable', 'public': 'guest ok'}
_TRUE = ('yes', 'true', '1', 'on')


def canonical(parameter: str, value: str) -> tuple[str, str]:
    """Return a parameter as the registry keeps it."""
    parameter = ' '.join(parameter.lower().split())
    if parameter in ('writeable', 'writable', 'write ok'):
        return 'read only', 'no' if value.lower() in _TRUE else 'yes'
    return _SAME.get(parameter, parameter), value


def written(name: str, section: Mapping[str, str]) -> str:
    return f'[{name}]\n' + ''.join(
        f'\t{parameter} = {value}\n' for parameter, value in section.items())


# What testparm has no line for.
_USUAL = {'read only': 'Yes', 'guest ok': 'No', 'browseable': 'Yes',
          'available': 'Yes'}


def printed(globals_: Mapping[str, str],
            shares: Mapping[str, Mapping[str, str]]) -> str:
    """Return what ``testparm -s`` prints: in other words than it was told."""
    return '# Global parameters\n' + '\n\n'.join(
        f'[{name}]\n' + ''.join(
            f'\t{parameter} = {_spelt(parameter, value)}\n'
            for parameter, value in sorted(section.items())
            if _spelt(parameter, value) != _USUAL.get(parameter))
        for name, section in {'global': globals_, **shares}.items()) + '\n'


def _spelt(parameter: str, value: str) -> str:
    if parameter in _USUAL or parameter == 'registry shares':
        return 'Yes' if value.lower() in _TRUE else 'No'
    if parameter.endswith((' users', ' list')):
        return ' '.join(f'"{name}"' if ' ' in name else name
                        for name in names(value))
    return value


def sections(text: str) -> list[tuple[str, dict[str, str]]]:
    """Take a text apart; a backslash at the end joins two lines."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in re.sub(r'\\\n', '', text).splitlines():
        line = line.strip()
        if line.startswith('['):
            found.append((line.strip('[] '), {}))
        elif '=' in line and found and line[0] not in '#;':
            parameter, _, value = line.partition('=')
            key, value = canonical(parameter.strip(), value.strip())
            found[-1][1][key] = value
    return found


def _yes(section: Mapping[str, str], parameter: str, default: str) -> bool:
    return section.get(parameter, default).strip().lower() in _TRUE


def admits(section: Mapping[str, str], address: str) -> bool:
    """Return whether an address may come, whoever it is."""
    return _host(section, address)


def level(section: Mapping[str, str] | None, address: str | None,
          user: str | None) -> str | None:
    """Return what a client gets.

    :param address: None is any that may come.
    :param user: who has logged in; None is a guest, which somebody with a
        wrong name is as well.
    """
    if section is None or not _yes(section, 'available', 'yes'):
        return None
    if address is not None and not _host(section, address):
        return None
    if user is None and not _yes(section, 'guest ok', 'no'):
        return None
    who = user or 'nobody'
    if who in names(section.get('invalid users', '')):
        return None
    valid = names(section.get('valid users', ''))
    if valid and not _named(valid, who):
        return None
    only = _yes(section, 'read only', 'yes')
    if _named(names(section.get('read list', '')), who):
        only = True
    if _named(names(section.get('write list', '')), who):
        only = False
    return 'ro' if only else 'rw'


def names(text: str) -> list[str]:
    """Take a list apart: quotes hold blanks together."""
    return [word.replace('"', '') for word in re.findall(
        r'(?:"[^"]*"?|[^\s,;"])+', text)]


def _named(listed: Iterable[str], who: str) -> bool:
    """Groups have everybody in them, to be unkind."""
    return any(each[:1] in ('@', '+', '&') or each.lower() == who.lower()
               for each in listed)


def _host(section: Mapping[str, str], address: str) -> bool:
    host = _address(address)
    allow = section.get('hosts allow', '').replace(',', ' ').split()
    deny = section.get('hosts deny', '').replace(',', ' ').split()
    if host.is_loopback:
        return not (_listed(deny, host) and not _listed(allow, host))
    if not deny and not allow:
        return True
    if allow and not deny:
        return _listed(allow, host)
    if deny and not allow:
        return not _listed(deny, host)
    return _listed(allow, host) or not _listed(deny, host)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _listed(words: list[str], host: _Address) -> bool:
    if 'EXCEPT' in words:
        at = words.index('EXCEPT')
        return _listed(words[:at], host) and not _listed(words[at + 1:],
                                                         host)
    return any(_matches(word, host) for word in words)


def _matches(word: str, host: _Address) -> bool:
    if word.upper() == 'ALL':
        return True
    if word.endswith('.'):
        return str(host).startswith(word)
    network = _network(word)
    return network is not None and host in network


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


# Of the same few, after every program of a random history.
@functools.lru_cache(maxsize=65536)
def _network(word: str) -> _Network | None:
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        return None


@functools.lru_cache(maxsize=65536)
def _address(text: str) -> _Address:
    return ipaddress.ip_address(text)
