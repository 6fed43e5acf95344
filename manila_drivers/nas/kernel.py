# SPDX-License-Identifier: Apache-2.0

"""Facts about kernel NFS, and what exports mean to clients.  Pure.

How mountd chooses among the entries that match a client was seen on a real
server (nfs-utils 2.6.2): a single address goes before every network, ``*``
comes last, and **among networks the first one in etab decides, however wide
it is**.  So networks of different levels must not overlap there; see
:func:`cut`.  And **a network of length 0 matches nobody**, so that everybody
is written as two halves.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import pathlib
import re
import uuid

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.transport import command

Network = networks.Network
Entry = exports_text.ExportEntry

ETAB = '/var/lib/nfs/etab'
DIRECTORY = '/etc/exports.d'
EXPORTS = '/etc/exports'
PREFIX = 'manila-'

# Paths that are looked for one by one; for more, everything is read.
_FEW = 20

# How many entries overlapping networks may cost one directory.
_EXTRA = 2000


class NoKernelNfs(exception.BackendError):
    """A server has no NFS server of the kernel, or it has never run."""


@dataclasses.dataclass(frozen=True)
class KernelFacts:
    """The exports of a server, now and after a restart.

    :param live: entries in the order in which they are looked at.
    :param files: our files in /etc/exports.d, name to text.
    :param others: entries of files that are not ours.
    :param foreign: those files in /etc/exports.d, name to text.
    :param free: bytes that there is room for where the table is, if asked.
    :param unsynced: a call that was cut off may have written files that are
        not on disk; told where :attr:`free` is.
    :param spare: files in memory that tables have to be written to, the
        first one of which is not in use; empty if the disk has room.
    """

    live: tuple[Entry, ...]
    files: Mapping[str, str]
    others: tuple[Entry, ...] = ()
    foreign: Mapping[str, str] = dataclasses.field(default_factory=dict)
    free: int = 0
    unsynced: bool = False
    spare: tuple[str, ...] = ()

    def of(self, path: str) -> tuple[Entry, ...]:
        return self._live.get(path, ())

    @functools.cached_property
    def _live(self) -> Mapping[str, tuple[Entry, ...]]:
        return by_path(self.live)

    @functools.cached_property
    def stored(self) -> Mapping[str, tuple[Entry, ...]]:
        """Entries of our files, by name."""
        return {name: exports_text.read(text)
                for name, text in self.files.items()}

    @functools.cached_property
    def kept(self) -> Mapping[str, tuple[Entry, ...]]:
        """Entries of our files, by path."""
        return by_path(entry for entries in self.stored.values()
                       for entry in entries)

    @functools.cached_property
    def homes(self) -> Mapping[str, set[str]]:
        """Our files that have entries of a path."""
        found: dict[str, set[str]] = {}
        for name, entries in self.stored.items():
            for entry in entries:
                found.setdefault(entry.path, set()).add(name)
        return found


def by_path(entries: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.path, []).append(entry)
    return {path: tuple(some) for path, some in found.items()}


def few(paths: Collection[str]) -> bool:
    """Return whether it is worth asking for these alone."""
    return 0 < len(paths) <= _FEW


def questions(paths: Collection[str] = ()) -> list[command.Command]:
    """One round trip.

    :param paths: those of interest, with what is above them; all there are
        if none are named, or many.
    """
    # Not -s: what cannot be read must not look as if it were not there.  And
    # -a: a power failure may leave zeros in a file, of which grep else says
    # nothing but that it is binary, and a restart exports what is behind them.
    files: tuple[str, ...] = ('-rH', '--', '')
    if few(paths):
        files = ('-rHF', *_patterns(
            text + end for path in _with_parents(paths) for text in {
                path, exports_text.in_etab(path), exports_text.escaped(path)}
            for end in ' \t"'), '--')
    return [live(paths),
            directory.look('grep', '-a', '--include=*.exports', *files,
                           DIRECTORY),
            directory.look('cat', '--', EXPORTS)]


def live(paths: Collection[str]) -> command.Command:
    """Ask what is exported now of these paths and those above them."""
    if not few(paths):
        # Not cat, which says the same of an empty file and of none of it:
        # each line has options.
        return directory.look('grep', '-a', '-F', '-e', '(', '--', ETAB)
    return directory.look('grep', '-a', '-F', *_patterns(
        exports_text.in_etab(path) + '\t' for path in _with_parents(paths)),
        '--', ETAB)


def untold(etab: command.Result) -> str:
    """Why it is not told what is exported now; '' if it is.

    Nothing, if grep exits with 1 and has nothing to say.
    """
    return directory.unsearched(etab) or (
        '' if not etab.status or etab.status == 1
        and not etab.stderr.strip() else
        etab.stderr.strip()[-500:] or f'exit code {etab.status}')


def _with_parents(paths: Collection[str]) -> list[str]:
    return sorted({*paths, *(str(above) for path in paths for above in
                             pathlib.PurePosixPath(path).parents)})


def _patterns(texts: Iterable[str]) -> Iterable[str]:
    return [word for text in sorted(set(texts)) for word in ('-e', text)]


def understand(server: str, results: Sequence[command.Result]) -> KernelFacts:
    """:raises DriverError: it does not say what it exports."""
    etab, found, others = results
    unread = directory.unsearched(found) or directory.objection(others)
    silent = etab.status == 1 and not etab.stderr.strip()
    if untold(etab) or found.status not in (0, 1, 2) \
            or others.status not in (0, 1) or unread:
        absent = etab.status in (1, 2) and not silent \
            and not directory.objection(etab)
        kind = NoKernelNfs if absent else exception.BackendError
        raise kind(
            f'NFS server {server} does not say what it exports',
            answer=etab.stderr.strip()[-500:] or unread or untold(etab),
            status=etab.status or found.status or others.status,
            check='that nfs-utils is installed there, nfs-server is running '
            'and this user may run the commands as root')
    files = directory.files(found.stdout, DIRECTORY, 'exports')
    ours = {name: text for name, text in files.items()
            if name.startswith(PREFIX)}
    foreign = {name: text for name, text in files.items()
               if name not in ours}
    return KernelFacts(
        exports_text.read(etab.stdout), ours, exports_text.read(
            '\n'.join([others.stdout, *foreign.values()])), foreign)


def levels(entries: Collection[Entry]) -> tuple[dict[Network, str], bool]:
    """Return what networks get, and whether that is the whole truth.

    It is not where a name has access, where a wider network hides a
    narrower one of another level, or where a network has length 0, of which
    releases differ in what they make.
    """
    nets = [(entry.network, entry.level) for entry in sorted(
        entries, key=lambda entry: not entry.is_host)
        if entry.network is not None]
    everybody = [(network, entry.level) for entry in entries
                 if entry.is_everybody for network in networks.EVERYBODY]
    found, whole = networks.first_decides([*nets, *everybody])
    return found, (whole and all(network.prefixlen for network, _ in nets)
                   and all(entry.network is not None or entry.is_everybody
                           for entry in entries))


@dataclasses.dataclass(frozen=True)
class CutClients:
    """Clients that overlap in nothing but what goes before the rest.

    :param clients: as exportfs takes them, and their level.
    :param refused: networks that would need too many entries, and why.
    """

    clients: Mapping[str, str]
    refused: Mapping[Network, str]


def cut(wanted: exports.Levels) -> CutClients:
    """Write levels so that the order of entries does not matter."""
    nets = {network: level for network, level in wanted.items()
            if network.prefixlen < network.max_prefixlen}
    apart = networks.separate(nets, _EXTRA)
    clients = {networks.canonical(piece): level
               for network, level in apart.levels.items()
               for piece in networks.halves(network)}
    # A piece may be as small as an address that has a rule of its own.
    clients.update({networks.canonical(network): level
                    for network, level in wanted.items()
                    if network not in nets})
    return CutClients(clients, apart.refused)


def refused(wanted: exports.Levels) -> Mapping[Network, str]:
    """Return networks that would need too many entries, and why."""
    return cut(wanted).refused


def spelled(clients: Mapping[str, str],
            have: Iterable[Entry]) -> dict[str, str]:
    """Write addresses as networks of one where that means the same.

    exportfs and mountd look up every plain address, again and again:
    exportfs took more than eight minutes to remove 100 of 1000, and less
    than a second where they were written as networks.

    Addresses within a network of another level have to be plain, so as to
    go before it.  Those that are plain now stay so.
    """
    plain = {entry.network for entry in have if entry.is_host}
    nets = {network: level for client, level in clients.items()
            if '/' in client
            and (network := exports_text.network_of(client)) is not None}
    lengths = {(net.version, net.prefixlen) for net in nets}

    def alone(address: Network, level: str) -> bool:
        return address not in plain and all(
            nets.get(address.supernet(new_prefix=length), level) == level
            for version, length in lengths if version == address.version)

    found = {}
    for client, level in clients.items():
        network = exports_text.network_of(client)
        assert network is not None
        single = '/' not in client and alone(network, level)
        found[str(network) if single else client] = level
    return found


class Now:
    """The present access, to be asked about many clients."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._hosts: dict[Network, str] = {}
        self._everybody: list[str] = []
        nets: dict[Network, str] = {}
        for entry in entries:
            if entry.network is None:
                if entry.is_everybody:
                    self._everybody.append(entry.level)
            elif entry.is_host:
                self._hosts[entry.network] = entry.level
            else:
                nets[entry.network] = entry.level
        self._nets = networks.PrefixTable(nets)
        self._read_only = networks.Within(
            network for network, level in nets.items() if level == access.RO)

    def lowest(self, client: str) -> str | None:
        """The least that any address of a client has; None for nothing.

        Addresses with an entry of their own do not count for a network,
        since they keep it.
        """
        network = exports_text.network_of(client)
        assert network is not None
        if '/' not in client and network in self._hosts:
            return self._hosts[network]
        holding = list(self._nets.holding(network))
        # A network of length 0 may give nobody anything.
        given = [level for length, level in holding if length
                 ] or self._everybody
        if not given:
            return None
        levels = {*given, *(level for _, level in holding)}
        return (access.RO if access.RO in levels or self._read_only(network)
                else access.RW)


