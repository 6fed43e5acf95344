# SPDX-License-Identifier: Apache-2.0

"""``gluster snapshot ...``"""

from collections.abc import Callable
from collections.abc import Sequence
import copy
import time

from manila_drivers.testing.simulators.gluster import placement
from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.gluster.state import Snapshot
from manila_drivers.testing.simulators.gluster.state import STARTED
from manila_drivers.testing.simulators.gluster.state import State
from manila_drivers.testing.simulators.gluster.state import Volume
from manila_drivers.testing.simulators.gluster.wire import Element
from manila_drivers.testing.simulators.gluster.wire import element
from manila_drivers.testing.simulators.gluster.wire import fields
from manila_drivers.testing.simulators.gluster.wire import GlusterError

Words = Sequence[str]


class Snapshots:
    """The commands about snapshots; each returns what its answer has."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def commands(self) -> dict[str, Callable[[Words], list[Element]]]:
        return {'create': self.create, 'delete': self.delete,
                'activate': self.activate, 'deactivate': self.deactivate,
                'clone': self.clone, 'restore': self.restore,
                'info': self.info, 'list': self.list_names}

    def _get(self, words: Words, number: int = 30807,
             payload: Sequence[Element] = (), stop: str = '') -> Snapshot:
        if not words:
            raise wire.UsageError()
        try:
            return self._state.snapshots[words[0]]
        except KeyError:
            raise GlusterError(
                number, f'Snapshot ({words[0]}) does not exist{stop}',
                payload) from None

    # -- reading ---------------------------------------------------------

    def list_names(self, words: Words) -> list[Element]:
        if words and words[0] not in self._state.volumes:
            raise GlusterError(30806, f'Volume ({words[0]}) does not exist')
        found = [each.name for each in self._state.snapshots.values()
                 if not words or each.origin == words[0]]
        return [element('snapList', element('count', len(found)),
                        *(element('snapshot', name) for name in found))]

    def info(self, words: Words) -> list[Element]:
        if words[:1] == ['volume']:
            return self._info_of_volume(words[1:])
        found = [self._get(words, 30800)] if words \
            else list(self._state.snapshots.values())
        return [element('snapInfo', element('count', len(found)), element(
            'snapshots', *map(self._described, found)))]

    def _info_of_volume(self, words: Words) -> list[Element]:
        if not words:
            raise wire.UsageError()
        if words[0] not in self._state.volumes:
            raise GlusterError(30800, f'Volume ({words[0]}) does not exist')
        found = self._state.snapshots_of(words[0])
        return [element(
            'snapInfo', self._origin(words[0]),
            element('count', len(found)), element('snapshots', *(
                self._described(each, origin=False) for each in found)))]

    def _origin(self, volume: str) -> Element:
        count = len(self._state.snapshots_of(volume))
        return fields('originVolume', name=volume, snapCount=count,
                      snapRemaining=self._state.options.snapshot_limit
                      - count)

    def _described(self, snapshot: Snapshot, *,
                   origin: bool = True) -> Element:
        created = time.strftime('%Y-%m-%d %H:%M:%S +0000',
                                time.gmtime(snapshot.created))
        return element(
            'snapshot', element('name', snapshot.name),
            element('uuid', snapshot.id), element('description'),
            element('createTime', created), element('volCount', 1),
            element('snapVolume',
                    element('name', snapshot.id.replace('-', '')),
                    element('status', 'Started' if snapshot.active
                            else 'Stopped'),
                    *([self._origin(snapshot.origin)] if origin else ())))

    # -- writing ---------------------------------------------------------

    def create(self, words: Words) -> list[Element]:
        if len(words) < 2:
            raise wire.UsageError()
        name, volume_name, *rest = words
        volume = self._able(volume_name)
        if self._state.options.modern:
            if 'no-timestamp' not in rest:
                name += time.strftime('_GMT-%Y.%m.%d-%H.%M.%S',
                                      time.gmtime(self._state.clock()))
        elif rest:
            raise wire.UsageError()
        if name in self._state.snapshots:
            raise GlusterError(30812, f'Snapshot {name} already exists')
        made = self._state.frozen(volume, name)
        self._state.snapshots[name] = made
        # Writers were held back meanwhile; gluster leaves this behind.
        volume.options['features.barrier'] = 'disable'
        return [element('snapCreate', _named(made))]

    def _able(self, volume_name: str) -> Volume:
        """A volume of which a snapshot can be taken."""
        volume = self._state.volumes.get(volume_name)
        if volume is None:
            raise GlusterError(30806,
                               f'Volume ({volume_name}) does not exist ')
        if volume.status != STARTED:
            raise GlusterError(
                30810, f'volume {volume_name} is not started')
        if not self._state.options.bricks_up or volume.placed.offline:
            raise GlusterError(30803, 'One or more bricks are not running. '
                               'Please run volume status command to see '
                               'brick status.')
        if not volume.thin:
            raise GlusterError(30815, (
                f'Snapshot is supported only for thin provisioned LV. Ensure '
                f'that all bricks of {volume_name} are thinly provisioned '
                f'LV.'))
        if len(self._state.snapshots_of(volume_name)) \
                >= self._state.options.snapshot_limit:
            raise GlusterError(30805, 'The number of existing snaps has '
                                      'reached the effective maximum limit')
        return volume

    def delete(self, words: Words) -> list[Element]:
        name = words[0] if words else ''
        text = f'Snapshot ({name}) does not exist'
        found = self._get(words, payload=[element(
            'snapDelete', element('snapshots', fields(
                'snapshot', status='Failure', opRet=-1, opErrno=30807,
                opErrstr=text, name=name)))])
        del self._state.snapshots[found.name]
        return [element('snapDelete', element('snapshots', fields(
            'snapshot', status='Success', name=found.name,
            uuid=found.id)))]

    def activate(self, words: Words) -> list[Element]:
        found = self._get(words, stop='.')
        if found.active:
            if 'force' in words:
                raise GlusterError(30800, 'Commit failed on localhost. '
                                   'Please check log file for details.')
            raise GlusterError(22, f'Snapshot {found.name} is already '
                                   f'activated.')
        found.active = True
        return [element('snapActivate', _named(found))]

    def deactivate(self, words: Words) -> list[Element]:
        found = self._get(words, stop='.')
        if not found.active:
            raise GlusterError(22, f'Snapshot {found.name} is already '
                                   f'deactivated.')
        found.active = False
        return [element('snapDeactivate', _named(found))]

    def clone(self, words: Words) -> list[Element]:
        if len(words) < 2 or not self._state.options.modern:
            raise wire.UsageError()
        name, source = words[:2]
        if name in self._state.volumes:
            raise GlusterError(30811, f'Volume with name:{name} already '
                                      f'exists')
        found = self._state.snapshots.get(source)
        if found is None:
            raise GlusterError(30800, f'Failed to find :{source} snap')
        if not found.active:
            raise GlusterError(30810, f'Snapshot {source} is not activated')
        made = Volume(
            name, [], found.size, options=_thawed(found),
            files=copy.copy(found.files), limit=found.limit)
        made.bricks = [self._brick(made.id)]
        self._state.volumes[name] = made
        return [element('CloneCreate', fields('volume', name=name,
                                              uuid=made.id))]

    def _brick(self, ident: str) -> str:
        return (f'{self._state.server}:/run/gluster/snaps/'
                f'{ident.replace("-", "")}/brick1/b')

    def restore(self, words: Words) -> list[Element]:
        found = self._get(words)
        volume = self._state.volumes[found.origin]
        if volume.status == STARTED:
            raise GlusterError(30809, (
                f'Volume ({volume.name}) has been started. Volume needs to '
                f'be stopped before restoring a snapshot.'))
        volume.options = _thawed(found)
        volume.files = copy.copy(found.files)
        volume.limit = found.limit
        volume.bricks = [self._brick(found.id)]
        volume.replica, volume.arbiter = 1, False
        volume.placed = placement.Placement()
        del self._state.snapshots[found.name]
        return [element('snapRestore', fields(
            'volume', name=volume.name, uuid=volume.id), _named(found))]


def _thawed(snapshot: Snapshot) -> dict[str, str]:
    """The options of a volume that is made from a snapshot."""
    quota = dict.fromkeys(('features.quota', 'features.inode-quota',
                           'features.quota-deem-statfs'), 'off')
    return quota | snapshot.options


def _named(snapshot: Snapshot) -> Element:
    return fields('snapshot', name=snapshot.name, uuid=snapshot.id)
