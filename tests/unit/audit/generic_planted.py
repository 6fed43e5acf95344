# SPDX-License-Identifier: Apache-2.0

"""Damage that is planted beside healthy shares in a simulated cloud."""

import dataclasses
import time
import uuid

import manila_drivers
from manila_drivers.audit import differences as found
from manila_drivers.testing.backends import generic
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from tests.unit.audit import planted
from tests.unit.audit.planted import Plant
from tests.unit.direct import bench

NETWORK, STRANGER = '192.0.2.0/24', '203.0.113.7'
PASSWORD = 'of the cloud'  # noqa: S105 - a simulator's
AUTH = {'auth_type': 'password', 'username': 'manila',
        'auth_url': 'http://cloud.invalid/identity/v3',
        'password': PASSWORD, 'project_name': 'service',
        'user_domain_name': 'Default', 'project_domain_name': 'Default'}


class CloudPlace:
    """A cloud with one service instance, where damage is planted."""

    @property
    def store(self):
        return self.sim.cinder.store

    @property
    def machine(self):
        return self.sim.machine(self.server['id'])

    def run(self, *words, stdin=''):
        result = self.machine.execute(words, stdin)
        assert result.status == 0, (words, result)
        return result.stdout


def roomy(sim):
    """Have a cloud hold thousands of volumes, on one server too."""
    sim.options.disk_slots, sim.options.pool_gib = 10_000, 100_000
    sim.cinder.store.limits[sim.keystone.project('service').id] = {
        **cinderstore.QUOTAS, 'volumes': 5000, 'snapshots': 5000,
        'gigabytes': 100_000}


class Place(CloudPlace):
    """A cloud with one service instance, inside this process."""

    def __init__(self, directory, monkeypatch):
        self.open()
        self.server = self.cloud.add_server()
        self.configure(
            directory, driver_handles_share_servers=False,
            service_instance_name_or_id=generic.SERVER,
            service_net_name_or_ip='shares', tenant_net_name_or_ip='shares')
        self.wire(monkeypatch)

    def open(self):
        """Open a cloud without any server."""
        # keystoneauth1 compares the end of a token with the real time.
        self.clock = Clock(time.time())
        self.cloud = generic.SimulatedCloud(
            self.clock, self.clock.sleep, password=PASSWORD,
            options=openstack.CloudOptions(boot=0))
        self.sim = self.cloud.sim
        self.sim.password = PASSWORD
        roomy(self.sim)

    def configure(self, directory, **options):
        self.conf = bench.write(directory / 'manila.conf', {
            'generic': {
                'share_driver': generic.DRIVER,
                'service_instance_user': generic.USER,
                'service_instance_password': PASSWORD,
                'generic_max_volumes_per_server': 5000, **options},
            **dict.fromkeys(generic.GROUPS, AUTH)}, state_path=directory)

    def wire(self, monkeypatch):
        """Have drivers reach the cloud inside this process."""
        # In an environment with Manila this brings Manila along.
        from manila_drivers.generic import driver
        build, wiring = driver.GenericShareDriver.build_backend, {
            'cloud_adapter': openstack.CloudAdapter(self.sim,
                                                    self.clock.sleep),
            'make_runner': self.cloud.runner, 'clock': self.clock,
            'sleep': self.clock.sleep}

        def wired(made):
            made.injected = wiring
            return build(made)
        monkeypatch.setattr(driver.GenericShareDriver, 'build_backend',
                            wired)

    def backend(self):
        return manila_drivers.Backend.load(self.conf, 'generic')

    def mark(self):
        return self.sim.mark(), len(self.machine.ran)

    def requests(self, mark):
        """Return requests but logins, and commands that were run."""
        return [line for line in self.sim.requests(mark[0])
                if 'identity' not in line], self.machine.ran[mark[1]:]

    def inventory(self):
        self.sim.settle()
        return frozenset(
            {('volume', one.id, one.status, one.size, bool(one.attached))
             for one in self.store.volumes.values()}
            | {('snapshot', one.id, one.status)
               for one in self.store.snapshots.values()}
            | self.machine.inventory())


def volume(place, share):
    return next(one for one in place.store.volumes.values()
                if one.metadata.get('manila_share_instance_id') == share.id)


def path_of(share):
    return f'/shares/share-{share.id}'


