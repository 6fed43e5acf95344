# SPDX-License-Identifier: Apache-2.0

"""``gluster volume ...``"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import difflib
import re

from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.gluster.state import at_creation
from manila_drivers.testing.simulators.gluster.state import GIB
from manila_drivers.testing.simulators.gluster.state import STARTED
from manila_drivers.testing.simulators.gluster.state import State
from manila_drivers.testing.simulators.gluster.state import STATUS
from manila_drivers.testing.simulators.gluster.state import Volume
from manila_drivers.testing.simulators.gluster.wire import Element
from manila_drivers.testing.simulators.gluster.wire import element
from manila_drivers.testing.simulators.gluster.wire import fields
from manila_drivers.testing.simulators.gluster.wire import GlusterError

Words = Sequence[str]

KNOWN = (
    'auth.allow', 'ganesha.enable', 'features.worm',
    'features.worm-file-level', 'server.root-squash', 'server.all-squash',
    'storage.owner-uid', 'storage.owner-gid', 'features.quota',
    'auth.reject', 'auth.ssl-allow', 'client.ssl',
    'server.ssl', 'server.dynamic-auth', 'features.trash',
    'features.read-only', 'features.shard', 'features.quota-deem-statfs',
    'nfs.export-volumes', 'nfs.disable', 'ssl.own-cert', 'ssl.ca-list',
    'ssl.certificate-depth', 'performance.write-behind')

#: Longest value that glusterd survives.
LONGEST = 4084

_DEFAULTS = {'server.dynamic-auth': 'on (DEFAULT)', 'client.ssl': 'off',
             'auth.ssl-allow': '*', 'features.trash': 'off (DEFAULT)'}


class Volumes:
    """The commands about volumes; each returns what its answer has."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def commands(self) -> dict[str, Callable[[Words], list[Element]]]:
        return {'list': self.list_names, 'info': self.info, 'set': self.set,
                'get': self.get, 'reset': self.reset, 'start': self.start,
                'stop': self.stop, 'delete': self.delete,
                'status': self.status, 'create': self.create}

    def get_volume(self, words: Words, number: int = 30800,
                   payload: Sequence[Element] = ()) -> Volume:
        if not words:
            raise wire.UsageError()
        try:
            return self._state.volumes[words[0]]
        except KeyError:
            raise GlusterError(number, f'Volume {words[0]} does not exist',
                               payload) from None

    def _sorted(self) -> list[Volume]:
        return [self._state.volumes[name]
                for name in sorted(self._state.volumes)]

    # -- reading ---------------------------------------------------------

    def list_names(self, words: Words) -> list[Element]:
        return [element('volList',
                        element('count', len(self._state.volumes)),
                        *(element('volume', each.name)
                          for each in self._sorted()))]

    def info(self, words: Words) -> list[Element]:
        chosen = self._sorted()
        if words and words[0] != 'all':
            if words[0] not in self._state.volumes:
                raise GlusterError(30806, 'Volume does not exist', [
                    element('volInfo', element('volumes',
                                               element('count', 0)))])
            chosen = [self._state.volumes[words[0]]]
        return [element('volInfo', element(
            'volumes', *map(self._described, chosen),
            element('count', len(chosen))))]

    def _described(self, volume: Volume) -> Element:
        count = len(volume.bricks)
        return element(
            'volume', element('name', volume.name),
            element('id', volume.id), element('status', volume.status),
            element('statusStr', STATUS[volume.status]),
            element('snapshotCount',
                    len(self._state.snapshots_of(volume.name))),
            element('brickCount', count),
            element('distCount', count // volume.replica),
            element('replicaCount', volume.replica),
            element('arbiterCount', int(volume.arbiter)),
            element('disperseCount', 0),
            element('redundancyCount', 0),
            element('type', 2 if volume.replica > 1 else 0),
            element('typeStr', 'Replicate' if volume.replica > 1
                    else 'Distribute'),
            element('transport', 0),
            element('bricks', *(self._brick(
                each, arbiter=volume.arbiter
                and number % volume.replica == volume.replica - 1)
                for number, each in enumerate(volume.bricks))),
            element('optCount', len(volume.options)),
            element('options', *(
                fields('option', name=name, value=value)
                for name, value in volume.options.items())))

    def _brick(self, brick: str, *, arbiter: bool) -> Element:
        ident = self._state.peer_id(brick.partition(':')[0])
        return element('brick', brick, element('name', brick),
                       element('hostUuid', ident),
                       element('isArbiter', int(arbiter)), uuid=ident)

    def get(self, words: Words) -> list[Element]:
        volume = self.get_volume(words)
        option = words[1]
        operation = element('cliOp', 'volGetopts')
        value = volume.options.get(option, _DEFAULTS.get(option))
        if value is None and option.startswith('user.'):
            raise GlusterError(0, '', [
                operation, element('output', 'volume get option: failed')],
                ret=-2, status=2)
        if value is None:
            text = _did_you_mean(option)
            raise GlusterError(0, text, [operation, element(
                'output', f'volume get option: failed: {text}')], status=1)
        return [element('volGetopts', element('count', 1),
                        fields('Opt', Option=option, Value=value))]

    def status(self, words: Words) -> list[Element]:
        chosen = [each for each in self._sorted()
                  if each.status == STARTED]
        if words and words[0] not in ('all', 'detail'):
            volume = self.get_volume(words)
            if volume.status != STARTED:
                text = f'Volume {volume.name} is not started'
                raise GlusterError(30800, text, [
                    element('cliOp', 'volStatus'), element('output', text)])
            chosen = [volume]
        detail = 'detail' in words
        return [element('volStatus', element('volumes', *(
            self._status(each, detail=detail) for each in chosen)))]

    def _status(self, volume: Volume, *, detail: bool) -> Element:
        nodes = list(self._nodes(volume, detail=detail))
        if not detail and volume.replica > 1:
            nodes.append(_node('Self-heal Daemon', 'localhost',
                               self._state.server_id,
                               99 if self._state.options.self_heal else -1))
        return element('volume', element('volName', volume.name),
                       element('nodeCount', len(nodes)), *nodes,
                       *([] if detail else [element('tasks')]))

    def _nodes(self, volume: Volume, *, detail: bool) -> Iterator[Element]:
        sets = max(1, len(volume.bricks) // volume.replica)
        for number, brick in enumerate(volume.bricks):
            host, _, path = brick.partition(':')
            if host in self._state.down | self._state.deaf:
                # Of servers that do not answer nothing is told at all.
                continue
            pid = volume.placed.pid(brick)
            node = _node(host, path, self._state.peer_id(host), pid,
                         49152 + number)
            size, used = volume.size // sets, volume.used // sets
            if pid < 0:
                # Its file system may not be mounted: that of the directory.
                size, used = 3 * size, 0
            elif volume.arbiter \
                    and number % volume.replica == volume.replica - 1:
                size, used = GIB, 0
            if detail:
                node.extend(fields(
                    'node', sizeTotal=size, sizeFree=size - used,
                    device='/dev/vdb', blockSize=4096, mntOptions='rw',
                    fsName='xfs', inodeSize='xfs', inodesTotal=65536,
                    inodesFree=65000))
            yield node

    # -- writing ---------------------------------------------------------

    def create(self, words: Words) -> list[Element]:
        if len(words) < 2:
            raise wire.UsageError()
        name = words[0]
        if name in self._state.volumes:
            raise GlusterError(0, f'Volume {name} already exists')
        replica = (int(words[words.index('replica') + 1])
                   if 'replica' in words else 1)
        bricks = [word for word in words[1:] if ':/' in word]
        used = {brick for each in self._state.volumes.values()
                for brick in each.bricks}
        for brick in bricks:
            if brick in used:
                raise GlusterError(30800, (
                    f'Brick: {brick} not available. Brick may be containing '
                    f'or be contained by an existing brick.'))
        volume = Volume(name, bricks, replica=replica,
                        options=at_creation(replica))
        self._state.volumes[name] = volume
        return [element('volCreate', _named(volume))]

    def set(self, words: Words) -> list[Element]:
        if len(words) < 3 or len(words) % 2 == 0 or '' in words:
            raise wire.UsageError()
        payload = [element('cliOp', 'volSet'),
                   element('output', 'Set volume unsuccessful')]
        volume = self.get_volume(words, payload=payload)
        pairs = {option: re.sub(r'\s', '', value) for option, value
                 in zip(words[1::2], words[2::2], strict=True)}
        for option, value in pairs.items():
            if len(value) > LONGEST:
                self._state.options.daemon_up = False
                raise ConnectionError()
            self._check_known(option, payload)
        self._state.set(volume, pairs)
        return [element('cliOp', 'volSet'),
                element('output', 'Set volume successful')]

    def _check_known(self, option: str, payload: Sequence[Element]) -> None:
        if option.startswith('user.'):
            return
        if option not in KNOWN or option in self._state.options.missing:
            raise GlusterError(
                30800, f'option : {option} does not exist\n'
                f'{_did_you_mean(option)}', payload)

    def reset(self, words: Words) -> list[Element]:
        volume = self.get_volume(words)
        option = words[1] if len(words) > 1 else ''
        if option.startswith('user.'):
            text = f'Option {option} does not exist'
            raise GlusterError(30800, text, [element('cliOp', 'volReset'),
                                             element('output', text)])
        for name in [option] if option else list(volume.options):
            # Bricks that run keep the list of names they have.
            volume.options.pop(name, None)
        return [element('cliOp', 'volReset'),
                element('output', 'reset volume successful')]

    def start(self, words: Words) -> list[Element]:
        volume = self.get_volume(words)
        if volume.status == STARTED:
            if 'force' in words:
                self._state.revive(volume)
                return [element('volStart', _named(volume))]
            raise GlusterError(30800,
                               f'Volume {volume.name} already started')
        if volume.broken:
            raise GlusterError(30800, volume.broken)
        self._state.start(volume)
        return [element('volStart', _named(volume))]

    def stop(self, words: Words) -> list[Element]:
        volume = self.get_volume(words)
        if volume.status != STARTED:
            raise GlusterError(30800, f'Volume {volume.name} is not in the '
                                      f'started state')
        self._state.stop(volume)
        return [element('volStop', _named(volume))]

    def delete(self, words: Words) -> list[Element]:
        volume = self.get_volume(words)
        snapshots = len(self._state.snapshots_of(volume.name))
        if volume.status == STARTED:
            raise GlusterError(30800, (
                f'Volume {volume.name} has been started.Volume needs to be '
                f'stopped before deletion.'))
        if snapshots:
            raise GlusterError(30800, (
                f'Cannot delete Volume {volume.name} ,as it has {snapshots} '
                f'snapshots. To delete the volume, first delete all the '
                f'snapshots under it.'))
        if not self._state.options.peers_up:
            raise GlusterError(30800, 'Some of the peers are down')
        del self._state.volumes[volume.name]
        return [element('volDelete', _named(volume))]


def _node(host: str, path: str, peer: str, pid: int,
          port: int | str = 'N/A') -> Element:
    if pid < 0:
        port = 'N/A'
    node = fields('node', hostname=host, path=path, peerid=peer,
                  status=int(pid > 0), port=port)
    node.append(fields('ports', tcp=port, rdma='N/A'))
    node.append(element('pid', pid))
    return node


def _named(volume: Volume) -> Element:
    return fields('volume', name=volume.name, id=volume.id)


def _did_you_mean(option: str) -> str:
    near = difflib.get_close_matches(option, KNOWN, 1, 0)
    return f'Did you mean {near[0] if near else KNOWN[0]}?'
