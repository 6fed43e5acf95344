# SPDX-License-Identifier: Apache-2.0

"""``/servers/{id}/os-volume_attachments``, and what becomes of them."""

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute.build import Builder
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal
from manila_drivers.testing.simulators.web.messages import Response

ALIVE = ('active', 'paused', 'stopped')
NOT_IN_USE = (
    'Invalid volume: Invalid input received: Invalid volume: Unable to '
    "detach volume. Volume status must be 'in-use' and attach_status must "
    "be 'attached' to detach. (HTTP 400) (Request-ID: {})")


class Attachments:
    def __init__(self, store: novastore.ComputeStore,
                 volumes: cinderstore.VolumeStore,
                 builder: Builder) -> None:
        self.store = store
        self.world = store.world
        self.volumes = volumes
        self.builder = builder
        volumes.grown = self.grown

    def routes(self) -> Routes:
        base = '/servers/{ident}/os-volume_attachments'
        return {f'GET {base}': self.index, f'POST {base}': self.attach,
                f'GET {base}/{{volume}}': self.show,
                f'DELETE {base}/{{volume}}': self.detach}

    # Reading

    def told(self, ask: Ask, server: novastore.Instance,
             mapping: novastore.BlockMapping) -> Record:
        told: Record = {'id': mapping.volume_id, 'serverId': server.id,
                        'volumeId': mapping.volume_id,
                        'device': mapping.device}
        if since(ask, '2.70'):
            told['tag'] = mapping.tag
        if since(ask, '2.79'):
            told['delete_on_termination'] = not mapping.keep
        if since(ask, '2.89'):
            del told['id']
            told['attachment_id'] = mapping.attachment_id
            told['bdm_uuid'] = mapping.ident
        return told

    def index(self, ask: Ask, ident: str) -> Response:
        """Also volumes that are only about to be attached."""
        server = self.store.server(ident, ask.caller)
        return found(200, {'volumeAttachments': [
            self.told(ask, server, each) for each in server.mappings]})

    def show(self, ask: Ask, ident: str, volume: str) -> Response:
        server = self.store.server(ident, ask.caller)
        mapping = server.mapping(volume)
        if mapping is None:
            raise self._not_attached(server, volume)
        return found(200, {'volumeAttachment': self.told(ask, server,
                                                         mapping)})

    def _not_attached(self, server: novastore.Instance,
                      volume: str) -> Refusal:
        return wire.compute(404, f'Instance {server.id} is not attached to '
                                 f'volume {volume}')

    # Attaching

    def attach(self, ask: Ask, ident: str) -> Response:
        body = ask.inner('volumeAttachment')
        schema.check(ask, body, {
            'volumeId': schema.text, 'tag': schema.null(schema.text),
            'delete_on_termination': schema.truth})
        wanted = str(novastore.required(body, 'volumeId', 'volumeAttachment'))
        server = self.store.server(ident, ask.caller)
        self.store.check(server, 'attach_volume', *ALIVE)
        volume = self._free_volume(ask, server, wanted)
        most = self.world.options.max_disks
        if most is not None and len(server.mappings) + 1 >= most:
            raise wire.compute(
                403, 'The maximum allowed number of disk devices '
                f'({most}) to attach to a single instance has been exceeded.')
        line = self.store.begin(server, 'attach_volume', ask.request_id,
                                ask.caller)
        mapping = novastore.BlockMapping(
            volume.id, self.builder.device(server), self.world.uuid(),
            self.world.uuid(), tag=body.get('tag'),
            keep=not body.get('delete_on_termination'))
        if since(ask, '2.101'):
            self._later(server, volume, mapping, line)
            return Response(202)
        self._reserve(server, volume, mapping, line)
        told = {'volumeAttachment': self.told(ask, server, mapping)}
        return found(200, told)._replace(
            delay=self.world.options.attach_takes)

    def _free_volume(self, ask: Ask, server: novastore.Instance,
                     wanted: str) -> cinderstore.CinderVolume:
        """:raises Refusal: 404 unknown, 400 not available."""
        volume = self.volumes.volume(wanted, ask.caller) \
            if wanted in self.volumes.volumes else None
        if volume is None:
            raise wire.compute(404, f'Volume {wanted} could not be found.')
        owners = {each.server_id for each in volume.attached} | (
            {server.id} if server.mapping(wanted) else set())
        if owners:
            raise wire.compute(
                400, f'Invalid volume: volume {wanted} is already attached '
                f'to instances: {", ".join(sorted(owners))}')
        if volume.zone != server.zone and (
                not self.world.options.cross_az_attach):
            raise wire.compute(
                400, f'Invalid volume: Instance {server.id} and volume '
                f'{wanted} are not in the same availability_zone. Instance '
                f'is in {server.zone}. Volume is in {volume.zone}')
        if volume.status != 'available':
            raise wire.compute(
                400, f"Invalid volume: volume '{wanted}' status must be "
                f"'available'. Currently in '{volume.status}'")
        return volume

    def _later(self, server: novastore.Instance,
               volume: cinderstore.CinderVolume,
               mapping: novastore.BlockMapping,
               line: novastore.InstanceLine) -> None:
        """From 2.101 on nothing has happened when the answer comes."""
        def reserve() -> None:
            if self.store.alive(server) and volume.status == 'available':
                self._reserve(server, volume, mapping, line)
            else:
                self.store.finish(line, failed=True)
        self.world.after(self.world.options.attach_async, reserve)

    def _reserve(self, server: novastore.Instance,
                 volume: cinderstore.CinderVolume,
                 mapping: novastore.BlockMapping,
                 line: novastore.InstanceLine) -> None:
        options = self.world.options
        mapping.device = self.builder.device(server)
        server.mappings.append(mapping)
        self.volumes.touch(volume, 'reserved')
        mishap = self.world.mishap('attach', volume.name or '', volume.id,
                                   server.name, server.id)
        if mishap is not None or self._crowded(server):
            self.world.after(options.attach_failure, lambda: self._failed(
                server, volume, mapping, line))
            return

        def attaching() -> None:
            if volume.status == 'reserved':
                self.volumes.touch(volume, 'attaching')
        self.world.after(options.attach * 0.75, attaching)
        self.world.after(options.attach, lambda: self._attached(
            server, volume, mapping, line))

    def _crowded(self, server: novastore.Instance) -> bool:
        """There is no slot left; nobody says so."""
        disks = len([each for each in server.mappings if not each.root])
        return server.bus == 'virtio' and (
            1 + len(server.ports) + disks > self.world.options.disk_slots)

    def _failed(self, server: novastore.Instance,
                volume: cinderstore.CinderVolume,
                mapping: novastore.BlockMapping,
                line: novastore.InstanceLine) -> None:
        """As if nothing had been asked, but for the list of actions."""
        self.store.finish(line, failed=True)
        if mapping in server.mappings:
            server.mappings.remove(mapping)
        if volume.status in ('reserved', 'attaching'):
            self.volumes.touch(volume, 'available')

    def _attached(self, server: novastore.Instance,
                  volume: cinderstore.CinderVolume,
                  mapping: novastore.BlockMapping,
                  line: novastore.InstanceLine) -> None:
        if not self.store.alive(server) or mapping not in server.mappings:
            return
        volume.attached.append(cinderstore.Attached(
            server.id, mapping.attachment_id, mapping.device, server.host,
            self.world.now))
        server.machine.plug(volume.disk)
        self.volumes.touch(volume, 'in-use')
        self.store.finish(line)

    # Detaching

    def detach(self, ask: Ask, ident: str, volume: str) -> Response:
        """Nova does not ask who uses the volume in the guest."""
        server = self.store.server(ident, ask.caller)
        known = self.volumes.volumes.get(volume)
        if known is None or not self.volumes.visible(known, ask.caller):
            raise wire.compute(404, f'Volume {volume} could not be found.')
        mapping = server.mapping(volume)
        if mapping is None:
            raise self._not_attached(server, volume)
        self.store.check(server, 'detach_volume', *ALIVE)
        if mapping.root:
            raise wire.compute(403, 'Cannot detach a root device volume')
        if known.status != 'in-use':
            raise wire.compute(400, NOT_IN_USE.format(
                f'req-{self.world.uuid()}'))
        line = self.store.begin(server, 'detach_volume', ask.request_id,
                                ask.caller)
        self.volumes.touch(known, 'detaching')
        options = self.world.options
        seconds = (options.detach_stopped if server.vm_state == 'stopped'
                   else options.detach)
        end = self.world.now + options.detach_hung
        self.world.after(seconds, lambda: self._unplug(server, known, mapping,
                                                       line, end))
        return Response(202)

    def _unplug(self, server: novastore.Instance,
                volume: cinderstore.CinderVolume,
                mapping: novastore.BlockMapping,
                line: novastore.InstanceLine, end: float) -> None:
        """Try, and again until the end if the guest hangs."""
        if not self.store.alive(server) or mapping not in server.mappings:
            return
        mishap = self.world.mishap('detach', volume.name or '', volume.id,
                                   server.name, server.id)
        if mishap is not None:
            self._kept(server, volume, mapping, line)
            return
        if server.machine.unplug(volume.id) is not False:
            self._detached(server, volume, mapping, line)
            return
        rest = end - self.world.now
        if rest > 0:
            self.world.after(
                min(rest, self.world.options.detach_again),
                lambda: self._unplug(server, volume, mapping, line, end))
            return
        self.builder.owed.append((server, volume.id))
        self._kept(server, volume, mapping, line)

    def _detached(self, server: novastore.Instance,
                  volume: cinderstore.CinderVolume,
                  mapping: novastore.BlockMapping,
                  line: novastore.InstanceLine) -> None:
        server.mappings.remove(mapping)
        volume.attached = [each for each in volume.attached
                           if each.server_id != server.id]
        self.volumes.touch(volume, 'available')
        self.store.finish(line)

    def _kept(self, server: novastore.Instance,
              volume: cinderstore.CinderVolume,
              mapping: novastore.BlockMapping,
              line: novastore.InstanceLine) -> None:
        """Nova has given up; the disk goes as soon as the guest goes on."""
        self.store.finish(line, failed=True)
        if mapping in server.mappings and volume.status == 'detaching':
            self.volumes.touch(volume, 'in-use')

    # Growing

    def grown(self, volume: cinderstore.CinderVolume) -> None:
        """Cinder has made a volume larger; the guest learns it later."""
        for server in self.store.servers.values():
            if server.mapping(volume.id) is None:
                continue
            line = self.store.begin(
                server, 'extend_volume', f'req-{self.world.uuid()}',
                event='compute_extend_volume')
            self.world.after(self.world.options.guest_resize,
                             lambda server=server, line=line:  # type: ignore[misc]
                             self._seen(server, volume, line))

    def _seen(self, server: novastore.Instance,
              volume: cinderstore.CinderVolume,
              line: novastore.InstanceLine) -> None:
        if self.store.alive(server) and server.mapping(volume.id):
            server.machine.resized(volume.id)
        self.store.finish(line)