def make_volume(place, ident, name):
    status, told = place.sim.ask('POST', '/volume/v3/volumes', {'volume': {
        'name': name, 'size': 1, 'metadata': {
            'manila_share_instance_id': str(ident)} if ident else {}}},
        user='manila')
    assert status == 202, told
    place.clock.sleep(60)
    place.sim.settle()


def orphan(place, share):
    ident = uuid.uuid4()
    make_volume(place, ident, f'manila-share-{ident}')


def second_volume(place, share):
    make_volume(place, share.id, f'manila-share-{share.id}')


def orphan_snapshot(place, share):
    ident = uuid.uuid4()
    status, told = place.sim.ask('POST', '/volume/v3/snapshots', {
        'snapshot': {'volume_id': volume(place, share).id, 'force': True,
                     'name': f'manila-snapshot-{ident}', 'metadata': {
                         'manila_snapshot_instance_id': str(ident)}}},
        user='manila')
    assert status == 202, told
    place.clock.sleep(60)
    place.sim.settle()


def detached(place, share):
    """Nova has let go of a volume, as when a server is rescued."""
    one = volume(place, share)
    place.run('umount', path_of(share))
    status, told = place.sim.ask(
        'DELETE', f'/compute/v2.1/servers/{place.server["id"]}'
        f'/os-volume_attachments/{one.id}', user='manila')
    assert status == 202, told
    for _ in range(20):
        place.clock.sleep(5)
        place.sim.settle()
    assert not volume(place, share).attached


def lost(place, share):
    detached(place, share)
    del place.store.volumes[volume(place, share).id]


def unmounted(place, share):
    place.run('umount', path_of(share))


def unlisted(place, share):
    kept = [line for line in place.run('cat', '/etc/fstab').splitlines()
            if share.id not in line]
    place.run('tee', '/etc/fstab', stdin='\n'.join([*kept, '']))


def status(text):
    def work(place, share):
        volume(place, share).status = text
    return work


def snapshot(place, share):
    with place.backend() as backend:
        taken = backend.shares.get(share.id).snapshot()
    return next(one for one in place.store.snapshots.values()
                if one.metadata.get('manila_snapshot_instance_id')
                == taken.id)


def lost_snapshot(place, share):
    del place.store.snapshots[snapshot(place, share).id]


def broken_snapshot(text):
    def work(place, share):
        snapshot(place, share).status = text
    return work


def snapshot_left(status):
    """Change a snapshot's record as a process leaves it that is killed."""
    def work(place, share):
        with place.backend() as backend:
            taken = backend.shares.get(share.id).snapshot(f'half-{status}')
            record = backend.registry.snapshots.get(taken.id)
            backend.registry.snapshots.change(record, status=status)
        if status == 'creating':
            for ident, one in list(place.store.snapshots.items()):
                if one.metadata.get(
                        'manila_snapshot_instance_id') == taken.id:
                    del place.store.snapshots[ident]
    return work


def creation_cut_off(place, share):
    """Of a share that is being made the volume is there, and not mounted."""
    with place.backend() as backend:
        backend.shares.get(share.id).deny(NETWORK)
    unmounted(place, share)
    planted.registry('shares', status='creating', task={'name': 'create'})(
        place, share)


def recorded(gib):
    """Have another size than the share: it was changed behind its record."""
    return planted.registry('shares', size=gib)


# -- NFS ---------------------------------------------------------------------

def export(client, level='rw', path='{}', options='no_root_squash'):
    def work(place, share):
        place.run('exportfs', '-i', '-o', f'{level},{options}',
                  f'{client}:{path.format(path_of(share))}')
    return work


def read_only(place, share):
    export(NETWORK, 'ro')(place, share)


def closed(place, share):
    place.run('exportfs', '-u', f'{NETWORK}:{path_of(share)}')


def file_lost(place, share):
    name = f'/etc/exports.d/manila-share-{share.id}.exports'
    place.run('cat', name)
    place.run('rm', '-f', '--', name)


def line_of_others(place, share):
    place.run('tee', '/etc/exports',
              stdin=f'{path_of(share)} {STRANGER}(rw,sync)\n')


def fstab_left(place, share):
    ident = uuid.uuid4()
    place.run('tee', '-a', '/etc/fstab', stdin=(
        f'UUID={ident} /shares/share-{ident} ext4 defaults,nofail 0 2\n'))


# -- Samba -------------------------------------------------------------------

