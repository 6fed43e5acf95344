# SPDX-License-Identifier: Apache-2.0

"""The Generic driver over CIFS, and with share servers."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import functools
import random
from typing import Any

from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance.labs import generic

_HELPERS = 'manila.share.drivers.helpers.'
#: Keys of a share's row that the driver reads.
_KEYS = ('id', 'share_id', 'name', 'size', 'share_proto', 'host', 'status',
         'project_id', 'share_type_id', 'snapshot_id', 'export_locations',
         'availability_zone', 'source_share_group_snapshot_member_id')


class CifsLab(generic.GenericLab):
    """Shares of Samba, for addresses."""

    name = 'generic with CIFS by address'
    features = lab.Features(
        proto='CIFS', revert=True, fills=0.9,
        access=lab.Access(levels=frozenset({'rw'}), keeps_out=True))

    def _set(self, section: str, **parameters: str) -> None:
        for name, value in parameters.items():
            self.machine.execute(['net', 'conf', 'setparm', section,
                                  name.replace('_', ' '), value])

    def _section(self, export: str) -> str:
        return self.cloud.place(export)[2]

    def plant_strangers(self, ids: Sequence[str] = ()) -> None:
        super().plant_strangers(ids)
        for ident in ids:
            self._add(f'share-{ident}-1', '/srv/strangers', '10.9.9.9')

    def _add(self, section: str, path: str, clients: str) -> None:
        self.machine.execute(['net', 'conf', 'addshare', section, path,
                              'writeable=y', 'guest_ok=y'])
        self._set(section, hosts_allow=clients, hosts_deny='0.0.0.0/0')

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._open_to_all, self._close, self._lose_section]

    def _open_to_all(self, export: str, choice: random.Random) -> None:
        self._set(self._section(export), hosts_allow=choice.choice(
            ['ALL', '10.0.0.0/8', '0.0.0.0/0']), hosts_deny='')

    def _close(self, export: str, choice: random.Random) -> None:
        self._set(self._section(export), hosts_allow='127.0.0.1',
                  hosts_deny='ALL')

    def _lose_section(self, export: str, choice: random.Random) -> None:
        self.machine.execute(['net', 'conf', 'delshare',
                              self._section(export)])

    def drifts(self) -> list[lab.Drift]:
        return [drift for drift in super().drifts()
                if drift.name != 'exports lost'] + [lab.Drift(
                    'section lost', lambda ident: self._lose_section(
                        f'\\\\{self.server["address"]}\\share-{ident}',
                        random.Random(0)), 'reapply')]  # noqa: S311

    def make_unmanaged(self, name: str) -> lab.Unmanaged:
        ident = self._volume(name, 3)
        path = f'{generic.LEGACY}/{name}'
        self._mount(ident, path)
        return lab.Unmanaged(f'\\\\{self.server["address"]}\\{name}', 3,
                             self._given_to(name, path), {'volume_id': ident})

    def _given_to(self, section: str, path: str) -> Mapping[str, str]:
        """Share a directory by hand, and return with whom."""
        self._add(section, path, '10.0.0.7 10.1.2.0/24')
        return {'10.0.0.7': 'rw', '10.1.2.3': 'rw'}

    def make_unmanaged_snapshot(self, export: str, name: str) -> str:
        path = self.machine.system.smb.registry[self._section(export)]['path']
        return super().make_unmanaged_snapshot(
            f'{self.server["address"]}:{path}', name)


class CifsUserLab(CifsLab):
    """Shares of Samba, for users."""

    name = 'generic with CIFS by user'
    features = lab.Features(
        proto='CIFS', revert=True, fills=0.9,
        access=lab.Access(types=frozenset({'user'})))

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._let_in, self._lose_section]

    def _let_in(self, export: str, choice: random.Random) -> None:
        section = self._section(export)
        self._set(section, valid_users='mallory alice0 client1',
                  write_list=choice.choice(['mallory', 'alice0 mallory']),
                  hosts_deny='')

    def _given_to(self, section: str, path: str) -> Mapping[str, str]:
        self.machine.execute(['net', 'conf', 'addshare', section, path,
                              'writeable=n', 'guest_ok=n'])
        self._set(section, valid_users='alice bob', write_list='alice')
        return {'alice': 'rw', 'bob': 'ro'}


#: Calls that have another name for shares on share servers.
_WITH_SERVER = ('manage_existing', 'unmanage', 'manage_existing_snapshot',
                'unmanage_snapshot')


class _OnServer:
    """A driver every call on which brings along a share server."""

    def __init__(self, inner: Any, row: Mapping[str, Any]) -> None:
        self._inner = inner
        self._row = row

    def __getattr__(self, name: str) -> Any:
        if name in _WITH_SERVER:
            return functools.partial(
                getattr(self._inner, name + '_with_server'),
                share_server=self._row)
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if 'share_server' in kwargs:
                kwargs['share_server'] = self._row
            return found(*args, **kwargs)
        return call

    def ensure_shares(self, context: Any, shares: Sequence[Any]) -> Any:
        return self._inner.ensure_shares(context, [
            {**{key: row.get(key) for key in _KEYS},
             'share_server': self._row} for row in shares])


class ServersLab(generic.GenericLab):
    """All shares on one share server, which the driver has made."""

    name = 'generic with share servers'

    def begin(self) -> None:
        tenant = self.sim.tenant
        made = super().make_driver()
        details = made._setup_server([{
            'server_id': '9e0f6a3c-1b2d-4c5e-8f70-112233445566',
            'neutron_net_id': tenant.network_id,
            'neutron_subnet_id': tenant.subnet_id, 'cidr': '10.7.0.0/24',
            'network_allocations': [], 'admin_network_allocations': [],
            'security_services': [], 'backend_details': {}}])
        self.server = {'id': details['instance_id'],
                       'address': details['public_address']}
        self._row = {'id': details['server_id'], 'status': 'active',
                     'identifier': details['identifier'],
                     'backend_details': details}

    def make_driver(self, *, set_up: bool = True) -> Any:
        return _OnServer(super().make_driver(set_up=set_up), self._row)


def cifs_labs() -> generic.GenericLabs:
    return generic.GenericLabs(CifsLab)


def user_labs() -> generic.GenericLabs:
    return generic.GenericLabs(
        CifsUserLab, share_helpers=f'NFS:{_HELPERS}NFSHelper,'
        f'CIFS:{_HELPERS}CIFSHelperUserAccess')


def server_labs() -> generic.GenericLabs:
    return generic.GenericLabs(
        ServersLab, driver_handles_share_servers=True,
        service_instance_name_or_id=None, service_net_name_or_ip=None,
        tenant_net_name_or_ip=None, interface_driver='NoopInterfaceDriver')
