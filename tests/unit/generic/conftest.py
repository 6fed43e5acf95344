# SPDX-License-Identifier: Apache-2.0

"""A simulated cloud, and what the driver asks it with."""

import dataclasses

from oslo_config import cfg
import pytest

from manila_drivers.generic import client
from manila_drivers.generic import opts
from manila_drivers.generic import settings
from manila_drivers.openstack import cloud
from manila_drivers.testing.conformance import clock
from manila_drivers.testing.simulators import openstack

SETTINGS = settings.GenericSettings('GENERIC', False, {'NFS': opts.NFS},
                                    host='host@generic')
GROUPS = ('nova', 'cinder', 'neutron', 'glance')


def configuration(sim):
    """Return a configuration that leads to a simulated cloud."""
    lines = []
    for group in GROUPS:
        lines.append(f'[{group}]')
        lines += [f'{name} = {value}' for name, value in sim.auth().items()]
    return '\n'.join(lines) + '\n'


@dataclasses.dataclass
class Site:
    """A cloud with one server, and a client of it."""

    sim: openstack.OpenStackSim
    clock: clock.Clock
    cloud: cloud.Cloud
    client: client.VolumeClient
    server: str = ''

    def volume(self, ident):
        status, told = self.sim.ask('GET', f'/volume/v3/volumes/{ident}',
                                    user='manila')
        return told['volume'] if status == 200 else None

    def add_server(self, cidr='10.30.0.0/24'):
        net = self.sim.add_tenant_network('service', cidr)
        image = next(one['id'] for one in self.sim.ask(
            'GET', '/image/v2/images', user='manila')[1]['images'])
        _, told = self.sim.ask('POST', '/compute/v2.1/servers', {'server': {
            'name': 'vm', 'flavorRef': '100', 'imageRef': image,
            'networks': [{'uuid': net.network_id}]}}, user='manila')
        self.clock.sleep(60.0)
        return told['server']['id']


@pytest.fixture
def site(tmp_path):
    time = clock.Clock()
    sim = openstack.OpenStackSim(time, options=openstack.CloudOptions(boot=0))
    path = tmp_path / 'cloud.conf'
    path.write_text(configuration(sim))
    conf = cfg.ConfigOpts()
    conf(['--config-file', str(path)])
    services = cloud.Cloud(
        conf, adapter=openstack.CloudAdapter(sim, time.sleep), clock=time,
        sleep=time.sleep)
    made = Site(sim, time, services, client.VolumeClient(
        services, SETTINGS, clock=time, sleep=time.sleep))
    made.server = made.add_server()
    yield made
    services.close()
