# SPDX-License-Identifier: Apache-2.0

"""The changes of a list of clients of CES, and the words for them."""

import dataclasses
import ipaddress

import pytest

from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.nas import exports


def net(text):
    return ipaddress.ip_network(text)


def entry(client, level='rw', **options):
    try:
        network = net(client)
    except ValueError:
        network = None
    return ces_list.CesClient(client, network, level, options)


def export(*networks, options=(), **levels):
    return exports.Export('/p', 'p', '1', {
        **dict.fromkeys(map(net, networks), 'rw'),
        **{net(text): level for text, level in levels.items()}}, options)


def added(change):
    return [([str(one) for one in addition.networks], addition.position)
            for addition in change.add]


@pytest.mark.parametrize(('entries', 'levels'), [
    # A level that is not told may be all there is.
    ([entry('10.0.0.1', ces_list.UNTOLD)], {'10.0.0.1': 'rw'}),
    ([entry('10.0.0.1', '')], {}),
    ([entry('10.0.0.0/24', 'ro'), entry('10.0.0.1', 'rw')],
     {'10.0.0.0/24': 'ro'}),
    ([entry('*', 'ro')], {'0.0.0.0/0': 'ro', '::/0': 'ro'})])
def test_what_a_list_gives(entries, levels):
    assert ces_list.levels_of(entries) == {
        net(text): level for text, level in levels.items()}


NONE = ces_list.Difference((), (), (), (), False)


@pytest.mark.parametrize('parts', [
    {'hidden': ['x']}, {'remove': ['x']}, {'change': [entry('10.0.0.1')]},
    {'add': [ces_list.Addition([net('10.0.0.1')])]}])
def test_each_part_is_a_difference(parts):
    assert not NONE
    assert ces_list.Difference(**{
        'hidden': (), 'add': (), 'change': (), 'remove': (),
        'apart': False} | parts)


def test_all_of_it_in_one_command():
    wanted = export('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.8/29',
                    '10.0.0.9', options=('squash=root_squash',))
    change = ces_list.Difference(
        ['h'], [ces_list.Addition([net('10.0.0.1'), net('10.0.0.2')], 0),
                ces_list.Addition([net('10.0.0.3')])],
        [entry('10.0.0.8/29', 'ro'), entry('10.0.0.9', 'ro')], ['r'], False)

    def client(text):
        return f'{text}(access_type=rw,squash=root_squash)'

    assert change.together(wanted) == [
        '--nfsremove', 'h,r',
        '--nfschange', client('10.0.0.8/29') + ';' + client('10.0.0.9'),
        '--nfsadd', client('10.0.0.1') + ';' + client('10.0.0.2'),
        '--nfsposition', '0', '--nfsadd', client('10.0.0.3')]
    assert NONE.together(wanted) == []


def test_everybody_goes_before_all_of_one_kind():
    change = ces_list.difference(
        export('10.0.0.1'),
        [entry('10.0.0.1'), entry('0.0.0.0/0'), entry('*'),
         entry('@hosts')])
    # A netgroup hides nobody that is known here, so that it goes first.
    assert change.remove == ['@hosts', '*', '0.0.0.0/0']
    assert change.hidden == []


@pytest.mark.parametrize(('wanted', 'entries', 'add'), [
    (['10.0.0.0/28', '10.0.0.5/32', '10.0.0.8/29', '10.0.0.0/29',
      '10.0.0.4/30'], ['10.0.0.4/30'],
     [(['10.0.0.5/32'], 0),
      (['10.0.0.0/29', '10.0.0.8/29', '10.0.0.0/28'], None)]),
    (['10.0.0.0/27', '10.0.0.0/28', '10.0.0.0/29', '10.0.0.8/30',
      '10.0.0.8/29', '10.0.0.0/32', '10.0.0.10/32', '10.0.0.0/30',
      '10.0.0.12/30'],
     ['10.0.0.8/29', '10.0.0.0/32', '10.0.0.0/28', '10.0.0.0/27'],
     [(['10.0.0.10/32'], 0), (['10.0.0.0/30'], 3),
      (['10.0.0.8/30', '10.0.0.12/30'], 1), (['10.0.0.0/29'], 6)])])
def test_no_more_insertions_than_needed(wanted, entries, add):
    assert added(ces_list.difference(
        export(*wanted), list(map(entry, entries)))) == add


