# SPDX-License-Identifier: Apache-2.0

"""Write down what a real gluster answers, as data for the unit tests.

``python -m tests.functional.gluster.record`` as root, where glusterfs-server
is installed.  One file per command: its words, exit status and both outputs.
"""

import itertools
import json
import pathlib
import tempfile
import threading
import time
import typing as ty

from tests.functional.gluster import site as sites
from tests.functional.lab import box
from tests.functional.lab import gluster
from tests.functional.lab import network
from tests.functional.lab import tls

DATA = (pathlib.Path(__file__).parents[2]
        / 'unit' / 'glusterfs' / 'data' / 'recorded')

CLONE = 'manila-7f0bfb9e-3a5c-4b0f-9a53-3a9c0b6b8e11'

#: Sections of lines: what to call the file, what to say with --xml.
SCRIPT = pathlib.Path(__file__).with_suffix('.txt')


def section(name: str) -> list[tuple[str, list[str]]]:
    """The lines below ``# name: ...``."""
    text = SCRIPT.read_text().split(f'# {name}: ')[1].partition('\n\n')[0]
    pairs = [line.partition(': ') for line in text.splitlines()[1:]]
    return [(file, words.split()) for file, _, words in pairs]


class Recorder:
    def __init__(self, node: gluster.Gluster, data: pathlib.Path,
                 **words: str) -> None:
        self._node = node
        self._data = data
        self._words = words
        data.mkdir(parents=True, exist_ok=True)

    def play(self, *names: str) -> None:
        """Say what is in these sections and keep the answers."""
        for file, words in itertools.chain.from_iterable(
                map(section, names)):
            self.record(file, ['--mode=script', '--xml', *(
                each.format(**self._words) for each in words)])

    def record(self, name: str, argv: list[str]) -> None:
        result = self._node.host.run('gluster', *argv, check=False,
                                     seconds=150)
        self.keep(name, argv, result)

    def keep(self, name: str, argv: list[str], result: ty.Any) -> None:
        content = {'argv': argv, 'status': result.returncode,
                   'stdout': result.stdout, 'stderr': result.stderr}
        (self._data / f'{name}.json').write_text(
            json.dumps(content, indent=1) + '\n')


def collide(one: gluster.Gluster, two: gluster.Gluster,
            recorder: Recorder) -> None:
    """Two nodes set the same volume until one of them is told to wait."""
    argv = ['--mode=script', '--xml', 'volume', 'set', 'pool-2G-2',
            'user.manila-state', 'wiping']
    found: list[ty.Any] = []

    def press(node: gluster.Gluster) -> None:
        for _ in range(40):
            result = node.host.run('gluster', *argv, check=False)
            if '<opErrno>30802' in result.stdout:
                found.append(result)
            if found:
                return

    threads = [threading.Thread(target=press, args=(each,))
               for each in (one, two)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    recorder.keep('volume-set-conflict', argv, found[0])


def nodes(room: box.Box, identities: tls.Identities,
          count: int = 2) -> list[gluster.Gluster]:
    """Hosts with a daemon each, in one cluster."""
    net = network.Network(room)
    made = []
    for number in range(1, count + 1):
        host = net.host(f'node-{number}')
        gluster.prepare(host)
        host.private('/srv')
        identities.wear(host, f'glusterfs-server-{number}')
        made.append(gluster.Gluster(host, net.ipv4(host.name)))
        made[-1].start('glusterd', '-p', '/run/glusterd.pid')
    for each in made[1:]:
        made[0].do('peer', 'probe', each.address)
    return made


def record_pool() -> None:
    """Two nodes, no snapshots."""
    with tempfile.TemporaryDirectory() as scratch, box.Box('room') as room:
        place = pathlib.Path(scratch)
        one, two = nodes(room, tls.Identities(place))
        for number, node in enumerate((one, two)):
            gluster.brick(node.host, place / f'{number}.img', '/srv/bricks')
        recorder = Recorder(one, DATA, spaces='a b', empty='',
                            one=f'{one.address}:/srv/bricks',
                            two=f'{two.address}:/srv/bricks')
        recorder.record('version', ['--version'])
        recorder.play('before', 'created', 'started')
        collide(one, two, recorder)
        recorder.play('quota', 'after')
        recorder.record('prompt-without-script-mode',
                        ['--xml', 'volume', 'stop', 'pool-2G-2'])
        two.stop()
        while one.do('peer', 'status').tree.findtext(
                './/connected') == '1':
            time.sleep(0.1)
        recorder.play('peer')
        one.stop()
        recorder.play('daemon')


def record_snapshots() -> None:
    """One node in a guest, with thin volumes."""
    with tempfile.TemporaryDirectory() as scratch, sites.GuestSite(
            pathlib.Path(scratch)) as site:
        site.volume('pool-1G-1')
        site.volume('stopped', start=False)
        site.node.run('mkdir', '/srv/plain')
        site.gluster.create('plain', ['/srv/plain'])
        site.gluster.do('volume', 'start', 'plain')
        Recorder(site.gluster, DATA, clone=CLONE).play('snapshots')


def main() -> None:
    record_pool()
    record_snapshots()


if __name__ == '__main__':
    main()
