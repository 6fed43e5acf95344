# SPDX-License-Identifier: Apache-2.0

"""The ``gluster`` command: words in, output out."""

from collections.abc import Sequence
from xml.etree import ElementTree

from manila_drivers.testing.simulators.gluster import heal
from manila_drivers.testing.simulators.gluster import quota
from manila_drivers.testing.simulators.gluster import snapshots
from manila_drivers.testing.simulators.gluster import volumes
from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.gluster.state import State
from manila_drivers.testing.simulators.gluster.wire import Reply

Words = Sequence[str]

_WELCOME = ("Welcome to gluster prompt, type 'help' to see the available "
            'commands.\n')
_ASKS = {('volume', 'stop'): 'Stopping volume will make its data '
                             'inaccessible. Do you want to continue?',
         ('volume', 'delete'): 'Deleting volume will erase all information '
                               'about the volume. Do you want to continue?',
         ('volume', 'reset'): '', ('snapshot', 'delete'): '',
         ('snapshot', 'deactivate'): '', ('snapshot', 'restore'): ''}


class CommandLine:
    """``gluster`` on one server of a cluster."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._volumes = volumes.Volumes(state)
        self._heal = heal.Heal(state)
        self._quota = quota.Quota(state)
        self._snapshots = snapshots.Snapshots(state)

    def run(self, argv: Words, stdin: str = '') -> Reply:
        """One run of the program.

        :param argv: the words after ``gluster``.
        """
        flags = [word for word in argv if word.startswith('--')]
        words = [word for word in argv if not word.startswith('--')]
        if '--version' in flags:
            return Reply(f'glusterfs {self._state.options.version}\n'
                         f'Repository revision: git://git.gluster.org/'
                         f'glusterfs.git\n')
        if not self._state.options.daemon_up:
            return Reply(wire.DOWN, status=1)
        xml, script = '--xml' in flags, '--mode=script' in flags
        if words:
            return self._one(words, xml=xml, script=script)
        replies = [self._one(line.split(), xml=xml, script=script)
                   for line in stdin.splitlines() if line.strip()]
        return Reply(_WELCOME + ''.join(each.stdout for each in replies),
                     ''.join(each.stderr for each in replies))

    def _one(self, words: Words, *, xml: bool, script: bool) -> Reply:
        if not script and tuple(words[:2]) in _ASKS:
            question = _ASKS[words[0], words[1]] or 'Do you want to continue?'
            return Reply(f'{question} (y/n) gluster cli read error\n'
                         f'Invalid input, please enter y/n\n')
        if words[:2] == ['volume', 'heal']:
            return self._heal.run(words[2:])
        try:
            payload = self._payload(words)
        except wire.UsageError:
            return Reply('', f'\nUsage:\n{" ".join(words[:2])}\n\n', 1)
        except ConnectionError:
            return Reply(wire.DOWN, status=1)
        except wire.GlusterError as exc:
            if xml:
                return Reply(wire.refused(exc), status=exc.status)
            return Reply('', f'{" ".join(words[:2])}: failed: {exc.text}\n',
                         1)
        if xml:
            return Reply(wire.document(payload))
        return Reply(_plain(words, payload))

    def _payload(self, words: Words) -> list[wire.Element]:
        kind, verb, *rest = (*words, '', '')[:max(2, len(words))]
        if kind == 'volume' and verb == 'quota':
            return self._quota.run(rest)
        tables = {'volume': self._volumes.commands,
                  'snapshot': self._snapshots.commands}
        command = tables.get(kind, {}).get(verb)
        if command is not None:
            return command(rest)
        if (kind, verb) in (('peer', 'status'), ('pool', 'list')):
            return [self._peers(itself=kind == 'pool')]
        raise wire.UsageError()

    def _peers(self, *, itself: bool) -> wire.Element:
        """Return the servers; the one that answers is localhost."""
        state = self._state
        hosts = {brick.partition(':')[0] for each in state.volumes.values()
                 for brick in each.bricks} - {state.server}
        others = [wire.fields(
            'peer', uuid=state.peer_id(host), hostname=host,
            connected=int(host not in state.down | state.deaf), state=3,
            stateStr='Peer in Cluster') for host in sorted(hosts)]
        return wire.element('peerStatus', *others, *([wire.fields(
            'peer', uuid=state.server_id, hostname='localhost',
            connected=1)] if itself else []))


def _plain(words: Words, payload: Sequence[wire.Element]) -> str:
    """Text for people: enough to look around by hand, and for Manila's own
    driver, which reads the names of volumes from it."""
    if tuple(words) == ('volume', 'list'):
        return ''.join(f'{name.text}\n' for each in payload
                       for name in each.iter('volume'))
    if words[1:2] in (['list'], ['info'], ['status']):
        return ''.join(ElementTree.tostring(each, encoding='unicode') + '\n'
                       for each in payload)
    return f'{" ".join(words[:2])}: success\n'
