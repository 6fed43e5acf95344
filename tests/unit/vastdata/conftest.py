# SPDX-License-Identifier: Apache-2.0

"""A VAST driver on a simulator inside the process."""

import uuid

import pytest

from manila_drivers.standalone import configuration
from manila_drivers.testing.simulators.vast import VmsAdapter
from manila_drivers.testing.simulators.vast import VmsSim
from manila_drivers.vastdata import driver as vast_driver


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Bench:
    """A simulated cluster and drivers that are configured for it."""

    def __init__(self, directory):
        self.directory = directory
        self.clock = Clock()
        self.storage = None
        self.sim = VmsSim(clock=self.clock, open_root=False)
        self.sim.add_pool('pool-a', '10.9.0.1-10.9.0.4')

    def adapter(self):
        return VmsAdapter(self.sim, self.clock.sleep)

    def options(self, **changes):
        options = {
            'share_backend_name': 'VAST',
            'driver_handles_share_servers': 'false',
            'vast_mgmt_host': 'vms.example',
            'vast_mgmt_user': self.sim.username,
            'vast_mgmt_password': self.sim.password,
            'vast_vippool_name': 'pool-a', **changes}
        return {name: value for name, value in options.items()
                if value is not None}

    def make(self, adapter=True, **changes):
        """A driver that is not set up yet."""
        lines = ['[DEFAULT]', f'state_path = {self.directory}', '[vast]']
        lines += [f'{name} = {value}' for name, value
                  in self.options(**changes).items()]
        path = self.directory / f'{uuid.uuid4()}.conf'
        path.write_text('\n'.join(lines))
        conf = configuration.Configuration.from_file(str(path), 'vast')
        wiring = {'clock': self.clock, 'sleep': self.clock.sleep,
                  'adapter': self.adapter()} if adapter else {}
        return vast_driver.VASTShareDriver(
            configuration=conf, private_storage=self.storage, **wiring)

    def start(self, adapter=True, **changes):
        """A driver as Manila has it after its start."""
        driver = self.make(adapter, **changes)
        driver.do_setup(None)
        driver.check_for_setup_error()
        return driver

    def calls(self, function, *args, **kwargs):
        """How many requests a call takes, and its result."""
        before = self.sim.calls
        result = function(*args, **kwargs)
        return self.sim.calls - before, result


def share(size=1, **fields):
    ident = str(uuid.uuid4())
    return {'id': ident, 'share_id': ident, 'share_proto': 'NFS',
            'size': size, **fields}


def rule(ident, to, level='rw', kind='ip'):
    return {'id': 'map-' + ident, 'access_id': ident, 'access_type': kind,
            'access_to': to, 'access_level': level}


def path_of(locations):
    return locations[0]['path'].partition(':')[2]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def made(driver, *clients, size=1):
    """A share with rules, its row and its path."""
    one = share(size)
    path = path_of(driver.create_share(None, one))
    if clients:
        driver.update_access(None, one, [rule(client, client)
                                         for client in clients])
    return one, path
