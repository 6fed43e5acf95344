# SPDX-License-Identifier: Apache-2.0

"""Tables of what a share of Samba is, and of what one means."""

import ipaddress
import re

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import samba
from manila_drivers.nas import samba_text
from tests.unit.nas import world

PATH = '/shares/share-1'


def levels(*given):
    """Levels from texts such as ``ro 10.0.0.1``."""
    return {ipaddress.ip_network(network): level
            for each in given for level, network in [each.split()]}


def by_address(*given):
    return samba.SambaShare('share-1', PATH, networks=levels(*given))


def by_user(**users):
    return samba.SambaShare('share-1', PATH, users=users)


OPEN = {'path': PATH, 'browseable': 'yes', 'create mask': '0755',
        'guest ok': 'yes', 'read only': 'no', 'hosts deny': 'ALL'}
NAMED = {'path': PATH, 'browseable': 'yes', 'create mask': '0755',
         'guest ok': 'no', 'read only': 'yes'}


@pytest.mark.parametrize(('share', 'section'), [
    (by_address(), OPEN),
    (by_address('rw 10.0.0.1'), {**OPEN, 'hosts allow': '10.0.0.1'}),
    (by_address('rw 10.0.0.0/8', 'rw 2001:db8::/64'),
     {**OPEN, 'hosts allow': '10.0.0.0/8 2001:db8::/64'}),
    # Who may only read gets nothing.
    (by_address('ro 10.0.0.1'), OPEN),
    (by_address('rw 10.0.0.0/30', 'ro 10.0.0.1'),
     {**OPEN, 'hosts allow': '10.0.0.0 10.0.0.2/31'}),
    (by_address('ro 10.0.0.0/30', 'rw 10.0.0.1'),
     {**OPEN, 'hosts allow': '10.0.0.1'}),
    # An empty list of users would let in everybody.
    (by_user(), {**NAMED, 'valid users': '-', 'hosts deny': 'ALL'}),
    (by_user(alice='rw'), {**NAMED, 'valid users': '"alice"',
                           'write list': '"alice"'}),
    (by_user(alice='ro'), {**NAMED, 'valid users': '"alice"'}),
    (by_user(**{'bob smith': 'ro', 'DOM\\alice': 'rw'}),
     {**NAMED, 'valid users': '"DOM\\alice" "bob smith"',
      'write list': '"DOM\\alice"'})])
def test_sections(share, section):
    assert samba.wanted(share) == section
    text = samba_text.write('share-1', section)
    assert samba_text.read(text) == {'share-1': section}


@pytest.mark.parametrize('share', [
    by_address(), by_address('rw 10.0.0.1', 'rw 2001:db8::/64'), by_user(),
    by_user(alice='rw', bob='ro'), by_user(**{'a b': 'rw', 'DOM\\c': 'ro'})])
def test_what_is_written_is_read(share):
    assert samba.read('share-1', samba.wanted(share)) == share


def test_access_is_by_address_or_by_user():
    for parts in {}, {'networks': {}, 'users': {}}:
        with pytest.raises(ValueError, match='by address or by user'):
            samba.SambaShare('share-1', PATH, **parts)


@pytest.mark.parametrize(('section', 'users'), [
    # As Manila's own helper has left it.
    ({'guest ok': 'no', 'read only': 'no', 'hosts allow': '0.0.0.0/0',
      'valid users': 'alice bob', 'read list': 'bob'},
     {'alice': 'rw', 'bob': 'ro'}),
    ({'guest ok': 'no', 'writeable': 'yes', 'valid users': 'alice'},
     {'alice': 'rw'}),
    ({'guest ok': 'no', 'valid users': 'alice, bob',
      'write list': 'alice'}, {'alice': 'rw', 'bob': 'ro'})])
def test_users_of_others(section, users):
    assert samba.read('x', {'path': PATH, **section}).users == users


