# SPDX-License-Identifier: Apache-2.0

"""From what kernel NFS exports to what it shall export.  Pure.

At no moment does anybody get more than before or after.  exportfs makes one
call's changes at once, so that it is enough to order the calls:

1. The file for the next start, in one piece.
2. Entries that give nobody more than they have: the pieces of a network
   that is about to be cut, and addresses that are about to lose something.
3. What exists and changes without giving more; then what has to go.
4. What gives more: ``ro`` first, so that an address which shall only read
   is never within a network that may write.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import posixpath

from manila_drivers import access
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.transport import command

Entry = exports_text.ExportEntry
Commands = list[command.Command]

# Bytes of exports in one call; the kernel takes about two million.
_CHUNK = 100_000

# exportfs -u compares each plain address with each other of the path, by
# looking both up.  Seconds per pair, for a slow server, and at the most.
_PAIR = 0.005
_LONGEST = 1800.0


def plan(facts: kernel.KernelFacts, wanted: exports.Export, fsid: str, *,
         persist: bool = True) -> Commands:
    """Commands in order; none if all is as it shall be.

    :param persist: write what is exported to /etc/exports.d as well; else
        what was written there before goes, and does not come back.
    """
    directory.check(wanted)
    entries = _wanted(facts.of(wanted.path), wanted, fsid)
    files = _file(facts, wanted, entries if persist else [])
    live = _live(facts.of(wanted.path), entries)
    if live and persist and not files:
        # A call before this one may have been cut off behind the file.
        files = [directory.all_kept(posixpath.dirname(kernel.DIRECTORY))]
    return files + live


def taken_away(facts: kernel.KernelFacts, wanted: exports.Export,
               fsid: str) -> Commands:
    """Return what gives nobody more, now, and writes nothing down.

    Who shall go on with less of what a server exports goes on with that.
    """
    have = facts.of(wanted.path)
    less = wanted.narrowed(kernel.levels(have)[0])
    return _live(have, _wanted(have, dataclasses.replace(
        less, levels=access.readable(less.levels, kernel.refused)), fsid))


def _wanted(have: Iterable[Entry], wanted: exports.Export,
            fsid: str) -> list[Entry]:
    have = tuple(have)
    if wanted.keep:
        wanted = _kept(have, wanted)
    own = networks.PrefixTable(wanted.own)
    clients = kernel.spelled(kernel.cut(wanted.levels).clients, have)
    found = []
    for client, level in sorted(clients.items()):
        network = exports_text.network_of(client)
        assert network is not None
        options = own.level(network) or wanted.options
        found.append(Entry(wanted.path, client, tuple(
            exports_text.spelled(level, options, fsid).split(','))))
    return found


def _kept(have: Sequence[Entry], wanted: exports.Export) -> exports.Export:
    """Return what is left of it with the options that clients have."""
    own: dict[networks.Network, tuple[str, ...]] = {}
    unsaid: set[networks.Network] = set()
    for entry in have:
        one = entry.network
        for network in networks.EVERYBODY if entry.is_everybody else (
                [one] if one else []):
            own.setdefault(network, tuple(sorted(entry.meaning)))
            # What differs by flavour cannot be said again.
            if any(' ' in option for option in entry.meaning):
                unsaid.add(network)
    table = networks.PrefixTable(own)
    left = wanted.narrowed(kernel.levels(have)[0])
    unsaid.update(network for network in left.levels if any(
        table.level(piece) is None for piece in networks.halves(network)))
    left = dataclasses.replace(left.without(unsaid), own=own)
    # Readers of before and of now together may be too many.
    return dataclasses.replace(left, levels=access.readable(
        left.levels, kernel.refused))


def undone(etab: str, wanted: Iterable[exports.Export],
           fsids: Mapping[str, str]) -> str:
    """Return what exportfs has not done although it did not complain.

    :param etab: as it is now, of the paths that are wanted at least.
    """
    live = kernel.by_path(exports_text.read(etab))
    left: Commands = []
    for each in wanted:
        have = live.get(each.path, ())
        left += _live(have, _wanted(have, each, fsids[each.path]))
    return '; '.join(map(str, left))


def closed(facts: kernel.KernelFacts, path: str) -> Commands:
    """Export a directory to nobody until the next start."""
    return _live(facts.of(path), ())


def reopened(have: Iterable[Entry], want: Iterable[Entry]) -> Commands:
    """Export entries again that were exported, or are written down."""
    return _live(have, [
        Entry(entry.path, entry.client, (
            entry.level, *sorted(entry.meaning),
            *(option for option in entry.options
              if option.startswith('fsid='))))
        for entry in want])


def less(have: Iterable[Entry], want: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return what is wanted as far as it gives nobody more than they have."""
    have = tuple(have)
    if not have:
        return ()
    return tuple(_wanted(have, exports.Export(
        have[0].path, '', '', kernel.levels(tuple(want))[0], keep=True),
        have[0].fsid))


# The next start

def file_name(name: str) -> str:
    return f'{kernel.PREFIX}{name}.exports'


