# SPDX-License-Identifier: Apache-2.0

"""Manila in the cloud's room: API, scheduler and share service."""

from collections.abc import Mapping
import pathlib
import typing as ty
import uuid

from tests.functional.openstack import configs
from tests.functional.openstack import places
from tests.functional.openstack import services
from tests.functional.openstack.api import Api
from tests.functional.openstack.api import Body
from tests.functional.openstack.api import eventually
from tests.functional.openstack.api import Unexpected
from tests.functional.openstack.room import Room

ROOT = pathlib.Path(__file__).parents[3]

UPSTREAM = 'manila.share.drivers.generic.GenericShareDriver'
OURS = 'manila_drivers.generic.GenericShareDriver'

#: Seconds until all backends are up; on a busy machine 330 were not enough.
UP = 900.0

#: What processes of the share service are called.
CHILDREN = '^manila-share|bin/manila-share'

_FILE = places.CONFIG / 'manila.conf'
_OPTIONS = ('--config-file', _FILE)


def section(driver: str, handles: bool, **more: object) -> dict[str, object]:
    """Return the options of a backend that are alike for both drivers."""
    found: dict[str, object] = {
        'share_driver': driver, 'driver_handles_share_servers': handles,
        'service_instance_user': 'manila',
        'path_to_private_key': places.KEYS / 'key',
        'path_to_public_key': places.KEYS / 'key.pub',
        'cinder_volume_type': places.BACKENDS[0],
        'max_time_to_build_instance': 600}
    if handles:
        found |= {
            'service_image_name': places.IMAGE,
            'service_instance_flavor_id': places.FLAVOR,
            'service_network_host': places.HOST,
            'interface_driver':
                'manila.network.linux.interface.OVSInterfaceDriver'}
    return found | more


class Manila:
    """The services; they end with the cloud at the latest.

    :param backends: sections of manila.conf
    """

    def __init__(self, room: Room, backends: Mapping[str, ty.Any]) -> None:
        self._room = room
        self._count = len(backends)
        self._backends = {name: {'share_backend_name': name, **options}
                          for name, options in backends.items()}
        self._configure()
        services.api(room, 'manila', places.MANILA, 'manila.wsgi.api',
                     '--pyargv', ' '.join(map(str, _OPTIONS)))
        room.start('manila-scheduler', 'manila-scheduler', *_OPTIONS)
        self.start()

    def _configure(self) -> None:
        self._room.write(_FILE, configs.manila(
            self._room.venv, self._backends))

    def restart(self, driver: str) -> None:
        """Go on with another driver for all backends."""
        self.kill()
        for options in self._backends.values():
            options['share_driver'] = driver
        self._configure()
        self.start()

    def start(self) -> None:
        """Start the share service."""
        self._mark = 0
        self._mark = len(self.log())
        self._room.start('manila-share', 'manila-share', *_OPTIONS,
                         PYTHONPATH=ROOT)

    def kill(self) -> None:
        """End the share service in the middle of whatever it does."""
        self._room.stop('manila-share', 'KILL')
        # Its children, one for each backend, have no program's name: they say
        # what they are.  They would go on until they notice, and take what is
        # meant for those that come after them.
        def others() -> bool:
            return not self._room.box.run('pkill', '-KILL', '-f', CHILDREN,
                                          check=False).returncode

        eventually(lambda: not others(), 'manila-share is gone', 60)

    def log(self) -> str:
        """Return what the share service has said since it was started."""
        path = self._room.outside(places.LOGS / 'manila-share.log')
        return path.read_text(errors='replace')[self._mark:] \
            if path.exists() else ''

    def up(self) -> bool:
        """Tell if the drivers of all backends are initialised.

        The services call themselves up before that.
        """
        return self.log().count(
            'Finished initialization of driver') >= self._count

    def close(self) -> None:
        for name in ('manila-api', 'manila-scheduler'):
            self._room.stop(name, 'KILL')
        self.kill()


