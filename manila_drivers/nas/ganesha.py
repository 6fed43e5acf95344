# SPDX-License-Identifier: Apache-2.0

"""From what Ganesha exports to what it shall export.  Pure.

Each share has a file of its own in Ganesha's export directory, listed in
``INDEX.conf`` there, which ``ganesha.conf`` includes: the layout of Manila's
Ganesha library.  Changes are made known over DBus; nothing is restarted.

A file beside it that ends in ``.pending`` says that Ganesha may not have
been told yet what the file says.  It is there from before the file changes
until Ganesha has said that it is done.

The index must never name a file that is not there: seen with 4.3, Ganesha
then does not start.  So a file comes before its line and goes after it, on
the disk as well: that is also how no power failure brings back what was
taken away.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import hashlib
import itertools

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import ganesha_facts
from manila_drivers.nas import ganesha_legacy
from manila_drivers.transport import command

Commands = list[command.Command]
Export = ganesha_exports.GaneshaExport

Facts = ganesha_facts.GaneshaFacts
Layout = ganesha_facts.Layout
questions = ganesha_facts.questions
understand = ganesha_facts.understand

FIRST, LAST = 100, 65535

# Settings that an update was seen to change, with 4.3 and NFSv4 clients.
# With protocols it was not: an export that was added without NFSv4 says that
# it is updated, and no client of NFSv4 finds it.
_TAKEN = frozenset({'squash', 'anonymous_uid', 'anonymous_gid', 'sectype',
                    'transports'})

# Seconds that a change of the index waits for others'.
_PATIENCE = '30'


# Numbers

def preferred(path: str) -> int:
    """The number that a path has unless another has it already.

    It is in the handles that clients hold, so it must be the same on every
    server and for ever, also where nobody can be asked.
    """
    digest = hashlib.sha256(path.encode('utf-8', 'surrogateescape')).digest()
    return FIRST + int.from_bytes(digest[:8]) % (LAST - FIRST + 1)


def numbers(facts: Iterable[Facts],
            wanted: Iterable[exports.Export]) -> dict[str, int]:
    """The number of each path, the same on all servers.

    :raises BackendError: there is none left.
    """
    users: dict[int, set[str]] = {}
    uses: dict[str, list[int]] = {}
    for one in facts:
        for number, path in (*one.live.items(), *(
                (export.id, export.path) for found in one.files.values()
                for export in found)):
            users.setdefault(number, set()).add(path)
            uses.setdefault(path, []).append(number)
    taken = set(users)
    chosen = {}
    for each in wanted:
        known = [number for number in uses.get(each.path, ())
                 if 0 < number <= LAST and len(users[number]) == 1]
        number = (max(sorted(set(known)), key=known.count) if known
                  else _free(preferred(each.path), taken,
                             needed=bool(each.levels)))
        taken.add(number)
        chosen[each.path] = number
    return chosen


def _free(first: int, taken: Collection[int], *, needed: bool) -> int:
    for number in itertools.chain(range(first, LAST + 1),
                                  range(FIRST, first)):
        if number not in taken:
            return number
    if not needed:
        # Who is turned out has none.
        return first
    raise exception.BackendError(
        'Every export number of Ganesha is taken', check='exports that '
        'nobody needs any more')


# What clients get

def levels(facts: Facts, path: str,
           ) -> tuple[exports.Levels, bool]:
    """Return what networks get now, and whether that is the whole truth."""
    if facts.old is not None:
        export = facts.old.of(path) or {}
        return (ganesha_legacy.levels(export),
                not facts.pending and ganesha_legacy.is_plain(export))
    stored = list(facts.stored(path).values())
    found: ganesha_exports.Clients = ()
    whole = len(facts.numbers(path)) <= 1 and not (
        facts.pending & facts.stored(path).keys())
    for number in facts.numbers(path):
        shown = facts.shown.get(number)
        written = next((each for each in stored if each.id == number), None)
        if shown is not None:
            found += shown.clients
            found += tuple(
                client for client in (written.clients if written else ())
                if client[0] in networks.EVERYBODY)
        elif written is not None:
            found += written.clients
        else:
            whole = False
    given, plain = ganesha_exports.levels_of(found)
    return given, whole and plain


# Changes

def plan(facts: Facts, wanted: exports.Export, number: int,
         layout: Layout) -> Commands:
    """Commands in order; none if all is as it shall be."""
    directory.check(wanted)
    if wanted.keep:
        wanted = kept(facts, wanted)
    if not wanted.levels:
        return _none(facts, wanted, layout)
    text = ganesha_exports.write(wanted, number, layout.fsal)
    export, = ganesha_exports.read(text)
    stored = facts.files.get(wanted.name)
    changed = stored != (export,) or wanted.name in facts.pending
    untold = _untold(facts, export, changed=changed)
    file = layout.file(wanted.name)
    commands = _write(layout, wanted.name, text) if changed else []
    if untold:
        commands += [ganesha_bus.remove(other)
                     for other in facts.numbers(wanted.path)
                     if other != number]
        commands += _tell(facts, export, file)
    commands += _indexed(facts, file, layout)
    commands += _strays(facts, wanted, layout)
    if changed:
        commands.append(directory.removed(_pending(layout, wanted.name)))
    return commands


def kept(facts: Facts, wanted: exports.Export) -> exports.Export:
    """Return what is left of it with the options that it has.

    Ganesha does not tell them.  Where no file does, they may be any, and
    nothing is left: an update would change them.
    """
    stored = facts.stored(wanted.path)
    found = stored.get(wanted.name) or next(iter(stored.values()), None)
    if found is None:
        return dataclasses.replace(wanted, levels={})
    # Who is kept out by an entry of their own stays so.
    closed = [network for export in (found, *facts.shown.values())
              if export.id == found.id for network, level in export.clients
              if network is not None and not level]
    return dataclasses.replace(
        wanted.narrowed(levels(facts, wanted.path)[0]).without(closed),
        options=ganesha_exports.options_of(found))


def checked(wanted: Iterable[exports.Export],
            numbers: Mapping[str, int]) -> Commands:
    """Ask what Ganesha serves now, for :func:`undone`."""
    return [ganesha_bus.show(), *(ganesha_bus.display(numbers[each.path])
                                  for each in wanted if each.levels)]


def undone(results: Sequence[command.Result],
           wanted: Iterable[exports.Export],
           numbers: Mapping[str, int]) -> str:
    """Return what Ganesha has not done although it did not complain.

    :param results: of :func:`checked`.
    """
    show, *details = results
    live = ganesha_bus.exports(show.stdout)
    shown = {export.id: export for export in filter(None, (
        ganesha_bus.export(result.stdout) for result in details))}
    left = []
    for each in wanted:
        number = numbers[each.path]
        if each.keep:
            # It may have less.
            if number in shown and networks.takes_away(
                    shown[number].levels[0], each.levels):
                left.append(f'{each.path} has other clients')
        elif not each.levels:
            if each.path in live.values():
                left.append(f'{each.path} is exported still')
        elif live.get(number) != each.path or number not in shown:
            left.append(f'{each.path} is not exported as {number}')
        elif set(shown[number].clients) != _told(each):
            left.append(f'{each.path} has other clients')
    return '; '.join(left)


def _told(wanted: exports.Export) -> set[object]:
    """The clients that Ganesha tells of an export."""
    return {client for names, level in
            ganesha_exports.clients_of(wanted.levels) for name in names
            for client in ganesha_exports.client_of(name, level)}


def plan_old(facts: Facts, wanted: Iterable[exports.Export],
             numbers: Mapping[str, int], layout: Layout) -> Commands:
    """Plan for a Ganesha older than 2.1: one file, one restart."""
    assert facts.old is not None
    config = facts.old
    for each in wanted:
        if each.keep:
            each = each.narrowed(levels(facts, each.path)[0])
            each = dataclasses.replace(each, levels=access.readable(
                each.levels, ganesha_legacy.refused))
        config = ganesha_legacy.changed(config, each, numbers[each.path],
                                        layout.fsal)
    if config == facts.old and not facts.pending:
        return []
    return ganesha_legacy.commands(layout.config, config, layout.service)


def _untold(facts: Facts, export: Export, *, changed: bool) -> bool:
    """Return whether Ganesha has still to be told."""
    if changed or list(facts.numbers(export.path)) != [export.id]:
        return True
    if not facts.asked:
        return False
    shown = facts.shown.get(export.id)
    # In which order they are is decided by the file alone.
    return shown is None or set(shown.clients) != set(export.clients)


def _tell(facts: Facts, export: Export, file: str) -> Commands:
    if export.id not in facts.numbers(export.path):
        return [ganesha_bus.add(file, export.id)]
    if 'UpdateExport' in facts.methods and _updatable(facts, export):
        return [ganesha_bus.update(file, export.id)]
    return [ganesha_bus.remove(export.id), ganesha_bus.add(file, export.id)]


def _updatable(facts: Facts, export: Export) -> bool:
    """Return whether nothing differs that only adding an export says.

    Ganesha does not tell what it took; the file does, unless a call was cut
    off behind it, or it is gone.
    """
    stored = [each for name, each in facts.stored(export.path).items()
              if each.id == export.id and name not in facts.pending]
    shown = [each for each in facts.shown.values() if each.id == export.id]
    return bool(stored) and all(
        (each.pseudo, each.tag) == (export.pseudo, export.tag)
        for each in (*stored, *shown)) and all(
            name in _TAKEN for each in stored
            for name, _ in each.settings ^ export.settings)


def _write(layout: Layout, name: str, text: str) -> Commands:
    return [directory.made(layout.export_dir), *directory.replaced(
        layout.file(name), text, half=f'{layout.export_dir}/{name}.new',
        mark=_pending(layout, name))]


def _pending(layout: Layout, name: str) -> str:
    return f'{layout.export_dir}/{name}.pending'


def _indexed(facts: Facts, file: str, layout: Layout) -> Commands:
    if file in facts.index:
        return []
    return _index(layout, 'tee', '-a', stdin=f'%include {file}\n')


def _index(layout: Layout, *words: str, **parts: object) -> Commands:
    """Change the index while nobody else does.

    Other shares, and other hosts, change it at the same time.  sed replaces
    the whole file, and so would bring back a line that another has taken
    out meanwhile, or lose one that was added.
    """
    return [directory.run('flock', '-w', _PATIENCE, layout.export_dir,
                          *words, '--', layout.index, **parts),
            directory.kept(layout.index, layout.export_dir)]


def _none(facts: Facts, wanted: exports.Export,
          layout: Layout) -> Commands:
    names = _alone(facts, wanted)
    if wanted.name in facts.files or wanted.name in facts.pending:
        names.add(wanted.name)
    commands = _unindexed(facts, names | {wanted.name}, layout)
    live = [ganesha_bus.remove(number)
            for number in facts.numbers(wanted.path)]
    if live and not commands:
        # A call before this one may have been cut off behind the index.
        commands = [directory.all_kept(layout.export_dir)]
    commands += live
    return commands + _gone(names, layout)


def _strays(facts: Facts, wanted: exports.Export,
            layout: Layout) -> Commands:
    """Other files of ours with the same path."""
    names = _alone(facts, wanted) - {wanted.name}
    return _unindexed(facts, names, layout) + _gone(names, layout)


def _alone(facts: Facts, wanted: exports.Export) -> set[str]:
    """Files that have this path and nothing else."""
    return {name for name in facts.stored(wanted.path)
            if len(facts.files[name]) == 1}


def _unindexed(facts: Facts, names: Iterable[str],
               layout: Layout) -> Commands:
    lines = [_line(layout.file(name)) for name in sorted(names)
             if layout.file(name) in facts.index]
    if not lines:
        return []
    scripts = [word for line in lines for word in ('-e', line)]
    return _index(layout, 'sed', '-i', *scripts)


def _line(file: str) -> str:
    """Return sed's script that deletes the line of a file from the index."""
    return (r'\|^[[:space:]]*%include[[:space:]]*"\{0,1\}'
            + file.replace('.', r'\.') + r'"\{0,1\}[[:space:]]*$|d')


def _gone(names: Iterable[str], layout: Layout) -> Commands:
    files = [path for name in sorted(names)
             for path in (layout.file(name), _pending(layout, name))]
    return [directory.removed(*files)] if files else []
