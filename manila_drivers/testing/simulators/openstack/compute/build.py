# SPDX-License-Identifier: Apache-2.0

"""How a server comes to life, and how it goes."""

from collections.abc import Callable
import itertools
import string
from typing import Any

from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.hardware import MakeVm
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.volume.cinder import Cinder
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal

#: All that the API says of a build that failed, whatever the reason.
NO_HOST = ('Exceeded maximum number of retries. Exhausted all hosts '
           'available for retrying build failures for instance {}.')


class Builder:
    """The compute host: it takes ports and volumes, and lets go of them."""

    def __init__(self, store: novastore.ComputeStore, neutron: Neutron,
                 cinder: Cinder, make_machine: MakeVm) -> None:
        self.store = store
        self.world = store.world
        self.neutron = neutron
        self.volumes = cinder.store
        self.deleting = cinder.requests
        self.make_machine = make_machine
        #: Disks that guests let go of as soon as they go on.
        self.owed: list[tuple[novastore.Instance, str]] = []

    def settle(self) -> None:
        """Let guests that go on do what they were asked while they hung."""
        self.owed = [(server, volume) for server, volume in self.owed
                     if self.store.alive(server)
                     and server.machine.unplug(volume) is False]

    # Building

    def build(self, server: novastore.Instance, line: novastore.InstanceLine,
              root: Record | None) -> None:
        """Let a server become active, or not.

        :param root: the block device that it boots from; None is its image.
        """
        options = self.world.options
        mishap = self.world.mishap('build', server.name, server.id)
        after = self._each(server)
        after(options.build_schedule, lambda: self.store.move(server))
        start = options.build_schedule + options.build_idle
        after(start, lambda: self._network(server))
        if mishap is not None or not self._usable(server):
            after(options.build_failure, lambda: self.fail(server, line))
            return
        after(start + options.build * 0.4,
              lambda: self._disks(server, line, root))
        after(start + options.build, lambda: self._spawned(server, line))

    def _each(self, server: novastore.Instance
              ) -> Callable[[float, Callable[[], None]], None]:
        def after(seconds: float, event: Callable[[], None]) -> None:
            def happen() -> None:
                if self.store.alive(server) and (
                        server.vm_state == 'building'
                        and server.task_state != 'deleting'):
                    event()
            self.world.after(seconds, happen)
        return after

    def _usable(self, server: novastore.Instance) -> bool:
        """A port of another project is refused only on the host."""
        return all(
            self.neutron.store.rows['port'].get(ident, {}).get('project_id')
            == server.project_id for ident in server.ports)

    def _network(self, server: novastore.Instance) -> None:
        self.store.move(server, task_state='networking')
        server.host = self.world.options.host
        for ident in server.ports:
            port = self.neutron.store.rows['port'].get(ident)
            if port is not None:
                self.neutron.ports.take(port, server.id,
                                        f'compute:{server.zone}',
                                        server.host)

    def _disks(self, server: novastore.Instance, line: novastore.InstanceLine,
               root: Record | None) -> None:
        server.wired = True
        self.store.move(server, task_state='block_device_mapping')
        if root is None:
            self.store.move(server, task_state='spawning')
            return
        try:
            volume = self._root(server, root)
        except Refusal:
            self.fail(server, line)
            return
        self._connect(server, volume, server.mappings[0])
        self.store.move(server, task_state='spawning')

    def _root(self, server: novastore.Instance,
              root: Record) -> cinderstore.CinderVolume:
        """The volume to boot from.

        :raises Refusal: the project may have no more volumes.
        """
        if root['source_type'] == 'volume':
            return self.volumes.volumes[root['uuid']]
        size = int(root['volume_size'])
        self.volumes.reserve(server.project_id, more=1, gigabytes=size,
                             size=size)
        ident = self.world.uuid()
        volume = cinderstore.CinderVolume(
            ident, '', server.project_id, server.user_id, size,
            root.get('volume_type') or cinderstore.DEFAULT_TYPE, server.zone,
            self.world.now, bootable=True,
            disk=self.volumes.make_disk(ident, size))
        self.volumes.volumes[volume.id] = volume
        server.mappings.insert(0, novastore.BlockMapping(
            volume.id, self.device(server, root=True), self.world.uuid(),
            self.world.uuid(), root=True,
            keep=not root.get('delete_on_termination')))
        return volume

    def _connect(self, server: novastore.Instance,
                 volume: cinderstore.CinderVolume,
                 mapping: novastore.BlockMapping) -> None:
        volume.attached = [cinderstore.Attached(server.id,
                                                mapping.attachment_id,
                                    mapping.device, server.host,
                                    self.world.now)]
        self.volumes.touch(volume, 'in-use')

    def _spawned(self, server: novastore.Instance,
                 line: novastore.InstanceLine) -> None:
        keys = [key.public_key for key in self.store.keys.values()
                if (key.user_id, key.name) == (server.user_id,
                                               server.key_name)]
        server.machine = self.make_machine(server.name, keys, server.bus)
        server.launched = self.world.now
        server.up = self.world.now + self.world.options.boot
        self.store.move(server, 'active')
        self.store.finish(line)

    def fail(self, server: novastore.Instance,
             line: novastore.InstanceLine) -> None:
        """The build has failed on every host; ports have no owner now."""
        text = NO_HOST.format(server.id)
        server.fault = {'code': 500, 'message': text,
                        'created': self.world.moment('Z'),
                        'details': f'Traceback\n{text}'}
        server.host = ''
        server.wired = False
        self._release_ports(server)
        for mapping in server.mappings:
            self._free(server, mapping)
        self.store.move(server, 'error')
        self.store.finish(line, failed=True)

    def device(self, server: novastore.Instance, *, root: bool = False) -> str:
        """The next name that Nova has not given; the guest has its own."""
        stem = '/dev/sd' if server.bus == 'scsi' else '/dev/vd'
        taken = {each.device for each in server.mappings}
        if not root:
            taken.add(f'{stem}a')
        for length in itertools.count(1):
            for letters in itertools.product(string.ascii_lowercase,
                                             repeat=length):
                name = stem + ''.join(letters)
                if name not in taken:
                    return name
        raise AssertionError('there is always another name')

    # Going

    def delete(self, server: novastore.Instance,
               line: novastore.InstanceLine) -> None:
        """Let a server be gone in a while; until then it looks as before."""
        options = self.world.options
        mishap = self.world.mishap('delete_server', server.name, server.id)
        self.store.move(server, task_state='deleting')

        def gone() -> None:
            if not self.store.alive(server):
                return
            if mishap is not None:
                self.store.move(server, 'error')
                self.store.finish(line, failed=True)
                return
            if server.machine is not None:
                server.machine.stop()
            server.up = None
            if options.soft_delete and server.vm_state != 'soft-delete':
                self.store.move(server, 'soft-delete')
                return
            self._dismantle(server)
        self.world.after(options.delete_server, gone)

    def _dismantle(self, server: novastore.Instance) -> None:
        self._release_ports(server)
        for mapping in server.mappings:
            self._free(server, mapping)
            volume = self.volumes.volumes.get(mapping.volume_id)
            if volume is not None and not mapping.keep:
                self.deleting.remove(volume, [])
        del self.store.servers[server.id]

    def _release_ports(self, server: novastore.Instance) -> None:
        for ident in server.ports:
            port = self.neutron.store.rows['port'].get(ident)
            if port is None or port['device_id'] not in ('', server.id):
                continue
            if ident in server.made_ports:
                del self.neutron.store.rows['port'][ident]
            else:
                self.neutron.ports.release(port)

    def _free(self, server: novastore.Instance,
              mapping: novastore.BlockMapping) -> None:
        """A volume of a server that is no more is available at once."""
        volume = self.volumes.volumes.get(mapping.volume_id)
        if server.machine is not None:
            server.machine.unplug(mapping.volume_id)
        if volume is None:
            return
        volume.attached = [each for each in volume.attached
                           if each.server_id != server.id]
        if not volume.attached and volume.status in (
                'in-use', 'reserved', 'attaching', 'detaching'):
            self.volumes.touch(volume, 'available')

    # Power

    def power(self, server: novastore.Instance, line: novastore.InstanceLine,
              seconds: float,
              act: Callable[[Any], Any], *, on: bool,
              state: str = '') -> None:
        """Let a server be on or off in a while.

        :param state: that it has then, if not one of these.
        """
        mishap = self.world.mishap('reboot', server.name, server.id)

        def done() -> None:
            if not self.store.alive(server) or (
                    server.task_state == 'deleting'):
                return
            if mishap is not None:
                server.fault = {'code': 500, 'message': 'libvirtError',
                                'created': self.world.moment('Z'),
                                'details': 'Traceback'}
                self.store.move(server, 'error')
                self.store.finish(line, failed=True)
                return
            act(server.machine)
            # A guest that is started anew has the disks that Nova knows.
            self.owed = [each for each in self.owed if each[0] is not server]
            server.up = (self.world.now + self.world.options.boot if on
                         else None)
            server.fault = None
            self.store.move(server, state or ('active' if on else 'stopped'))
            self.store.finish(line)
        self.world.after(seconds, done)
