# SPDX-License-Identifier: Apache-2.0

"""Room on the disk of a kernel NFS server, in its own words."""

import pytest

from manila_drivers import exception
from manila_drivers.nas import directory
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_room
from manila_drivers.transport import command

MIB = 1 << 20
ONE, TWO = kernel_room.SPARE
EXPORTFS = directory.run('exportfs', '-u', '10.0.0.1:/a')
FILE = directory.run('tee', '--', '/etc/exports.d/a', stdin='x')


def said(text='', status=0):
    return command.Result(text, '', status)


def links(commands):
    return [cmd.words()[-2] for cmd in commands if cmd.words()[0] == 'ln']


def test_questions_change_nothing_and_take_any_answer():
    asked = [kernel_room.question(), *kernel_room.details()]
    assert [cmd.words() for cmd in asked] == [
        ['stat', '-f', '-c', '%n %f %S %c %d', '--', '/var/lib/nfs',
         '/run/manila-unsynced'],
        ['stat', '-L', '-c', '%s', '--', kernel.ETAB],
        ['stat', '-c', '%N', '--', kernel.ETAB]]
    for cmd in asked:
        assert cmd.reads and cmd.root
        assert {0, 1, 127, 255} <= cmd.accept


@pytest.mark.parametrize(('text', 'free'), [
    ('/var/lib/nfs 10 4096 5 2', 40960), ('/var/lib/nfs 10 4096 5 1', 0),
    ('/var/lib/nfs 10 4096 5 3', 40960),
    # A file system that makes room for files as they come.
    ('/var/lib/nfs 10 4096 0 0', 40960),
    ('/var/lib/nfs 10 4096 5', 0), ('/var/lib/nfs - 4096 5 9', 0),
    ('/var/lib/nfs 10 4096 5 9 9', 0), ('/elsewhere 10 4096 5 9', 0),
    ('', 0)])
def test_room_is_what_was_told_of_the_right_place(text, free):
    assert kernel_room.read(said(text)) == (free, False)
    marked = f'{kernel_room.UNSYNCED} 1 1 1 1\n\n{text}'
    assert kernel_room.read(said(marked, 1)) == (free, True)


@pytest.mark.parametrize(('free', 'plenty'), [
    (64 * MIB, True), (64 * MIB - 1, False)])
def test_plenty(free, plenty):
    assert kernel_room.is_plenty(free) is plenty


@pytest.mark.parametrize(('free', 'size', 'enough'), [
    # Two tables, and a little more.
    (3 * MIB, MIB, True), (3 * MIB - 1, MIB, False), (MIB, 0, True),
    (64 * MIB, 'none', False)])
def test_tables_go_to_memory_where_two_do_not_fit(free, size, enough):
    told = [said(f'{size}\n'), said(f"'{kernel.ETAB}'\n")]
    assert kernel_room.spare(free, told) == (() if enough else (ONE, TWO))


@pytest.mark.parametrize(('target', 'order'), [
    (ONE, (TWO, ONE)), (TWO, (ONE, TWO)), ('/elsewhere', (ONE, TWO))])
def test_the_table_in_use_is_not_written_over(target, order):
    told = [said('1\n'), said(f"'{kernel.ETAB}' -> '{target}'\n")]
    assert kernel_room.spare(0, told) == order


def test_files_take_turns_from_call_to_call():
    commands = [EXPORTFS, FILE, *[EXPORTFS] * 3]
    found = kernel_room.roomy(commands, (TWO, ONE))
    assert links(found) == [TWO, ONE, TWO, ONE]
    assert [cmd for cmd in found if cmd.words()[0] != 'ln'] == commands
    assert [cmd.words()[0] for cmd in found][:4] == [
        'ln', 'exportfs', 'tee', 'ln']
    assert kernel_room.roomy(commands, ()) == commands


@pytest.mark.parametrize(('word', 'live', 'file'), [
    ('exportfs', True, False), ('tee', False, True), ('mv', False, True),
    ('rm', False, True), ('sync', False, False), ('mkdir', False, False)])
def test_what_changes_what(word, live, file):
    cmd = directory.run(word, 'x')
    assert (kernel_room.is_live(cmd), kernel_room.is_file(cmd)) == (live, file)


@pytest.mark.parametrize(('commands', 'unsynced', 'marked'), [
    ([], False, False), ([FILE, EXPORTFS], False, False),
    ([EXPORTFS, FILE], False, True), ([], True, True),
    ([FILE, EXPORTFS], True, True)])
def test_a_repetition_sees_what_was_not_on_disk(commands, unsynced, marked):
    found = kernel_room.kept(commands, unsynced=unsynced)
    if not marked:
        assert found == commands
        return
    first, *between, synced, removed = found
    assert first.words() == ['tee', '--', kernel_room.UNSYNCED]
    assert first.input() == 'unsynced\n'
    assert between == commands
    assert synced.words() == ['sync', '-f', '--', '/etc']
    assert removed.words() == ['rm', '-f', '--', kernel_room.UNSYNCED]


@pytest.mark.parametrize(('answer', 'kind'), [
    ('tee: x: No space left on device', exception.NoRoom),
    ('tee: x: Read-only file system', exception.BackendError)])
@pytest.mark.parametrize('failure', [
    None, exception.BackendError('exportfs failed')])
def test_what_could_not_be_written_down_is_told(answer, kind, failure):
    error = exception.BackendError('tee failed.', answer=answer, status=1)
    assert kernel_room.is_full(error) is (kind is exception.NoRoom)
    found = kernel_room.unwritten('/a', 'nfs1', error, failure)
    assert type(found) is kind
    assert (found.answer, found.status) == (answer, 1)
    told = str(found)
    assert 'Who may reach /a on nfs1 cannot be written down: tee failed. ' \
        in told
    assert ('has it still' in told) is (failure is not None)
    assert ('until that server is rebooted' in told) is (failure is None)
    assert 'room in its root file system' in told
