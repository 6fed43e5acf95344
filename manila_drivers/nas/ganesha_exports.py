# SPDX-License-Identifier: Apache-2.0

"""Exports of Ganesha as values, and their text.  Pure.

Ganesha gives a client what the first CLIENT block says that names it, so
blocks are written in an order in which narrower networks go first.  Two
things were seen of version 4.3: it refuses networks of length 0, so that
everybody is written as two halves; and it leaves out a CLIENT block that it
does not understand, but takes the rest of the file.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_text

Network = networks.Network
Clients = tuple[tuple[Network | None, str], ...]

_LEVELS = {'rw': access.RW, 'ro': access.RO}
_SPELLED = {access.RW: 'RW', access.RO: 'RO'}
#: What Ganesha takes for everybody, of IPv4 and IPv6.
ANYBODY = '0.0.0.0'  # noqa: S104 - nothing is bound to it
# Client addresses in one block; a long line helps nobody.
_IN_BLOCK = 100

#: Settings that operators may choose, and what they are otherwise.
DEFAULTS: Mapping[str, str] = {
    'Squash': 'Root_Squash', 'SecType': 'sys', 'Protocols': '3, 4',
    'Transports': 'TCP'}
_NAMES = {name.lower(): name for name in (
    *DEFAULTS, 'Anonymous_Uid', 'Anonymous_Gid', 'PrivilegedPort',
    'Manage_Gids', 'NFS_Commit', 'Delegations', 'MaxRead', 'MaxWrite',
    'PrefRead', 'PrefWrite', 'PrefReaddir')}


@dataclasses.dataclass(frozen=True)
class GaneshaExport:
    """One export, as a file says or a server answers.

    :param clients: who gets what, the first that matches decides; None for
        what is no address.
    :param settings: the other settings by lower-case name, and of FSAL.
    """

    id: int
    path: str
    pseudo: str
    tag: str
    clients: Clients
    settings: frozenset[tuple[str, tuple[str, ...]]] = frozenset()

    @property
    def levels(self) -> tuple[dict[Network, str], bool]:
        """Return what networks get, and whether that is the whole truth."""
        return levels_of(self.clients)


def levels_of(clients: Clients) -> tuple[dict[Network, str], bool]:
    """Return what networks get, and whether that is the whole truth.

    It is not where a client is no address or has a level that is not ours,
    or where a wider network hides a narrower one behind it.
    """
    found, whole = networks.first_decides(
        (network, level) for network, level in clients if network is not None)
    return (_joined({network: level for network, level in found.items()
                     if level}),
            whole and all(network is not None and level
                          for network, level in clients))


def _joined(levels: Mapping[Network, str]) -> dict[Network, str]:
    """The two halves of everything as one network."""
    found = dict(levels)
    for everybody in networks.EVERYBODY:
        one, other = networks.halves(everybody)
        if found.get(one) and found.get(one) == found.get(other):
            found[everybody] = found.pop(one)
            del found[other]
    return found


def refused(levels: Iterable[Network]) -> dict[Network, str]:
    """Networks that no Ganesha can serve alone, and why."""
    return {network: f'Ganesha takes {ANYBODY} for everybody'
            for network in levels if networks.canonical(network) == ANYBODY}


def clients_of(levels: Mapping[Network, str]) -> list[tuple[list[str], str]]:
    """CLIENT blocks in order: addresses and their level."""
    ordered = sorted(levels.items(), key=lambda item: (
        item[0].version, -item[0].prefixlen, item[1],
        item[0].network_address))
    blocks: list[tuple[list[str], str, tuple[int, int]]] = []
    for network, level in ordered:
        kind = network.version, network.prefixlen
        if (not blocks or blocks[-1][1:] != (level, kind)
                or len(blocks[-1][0]) >= _IN_BLOCK):
            blocks.append(([], level, kind))
        blocks[-1][0].extend(_spelled(network))
    return [(names, level) for names, level, _ in blocks]


def _spelled(network: Network) -> list[str]:
    if networks.canonical(network) == ANYBODY:
        raise exception.InvalidRequest(
            f'Ganesha would take {ANYBODY} for everybody')
    return [networks.canonical(half) for half in networks.halves(network)]


def write(wanted: exports.Export, number: int, fsal: str) -> str:
    """The file of one export.

    :raises InvalidRequest: its path cannot be written down.
    """
    directory.check(wanted)
    path = ganesha_text.quoted(wanted.path)
    lines = ['EXPORT {', f'    Export_Id = {number};', f'    Path = {path};',
             f'    Pseudo = {path};',
             f'    Tag = {ganesha_text.quoted(wanted.name)};',
             '    Access_Type = None;']
    lines += [f'    {name} = {value};'
              for name, value in settings(wanted.options).items()]
    for names, level in clients_of(wanted.levels):
        lines.append(f'    CLIENT {{ Clients = {", ".join(names)}; '
                     f'Access_Type = {_SPELLED[level]}; }}')
    lines += [f'    FSAL {{ Name = {fsal}; }}', '}', '']
    return '\n'.join(lines)


def settings(options: Iterable[str]) -> dict[str, str]:
    """Settings from options such as ``squash=none`` and ``protocols=3:4``.

    :raises InvalidRequest: an option is none that operators may choose.
    """
    found = dict(DEFAULTS)
    for option in options:
        name, _, value = option.partition('=')
        values = value.split(':')
        if name.lower() not in _NAMES or not all(
                re.fullmatch(r'-?[A-Za-z0-9_]+', each) for each in values):
            raise exception.InvalidRequest(
                f'{option!r} is no option of a Ganesha export')
        found[_NAMES[name.lower()]] = ', '.join(values)
    return found


def options_of(export: GaneshaExport) -> tuple[str, ...]:
    """Return the options that :func:`settings` makes an export's of."""
    return tuple(f'{name}={":".join(values)}'
                 for name, values in sorted(export.settings)
                 if name in _NAMES)


def read(text: str) -> tuple[GaneshaExport, ...]:
    """The exports of a file.

    :raises BackendError: it cannot be understood.
    """
    return tuple(_export(block) for block in ganesha_text.read(text)
                 if block.name == 'export')


def _export(block: ganesha_text.Block) -> GaneshaExport:
    number = block.text('export_id')
    fsal = next(block.named('fsal'), ganesha_text.Block('fsal'))
    identity = ('export_id', 'path', 'pseudo', 'tag')
    given = {('fsal.' if owner is fsal else '') + name:
             tuple(value.lower() for value in values)
             for owner in (block, fsal)
             for name, values in owner.settings.items()
             if name not in identity or owner is fsal}
    path = block.text('path')
    return GaneshaExport(
        int(number) if number.isdecimal() else -1, path,
        block.text('pseudo', path), block.text('tag'),
        (*_clients(block), *_others(block)), frozenset(given.items()))


def _clients(block: ganesha_text.Block) -> Clients:
    return tuple(
        found for client in block.named('client')
        for name in client.settings.get('clients', ())
        for found in client_of(name, _LEVELS.get(client.text(
            'access_type', block.text('access_type')).lower(), '')))


def _others(block: ganesha_text.Block) -> Clients:
    """Return what everybody gets whom no CLIENT block names."""
    level = _LEVELS.get(block.text('access_type').lower(), '')
    return client_of('*', level) if level else ()


def client_of(name: str, level: str) -> Clients:
    """A client of a file or an answer; None for what is no address."""
    if name in ('*', ANYBODY):
        return tuple((network, level) for network in networks.EVERYBODY)
    return ((networks.parse(name), level),)
