# SPDX-License-Identifier: Apache-2.0

import base64
import contextlib
import hashlib
import threading
import time

from oslo_config import cfg
import pytest

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.openstack import cloud
from manila_drivers.service_instance import manager
from manila_drivers.standalone import configuration
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators import plugged_host
from manila_drivers.transport import command

KIND = b'ssh-ed25519'
HOST = 'controller'
SERVER = '0f0e0d0c-1111-4222-8333-444455556666'
OTHER = '1f0e0d0c-1111-4222-8333-444455556666'


def key_line(seed):
    """A public key, as far as Nova and host keys look at one."""
    body = hashlib.sha256(seed.encode()).digest()
    blob = (len(KIND).to_bytes(4, 'big') + KIND
            + len(body).to_bytes(4, 'big') + body)
    return f'{KIND.decode()} {base64.b64encode(blob).decode()}'


class Memory:
    """Private storage, as Manila's."""

    def __init__(self):
        self.rows = {}

    def get(self, ident, key=None, default=None):
        return self.rows.get(ident, {}).get(key, default)

    def update(self, ident, details, delete_existing=False):
        self.rows.setdefault(ident, {}).update(details)

    def delete(self, ident, key=None):
        self.rows.get(ident, {}).pop(key, None)


class Guest:
    """Port 22 of an instance, seen from the Manila host."""

    def __init__(self, site, target):
        self.site = site
        self.target = target
        self.connected = None

    def __str__(self):
        return str(self.target)

    def words(self, cmd):
        return cmd.words()

    def judge(self, cmd, result):
        return None

    def run(self, cmd):
        self.site.tries += 1
        machine = self.site.answering(self.target.host)
        if machine is None:
            self.site.clock.sleep(min(5.0, self.target.connect_timeout))
            raise exception.Unreachable(f'No connection to {self.target}')
        if self.connected is not machine:
            kind, text = self.site.host_key(machine).split()
            self.target.trust.verify(self.target.host, 22, kind,
                                     base64.b64decode(text))
            self._log_in(machine)
            self.connected = machine
        return command.Result('', '', 0)

    def _log_in(self, machine):
        login = self.target.login
        keys = {each.split()[1] for each in machine.keys}
        own = self.site.public_key.split()[1]
        if not (login.key_file == str(self.site.key) and own in keys
                or login.password is not None
                and login.password.reveal() == 'manila'):
            raise exception.AccessDenied(f'Login to {self.target} refused')


