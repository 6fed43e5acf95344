# SPDX-License-Identifier: Apache-2.0
"""Test that what is in a brick that is away never reaches the next tenant.

Two servers in network namespaces; bricks are killed, and a server is taken
off the network.
"""

import pytest

from tests.functional.gluster import made
from tests.functional.gluster.waiting import eventually
from tests.functional.lab import gluster
from tests.functional.lab import need
from tests.functional.lab import service as services
from tests.functional.lab import tenant as tenants

NAMES = ('glusterfs-server-1', 'glusterfs-server-2', 'manila-host-1')
FILES = [f'secret-{number}' for number in range(20)]
LAYOUTS = {1: (), 2: ('replica', '2'), 3: ('replica', '2', 'arbiter', '1')}

pytestmark = pytest.mark.timeout(400)


class Peers:
    """The site with a second server of the same cluster."""

    def __init__(self, site):
        need.programs('ip')
        self.site = site
        self.second = site.net.host('second')
        gluster.prepare(self.second)
        self.second.private('/srv')
        site.identities.wear(self.second, 'glusterfs-server-2')
        self.address = site.net.ipv4('second')
        self.daemon = gluster.Gluster(self.second, self.address)
        self.start_daemon()
        site.gluster.do('peer', 'probe', self.address)
        assert eventually(self.connected)

    def start_daemon(self):
        self.daemon.start('glusterd', '-p', '/run/glusterd.pid')

    def connected(self):
        peer = self.site.gluster.do('peer', 'status').tree.find('.//peer')
        return (peer.findtext('connected'), peer.findtext('state')) \
            == ('1', '3')

    def volume(self, number):
        """A volume of the pool over both servers; its bricks."""
        name, places = f'peers-1G-{number}', []
        for place in range(2 if number < 3 else 3):
            node, address = ((self.site.node, self.site.gluster.address),
                             (self.second, self.address))[place % 2]
            image = self.site.directory / f'{name}-{place}.img'
            places.append(f'{address}:' + gluster.brick(
                node, image, f'/srv/{name}/{place}'))
        self.site.gluster.do('volume', 'create', name, *LAYOUTS[number],
                             *places, 'force')
        self.site.gluster.do('volume', 'set', name, 'client.ssl', 'on',
                             'server.ssl', 'on', 'auth.ssl-allow',
                             ','.join(NAMES))
        self.site.gluster.do('volume', 'start', name)
        return places

    def kill(self, volume, brick):
        """End the process of one brick."""
        host, _, path = brick.partition(':')
        status = self.site.gluster.do('volume', 'status', volume).tree
        pid = next(node.findtext('pid') for node in status.iterfind('.//node')
                   if (node.findtext('hostname'), node.findtext('path'))
                   == (host, path))
        node = self.second if host == self.address else self.site.node
        node.run('kill', '-9', pid)

    def cut_off(self):
        self.second.run('ip', 'link', 'set', 'eth0', 'down')

    def back(self):
        self.second.run('ip', 'link', 'set', 'eth0', 'up')

    def content(self, bricks):
        """All files of tenants in the directories of these bricks."""
        found = set()
        for brick in bricks:
            host, _, path = brick.partition(':')
            node = self.second if host == self.address else self.site.node
            found |= set(node.run('ls', path).stdout.split())
        return found


@pytest.fixture(scope='module')
def peers(tmp_path_factory):
    from tests.functional.gluster import site as sites
    need.programs(*need.GLUSTER)
    need.devices('/dev/fuse', '/dev/loop-control')
    with sites.BoxSite(tmp_path_factory.mktemp('peers')) as site:
        yield Peers(site)


@pytest.fixture(params=LAYOUTS, ids=lambda number: (
    ' '.join(LAYOUTS[number]) or 'distribute'))
