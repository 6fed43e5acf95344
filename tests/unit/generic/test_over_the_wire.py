# SPDX-License-Identifier: Apache-2.0

"""The driver over real HTTP and real SSH, to simulated services."""

import uuid

import pytest

from manila_drivers import standalone
from manila_drivers.testing.backends import generic


@pytest.mark.timeout(300)
def test_a_share_lives_over_the_wire(tmp_path):
    with generic.Cluster() as cluster:
        path = tmp_path / 'manila.conf'
        sections = {'DEFAULT': {'state_path': tmp_path},
                    'generic': {**cluster.options(),
                                'driver_handles_share_servers': False},
                    **cluster.sections()}
        path.write_text(''.join(f'[{name}]\n' + ''.join(
            f'{key} = {value}\n' for key, value in section.items()
            if value is not None) for name, section in sections.items()))
        driver = standalone.load(generic.DRIVER, path, 'generic')
        driver.do_setup(None)
        driver.check_for_setup_error()
        before = cluster.inventory()
        ident = str(uuid.uuid4())
        share = {'id': ident, 'name': f'share-{ident}', 'size': 1,
                 'share_proto': 'NFS'}
        rule = {'access_id': 'a', 'access_type': 'ip',
                'access_to': '10.0.0.7', 'access_level': 'rw'}
        [location] = driver.create_share(None, share)[:1]
        driver.update_access(None, share, [rule], [rule], [])
        assert cluster.level('10.0.0.7', location['path']) == 'rw'
        assert cluster.level('10.0.0.8', location['path']) is None
        driver.extend_share(share, 2)
        assert cluster.limit(location['path']) == 2 << 30
        driver.delete_share(None, share)
        assert cluster.inventory() == before
        driver._backend.close()