@pytest.mark.parametrize('section', [
    {},
    # IPv6 gets in.
    {'guest ok': 'yes', 'read only': 'no', 'hosts deny': '0.0.0.0/0',
     'hosts allow': '10.0.0.1'},
    {'guest ok': 'yes', 'read only': 'no', 'hosts allow': '10.0.0.1'},
    {'guest ok': 'yes', 'read only': 'no', 'hosts deny': 'ALL',
     'hosts allow': '10.0.0.0/8 EXCEPT 10.0.0.1'},
    {'guest ok': 'yes', 'hosts deny': 'ALL', 'hosts allow': '10.0.0.1'},
    {'guest ok': 'no', 'valid users': ''},
    {'guest ok': 'no', 'valid users': '@wheel'},
    {'guest ok': 'no', 'valid users': '%S'},
    {'guest ok': 'yes', 'read only': 'no', 'hosts deny': 'ALL',
     'available': 'no'}])
def test_what_cannot_be_told_is_not_guessed(section):
    assert samba.read('x', {'path': PATH, **section}) is None


@pytest.mark.parametrize(('one', 'other'), [
    ({'writeable': 'yes'}, {'read only': 'no'}),
    ({'writable': 'no'}, {'read only': 'yes'}),
    ({'Public': 'Yes'}, {'guest ok': 'yes'}),
    ({'available': 'yes'}, {}), ({'hosts allow': ' '}, {}),
    ({'allow hosts': '10.0.0.1'}, {'hosts allow': '10.0.0.1'}),
    ({}, {'read only': 'yes', 'guest ok': 'no', 'browseable': 'yes'})])
def test_one_word_for_each_thing(one, other):
    one = {key.lower(): value for key, value in one.items()}
    assert samba_text.meaning(one) == samba_text.meaning(other)


def test_an_answer_is_read():
    facts = samba.understand('vm', [samba.command.Result(
        '[global]\n\tworkgroup = X\n\n[Share-1]\n\tpath = /shares/a=b\n'
        '\tHosts  Allow = 10.0.0.1\n\n', '', 0)])
    assert facts.section('SHARE-1') == {'path': '/shares/a=b',
                                        'hosts allow': '10.0.0.1'}
    assert facts.path('share-1') == '/shares/a=b'
    assert facts.path('share-2') is None


@pytest.mark.parametrize('status', [1, 127, 255])
def test_no_answer_is_not_no_shares(status):
    with pytest.raises(exception.BackendError, match='does not say'):
        samba.understand('vm', [samba.command.Result('', 'gone', status)])


# Names

HOSTILE = ('', ' ', 'a"b', "a'b", 'a`id`', '$(id)', 'a;b', 'a&b', 'a|b',
           'a\nb', 'a\tb', 'a,b', '@wheel', '+wheel', '&wheel', '%U', 'a%Sb',
           'alice\\', '-rf', '"', '$', 'a/b', 'a*', 'a=b', '#a', '[global]',
           'a\u2028b', 'a\x00b', 'a' * 300, '~', '.', '..', 'a$b')


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_users_are_refused(name):
    grants = samba.user_grants([access.Rule('1', 'user', name),
                                access.Rule('2', 'user', 'alice')])
    assert grants.levels == {'alice': 'rw'}
    assert list(grants.errors) == ['1']
    with pytest.raises(exception.InvalidRequest):
        samba.wanted(by_user(**{name: 'rw'}))


@pytest.mark.parametrize('name', [
    'alice', 'bob smith', 'DOM\\alice', 'alice@example.org', 'host$',
    'a.b-c_d', 'J\u00fcrgen', '007', '_x'])
def test_users(name):
    grants = samba.user_grants([access.Rule('1', 'user', name, 'ro')])
    assert grants.levels == {name: 'ro'}
    section = samba.wanted(by_user(**{name: 'ro'}))
    assert samba_text.listed(section['valid users']) == [name]


@hypothesis.given(st.lists(st.text(max_size=12), max_size=4))
def test_no_list_of_users_means_more_than_its_names(names):
    grants = samba.user_grants([
        access.Rule(str(number), 'user', name)
        for number, name in enumerate(names)])
    section = samba.wanted(samba.SambaShare('s', PATH, users=grants.levels))
    listed = samba_text.listed(section['valid users'])
    assert set(listed) == set(grants.levels) or (
        not grants.levels and listed == ['-'])
    assert section['valid users'].strip()
    text = samba_text.write('s', section)
    assert samba_text.read(text) == {'s': section}


