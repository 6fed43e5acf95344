# SPDX-License-Identifier: Apache-2.0

"""Tables of who is let in by a service VM, command by command."""

import dataclasses
import ipaddress
import shlex
import subprocess

import pytest

from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_scripts
from manila_drivers.generic import guest_turns
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.nas import kernel_room
from manila_drivers.nas import samba
from manila_drivers.nas import samba_plan
from manila_drivers.transport import command
from tests.unit.generic import test_assessment as guests

but, guest = dataclasses.replace, guests.guest
ID, PATH, SERVED = guests.ID, guests.PATH, guests.SERVED
NAME = SERVED.name
KNOWN = '11111111-2222-4333-8444-555566667777'
CLIENT = {ipaddress.ip_network('10.0.0.1'): 'rw'}
EXPORT = exports.Export(PATH, NAME, ID, CLIENT, ('no_root_squash',))
MOUNTED = but(EXPORT, options=('no_root_squash', 'mp'))
SHARE = samba.SambaShare(NAME, PATH, networks=CLIENT)


def entry(client='10.0.0.1', fsid=ID, path=PATH):
    return exports_text.ExportEntry(
        path, client, ('mp', 'rw', 'no_root_squash', f'fsid={fsid}'))


def said(text='', status=0, stderr=''):
    return command.Result(text, stderr, status)


def line(client='10.0.0.1', fsid=ID, options='mp,rw,no_root_squash'):
    return f'{PATH}\t{client}({options},fsid={fsid})\n'


# -- NFS ---------------------------------------------------------------------

def test_only_what_is_mounted_is_exported():
    assert guest_access.mounted_only(EXPORT) == MOUNTED
    assert guest_access.mounted_only(MOUNTED) is MOUNTED


@pytest.mark.parametrize(('live', 'fsid'), [
    ([], ID), ([entry('10.0.0.2')], ID),
    # Clients hold handles with it.
    ([entry('10.0.0.2', KNOWN)], KNOWN),
    ([entry('10.0.0.2', KNOWN), entry(fsid=KNOWN, path='/x')], ID)])
def test_exporting(live, fsid):
    found = guest(guests.MOUNT, live=live)
    commands = guest_access.nfs(found, EXPORT)
    planned = kernel_plan.plan(found.nfs, MOUNTED, fsid)
    assert commands == [*guest_access.roomy(planned), kernel.live([PATH])]
    assert list(map(guest_access.is_live, commands[:-1])) == [
        one.words()[0] == 'exportfs' for one in planned]
    added = [one.words() for one in commands if '-o' in one.words()]
    assert [words[-1] for words in added] == [f'10.0.0.1/32:{PATH}']
    options = set(added[0][added[0].index('-o') + 1].split(','))
    assert {'mountpoint', 'rw', 'no_root_squash', f'fsid={fsid}'} <= options


def test_what_is_exported_already_is_let_be():
    found = guest(guests.MOUNT, live=[entry()])
    commands = guest_access.nfs(found, EXPORT)
    text = next(one.input() for one in commands
                if (one.input() or '').startswith(PATH))
    # No change of what is exported tells a repetition that it was cut off.
    mark = kernel_room.UNSYNCED
    words = [one.words() for one in commands]
    assert words[0] == ['tee', '--', mark]
    assert words[-3:-1] == [['sync', '-f', '--', '/etc'],
                            ['rm', '-f', '--', mark]]
    found = but(found, exported=but(found.nfs, files={guests.FILE: text}))
    assert guest_access.nfs(found, EXPORT) == []
    again = guest_access.nfs(but(found, unsynced=True), EXPORT)
    assert [one.words()[0] for one in again] == ['tee', 'sync', 'rm', 'grep']


def test_what_is_taken_away_is_written_down_later():
    found = guest(guests.MOUNT, live=[entry(), entry('10.0.0.2')])
    gone, mark = guest_access.nfs_taken_away(found, EXPORT)
    assert mark.words()[-1] == guest_turns.unwritten(NAME)
    assert gone.words()[-3:] == ['exportfs', '-u', f'10.0.0.2:{PATH}']
    assert not guest_access.nfs_taken_away(guest(guests.MOUNT), EXPORT)


@pytest.mark.parametrize('shell', ['sh', 'bash'])
def test_a_line_becomes_a_remark_where_there_is_no_room(tmp_path, shell):
    file, new = tmp_path / 'fstab', tmp_path / 'fstab.manila-new'
    text = '# caf\u00e9\n \t/dev/x /a ext4 ro 0 0\n/dev/y / ext4\n/z /a x'
    for wanted, status in ('', 0), ('', 0), ('/dev/n /a ext4', 1):
        file.write_text(text)
        new.symlink_to('/dev/full')
        done = subprocess.run([  # noqa: S603
            shell, '-c', guest_scripts.FSTAB.replace('/etc/', f'{tmp_path}/'),
            'x', '/a', wanted], check=False, stderr=subprocess.DEVNULL)
        assert done.returncode == status
        assert not new.is_symlink()
        if not status:
            text = text.replace(' \t/dev/x', '#\t/dev/x').replace(
                '\n/z', '\n#z')
        assert file.read_text() == text


