# SPDX-License-Identifier: Apache-2.0

"""An audit of GlusterFS finds each damage once, and no other."""

import collections
import uuid

import pytest

from manila_drivers.audit import differences
from manila_drivers.glusterfs import inventory as listing
from manila_drivers.testing.backends import gluster
from manila_drivers.testing.simulators.gluster import sim as simulated
from tests.unit.audit import planted
from tests.unit.audit.planted import Plant
from tests.unit.direct import bench

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
    'resize cut off': planted.PLANTS['resize cut off'],
    'deletion cut off': planted.PLANTS['deletion cut off'],
}


def cluster():
    """Return a cluster that has a volume for each damage."""
    sim = gluster.new()
    for number in range(gluster.VOLUMES, len(PLANTS) + 6):
        sim.make_volume('manila-volume-%d' % number, size=gluster.SIZE)
    return gluster.Cluster(sim)


@pytest.fixture
def place(tmp_path):
    with bench.bench('gluster', tmp_path, cluster) as made:
        yield made


def healthy(backend):
    one = backend.shares.create(size=2, name='plain')
    one.allow('bob')
    one.snapshot('kept').clone('clone')
    backend.shares.create(size=2, name='no rule')


def victim(backend, name='victim'):
    share = backend.shares.create(size=2, name=name)
    share.allow('alice')
    return share


def kinds(report):
    return sorted(one.kind for one in report.differences)


def changing(place, mark):
    return [line for line in place.cluster.requests(mark)
            if not any(word in line for word in (' info', ' list',
                                                 '--version', ' status',
                                                 '--xml 0'))]


@pytest.mark.turns
@pytest.mark.parametrize('name', PLANTS)
def test_each_damage_is_found_once_and_mended(place, name):
    plant = PLANTS[name]
    with place.backend() as backend:
        healthy(backend)
        share = victim(backend)
        assert backend.audit().differences == ()
        plant.work(place, share)
        before, mark = place.cluster.inventory(), place.cluster.mark()
        report = backend.audit()
        assert (kinds(report), report.unseen) == (
            sorted(plant.kinds), ()), report.differences
        assert bool(backend.repair_plan(report)) == plant.mended
        assert changing(place, mark) == []
        assert place.cluster.inventory() == before
        assert backend.repair(report) == []
        after = backend.audit()
        assert kinds(after) == ([] if plant.mended
                                else sorted(plant.kinds)), after.differences


@pytest.mark.turns('all damages at once')
def test_all_at_once_are_found_and_mended(place):
    with place.backend() as backend:
        healthy(backend)
        victims = {name: victim(backend, name) for name in PLANTS}
        for name, plant in PLANTS.items():
            plant.work(place, victims[name])
        report = backend.audit()
        assert collections.Counter(kinds(report)) == collections.Counter(
            kind for plant in PLANTS.values() for kind in plant.kinds), [
                str(one) for one in report.differences]
        assert backend.repair(report) == []
        assert collections.Counter(kinds(
            backend.audit())) == collections.Counter(
                kind for plant in PLANTS.values() if not plant.mended
                for kind in plant.kinds)


@pytest.mark.turns
@pytest.mark.parametrize(('name', 'what', 'instead'), [
    ('orphan snapshot', '_snapshots', lambda self, volumes, found: iter(())),
    ('larger', '_limits', lambda self, found, unread: {}),
    ('orphan share', '_has', lambda self, each: False)])
def test_a_blind_audit_is_caught(place, monkeypatch, name, what, instead):
    monkeypatch.setattr(listing.GlusterInventory, what, instead)
    with pytest.raises(AssertionError):
        test_each_damage_is_found_once_and_mended(place, name)


@pytest.mark.turns('cost of an audit')
def test_commands_do_not_grow_with_shares(place):
    counts = {}
    with place.backend() as backend:
        for many in (2, 12):
            while len(backend.shares.list()) < many:
                victim(backend, f'share {len(backend.shares.list())}')
            backend.audit()
            mark = place.cluster.mark()
            assert backend.audit().differences == ()
            counts[many] = len(place.cluster.requests(mark))
    assert counts[2] == counts[12] <= 4, counts


def test_other_volumes_are_nobodys_orphans(place):
    sim: simulated.GlusterSim = place.cluster.sim
    sim.make_volume('of-another-backend',
                    user__manila_share=str(uuid.uuid4()))
    with place.backend() as backend:
        share = victim(backend)
        share.release()
        assert backend.audit().differences == ()
