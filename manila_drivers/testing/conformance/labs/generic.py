# SPDX-License-Identifier: Apache-2.0

"""The Generic driver in a simulated cloud, inside the process."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import random
import time
from typing import Any

from manila_drivers.generic import driver
from manila_drivers.model import GiB
from manila_drivers.service_instance import login
from manila_drivers.testing.backends import generic
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.conformance.labs import generic_trouble
from manila_drivers.testing.conformance.labs import simulated
from manila_drivers.testing.conformance.labs import site
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators.guest import disk
from manila_drivers.testing.simulators.openstack.volume import cinderstore

SECTION = 'generic'
PASSWORD = 'secret-of-the-service-instance'  # noqa: S105 - a simulator's
CLOUD_PASSWORD = 'secret-of-the-cloud'  # noqa: S105 - a simulator's
NETWORK = 'shares'
LEGACY = '/legacy'

class Site(site.Site):
    """Options that the driver of these labs is told."""

    section = SECTION
    values = {
        'service_instance_user': generic.USER,
        'service_instance_password': PASSWORD,
        'service_instance_name_or_id': generic.SERVER,
        'service_net_name_or_ip': NETWORK, 'tenant_net_name_or_ip': NETWORK,
        'generic_max_volumes_per_server': 5000,
        'max_time_to_create_volume': 3600}

    def _text(self, options: Mapping[str, object]) -> str:
        text = super()._text(options)
        for group in generic.GROUPS:
            text += f'[{group}]\n' + ''.join(
                f'{name} = {value}\n' for name, value in AUTH.items())
        return text


AUTH = {'auth_type': 'password',
        'auth_url': 'http://cloud.invalid/identity/v3', 'username': 'manila',
        'password': CLOUD_PASSWORD, 'project_name': 'service',
        'user_domain_name': 'Default', 'project_domain_name': 'Default'}


class GenericLab(simulated.SimulatedLab[Site]):
    """A cloud with one server that serves all shares, over NFS.

    :param site: shared with other labs; else one of its own with ``options``.
    """

    name = 'generic with NFS'
    features = lab.Features(revert=True, fills=0.9, access=lab.Access(
        ip_versions=frozenset({4, 6})))
    budgets = lab.Budgets(
        create=16, delete=15, update_access=2, update_access_unchanged=1,
        ensure_1000=2, stats=1, resize=8)
    faults = tuple(lab.Fault(name, place=generic_trouble.place(name))
                   for name in generic_trouble.STRUCK)
    copied = True
    secrets = (PASSWORD, CLOUD_PASSWORD)
    driver_class: Callable[..., Any] = driver.GenericShareDriver
    make_site = Site
    make_storage = site.Memory

    def __init__(self, site: Site | None = None, **options: object) -> None:
        # keystoneauth1 compares the end of a token with the real time.
        super().__init__(site, options, Clock(time.time()))
        self.cloud = generic.SimulatedCloud(
            self.clock, self.clock.sleep, password=PASSWORD,
            options=openstack.CloudOptions(
                boot=0, disk_slots=10_000, pool_gib=100_000))
        self.sim = self.cloud.sim
        self.sim.password = CLOUD_PASSWORD
        service = self.sim.keystone.project('service').id
        self.sim.cinder.store.limits[service] = {
            **cinderstore.QUOTAS, 'volumes': 5000, 'snapshots': 5000,
            'gigabytes': 100_000}
        #: Manila's, which outlives drivers.
        self.storage = type(self).make_storage()
        self.trouble = generic_trouble.Trouble()
        self.begin()

    def begin(self) -> None:
        """Make what an operator makes."""
        self.server = self.cloud.add_server(generic.SERVER, NETWORK)

    @property
    def machine(self) -> guest.Machine:
        """The service instance."""
        found: guest.Machine = self.sim.machine(self.server['id'])
        return found

    # What every lab has to tell

    def wiring(self) -> dict[str, Any]:
        process = seam.Process(self.seam)
        return {'now': self.clock, 'sleep': self.clock.sleep,
                'private_storage': self.storage,
                'cloud_adapter': generic_trouble.SeamedCloud(self, process),
                'make_runner': generic_trouble.SeamedRunners(self, process)}

    def records(self) -> dict[lab.Item, Any]:
        """Shares as users and operators see them.

        Sizes are those of file systems: a volume that was larger before
        stays so.
        """
        found: dict[lab.Item, Any] = {}
        with self.sim.lock:
            self.sim.settle()
            with self.machine.lock:
                # What ends by itself has ended, though nobody has looked.
                self.machine.system.settle()
            projects = {one.id: one.name for one
                        in self.sim.keystone.projects.values()}
            store = self.sim.cinder.store
            names = {volume.id: volume.name or volume.id
                     for volume in store.volumes.values()}
            for volume in store.volumes.values():
                found[_free(found, (
                    'volume', projects[volume.project_id],
                    names[volume.id]))] = (
                    sorted(volume.metadata.items()), bool(volume.attached),
                    _content(volume.disk))
            for snapshot in store.snapshots.values():
                found[_free(found, (
                    'snapshot', projects[snapshot.project_id],
                    snapshot.name or ''))] = (
                    names.get(snapshot.volume_id),
                    sorted(snapshot.metadata.items()))
        for item, value in self.machine.records().items():
            if item[0] == 'mount' and isinstance(value, tuple):
                value = (names.get(value[0]), *value[1:])
            if item[0] == 'fstab':
                # A repetition has another volume of the same name.
                for ident, name in names.items():
                    value = str(value).replace(ident[:20], f'<{name}>')
            if item[0] == 'section' and isinstance(value, tuple):
                # Said, or taken for granted.
                value = tuple(one for one in value
                              if one != ('available', 'yes'))
            found['server', *item] = value
        return found

    def effective(self, export: str, client: str) -> lab.Level:
        if _is_address(client):
            return self.cloud.level(client, export)
        return self.cloud.level('10.99.0.9', export, client)

    def write(self, export: str, size: int) -> None:
        self._file_system(export).ballast = size

    def _file_system(self, export: str) -> disk.FileSystem:
        machine, proto, where = self.cloud.place(export)
        assert machine is not None
        path = machine.system.smb.registry.get(where, {}).get(
            'path', f'/shares/{where}') if proto == 'CIFS' else where
        mounted = machine.system.mounts.at(path)
        assert mounted is not None
        content: disk.FileSystem = mounted.content
        return content

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.sim.settle()

    def pause(self) -> None:
        self.advance(login.AGAIN)

    # What makes more of the suites run

    def arm(self, fault: lab.Fault, nth: int, *, lasting: bool) -> None:
        self.trouble.arm(fault.name, nth, lasting=lasting)

    def heal(self) -> None:
        self.trouble.disarm()
        self.sim.disarm()

    def away(self, seconds: float) -> None:
        self.sim.disarm()
        self.sim.arm(faults.Fault('status', code=503, before=True,
                                  lasts=seconds))
        self.trouble.away_until = self.clock() + seconds

    def slow_clones(self) -> None:
        # More than a call persists; a deletion looks every five seconds.
        self.sim.options.clone_volume = 300.0

    def plant_strangers(self, ids: Sequence[str] = ()) -> None:
        """Look-alikes of the shares with these ids, and plain others."""
        self._volume('a-strangers-volume')
        for ident in ids:
            for name in (f'manila-share-{ident}-1', f'xmanila-share-{ident}',
                         f'manila-share-{ident[:-1]}'):
                self._volume(name)
            # The same name, in another project, and of another share.
            self._volume(f'manila-share-{ident}', user='demo')
            self._volume(f'manila-share-{ident}', metadata={
                'manila_share_instance_id': 'another'})
            self._kept('10.9.9.9', f'/shares/share-{ident}-1')

    def _volume(self, name: str, size: int = 1, user: str = generic.USER,
                metadata: Mapping[str, str] | None = None) -> str:
        ident = self._asked(name, size, user, metadata)
        self.advance(10.0)
        return ident

    def _asked(self, name: str, size: int = 1, user: str = generic.USER,
               metadata: Mapping[str, str] | None = None) -> str:
        status, told = self.sim.ask('POST', '/volume/v3/volumes', {
            'volume': {'name': name, 'size': size,
                       'metadata': dict(metadata or {})}}, user=user)
        assert status == 202, told
        return str(told['volume']['id'])

    def _export(self, client: str, path: str, level: str = 'rw') -> None:
        self.machine.execute(['exportfs', '-i', '-o', f'{level},sync',
                              f'{client}:{path}'])

    def _kept(self, client: str, path: str, level: str = 'rw') -> None:
        """Export also after a reboot, as Manila's own driver does."""
        self._export(client, path, level)
        have = self.machine.execute(['cat', '/etc/exports']).stdout
        self.machine.execute(
            ['tee', '/etc/exports'], f'{have}{path}\t{client}({level},sync,'
            f'wdelay,hide,no_subtree_check,sec=sys,secure,root_squash)\n')

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._open_to_all, self._lose_exports, self._lose_file]

    def _open_to_all(self, export: str, choice: random.Random) -> None:
        self._export(choice.choice(['*', '10.0.0.0/8']),
                     self.cloud.place(export)[2], choice.choice(['rw', 'ro']))

    def _lose_exports(self, export: str, choice: random.Random) -> None:
        path = self.cloud.place(export)[2]
        for item in self.machine.records():
            if item[:2] == ('export', path):
                self.machine.execute(['exportfs', '-u', f'{item[2]}:{path}'])

    def _lose_file(self, export: str, choice: random.Random) -> None:
        self._lose_exports(export, choice)
        name = self.cloud.place(export)[2].rpartition('/')[2]
        self.machine.execute(['rm', '-f', '--',
                              f'/etc/exports.d/manila-{name}.exports'])

    def drifts(self) -> list[lab.Drift]:
        drift = lab.Drift
        return [
            drift('unmounted', self._unmount),
            drift('detached', self._detach),
            drift('rebooted', lambda ident: self.machine.reboot(),
                  visible=False),
            drift('exports lost', lambda ident: self._lose_file(
                f'{self.server["address"]}:/shares/share-{ident}',
                random.Random(0)), 'reapply'),  # noqa: S311
            drift('volume gone', self._lose_volume, 'lost')]

    def _unmount(self, ident: str) -> None:
        self.machine.unmount(f'/shares/share-{ident}')

    def _named(self, ident: str) -> str:
        found = [volume.id for volume
                 in self.sim.cinder.store.volumes.values()
                 if volume.name == f'manila-share-{ident}'
                 and volume.attached]
        return str(found[0])

    def _detach(self, ident: str) -> None:
        volume = self._named(ident)
        self.sim.ask(
            'DELETE', f'/compute/v2.1/servers/{self.server["id"]}/'
            f'os-volume_attachments/{volume}', user=generic.USER)
        self.advance(10.0)

    def _lose_volume(self, ident: str) -> None:
        volume = self._named(ident)
        self._detach(ident)
        self.sim.ask('DELETE', f'/volume/v3/volumes/{volume}',
                     user=generic.USER)
        self.advance(10.0)

    # Without the driver

    def make_unmanaged(self, name: str) -> lab.Unmanaged:
        ident = self._volume(name, 3)
        path = f'{LEGACY}/{name}'
        self._mount(ident, path)
        self._kept('10.0.0.7', path)
        self._kept('10.1.2.3', path, 'ro')
        return lab.Unmanaged(f'{self.server["address"]}:{path}', 3,
                             {'10.0.0.7': 'rw', '10.1.2.3': 'ro'},
                             {'volume_id': ident})

    def _mount(self, volume_id: str, path: str) -> None:
        """Attach a volume, and mount a file system on it, by hand."""
        self.sim.disk(volume_id).content = disk.FileSystem(
            'ext4', '5a1e0000-0000-4000-8000-' + volume_id[-12:],
            self.sim.disk(volume_id).size, ballast=GiB // 2)
        self._attach(volume_id)
        self._appears()
        self.machine.execute(['mkdir', '-p', path])
        device = self._devices()[volume_id[:20]]
        done = self.machine.execute(['mount', '-t', 'ext4', device, path])
        assert not done.status, done

    def _appears(self) -> None:
        """Wait for what is attached: one thing leads to the next."""
        for _ in range(5):
            self.advance(10.0)
            self.machine.system.settle()

    def _attach(self, volume_id: str) -> None:
        self.sim.ask(
            'POST', f'/compute/v2.1/servers/{self.server["id"]}/'
            f'os-volume_attachments', {'volumeAttachment': {
                'volumeId': volume_id}}, user=generic.USER)

    def make_shares(self, ids: Sequence[str]) -> None:
        """As the driver leaves them, before their first rules."""
        made = {ident: self._asked(f'manila-share-{ident}', metadata={
            'manila_share_instance_id': ident}) for ident in ids}
        self.advance(60.0)
        for ident, volume in made.items():
            self.sim.disk(volume).content = disk.FileSystem(
                'ext4', ident, GiB, mode='777', reserved=0)
            self._attach(volume)
            self.storage.update(ident, {'volume_id': volume})
        self._appears()
        devices = self._devices()
        lines = []
        for ident, volume in made.items():
            path = f'/shares/share-{ident}'
            self.machine.execute(['mkdir', '-p', path])
            self.machine.execute(['mount', '-t', 'ext4',
                                  devices[volume[:20]], path])
            lines.append(f'/dev/disk/by-id/virtio-{volume[:20]} {path} '
                         f'ext4 defaults,nofail,'
                         f'x-systemd.device-timeout=300s 0 2\n')
        self.machine.system.tree.text['/etc/fstab'] += ''.join(lines)

    def _devices(self) -> dict[str, str]:
        """Return disks by the beginning of their serial numbers."""
        listed = self.machine.execute(
            ['lsblk', '-dbnrpo', 'NAME,MAJ:MIN,SIZE,TYPE,SERIAL']).stdout
        return {line.split()[-1][:20]: line.split()[0]
                for line in listed.splitlines()}

    def make_unmanaged_snapshot(self, export: str, name: str) -> str:
        path = self.cloud.place(export)[2]
        mounted = self.machine.system.mounts.at(path)
        assert mounted is not None
        _, told = self.sim.ask('POST', '/volume/v3/snapshots', {'snapshot': {
            'name': name, 'volume_id': mounted.slot.device.id,
            'force': True}}, user=generic.USER, version='3.60')
        self.advance(60.0)
        return str(told['snapshot']['id'])


def _free(found: Mapping[lab.Item, Any], item: lab.Item) -> lab.Item:
    while item in found:
        item += ('again',)
    return item


def _content(device: Any) -> Any:
    content = getattr(device, 'content', None)
    if content is None:
        return None
    if not isinstance(content, disk.FileSystem):
        return repr(content)
    return (content.kind, content.uuid, content.size, content.ballast,
            content.mode, sorted(content.files))


def _is_address(client: str) -> bool:
    return client.replace('.', '').isdigit() or ':' in client


class GenericLabs(site.Labs[Site]):
    """Makes labs that share one configuration; each has its own cloud."""

    def __init__(self, lab_class: type[GenericLab] = GenericLab,
                 **options: object) -> None:
        super().__init__(Site, lab_class, **options)
