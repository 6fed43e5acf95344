# SPDX-License-Identifier: Apache-2.0

"""Tables of what is in a service instance, and what is wrong with that."""

import dataclasses
import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.generic import assessment
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import samba
from tests.unit.generic import test_planning as facts

ID, VOLUME, PATH, PLACE = facts.ID, facts.VOLUME, facts.PATH, facts.PLACE
OTHER_ID = '00000000-58a1-4b1e-9a51-0d6a8c8e7a22'
OTHER = f'/shares/share-{OTHER_ID}'
ROOT = '/shares'
but = dataclasses.replace
SERVED = PLACE.served(VOLUME, 2)
DISK = guest_records.FoundDisk('/dev/vdb', '252:16', 2 << 30, VOLUME[:20],
                               link=f'virtio-{VOLUME[:20]}')
ALIEN = guest_records.FoundDisk('/dev/vdc', '252:32', 1 << 30, 'alien')
LINE = guest_records.FstabLine(f'/dev/disk/by-id/{DISK.link}', PATH, 'ext4')
BY_UUID = but(LINE, spec='UUID=x')
MOUNT = guest_records.Mounted(PATH, '252:16', '/dev/vdb', 'ext4', disk=DISK)
WRONG = guest_records.Mounted(PATH, '252:32', '/dev/vdc', 'ext4', disk=ALIEN)
DEAD = guest_records.Mounted(PATH, '252:99', '/dev/vdx', 'ext4', gone=True)
#: A partition, a volume of LVM, a file system of several disks.
PARTITION = guest_records.Mounted(PATH, '252:17', '/dev/vdb1', 'ext4')
MAPPED = guest_records.Mounted(PATH, '253:0', '/dev/mapper/vg-a', 'xfs')
SEVERAL = guest_records.Mounted(PATH, '0:44', '/dev/vdc', 'btrfs')
MEMORY = guest_records.Mounted(PATH, '0:45', 'tmpfs', 'tmpfs')
PART = but(MOUNT, root='/part')
UNTOLD = exception.BackendError('not told')
FILE = f'manila-{PLACE.section}.exports'


def text(*paths):
    """Return a file with exports of some directories."""
    return ''.join(f'{path} 10.0.0.1(mp,rw,no_root_squash,fsid={ID})\n'
                   for path in paths)


def guest(*mounts, lines=(LINE,), disks=(DISK,), live=(), kept=(), others=(),
          sections=None):
    return guest_records.GuestFacts(
        'vm', tuple(disks), tuple(mounts), tuple(lines), {},
        kernel.KernelFacts(tuple(live), {FILE: text(*kept)},
                           others=tuple(others)),
        samba.SambaFacts(sections or {}))


def entry(path, client='10.0.0.1', level='rw'):
    options = 'mp', level, 'no_root_squash', f'fsid={ID}'
    return exports_text.ExportEntry(path, client, options)


NOTED = notes.ShareNote(VOLUME)
RULES = notes.digest({ipaddress.ip_network('10.0.0.1'): 'rw'})


@pytest.mark.parametrize(('found', 'note', 'health'), [
    (guest(MOUNT), NOTED, (True, False, False)),
    # The next boot would not mount it, or another one.
    (guest(MOUNT, lines=()), NOTED, (False, False, False)),
    (guest(MOUNT, lines=(BY_UUID,)), NOTED, (False, False, False)),
    (guest(), NOTED, (False, False, False)),
    (guest(disks=()), NOTED, (False, False, True)),
    (guest(WRONG, disks=(ALIEN,)), NOTED, (False, False, True)),
    (guest(WRONG, disks=(ALIEN, DISK)), NOTED, (False, False, False)),
    (guest(DEAD, disks=()), NOTED, (False, False, True)),
    (guest(PART), NOTED, (False, False, False)),
    # Taken over by its path alone.
    (guest(WRONG, lines=()), notes.ShareNote(), (True, False, False)),
    (guest(DEAD), notes.ShareNote(), (False, False, True)),
    (guest(PARTITION), notes.ShareNote(), (False, False, True)),
    (guest(), notes.ShareNote(), (False, False, True)),
    # Who reaches it is not what its rules were.
    (guest(MOUNT, live=[entry(PATH)]), NOTED, (True, True, False)),
    (guest(MOUNT), but(NOTED, rules=RULES), (True, True, False)),
    (guest(MOUNT), but(NOTED, rules=notes.digest({})), (True, False, False)),
    (guest(MOUNT, live=[entry(PATH)]), but(NOTED, adopted=True),
     (True, False, False)),
    (guest(MOUNT), but(NOTED, rules=RULES, adopted=True),
     (True, False, False))])
def test_health(found, note, health):
    assert assessment.in_guest(found, PLACE, note, opts.NFS) \
        == assessment.GuestHealth(*health)


