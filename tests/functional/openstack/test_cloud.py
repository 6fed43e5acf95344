# SPDX-License-Identifier: Apache-2.0

"""The cloud itself: there, alone in its room, and gone without a trace."""

import os
import pathlib
import subprocess
import time

import pytest

from tests import leftovers
from tests.functional.openstack import cloud as clouds
from tests.functional.openstack import places
from tests.functional.openstack import room as rooms
from tests.functional.openstack.api import Api

# The first test has to wait for all that is to be installed.
pytestmark = pytest.mark.timeout(3600)


def test_every_service_answers(cloud, api, tell):
    assert cloud.all_up()
    tell(', '.join(f'{what} {seconds:.0f} s'
                   for what, seconds in cloud.times.items()))
    for service, path, key in (
            ('compute', '/servers', 'servers'),
            ('volumev3', '/volumes', 'volumes'),
            ('network', '/networks', 'networks'),
            ('image', '/images', 'images')):
        api.listed(service, path, key)
    names = [each['name'] for each in api.listed('image', '/images',
                                                 'images')]
    assert names.count(places.IMAGE) == 1
    assert len(names) == 3


def test_a_tenant_sees_nothing_of_others(cloud, api):
    tenant = Api('tenant', 'tenant')
    assert tenant.project != api.project
    assert tenant.listed('network', '/agents', 'agents') == []
    assert tenant.ask('compute', 'GET', '/os-services').status == 403


def test_the_machine_sees_nothing_of_it(cloud):
    names = [each for each in interfaces() if each.startswith((
        'br-', 'ovs-', 'tap', 'virbr'))]
    assert not names
    assert str(places.HOME) not in mounts()


def test_a_daemon_that_dies_is_noticed(cloud):
    cloud.room.start('short-lived', 'sh', '-c', 'echo its last words; exit 3')
    try:
        with pytest.raises(rooms.Failed, match='its last words'):
            cloud.room.until('something', lambda: False, seconds=60)
    finally:
        cloud.room.stop('short-lived')


def test_a_daemon_can_be_stopped_as_soon_as_it_is_started(cloud):
    # Twice: what the first has left must not be taken for the second.
    for seconds in ('3610', '3611'):
        cloud.room.start('hasty', 'sleep', seconds)
        cloud.room.stop('hasty')
        running = cloud.room.box.run('ps', 'axww', '-o', 'args').stdout
        assert f'sleep {seconds}' not in running.splitlines()


def test_a_daemon_goes_on_that_a_visitor_has_started_anew(cloud):
    room = cloud.room
    room.start('sleeper', 'sleep', '3600')
    visitor = clouds.visited(f'{room.box.pid}:{room.work}')
    try:
        visitor.room.stop('sleeper')
        visitor.room.start('sleeper', 'sleep', '3601')
        visitor.room.start('visitors-own', 'sleep', '3602')
    finally:
        visitor.close()

    def sleepers():
        running = room.box.run('ps', 'axwwe', '-o', 'args').stdout
        return [line for line in running.splitlines()
                if line.startswith('sleep 36')]
    end = time.monotonic() + 60
    while len(found := sleepers()) != 1 and time.monotonic() < end:
        time.sleep(0.5)
    [again] = found
    assert again.startswith('sleep 3601')
    assert f'{leftovers.VARIABLE}={os.environ[leftovers.VARIABLE]}' in again
    room.stop('sleeper')


def test_patience_ends(cloud):
    with pytest.raises(rooms.Failed, match=r'nothing: not after 0\.3 s'):
        cloud.room.until('nothing', lambda: False, seconds=0.3)


@pytest.mark.slow
def test_a_second_cloud_beside_it_leaves_nothing(cloud, tell):
    before = (interfaces(), mounts())
    with clouds.started(tell) as other:
        inside = other.room.box.pid
        assert other.room.work.is_dir()
        assert other.room.work != cloud.room.work
        with other.room.network():
            assert other.all_up()
            Api().post('network', '/networks', {'network': {
                'name': 'only there'}})
            assert networks() == ['only there']
        assert 'only there' not in networks()
        space = namespace(inside)
    assert not [pid for pid in pathlib.Path('/proc').iterdir()
                if pid.name.isdigit() and namespace(pid.name) == space]
    assert (interfaces(), mounts()) == before
    # Whoever runs a cloud of his own meanwhile has another one.
    assert not other.room.work.exists()
    assert cloud.all_up()


def networks() -> list[str]:
    return [each['name'] for each in Api().listed('network', '/networks',
                                                  'networks')]


def interfaces() -> list[str]:
    """Return those of the machine, where who started us still is."""
    listing = subprocess.run(
        ['nsenter', '--target', str(os.getppid()), '--net', 'ip', '-br',
         'link'],
        check=True, capture_output=True, text=True, timeout=60).stdout
    return sorted(line.split()[0] for line in listing.splitlines())


def mounts() -> str:
    return pathlib.Path('/proc/self/mounts').read_text()


def namespace(pid: object) -> str:
    try:
        return str(pathlib.Path(f'/proc/{pid}/ns/pid').readlink())
    except OSError:
        return ''