def used(peers, request):
    """A share of a volume, with files of its tenant."""
    bricks = peers.volume(request.param)
    name = f'peers-1G-{request.param}'
    service = peers.site.service(
        glusterfs_volume_pattern=name + '$', glusterfs_command_timeout=60)
    row = made.share()
    path = made.path(service.call('create_share', None, row))
    rules = made.rules('tenant-a')
    service.call('update_access', None, row, rules, rules, [], [])
    with peers.site.tenant('tenant-a') as client:
        client.mount(path)
        for each in FILES:
            client.write(each, 'of the first tenant')
    service.call('update_access', None, row, [], [], [], [])
    yield service, row, name, bricks
    peers.site.gluster.ask('volume', 'stop', name, 'force')
    peers.site.gluster.do('volume', 'delete', name)
    for number, brick in enumerate(bricks):
        node = peers.second if brick.startswith(
            peers.address) else peers.site.node
        node.shell('umount "$1"', f'/srv/{name}/{number}')


def is_free(site, name):
    options = site.gluster.options(name)
    return options.get('user.manila-share', 'NONE') == 'NONE'


def delete_in_the_end(service, row):
    """The brick is back, and copies are being healed by now."""
    def deleted():
        try:
            service.call('delete_share', None, row)
        except services.Raised:
            return False
        return True
    assert eventually(deleted, seconds=90)


@pytest.mark.parametrize('which', [0, 1])
def test_a_brick_that_is_killed(peers, used, which):
    service, row, name, bricks = used
    peers.kill(name, bricks[which])
    with pytest.raises(services.Raised) as caught:
        service.call('delete_share', None, row)
    assert f'{bricks[which]} is offline' in caught.value.text
    assert not is_free(peers.site, name)
    with pytest.raises(services.Raised, match='No free volume'):
        service.call('create_share', None, made.share())
    peers.site.gluster.do('volume', 'start', name, 'force')
    delete_in_the_end(service, row)
    assert is_free(peers.site, name)
    assert not peers.content(bricks) & set(FILES)


def test_a_server_that_is_off_the_network(peers, used):
    service, row, name, bricks = used
    peers.cut_off()
    try:
        # Until the others notice, commands wait for it.
        assert eventually(lambda: not peers.connected(), seconds=90)
        with pytest.raises(services.Raised) as caught:
            service.call('delete_share', None, row)
        assert bricks[1] in caught.value.text, caught.value.text
        assert not is_free(peers.site, name)
    finally:
        peers.back()
    assert eventually(peers.connected, seconds=90)
    delete_in_the_end(service, row)
    assert is_free(peers.site, name)
    assert not peers.content(bricks) & set(FILES)


def test_bricks_whose_daemon_is_down(peers, used):
    """They run, and nobody tells so: nor can a new client find them."""
    service, row, name, bricks = used
    peers.daemon.stop()
    try:
        assert eventually(lambda: not peers.connected(), seconds=60)
        with pytest.raises(services.Raised) as caught:
            service.call('delete_share', None, row)
        assert bricks[1] in caught.value.text, caught.value.text
        assert not is_free(peers.site, name)
    finally:
        peers.start_daemon()
    assert eventually(peers.connected, seconds=60)
    delete_in_the_end(service, row)
    assert is_free(peers.site, name)
    assert not peers.content(bricks) & set(FILES)


@pytest.mark.parametrize('used', [1], indirect=True)
def test_who_is_turned_out_while_a_daemon_is_down(peers, used):
    """Gluster calls it a success, and the bricks of that server go on."""
    service, row, name, _ = used
    alice = made.rules('tenant-a')
    service.call('update_access', None, row, alice, alice, [], [])

    def held(client):
        return any(not client.box.run(
            'cat', f'{tenants.POINT}/{each}', check=False).returncode
            for each in FILES)
    with peers.site.tenant('tenant-a') as client:
        client.mount(f'{peers.site.gluster.address}:/{name}')
        assert held(client)
        peers.daemon.stop()
        try:
            assert eventually(lambda: not peers.connected(), seconds=60)
            # Whether the client still reads there depends on whether it has
            # lost its connection meanwhile.
            for _ in range(2):
                with pytest.raises(services.Raised) as caught:
                    service.call('update_access', None, row, [], [], alice,
                                 [])
                assert f'not on {peers.address}' in caught.value.text
        finally:
            peers.start_daemon()
        assert eventually(peers.connected, seconds=60)
        service.call('update_access', None, row, [], [], alice, [])
        assert eventually(lambda: not held(client), seconds=30)
