# SPDX-License-Identifier: Apache-2.0

"""Several share services, and such that die, on a real glusterd."""

import concurrent.futures
import threading

import pytest

from tests import listening
from tests.functional.gluster import made
from tests.functional.gluster.waiting import eventually
from tests.functional.lab import gluster
from tests.functional.lab import service as services

ROUNDS = 3
PATTERN = 'serve-#{size}G-\\d+$'

# Seconds, where everybody else is busy, too.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope='module')
def pool(site):
    return [site.volume(f'serve-1G-{number}') for number in (1, 2, 3)]


@pytest.fixture
def service(site, pool):
    return site.service(glusterfs_volume_pattern=PATTERN)


def path_of_new(service, row):
    return made.path(service.call('create_share', None, row))


def test_on_a_server_of_the_cluster_without_ssh(site, pool):
    local = site.service(host=site.node, glusterfs_volume_pattern=PATTERN,
                         glusterfs_servers=site.gluster.address)
    before = site.door.logins()
    row = made.share()
    path = path_of_new(local, row)
    rules = made.rules('tenant-a')
    local.call('update_access', None, row, rules, rules, [], [])
    with site.tenant('tenant-a') as client:
        client.mount(path)
        client.write('file', 'text')
    local.call('delete_share', None, row)
    with site.tenant('manila-host-1') as manila:
        manila.mount(path)
        assert manila.files() == set()
    assert site.door.logins() == before


def test_one_login_for_a_whole_run(site, pool):
    before = site.door.logins()
    service = site.service(glusterfs_volume_pattern=PATTERN)
    row = made.share()
    path_of_new(service, row)
    for names in (['tenant-a'], ['tenant-a', 'tenant-b'], []):
        service.call('update_access', None, row, made.rules(*names), [], [],
                     [])
    service.call('get_share_stats', True)
    service.call('delete_share', None, row)
    assert site.door.logins() == before + 1


def test_two_hosts_never_get_the_same_volume(site, pool):
    """They share no lock: what decides is written on the volumes."""
    hosts = [site.service(glusterfs_volume_pattern=PATTERN,
                          share_backend_name=f'host-{number}')
             for number in (1, 2)]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS):
            rows = [made.share(), made.share()]
            paths = list(threads.map(path_of_new, hosts, rows))
            assert len(set(paths)) == 2
            for path, row in zip(paths, rows, strict=True):
                options = site.gluster.options(path.partition(':/')[2])
                assert options['user.manila-share'] == row['id']
            list(threads.map(
                lambda host, row: host.call('delete_share', None, row),
                hosts, rows))


class TestKilled:
    """The process ends in the middle; the next one is asked again."""

    @pytest.mark.parametrize('seconds', [0.3, 1.0])
    def test_in_a_creation(self, site, service, seconds):
        row = made.share()
        interrupt(service, seconds, 'create_share', None, row)
        volume = path_of_new(service, row).partition(':/')[2]
        assert marks(site, row) == {volume}
        assert site.gluster.status(volume) == 'Started'
        assert site.gluster.allowed(volume) == set(gluster.INFRASTRUCTURE)
        service.call('delete_share', None, row)
        assert marks(site, row) == set()

    def test_in_a_creation_that_is_given_up(self, site, service):
        row = made.share()
        interrupt(service, 0.6, 'create_share', None, row)
        service.call('delete_share', None, row)
        assert marks(site, row) == set()

    def test_while_a_volume_is_emptied(self, site, service):
        row = made.share()
        path = path_of_new(service, row)
        volume = path.partition(':/')[2]
        rules = made.rules('tenant-a')
        service.call('update_access', None, row, rules, rules, [], [])
        with site.tenant('tenant-a') as client:
            client.mount(path)
            client.box.shell('cd "$1"; for d in a b c d; do mkdir $d;'
                             ' (cd $d; seq 500 | xargs touch); done',
                             '/mnt/volume', seconds=120)
        killer = threading.Timer(0, kill_when, (
            service, lambda: state(site, volume) == 'wiping'))
        killer.start()
        with pytest.raises(AssertionError, match='gone'):
            service.call('delete_share', None, row)
        listening.join(killer)
        service.restart()
        # Nobody gets it as it is, and its tenant does not get it back.
        others = [made.share() for _ in range(2)]
        assert path not in [path_of_new(service, each) for each in others]
        with pytest.raises(services.Raised, match='No free volume'):
            service.call('create_share', None, made.share())
        with site.tenant('tenant-a') as client:
            assert not client.may_mount(path)
        for each in (row, *others):
            service.call('delete_share', None, each)
        assert state(site, volume) == 'NONE'
        with site.tenant('manila-host-1') as manila:
            manila.mount(path)
            assert manila.files() == set()
        assert eventually(lambda: 'wipe-' not in site.room.run(
            'cat', '/proc/self/mounts').stdout)


def state(site, volume):
    return site.gluster.options(volume).get('user.manila-state')


def marks(site, row):
    """The volumes that say they are a share."""
    return {each for each in site.gluster.volumes() if row['id'] in
            site.gluster.options(each).values()}


def kill_when(service, question):
    assert eventually(question)
    service.kill()


def interrupt(service, seconds, *call):
    """Start a call, end the process after a while, start a new one."""
    killer = threading.Timer(seconds, service.kill)
    killer.start()
    try:
        service.call(*call)
    except AssertionError:
        # It was ended before it could answer.
        pass
    listening.join(killer)
    service.restart()
