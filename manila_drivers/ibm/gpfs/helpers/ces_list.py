# SPDX-License-Identifier: Apache-2.0

"""The clients of a CES export, and how their list becomes another.  Pure.

Ganesha gives a client what the first entry says that it matches; so entries
are kept in an order in which narrower networks go first, also on the way.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from manila_drivers import access
from manila_drivers import networks
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_exports

Network = networks.Network

# Bytes of clients in one command, well below what the kernel takes.
CHUNK = 60_000

CHANGES = ('--nfsadd', '--nfsremove', '--nfschange')

#: The level of an entry whose list does not say which it is.
UNTOLD = '?'

_SQUASH = {'root': 'root_squash', 'rootsquash': 'root_squash',
           'all': 'all_squash', 'allsquash': 'all_squash',
           'none': 'no_root_squash', 'noidsquash': 'no_root_squash',
           'rootid': 'rootid_squash', 'root_id_squash': 'rootid_squash'}

# What a client of mmnfs gets that is told nothing else, in every release.  Of
# protocols and delegations the cluster's configuration says it.
DEFAULTS = {'squash': 'root_squash', 'anonymous_uid': '-2',
             'anonymous_gid': '-2', 'sectype': 'sys', 'transports': 'tcp',
             'privilegedport': 'false', 'manage_gids': 'false',
             'nfs_commit': 'false'}
# Other spellings of -2.
_NOBODY = frozenset({'4294967294', '65534'})


@dataclasses.dataclass(frozen=True)
class CesClient:
    """One client of an export, as it is listed.

    :param network: None for what is no address: a name, a netgroup, ``*``,
        nor is 0.0.0.0, which Ganesha takes for everybody.
    :param level: ``rw``, ``ro``, '' for none of them, or :data:`UNTOLD`.
    """

    client: str
    network: Network | None
    level: str
    options: Mapping[str, str]

    @property
    def networks(self) -> Sequence[Network]:
        """Whom it is for, as far as addresses tell."""
        if self.network is not None:
            return (self.network,)
        return networks.EVERYBODY if self.client in (
            '*', ganesha_exports.ANYBODY) else ()


def levels_of(entries: Sequence[CesClient]) -> dict[Network, str]:
    """Return the level of each network, with ``*`` as all addresses.

    Where an entry hides a narrower one behind it, that one gives nothing of
    its own.  One whose level is not told may well give all there is.
    """
    found, _ = networks.first_decides(
        (network, access.RW if entry.level == UNTOLD else entry.level)
        for entry in entries for network in entry.networks)
    return {network: level for network, level in found.items() if level}


def ordered(wanted: Iterable[Network]) -> list[Network]:
    """Narrower ones first."""
    return sorted(wanted, key=lambda network: (
        -network.prefixlen, networks.order(network)))


@dataclasses.dataclass(frozen=True)
class Addition:
    """Clients that are inserted one behind the other.

    :param position: of the first of them; None is at the end.
    """

    networks: Sequence[Network]
    position: int | None = None


@dataclasses.dataclass(frozen=True)
class Difference:
    """Hold changes to the list of an export's clients, in their order.

    Done in this order it takes everybody straight from what they have to
    what they shall have.

    :param hidden: clients that are removed although some of them come back
        in another place; wider ones before them make them void.
    :param remove: clients, the wider ones first.
    :param apart: whether one command could be understood in two ways.
    """

    hidden: Sequence[str]
    add: Sequence[Addition]
    change: Sequence[CesClient]
    remove: Sequence[str]
    apart: bool

    def __bool__(self) -> bool:
        return self.size > 0

    @property
    def size(self) -> int:
        """How many clients it is about."""
        return len(self.hidden) + len(self.remove) + len(self.change) + sum(
            len(one.networks) for one in self.add)

    def together(self, export: exports.Export) -> list[str]:
        """The options of one command for everything."""
        gone = [*self.hidden, *self.remove]
        words = ['--nfsremove', ','.join(gone)] if gone else []
        if self.change:
            words += ['--nfschange', ';'.join(self._changes(export))]
        for addition in self.add:
            words += _added(';'.join(
                _client(network, export) for network in addition.networks),
                addition.position)
        return words

    def one_by_one(self, export: exports.Export) -> list[list[str]]:
        """The options of one command for each thing."""
        found = _removals(self.hidden)
        for addition in self.add:
            found += _insertions(addition, export)
        found += [['--nfschange', text]
                  for text in _packed(self._changes(export))]
        return found + _removals(self.remove)

    def _changes(self, export: exports.Export) -> list[str]:
        """Under the names by which they are listed, canonical or not."""
        return [_client(entry.network, export, entry.client,
                        _taken_out(entry, export))
                for entry in self.change if entry.network is not None]


def _removals(clients: Sequence[str]) -> list[list[str]]:
    """As many commands as are needed, in the order of the clients."""
    found: list[list[str]] = []
    for client in clients:
        if found and len(found[-1][1]) + len(client) < CHUNK:
            found[-1][1] += ',' + client
        else:
            found.append(['--nfsremove', client])
    return found


def _insertions(addition: Addition,
                export: exports.Export) -> list[list[str]]:
    """As many commands as are needed, narrower clients first.

    A wider one that is there before them would decide for them meanwhile.
    So each piece goes behind the one before it.
    """
    found = []
    position = addition.position
    for text in chunks(addition.networks, export):
        found.append(_added(text, position))
        if position is not None:
            position += text.count(';') + 1
    return found


def _added(text: str, position: int | None) -> list[str]:
    return ['--nfsadd', text] + (
        [] if position is None else ['--nfsposition', str(position)])


def difference(export: exports.Export,
               entries: Sequence[CesClient]) -> Difference:
    """Compare what is wanted with what is listed.  Pure."""
    levels = export.levels
    visible, hidden = _by_sight(entries)
    kept = {entry.network for entry in visible if entry.network in levels}
    # Everybody goes before all addresses of one kind, which hide a part.
    remove = sorted(
        (entry for entry in visible if entry.network not in kept),
        key=lambda entry: (_width(entry), entry.network is not None))
    change = [entry for entry in visible
              if entry.network is not None and entry.network in kept
              and not _as_wanted(entry, export)]
    add = _additions([network for network in ordered(levels)
                      if network not in kept], visible)
    return Difference(
        [entry.client for entry in hidden], add, change,
        [entry.client for entry in remove],
        apart=len(add) > 1 or any(entry.network in levels
                                  for entry in hidden)
        or _ambiguous(add, entries, [*hidden, *remove]))


def _by_sight(entries: Sequence[CesClient],
              ) -> tuple[list[CesClient], list[CesClient]]:
    """Those that count, and those that others before them make void."""
    visible: list[CesClient] = []
    hidden: list[CesClient] = []
    seen = networks.PrefixTable[str]()
    for entry in entries:
        void = bool(entry.networks) and all(
            seen.level(network) is not None for network in entry.networks)
        (hidden if void else visible).append(entry)
        for network in () if void else entry.networks:
            seen.add(network, entry.level)
    return visible, hidden


def _width(entry: CesClient) -> int:
    return min((network.prefixlen for network in entry.networks), default=-1)


def _ambiguous(add: Sequence[Addition], entries: Sequence[CesClient],
               gone: Sequence[CesClient]) -> bool:
    """Say if a position depends on what is removed first."""
    leaving = {id(entry) for entry in gone}
    first = next((place for place, entry in enumerate(entries)
                  if id(entry) in leaving), len(entries))
    return any(addition.position and addition.position > first
               for addition in add)


def _additions(networks: Sequence[Network],
               there: Sequence[CesClient]) -> list[Addition]:
    """Where to insert networks, as few times as possible.

    :param networks: narrower ones first.
    :param there: the list as it is then, in which narrower ones are first.
    """
    found: list[Addition] = []
    rooms = _Rooms(networks, there)
    while rooms.left:
        found.append(rooms.insert())
    return found


class _Rooms:
    """Where in a list each network may be inserted.

    That is behind all narrower networks, and before all wider ones.

    :param wanted: narrower ones first; inserted in this order.
    """

    def __init__(self, wanted: Sequence[Network],
                 there: Sequence[CesClient]) -> None:
        self.left = list(wanted)
        self._length = len(there)
        self._wanted = networks.PrefixTable({
            network: network for network in wanted})
        self._low = dict.fromkeys(wanted, 0)
        wider = networks.PrefixTable[int]()
        for place, entry in enumerate(there):
            for network in entry.networks:
                wider.add(network, place)
                self._keep_behind(network, place)
        self._high = {network: min(
            (place for _, place in wider.holding(network)),
            default=self._length) for network in wanted}

    def _keep_behind(self, narrower: Network, place: int) -> None:
        """Networks that hold another one come behind its place."""
        for _, network in self._wanted.holding(narrower):
            self._low[network] = max(self._low[network], place + 1)

    def _room(self, network: Network) -> tuple[int, int]:
        low = self._low[network]
        return low, max(low, self._high[network])

    def insert(self) -> Addition:
        """Insert as many as there is a common place for."""
        low, high = self._room(self.left[0])
        count = 1
        for network in self.left[1:]:
            first, last = self._room(network)
            if max(low, first) > min(high, last):
                break
            low, high = max(low, first), min(high, last)
            count += 1
        block, self.left = self.left[:count], self.left[count:]
        # At the end or the beginning if possible: nobody mistakes these.
        place = high if high == self._length or low else 0
        position = None if place == self._length else place
        self._make_room(place, block)
        return Addition(tuple(block), position)

    def _make_room(self, place: int, block: Sequence[Network]) -> None:
        """Move the limits of all behind a block; wider ones stay behind."""
        for network in self.left:
            if self._low[network] > place:
                self._low[network] += len(block)
            if self._high[network] >= place:
                self._high[network] += len(block)
        self._length += len(block)
        for number, network in enumerate(block, place):
            self._keep_behind(network, number)


def _client(network: Network, export: exports.Export, name: str = '',
            more: Sequence[str] = ()) -> str:
    """
    :param name: how the client is listed, if it is.
    :param more: options besides those of the export.
    """
    chosen = export.options if not export.keep or name \
        else export.own[network]
    options = ','.join([f'access_type={export.levels[network]}',
                        *chosen, *more])
    return f'{name or networks.canonical(network)}({options})'


def chunks(networks: Sequence[Network],
            export: exports.Export) -> list[str]:
    """Clients for as many commands as are needed."""
    return _packed(_client(network, export) for network in networks)


def _packed(clients: Iterable[str]) -> list[str]:
    """Join clients to texts of up to CHUNK bytes."""
    texts: list[str] = []
    for text in clients:
        if texts and len(texts[-1]) + len(text) < CHUNK:
            texts[-1] += ';' + text
        else:
            texts.append(text)
    return texts


def _as_wanted(entry: CesClient, export: exports.Export) -> bool:
    if entry.network is None or entry.level != export.levels[entry.network]:
        return False
    if export.keep:
        return True
    for option in export.options:
        name, _, value = option.partition('=')
        listed = entry.options.get(name)
        # What is not listed cannot be compared.
        if listed is not None and _plain(name, listed) != _plain(name, value):
            return False
    return not _taken_out(entry, export)


def _taken_out(entry: CesClient, export: exports.Export) -> list[str]:
    """Return options that undo what a client has and nobody asks for.

    A change leaves options as they are that it does not name.
    """
    if export.keep:
        return []
    named = {option.partition('=')[0] for option in export.options}
    return [f'{name}={value}' for name, value in DEFAULTS.items()
            if name not in named and entry.options.get(name)
            and _plain(name, entry.options[name]) != value]


def _plain(name: str, value: str) -> str:
    """One spelling for values that mean the same."""
    # Those that are lists are not in any order.
    text = ','.join(sorted(value.lower().replace(':', ',').split(',')))
    if name == 'squash':
        return _SQUASH.get(text, text)
    if name in ('anonymous_uid', 'anonymous_gid') and text in _NOBODY:
        return '-2'
    return {'yes': 'true', 'on': 'true', 'no': 'false',
            'off': 'false'}.get(text, text)
