#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The clients of a CES export, and how their list becomes another.  Pure.

Ganesha gives a client what the first entry says that it matches; so entries
are kept in an order in which narrower networks go first, also on the way.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import ipaddress

from manila_drivers import access
from manila_drivers.ibm.gpfs import exports

Network = access.Network

# Bytes of clients in one command, well below what the kernel takes.
CHUNK = 60_000

CHANGES = ('--nfsadd', '--nfsremove', '--nfschange')

_EVERYBODY: tuple[Network, ...] = (ipaddress.ip_network('0.0.0.0/0'),
                                   ipaddress.ip_network('::/0'))
_SQUASH = {'root': 'root_squash', 'rootsquash': 'root_squash',
           'all': 'all_squash', 'allsquash': 'all_squash',
           'none': 'no_root_squash', 'noidsquash': 'no_root_squash',
           'rootid': 'rootid_squash', 'root_id_squash': 'rootid_squash'}



@dataclasses.dataclass(frozen=True)
class Entry:
    """One client of an export, as it is listed.

    :param network: None for what is no address: a name, a netgroup, ``*``.
    :param level: ``rw``, ``ro``, or '' for none of them.
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
        return _EVERYBODY if self.client == '*' else ()


def levels_of(entries: Sequence[Entry]) -> dict[Network, str]:
    """What the entries give, with ``*`` as all addresses.

    Where an entry hides a narrower one behind it, that one gives nothing of
    its own.
    """
    found: dict[Network, str] = {}
    for entry in entries:
        for network in entry.networks:
            if not any(_inside(network, before) for before in found):
                found[network] = entry.level
    return {network: level for network, level in found.items() if level}


def _inside(inner: Network, outer: Network) -> bool:
    return (inner.version == outer.version
            and inner.prefixlen >= outer.prefixlen
            and inner.network_address in outer)


def ordered(networks: Iterable[Network]) -> list[Network]:
    """Narrower ones first."""
    return sorted(networks, key=lambda network: (
        -network.prefixlen, access.order(network)))


@dataclasses.dataclass(frozen=True)
class Addition:
    """Clients that are inserted one behind the other.

    :param position: of the first of them; None is at the end.
    """

    networks: Sequence[Network]
    position: int | None = None


@dataclasses.dataclass(frozen=True)
class Difference:
    """What has to change in the list of an export's clients, in this order.

    Done in this order it takes everybody straight from what they have to
    what they shall have.

    :param hidden: clients that are removed although some of them come back
        in another place; wider ones before them make them void.
    :param remove: clients, the wider ones first.
    :param apart: whether one command could be understood in two ways.
    """

    hidden: Sequence[str]
    add: Sequence[Addition]
    change: Sequence[Network]
    remove: Sequence[str]
    apart: bool

    def __bool__(self) -> bool:
        return bool(self.hidden or self.remove or self.change or self.add)

    def together(self, export: exports.Export) -> list[str]:
        """The options of one command for everything."""
        gone = [*self.hidden, *self.remove]
        words = ['--nfsremove', ','.join(gone)] if gone else []
        if self.change:
            words += ['--nfschange', ';'.join(
                _client(network, export) for network in self.change)]
        for addition in self.add:
            words += _added(addition, ';'.join(
                _client(network, export) for network in addition.networks))
        return words

    def one_by_one(self, export: exports.Export) -> list[list[str]]:
        """The options of one command for each thing."""
        found = _removals(self.hidden)
        for addition in self.add:
            texts = chunks(addition.networks, export)
            # At one place the last piece has to be put there first.
            found += [_added(addition, text) for text in (
                texts if addition.position is None else reversed(texts))]
        found += [['--nfschange', text]
                  for text in chunks(self.change, export)]
        return found + _removals(self.remove)


def _removals(clients: Sequence[str]) -> list[list[str]]:
    """As many commands as are needed, in the order of the clients."""
    found: list[list[str]] = []
    for client in clients:
        if found and len(found[-1][1]) + len(client) < CHUNK:
            found[-1][1] += ',' + client
        else:
            found.append(['--nfsremove', client])
    return found


def _added(addition: Addition, text: str) -> list[str]:
    position = addition.position
    return ['--nfsadd', text] + (
        [] if position is None else ['--nfsposition', str(position)])


def difference(export: exports.Export,
               entries: Sequence[Entry]) -> Difference:
    """Compare what is wanted with what is listed.  Pure."""
    levels = export.levels
    visible, hidden = _by_sight(entries, levels)
    kept = {entry.network for entry in visible if entry.network in levels}
    remove = sorted((entry for entry in visible if entry.network not in kept),
                    key=_width)
    change = [entry.network for entry in visible
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


def _by_sight(entries: Sequence[Entry], levels: exports.Levels,
              ) -> tuple[list[Entry], list[Entry]]:
    """Those that count, and those that others before them make void."""
    visible: list[Entry] = []
    hidden: list[Entry] = []
    seen: list[Network] = []
    for entry in entries:
        void = bool(entry.networks) and all(
            any(_inside(network, before) for before in seen)
            for network in entry.networks)
        (hidden if void else visible).append(entry)
        if not void:
            seen += entry.networks
    return visible, hidden


def _width(entry: Entry) -> int:
    return min((network.prefixlen for network in entry.networks), default=-1)


def _ambiguous(add: Sequence[Addition], entries: Sequence[Entry],
               gone: Sequence[Entry]) -> bool:
    """Whether a position depends on what is removed first."""
    return any(addition.position and any(
        entry in gone for entry in entries[:addition.position])
        for addition in add)


def _additions(networks: Sequence[Network],
               there: Sequence[Entry]) -> list[Addition]:
    """Where to insert networks, as few times as possible.

    :param networks: narrower ones first.
    :param there: the list as it is then, in which narrower ones are first.
    """
    found: list[Addition] = []
    now: list[Sequence[Network]] = [entry.networks for entry in there]
    block: list[Network] = []
    low, high = 0, len(now)
    for network in networks:
        first, last = _room(network, now)
        if block and max(low, first) > min(high, last):
            found.append(_insert(block, low, high, now))
            block, low, high = [], 0, len(now)
            first, last = _room(network, now)
        block.append(network)
        low, high = max(low, first), min(high, last)
    if block:
        found.append(_insert(block, low, high, now))
    return found


def _room(network: Network,
          now: Sequence[Sequence[Network]]) -> tuple[int, int]:
    """Behind all narrower networks, and before all wider ones."""
    low = max((place + 1 for place, others in enumerate(now)
               if any(_inside(other, network) for other in others)),
              default=0)
    high = min((place for place, others in enumerate(now)
                if any(_inside(network, other) for other in others)),
               default=len(now))
    return low, max(low, high)


def _insert(block: Sequence[Network], low: int, high: int,
            now: list[Sequence[Network]]) -> Addition:
    """At the end or the beginning if possible: nobody mistakes these."""
    place = high if high == len(now) or low else 0
    position = None if place == len(now) else place
    now[place:place] = [[network] for network in block]
    return Addition(tuple(block), position)


def _client(network: Network, export: exports.Export) -> str:
    options = ','.join([f'access_type={export.levels[network]}',
                        *export.options])
    return f'{access.canonical(network)}({options})'


def chunks(networks: Sequence[Network],
            export: exports.Export) -> list[str]:
    """Clients for as many commands as are needed."""
    texts: list[str] = []
    for network in networks:
        text = _client(network, export)
        if texts and len(texts[-1]) + len(text) < CHUNK:
            texts[-1] += ';' + text
        else:
            texts.append(text)
    return texts


def _as_wanted(entry: Entry, export: exports.Export) -> bool:
    if entry.network is None or entry.level != export.levels[entry.network]:
        return False
    for option in export.options:
        name, _, value = option.partition('=')
        listed = entry.options.get(name)
        # What is not listed cannot be compared.
        if listed is not None and _plain(name, listed) != _plain(name, value):
            return False
    return True


def _plain(name: str, value: str) -> str:
    """One spelling for values that mean the same."""
    # Those that are lists are not in any order.
    text = ','.join(sorted(value.lower().replace(':', ',').split(',')))
    if name == 'squash':
        return _SQUASH.get(text, text)
    return {'yes': 'true', 'on': 'true', 'no': 'false',
            'off': 'false'}.get(text, text)
