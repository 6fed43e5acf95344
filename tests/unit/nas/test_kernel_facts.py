# SPDX-License-Identifier: Apache-2.0

"""What entries of kernel NFS mean, and how they are written, as tables."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.transport import command
from tests.unit.nas import world


def entry(text, path=world.PATH, fsid=''):
    level, client = text.split()
    options = (level, *([f'fsid={fsid}'] if fsid else []))
    return exports_text.Entry(path, client, options)


def entries(*texts):
    return [entry(text) for text in texts]


@pytest.mark.parametrize(('given', 'levels', 'whole'), [
    ([], {}, True),
    (['rw 10.0.0.1'], {'10.0.0.1/32': 'rw'}, True),
    (['rw 10.0.0.1', 'ro 10.0.0.1/32'], {'10.0.0.1/32': 'rw'}, True),
    # A plain address goes before all networks, wherever it is.
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'],
     {'10.0.0.0/8': 'rw', '10.0.0.1/32': 'ro'}, True),
    (['rw 10.0.0.0/8', 'ro 10.0.0.1/32'],
     {'10.0.0.0/8': 'rw', '10.0.0.1/32': 'ro'}, False),
    (['ro 10.0.0.1/32', 'rw 10.0.0.0/8'],
     {'10.0.0.0/8': 'rw', '10.0.0.1/32': 'ro'}, True),
    (['rw 10.0.0.0/8', 'rw 10.0.0.1/32'],
     {'10.0.0.0/8': 'rw', '10.0.0.1/32': 'rw'}, True),
    # Releases differ in what length 0 is, and names are nobody's address.
    (['rw 0.0.0.0/0'], {'0.0.0.0/0': 'rw'}, False),
    (['rw ::/0'], {'::/0': 'rw'}, False),
    (['rw @group'], {}, False),
    (['rw @group', 'rw 10.0.0.1'], {'10.0.0.1/32': 'rw'}, False),
    (['ro *'], {'0.0.0.0/0': 'ro', '::/0': 'ro'}, True),
    (['ro <world>'], {'0.0.0.0/0': 'ro', '::/0': 'ro'}, True),
    (['rw 10.0.0.1', 'ro *', 'rw *'],
     {'10.0.0.1/32': 'rw', '0.0.0.0/0': 'ro', '::/0': 'ro'}, True)])
def test_what_clients_get(given, levels, whole):
    found, plain = kernel.levels(entries(*given))
    assert {str(network): level for network, level
            in found.items()} == levels
    assert plain is whole


@pytest.mark.parametrize(('given', 'client', 'lowest'), [
    ([], '10.0.0.1', None),
    (['rw 10.0.0.1'], '10.0.0.1', 'rw'),
    (['rw 10.0.0.1'], '10.0.0.2', None),
    # An address of its own is not what a network of one finds.
    (['rw 10.0.0.1'], '10.0.0.1/32', None),
    (['ro 10.0.0.1', 'rw 10.0.0.0/8'], '10.0.0.1', 'ro'),
    (['ro 10.0.0.1', 'rw 10.0.0.0/8'], '10.0.0.1/32', 'rw'),
    (['ro 10.0.0.1', 'rw 10.0.0.0/8'], '10.0.0.0/30', 'rw'),
    # Of networks any may be the first; and one within may.
    (['ro 10.0.0.0/16', 'rw 10.0.0.0/8'], '10.0.0.1', 'ro'),
    (['rw 10.0.0.0/16', 'ro 10.0.0.0/8'], '10.0.0.1', 'ro'),
    (['rw 10.0.0.0/8', 'ro 10.0.0.0/24'], '10.0.0.0/16', 'ro'),
    (['rw 10.0.0.0/8', 'ro 10.1.0.0/24'], '10.0.0.0/16', 'rw'),
    (['rw 10.0.0.0/8', 'rw 10.0.0.0/24'], '10.0.0.0/16', 'rw'),
    (['ro 10.0.0.0/24'], '10.0.0.0/16', None),
    # Length 0 may give nothing, but may take.
    (['rw 0.0.0.0/0'], '10.0.0.1', None),
    (['rw 0.0.0.0/0', 'rw *'], '10.0.0.1', 'rw'),
    (['ro 0.0.0.0/0', 'rw *'], '10.0.0.1', 'ro'),
    (['ro 0.0.0.0/0', 'rw 10.0.0.0/8'], '10.0.0.1', 'ro'),
    (['ro *'], '10.0.0.1', 'ro'), (['ro *'], '::1', 'ro'),
    (['rw *', 'rw 10.0.0.0/8'], '10.0.0.1', 'rw'),
    (['ro *', 'rw 10.0.0.0/8'], '10.0.0.1', 'rw'),
    (['rw @group'], '10.0.0.1', None),
    (['rw 10.0.0.0/8'], '::1', None)])
def test_the_least_that_a_client_has(given, client, lowest):
    assert kernel.Now(entries(*given)).lowest(client) == lowest


@pytest.mark.parametrize(('clients', 'have', 'written'), [
    ({'10.0.0.1': 'rw'}, [], {'10.0.0.1/32': 'rw'}),
    ({'::1': 'rw'}, [], {'::1/128': 'rw'}),
    ({'10.0.0.1': 'rw'}, ['ro 10.0.0.1'], {'10.0.0.1': 'rw'}),
    ({'10.0.0.1': 'rw'}, ['ro 10.0.0.1/32'], {'10.0.0.1/32': 'rw'}),
    ({'10.0.0.1': 'rw', '10.0.0.0/8': 'rw'}, [],
     {'10.0.0.1/32': 'rw', '10.0.0.0/8': 'rw'}),
    ({'10.0.0.1': 'ro', '10.0.0.0/8': 'rw'}, [],
     {'10.0.0.1': 'ro', '10.0.0.0/8': 'rw'}),
    ({'10.0.0.1': 'ro', '10.0.0.0/16': 'ro', '10.0.0.0/8': 'rw'}, [],
     {'10.0.0.1': 'ro', '10.0.0.0/16': 'ro', '10.0.0.0/8': 'rw'}),
    ({'::1': 'ro', '10.0.0.0/8': 'rw'}, [],
     {'::1/128': 'ro', '10.0.0.0/8': 'rw'})])
def test_how_addresses_are_written(clients, have, written):
    assert kernel.spelled(clients, entries(*have)) == written


def test_what_is_refused_for_too_many_pieces_has_its_reason(monkeypatch):
    monkeypatch.setattr(kernel, '_EXTRA', 1)
    wide, narrow = map(ipaddress.ip_network, ('10.0.0.0/8', '10.0.0.0/30'))
    found = kernel.cut({wide: 'rw', narrow: 'ro'})
    assert found.clients == {'10.0.0.0/8': 'rw'}
    assert list(found.refused) == [narrow]
    assert '10.0.0.0/8' in found.refused[narrow]
    assert kernel.cut({wide: 'rw', narrow: 'rw'}).refused == {}


# Numbers of file systems

UUID = '11111111-2222-3333-4444-555555555555'


def fsid(live, stored=(), wanted=UUID):
    text = exports_text.write(stored)
    facts = kernel.Facts(tuple(live), {'manila-x.exports': text})
    return kernel.fsids([facts], [world.export({}, fsid=wanted)])[world.PATH]


@pytest.mark.parametrize(('live', 'stored', 'found'), [
    ([], [], UUID),
    ([entry('rw 10.0.0.1', fsid='7')], [], '7'),
    ([], [entry('rw 10.0.0.1', fsid='7')], '7'),
    # The one that most clients have.
    ([entry('rw 10.0.0.1', fsid='7'), entry('rw 10.0.0.2', fsid='8'),
      entry('rw 10.0.0.3', fsid='8')], [], '8'),
    # The root of all exports, or none: of no use.
    ([entry('rw 10.0.0.1', fsid='0')], [], UUID),
    ([entry('rw 10.0.0.1', fsid='root')], [], UUID),
    ([entry('rw 10.0.0.1')], [], UUID),
    # Another directory has it as well.
    ([entry('rw 10.0.0.1', fsid='7'),
      entry('rw 10.0.0.1', '/other', '7')], [], UUID),
    ([entry('rw 10.0.0.1', '/other', '7')], [], UUID),
    # One that was stored without dashes is the same one.
    ([entry('rw 10.0.0.1', fsid='a' * 32)], [],
     'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa')])
def test_the_number_that_clients_know_is_kept(live, stored, found):
    assert fsid(live, stored) == found


def test_a_number_is_made_of_whatever_is_wanted():
    assert fsid([], wanted=UUID.replace('-', '').upper()) == UUID
    assert fsid([], wanted='instance') == (
        'aa2acb65-02ff-5a4e-90de-5f28970a2dab')


# What a server answers

def answered(etab='', found='', others='', *, statuses=(0, 0, 0),
             stderr=''):
    return kernel.understand('nfs1', [
        command.Result(text, stderr if not number else '', status)
        for number, (text, status) in enumerate(zip(
            (etab, found, others), statuses, strict=True))])


def test_answers_become_facts():
    line = '/etc/exports.d/%s:/a 10.0.0.1(rw)\n'
    found = answered(
        '/a\t10.0.0.1(rw,fsid=1)\n/b\t10.0.0.2(ro)\n',
        line % 'manila-x.exports' + line % 'other.exports', '/c *(ro)\n')
    assert [one.path for one in found.live] == ['/a', '/b']
    assert [one.client for one in found.of('/b')] == ['10.0.0.2']
    assert found.of('/x') == ()
    assert found.files == {'manila-x.exports': '/a 10.0.0.1(rw)\n'}
    assert found.homes == {'/a': {'manila-x.exports'}}
    assert [one.client for one in found.kept['/a']] == ['10.0.0.1']
    assert {one.path for one in found.others} == {'/a', '/c'}


@pytest.mark.parametrize(('statuses', 'fails'), [
    ((0, 1, 1), False), ((0, 2, 0), False), ((1, 0, 0), True),
    ((0, 127, 0), True)])
def test_a_server_that_does_not_say_what_it_exports(statuses, fails):
    if not fails:
        assert answered(statuses=statuses).live == ()
        return
    with pytest.raises(exception.BackendError, match='nfs1') as caught:
        answered(statuses=statuses, stderr='x' * 600)
    assert caught.value.status == max(statuses)
    assert len(caught.value.answer) <= 500
