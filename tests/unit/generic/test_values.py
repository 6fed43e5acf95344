# SPDX-License-Identifier: Apache-2.0

"""Tables of what details, metadata and answers of Cinder mean."""

import dataclasses
import json

import pytest

from manila_drivers import exception
from manila_drivers.generic import errors
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.openstack import errors as openstack_errors
from manila_drivers.transport import rest_values
from manila_drivers.transport import script
from tests.unit.generic import test_planning as facts

ID, VOLUME, PLACE = facts.ID, facts.VOLUME, facts.PLACE
ATTACHED, FREE = facts.ATTACHED, facts.FREE
but = dataclasses.replace
DETAILS = {'instance_id': 'vm', 'public_address': '10.0.0.9',
           'ip': '10.254.0.9', 'admin_ip': '192.0.2.9'}


# -- details of share servers ------------------------------------------------

def without(*keys, **more):
    return {**{key: value for key, value in DETAILS.items()
               if key not in keys}, **more}


@pytest.mark.parametrize(('details', 'host', 'reachable'), [
    (DETAILS, ('vm', ('10.0.0.9',), '192.0.2.9'), True),
    (without('admin_ip'), ('vm', ('10.0.0.9',), '10.254.0.9'), True),
    (without('admin_ip', 'ip'), ('vm', ('10.0.0.9',), ''), False),
    (without('ip'), ('vm', ('10.0.0.9',), '192.0.2.9'), False),
    (without(public_address=' 10.0.0.9 ', instance_id=7),
     ('7', ('10.0.0.9',), '192.0.2.9'), True)])
def test_a_server_by_its_details(details, host, reachable):
    for read in records.ServiceHost.of, records.ServiceHost.leaving:
        found = read(details)
        assert found == records.ServiceHost(*host)
        assert found.details == details and found.details is not details
        assert found.reachable is reachable


@pytest.mark.parametrize(('details', 'says', 'leaving'), [
    ({}, 'no instance', None), (without('instance_id'), 'no instance', None),
    (without(instance_id=None), 'no instance', None),
    (without('public_address'), 'no address', ('vm', ())),
    (without(public_address=None), 'no address', ('vm', ())),
    (without(public_address=' '), 'no address', ('vm', ()))])
def test_details_that_do_not_say_enough(details, says, leaving):
    """A share that was to be there can go all the same."""
    with pytest.raises(exception.DriverError, match=says):
        records.ServiceHost.of(details)
    found = records.ServiceHost.leaving(details)
    assert found == (leaving and records.ServiceHost(*leaving, '192.0.2.9'))


def test_a_share_as_its_instance_has_it():
    assert PLACE.served(VOLUME, 3) == guest_records.Served(
        PLACE.section, ID, PLACE.path, guest_records.Disk(VOLUME, 3), 'ext4',
        'NFS')
    assert but(PLACE, proto='CIFS').is_cifs and not PLACE.is_cifs


@pytest.mark.parametrize(('metadata', 'marked'), [
    (None, None), ({}, None), ({'k': ''}, None), ({'other': ID}, None),
    ({'k': ID}, True), ({'k': 'x'}, False)])
def test_marks(metadata, marked):
    assert records.is_marked(metadata, 'k', ID) is marked


# -- names -------------------------------------------------------------------

def test_locks_are_those_of_one_thing():
    names = [paths.server_lock('x'), paths.share_lock('x'),
             paths.snapshot_lock('x'), paths.share_lock('y')]
    assert names == ['generic-server-x', 'generic-share-x',
                     'generic-snapshot-x', 'generic-share-y']


@pytest.mark.parametrize(('address', 'export'), [
    ('10.0.0.1', '10.0.0.1:/x'), ('2001:db8::1', '[2001:db8::1]:/x'),
    ('[2001:db8::1]', '[2001:db8::1]:/x'), ('host', 'host:/x'),
    ('XHOSTX', 'XHOSTX:/x')])
def test_exports(address, export):
    assert paths.nfs_export(address, '/x') == export
    bare = address.strip('[]')
    assert paths.split_nfs(export) == (bare, '/x')
    assert paths.cifs_export(address, 's') == f'\\\\{bare}\\s'
    assert paths.split_cifs(f'\\\\{address}\\s') == (bare, 's')


def test_addresses_once_each():
    assert paths.addresses([' a ', '', 'b', ' ', 'a']) == ('a', 'b')
    assert not paths.same_address('10.0.0.1', 'host')
    assert not paths.same_address('a', 'b')


