# SPDX-License-Identifier: Apache-2.0

"""Damage that is planted beside healthy shares on a simulated GlusterFS."""

import uuid

from manila_drivers.audit import differences
from manila_drivers.testing.backends import gluster
from tests.unit.audit import planted
from tests.unit.audit.planted import Plant

D = differences
ALLOW, MARK = 'auth.ssl-allow', 'user.manila-share'


def volume(place, share):
    name = share.locations[0].partition(':/')[2]
    return place.cluster.sim.state.volumes[name]


def options(**values):
    def work(place, share):
        place.cluster.sim.change(volume(place, share).name, **values)
    return work


def without(option):
    return lambda place, share: volume(place, share).options.pop(option)


def allow(change):
    """Change the list of names, which begins with those of servers."""
    def work(place, share):
        found = volume(place, share).options
        found[ALLOW] = ','.join(change(found[ALLOW].split(',')))
    return work


def read_only(value):
    def work(place, share):
        volume(place, share).options['features.read-only'] = value
    return work


def orphan(place, share):
    place.cluster.sim.make_volume('manila-volume-70',
                                  user__manila_share=str(uuid.uuid4()))


def orphan_snapshot(place, share):
    place.cluster.sim.gluster(
        'snapshot', 'create', f'manila-{uuid.uuid4()}',
        volume(place, share).name, 'no-timestamp')


def lost(place, share):
    name = volume(place, share).name
    place.cluster.sim.gluster('volume', 'stop', name)
    place.cluster.sim.gluster('volume', 'delete', name)


def given_away(place, share):
    name = volume(place, share).name
    lost(place, share)
    place.cluster.sim.make_volume(name, user__manila_share='NONE')


def stopped(place, share):
    place.cluster.sim.gluster('volume', 'stop', volume(place, share).name)


def size(gib):
    def work(place, share):
        volume(place, share).limit = gib * planted.GIB
    return work


def lost_snapshot(place, share):
    with place.backend() as backend:
        taken = backend.shares.get(share.id).snapshot()
    place.cluster.sim.gluster('snapshot', 'delete', f'manila-{taken.id}')


def snapshot_left(status):
    """Change a snapshot's record as a process leaves it that is killed."""
    def work(place, share):
        with place.backend() as backend:
            taken = backend.shares.get(share.id).snapshot(f'half-{status}')
            record = backend.registry.snapshots.get(taken.id)
            backend.registry.snapshots.change(record, status=status)
        if status == 'creating':
            place.cluster.sim.gluster('snapshot', 'delete',
                                      f'manila-{taken.id}')
    return work


def creation_cut_off(place, share):
    """Of a share that is being made the volume is taken, and not bounded."""
    with place.backend() as backend:
        backend.shares.get(share.id).deny('alice')
    volume(place, share).limit = 0
    planted.registry('shares', status='creating', task={'name': 'create'})(
        place, share)


PLANTS = {
    'orphan share': Plant(orphan, (D.ORPHAN_SHARE,), mended=False),
    'orphan snapshot': Plant(orphan_snapshot, (D.ORPHAN_SNAPSHOT,),
                             mended=False),
    'volume lost': Plant(lost, (D.LOST_SHARE,), mended=False),
    'volume given away': Plant(given_away, (D.LOST_SHARE,), mended=False),
    'snapshot lost': Plant(lost_snapshot, (D.LOST_SNAPSHOT,), mended=False),
    'larger': Plant(size(7), (D.SIZE,)),
    'smaller': Plant(size(1), (D.SIZE,)),
    'another name': Plant(allow(lambda names: [*names, 'mallory']),
                          (D.WIDER,)),
    'open to all': Plant(without(ALLOW), (D.WIDER,)),
    'a name lost': Plant(allow(lambda names: [
        name for name in names if name != 'alice']), (D.NARROWER,)),
    'only for reading': Plant(read_only('on'), (D.NARROWER,)),
    'mark lost': Plant(without(MARK), (D.SETTING,)),
    'TLS off': Plant(options(client__ssl='off', server__ssl='off'),
                     (D.SETTING,)),
    'stopped': Plant(stopped, (D.SETTING,)),
    'exported by others': Plant(options(user__smb='on'), (D.ODD,),
                                mended=False),
    'rule being given': planted.PLANTS['rule being given'],
    'rule being taken': planted.PLANTS['rule being taken'],
    'creation cut off': Plant(creation_cut_off, (D.UNFINISHED_SHARE,)),
    'snapshot being taken': Plant(snapshot_left('creating'),
                                  (D.UNFINISHED_SNAPSHOT,)),
    'snapshot being removed': Plant(snapshot_left('deleting'),
                                    (D.UNFINISHED_SNAPSHOT,)),
    'without limit': Plant(size(0), (D.SIZE,)),
    'resize cut off': planted.PLANTS['resize cut off'],
    'deletion cut off': planted.PLANTS['deletion cut off'],
}


def cluster():
    """Return a cluster that has a volume for each damage."""
    sim = gluster.new()
    for number in range(gluster.VOLUMES, len(PLANTS) + 6):
        sim.make_volume('manila-volume-%d' % number, size=gluster.SIZE)
    return gluster.Cluster(sim)