# Numbers of file systems

def fsids(facts: Iterable[KernelFacts],
          wanted: Iterable[exports.Export]) -> dict[str, str]:
    """The fsid of each directory, the same on all servers.

    One that clients know already is kept, since they hold handles with it,
    unless another directory has the same one.
    """
    known = by_path(entry for one in facts for entry in (
        *one.live, *(entry for entries in one.stored.values()
                     for entry in entries)))
    users: dict[str, set[str]] = {}
    for path, entries in known.items():
        for entry in entries:
            users.setdefault(entry.fsid, set()).add(path)
    return {each.path: _fsid(each, [
        entry.fsid for entry in known.get(each.path, ())
        if entry.fsid not in ('', '0', 'root')
        and len(users[entry.fsid]) == 1]) for each in wanted}


def own_fsids(facts: KernelFacts) -> dict[str, str]:
    """Of each path the fsid that no other path of a server has."""
    users: dict[str, set[str]] = {}
    for entry in (*facts.live, *(entry for entries in facts.stored.values()
                                 for entry in entries)):
        users.setdefault(entry.fsid, set()).add(entry.path)
    return {path: fsid for fsid, paths in users.items()
            if fsid and len(paths) == 1 for path in paths}


def fsid_of(wanted: exports.Export) -> str:
    """The fsid of a directory that has none yet."""
    return _fsid(wanted, ())


def _fsid(wanted: exports.Export, known: Sequence[str]) -> str:
    if known:
        fsid = max(sorted(set(known)), key=known.count)
    elif re.fullmatch(r'[0-9a-f]{32}', exports_text.comparable(wanted.fsid)):
        fsid = exports_text.comparable(wanted.fsid)
    else:
        fsid = uuid.uuid5(uuid.NAMESPACE_URL, wanted.fsid).hex
    return str(uuid.UUID(fsid)) if len(fsid) == 32 else fsid
