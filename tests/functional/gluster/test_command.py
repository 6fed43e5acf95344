# SPDX-License-Identifier: Apache-2.0

"""Shares without Manila: the command on a real glusterd."""

import pathlib
import sys

import pytest

from tests.functional.gluster import crowd
from tests.functional.gluster import site as sites
from tests.functional.lab import gluster
from tools import live_installed

# The first test of the guest builds its image and boots it, which took ten
# minutes beside a load of 20.
pytestmark = pytest.mark.timeout(2000)

COMMAND = pathlib.Path(sys.executable).with_name('manila-drivers')


class Cluster:
    """A real cluster: the options of its volumes, and who gets in."""

    def __init__(self, site, directory):
        self._site = site
        self._directory = directory
        self._crowd = crowd.Crowd(site)

    def options(self):
        return {
            'share_driver': sites.DRIVER,
            'glusterfs_servers': f'root@{self._site.gluster.address}',
            'glusterfs_path_to_private_key': self._site.door.key,
            'glusterfs_known_hosts': self._site.door.known_hosts,
            'glusterfs_mount_point_base': self._directory / 'mounts',
            'glusterfs_volume_pattern': 'by-hand-#{size}G-\\d+$',
            'glusterfs_quota': True}

    def sections(self):
        return {}

    def inventory(self):
        node = self._site.gluster
        return frozenset({*node.volumes(), *node.snapshots(), *(
            (name, *sorted(node.allowed(name))) for name in node.volumes())})

    def limit(self, export):
        with self._site.tenant('alice') as client:
            client.mount(export)
            return client.size()

    def level(self, client, export):
        return self._crowd.level(export, client)

    def close(self):
        self._crowd.close()


@pytest.fixture
def cluster(thin, tmp_path):
    thin.volume('by-hand-4G-1', 4 * gluster.GIB)
    made = Cluster(thin, tmp_path)
    yield made
    made.close()
    thin.clear()


@pytest.mark.turns('snapshots of a real gluster')
def test_a_share_lives_by_hand(thin, cluster, tmp_path):
    conf = live_installed.write(tmp_path / 'manila.conf', 'gluster', cluster)
    words = thin.room.words([str(COMMAND)])
    live_installed.lead('gluster', live_installed.Command(words, conf),
                        cluster)
