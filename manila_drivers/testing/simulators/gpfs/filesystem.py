# SPDX-License-Identifier: Apache-2.0

"""mm commands about the cluster and its file system."""

from typing import Any

from manila_drivers.testing.simulators.gpfs import dialect
from manila_drivers.testing.simulators.gpfs.state import Refused


def mmgetstate(sim: Any, words: list[str]) -> str:
    node = words[words.index('-N') + 1] if '-N' in words else sim.host
    if node in sim.state.options.left_nodes:
        raise Refused(f'Incorrect node {node} specified for command.')
    return dialect.listing('mmgetstate', 'nodeName:nodeNumber:state:quorum:'
                           'nodesUp:totalNodes:remarks:cnfsState',
                           [['node1', 1, 'down' if node in
                             sim.state.options.down_nodes else
                             sim.state.options.state, 1, 1, 1,
                             'quorum node', '(undefined)']])


def mmlsattr(sim: Any, words: list[str]) -> str:
    path = sim.state.real(words[-1])
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
    plain, _ = dialect.options(words, '-Y -Q -r --filesetdf')
    dialect.device(sim.state, 'mmlsfs', plain)
    given = sim.state.options
    found = {'defaultDataReplicas': given.replicas, 'maxDataReplicas': 2,
             'ACLSemantics': 'all', 'quotasEnforced': given.quotas,
             'filesetdfEnabled': 'Yes' if given.filesetdf else 'No',
             'defaultMountPoint': sim.state.mount}
    return dialect.listing('mmlsfs', 'deviceName:fieldName:data:remarks',
                           [[sim.state.device, name, value, '']
                            for name, value in found.items()])


def mmlsconfig(sim: Any, words: list[str]) -> str:
    value = 'yes' if sim.state.options.quota_on_root else 'no'
    return dialect.listing('mmlsconfig', 'configParameter:value:nodeList',
                           [['enforceFilesetQuotaOnRoot', value, '']])


def mmsnapdir(sim: Any, words: list[str]) -> str:
    plain, _ = dialect.options(words, '-q')
    dialect.device(sim.state, 'mmsnapdir', plain)
    name = f'"{sim.state.device}"'
    if not sim.state.options.newer_headers:
        return (f'Snapshot directory for {name} is ".snapshots" (root '
                f'directory only)\n')
    return (f'Global snapshot directory for {name} is ".global" in root '
            f'fileset\nFileset snapshot directory for {name} is '
            f'".snapshots" (root directory only)\n')


COMMANDS: dialect.Commands = {
    function.__name__: function for function in (
        mmgetstate, mmlsattr, mmlsfs, mmlsconfig, mmsnapdir)}
