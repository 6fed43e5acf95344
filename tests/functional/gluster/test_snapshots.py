# SPDX-License-Identifier: Apache-2.0

"""Snapshots, and shares from them, on thin volumes in a guest."""

import threading

import pytest

from tests import listening
from tests.functional.gluster import made
from tests.functional.lab import gluster
from tests.functional.lab import service as services

# The first test of the guest builds its image and boots it, which took ten
# minutes beside a load of 20.
pytestmark = pytest.mark.timeout(2000)


@pytest.fixture(scope='module')
def service(thin):
    thin.volume('pool-1G-1')
    return thin.service(glusterfs_volume_pattern='pool-#{size}G-\\d+$')


@pytest.fixture
def share(thin, service):
    """A share that tenant-a has access to, and has written to."""
    before = left(thin)
    row = made.share()
    row['path'] = made.path(service.call('create_share', None, row))
    rules = made.rules('tenant-a')
    service.call('update_access', None, row, rules, rules, [], [])
    with thin.tenant('tenant-a') as client:
        client.mount(row['path'])
        client.write('file', 'old')
        row['bytes'] = client.size()
    yield row
    service.call('delete_share', None, row)
    assert left(thin) == before


def left(thin):
    """All volumes and snapshots."""
    return thin.gluster.volumes(), thin.gluster.snapshots()


def overwrite(thin, share):
    with thin.tenant('tenant-a') as client:
        client.mount(share['path'])
        client.write('file', 'new')
        client.write('another', 'new')


@pytest.mark.turns('snapshots of a real gluster')
def test_a_share_from_a_snapshot(thin, service, share):
    before = left(thin)
    snapshot = made.snapshot(share)
    for _ in range(2):
        location = service.call('create_snapshot', None, snapshot)
    overwrite(thin, share)
    clone = made.share()
    volume = f'manila-{clone["id"]}'
    path = f'{thin.gluster.address}:/{volume}'
    with Trespasser(thin, path) as trespasser:
        model = service.call('create_share_from_snapshot', None, clone,
                             snapshot, parent_share=share)
    trips = sum(service.trips.values())
    assert trespasser.tries > 0
    assert not trespasser.got_in
    assert (model['status'], made.path(model['export_locations'])) == (
        'available', path)
    assert thin.gluster.allowed(volume) == set(gluster.INFRASTRUCTURE)
    assert thin.active(location['provider_location']) is False
    rules = made.rules('tenant-b')
    service.call('update_access', None, clone, rules, rules, [], [])
    with thin.tenant('tenant-b') as client:
        client.mount(path)
        assert client.read('file') == 'old'
        assert client.files() <= {'file', '.trashcan',
                                  '.trashcan/internal_op'}
        assert client.size() == share['bytes']
        client.write('file', 'of the clone')
    with thin.tenant('tenant-a') as client:
        client.mount(share['path'])
        assert client.read('file') == 'new'
    for _ in range(2):
        service.call('delete_share', None, clone)
        service.call('delete_snapshot', None, snapshot)
    assert left(thin) == before
    assert trips <= 7


@pytest.mark.turns('snapshots of a real gluster')
def test_a_clone_is_as_large_as_its_parent_and_not_larger(service, share):
    snapshot = made.snapshot(share)
    service.call('create_snapshot', None, snapshot)
    with pytest.raises(services.Raised, match='2 GiB'):
        service.call('create_share_from_snapshot', None, made.share(size=2),
                     snapshot, parent_share=share)
    service.call('delete_snapshot', None, snapshot)


@pytest.mark.turns('snapshots of a real gluster')
def test_back_to_a_snapshot(thin, service, share):
    snapshot = made.snapshot(share)
    service.call('create_snapshot', None, snapshot)
    before = left(thin)
    overwrite(thin, share)
    rules = made.rules('tenant-b')
    service.call('revert_to_snapshot', None, snapshot, rules, [])
    assert left(thin) == before
    with thin.tenant('tenant-a') as a, thin.tenant('tenant-b') as b:
        assert not a.may_mount(share['path'])
        b.mount(share['path'])
        assert b.read('file') == 'old'
        assert 'another' not in b.files()
    with pytest.raises(services.Raised):
        # It would be lost with the share, or come back with its volume.
        service.call('delete_share', None, share)
    service.call('delete_snapshot', None, snapshot)


@pytest.mark.turns('snapshots of a real gluster')
def test_a_snapshot_with_the_time_in_its_name(thin, service, share):
    """As upstream's driver makes them."""
    before = left(thin)
    snapshot = made.snapshot(share)
    thin.gluster.do('snapshot', 'create', f'manila-{snapshot["id"]}',
                    'pool-1G-1')
    clone = made.share()
    service.call('create_share_from_snapshot', None, clone, snapshot,
                 parent_share=share)
    service.call('delete_share', None, clone)
    service.call('delete_snapshot', None, snapshot)
    assert left(thin) == before


class Trespasser:
    """Somebody with access to the parent who tries the clone all along."""

    def __init__(self, thin, path):
        self._client = thin.tenant('tenant-a')
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._try)
        self.tries = 0
        self.got_in = False

    def _try(self):
        while not self._over.is_set():
            self.got_in |= self._client.may_mount(self._path)
            self.tries += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        listening.join(self._thread)
        self._client.close()
