# SPDX-License-Identifier: Apache-2.0

"""Damage that is planted beside healthy shares on a simulated VAST cluster."""

import dataclasses
from typing import Any
import uuid

from manila_drivers.audit import differences
from tests.unit.direct import bench

GIB = 2 ** 30
NETWORK = bench.TARGETS['vast'][0]


@dataclasses.dataclass(frozen=True)
class Plant:
    """One kind of damage, and what an audit has to say of it.

    ``kinds`` are those of the findings; ``mended`` says that the repair leaves
    none.
    """

    work: Any
    kinds: tuple[str, ...]
    mended: bool = True


def policy(sim, share, **fields):
    sim.change('policy', share.id, **fields)


def _lists(write, read=()):
    """Return the fields of a policy that lets these in."""
    return {'nfs_read_write': list(write), 'read_write': list(write),
            'nfs_read_only': list(read), 'read_only': list(read)}


def orphan(place, share):
    place.cluster.sim.make_share(str(uuid.uuid4()), rw=['10.9.9.9'])


def orphan_quota(place, share):
    ident = str(uuid.uuid4())
    place.cluster.sim.make_share(ident)
    place.cluster.sim.remove('view', ident)
    place.cluster.sim.remove('policy', ident)


def orphan_policy(place, share):
    ident = str(uuid.uuid4())
    place.cluster.sim.make_share(ident)
    place.cluster.sim.remove('view', ident)
    place.cluster.sim.remove('quota', ident)


def orphan_snapshot(place, share):
    place.cluster.sim.perform('POST', 'snapshots', {
        'name': f'share-snapshot-{uuid.uuid4()}', 'path': path_of(share)
        + '/'})


def orphan_clone(place, share):
    sim = place.cluster.sim
    sim.perform('POST', 'snapshots', {'name': 'of-somebody',
                                      'path': path_of(share) + '/'})
    ident = uuid.uuid4()
    sim.perform('POST', 'snapshots', {
        'name': f'manila-{ident}', 'loanee_root_path': f'/gone-{ident}',
        'loanee_tenant_id': sim.tenant_id('default'), 'enabled': True},
        sim.record('snapshot', 'of-somebody')['id'], 'clone')


def lost(place, share):
    sim = place.cluster.sim
    for kind in ('view', 'quota', 'policy'):
        sim.remove(kind, share.id)
    sim.remove('directory', path_of(share))


def lost_directory(place, share):
    place.cluster.sim.remove('view', share.id)
    place.cluster.sim.remove('directory', path_of(share))


def remove(kind):
    return lambda place, share: place.cluster.sim.remove(kind, share.id)


def size(gib):
    return lambda place, share: place.cluster.sim.change(
        'quota', share.id, hard_limit=gib * GIB)


def access(*write, **more):
    return lambda place, share: policy(
        place.cluster.sim, share, **_lists(write, more.get('read', ())))


def squash(place, share):
    policy(place.cluster.sim, share, nfs_no_squash=[],
           nfs_root_squash=['*'])


def detach(place, share):
    place.cluster.sim.change('view', share.id, policy='default', policy_id=1)


def bind_elsewhere(place, share):
    sim = place.cluster.sim
    number = sim.add_pool('elsewhere', '10.77.0.1')
    policy(sim, share, vip_pools=[number],
           permission_per_vip_pool={str(number): 'RW'})


def second_view(place, share):
    sim = place.cluster.sim
    sim.perform('POST', 'views', {
        'name': 'back-door', 'path': path_of(share) + '/inside',
        'create_dir': True, 'protocols': ['NFS'], 'policy_id': 1})


def smb(place, share):
    place.cluster.sim.change('view', share.id, protocols=['NFS', 'SMB'])


def apart(place, share):
    sim = place.cluster.sim
    sim.make_directory('/elsewhere')
    sim.change('quota', share.id, path='/elsewhere')


def lost_snapshot(place, share):
    with place.backend() as backend:
        taken = backend.shares.get(share.id).snapshot('to-be-lost')
    place.cluster.sim.remove('snapshot', f'share-snapshot-{taken.id}')


def registry(kind, **values):
    """Change a record as a process leaves it that is killed."""
    def work(place, share):
        with place.backend() as backend:
            found = getattr(backend.registry, kind).all(
                **{'id' if kind == 'shares' else 'share_id': share.id})
            getattr(backend.registry, kind).change(found[0], **values)
    return work


