# SPDX-License-Identifier: Apache-2.0

"""How far what Cinder and Nova deny is gone."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import notes
from manila_drivers.generic import records
from manila_drivers.generic import sight
from manila_drivers.openstack import records as cloud

ID = '7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11'
VOLUME = 'aaaaaaaa-58a1-4b1e-9a51-0d6a8c8e7a11'
HOST = records.ServiceHost('server-1', ('10.0.0.9',))
ATTACHED = cloud.Volume(VOLUME, 'v', 'in-use', 2, (
    cloud.VolumeAttachment('server-2'), cloud.VolumeAttachment('server-1')))
ELSEWHERE = dataclasses.replace(
    ATTACHED, attachments=(cloud.VolumeAttachment('server-2'),))
UNTOLD = dataclasses.replace(ATTACHED, attachments=None)


@pytest.mark.parametrize(('volume', 'admin', 'gone'), [
    (None, False, True), (None, True, True),
    (ATTACHED, True, True), (ATTACHED, False, False),
    (ELSEWHERE, False, True),
    (dataclasses.replace(ATTACHED, attachments=()), False, True),
    # Who was not told where it is cannot know.
    (UNTOLD, False, False), (UNTOLD, True, True),
    (dataclasses.replace(UNTOLD, status='available'), False, True)])
def test_an_instance_that_nova_denies(volume, admin, gone):
    if gone:
        sight.check_server_gone(ID, HOST, volume, admin=admin)
        return
    with pytest.raises(exception.Conflict) as caught:
        sight.check_server_gone(ID, HOST, volume, admin=admin)
    assert f'no server {HOST.id}' in str(caught.value)
    assert f'volume v of share {ID}' in str(caught.value)


@pytest.mark.parametrize(('seen', 'words'), [
    (sight.CinderSight('p'), 'of project p, without the role admin'),
    (sight.CinderSight(admin=True), 'of project (not told), with the role')])
def test_what_may_be_there_is_named(seen, words):
    with pytest.raises(exception.Conflict) as caught:
        sight.check_no_volume(ID, HOST, notes.ShareNote(VOLUME), seen)
    told = str(caught.value)
    assert f'there is no volume {VOLUME},' in told
    assert words in told
    assert f'Share {ID} is not mounted in server {HOST.id}' in told
    assert 'openstack share delete --force' in told
    assert '--force' not in str(sight.doubtful('x', 'snapshot', 's', seen))
