# SPDX-License-Identifier: Apache-2.0

"""The smallest driver there is: both modes, and a backend of JSON files.

It shows what a driver has to write, and what Manila does with share servers.
A file ``<sample_directory>/broken`` makes the set-up of a share server fail
half-way.
"""

from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
from typing import Any
import uuid

from oslo_config import cfg

from manila_drivers import access
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import networks
from manila_drivers.testing import store

Record = dict[str, Any]


class Shares:
    """Shares; each remembers the share server it is on."""

    def __init__(self, files: store.Store) -> None:
        self._store = files

    def create(self, call: driver.Call, used: int = 0) -> list[Record]:
        server = _server(call)
        ip = (self._store.get('servers', server)['ip'] if server
              else '127.0.0.1')
        if self._store.find('shares', call.share.id) is None:
            self._store.put('shares', call.share.id, {
                'server': server, 'ip': ip, 'size': call.share.size,
                'used': used, 'rules': {}})
        return self.locations(call.share.id)

    def locations(self, name: str) -> list[Record]:
        ip = self._store.get('shares', name)['ip']
        return [model.export_location(f'{ip}:/{name}')]

    def delete(self, call: driver.Call) -> None:
        self._store.drop('shares', call.share.id)

    def resize(self, call: driver.Call, gib: int, *, shrink: bool) -> None:
        used = self._store.get('shares', call.share.id)['used']
        if gib * model.GiB < used:
            raise exception.PossibleDataLoss(f'{used} bytes are in use')
        self.change(call, size=gib)

    def usage(self) -> dict[str, float]:
        return {name: self._store.get('shares', name)['used'] / model.GiB
                for name in self._store.names('shares')}

    def change(self, call: driver.Call, **changes: Any) -> None:
        """Change a share, which has to be where Manila takes it to be."""
        record = self._store.get('shares', call.share.id)
        if record['server'] != _server(call):
            raise exception.Conflict(
                f'Share {call.share.id} is on another share server')
        self._store.put('shares', call.share.id, {**record, **changes})