@pytest.mark.parametrize(('options', 'listed', 'same'), [
    (('squash=root_squash',), {'squash': 'ROOT'}, True),
    (('squash=root_squash',), {'squash': 'NOIDSQUASH'}, False),
    (('squash=none',), {'squash': 'no_root_squash'}, True),
    (('sectype=sys:krb5',), {'sectype': 'KRB5,SYS'}, True),
    (('sectype=sys:krb5',), {'sectype': 'krb5'}, False),
    *((('manage_gids=' + wanted,), {'manage_gids': listed}, True)
      for wanted, listed in [('false', 'off'), ('false', 'NO'),
                             ('true', 'on'), ('true', 'Yes'),
                             ('off', 'false')]),
    (('manage_gids=true',), {'manage_gids': 'off'}, False),
    # An option without a value is no other option.
    (('privilegedport',), {'privilegedport': 'true'}, False),
    (('anonymous_uid=65534',), {'anonymous_uid': '-2'}, True),
    (('anonymous_gid=-2',), {'anonymous_gid': '4294967294'}, True),
    (('sectype=65534',), {'sectype': '-2'}, False),
    # What is not listed cannot be compared.
    (('squash=all',), {}, True),
    # What nobody asks for is what a new client has.
    ((), {'squash': 'ROOT_SQUASH', 'sectype': ''}, True),
    ((), {'squash': 'ROOT'}, True),
    ((), {'squash': 'none'}, False),
    (('squash=none',), {'squash': 'none', 'nfs_commit': 'true'}, False),
    ((), {'protocols': '3'}, True)])
def test_options_are_compared_by_what_they_mean(options, listed, same):
    change = ces_list.difference(
        export('10.0.0.1', options=options), [entry('10.0.0.1', **listed)])
    assert bool(change.change) is not same
    assert not (change.add or change.remove or change.hidden)


def test_an_option_without_a_value_is_asked_for():
    wanted = export('10.0.0.1', options=('privilegedport',))
    change = ces_list.difference(
        wanted, [entry('10.0.0.1', privilegedport='true')])
    assert change.one_by_one(wanted) == [[
        '--nfschange', '10.0.0.1(access_type=rw,privilegedport)']]


def test_what_is_taken_out_is_said_in_the_change():
    change = ces_list.difference(
        export('10.0.0.1', options=('squash=none',)),
        [entry('10.0.0.1', nfs_commit='on', anonymous_uid='7',
               squash='none')])
    assert change.one_by_one(export(
        '10.0.0.1', options=('squash=none',))) == [[
            '--nfschange', ('10.0.0.1(access_type=rw,squash=none,'
                            'anonymous_uid=-2,nfs_commit=false)')]]


# Options that are not known, and stay

KEEPING = dataclasses.replace(
    export('10.0.0.1', '10.0.0.2', options=('squash=no_root_squash',)),
    keep=True, own={net('10.0.0.1'): ('squash=all_squash',),
                    net('10.0.0.2'): ('squash=root_squash',)})


@pytest.mark.parametrize(('listed', 'keeping', 'else_'), [
    (entry('10.0.0.1', squash='all_squash'), False, True),
    (entry('10.0.0.1', squash='no_root_squash'), False, False),
    (entry('10.0.0.1', privilegedport='true'), False, True),
    (entry('10.0.0.1', 'ro', squash='all_squash'), True, True)])
def test_options_that_are_not_known_are_not_compared(listed, keeping, else_):
    for keep, changes in (True, keeping), (False, else_):
        found = ces_list.difference(
            dataclasses.replace(KEEPING, keep=keep), [listed])
        assert found.change == ([listed] if changes else [])
        assert added(found) == [(['10.0.0.2/32'], None)]


def test_a_new_client_has_the_options_of_its_own_network():
    networks = list(KEEPING.levels)
    text, = ces_list.chunks(networks, KEEPING)
    assert text.split(';') == [
        '10.0.0.1(access_type=rw,squash=all_squash)',
        '10.0.0.2(access_type=rw,squash=root_squash)']
    text, = ces_list.chunks(
        networks, dataclasses.replace(KEEPING, keep=False))
    assert text.split(';') == [
        '10.0.0.1(access_type=rw,squash=no_root_squash)',
        '10.0.0.2(access_type=rw,squash=no_root_squash)']
