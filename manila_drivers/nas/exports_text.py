# SPDX-License-Identifier: Apache-2.0

"""Kernel exports as values: text of etab and of exports(5).  Pure."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import functools
import itertools
import re

from manila_drivers import access
from manila_drivers import networks

Network = networks.Network

# Options of which one holds; the first unless another is named.
_CHOICES = (
    ('sync', 'async'), ('wdelay', 'no_wdelay'), ('hide', 'nohide'),
    ('nocrossmnt', 'crossmnt'), ('secure', 'insecure'),
    ('root_squash', 'no_root_squash'), ('no_all_squash', 'all_squash'),
    ('no_subtree_check', 'subtree_check'),
    ('secure_locks', 'insecure_locks'), ('acl', 'no_acl'))
_CHOICE = {name: choice for choice in _CHOICES for name in choice}
_VALUES = {'anonuid': '65534', 'anongid': '65534', 'sec': 'sys'}
_SAME = {'auth_nlm': 'secure_locks', 'no_auth_nlm': 'insecure_locks',
         'mp': 'mountpoint', 'security_label': 'security_label'}
# What is true anyway, and what older releases do not know to be said.
_SILENT = frozenset({'no_pnfs', 'nordirplus'})

#: Options by what opposes them: only one of each set can hold.
OPPOSITES = (*(frozenset(choice) for choice in _CHOICES),
             frozenset({'auth_nlm', 'no_auth_nlm', 'secure_locks',
                        'insecure_locks'}),
             frozenset({'pnfs', 'no_pnfs'}))


@dataclasses.dataclass(frozen=True)
class ExportEntry:
    """One client of one directory.

    :param client: as the server writes it.
    :param options: all of them, the level too, as they were written.
    """

    path: str
    client: str
    options: tuple[str, ...] = ()

    @functools.cached_property
    def network(self) -> Network | None:
        """None if the client is a name, a netgroup or everybody."""
        return network_of(self.client)

    @property
    def is_host(self) -> bool:
        """Return whether it is an address, which goes before all networks."""
        return self.network is not None and '/' not in self.client

    @property
    def is_everybody(self) -> bool:
        return self.client in ('*', '<world>')

    @property
    def level(self) -> str:
        return access.RW if access.RW in self.options else access.RO

    @property
    def fsid(self) -> str:
        """The fsid, comparable; '' if there is none."""
        return _fsid(self.options)

    @functools.cached_property
    def meaning(self) -> frozenset[str]:
        """All options but level and fsid, each said once.

        What is in it that another's meaning lacks, and is no choice, can
        only be got rid of with the whole entry.
        """
        return meaning(self.options)


@functools.lru_cache(maxsize=4096)
def _fsid(options: tuple[str, ...]) -> str:
    for option in options:
        name, _, value = option.partition('=')
        if name == 'fsid':
            return comparable(value)
    return ''


def network_of(client: str) -> Network | None:
    return networks.parse(client.strip('[]'))


def comparable(fsid: str) -> str:
    """An fsid such that equal ones are equal texts."""
    digits = re.sub(r'[^0-9A-Fa-f]', '', fsid).lower()
    return digits if len(digits) == 32 else fsid.lower()


@functools.lru_cache(maxsize=4096)
def meaning(options: tuple[str, ...]) -> frozenset[str]:
    """Options with all that are not named at their default."""
    chosen = {choice: choice[0] for choice in _CHOICES}
    values = dict(_VALUES)
    said: dict[object, str] = {}
    others = set()
    for option in options:
        option = _SAME.get(option, option)
        name, equals, value = option.partition('=')
        if option in _SILENT or option in access.LEVELS or name == 'fsid':
            continue
        if option in _CHOICE:
            choice = _CHOICE[option]
            if said.setdefault(choice, option) != option:
                others.add('differs by flavour: ' + choice[0])
            chosen[choice] = option
        elif equals and name in values:
            if said.setdefault(name, value) != value:
                others.add('differs by flavour: ' + name)
            values[name] = value
        else:
            others.add(option)
    return frozenset({*chosen.values(), *others,
                      *(f'{name}={value}' for name, value in values.items())})


def lasting(options: frozenset[str]) -> frozenset[str]:
    """Those of a meaning that naming others does not take back."""
    return frozenset(option for option in options
                     if option not in _CHOICE
                     and option.partition('=')[0] not in _VALUES)


def spelled(level: str, options: Iterable[str], fsid: str) -> str:
    """Options for exportfs and exports(5), every choice made.

    Releases differ in whether unnamed options of a client that is there
    already are kept.  Where all are named that makes no difference.
    """
    return ','.join([level, *sorted(meaning(tuple(options))),
                     f'fsid={fsid}'])


# Text of a server

def read(text: str) -> tuple[ExportEntry, ...]:
    """Entries of etab or of files as exports(5), in their order.

    A line that ends with a backslash goes on in the next one.
    """
    return tuple(entry for line in text.replace('\\\n', ' ').split('\n')
                 for entry in _line(line))


@functools.lru_cache(maxsize=131072)
def _line(line: str) -> tuple[ExportEntry, ...]:
    """Remembered: servers say the same lines, again and again."""
    return tuple(_entries(line))


_CLIENT = re.compile(r'([^\s()]*)(?:\(([^()]*)\))?')


def _entries(line: str) -> Iterator[ExportEntry]:
    line = line.strip()
    match = re.match(r'"([^"]*)"|([^\s"#][^\s"]*)', line)
    if not match:
        return
    path = unescaped(match[1] if match[1] is not None else match[2])
    # A word such as -sync gives defaults and is no client; where there is
    # none, everybody is let in.
    words = [word for word in itertools.takewhile(
        lambda word: word[0] != '#', line[match.end():].split())
        if word[0] != '-'] or ['*']
    for word in words:
        client = _CLIENT.fullmatch(word)
        if client and (client[1] or client[2] is not None):
            yield ExportEntry(path, unescaped(client[1]) or '*',
                        _options(client[2] or ''))


@functools.lru_cache(maxsize=4096)
def _options(text: str) -> tuple[str, ...]:
    """Held once, since all clients of a directory have the same ones."""
    return tuple(filter(None, text.split(',')))


def write(entries: Iterable[ExportEntry]) -> str:
    """A file for /etc/exports.d."""
    return ''.join(f'{escaped(entry.path)} {entry.client}'
                   f'({",".join(entry.options)})\n' for entry in entries)


def escaped(path: str) -> str:
    """A path for exports(5): in octal whatever could mean something."""
    return ''.join(
        character if re.fullmatch(r'[A-Za-z0-9_./+:,@%=-]', character)
        else ''.join('\\%03o' % byte for byte in character.encode(
            'utf-8', 'surrogateescape'))
        for character in path)


def in_etab(path: str) -> str:
    """A path as etab has it, which has fewer characters in octal."""
    return re.sub(r'[\s\\"#]', lambda match: '\\%03o' % ord(match[0]), path)


def unescaped(text: str) -> str:
    raw = re.sub(rb'\\([0-3][0-7][0-7])',
                 lambda match: bytes([int(match[1], 8)]),
                 text.encode('utf-8', 'surrogateescape'))
    return raw.decode('utf-8', 'surrogateescape')


def argument(path: str, client: str) -> str:
    """An export as exportfs takes it: IPv6 addresses in brackets."""
    if network_of(client) is None or ':' not in client:
        return f'{client}:{path}'
    address, slash, length = client.strip('[]').partition('/')
    return f'[{address}]{slash}{length}:{path}'