CIFS = but(PLACE, proto='CIFS')
OPEN = samba.wanted(samba.SambaShare(PLACE.section, PATH, networks={
    ipaddress.ip_network('10.0.0.1'): 'rw'}))


@pytest.mark.parametrize(('sections', 'rules', 'reapply'), [
    ({}, '', False), ({PLACE.section: OPEN}, '', True),
    ({}, RULES, True), ({PLACE.section: {**OPEN, 'path': '/x'}}, RULES, True),
    ({PLACE.section: {**OPEN, 'hosts deny': ''}}, RULES, True)])
def test_who_is_let_in_by_samba_is_looked_at(sections, rules, reapply):
    found = guest(MOUNT, sections=sections)
    assert assessment.in_guest(found, CIFS, but(NOTED, rules=rules),
                               opts.CIFS_IP).reapply is reapply


@pytest.mark.parametrize(('mounts', 'intruder'), [
    ([], None), ([MOUNT], None), ([DEAD], None), ([WRONG], WRONG),
    ([PARTITION], PARTITION), ([MEMORY], MEMORY), ([PART], PART),
    ([WRONG, MOUNT], None), ([MOUNT, WRONG], WRONG)])
def test_what_is_in_the_place_of_a_share(mounts, intruder):
    assert assessment.intruder(guest(*mounts), SERVED) == intruder


@pytest.mark.parametrize(('mounts', 'abandoned'), [
    ([], True), ([DEAD], True), ([MOUNT], False), ([WRONG], False),
    # They are alive, and nobody's to take exports from.
    ([PARTITION], False), ([MAPPED], False), ([SEVERAL], False),
    ([MEMORY], False), ([MOUNT, DEAD], True), ([DEAD, MOUNT], False)])
def test_what_nobody_serves_any_more(mounts, abandoned):
    found = guest(*mounts)
    assert assessment.abandoned(found, ROOT, PATH) is abandoned
    assert not assessment.abandoned(found, '/other', PATH)
    assert not assessment.abandoned(found, '/', PATH)


def test_all_places_of_one_disk():
    below = but(MOUNT, path='/srv/b')
    found = guest(MOUNT, below, but(WRONG, path='/c'))
    assert assessment.occupied(found, PATH) == (PATH, '/srv/b')
    assert assessment.occupied(found, '/srv/b') == (PATH, '/srv/b')
    assert assessment.occupied(found, '/c') == ('/c',)
    assert assessment.occupied(found, '/none') == ('/none',)


STORED = {'x.exports': text(PATH), 'y.exports': text('/x'),
          f'{OTHER_ID}.exports': text('/z', '/x')}


def owned(places, stored=(), sections=None, untold=False):
    found = guest(sections=sections)
    found = but(found, exported=but(found.nfs, files=dict(stored)))
    if untold:
        found = but(found, exported=UNTOLD, shared=UNTOLD)
    return assessment.owners(found, places)


@pytest.mark.parametrize(('places', 'parts', 'ids'), [
    ((), {}, set()), ((PATH,), {}, {ID}), ((PATH, '/x'), {}, {ID}),
    ((PATH, OTHER), {}, {ID, OTHER_ID}), (('/shares/a',), {}, set()),
    ((PATH + '/below',), {}, set()), ((PATH + 'x',), {}, set()),
    # Exports, and sections, are called after the share.
    (('/x',), {'stored': STORED}, {OTHER_ID}),
    (('/y',), {'stored': STORED}, set()),
    (('/y',), {'sections': {f'share-{ID}': {'path': '/y'},
                            'b': {'path': '/y'}, OTHER_ID: {}}}, {ID}),
    ((PATH,), {'untold': True}, {ID})])
def test_whose_a_place_is(places, parts, ids):
    assert owned(places, **parts) == ids


def test_what_is_left_of_shares():
    found = guest(but(DEAD, path=OTHER), but(MOUNT, path='/shares/other'),
                  lines=(LINE, but(LINE, path='/shares/none')),
                  kept=['/elsewhere', OTHER])
    both = {PATH: ID, OTHER: OTHER_ID}
    assert assessment.remains(found, ROOT, ()) == both
    assert assessment.remains(found, ROOT, (PATH,)) == {OTHER: OTHER_ID}
    assert assessment.remains(found, '/other', ()) == {}
    # Exports alone, and exports that nobody told.
    assert assessment.remains(guest(lines=(), kept=[PATH]), ROOT, ()) == {
        PATH: ID}
    assert assessment.remains(but(found, exported=UNTOLD), ROOT,
                              ()) == both
    assert assessment.remains(guest(MOUNT, kept=[PATH]), ROOT, ()) == {}


@pytest.mark.parametrize('mount', [PARTITION, MAPPED, SEVERAL])
def test_what_somebody_else_has_mounted_is_not_left_over(mount):
    assert assessment.remains(guest(mount, kept=[PATH]), ROOT, ()) == {}