class Access:
    """Rules of type ip."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def update(self, call: driver.Call,
               rules: Sequence[access.Rule]) -> Mapping[str, str]:
        grants = access.ip_grants(rules)
        self._shares.change(call, rules={
            networks.canonical(network): level
            for network, level in grants.levels.items()})
        return grants.errors


class Snapshots:
    """Snapshots: what a share held."""

    def __init__(self, files: store.Store, shares: Shares) -> None:
        self._store = files
        self._shares = shares

    def create(self, snapshot: model.Snapshot) -> Record:
        self._store.put('snapshots', snapshot.id, self._store.get(
            'shares', snapshot.share_instance_id))
        return {'provider_location': snapshot.id}

    def delete(self, snapshot: model.Snapshot) -> None:
        self._store.drop('snapshots',
                         snapshot.provider_location or snapshot.id)

    def adopt(self, snapshot: model.Snapshot,
              options: Mapping[str, Any]) -> Record:
        found = self._store.get('snapshots', snapshot.provider_location)
        return {'size': found['size']}

    def clone(self, call: driver.Call, snapshot: model.Snapshot) -> Record:
        found = self._store.get('snapshots', snapshot.provider_location)
        return {'status': 'available', 'export_locations':
                self._shares.create(call, found['used'])}

    def status(self, call: driver.Call) -> Record:
        return {'status': 'available'}


class Health:
    """Shares are there or not."""

    def __init__(self, files: store.Store, shares: Shares) -> None:
        self._store = files
        self._shares = shares

    def ensure(self, calls: Sequence[driver.Call]) -> dict[str, Record]:
        return {call.share.id: self._ensure(call) for call in calls}

    def _ensure(self, call: driver.Call) -> Record:
        found = self._store.find('shares', call.share.id)
        if found is None or found['server'] != _server(call):
            return {'status': 'error'}
        return {'export_locations': self._shares.locations(call.share.id)}


class Adoption:
    """Take over a share by the last part of its export path."""

    def __init__(self, files: store.Store) -> None:
        self._store = files

    def adopt(self, call: driver.Call, options: Mapping[str, Any]) -> Record:
        old = call.share.export_paths[0].rpartition('/')[2]
        record = self._store.get('shares', old)
        if record['server'] != _server(call):
            raise exception.NotManageable(f'{old} is on another share server')
        self._store.put('shares', call.share.id, record)
        self._store.drop('shares', old)
        return {'size': record['size'], 'export_locations': [
            model.export_location(f'{record["ip"]}:/{call.share.id}')]}

    def release(self, call: driver.Call) -> None:
        """Leave it as it is."""


class Servers:
    """Share servers: a port with a name that only its details tell."""

    def __init__(self, files: store.Store) -> None:
        self._store = files

    def create(self, request: model.ServerRequest,
               made: MutableMapping[str, str]) -> None:
        network = request.networks[0]
        [address], [admin] = network.allocations, network.admin_allocations
        made['services'] = _services(request.security_services)
        made['port'] = uuid.uuid4().hex
        self._store.put('ports', made['port'], {'ip': address.ip_address})
        if self._store.broken:
            raise exception.BackendError(
                f'Share server {request.server_id} does not start',
                answer='broken')
        made['ip'], made['admin_ip'] = address.ip_address, admin.ip_address
        self._store.put('servers', request.server_id, dict(made))

    def delete(self, details: Mapping[str, str],
               services: Sequence[model.SecurityService]) -> None:
        if details.get('services', '') != _services(services):
            raise exception.Conflict('The server has other services')
        self._store.drop('servers', details.get('server_id', ''))
        self._store.drop('ports', details.get('port', ''))

    def suits(self, server: model.ShareServer, call: driver.Call) -> bool:
        return self._store.find('servers', server.id) is not None

    def addresses(self, server: model.ShareServer, identifier: str,
                  options: Mapping[str, Any]) -> list[str]:
        record = self._store.get('servers', identifier)
        return [record['ip'], record['admin_ip']]

    def adopt(self, server: model.ShareServer, identifier: str,
              options: Mapping[str, Any]) -> Mapping[str, str]:
        record = {**self._store.get('servers', identifier),
                  'server_id': server.id}
        self._store.put('servers', server.id, record)
        for name in self._store.names('shares'):
            share = self._store.get('shares', name)
            if share['server'] == identifier:
                self._store.put('shares', name, {**share,
                                                 'server': server.id})
        self._store.drop('servers', identifier)
        return record

    def release(self, details: Mapping[str, str]) -> None:
        """Leave it as it is."""


class Stats:
    def read(self) -> Record:
        return {'total_capacity_gb': 100.0, 'free_capacity_gb': 100.0}


class Backend:
    """The parts, on one store."""

    def __init__(self, directory: str) -> None:
        self.store = store.Store(directory)
        self.shares = Shares(self.store)
        self.access = Access(self.shares)
        self.snapshots = Snapshots(self.store, self.shares)
        self.health = Health(self.store, self.shares)
        self.adoption = Adoption(self.store)
        self.servers = Servers(self.store)
        self.stats = Stats()

    def check(self) -> None:
        self.store.names('shares')

    def info(self) -> dict[str, str]:
        return {'version': '1'}

    def close(self) -> None:
        """There is nothing to let go of."""


def _services(services: Sequence[model.SecurityService]) -> str:
    return ' '.join(f'{one.type}:{one.server}' for one in services)


def _server(call: driver.Call) -> str:
    return call.server.id if call.server else ''


class SampleShareDriver(driver.ShareDriver[Backend]):
    """Shares that nobody can mount, with share servers or without."""

    MODES = (True, False)
    OPTS = (cfg.StrOpt('sample_directory', help='Where the files are.'),)
    IPV6 = True
    STORAGE_PROTOCOL = 'NFS'
    CAPABILITIES = {'snapshot_support': True,
                    'create_share_from_snapshot_support': True}
    NETWORK_ALLOCATIONS = ADMIN_NETWORK_ALLOCATIONS = 1

    def build_backend(self) -> Backend:
        directory = self.option('sample_directory')
        if not directory:
            raise exception.ConfigurationError('sample_directory',
                                               'is not set')
        return Backend(directory)