# -- notes -------------------------------------------------------------------

STORED = {'volume_id': 'v', 'mount_path': '/p', 'samba_section': 's',
          'clone_phase': 'volume', 'clone_since': '17',
          'generic_rules': 'r', 'generic_adopted': 'yes',
          'generic_place': 'c'}
NOTE = notes.ShareNote('v', '/p', 's', True, '17', 'r', True, 'c')


def test_what_is_stored_of_a_share():
    assert notes.ShareNote.of(STORED) == NOTE
    assert NOTE.stored() == STORED
    assert notes.ShareNote.of(None) == notes.ShareNote.of({}) \
        == notes.ShareNote()
    assert notes.ShareNote().stored() == {}
    for value in None, '', 'None':
        assert notes.ShareNote.of(dict.fromkeys(STORED, value)) \
            == notes.ShareNote()
    assert notes.ShareNote.of({'volume_id': 7}).volume_id == '7'


@pytest.mark.parametrize('key', STORED)
def test_one_thing_that_is_stored(key):
    one = notes.ShareNote.of({key: STORED[key]})
    assert one != notes.ShareNote()
    assert one.stored() == (
        {} if key == 'clone_since' else {key: STORED[key]})


def test_places_are_of_one_server_and_path():
    assert notes.place('a', '/b') == notes.place('a', '/b')
    assert len({notes.place(*each) for each in (
        ('a', '/b'), ('a', '/c'), ('b', '/b'))}) == 3


class Log(dict):
    """A storage that counts what is written."""

    def __init__(self, **pairs):
        super().__init__(**pairs)
        self.writes = []

    def get(self, ident):
        return super().get(ident)

    def update(self, ident, pairs):
        self.writes.append((ident, dict(pairs)))
        self.setdefault(ident, {}).update(pairs)

    def delete(self, ident, keys):
        self.writes.append((ident, sorted(keys)))
        for key in keys:
            self.get(ident).pop(key, None)


@pytest.mark.parametrize('storage', [Log, lambda: None])
def test_only_what_changes_is_written(storage):
    log = storage()
    kept = notes.GenericNotes(log)
    assert kept.update(ID, volume_id='v', path='/p', claim='c') \
        == notes.ShareNote('v', '/p', claim='c')
    assert kept.claimant('c') == ID and kept.claimant('d') == ''
    written = list(log.writes) if log is not None else None
    kept.update(ID, volume_id='v')
    assert log is None or log.writes == written == [
        ('c', {'generic_place_of': ID}),
        (ID, {'volume_id': 'v', 'mount_path': '/p', 'generic_place': 'c'})]
    kept.update(ID, path='')
    assert log is None or log.writes[-1] == (ID, ['mount_path'])
    assert kept.share(ID) == notes.ShareNote('v', claim='c')
    # Another share has the place by now.
    kept.update('other', claim='c')
    assert kept.claimant('c') == 'other'
    kept.forget(ID)
    assert kept.claimant('c') == 'other' and kept.share(ID) \
        == notes.ShareNote()
    kept.forget('other')
    assert kept.claimant('c') == ''
    kept.remember_snapshot('s', 'x')
    assert (kept.snapshot('s'), kept.snapshot('t')) == ('x', '')


def test_a_place_that_is_given_up_is_nobodys():
    log = Log()
    kept = notes.GenericNotes(log)
    kept.update(ID, claim='c')
    kept.update(ID, claim='')
    assert log == {'c': {'generic_place_of': ID}, ID: {}}


def test_what_was_stored_by_an_earlier_release_is_found():
    assert notes.place('vm', '/b') == 'f864cbfe-4f38-5829-8ccf-9235c2a92bc2'
    assert notes.digest({'10.0.0.1': 'rw', '10.0.0.2': 'ro'}) == (
        '6dbebcfc7757d634e11646c5c35c1d68'
        'c651e8e6d2a9e79320398f1357fe56cf')
    log = Log(s={'volume_snapshot_id': 'None'})
    assert notes.GenericNotes(log).snapshot('s') == ''


def test_what_was_never_known_is_forgotten():
    kept = notes.GenericNotes()
    kept.forget(ID)
    assert kept.share(ID) == notes.ShareNote()


