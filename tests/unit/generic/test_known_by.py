# SPDX-License-Identifier: Apache-2.0

"""By what clients know a share and its server, row by row."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import assessment
from manila_drivers.generic import exporting
from manila_drivers.generic import leaving_planning
from manila_drivers.generic import notes
from manila_drivers.generic import records
from manila_drivers.openstack import records as cloud
from tests.unit.generic import test_assessment as guests
from tests.unit.generic import test_planning as facts

but = dataclasses.replace
VOLUME, PATH, PLACE = facts.VOLUME, facts.PATH, facts.PLACE
LOOKED = but(guests.DISK, looked=True, fstype='ext4', uuid='u')
TAKEN = notes.ShareNote(VOLUME, PATH, claim='x')
# What is called after its share was made by this driver.
OWN = notes.ShareNote(VOLUME, PATH)


def exported(fsid, path=PATH):
    options = ('rw', *([f'fsid={fsid}'] if fsid else []))
    return guests.exports_text.ExportEntry(path, '10.0.0.1', options)


@pytest.mark.parametrize(('found', 'place', 'note', 'needed'), [
    (guests.guest(guests.MOUNT), PLACE, TAKEN, True),
    (guests.guest(guests.MOUNT), PLACE, notes.ShareNote(), True),
    (guests.guest(guests.MOUNT), PLACE, but(OWN, path='/elsewhere'), True),
    (guests.guest(guests.MOUNT), PLACE, OWN, False),
    (guests.guest(guests.MOUNT), but(PLACE, proto='CIFS'), TAKEN, False),
    (guests.guest(but(guests.MOUNT, disk=LOOKED)), PLACE, TAKEN, False),
    (guests.guest(but(guests.MOUNT, disk=None)), PLACE, TAKEN, False),
    (guests.guest(), PLACE, TAKEN, False),
    (guests.guest(but(guests.MOUNT, path='/other')), PLACE, TAKEN, False),
    # Not its disk, which nobody is let in to now.
    (guests.guest(guests.WRONG), PLACE, TAKEN, False),
    (guests.guest(guests.WRONG), PLACE, but(TAKEN, volume_id=''), True),
    # It has a number of its own already, or one that is nobody's.
    (guests.guest(guests.MOUNT, live=[exported('abc')]), PLACE, TAKEN, False),
    (guests.guest(guests.MOUNT, live=[exported('0')]), PLACE, TAKEN, True),
    (guests.guest(guests.MOUNT, live=[exported('root')]), PLACE, TAKEN, True),
    (guests.guest(guests.MOUNT, live=[exported('')]), PLACE, TAKEN, True),
    (guests.guest(guests.MOUNT, live=[exported('abc', '/b')]), PLACE, TAKEN,
     True),
    (guests.guest(guests.MOUNT, live=[exported('abc'), exported(
        'abc', '/b')]), PLACE, TAKEN, True)])
def test_whose_uuid_is_needed(found, place, note, needed):
    disk = exporting.unnamed(found, place, note, '/shares')
    mount = found.mount(PATH)
    assert disk is (mount.disk if needed else None)
    assert not needed or disk is not None


SERVER = cloud.Server('s', addresses=(
    cloud.Address('net', '10.0.0.9'), cloud.Address('net', 'FD00::9')))


@pytest.mark.parametrize(('addresses', 'admin', 'lost'), [
    (('10.0.0.9',), '', ()), (('10.0.0.8',), '', ('10.0.0.8',)),
    (('10.0.0.8', '10.0.0.9', '10.0.0.8'), '', ('10.0.0.8',)),
    (('fd00:0::9', '10.0.0.9'), '', ()),
    (('10.0.0.9',), '10.1.0.9', ('10.1.0.9',)),
    (('10.0.0.9',), 'fd00::9', ()),
    (('10.0.0.8',), '10.0.0.8', ('10.0.0.8',)), ((), '', ())])
def test_addresses_that_an_instance_has_no_more(addresses, admin, lost):
    host = records.ServiceHost('s', addresses, admin)
    assert assessment.lost_addresses(host, SERVER) == lost
    nothing_told = but(SERVER, addresses=None)
    assert assessment.lost_addresses(host, nothing_told) == ()
    none_left = but(SERVER, addresses=())
    assert set(assessment.lost_addresses(host, none_left)) == {
        *addresses, *([admin] if admin else [])}


def test_what_is_deleted_is_noted_as_such_before():
    steps = leaving_planning.delete(PLACE, facts.leaving(recorded=VOLUME))
    [note] = [step for step in steps if step.action == 'note share']
    assert note.target == PLACE.share_id
    assert note.args == {'changes': {'leaving': True}}
    assert str(note).endswith('(as being deleted)')


def test_a_volume_that_may_be_there_is_named():
    with pytest.raises(exception.Conflict) as caught:
        leaving_planning.delete(PLACE, facts.leaving(
            volume=None, recorded=VOLUME, found=None, server=None))
    told = str(caught.value)
    assert f'Share {PLACE.share_id} cannot be deleted: Cinder says' in told
    assert f'there is no volume {VOLUME},' in told
    assert '--force' in told