@pytest.mark.parametrize('full', [False, True])
def test_the_table_goes_to_memory_where_there_is_no_room(tmp_path, full):
    programs = tmp_path / 'bin'
    programs.mkdir()
    if full:
        (programs / 'cp').write_text('#!/bin/sh\n: >"$2"\nexit 1\n')
        (programs / 'cp').chmod(0o755)
    table, one, two = (tmp_path / name for name in ('etab', 'one', 'two'))
    table.write_text('text\n')
    for here in one, two, one:
        done = subprocess.run(
            ['sh', '-c', kernel_room.EXPORTFS, 'x',  # noqa: S607
             table, one, two, 'sh', '-c', 'exit 7'], check=False, env={
                 'PATH': f'{programs}:/usr/bin:/bin'})
        assert done.returncode == 7
        made = tmp_path / 'etab.tmp'
        assert made.is_symlink() is full
        assert {each.name for each in tmp_path.glob('*manila*')} == set()
        if full:
            # As exportfs does.
            made.write_text('text\n')
            made.rename(table)
            assert table.resolve() == here
            assert here.read_text() == 'text\n'


@pytest.mark.parametrize(('last', 'says'), [
    (said(line(fsid=KNOWN)), ''),
    (said(line(fsid=KNOWN) + line('10.0.0.2', KNOWN)), '10.0.0.2'),
    (said(''), 'cannot be read after exportfs'),
    (said(line()), f'fsid={KNOWN}'),
    (said(line(fsid=KNOWN, options='rw,no_root_squash')), 'mountpoint'),
    (said(line(fsid=KNOWN), 2, 'no way'), 'cannot be read after exportfs: no'),
    # grep has found nothing.
    (said('', 1), '10.0.0.1')])
def test_what_exportfs_has_left_undone(last, says):
    found = guest(guests.MOUNT, live=[entry('10.0.0.2', KNOWN)])
    for before in [], [said('x', 2, 'bad')], [said('x', 2, 'bad')] * 3:
        told = guest_access.nfs_undone(found, EXPORT, [*before, last])
        assert says in told and bool(told) is bool(says)
    assert guest_access.nfs_undone(found, EXPORT, []) == ''


@pytest.mark.parametrize('path', ['/shares/a(b', '/shares/a b'])
def test_lines_of_others_are_taken_out(path):
    others = [entry(path=path), entry(path='/x')]
    found = guest(guests.MOUNT, others=others)
    found = but(found, exported=but(found.nfs, foreign={
        'f.exports': f'{exports_text.escaped(path)} *(rw)\n'}))
    wanted = [guest_scripts.run(
        'exports', guest_scripts.EXPORTS, path, exports_text.in_etab(path),
        exports_text.escaped(path), file)
        for file in ('/etc/exports', '/etc/exports.d/f.exports')]
    assert guest_access.nfs(found, but(EXPORT, path=path))[:2] == wanted
    gone = guest_access.removed(found, but(SERVED, path=path))
    assert gone[:2] == wanted


# -- Samba -------------------------------------------------------------------

def section(**more):
    return f'[{NAME}]\n' + ''.join(
        f'\t{key} = {value}\n'
        for key, value in {**samba.wanted(SHARE), **more}.items())


def test_sharing():
    found = guest(guests.MOUNT, sections={'other': {'path': '/x'}})
    commands = guest_access.cifs(found, SHARE)
    assert commands == samba_plan.plan(found.samba, SHARE) != []
    there = guest(guests.MOUNT, sections={NAME: samba.wanted(SHARE)})
    assert guest_access.cifs(there, SHARE) == []


@pytest.mark.parametrize(('last', 'says'), [
    (section(), ''), ('', f'path = None, not {PATH}'),
    (section(**{'hosts allow': '10.0.0.2'}),
     'hosts allow = 10.0.0.2, not 10.0.0.1')])
def test_what_samba_has_left_undone(last, says):
    for before in [], [said('[x]')], [said('[x]')] * 3:
        told = guest_access.cifs_undone(SHARE, [*before, said(last)])
        assert says in told and bool(told) is bool(says)
    assert guest_access.cifs_undone(SHARE, []) == ''


# -- functions of a script ---------------------------------------------------

@pytest.mark.parametrize('available', ['yes', 'no'])
def test_a_script_closes_and_opens(available):
    found = guest(guests.MOUNT, live=[entry()], kept=[PATH], sections={
        NAME: {**samba.wanted(SHARE), 'available': available}})
    shut = guest_access.closed(found, SERVED)
    again = guest_access.reopened(found, SERVED, always=True)
    note, _, _, opening = guest_access.turns(SERVED)
    closing = guest_access.closing(found, SERVED)
    assert guest_scripts.function('closed', shut) in closing
    written, closing = closing.split('closed() {')
    assert shlex.split(written.partition('exit 75\n')[2])[:4] == [
        'printf', '%s', guest_scripts.function('opened', again)
        + 'opened\n', f'>{note}.new']
    assert 'exportfs -u' in closing and 'available no' in closing
    assert 'exportfs -i' in written and 'available yes' in written
    assert note in opening


def test_a_share_that_is_closed_is_opened_for_others():
    """Nobody is let in while files are written."""
    found = guest(kept=[PATH])
    export = exports.Export(PATH, NAME, ID, {}, ())
    for commands in (
            guest_access.nfs_while_closed(found, export, ID),
            guest_access.cifs_while_closed(found, SHARE, ID)):
        first, *between, last = commands
        assert first == guest_turns.replaced(ID, [])
        assert not any(map(guest_access.is_live, between))
        assert last.words()[:4] == first.words()[:4]
    assert 'available = no' in between[0].input()
    assert 'available yes' in last.input()


def test_a_share_that_was_opened_meanwhile_is_closed():
    """Somebody has started the NFS server while it was closed."""
    found = guest(live=[entry()], kept=[PATH])
    again = exports.Export(PATH, NAME, ID, CLIENT, ())
    for export in again, exports.Export(PATH, NAME, ID, {}, ()):
        *_, shut, last = guest_access.nfs_while_closed(found, export, ID)
        assert [shut] == guest_access.closed(found, SERVED)
        assert ('exportfs -i' in last.input()) is bool(export.levels)
