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

"""mm commands for filesets, quotas and snapshots, in the words of GPFS.

Each takes the simulator and the words behind the command's name, and returns
what goes to standard output.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import re
from typing import Any
from urllib import parse

from manila_drivers.simulators.gpfs import state as state_module

Refused = state_module.Refused
State = state_module.State

_DATE = 'Sat Nov 21 10:00:00 2026'
_FORBIDDEN = re.compile(r'[/?$&*()`#|\[\]\\\s]')

_FILESET = ('filesystemName:filesetName:id:rootInode:status:path:parentId:'
            'created:inodes:dataInKB:comment:filesetMode:afmTarget:afmState:'
            'inodeSpace:isInodeSpaceOwner:maxInodes:allocInodes:reserved:'
            'snapId:permChangeFlag:freeInodes:preventSnapshotRestore')
_SNAPSHOT = ('filesystemName:directory:snapID:status:created:quotas:data:'
             'metadata:fileset:snapType')
_QUOTA = ('filesystemName:quotaType:id:name:blockUsage:blockQuota:'
          'blockLimit:blockInDoubt:blockGrace:filesUsage:filesQuota:'
          'filesLimit:filesInDoubt:filesGrace:remarks:quota:defQuota:fid:'
          'filesetname')


def escaped(value: object) -> str:
    """As GPFS does it: whatever could be taken for its own."""
    text = parse.quote(str(value), safe=' !"#$&\'()*,;<=>?@[]^_`{|}~+.-')
    return '%2D%2D' if text == '--' and value == '--' else text


def listing(command: str, columns: str, rows: Iterable[Sequence[object]], *,
            section: str = '') -> str:
    """The output of a command with -Y."""
    header = 'HEADER:version:reserved:reserved'
    lines = [f'{command}:{section}:{header}:{columns}:']
    lines += [f'{command}:{section}:0:1:::'
              + ':'.join(escaped(value) for value in row) + ':'
              for row in rows]
    return '\n'.join(lines) + '\n'


def options(words: Sequence[str], flags: str = '',
            ) -> tuple[list[str], dict[str, str]]:
    """Words without a dash, and the others with their values.

    :param flags: options that have no value, separated by blanks.
    """
    plain: list[str] = []
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith('-') or word == '-':
            plain.append(word)
        elif word in flags.split():
            found[word] = ''
        elif not rest:
            raise Refused(f'Option {word} needs a value.')
        else:
            found[word] = rest.pop(0)
    return plain, found


def _device(state: State, command: str, words: list[str]) -> list[str]:
    if not words or words[0].removeprefix('/dev/') != state.device:
        name = words[0] if words else ''
        raise Refused(f'{command}: File system {name} is not known to the '
                      f'GPFS cluster.')
    return words[1:]


def mmgetstate(sim: Any, words: list[str]) -> str:
    return listing('mmgetstate', 'nodeName:nodeNumber:state:quorum:nodesUp:'
                   'totalNodes:remarks:cnfsState',
                   [['node1', 1, sim.state.options.state, 1, 1, 1,
                     'quorum node', '(undefined)']])


def mmlsattr(sim: Any, words: list[str]) -> str:
    path = words[-1]
    mount = sim.state.mount
    if path != mount and not path.startswith(mount + '/'):
        raise Refused(f'{path}: File is not in a GPFS file system')
    if '-L' in words:
        return (f'file name:            {path}\n'
                f'metadata replication: 1 max 2\n'
                f'data replication:     1 max 2\n'
                f'immutable:            no\n'
                f'snapshot name:        {_snapshot_at(sim, path)}\n')
    return f'  replication factors\nmetadata(max) data(max) file\n{path}\n'


def _snapshot_at(sim: Any, path: str) -> str:
    """The snapshot that a path is in, '' if it is what is now."""
    junction, _, rest = path.partition('/.snapshots/')
    found = sim.state.at(junction)
    name = rest.partition('/')[0]
    if found is None or name not in found.snapshots \
            or not sim.tree.shows(found):
        return ''
    return str(name)


def mmlsfs(sim: Any, words: list[str]) -> str:
    plain, _ = options(words, '-Y -Q -r --filesetdf')
    _device(sim.state, 'mmlsfs', plain)
    given = sim.state.options
    found = {'defaultDataReplicas': given.replicas, 'maxDataReplicas': 2,
             'ACLSemantics': 'all', 'quotasEnforced': given.quotas,
             'filesetdfEnabled': 'Yes' if given.filesetdf else 'No',
             'defaultMountPoint': sim.state.mount}
    return listing('mmlsfs', 'deviceName:fieldName:data:remarks',
                   [[sim.state.device, name, value, '']
                    for name, value in found.items()])


def mmlsconfig(sim: Any, words: list[str]) -> str:
    value = 'yes' if sim.state.options.quota_on_root else 'no'
    return listing('mmlsconfig', 'configParameter:value:nodeList',
                   [['enforceFilesetQuotaOnRoot', value, '']])


def mmsnapdir(sim: Any, words: list[str]) -> str:
    plain, _ = options(words, '-q')
    _device(sim.state, 'mmsnapdir', plain)
    name = f'"{sim.state.device}"'
    if not sim.state.options.newer_headers:
        return (f'Snapshot directory for {name} is ".snapshots" (root '
                f'directory only)\n')
    return (f'Global snapshot directory for {name} is ".global" in root '
            f'fileset\nFileset snapshot directory for {name} is '
            f'".snapshots" (root directory only)\n')


def mmlsfileset(sim: Any, words: list[str]) -> str:
    plain, _ = options(words, '-Y -L')
    names = _device(sim.state, 'mmlsfileset', plain)
    chosen = [one for name in names for one in _named(sim.state, name)] \
        if names else list(sim.state.filesets.values())
    return listing('mmlsfileset', _FILESET,
                   [_fileset_row(sim, one) for one in chosen])


def _named(state: State, names: str) -> list[state_module.Fileset]:
    return [state.fileset(name) for name in names.split(',')]


def _fileset_row(sim: Any, one: state_module.Fileset) -> list[object]:
    state = sim.state
    parent = ('--' if one.name == 'root' or not one.path
              else state.around(one.path.rpartition('/')[0]).ident)
    status = ('Deleted' if one.deleted else
              'Linked' if one.path else 'Unlinked')
    return [state.device, f'({one.name})' if one.deleted else one.name,
            one.ident, one.ident + 3, status, one.path or '--', parent,
            _DATE, '-', '-', one.comment, 'off', one.afm or '-', '-',
            one.ident if one.independent else 0, int(one.independent),
            one.inodes if one.independent else 0,
            one.inodes if one.independent else 0, '-', 0,
            'chmodAndSetacl', one.inodes, 'yes' if one.protected else 'no']


def mmcrfileset(sim: Any, words: list[str]) -> str:
    plain, given = options(words)
    state = sim.state
    name, = _device(state, 'mmcrfileset', plain)
    if name in ('root', 'new') or _FORBIDDEN.search(name) or not name:
        raise Refused(f'Invalid fileset name: {name}')
    if name in state.filesets:
        raise Refused(f'Fileset {name} already exists.', status=17)
    if len(given.get('-t', '')) > 255:
        raise Refused('The comment is too long.')
    space = given.get('--inode-space', 'root')
    limit = given.get('--inode-limit', '100352').partition(':')[0]
    made = state_module.Fileset(
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
    plain, given = options(words)
    name, = _device(sim.state, 'mmchfileset', plain)
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
    plain, given = options(words)
    name, = _device(sim.state, 'mmlinkfileset', plain)
    found: state_module.Fileset = sim.state.fileset(name)
    path = given.get('-J', '')
    if found.path:
        raise Refused(f'Fileset {name} is already linked.')
    if sim.kind(path):
        raise Refused(f'{path}: File exists')
    if sim.kind(path.rpartition('/')[0]) != 'directory':
        raise Refused(f'{path}: No such file or directory')
    found.path = path
    sim.tree.link(found)
    return f'Fileset {name} linked at {path}\n'


def mmunlinkfileset(sim: Any, words: list[str]) -> str:
    plain, _ = options(words, '-f')
    name, = _device(sim.state, 'mmunlinkfileset', plain)
    found = sim.state.fileset(name)
    if not found.path:
        raise Refused(f'Fileset {name} is not linked.')
    if name == 'root':
        raise Refused('The root fileset cannot be unlinked.')
    sim.tree.unlink(found)
    found.path = ''
    return f'Fileset {name} unlinked.\n'


def mmdelfileset(sim: Any, words: list[str]) -> str:
    plain, given = options(words, '-f')
    name, = _device(sim.state, 'mmdelfileset', plain)
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


def mmsetquota(sim: Any, words: list[str]) -> str:
    plain, given = options(words)
    device, _, name = plain[0].partition(':')
    _device(sim.state, 'mmsetquota', [device])
    _quotas_on(sim)
    found = sim.state.fileset(name)
    _, _, hard = given['--block'].partition(':')
    found.limit_kib = _kib(hard)
    return ''


def _kib(text: str) -> int:
    match = re.fullmatch(r'(\d+)([kKmMgGtTpP]?)', text)
    if match is None:
        raise Refused(f'Incorrect quota limit: {text}')
    power = ' kmgtp'.index(match[2].lower() or ' ')
    return int(match[1]) * int(1024 ** power) // 1024


def _quotas_on(sim: Any) -> None:
    if 'fileset' not in sim.state.options.quotas:
        raise Refused('No quota enabled file system found.', status=22)


def mmlsquota(sim: Any, words: list[str]) -> str:
    plain, given = options(words, '-v -Y')
    _device(sim.state, 'mmlsquota', plain)
    _quotas_on(sim)
    name = given['-j']
    if name not in sim.state.filesets:
        raise Refused(f'{name}: no such fileset in quota enabled file '
                      f'systems', status=1)
    found = sim.state.filesets[name]
    shown = [found] if '-v' in given or found.limit_kib and sim.used(
        found) else []
    section = 'fileset' if sim.state.options.newer_headers else ''
    return listing('mmlsquota', _QUOTA,
                   [_quota_row(sim, one) for one in shown], section=section)


def mmrepquota(sim: Any, words: list[str]) -> str:
    plain, _ = options(words, '-j -Y')
    _device(sim.state, 'mmrepquota', plain)
    _quotas_on(sim)
    return f'*** Report for FILESET quotas on {sim.state.device}\n' \
        + listing('mmrepquota', _QUOTA, [
            _quota_row(sim, one) for one in sim.state.filesets.values()
            if not one.deleted])


def _quota_row(sim: Any, one: state_module.Fileset) -> list[object]:
    given = sim.state.options
    usage = -(-sim.used(one) * given.replicas // 1024)
    return [sim.state.device, 'FILESET', one.ident, one.name, usage, 0,
            one.limit_kib, given.doubt_kib if one.name != 'root' else 0,
            'none', 1, 0, 0, 0, 'none', 'i', 'on', 'off', '', '']


def mmlssnapshot(sim: Any, words: list[str]) -> str:
    plain, given = options(words, '-Y')
    _device(sim.state, 'mmlssnapshot', plain)
    chosen = [sim.state.fileset(given['-j'])] if '-j' in given \
        else list(sim.state.filesets.values())
    rows = [[sim.state.device, snapshot.name, snapshot.ident,
             snapshot.status, _DATE, '', 0, 0, one.name, '']
            for one in chosen for snapshot in one.snapshots.values()]
    if not rows:
        return f'No snapshots in file system {sim.state.device}\n'
    return listing('mmlssnapshot', _SNAPSHOT, rows)


def mmcrsnapshot(sim: Any, words: list[str]) -> str:
    plain, given = options(words)
    name, = _device(sim.state, 'mmcrsnapshot', plain)
    found = sim.state.fileset(given['-j'])
    if not found.independent:
        raise Refused(f'{found.name} is a dependent fileset.')
    if name in found.snapshots:
        raise Refused(f'Unable to create snapshot {name}: it already '
                      f'exists.')
    if re.search(r'[:,\s/]', name):
        raise Refused(f'Invalid snapshot name: {name}')
    made = state_module.Snapshot(name, sim.state.number(), found.used,
                                 found.mode, found.owner)
    sim.tree.snapshot(found, name)
    found.snapshots[name] = made
    return (f'Writing dirty data to disk.\nQuiescing all file system '
            f'operations.\nWriting dirty data to disk again.\n'
            f'Snapshot {name} created with id {made.ident}.\n')


def mmdelsnapshot(sim: Any, words: list[str]) -> str:
    plain, given = options(words)
    name, = _device(sim.state, 'mmdelsnapshot', plain)
    found = sim.state.fileset(given['-j'])
    if name not in found.snapshots:
        raise Refused(f'Cannot find snapshot {name} in fileset '
                      f'{found.name}.', status=2)
    sim.tree.drop(found, name)
    del found.snapshots[name]
    return f'Invalidating snapshot files...\nDeleted snapshot {name}.\n'


def mmrestorefs(sim: Any, words: list[str]) -> str:
    plain, given = options(words)
    name, = _device(sim.state, 'mmrestorefs', plain)
    found = sim.state.fileset(given['-j'])
    if name not in found.snapshots:
        raise Refused(f'Cannot find snapshot {name} in fileset '
                      f'{found.name}.', status=2)
    if not found.path or found.protected:
        raise Refused(f'Fileset {found.name} cannot be restored.')
    snapshot = found.snapshots[name]
    found.used, found.mode, found.owner = (snapshot.used, snapshot.mode,
                                           snapshot.owner)
    sim.tree.restore(found, name)
    return 'Restoring fileset ...\nRestore completed successfully.\n'


COMMANDS: dict[str, Callable[[Any, list[str]], str]] = {
    function.__name__: function for function in (
        mmgetstate, mmlsattr, mmlsfs, mmlsconfig, mmsnapdir, mmlsfileset,
        mmcrfileset, mmchfileset, mmlinkfileset, mmunlinkfileset,
        mmdelfileset, mmsetquota, mmlsquota, mmrepquota, mmlssnapshot,
        mmcrsnapshot, mmdelsnapshot, mmrestorefs)}
