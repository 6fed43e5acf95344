# SPDX-License-Identifier: Apache-2.0

"""Tables of what a server tells of Samba, and of what it has in force."""

import dataclasses
import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.nas import samba
from manila_drivers.transport import command

PATH = '/shares/share-1'
OPEN = {'path': PATH, 'guest ok': 'yes', 'read only': 'no',
        'hosts allow': '10.0.0.1', 'hosts deny': 'ALL'}


def share(**parts):
    return samba.SambaShare('share-1', PATH, **parts)


def address(level):
    return {ipaddress.ip_network('10.0.0.1'): level}


@pytest.mark.parametrize(('one', 'closed'), [
    (share(networks={}), True), (share(networks=address('ro')), True),
    (share(networks=address('rw')), False), (share(users={}), True),
    (share(users={'alice': 'ro'}), False)])
def test_a_closed_share(one, closed):
    assert one.closed is closed


@pytest.mark.parametrize(('questions', 'words'), [
    (samba.questions, ('net', 'conf', 'list')),
    (samba.in_force_questions, ('testparm', '-s'))])
def test_questions(questions, words):
    """An exit code is part of the answer, whatever it is."""
    asked, = questions()
    assert tuple(asked.words()) == words
    assert asked.root
    assert set(asked.accept) == set(range(256))


@pytest.mark.parametrize(('status', 'kind'), [
    (127, samba.NoSamba), (255, exception.BackendError),
    (1, exception.BackendError)])
def test_a_server_without_samba_is_another_thing(status, kind):
    said = 'x' * 600 + 'cannot open registry'
    with pytest.raises(exception.BackendError) as caught:
        samba.understand('vm', [command.Result(said, '', status)])
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.answer.endswith('cannot open registry')
    assert len(caught.value.answer) == 500
    assert 'include = registry' in caught.value.check
    with pytest.raises(exception.BackendError, match='no rights'):
        samba.understand('vm', [command.Result('', 'no rights', status)])


def test_who_reaches_a_section():
    facts = samba.SambaFacts({'share-1': OPEN})
    assert facts.seen('SHARE-1') == samba.SambaShare(
        'SHARE-1', PATH, networks=address('rw'))
    assert facts.seen('share-2') is None
    by_users = {'path': PATH, 'valid users': 'alice bob', 'read only': 'no',
                'read list': 'bob'}
    assert samba.SambaFacts({'share-1': by_users}).seen('share-1') == share(
        users={'alice': 'rw', 'bob': 'ro'})


@pytest.mark.parametrize('section', [
    {**OPEN, 'hosts allow': '10.0.0.1,10.0.0.2'},
    {**OPEN, 'hosts allow': '10.0.0.1, 10.0.0.2'}])
def test_lists_with_commas(section):
    assert len(samba.read('share-1', section).networks) == 2


@pytest.mark.parametrize(('section', 'users'), [
    ({'valid users': 'Xavier'}, {'Xavier': 'ro'}),
    ({'hosts deny': 'ALL'}, {})])
def test_a_section_without_a_directory(section, users):
    assert samba.read('share-1', section) == samba.SambaShare(
        'share-1', '', users=users)


@pytest.mark.parametrize('section', [
    {'valid users': 'alice', 'hosts allow': '10.0.0.1'},
    {'valid users': 'alice &staff'}, {'valid users': '+staff'},
    {'valid users': '"%S"'}])
def test_users_that_are_not_told_one_by_one(section):
    assert samba.read('share-1', {'path': PATH, **section}) is None


def test_nobody_by_address_is_not_nobody_by_user():
    section = {'path': PATH, 'hosts deny': 'ALL', 'hosts allow': '10.0.0.1'}
    assert samba.read('share-1', section) is None
    del section['hosts allow']
    assert samba.read('share-1', section) == share(users={})


# What smb.conf comes to

def printed(registry, section):
    """Return the answer of a server whose registry is ``OPEN``."""
    return command.Result(
        '# Global parameters\n[global]\n'
        + '\tregistry shares = Yes\n' * registry + '\n[Share-1]\n'
        + ''.join(f'\t{key} = {value}\n' for key, value in section.items()),
        'Loaded services file OK.\n', 0)


@pytest.mark.parametrize(('section', 'says'), [
    (OPEN, ''),
    # testparm has words of its own.
    ({**OPEN, 'guest ok': 'Yes', 'read only': 'No'}, ''),
    ({**OPEN, 'create mask': '0700', 'comment': 'x'}, ''),
    ({**OPEN, 'hosts allow': '10.0.0.1 10.0.0.2'},
     'hosts allow = 10.0.0.1 10.0.0.2, not 10.0.0.1'),
    ({**OPEN, 'path': '/srv', 'admin users': 'eve'},
     'admin users = eve, not None; path = /srv, not /shares/share-1'),
    ({**OPEN, 'available': 'No'}, 'available = no, not None'),
    ({'path': PATH}, ('guest ok = no, not yes; hosts allow = None, not '
     '10.0.0.1; hosts deny = None, not ALL; read only = yes, not no'))])
def test_what_is_in_force_instead(section, says):
    found = samba.in_force('vm', [printed(True, section)])
    assert found.registry
    assert list(found.sections) == ['share-1']
    assert found.overrides('SHARE-1', OPEN) == says


@pytest.mark.parametrize(('here', 'there'), [
    ('alice "bob s"', '"bob s", alice'), ('"alice"', 'alice')])
def test_lists_are_the_same_in_any_order(here, there):
    found = samba.in_force('vm', [printed(True, {
        'path': PATH, 'valid users': here})])
    assert found.overrides('share-1', {'path': PATH,
                                       'valid users': there}) == ''


def test_a_registry_that_is_not_read():
    found = samba.in_force('vm', [printed(False, OPEN)])
    assert not found.registry
    assert 'does not read' in found.overrides('share-1', OPEN)


def test_a_section_that_is_not_in_force():
    found = samba.SambaInForce(True, {})
    assert 'path = None' in found.overrides('share-1', OPEN)


@pytest.mark.parametrize('result', [
    command.Result('', 'testparm: not found', 127),
    command.Result('[share-1]\n\tpath = /x\n', '', 0),
    command.Result('', '', 0)])
def test_no_answer_of_testparm_is_not_nothing(result):
    with pytest.raises(exception.BackendError, match='comes to') as caught:
        samba.in_force('vm', [result])
    assert caught.value.status == result.status


def test_an_odd_configuration_is_told_all_the_same():
    told = dataclasses.replace(printed(True, OPEN), status=1)
    assert samba.in_force('vm', [told]).overrides('share-1', OPEN) == ''
