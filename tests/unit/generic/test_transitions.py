# SPDX-License-Identifier: Apache-2.0

"""Statuses of volumes, as Nova and Cinder of 2026.2 were seen to show them."""

import pytest

from manila_drivers.generic import transitions
from manila_drivers.openstack import records

GOING, DONE, FAILED, UNCHANGED = transitions.ChangeState
HERE, THERE = 'server-1', 'server-2'


def volume(status, size=1, on=()):
    return records.Volume('v', status=status, size=size, attachments=tuple(
        records.VolumeAttachment(one) for one in on))


@pytest.mark.parametrize(('status', 'size', 'found'), [
    ('creating', 1, GOING), ('downloading', 1, GOING),
    ('available', 1, DONE), ('in-use', 1, DONE), ('error', 1, FAILED),
    ('error_restoring', 1, FAILED), ('something new', 1, GOING),
    # LP 2101015: a copy is available before it has grown.
    ('available', 0, GOING), ('available', None, DONE), (None, 1, GOING)])
def test_a_volume_that_is_made(status, size, found):
    assert transitions.creating(volume(status, size), 1) is found


@pytest.mark.parametrize(('status', 'on', 'moved', 'found'), [
    ('reserved', (), False, GOING), ('attaching', (), True, GOING),
    ('in-use', (HERE,), False, DONE), ('in-use', (HERE,), True, DONE),
    # Cinder may say so before it names the server.
    ('in-use', (), True, GOING),
    ('in-use', (THERE,), True, FAILED),
    # From 2.101 on, nothing has happened yet when Nova answers ...
    ('available', (), False, UNCHANGED),
    # ... but back from "reserved" it has failed, whatever was answered.
    ('available', (), True, FAILED),
    ('error', (), True, FAILED), ('error_attaching', (), False, FAILED)])
def test_a_volume_that_is_attached(status, on, moved, found):
    assert transitions.attaching(volume(status, on=on), HERE,
                                 moved=moved) is found


@pytest.mark.parametrize(('status', 'on', 'moved', 'found'), [
    ('detaching', (HERE,), False, GOING), ('available', (), True, DONE),
    ('available', (), False, DONE),
    ('in-use', (HERE,), False, UNCHANGED),
    # A hung guest: Nova gives up after 201 s.
    ('in-use', (HERE,), True, FAILED),
    ('in-use', (THERE,), False, DONE),
    ('error', (), False, DONE), ('error', (HERE,), False, GOING)])
def test_a_volume_that_is_detached(status, on, moved, found):
    assert transitions.detaching(volume(status, on=on), HERE,
                                 moved=moved) is found


def test_a_volume_that_is_gone_is_detached():
    assert transitions.detaching(None, HERE, moved=False) is DONE


def test_what_is_attached_is_not_told():
    untold = records.Volume('v', status='in-use')
    assert transitions.detaching(untold, HERE, moved=True) is FAILED
    assert transitions.attaching(untold, HERE, moved=True) is GOING


@pytest.mark.parametrize(('status', 'size', 'found'), [
    ('extending', 1, GOING), ('in-use', 2, DONE), ('available', 2, DONE),
    ('available', 3, DONE), ('error_extending', 1, FAILED),
    # 202, and back without a word: no room in the pool.
    ('in-use', 1, UNCHANGED), ('available', 1, UNCHANGED),
    ('in-use', None, UNCHANGED)])
def test_a_volume_that_is_extended(status, size, found):
    assert transitions.extending(volume(status, size), 2) is found


@pytest.mark.parametrize(('status', 'found'), [
    ('reverting', GOING), ('available', DONE), ('error', FAILED)])
def test_a_volume_that_is_brought_back(status, found):
    assert transitions.reverting(volume(status)) is found


@pytest.mark.parametrize(('status', 'found'), [
    ('deleting', GOING), ('available', GOING), ('error_deleting', FAILED),
    (None, GOING)])
def test_a_volume_that_is_deleted(status, found):
    assert transitions.deleting(status) is found


UNTOLD = records.Volume('v', status='in-use', size=1)


@pytest.mark.parametrize(('status', 'error', 'stuck'), [
    ('error', True, True), ('error_deleting', True, True),
    ('reserved', False, True), ('maintenance', False, False),
    ('in-use', False, False), (None, False, False)])
def test_a_status_that_may_be_left_over(status, error, stuck):
    assert transitions.is_error(status) is error
    assert transitions.is_stuck(status) is stuck


@pytest.mark.parametrize(('found', 'rest'), [
    (volume('error'), 'available'), (volume('error', on=(HERE,)), 'in-use'),
    # Cinder takes "available" whatever uses it.
    (UNTOLD, 'in-use')])
def test_the_status_of_what_nothing_is_done_with(found, rest):
    assert transitions.rest_of(found) == rest


@pytest.mark.parametrize(('found', 'here', 'servers'), [
    (volume('in-use', on=(HERE, THERE, HERE)), True, (HERE, THERE)),
    (volume('in-use', on=(THERE,)), False, (THERE,)),
    (volume('in-use'), False, ()), (UNTOLD, False, ()),
    (volume('in-use', on=(None,)), False, ())])
def test_where_a_volume_is(found, here, servers):
    assert transitions.on_server(found, HERE) is here
    assert transitions.servers_of(found) == servers


@pytest.mark.parametrize(('found', 'away', 'moving'), [
    (volume('in-use', on=(HERE,)), False, False),
    (volume('available', on=(HERE,)), True, False),
    (volume('in-use'), True, False), (UNTOLD, False, False),
    *((volume(status, on=(HERE,)), True, True)
      for status in ('reserved', 'attaching', 'detaching')),
    (volume('extending', on=(HERE,)), False, False)])
def test_what_is_away(found, away, moving):
    assert transitions.is_away(found) is away
    assert transitions.is_moving(found) is moving
    assert not transitions.is_moving(None)


def test_a_new_volume_may_be_of_any_size():
    for status, size in ('available', 1), ('in-use', None):
        assert transitions.creating(volume(status, size)) is DONE
    assert transitions.creating(volume('available', 1), 2) is GOING
    assert transitions.creating(volume('available', 2), 1) is DONE
    # A disk that is lost between two servers is nobody's any more.
    gone = records.Volume('v', status='error', attachments=None)
    assert transitions.detaching(gone, HERE, moved=True) is GOING
    assert transitions.reverting(volume('in-use')) is DONE
    assert transitions.reverting(volume('error_reverting')) is FAILED