def snapshot_left(status):
    def work(place, share):
        with place.backend() as backend:
            taken = backend.shares.get(share.id).snapshot('half-done')
            record = backend.registry.snapshots.get(taken.id)
            backend.registry.snapshots.change(record, status=status)
        if status == 'creating':
            place.cluster.sim.remove('snapshot',
                                     f'share-snapshot-{taken.id}')
    return work


def creation_cut_off(place, share):
    """Of a share that is being made the policy and the quota are there."""
    with place.backend() as backend:
        backend.shares.get(share.id).deny(NETWORK)
    registry('shares', status='creating', task={'name': 'create'})(
        place, share)
    place.cluster.sim.remove('view', share.id)


def copying(place, share):
    """The share is still being filled, and recorded as whole."""
    sim = place.cluster.sim
    sim.options.clone_delay = 3600.0
    sim.perform('POST', 'snapshots', {'name': 'source',
                                      'path': path_of(share) + '/'})
    name = f'manila-{share.id}'
    sim.perform('POST', 'snapshots', {
        'name': name, 'loanee_root_path': f'/copy-{share.id}',
        'loanee_tenant_id': sim.tenant_id('default'), 'enabled': True},
        sim.record('snapshot', 'source')['id'], 'clone')


def path_of(share):
    return '/' + share.locations[0].partition(':/')[2]


_D = differences
PLANTS = {
    'orphan share': Plant(orphan, (_D.ORPHAN_SHARE,), mended=False),
    'orphan quota': Plant(orphan_quota, (_D.ORPHAN_SHARE,), mended=False),
    'orphan policy': Plant(orphan_policy, (_D.ORPHAN_SHARE,), mended=False),
    'orphan snapshot': Plant(orphan_snapshot, (_D.ORPHAN_SNAPSHOT,),
                             mended=False),
    'orphan clone': Plant(orphan_clone, (_D.ORPHAN_CLONE,), mended=False),
    'share lost': Plant(lost, (_D.LOST_SHARE,), mended=False),
    'directory lost': Plant(lost_directory, (_D.LOST_SHARE,), mended=False),
    'view lost': Plant(remove('view'), (_D.LOST_PART,)),
    'quota lost': Plant(remove('quota'), (_D.LOST_PART,)),
    'policy lost': Plant(remove('policy'), (_D.LOST_PART,)),
    'larger': Plant(size(7), (_D.SIZE,)),
    'smaller': Plant(size(1), (_D.SIZE,)),
    'without limit': Plant(size(0), (_D.SIZE,)),
    'open to all': Plant(access(NETWORK, '*'), (_D.WIDER,)),
    'another client': Plant(access(NETWORK, '203.0.113.7'), (_D.WIDER,)),
    'a netgroup': Plant(access(NETWORK, '@staff'), (_D.WIDER,)),
    'only for reading': Plant(access(read=[NETWORK]), (_D.NARROWER,)),
    'closed': Plant(access(), (_D.NARROWER,)),
    'half a network': Plant(access('192.0.2.0/25'), (_D.NARROWER,)),
    'other clients': Plant(access('203.0.113.7'),
                           (_D.WIDER, _D.NARROWER)),
    'squashed otherwise': Plant(squash, (_D.SETTING,)),
    'view under another policy': Plant(detach, (_D.WIDER,)),
    'bound to another pool': Plant(bind_elsewhere, (_D.SETTING,)),
    'a second view': Plant(second_view, (_D.ODD,), mended=False),
    'served by SMB': Plant(smb, (_D.ODD,), mended=False),
    'view and quota apart': Plant(apart, (_D.LOST_SHARE,), mended=False),
    'snapshot lost': Plant(lost_snapshot, (_D.LOST_SNAPSHOT,),
                           mended=False),
    'resize cut off': Plant(registry('shares', status='resizing', task={
        'name': 'resize', 'size': 3, 'shrink': False, 'highest': 3}),
        (_D.UNFINISHED_SHARE,)),
    'creation cut off': Plant(creation_cut_off, (_D.UNFINISHED_SHARE,)),
    'deletion cut off': Plant(registry(
        'shares', status='deleting', task={'name': 'delete'}),
        (_D.UNFINISHED_SHARE,)),
    'rule being given': Plant(registry('rules', state='applying'),
                              (_D.UNFINISHED_RULE,)),
    'rule being taken': Plant(registry('rules', state='denying'),
                              (_D.UNFINISHED_RULE,)),
    'snapshot being taken': Plant(snapshot_left('creating'),
                                  (_D.UNFINISHED_SNAPSHOT,)),
    'snapshot being removed': Plant(snapshot_left('deleting'),
                                    (_D.UNFINISHED_SNAPSHOT,)),
    'copy still going on': Plant(copying, (_D.COPY,), mended=False),
}
