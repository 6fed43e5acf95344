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