def test_a_storage_that_fails_says_of_what(caplog):
    log = Log()
    kept = notes.GenericNotes(log)
    kept.remember_rules(ID, 'r')
    assert not caplog.records
    log.update = log.delete = lambda *args: 1 / 0
    for call, done in (
            (lambda: kept.update(ID, path='/p'), 'written'),
            (lambda: kept.update(ID, rules=''), 'removed')):
        with pytest.raises(exception.BackendError) as caught:
            call()
        assert caught.value.what == (
            f'What is stored of {ID} cannot be {done}')
    kept.remember_rules(ID, 'other')
    assert f'rules of share {ID}' in caplog.text
    log.get = log.update
    with pytest.raises(exception.BackendError, match=f'of {ID} cannot be r'):
        kept.share(ID)


def test_rules_that_are_known_are_not_written_again():
    log = Log()
    kept = notes.GenericNotes(log)
    kept.update(ID, adopted=True, volume_id='v')
    kept.remember_rules(ID, 'r')
    assert kept.share(ID) == notes.ShareNote('v', rules='r')
    count = len(log.writes)
    kept.remember_rules(ID, 'r')
    assert len(log.writes) == count


# -- answers of Cinder -------------------------------------------------------

@pytest.mark.parametrize(('why', 'kind', 'answer'), [
    ('', exception.BackendError, 'its status is error'),
    ('broken', exception.BackendError, 'broken'),
    ('No weighted backends available', exception.NoRoom,
     'No weighted backends available')])
def test_what_ended_in_an_error(why, kind, answer):
    found = errors.failed('what', 'error', why)
    assert type(found) is kind
    assert (found.what, found.answer) == ('what', answer)
    assert 'cinder-volume' in found.check


@pytest.mark.parametrize('status', [400, 403, 406, 404, 409, 413, 500, None])
@pytest.mark.parametrize('volume', [ATTACHED, FREE, but(ATTACHED,
                                                        status=None)])
def test_extensions_that_are_refused(status, volume):
    refused = exception.BackendError('no', status=status, answer='a',
                                     check='c')
    found = errors.extension(refused, volume)
    if status in (400, 403, 406) and volume.status == 'in-use':
        assert isinstance(found, errors.NotWhileAttached)
        assert not found.broken
        assert (found.what, found.status, found.answer, found.check) == (
            'no', status, 'a', 'c')
    else:
        assert found is refused


@pytest.mark.parametrize('status', [400, 403, 413])
def test_a_quota_is_no_reason_to_take_a_share_away(status):
    """It would be refused as well while the volume is detached."""
    refused = openstack_errors.refused(
        'volume', 'Extension', rest_values.Response(status, json.dumps({
            'overLimit': {'code': status, 'message': 'Quota exceeded'}})))
    found = errors.extension(refused, ATTACHED)
    assert isinstance(found, exception.NoRoom)


def test_extensions_that_fail():
    for why, answer in (('', 'its status is in-use'), ('x', 'x')):
        found = errors.broken_extension(ATTACHED, why)
        assert isinstance(found, errors.NotWhileAttached) and found.broken
        assert found.answer == answer
        assert VOLUME in found.what and 'cinder-volume' in found.check
    for why, kind in (('', exception.BackendError),
                      ('weighted backend', exception.NoRoom)):
        found = errors.broken_extension(FREE, why)
        assert type(found) is kind
        assert VOLUME in found.what
        assert found.answer == (why or 'its status is available')


def test_errors_that_tell_what_can_be_done():
    for refused, kind in (
            (exception.AccessDenied('no', answer='a'),
             exception.AccessDenied),
            (exception.BackendError('no', answer='a'),
             exception.BackendError)):
        found = errors.stuck(FREE, refused)
        assert type(found) is kind and found.answer == 'a'
        assert found.what.startswith(f'no. Volume {VOLUME} is available')
        assert found.check.endswith(f'--state available {VOLUME}')
    assert errors.stuck(ATTACHED, refused).check.endswith(
        f'--state in-use {VOLUME}')
    told = errors.no_room(FREE, 5, 'why')
    assert isinstance(told, exception.NoRoom) and told.answer == 'why'


GONE, DENIED = exception.NotFound('x'), exception.AccessDenied('x')
SILENT = exception.Unreachable('x')


@pytest.mark.parametrize(('error', 'gone', 'silent'), [
    (GONE, True, False), (DENIED, False, True), (SILENT, False, True),
    (None, False, False), (exception.BackendError('x'), False, False)])
def test_kinds_of_errors(error, gone, silent):
    assert errors.is_gone(error) is gone
    assert errors.is_silent(error) is silent
    assert not errors.is_alive(error)


def test_who_has_begun_to_answer_is_alive():
    one = script.Interrupted('x')
    for alive in True, False:
        one.alive = alive
        assert errors.is_alive(one) is alive
