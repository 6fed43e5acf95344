# SPDX-License-Identifier: Apache-2.0

"""Tables of sections as they are and shall be, and the commands between."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.nas import samba
from manila_drivers.nas import samba_plan
from manila_drivers.nas import samba_text

PATH = '/shares/share-1'


def share(*given, path=PATH, **users):
    """Levels from texts such as ``rw 10.0.0.1``, or users."""
    if users:
        return samba.SambaShare('share-1', path, users={
            name: level for name, level in users.items() if level})
    return samba.SambaShare('share-1', path, networks={
        ipaddress.ip_network(network): level
        for each in given for level, network in [each.split()]})


def facts(before, **more):
    section = before if isinstance(before, dict) else samba.wanted(before)
    return samba.SambaFacts({'share-1': {**section, **more}})


#: All words of each command, whose script is left out.
WORDS = {
    'import': ['net', 'conf', 'import', '/dev/stdin', 'share-1'],
    'showshare': ['net', 'conf', 'showshare', 'share-1'],
    'delshare': ['net', 'conf', 'delshare', 'share-1'],
    'delparm': ['net', 'conf', 'delparm', 'share-1', 'comment'],
    'available no': ['net', 'conf', 'setparm', 'share-1', 'available', 'no'],
    'available yes': ['net', 'conf', 'setparm', 'share-1', 'available',
                      'yes'],
    'reload-config': ['smbcontrol', 'smbd', 'reload-config'],
    'close all': ['sh', '-c', '', 'manila-smb-close', 'all', 'share-1'],
    'close denied': ['sh', '-c', '', 'manila-smb-close', 'denied',
                     'share-1']}


def words(commands):
    """Say in a word what each command does, which has to be just that."""
    return [_word(cmd) for cmd in commands]


def _word(cmd):
    found = list(cmd.words())
    assert cmd.root
    # Of those that end by themselves nobody waits for long.
    assert (cmd.timeout == 300.0) == (found[0] == 'sh')
    if found[0] == 'sh':
        assert 'close-denied-share' in found[2]
        found[2] = ''
    return next(word for word, known in WORDS.items() if known == found)


NEW = ['import', 'close all', 'showshare']
MORE = ['import', 'reload-config', 'showshare']
DENIED = ['import', 'close denied', 'delparm', 'showshare']
ALL = ['import', 'close all', 'delparm', 'showshare']
UPSTREAM = {'path': PATH, 'guest ok': 'yes', 'read only': 'no',
            'hosts deny': '0.0.0.0/0', 'hosts allow': '10.0.0.1'}


def test_a_share_that_is_new():
    assert words(samba_plan.plan(samba.SambaFacts({}), share())) == NEW


@pytest.mark.parametrize(('before', 'after', 'commands'), [
    # Another directory: whoever is connected sees the old one.
    (share('rw 10.0.0.1', path='/x'), share('rw 10.0.0.1'), ALL),
    (share(alice='ro', path='/x'), share(alice='ro'), ALL),
    (share(path='/x'), share(), ALL),
    # Nobody was let in, so that nobody has less.
    (share(), share(alice='rw'), MORE),
    (share(alice=''), share('rw 10.0.0.1'), MORE),
    (share('rw 10.0.0.1'), share(alice='rw'), ALL),
    (share(alice='rw'), share('rw 10.0.0.1'), ALL)])
def test_what_becomes_of_who_is_connected(before, after, commands):
    found = samba_plan.plan(facts(before), after)
    assert words(found) == commands
    told = samba_text.read(found[0].input())['share-1']
    # It is said until all of them are disconnected.
    pending = {'comment': samba_plan.PENDING} if 'delparm' in commands else {}
    assert told == {**samba.wanted(after), **pending}


def test_reading_the_registry_again_may_fail():
    assert samba_plan.reread().accept == frozenset(range(256))


@pytest.mark.parametrize(('left', 'says'), [
    ('\thosts deny = 0.0.0.0/0\n\tpath = /x\n',
     'hosts deny = 0.0.0.0/0, not ALL; path = /x, not /shares/share-1'),
    ('\tcomment = x\n', 'comment = x, not None')])
def test_what_is_not_as_it_shall_be_is_told(left, says):
    after = share('rw 10.0.0.1')
    text = samba_text.write('share-1', samba.wanted(after))
    assert samba_plan.undone(text + left, after) == says
    assert f'path = None, not {PATH}' in samba_plan.undone('', after)


def test_what_was_begun_is_finished():
    """The section is as it shall be, but who has to go is still there."""
    after = share(alice='ro')
    found = samba_plan.plan(facts(after, comment=samba_plan.PENDING), after)
    assert words(found) == ALL


def test_a_section_with_more_in_it_is_made_anew():
    after = share('rw 10.0.0.1')
    assert samba_plan.doubtful(facts(after, **{'vfs objects': 'x'}), after)
    assert words(samba_plan.plan(facts(after, **{'valid users': 'x'}),
                                 after)) == ALL
    assert not samba_plan.doubtful(facts(after), after)


def test_what_is_told_is_read_back():
    after = share('rw 10.0.0.1')
    text = samba_text.write('share-1', samba.wanted(after))
    assert samba_plan.undone(text, after) == ''
    for left in text.replace('ALL', '0.0.0.0/0'), '', \
            text + '\tcomment = x\n', text.replace('10.0.0.1', '10.0.0.2'):
        assert samba_plan.undone(left, after)


def test_the_section_is_what_is_read_in():
    command, *_ = samba_plan.plan(samba.SambaFacts({}), share('rw 10.0.0.1'))
    assert command.words() == ['net', 'conf', 'import', '/dev/stdin',
                               'share-1']
    assert samba_text.read(command.input())['share-1'] == samba.wanted(
        share('rw 10.0.0.1'))
    assert command.root


def test_the_end_disconnects_also_where_nothing_is_left():
    assert words(samba_plan.removed(samba.SambaFacts({}), 'share-1')) == [
        'close all']
    assert words(samba_plan.removed(facts(share()), 'share-1')) == [
        'delshare', 'close all']


def test_pauses():
    known = facts(share('rw 10.0.0.1'))
    assert words(samba_plan.suspended(known, 'share-1')) == [
        'available no', 'close all']
    assert samba_plan.resumed(known, 'share-1') == []
    assert words(samba_plan.resumed(known, 'share-1', always=True)) == [
        'available yes', 'reload-config']
    paused = facts(share('rw 10.0.0.1'), available='no')
    assert words(samba_plan.resumed(paused, 'share-1')) == [
        'available yes', 'reload-config']
    assert samba_plan.suspended(samba.SambaFacts({}), 'share-1') == []


def test_hostile_names_plan_nothing():
    with pytest.raises(exception.InvalidRequest):
        samba_plan.plan(samba.SambaFacts({}), samba.SambaShare(
            'share-1', PATH, users={'$(id)': 'rw'}))
