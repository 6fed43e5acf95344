# SPDX-License-Identifier: Apache-2.0

"""mm commands for the snapshots of filesets."""

import re
from typing import Any

from manila_drivers.testing.simulators.gpfs import dialect
from manila_drivers.testing.simulators.gpfs import state
from manila_drivers.testing.simulators.gpfs.state import Refused

_SNAPSHOT = ('filesystemName:directory:snapID:status:created:quotas:data:'
             'metadata:fileset:snapType')


def mmlssnapshot(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words, '-Y')
    dialect.device(sim.state, 'mmlssnapshot', plain)
    chosen = [sim.state.fileset(given['-j'])] if '-j' in given \
        else list(sim.state.filesets.values())
    rows = [[sim.state.device, snapshot.name, snapshot.ident,
             snapshot.status, dialect.DATE, '', 0, 0, one.name, '']
            for one in chosen for snapshot in one.snapshots.values()]
    if not rows:
        return f'No snapshots in file system {sim.state.device}\n'
    return dialect.listing('mmlssnapshot', _SNAPSHOT, rows)


def mmcrsnapshot(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    name, = dialect.device(sim.state, 'mmcrsnapshot', plain)
    found = sim.state.fileset(given['-j'])
    if not found.independent:
        raise Refused(f'{found.name} is a dependent fileset.')
    if name in found.snapshots:
        raise Refused(f'Unable to create snapshot {name}: it already '
                      f'exists.')
    if re.search(r'[:,\s/]', name):
        raise Refused(f'Invalid snapshot name: {name}')
    made = state.Snapshot(name, sim.state.number(), found.used,
                                 found.mode, found.owner)
    sim.tree.snapshot(found, name)
    found.snapshots[name] = made
    return (f'Writing dirty data to disk.\nQuiescing all file system '
            f'operations.\nWriting dirty data to disk again.\n'
            f'Snapshot {name} created with id {made.ident}.\n')


def _having(sim: Any, fileset: str, name: str) -> state.Fileset:
    """The fileset, which must have a snapshot of that name."""
    found: state.Fileset = sim.state.fileset(fileset)
    if name not in found.snapshots:
        raise Refused(f'Cannot find snapshot {name} in fileset '
                      f'{found.name}.', status=2)
    return found


def mmdelsnapshot(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    name, = dialect.device(sim.state, 'mmdelsnapshot', plain)
    found = _having(sim, given['-j'], name)
    sim.tree.drop(found, name)
    del found.snapshots[name]
    return f'Invalidating snapshot files...\nDeleted snapshot {name}.\n'


def mmrestorefs(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    name, = dialect.device(sim.state, 'mmrestorefs', plain)
    found = _having(sim, given['-j'], name)
    if not found.path or found.protected:
        raise Refused(f'Fileset {found.name} cannot be restored.')
    snapshot = found.snapshots[name]
    found.used, found.mode, found.owner = (snapshot.used, snapshot.mode,
                                           snapshot.owner)
    sim.tree.restore(found, name)
    return 'Restoring fileset ...\nRestore completed successfully.\n'


COMMANDS: dialect.Commands = {
    function.__name__: function for function in (
        mmlssnapshot, mmcrsnapshot, mmdelsnapshot, mmrestorefs)}
