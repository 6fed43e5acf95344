# SPDX-License-Identifier: Apache-2.0

"""Answers of success that do not say what they were asked for."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import records

Brick, Peer, Volume = records.Brick, records.Peer, records.Volume
GIB = 1024 ** 3
A, B, C = 'a:/b', 'b:/b', 'c:/b'


def answer(text):
    return parsing.answers(
        f'<?xml version="1.0"?><cliOutput><opRet>0</opRet>{text}'
        f'</cliOutput>')[0]


@pytest.mark.parametrize('text', [
    '', '<snapList/>', '<snapList><count/></snapList>',
    '<snapList><count>2</count><snapshot>a</snapshot></snapList>',
    '<snapList><count>0</count><snapshot>a</snapshot></snapList>'])
def test_a_list_of_snapshots_that_tells_nothing(text):
    with pytest.raises(exception.BackendError):
        parsing.snapshot_names(answer(text))


@pytest.mark.parametrize(('text', 'names'), [
    ('<count>0</count>', []), ('<snapshot>a</snapshot>', ['a']),
    ('<count>1</count><snapshot>a</snapshot>', ['a'])])
def test_a_list_of_snapshots_that_tells_them(text, names):
    assert parsing.snapshot_names(answer(
        f'<snapList>{text}</snapList>')) == names


@pytest.mark.parametrize(('text', 'connected'), [
    ('<hostname>localhost</hostname><connected>1</connected>', True),
    ('<hostname>localhost</hostname><connected>0</connected>', False),
    ('<hostname>b</hostname><connected>1</connected><state>3</state>', True),
    ('<hostname>b</hostname><connected>1</connected><state>4</state>', False),
    ('<hostname>b</hostname><connected>1</connected><state/>', False),
    ('<hostname>b</hostname><connected>1</connected>', False),
    ('<hostname>b</hostname><state>3</state>', False)])
def test_who_takes_part(text, connected):
    [found] = parsing.peers(answer(
        f'<peerStatus><peer><uuid>1</uuid>{text}</peer></peerStatus>'))
    assert found.connected is connected


@pytest.mark.parametrize(('pid', 'told'), [
    ('17', True), ('-1', False), ('0', False), ('N/A', False), ('', False)])
def test_a_run_without_a_number_is_not_the_same(pid, told):
    """Files may have come back with it that were not seen before."""
    found = parsing.bricks(answer(
        '<volStatus><volumes><volume><volName>v</volName><node><hostname>a'
        '</hostname><path>/b</path><status>1</status>'
        f'<pid>{pid}</pid></node></volume></volumes></volStatus>'))['v']
    assert completeness.restarted(Volume('v', bricks=(A,)), found, found) \
        == (() if told else (A,))


@pytest.mark.parametrize('order', [1, -1])
def test_a_brick_that_is_told_of_twice(order):
    told = [Brick(A, GIB, GIB, pid='1'), Brick(A, GIB, GIB, online=False)]
    volume = Volume('v', bricks=(A,))
    assert completeness.missing(volume, told[::order]) == (A,)
    assert completeness.capacity(volume, told[::order]) == (None, None)


@pytest.mark.parametrize('order', [1, -1])
def test_a_server_that_is_told_of_twice(order):
    told = [Peer('1', 'a', True), Peer('1', 'a.net', False)]  # noqa: FBT003
    assert completeness.unheard(Volume('v', bricks=(A,), peers=('1',)),
                                told[::order]) == ('a',)


WHOLE = Volume('v', bricks=(A, B, C), width=3)


@pytest.mark.parametrize(('changes', 'gib'), [
    ({}, 1), ({'width': 1}, 3), ({'width': 0}, None), ({'width': 2}, None),
    ({'width': 4}, None), ({'dispersed': True, 'redundancy': 1}, 2),
    ({'dispersed': True, 'redundancy': 3}, None),
    ({'dispersed': True, 'redundancy': 4}, None),
    ({'dispersed': True, 'redundancy': None}, None),
    ({'arbiters': frozenset({C})}, 1),
    ({'arbiters': frozenset({A, B, C})}, None)])
def test_how_large_a_volume_is(changes, gib):
    volume = dataclasses.replace(WHOLE, **changes)
    told = [Brick(name, GIB, GIB, pid='1') for name in WHOLE.bricks]
    size = gib and gib * GIB
    assert completeness.capacity(volume, told) == (size, size)
