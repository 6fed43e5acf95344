# SPDX-License-Identifier: Apache-2.0

"""The disk of a kernel NFS server is full: less is given all the same."""

import pytest

from manila_drivers import compat
from manila_drivers.ibm.gpfs.helpers import knfs
from manila_drivers.nas import kernel_room
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command

errors = compat.errors
ALICE, BOB, CAROL = '10.0.0.1', '10.0.0.2', '10.0.0.3'
NET = '10.9.0.0/24'


@pytest.fixture
def place(make_place):
    return make_place('KNFS', gpfs_nfs_server_list='nfs1')


def given(place, share, *clients):
    return [place.lab.effective(share.export, client) for client in clients]


def full_disk(place):
    manager, server = place.manager, place.sim.servers['nfs1']
    alice, bob, net, carol = (manager.rule(one) for one in (
        ALICE, BOB, NET, CAROL))
    share, other = manager.create(), manager.create()
    manager.update(share, add=[alice, bob, net])
    manager.update(other, add=[carol])
    server.files.full = True
    with pytest.raises(errors.ManilaException, match='No space left') as told:
        manager.update(share, delete=[alice])
    assert 'until that server is rebooted' in str(told.value)
    with pytest.raises(errors.ManilaException, match='No space left'):
        manager.update(share, delete=[net])
    assert given(place, share, ALICE, BOB, '10.9.0.9') == [None, 'rw', None]
    # Nobody is let in whom a reboot would shut out.
    dave = manager.rule('10.0.0.4')
    with pytest.raises(errors.ManilaException, match='No space left'):
        manager.update(share, add=[dave], delete=[alice, bob, net])
    assert given(place, share, '10.0.0.4', BOB) == [None, None]
    # What needs no room is done, and others go on meanwhile.
    manager.update(share, delete=[alice, bob, net, dave])
    manager.delete(share)
    assert given(place, other, CAROL) == ['rw']
    server.files.full = False
    manager.update(other, add=[dave], delete=[carol])
    assert given(place, other, '10.0.0.4', CAROL) == ['rw', None]
    server.reboot()
    assert given(place, other, '10.0.0.4', CAROL) == ['rw', None]


def test_access_is_taken_away_on_a_full_disk(place):
    full_disk(place)


def refused(place):
    """Return a share, and its rule whose end could not be written down."""
    manager, server = place.manager, place.sim.servers['nfs1']
    alice, bob = manager.rule(ALICE), manager.rule(BOB)
    share = manager.create()
    manager.update(share, add=[alice, bob])
    server.files.full = True
    with pytest.raises(errors.ManilaException, match='No space left'):
        manager.update(share, delete=[alice])
    return manager, server, share, alice


def test_it_is_written_down_by_a_repetition(place):
    manager, server, share, alice = refused(place)
    server.reboot()
    assert given(place, share, ALICE) == [None]  # The table was lost as well.
    server.files.full = False
    server.reboot()
    assert given(place, share, ALICE, BOB) == ['rw', 'rw']
    manager.update(share, delete=[alice])
    server.reboot()
    assert given(place, share, ALICE, BOB) == [None, 'rw']


def test_who_does_not_take_away_is_caught(place, monkeypatch):
    monkeypatch.setattr(knfs.KNFSHelper, 'closing',
                        lambda self, *arguments: arguments[-1])
    with pytest.raises(AssertionError):
        full_disk(place)


def test_who_empties_the_table_of_others_is_caught(place, monkeypatch):
    monkeypatch.setattr(kernel_room, 'roomy',
                        lambda commands, spare: list(commands))
    with pytest.raises(AssertionError):
        full_disk(place)


def test_what_cannot_be_taken_away_is_said(place, caplog):
    manager, server = place.manager, place.sim.servers['nfs1']
    alice = manager.rule(ALICE)
    share = manager.create()
    manager.update(share, add=[alice, manager.rule(BOB)])
    server.files.full = True
    server.files._commands['ln'] = lambda words, stdin: files.failed(
        'sudo: a password is required')
    with pytest.raises(errors.ManilaException,
                       match='Who shall have less has it still'):
        manager.update(share, delete=[alice])
    assert given(place, share, ALICE, BOB) == ['rw', 'rw']
    assert 'has it still' in caplog.text


DISK = '/var/lib/nfs'


@pytest.mark.parametrize(('said', 'free'), [
    (f'{DISK} 100 4096 50 20\n', 409600),
    # A file system without a table of files.
    (f'{DISK} 100 4096 0 0\n', 409600),
    (f'{DISK} 100 4096 50 1\n', 0), (f'{DISK} 100 4096 50\n', 0),
    (f'{DISK} ? ? ? ?\n', 0), (f'{DISK}\n', 0), ('', 0),
    # That is another one.
    ('/run 100 4096 50 20\n', 0)])
@pytest.mark.parametrize('unsynced', [False, True])
def test_what_is_told_of_room(said, free, unsynced):
    mark = f'{kernel_room.UNSYNCED} 900 4096 50 20\n' * unsynced
    assert kernel_room.read(command.Result(
        said + mark, '', int(not unsynced))) == (free, unsynced)


def unsynced(place):
    """A call ends before what it wrote is on disk."""
    manager, server, share, alice = refused(place)
    server.files.full = False
    programs, sync = server.files._commands, server.files._sync
    programs['sync'] = lambda words, stdin: files.failed('sync: interrupted')
    with pytest.raises(errors.ManilaException, match='interrupted'):
        manager.update(share, delete=[alice])
    programs['sync'] = sync
    server.ran.clear()
    manager.update(share, delete=[alice])
    assert ('sync', '-f', '--', '/etc') in server.ran
    assert kernel_room.UNSYNCED not in server.files.text
    server.ran.clear()
    manager.update(share)
    assert not any(words[0] in ('sync', 'tee') for words in server.ran)
    server.reboot()
    assert given(place, share, ALICE, BOB) == [None, 'rw']


def test_a_repetition_waits_until_it_is_on_disk(place):
    unsynced(place)


def test_who_does_not_wait_for_it_is_caught(place, monkeypatch):
    monkeypatch.setattr(kernel_room, 'kept',
                        lambda commands, unsynced: commands)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        unsynced(place)


@pytest.mark.parametrize(('free', 'size', 'name', 'first'), [
    (2 << 20, '1000', '/e', None),
    (1 << 20, '1000', '/e', '1'),
    (60 << 20, str(40 << 20), '/e', '1'),
    (2 << 20, '', '', '1'),
    (0, '1000', "'/e' -> '/run/manila-etab.1'", '2'),
    (0, '1000', "'/e' -> '/run/manila-etab.2'", '1'),
])
def test_where_the_table_goes(free, size, name, first):
    found = kernel_room.spare(free, [
        command.Result(text, '', 0 if text else 1) for text in (size, name)])
    assert found[:1] == (() if first is None
                         else (f'/run/manila-etab.{first}',))
    assert len(found) in (0, 2)