class Site:
    """A cloud, the Manila host, and managers of service instances."""

    def __init__(self, path):
        self.path = path
        # keystoneauth1 compares tokens with the clock of this machine.
        self.clock = Clock(time.time())
        self.sim = openstack.OpenStackSim(
            self.clock, options=openstack.CloudOptions(boot=8.0))
        self.host = plugged_host.PluggedHost(self.port)
        self.hosts = {HOST}
        self.storage = Memory()
        self.tries = 0
        self.keys = {}
        self.locks = {}
        self.held = []
        self.key = path / 'id'
        self.key.write_text('private')
        self.public_key = key_line('manila')
        self.public = path / 'id.pub'
        self.public.write_text(self.public_key + ' manila@host\n')
        self.before = self.sim.inventory()

    # What the simulators tell each other

    def port(self, ident):
        for port in self.sim.neutron.store.rows['port'].values():
            if (port['id'] == ident or ident == ('tap' + port['id'])[:14]) \
                    and port['binding:host_id'] in self.hosts:
                return port['mac_address'], frozenset(
                    each['ip_address'] for each in port['fixed_ips'])
        return None

    def answering(self, address):
        """The machine at an address, if this host gets there."""
        source = self.host.reaches(address)
        if not source or not self.sim.lets_in(address, 'tcp', 22, source):
            return None
        return self.sim.machine_at(address)

    def host_key(self, machine):
        return self.keys.setdefault(id(machine),
                                    key_line(f'host {len(self.keys)}'))

    @contextlib.contextmanager
    def lock(self, name, timeout=60.0):
        with self.locks.setdefault(name, threading.Lock()):
            self.held.append(name)
            try:
                yield
            finally:
                self.held.remove(name)

    # Managers

    def values(self, **options):
        return {'driver_handles_share_servers': True,
                'service_instance_user': 'manila',
                'path_to_private_key': self.key,
                'path_to_public_key': self.public,
                'service_network_host': HOST, **options}

    def conf(self, section='g', **options):
        lines = ['[DEFAULT]', f'state_path = {self.path}', f'[{section}]']
        lines += [f'{key} = {value}' for key, value in
                  self.values(**options).items() if value is not None]
        for group in ('nova', 'cinder', 'neutron', 'glance'):
            lines += [f'[{group}]']
            lines += [f'{key} = {value}'
                      for key, value in self.sim.auth().items()]
        file = self.path / 'manila.conf'
        file.write_text('\n'.join(lines) + '\n')
        return configuration.Configuration.from_file(file, section, [
            cfg.BoolOpt('driver_handles_share_servers'),
            cfg.IntOpt('ssh_conn_timeout', default=60),
            cfg.StrOpt('backend_availability_zone')])

    def manager(self, kind=manager.ServiceInstanceManager, section='g',
                **options):
        conf = self.conf(section, **options)
        services = cloud.Cloud(
            conf._conf, adapter=openstack.CloudAdapter(
                self.sim, waited=self.clock.sleep),
            clock=self.clock, sleep=self.clock.sleep)
        return kind(conf, cloud=services,
                    make_runner=lambda target: Guest(self, target),
                    lock=self.lock, clock=self.clock,
                    sleep=self.clock.sleep, execute=self.host,
                    private_storage=self.storage)

    def request(self, server_id=SERVER, tenant=None):
        tenant = tenant or self.sim.tenant
        return model.ServerRequest.of([{
            'server_id': server_id, 'neutron_net_id': tenant.network_id,
            'neutron_subnet_id': tenant.subnet_id}])

    # What is left

    def lasting(self):
        """Everything new but what is kept for the next share server."""
        return [thing for thing in self.sim.left(self.before)
                if not kept(thing)]

    fault = staticmethod(openstack.Fault)

    def usable(self, managed):
        """Tell if another share server comes and goes as the first did."""
        made = {}
        managed.create(self.request(OTHER), made)
        alive = managed.alive(made)
        managed.delete(made)
        return alive and self.lasting() == []

    def base(self, gib=2):
        """A volume that service instances boot from."""
        status, told = self.sim.ask(
            'POST', '/volume/v3/volumes',
            {'volume': {'size': gib, 'name': 'base'}}, user='manila')
        assert status == 202, told
        self.clock.sleep(10)
        assert self.sim.ask(
            'POST', f'/volume/v3/volumes/{told["volume"]["id"]}/action',
            {'os-set_bootable': {'bootable': True}},
            user='manila')[0] == 200
        self.before = self.sim.inventory()
        return told['volume']['id']

    def subnets(self):
        return {row['id']: row for row in
                self.sim.neutron.store.rows['subnet'].values()
                if row['network_id'] != self.sim.tenant.network_id}

    def ports(self, **wanted):
        return [row for row in self.sim.neutron.store.rows['port'].values()
                if all(row[key] == value for key, value in wanted.items())]

    def pool(self):
        return [row for row in self.subnets().values() if not row['name']]


def kept(thing):
    """Network, group, key, the host's port and free subnets stay."""
    _, kind, project, name, _ = thing
    return (project == 'service' or kind == 'keypair') and (
        kind == 'network' and name == 'manila_service_network'
        or kind == 'security_group' and name == 'manila-service'
        or kind == 'keypair' and name.startswith('manila-service-')
        or kind == 'port' and name in (f'manila-share-{HOST}',
                                       f'manila-admin-share-{HOST}')
        or kind == 'subnet' and name == '')


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)
