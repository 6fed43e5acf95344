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


def words(commands):
    """Say in a word what each command does."""
    found = []
    for cmd in commands:
        name, *rest = cmd.words()
        if name == 'net':
            found.append(rest[1])
        elif name == 'sh':
            found.append('close ' + rest[3])
        else:
            found.append(rest[1])
    return found


NEW = ['import', 'close all', 'showshare']
MORE = ['import', 'reload-config', 'showshare']
DENIED = ['import', 'close denied', 'delparm', 'showshare']
ALL = ['import', 'close all', 'delparm', 'showshare']
UPSTREAM = {'path': PATH, 'guest ok': 'yes', 'read only': 'no',
            'hosts deny': '0.0.0.0/0', 'hosts allow': '10.0.0.1'}


def test_a_share_that_is_new():
    assert words(samba_plan.plan(samba.SambaFacts({}), share())) == NEW


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
        'setparm', 'close all']
    assert samba_plan.resumed(known, 'share-1') == []
    assert words(samba_plan.resumed(known, 'share-1', always=True)) == [
        'setparm', 'reload-config']
    paused = facts(share('rw 10.0.0.1'), available='no')
    assert words(samba_plan.resumed(paused, 'share-1')) == [
        'setparm', 'reload-config']
    assert samba_plan.suspended(samba.SambaFacts({}), 'share-1') == []


def test_hostile_names_plan_nothing():
    with pytest.raises(exception.InvalidRequest):
        samba_plan.plan(samba.SambaFacts({}), samba.SambaShare(
            'share-1', PATH, users={'$(id)': 'rw'}))
