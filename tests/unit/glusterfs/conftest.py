# SPDX-License-Identifier: Apache-2.0

import uuid

import pytest

from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.standalone import configuration
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.conformance.labs.site import Memory
from manila_drivers.testing.simulators import gluster


class World:
    """Two simulated clusters, a Manila host, and drivers for them."""

    def __init__(self, path):
        self.path = path
        self.clock = Clock()
        self.one = gluster.GlusterSim(self.clock, server='one')
        self.two = gluster.GlusterSim(self.clock, server='two')
        self.host = gluster.ManilaHost(
            {'one': self.one, 'two': self.two}, self.clock, self.clock.sleep)
        self.storage = Memory()

    def driver(self, *, checked=True, **options):
        values = {'driver_handles_share_servers': False,
                  'glusterfs_servers': 'one',
                  'glusterfs_volume_pattern': r'pool-#{size}G-\d+$',
                  'glusterfs_server_password': 'secret', **options}
        lines = ['[DEFAULT]', f'state_path = {self.path}', '[g]']
        lines += [f'{key} = {value}' for key, value in values.items()
                  if value is not None]
        file = self.path / 'manila.conf'
        file.write_text('\n'.join(lines) + '\n')
        made = glusterfs_native.GlusterfsNativeShareDriver(
            configuration=configuration.Configuration.from_file(file, 'g'),
            private_storage=self.storage, transport=self.host.transport,
            clock=self.clock, sleep=self.clock.sleep)
        made.do_setup(None)
        if checked:
            made.check_for_setup_error()
        return made

    def calls(self):
        """Gluster commands since the last question."""
        found = [*self.one.log, *self.two.log]
        self.one.clear_log()
        self.two.clear_log()
        return [each.label.removeprefix('gluster --mode=script --xml ')
                for each in found]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def row(size=2, **more):
    ident = str(uuid.uuid4())
    return {'id': ident, 'share_id': str(uuid.uuid4()), 'size': size,
            'name': 'share-' + ident,
            'share_proto': 'GLUSTERFS', 'host': 'host@g#pool', **more}


def rules(*names, level='rw'):
    return [{'access_id': 'id-' + name, 'access_type': 'cert',
             'access_to': name, 'access_level': level} for name in names]


def snapshot_of(share, **more):
    return {'id': str(uuid.uuid4()), 'share_instance_id': share['id'],
            'share': share, **more}


def volume_of(locations):
    return locations[0]['path'].partition(':/')[2]
