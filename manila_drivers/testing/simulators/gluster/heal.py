# SPDX-License-Identifier: Apache-2.0

"""``gluster volume heal`` on simulated volumes."""

from collections.abc import Sequence

from manila_drivers.testing.simulators.gluster import placement
from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.gluster.state import admitted
from manila_drivers.testing.simulators.gluster.state import STARTED
from manila_drivers.testing.simulators.gluster.state import State
from manila_drivers.testing.simulators.gluster.state import Volume
from manila_drivers.testing.simulators.gluster.wire import Element
from manila_drivers.testing.simulators.gluster.wire import element
from manila_drivers.testing.simulators.gluster.wire import GlusterError

Words = Sequence[str]


class Heal:
    """The commands about what copies lack."""

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, words: Words) -> wire.Reply:
        """A command; all but ``info`` answer in text whatever is asked for.
        """
        volume = self._state.volumes.get(words[0]) if words else None
        if words[1:] != ['info']:
            return self._launch(words, volume)
        if volume is None or not self._answers(volume):
            return wire.Reply('', f'{" ".join(words)}: Not able to fetch '
                                  f'volfile from glusterd\n', 251)
        if volume.replica < 2:
            error = GlusterError(22, (
                f'This command is supported for only volumes of '
                f'replicate/disperse type. Volume {volume.name} is not of '
                f'type replicate/disperse'), [
                    element('healInfo', element('bricks'))])
            return wire.Reply(wire.refused(error), status=234)
        healed = [self._brick(volume, brick) for brick in volume.bricks]
        return wire.Reply(wire.document([
            element('healInfo', element('bricks', *healed))]))

    def _answers(self, volume: Volume) -> bool:
        return volume.status == STARTED and (
            not volume.tls or any(
                admitted(name, volume.allow,
                                      self._state.options)
                for name in self._state.server_names))

    def _launch(self, words: Words,
                volume: Volume | None) -> wire.Reply:
        text = (f'Launching heal operation to perform index self heal on '
                f'volume {" ".join(words)} has been ')
        if volume is None or not self._state.options.self_heal:
            return wire.Reply('', f'{text}unsuccessful:\nSelf-heal daemon is '
                                  f'not running. Check self-heal daemon log '
                                  f'file.\n', 1)
        volume.placed.heal()
        return wire.Reply(f'{text}successful \nUse heal info commands to '
                          f'check status.\n')

    def _brick(self, volume: Volume, brick: str) -> Element:
        if brick in volume.placed.offline:
            return element(
                'brick', element('name', brick),
                element('status', 'Transport endpoint is not connected'),
                element('numberOfEntries', '-'), hostUuid='-')
        count = placement.entries(volume, brick)
        return element(
            'brick', element('name', brick),
            *(element('file', f'<gfid:{number}>')
              for number in range(count)),
            element('status', 'Connected'),
            element('numberOfEntries', count),
            hostUuid=self._state.peer_id(brick.partition(':')[0]))
