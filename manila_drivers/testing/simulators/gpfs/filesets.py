# SPDX-License-Identifier: Apache-2.0

"""mm commands for filesets."""

import re
from typing import Any

from manila_drivers.testing.simulators.gpfs import dialect
from manila_drivers.testing.simulators.gpfs.state import Fileset
from manila_drivers.testing.simulators.gpfs.state import Refused
from manila_drivers.testing.simulators.gpfs.state import State

_FORBIDDEN = re.compile(r'[/?$&*()`#|\[\]\\\s]')

_FILESET = ('filesystemName:filesetName:id:rootInode:status:path:parentId:'
            'created:inodes:dataInKB:comment:filesetMode:afmTarget:afmState:'
            'inodeSpace:isInodeSpaceOwner:maxInodes:allocInodes:reserved:'
            'snapId:permChangeFlag:freeInodes:preventSnapshotRestore')


def mmlsfileset(sim: Any, words: list[str]) -> str:
    plain, _ = dialect.options(words, '-Y -L')
    names = dialect.device(sim.state, 'mmlsfileset', plain)
    chosen = [one for name in names for one in _named(sim.state, name)] \
        if names else list(sim.state.filesets.values())
    return dialect.listing('mmlsfileset', _FILESET,
                           [_fileset_row(sim, one) for one in chosen])


def _named(state: State, names: str) -> list[Fileset]:
    return [state.fileset(name) for name in names.split(',')]


def _fileset_row(sim: Any, one: Fileset) -> list[object]:
    state = sim.state
    parent = ('--' if one.name == 'root' or not one.path
              else state.around(one.path.rpartition('/')[0]).ident)
    status = ('Deleted' if one.deleted else
              'Linked' if one.path else 'Unlinked')
    return [state.device, f'({one.name})' if one.deleted else one.name,
            one.ident, one.ident + 3, status, one.path or '--', parent,
            dialect.DATE, '-', '-', one.comment, 'off', one.afm or '-', '-',
            one.ident if one.independent else 0, int(one.independent),
            one.inodes if one.independent else 0,
            one.inodes if one.independent else 0, '-', 0,
            'chmodAndSetacl', one.inodes, 'yes' if one.protected else 'no']


def mmcrfileset(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    state = sim.state
    name, = dialect.device(state, 'mmcrfileset', plain)
    if name in ('root', 'new') or _FORBIDDEN.search(name) or not name:
        raise Refused(f'Invalid fileset name: {name}')
    if name in state.filesets:
        raise Refused(f'Fileset {name} already exists.', status=17)
    if len(given.get('-t', '')) > 255:
        raise Refused('The comment is too long.')
    space = given.get('--inode-space', 'root')
    limit = given.get('--inode-limit', '100352').partition(':')[0]
    made = Fileset(
        name, state.number(), given.get('-t', ''), space == 'new',
        inodes=_count(limit))
    state.filesets[name] = made
    sim.tree.make(made)
    return (f'Fileset {name} created with id {made.ident} root inode '
            f'{made.ident + 3}.\n')


def _count(text: str) -> int:
    match = re.fullmatch(r'(\d+)([kKmM]?)', text)
    if match is None:
        raise Refused(f'Incorrect number: {text}')
    return int(match[1]) * {'': 1, 'k': 1024, 'm': 1024 ** 2}[
        match[2].lower()]


def mmchfileset(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    name, = dialect.device(sim.state, 'mmchfileset', plain)
    found = sim.state.fileset(name)
    new = given.get('-j')
    if new is not None:
        if new in sim.state.filesets:
            raise Refused(f'Fileset {new} already exists.', status=17)
        if name == 'root':
            raise Refused('The root fileset cannot be renamed.')
        del sim.state.filesets[name]
        found.name = new
        sim.state.filesets[new] = found
    if '-t' in given:
        found.comment = given['-t']
    return f'Fileset {name} changed.\n'


def mmlinkfileset(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    name, = dialect.device(sim.state, 'mmlinkfileset', plain)
    found: Fileset = sim.state.fileset(name)
    path = given.get('-J', '')
    if found.path:
        raise Refused(f'Fileset {name} is already linked.')
    if sim.kind(path):
        raise Refused(f'{path}: File exists')
    if sim.kind(path.rpartition('/')[0]) != 'directory':
        raise Refused(f'{path}: No such file or directory')
    found.path = sim.state.real(path)
    sim.tree.link(found)
    return f'Fileset {name} linked at {path}\n'


def mmunlinkfileset(sim: Any, words: list[str]) -> str:
    plain, _ = dialect.options(words, '-f')
    name, = dialect.device(sim.state, 'mmunlinkfileset', plain)
    found = sim.state.fileset(name)
    if not found.path:
        raise Refused(f'Fileset {name} is not linked.')
    if name == 'root':
        raise Refused('The root fileset cannot be unlinked.')
    sim.tree.unlink(found)
    found.path = ''
    return f'Fileset {name} unlinked.\n'


def mmdelfileset(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words, '-f')
    name, = dialect.device(sim.state, 'mmdelfileset', plain)
    found = sim.state.fileset(name)
    if found.path:
        raise Refused(f'Fileset {name} must be unlinked to be deleted.')
    if found.snapshots:
        raise Refused(f'Fileset {name} cannot be deleted, it has '
                      f'{len(found.snapshots)} fileset snapshots.')
    if sim.used(found) and '-f' not in given:
        raise Refused(f'Fileset {name} contains user files.')
    sim.tree.delete(found)
    del sim.state.filesets[name]
    return (f'Checking fileset ...\nDeleting fileset ...\n'
            f'Fileset {name} deleted.\n')


COMMANDS: dialect.Commands = {
    function.__name__: function for function in (
        mmlsfileset, mmcrfileset, mmchfileset, mmlinkfileset,
        mmunlinkfileset, mmdelfileset)}
