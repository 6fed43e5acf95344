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

"""Write down what a real gluster answers, as data for the unit tests.

``python -m tests.functional.gluster.record`` as root, where glusterfs-server
is installed.  One file per command: its words, exit status and both outputs.
"""

import json
import pathlib
import tempfile
import threading
import time
import typing as ty

from tests.functional.lab import box
from tests.functional.lab import gluster
from tests.functional.lab import network
from tests.functional.lab import tls

DATA = (pathlib.Path(__file__).parents[2]
        / 'unit' / 'glusterfs' / 'data' / 'recorded')

#: (file, words): what is said with --mode=script --xml, one after the other.
BEFORE: ty.Final = (
    ('volume-list-none', 'volume list'),
    ('volume-info-none', 'volume info'),
    ('volume-info-missing', 'volume info nobody'),
    ('volume-start-missing', 'volume start nobody'),
    ('volume-set-missing', 'volume set nobody user.manila-share x'),
    ('peer-status', 'peer status'),
    ('pool-list', 'pool list'),
)
CREATED: ty.Final = (
    ('volume-create', 'volume create pool-1G-1 {one}/a force'),
    ('volume-create-exists', 'volume create pool-1G-1 {one}/z force'),
    ('volume-create-brick-in-use', 'volume create other {one}/a force'),
    ('volume-info-created', 'volume info pool-1G-1'),
    ('volume-status-created', 'volume status pool-1G-1 detail'),
    ('volume-stop-created', 'volume stop pool-1G-1'),
    ('volume-set-created', 'volume set pool-1G-1 client.ssl on server.ssl on'
     ' auth.ssl-allow glusterfs-server-1,glusterfs-server-2,manila-host-1'),
    ('quota-enable-created', 'volume quota pool-1G-1 enable'),
    ('volume-start', 'volume start pool-1G-1'),
    ('volume-start-started', 'volume start pool-1G-1'),
    ('volume-delete-started', 'volume delete pool-1G-1'),
)
STARTED: ty.Final = (
    ('volume-create-replica',
     'volume create pool-2G-2 replica 2 {one}/b {two}/b force'),
    ('volume-set-replica', 'volume set pool-2G-2 client.ssl ON server.ssl ON'
     ' auth.ssl-allow glusterfs-server-1,glusterfs-server-2,manila-host-1'
     ' user.manila-share c41a44fb-0ad4-4a2c-8bf0-6f6a05d7f6a2'),
    ('volume-start-replica', 'volume start pool-2G-2'),
    ('volume-create-disperse', 'volume create pool-2G-3 disperse 3'
     ' redundancy 1 {one}/c1 {one}/c2 {two}/c3 force'),
    ('volume-create-distribute',
     'volume create pool-3 {one}/d1 {two}/d2 force'),
    ('volume-info-pool', 'volume info'),
    ('volume-list-pool', 'volume list'),
    ('volume-status-detail', 'volume status pool-1G-1 detail'),
    ('volume-status-all-detail', 'volume status all detail'),
    ('volume-set-same', 'volume set pool-1G-1 client.ssl on'),
    ('volume-set-unknown', 'volume set pool-1G-1 user.manila-share x'
     ' features.trsh off'),
    ('volume-set-unknown-again', 'volume info pool-1G-1'),
    ('volume-set-odd-words', 'volume set pool-1G-1 user.manila-share'),
    ('volume-set-spaces', 'volume set pool-1G-1 user.manila-share {spaces}'),
    ('volume-set-empty', 'volume set pool-1G-1 user.manila-share {empty}'),
    ('volume-set-claim', 'volume set pool-1G-1 user.manila-share'
     ' 2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a client.ssl on server.ssl on'
     ' server.dynamic-auth on nfs.export-volumes off features.trash off'
     ' auth.ssl-allow glusterfs-server-1,glusterfs-server-2,manila-host-1'),
    ('volume-get-unset-user', 'volume get pool-1G-1 user.nothing'),
    ('volume-get-ssl-allow', 'volume get pool-3 auth.ssl-allow'),
    ('volume-get-dynamic-auth', 'volume get pool-3 server.dynamic-auth'),
    ('volume-get-unknown', 'volume get pool-3 features.trsh'),
    ('volume-reset-user', 'volume reset pool-1G-1 user.manila-share'),
    ('volume-reset-unset', 'volume reset pool-1G-1 features.shard'),
    ('snapshot-create-without-lvm',
     'snapshot create s pool-1G-1 no-timestamp'),
    ('snapshot-list-without-lvm', 'snapshot list'),
    ('snapshot-delete-without-lvm', 'snapshot delete s'),
)
QUOTA: ty.Final = (
    ('quota-list-disabled', 'volume quota pool-1G-1 list /'),
    ('quota-limit-disabled', 'volume quota pool-1G-1 limit-usage / 1GB'),
    ('quota-disable-disabled', 'volume quota pool-1G-1 disable'),
    ('quota-enable', 'volume quota pool-1G-1 enable'),
    ('quota-enable-again', 'volume quota pool-1G-1 enable'),
    ('quota-list-no-limit', 'volume quota pool-1G-1 list /'),
    ('quota-list-no-limit-all', 'volume quota pool-1G-1 list'),
    ('quota-remove-none', 'volume quota pool-1G-1 remove /'),
    ('quota-limit', 'volume quota pool-1G-1 limit-usage / 1GB'),
    ('quota-list', 'volume quota pool-1G-1 list /'),
    ('volume-info-quota', 'volume info pool-1G-1'),
    ('quota-remove', 'volume quota pool-1G-1 remove /'),
    ('quota-missing-volume', 'volume quota nobody list /'),
    ('quota-disable', 'volume quota pool-1G-1 disable'),
)
AFTER: ty.Final = (
    ('volume-stop', 'volume stop pool-1G-1'),
    ('volume-stop-stopped', 'volume stop pool-1G-1'),
    ('volume-info-stopped', 'volume info pool-1G-1'),
    ('volume-status-stopped', 'volume status pool-1G-1 detail'),
    ('volume-delete', 'volume delete pool-1G-1'),
    ('volume-delete-missing', 'volume delete pool-1G-1'),
)