class Shares:
    """Manila's API, in the words of somebody who has shares.

    :param kind: share type
    :param network: share network, where servers are handled
    """

    def __init__(self, api: Api, kind: str, network: str = '') -> None:
        self.api = api
        self._kind = kind
        self._network = network

    def create(self, protocol: str = 'NFS', size: int = 1,
               snapshot: str = '', seconds: float = 900) -> str:
        """Create a share and wait for it; return its id."""
        share = self.asked_for(protocol, size, snapshot)
        self.settled('shares', share, 'available', seconds)
        return share

    def asked_for(self, protocol: str = 'NFS', size: int = 1,
                  snapshot: str = '') -> str:
        """Ask for a share, which is not waited for; return its id."""
        made = self.api.post('sharev2', '/shares', {'share': {
            'share_proto': protocol, 'size': size, 'name': 'lab',
            'share_type': self._kind,
            **({'share_network_id': self._network} if self._network else {}),
            **({'snapshot_id': snapshot} if snapshot else {})}})
        return str(made['id'])

    def get(self, share: str) -> Body:
        found: Body = self.api.get('sharev2', f'/shares/{share}')
        return found

    def locations(self, share: str) -> list[str]:
        """Return where clients find it, what only admins see left out."""
        return [each['path'] for each in self.api.listed(
            'sharev2', f'/shares/{share}/export_locations',
            'export_locations') if not each.get('is_admin_only')]

    def allow(self, share: str, to: str, level: str = 'rw',
              kind: str = 'ip') -> str:
        """Add a rule and wait until it is in force; return its id."""
        made = self.act(share, 'allow_access', access_type=kind,
                        access_to=to, access_level=level)
        self.api.settled('sharev2', f'/share-access-rules/{made["id"]}',
                         'active', field='state')
        return str(made['id'])

    def deny(self, share: str, rule: str) -> None:
        self.act(share, 'deny_access', access_id=rule)
        self.api.settled('sharev2', f'/share-access-rules/{rule}', '404',
                         field='state')

    def resize(self, share: str, size: int, *wanted: str) -> str:
        """Extend or shrink it; return the state that it ends in.

        :param wanted: instead of available
        """
        action = 'extend' if size > self.get(share)['size'] else 'shrink'
        self.act(share, action, new_size=size)
        return self.api.settled('sharev2', f'/shares/{share}',
                                *(wanted or ('available',)))

    def snapshot(self, share: str) -> str:
        made = self.api.post('sharev2', '/snapshots', {'snapshot': {
            'share_id': share, 'name': 'lab'}})
        self.settled('snapshots', made['id'], 'available', 300)
        return str(made['id'])

    def let_go(self, share: str) -> None:
        """Have Manila forget a share, which goes on to be served."""
        self.api.post('sharev2', f'/shares/{share}/action', {'unmanage': None})
        self.settled('shares', share, '404', 300)

    def taken_over(self, host: str, location: str, protocol: str = 'NFS',
                   server: str = '') -> str:
        """Have Manila know what is served already; return its id.

        :param host: name, backend and pool, as shares tell it
        :param server: the share server it is on
        """
        made = self.api.post('sharev2', '/shares/manage', {'share': {
            'service_host': host, 'export_path': location,
            'protocol': protocol, 'share_type': self._kind, 'name': 'lab',
            **({'share_server_id': server} if server else {})}})
        self.settled('shares', made['id'], 'available', 300)
        return str(made['id'])

    def server_let_go(self, server: str) -> None:
        """Have Manila forget a share server without shares."""
        self.api.post('sharev2', f'/share-servers/{server}/action',
                      {'unmanage': {'force': False}})
        self.settled('share-servers', server, '404', 300)

    def server_taken_over(self, host: str, identifier: str) -> str:
        """Have Manila know a share server again; return its new id.

        :param host: name and backend
        """
        made = self.api.post('sharev2', '/share-servers/manage', {
            'share_server': {'host': host, 'identifier': identifier,
                             'share_network_id': self._network}})
        self.settled('share-servers', made['id'], 'active', 300)
        return str(made['id'])

    def act(self, share: str, action: str, **arguments: object) -> ty.Any:
        return self.api.post('sharev2', f'/shares/{share}/action',
                             {action: arguments})

    def delete(self, kind: str, ident: str, seconds: float = 300) -> None:
        """Delete one of shares, snapshots or share-servers; wait for it."""
        self.api.delete('sharev2', f'/{kind}/{ident}')
        self.settled(kind, ident, '404', seconds)

    def settled(self, kind: str, ident: str, wanted: str, seconds: float
                ) -> None:
        """Wait for a state; an error says what Manila's messages say."""
        try:
            self.api.settled('sharev2', f'/{kind}/{ident}', wanted,
                             seconds=seconds)
        except Unexpected as wrong:
            told = [each['user_message'] for each in self.api.listed(
                'sharev2', f'/messages?resource_id={ident}', 'messages')]
            raise Unexpected(f'{wrong} {told}') from wrong


def share_type(api: Api, backend: str, handles: bool) -> str:
    """Make a type for shares of a backend; return its name."""
    name = f'{backend}-{uuid.uuid4().hex[:8]}'
    api.post('sharev2', '/types', {'share_type': {
        'name': name, 'share_type_access:is_public': True, 'extra_specs': {
            'driver_handles_share_servers': str(handles).lower(),
            'share_backend_name': backend, 'snapshot_support': 'true',
            'create_share_from_snapshot_support': 'true'}}})
    return name


def inventory(api: Api) -> dict[str, set[str]]:
    """Return the names of everything that drivers make, in all services."""
    def found(service: str, path: str, key: str, *fields: str) -> set[str]:
        return {' '.join(str(each.get(field)) for field in (*fields, 'id'))
                for each in api.listed(service, path, key)}

    everyone = '?all_tenants=1'
    return {
        'servers': found('compute', f'/servers/detail{everyone}', 'servers',
                         'name', 'status'),
        'volumes': found('volumev3', f'/volumes/detail{everyone}', 'volumes',
                         'name', 'status'),
        'volume snapshots': found(
            'volumev3', f'/snapshots/detail{everyone}', 'snapshots', 'name'),
        'networks': found('network', '/networks', 'networks', 'name'),
        'subnets': found('network', '/subnets', 'subnets', 'name', 'cidr'),
        'ports': found('network', '/ports', 'ports', 'device_owner',
                       'device_id'),
        'security groups': found('network', '/security-groups',
                                 'security_groups', 'name'),
        # Everybody sees only his own.
        'key pairs': {
            each['keypair']['name'] for one in (api, Api('manila', 'service'))
            for each in one.listed('compute', '/os-keypairs', 'keypairs')}}


#: Beginnings of what is kept for the next server, and is one for all: the
#: service network, its free subnet, this host's port, a group and a key; of
#: what is the lab's own; and the group that Neutron makes for each project.
KEPT = {'networks': ('manila_service_network ',),
        'subnets': (' 10.254.',),
        'ports': ('manila:share ', 'network:dhcp ', 'lab:host '),
        'security groups': ('manila-service ', 'default '),
        'key pairs': ('manila-service',)}


def left(before: Mapping[str, set[str]], after: Mapping[str, set[str]]
         ) -> dict[str, list[str]]:
    """Return what is there that was not, and is not kept for others."""
    found = {kind: sorted(
        name for name in names - before[kind]
        if not name.startswith(KEPT.get(kind, ())))
        for kind, names in after.items()}
    return {kind: names for kind, names in found.items() if names}
