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

"""Cluster Export Services: the NFS servers of Storage Scale itself.

One command, ``mmnfs``, changes the exports of all protocol nodes.  Behind it
is Ganesha, which gives a client what the first entry says that it matches;
so entries are kept in an order in which narrower networks go first.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import ipaddress
import posixpath
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import export_options
from manila_drivers.ibm.gpfs import exports
from manila_drivers.ibm.gpfs import helper
from manila_drivers.ibm.gpfs import listing
from manila_drivers.ibm.gpfs import records
from manila_drivers.transport import command
from manila_drivers.transport import script

Network = access.Network

# Bytes of clients in one command, well below what the kernel takes.
_CHUNK = 60_000

_EVERYBODY: tuple[Network, ...] = (ipaddress.ip_network('0.0.0.0/0'),
                                   ipaddress.ip_network('::/0'))
_LEVELS = {'rw': access.RW, 'ro': access.RO}
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


@dataclasses.dataclass(frozen=True)
class Facts:
    """The clients of all exports that were listed, in their order."""

    entries: Mapping[str, Sequence[Entry]]


class CESHelper(helper.NASHelperBase[Facts]):
    """Exports through ``mmnfs``, on a management host."""

    TYPE = 'CES'
    NEEDS_SERVERS = False
    OPTIONS_SPEC = 'ces:export_options'
    KNOWN_OPTIONS = export_options.GANESHA

    def __init__(self, execute: Any, config_object: Any) -> None:
        super().__init__(execute, config_object)
        # Whether one "change" may add, change and remove: the manual says so
        # up to 5.0.1, and no longer from 5.0.3 on.
        self._combines = True

    @property
    def servers(self) -> tuple[str, ...]:
        return ('CES',)

    def runner(self, server: str) -> script.Runner:
        return self.execute.management  # type: ignore[no-any-return]

    def asked(self, server: str, questions: helper.Commands,
              ) -> Sequence[command.Result]:
        """Any of the management hosts can say it."""
        return self.execute.ask(questions)  # type: ignore[no-any-return]

    def done(self, server: str,
             changes: helper.Commands) -> Sequence[command.Result]:
        answer = self.execute.do(changes)
        if answer.error is not None:
            raise answer.error
        return answer.results  # type: ignore[no-any-return]

    def check(self) -> None:
        found = self.survey()['CES']
        if isinstance(found, exception.DriverError):
            raise exception.ConfigurationError(
                'gpfs_nfs_server_type', 'is CES, but its exports cannot be '
                'listed', answer=f'{found.what}. {found.answer}',
                check='mmces service list: NFS has to be enabled')

    # Questions

    def questions(self, paths: Sequence[str]) -> helper.Commands:
        only = ['--nfsdefs', paths[0]] if len(paths) == 1 else []
        return [self._mmnfs('list', *only, '-Y', accept=range(256))]

    def understand(self, server: str,
                   results: Sequence[command.Result]) -> Facts:
        result, = results
        wrong = records.failure(self._mmnfs('list'), result)
        if wrong is not None:
            raise wrong
        found: dict[str, list[Entry]] = {}
        for row in listing.rows(result.stdout, 'mmcesnfslsexport',
                                'nfsexports', long_column='clients'):
            entries = found.setdefault(
                posixpath.normpath(row.get('path', '')), [])
            if row.get('clients'):
                entries.append(_entry(row))
        return Facts(found)

    def seen(self, facts: Facts) -> exports.Seen:
        return exports.Seen({path: levels_of(entries)
                             for path, entries in facts.entries.items()})

    # Changes

    def learn(self, failure: exception.BackendError) -> bool:
        learnt, self._combines = self._combines, False
        return learnt

    def plan(self, facts: Facts, wanted: Sequence[exports.Export],
             agreed: Any) -> helper.Commands:
        return [cmd for export in wanted
                for cmd in self._plan(export, facts.entries.get(export.path))]

    def verdict(self, server: str, wanted: Sequence[exports.Export],
                agreed: Any, results: Sequence[command.Result]) -> str:
        """There are builds that fail in words only."""
        wrong = [records.failure(self._mmnfs('change'), result)
                 for result in results]
        return '; '.join(error.answer for error in wrong if error)

    def _plan(self, export: exports.Export,
              entries: Sequence[Entry] | None) -> helper.Commands:
        path = export.path
        if entries is None:
            if not export.levels:
                return []
            first, *others = _chunks(_ordered(export.levels), export)
            return [self._mmnfs('add', path, '--client', first),
                    *(self._mmnfs('change', path, '--nfsadd', more)
                      for more in others)]
        if not export.levels:
            return [self._mmnfs('remove', path)]
        change = difference(export, entries)
        if not change:
            return []
        apart = change.one_by_one(export)
        if self._combines and not change.apart and len(apart) > 1:
            words = change.together(export)
            if sum(map(len, words)) < _CHUNK:
                return [self._mmnfs('change', path, *words)]
        return [self._mmnfs('change', path, *words) for words in apart]

    def _mmnfs(self, *words: str, accept: Iterable[int] = (0,),
               ) -> command.Command:
        make: commands.Commands = self.execute.commands
        return make.mmnfs(*words, accept=frozenset(accept))


def _entry(row: listing.Row) -> Entry:
    client = row['clients'].strip()
    try:
        network = ipaddress.ip_network(client, strict=False)
    except ValueError:
        network = None
    return Entry(client, network,
                 _LEVELS.get(row.get('access_type', '').lower(), ''), row)


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


def _ordered(networks: Iterable[Network]) -> list[Network]:
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
        found = [['--nfsremove', ','.join(self.hidden)]] \
            if self.hidden else []
        for addition in self.add:
            texts = _chunks(addition.networks, export)
            # At one place the last piece has to be put there first.
            found += [_added(addition, text) for text in (
                texts if addition.position is None else reversed(texts))]
        found += [['--nfschange', text]
                  for text in _chunks(self.change, export)]
        if self.remove:
            found.append(['--nfsremove', ','.join(self.remove)])
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
    add = _additions([network for network in _ordered(levels)
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


def _chunks(networks: Sequence[Network],
            export: exports.Export) -> list[str]:
    """Clients for as many commands as are needed."""
    texts: list[str] = []
    for network in networks:
        text = _client(network, export)
        if texts and len(texts[-1]) + len(text) < _CHUNK:
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
    text = value.lower().replace(':', ',')
    if name == 'squash':
        return _SQUASH.get(text, text)
    return {'yes': 'true', 'on': 'true', 'no': 'false',
            'off': 'false'}.get(text, text)