class Recorder:
    def __init__(self, node: gluster.Gluster, data: pathlib.Path,
                 **words: str) -> None:
        self._node = node
        self._data = data
        self._words = words
        data.mkdir(parents=True, exist_ok=True)

    def play(self, script: tuple[tuple[str, str], ...]) -> None:
        for name, text in script:
            argv = ['--mode=script', '--xml',
                    *(each.format(**self._words) for each in text.split())]
            self.record(name, argv)

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
        made[-1].start()
    for each in made[1:]:
        made[0].do('peer', 'probe', each.address)
    return made


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch, box.Box('room') as room:
        place = pathlib.Path(scratch)
        one, two = nodes(room, tls.Identities(place))
        for number, node in enumerate((one, two)):
            gluster.brick(node.host, place / f'{number}.img', '/srv/bricks')
        recorder = Recorder(one, DATA, spaces='a b', empty='',
                            one=f'{one.address}:/srv/bricks',
                            two=f'{two.address}:/srv/bricks')
        recorder.record('version', ['--version'])
        for script in (BEFORE, CREATED, STARTED):
            recorder.play(script)
        collide(one, two, recorder)
        recorder.play(QUOTA)
        recorder.play(AFTER)
        recorder.record('prompt-without-script-mode',
                        ['--xml', 'volume', 'stop', 'pool-2G-2'])
        two.stop()
        while one.do('peer', 'status').tree.findtext(
                './/connected') == '1':
            time.sleep(0.1)
        recorder.play((
            ('peer-status-down', 'peer status'),
            ('volume-delete-peer-down', 'volume delete pool-2G-3'),
            ('volume-status-peer-down', 'volume status pool-2G-2 detail')))
        one.stop()
        recorder.play((('daemon-down', 'volume info'),))


if __name__ == '__main__':
    main()
