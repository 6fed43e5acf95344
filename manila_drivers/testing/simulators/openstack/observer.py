# SPDX-License-Identifier: Apache-2.0

"""The cloud seen from outside, and things done behind its back."""

from collections import Counter
import re

from manila_drivers.testing.simulators.openstack.cloud import Cloud
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.hardware import Disk
from manila_drivers.testing.simulators.openstack.hardware import Vm
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web import recorder

#: Service, kind, project, name, id.
Thing = tuple[str, str, str, str, str]

_IDENT = re.compile(
    r'/(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})'
    r'|(?<=/os-instance-actions)/req-[0-9a-f-]+'
    r'|(?<=/os-keypairs)/[^/]+|(?<=/flavors)/(?!detail)[^/]+')


class CloudObserver(Cloud):
    """Questions about the cloud.  None of them counts as a request."""

    # What there is

    def inventory(self) -> frozenset[Thing]:
        """Everything, as (service, kind, project, name, id).

        What services make by themselves is left out: ports of DHCP, default
        security groups, and rules, which belong to their group.
        """
        with self.lock:
            self.settle()
            projects = {project.id: project.name
                        for project in self.keystone.projects.values()}
            users = {user.id: user.name
                     for user in self.keystone.users.values()}
            things: set[Thing] = set()

            def add(service: str, kind: str, project: str, name: str | None,
                    ident: str) -> None:
                things.add((service, kind, projects.get(project, project),
                            name or '', ident))
            for server in self.nova.store.servers.values():
                add('compute', 'server', server.project_id, server.name,
                    server.id)
            for key in self.nova.store.keys.values():
                add('compute', 'keypair', users[key.user_id], key.name,
                    key.fingerprint)
            for volume in self.cinder.store.volumes.values():
                add('volume', 'volume', volume.project_id, volume.name,
                    volume.id)
            for snapshot in self.cinder.store.snapshots.values():
                add('volume', 'snapshot', snapshot.project_id, snapshot.name,
                    snapshot.id)
            for image in self.glance.images.values():
                add('image', 'image', image['owner'], image['name'],
                    image['id'])
            for kind, rows in self.neutron.store.rows.items():
                for row in rows.values():
                    if not _automatic(kind, row):
                        add('network', kind, row['project_id'],
                            row.get('name'), row['id'])
            return frozenset(things)

    def left(self, before: frozenset[Thing]) -> list[Thing]:
        """Return what has come since and is still there."""
        return sorted(self.inventory() - before)

    def missing(self, before: frozenset[Thing]) -> list[Thing]:
        """Return what was there and is gone, perhaps somebody else's."""
        return sorted(before - self.inventory())

    def belongings(self, project: str) -> list[Thing]:
        """Everything of a project; key pairs go by their user's name."""
        return sorted(thing for thing in self.inventory()
                      if thing[2] == project)

    # Machines and disks

    def server(self, name: str) -> novastore.Instance:
        """A server by id or name.

        :raises KeyError: there is none, or several have that name.
        """
        with self.lock:
            self.settle()
            found = [server for server in self.nova.store.servers.values()
                     if name in (server.id, server.name)]
            if len(found) != 1:
                raise KeyError(f'{len(found)} servers are called {name!r}')
            return found[0]

    def machine(self, name: str) -> Vm:
        """The machine of a server; None before it was active."""
        return self.server(name).machine

    def machine_at(self, address: str) -> Vm:
        """The machine that answers at an address.

        None if no server has that address, or its server is off, or its
        guest has not booted yet.
        """
        with self.lock:
            self.settle()
            port = self._port(address)
            server = self.nova.store.servers.get(port['device_id']
                                                 if port else '')
            if server is None or server.up is None or (
                    server.up > self.world.now):
                return None
            return server.machine

    def disk(self, volume_id: str) -> Disk:
        """Return the contents of a volume; None while it is made.

        :raises KeyError: there is no such volume.
        """
        with self.lock:
            self.settle()
            return self.cinder.store.volumes[volume_id].disk

    def lets_in(self, address: str, protocol: str, port: int | None,
                source: str) -> bool:
        """Say if security groups let packets reach an address.

        :param protocol: tcp, udp, icmp.
        """
        with self.lock:
            self.settle()
            row = self._port(address)
            return row is not None and self.neutron.groups.lets_in(
                row, protocol, port, source)

    def _port(self, address: str) -> Record | None:
        """The port with an address that belongs to a server, if one does."""
        found = None
        for port in self.neutron.store.rows['port'].values():
            # Asked for after each call of each case of a sweep.
            for each in port['fixed_ips']:
                if each['ip_address'] == address:
                    found = port
                    if port['device_owner'].startswith('compute:'):
                        return port
        return found

    def kill(self, name: str) -> None:
        """End a guest behind Nova's back; Nova sees it later."""
        server = self.server(name)
        with self.lock:
            server.machine.stop()
            server.up = None

            def seen() -> None:
                if server.vm_state == 'active' and server.up is None and (
                        server.task_state is None):
                    self.nova.store.move(server, 'stopped')
            self.world.after(self.options.power_sync, seen)

    # What goes wrong behind an answer

    def spoil(self, work: str, *, nth: int = 1, times: int | None = 1,
              name: str = '', how: str = '') -> None:
        """Let work fail that goes on after its request was answered.

        ``build``: the server ends in ERROR.  ``attach``: the volume is
        available again.  ``detach``: it is in use again.  ``reboot`` (also
        stop and start) and ``delete_server``: ERROR.  ``extend``: the volume
        is in error_extending; with ``how='no room'`` it has its old size and
        status.  ``delete_volume``, ``delete_snapshot``: error_deleting.  All
        others: error.

        :param nth: the first one that fails, counted from now.
        :param times: how many in a row; None is for ever.
        :param name: a pattern that is searched in names and ids.
        :raises ValueError: there is no such work.
        """
        with self.lock:
            self.world.spoil(work, nth=nth, times=times, name=name, how=how)

    def forgive(self) -> None:
        """Let all that is asked from now on succeed."""
        with self.lock:
            self.world.forgive()


def _automatic(kind: str, row: Record) -> bool:
    return (kind == 'security_group_rule'
            or kind == 'port' and row['device_owner'] == 'network:dhcp'
            or kind == 'security_group' and row['name'] == 'default')


def kind_of(entry: recorder.Entry) -> tuple[str, str]:
    """Service and kind of a request: ``POST /servers/{id}/action``."""
    service, _, path = entry.path.lstrip('/').partition('/')
    path = _IDENT.sub('/{id}', '/' + path)
    path = re.sub(r'^/v\d(\.\d)?(?=/)', '', path)
    if service == 'volume':
        path = re.sub(r'^/\{id\}', '', path)
    return service, f'{entry.verb} {path}'


def counted(entries: list[recorder.Entry]) -> Counter[tuple[str, str]]:
    return Counter(map(kind_of, entries))