def _file(facts: kernel.KernelFacts, wanted: exports.Export,
          entries: Iterable[Entry]) -> Commands:
    commands = []
    ours = file_name(wanted.name)
    # Another name for the same path: the share was renamed.
    for name in sorted(facts.homes.get(wanted.path, set()) - {ours}):
        kept = [entry for entry in facts.stored[name]
                if entry.path != wanted.path]
        commands += _written(name, exports_text.write(kept))
    text = exports_text.write(sorted(entries, key=_specific))
    if text != facts.files.get(ours, ''):
        commands += _written(ours, text)
    return commands


def _written(name: str, text: str) -> Commands:
    if text:
        return [directory.made(kernel.DIRECTORY), *directory.replaced(
            f'{kernel.DIRECTORY}/{name}', text)]
    # A power failure must not bring back what was taken away.
    return [directory.removed(f'{kernel.DIRECTORY}/{name}'),
            directory.kept(kernel.DIRECTORY)]


def _specific(entry: Entry) -> tuple[int, int, str]:
    network = entry.network
    assert network is not None
    return (network.version, -network.prefixlen, entry.client)


# Now

def _live(have: Iterable[Entry], want: Iterable[Entry]) -> Commands:
    have = tuple(have)
    change = _Change(have, want)
    commands: Commands = []
    for entries in change.neutral, change.less:
        commands += _export(entries)
    # What may write goes first: if the list needs several calls, none of
    # them lets somebody write who was kept from it by a narrower entry.
    commands += _unexport(sorted(
        change.gone, key=lambda entry: entry.level != access.RW),
        sum(entry.is_host for entry in have))
    for level in access.RO, access.RW:
        commands += _export(entry for entry in change.more
                            if entry.level == level)
    return commands


class _Change:
    """Entries by when it is their turn."""

    def __init__(self, have: Iterable[Entry], want: Iterable[Entry]) -> None:
        have = tuple(have)
        self._now = kernel.Now(have)
        self.neutral: list[Entry] = []
        self.less: list[Entry] = []
        self.more: list[Entry] = []
        self.gone: list[Entry]
        present = {_key(entry): entry for entry in have}
        wished = {_key(entry): entry for entry in want}
        if any(_lasting(present[key]) - _lasting(wished[key])
               for key in present.keys() & wished.keys()):
            # An entry has to go for a moment, and must not leave its place
            # to a wider one meanwhile.
            self.gone, self.more = list(have), list(wished.values())
            return
        self.gone = [entry for entry in have if _key(entry) not in wished]
        for key, entry in wished.items():
            if key in present:
                self._changed(present[key], entry)
            elif self._gives_nothing(entry):
                self.neutral.append(entry)
            else:
                self.more.append(entry)

    def _changed(self, before: Entry, after: Entry) -> None:
        if _worth(before) == _worth(after):
            return
        if before.level == access.RO and after.level == access.RW:
            self.more.append(after)
        else:
            self.less.append(after)

    def _gives_nothing(self, entry: Entry) -> bool:
        now = self._now.lowest(entry.client)
        return now == access.RW or now == entry.level


def _key(entry: Entry) -> tuple[object, bool]:
    """Same client: exportfs tells an address from its network."""
    return entry.network or entry.client, entry.is_host


def _lasting(entry: Entry) -> frozenset[str]:
    return exports_text.lasting(entry.meaning)


def _worth(entry: Entry) -> tuple[str, frozenset[str], str]:
    return entry.level, entry.meaning, entry.fsid


def _export(entries: Iterable[Entry]) -> Commands:
    by_options: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        by_options.setdefault(entry.options, []).append(entry)
    return [directory.run('exportfs', '-i', '-o', ','.join(options), *some)
            for options, group in by_options.items()
            for some in _chunks(group)]


def _unexport(entries: Iterable[Entry], hosts: int) -> Commands:
    """
    :param hosts: how many plain addresses of the path there are.
    """
    entries = tuple(entries)
    leaving = sum(entry.is_host for entry in entries)
    return [directory.run('exportfs', '-u', *some, timeout=min(
        _LONGEST, directory.USUAL + leaving * hosts * _PAIR))
            for some in _chunks(entries)]


def _chunks(entries: Iterable[Entry]) -> Iterator[list[str]]:
    some: list[str] = []
    for entry in entries:
        word = exports_text.argument(entry.path, entry.client)
        if some and sum(map(len, some)) + len(word) > _CHUNK:
            yield some
            some = []
        some.append(word)
    if some:
        yield some


def doubtful(facts: kernel.KernelFacts, path: str, *,
             persist: bool = True) -> bool:
    """Return whether an export is not what we would have made of it."""
    live = facts.of(path)
    _, whole = kernel.levels(live)
    stored = facts.kept.get(path, ())
    return not whole or _by_client(live if persist else ()) != _by_client(
        stored)


def _by_client(entries: Iterable[Entry]) -> Mapping[object, object]:
    return {_key(entry): _worth(entry) for entry in entries}