@pytest.mark.parametrize(('rules', 'given', 'refused'), [
    (['rw alice', 'ro bob'], {'alice': 'rw', 'bob': 'ro'}, []),
    # Samba takes them for one.
    (['rw Alice', 'ro alice'], {'alice': 'ro'}, ['0']),
    (['ro Alice', 'rw alice'], {'Alice': 'ro'}, ['1']),
    (['rw Alice', 'rw ALICE', 'ro alice'], {'alice': 'ro'}, ['0', '1']),
    (['rw Alice', 'rw alice'], {'Alice': 'rw', 'alice': 'rw'}, [])])
def test_of_two_names_of_one_user_the_weaker_stays(rules, given, refused):
    grants = samba.user_grants([
        access.Rule(str(number), 'user', name, level)
        for number, each in enumerate(rules)
        for level, name in [each.split()]])
    assert grants.levels == given
    assert sorted(grants.errors) == refused


@pytest.mark.parametrize('name', ['global', 'Homes', 'printers', 'a b',
                                  'a]b', '', '../x', 'a;b'])
def test_names_of_sections(name):
    with pytest.raises(exception.InvalidRequest):
        samba.wanted(samba.SambaShare(name, PATH, networks={}))


@pytest.mark.parametrize('path', ['/shares/%U', '/shares/a\\', '/a"b', 'a',
                                  '/shares/x ', '/a\nb', '/a/'])
def test_paths_that_samba_reads_otherwise(path):
    with pytest.raises(exception.InvalidRequest):
        samba.wanted(samba.SambaShare('share-1', path, networks={}))


# Levels

@hypothesis.given(world.LEVELS)
def test_those_let_in_are_those_that_may_write(given):
    found = samba.admitted(given)
    let_in = dict.fromkeys(found.networks, 'rw')
    for client in world.CLIENTS:
        meant = networks.level_for(given, client)
        assert networks.level_for(let_in, client) == (
            'rw' if meant == 'rw' else None), client
    assert set(found.refused) == {
        network for network, level in given.items() if level == 'ro'}


def test_who_may_only_read_is_never_let_write_for_want_of_room():
    wide = {ipaddress.ip_network('10.0.0.0/8'): 'rw'}
    given = {**wide, **{
        ipaddress.ip_network(f'10.{number}.{number}.1'): 'ro'
        for number in range(1, 200)}}
    with pytest.raises(exception.InvalidRequest, match='may only read'):
        samba.admitted(given)


def test_refused_rules_say_why():
    found = samba.admitted(levels('ro 10.0.0.1', 'rw 10.0.0.2'))
    why, = found.refused.values()
    assert re.search('no access by address that only reads', why)


def test_lines_that_are_no_parameters():
    assert samba_text.read(
        'before = a section\n[one]\n# path = /x\n; path = /y\n  nonsense\n'
        '\t#guest ok = yes\n\tpath = /z\n\tcomment = # of one\n[ Two ]\n'
    ) == {'one': {'path': '/z', 'comment': '# of one'}, 'two': {}}


@pytest.mark.parametrize(('value', 'means'), [
    ('YES', 'yes'), ('On', 'yes'), ('1', 'yes'), ('True', 'yes'),
    ('NO', 'no'), ('Off', 'no'), ('0', 'no'), ('False', 'no'),
    ('perhaps', 'perhaps')])
def test_switches(value, means):
    assert samba_text.meaning({'guest ok': value})['guest ok'] == means
    assert samba_text.is_true(f' {value} ') is (means == 'yes')


@pytest.mark.parametrize(('text', 'names'), [
    ('', []), ('""', []), ('a "" b', ['a', 'b']), ('a,b;c', ['a', 'b', 'c']),
    ('"a b"c', ['a bc']), ('"open', ['open'])])
def test_lists_of_names(text, names):
    assert samba_text.listed(text) == names
    assert samba_text.words(text) == sorted(names)
    assert samba_text.words(None) is None