def parameter(**values):
    def work(place, share):
        for key, value in values.items():
            words = ('net', 'conf', 'setparm' if value else 'delparm',
                     f'share-{share.id}', key.replace('_', ' '))
            place.run(*words, *([value] if value else []))
    return work


def section_lost(place, share):
    place.run('net', 'conf', 'delshare', f'share-{share.id}')


def second_section(place, share):
    place.run('net', 'conf', 'addshare', 'back-door', path_of(share))


def section_of_nothing(place, share):
    place.run('net', 'conf', 'addshare', f'share-{uuid.uuid4()}',
              f'/shares/share-{uuid.uuid4()}')


def attached_twice(place, share):
    """An operator attaches a volume to another server as well."""
    held = volume(place, share).attached
    held.append(dataclasses.replace(held[0], server_id=str(uuid.uuid4()),
                                    attachment_id=str(uuid.uuid4())))


PLANTS = {
    'orphan volume': Plant(orphan, (found.ORPHAN_SHARE,), mended=False),
    'second volume': Plant(second_volume, (found.ODD,), mended=False),
    'orphan snapshot': Plant(orphan_snapshot, (found.ORPHAN_SNAPSHOT,),
                             mended=False),
    # With its exports and its line of fstab, which no share has then.
    'volume lost': Plant(lost, (found.LOST_SHARE, found.LEFT), mended=False),
    'volume detached': Plant(detached, (found.LOST_PART,)),
    'not mounted': Plant(unmounted, (found.LOST_PART,)),
    'not mounted by a boot': Plant(unlisted, (found.LOST_PART,)),
    'volume in an odd status': Plant(status('maintenance'), (found.ODD,),
                                     mended=False),
    'volume attached twice': Plant(attached_twice, (found.ODD,),
                                   mended=False),
    'snapshot lost': Plant(lost_snapshot, (found.LOST_SNAPSHOT,),
                           mended=False),
    'snapshot broken': Plant(broken_snapshot('error'), (
        found.LOST_SNAPSHOT,), mended=False),
    'snapshot without an end': Plant(broken_snapshot('creating'), (
        found.NOT_SEEN,), mended=False),
    'smaller': Plant(recorded(3), (found.SIZE,)),
    'larger': Plant(recorded(1), (found.SIZE,)),
    'another client': Plant(export(STRANGER), (found.WIDER,)),
    'open to all': Plant(export('*'), (found.WIDER,)),
    'a netgroup': Plant(export('@staff'), (found.WIDER,)),
    'closed': Plant(closed, (found.NARROWER,)),
    'only for reading': Plant(read_only, (found.NARROWER,)),
    'file of exports lost': Plant(file_lost, (found.SETTING,)),
    'a line in /etc/exports': Plant(line_of_others, (found.WIDER,)),
    'a directory in it': Plant(export(STRANGER, path='{}/inside'), (
        found.ODD,), mended=False),
    'all shares': Plant(export(STRANGER, path='/shares'), (found.ODD,),
                        mended=False),
    'export of nothing': Plant(export(STRANGER, path='/shares/share-gone'), (
        found.LEFT,), mended=False),
    'line of fstab left': Plant(fstab_left, (found.LEFT,), mended=False),
    'rule being given': planted.PLANTS['rule being given'],
    'rule being taken': planted.PLANTS['rule being taken'],
    'creation cut off': Plant(creation_cut_off, (found.UNFINISHED_SHARE,)),
    'snapshot being taken': Plant(snapshot_left('creating'),
                                  (found.UNFINISHED_SNAPSHOT,)),
    'snapshot being removed': Plant(snapshot_left('deleting'),
                                    (found.UNFINISHED_SNAPSHOT,)),
    'resize cut off': planted.PLANTS['resize cut off'],
    'deletion cut off': planted.PLANTS['deletion cut off']}

SAMBA = {
    'open to all': Plant(parameter(hosts_deny='', hosts_allow=''), (
        found.WIDER,)),
    'another client': Plant(parameter(
        hosts_allow=f'{NETWORK} {STRANGER}'), (found.WIDER,)),
    'closed': Plant(parameter(hosts_allow=''), (found.NARROWER,)),
    'only for reading': Plant(parameter(read_only='yes'), (
        found.NARROWER,)),
    'section lost': Plant(section_lost, (found.NARROWER,)),
    'a second section': Plant(second_section, (found.ODD,), mended=False),
    'section of nothing': Plant(section_of_nothing, (found.LEFT,),
                                mended=False)}
