# SPDX-License-Identifier: Apache-2.0

"""The driver over real HTTPS and real SSH, to simulated services."""

import uuid

import pytest

from manila_drivers import standalone
from manila_drivers.testing.backends import openstack


def written(path, cluster):
    """Write a manila.conf for a cloud, and return its path."""
    sections = {'DEFAULT': {'state_path': path.parent},
                'generic': cluster.options(), **cluster.sections()}
    path.write_text(''.join(f'[{name}]\n' + ''.join(
        f'{key} = {value}\n' for key, value in section.items()
        if value is not None) for name, section in sections.items()))
    return path


def served(driver, cluster):
    """Return a share server in the tenant's network."""
    tenant = cluster.sim.tenant
    ident = str(uuid.uuid4())
    details = driver._setup_server([{
        'server_id': ident, 'neutron_net_id': tenant.network_id,
        'neutron_subnet_id': tenant.subnet_id}])
    return {'id': ident, 'backend_details': details}


@pytest.mark.timeout(300)
@pytest.mark.parametrize('serves', [False, True])
@pytest.mark.parametrize('proto', ['NFS', 'CIFS'])
def test_a_share_lives_over_the_wire(tmp_path, serves, proto):
    with openstack.CloudCluster(serves=serves) as cluster:
        driver = standalone.load(
            openstack.DRIVER, written(tmp_path / 'manila.conf', cluster),
            'generic')
        driver.do_setup(None)
        driver.check_for_setup_error()
        server = served(driver, cluster) if serves else None
        before = cluster.inventory()
        ident = str(uuid.uuid4())
        share = {'id': ident, 'name': f'share-{ident}', 'size': 1,
                 'share_proto': proto}
        rule = {'access_id': 'a', 'access_type': 'ip',
                'access_to': '10.0.0.7', 'access_level': 'rw'}
        location = driver.create_share(None, share, share_server=server)[0]
        driver.update_access(None, share, [rule], [rule], [],
                             share_server=server)
        assert cluster.level('10.0.0.7', location['path']) == 'rw'
        assert cluster.level('10.0.0.8', location['path']) is None
        driver.extend_share(share, 2, share_server=server)
        assert cluster.limit(location['path']) == 2 << 30
        driver.delete_share(None, share, share_server=server)
        assert cluster.inventory() == before
        if server:
            driver._teardown_server(dict(server['backend_details']))
        driver._backend.close()
