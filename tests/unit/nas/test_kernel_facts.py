# SPDX-License-Identifier: Apache-2.0

"""Entries of kernel NFS: their meaning and their text, as tables."""

import ipaddress
import pathlib
import subprocess

import pytest

from manila_drivers import exception
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.transport import command
from tests.unit.nas import world


def entry(text, path=world.PATH, fsid=''):
    level, client = text.split()
    options = (level, *([f'fsid={fsid}'] if fsid else []))
    return exports_text.ExportEntry(path, client, options)


def entries(*texts):
    return [entry(text) for text in texts]


@pytest.mark.parametrize(('given', 'levels', 'whole'), [
    ([], {}, True),
    (['rw 10.0.0.1'], {'10.0.0.1/32': 'rw'}, True),
    (['rw 10.0.0.1', 'ro 10.0.0.1/32'], {'10.0.0.1/32': 'rw'}, True),
    # A plain address goes before all networks, wherever it is.
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'],
     {'10.0.0.0/8': 'rw', '10.0.0.1/32': 'ro'}, True),
    # Among networks the first decides; what it hides gives nothing.
    (['rw 10.0.0.0/8', 'ro 10.0.0.1/32'], {'10.0.0.0/8': 'rw'}, False),
    (['ro 10.0.0.0/8', 'rw 10.0.0.1/32'], {'10.0.0.0/8': 'ro'}, False),
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
    facts = kernel.KernelFacts(tuple(live), {'manila-x.exports': text})
    return kernel.fsids([facts], [world.export({}, fsid=wanted)])[world.PATH]


@pytest.mark.parametrize(('live', 'stored', 'found'), [
    ([], [], UUID),
    ([entry('rw 10.0.0.1', fsid='7')], [], '7'),
    ([], [entry('rw 10.0.0.1', fsid='7')], '7'),
    # The one that most clients have.
    ([entry('rw 10.0.0.1', fsid='7'), entry('rw 10.0.0.2', fsid='8'),
      entry('rw 10.0.0.3', fsid='8')], [], '8'),
    ([entry('rw 10.0.0.1', fsid='7'), entry('rw 10.0.0.2', fsid='7'),
      entry('rw 10.0.0.3', fsid='8')], [], '7'),
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


@pytest.mark.parametrize(('live', 'stored', 'own'), [
    ([], [], {}),
    ([entry('rw 10.0.0.1', fsid='7')], [], {world.PATH: '7'}),
    ([], [entry('rw 10.0.0.1', fsid='7')], {world.PATH: '7'}),
    ([entry('rw 10.0.0.1', fsid='7')], [entry('ro 10.0.0.2', fsid='7')],
     {world.PATH: '7'}),
    # None at all is nobody's own.
    ([entry('rw 10.0.0.1')], [], {}),
    ([entry('rw 10.0.0.1', fsid='7')],
     [entry('rw 10.0.0.1', '/other', '7')], {}),
    ([entry('rw 10.0.0.1', fsid='7'), entry('rw 10.0.0.1', '/other', '8')],
     [], {world.PATH: '7', '/other': '8'})])
def test_numbers_that_no_other_path_has(live, stored, own):
    text = exports_text.write(stored)
    assert kernel.own_fsids(kernel.KernelFacts(
        tuple(live), {'manila-x.exports': text})) == own


def test_the_number_of_what_has_none_yet():
    assert kernel.fsid_of(world.export({}, fsid=UUID.upper())) == UUID


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
        line % 'manila-x.exports' + line % 'other.exports'
        + line.replace('/a', '/d') % 'another.exports', '/c *(ro)')
    assert [one.path for one in found.live] == ['/a', '/b']
    assert [one.client for one in found.of('/b')] == ['10.0.0.2']
    assert found.of('/x') == ()
    assert found.files == {'manila-x.exports': '/a 10.0.0.1(rw)\n'}
    assert found.homes == {'/a': {'manila-x.exports'}}
    assert [one.client for one in found.kept['/a']] == ['10.0.0.1']
    assert sorted(one.path for one in found.others) == ['/a', '/c', '/d']


@pytest.mark.parametrize(('statuses', 'fails'), [
    ((1, 1, 1), False), ((1, 2, 0), False), ((1, 0, 0), True),
    ((2, 0, 0), True), ((0, 127, 0), True), ((0, 3, 0), True)])
def test_a_server_that_does_not_say_what_it_exports(statuses, fails):
    if not fails:
        assert answered(statuses=statuses).live == ()
        return
    with pytest.raises(exception.BackendError, match='nfs1') as caught:
        answered(statuses=statuses, stderr='x' * 600)
    assert caught.value.status == max(statuses)
    assert len(caught.value.answer) <= 500


@pytest.mark.parametrize('statuses', [(0, 1, 1), (1, 0, 1)])
def test_what_was_found_and_is_not_shown_is_not_nothing(statuses):
    """grep exits with 0 only if it has found something."""
    with pytest.raises(exception.BackendError, match='nfs1') as caught:
        answered(statuses=statuses)
    assert 'something was found' in caught.value.answer


@pytest.mark.parametrize(('result', 'untold'), [
    (command.Result('/a 10.0.0.1(rw)\n', '', 0), False),
    (command.Result('', '', 1), False), (command.Result('', '', 0), True),
    (command.Result('', 'grep: Permission denied', 2), True),
    (command.Result('', '', 3), True),
    (command.Result('', 'sudo: a password is required', 1), True)])
def test_whether_it_is_told_what_is_exported_now(result, untold):
    """Also behind a change, which would be believed else."""
    assert bool(kernel.untold(result)) is untold


@pytest.mark.parametrize('status', [1, 2])
def test_files_that_may_not_be_read_are_no_missing_ones(status):
    refused = command.Result('', 'sudo: a password is required', status)
    with pytest.raises(exception.BackendError) as caught:
        kernel.understand('nfs1', [command.Result('', '', 0), refused,
                                   command.Result('', '', 1)])
    assert caught.value.answer == 'sudo: a password is required'
    assert caught.value.status == status


@pytest.mark.parametrize(('status', 'stderr', 'fails'), [
    # grep has found nothing, or did not look; cat never fails silently.
    (1, '', False), (1, '\n', False), (1, 'cat: no', True), (2, '', True),
    (3, '', True)])
def test_silence_is_an_answer(status, stderr, fails):
    results = [command.Result('', stderr, status),
               command.Result('', '', 1), command.Result('', '', 1)]
    if not fails:
        assert kernel.understand('nfs1', results) == kernel.KernelFacts((), {})
        return
    with pytest.raises(exception.BackendError):
        kernel.understand('nfs1', results)


# Questions, asked of real files

@pytest.fixture
def host(tmp_path, monkeypatch):
    """Files as a server has them, where the questions look for them."""
    (tmp_path / 'exports.d').mkdir()
    for name, file in (('ETAB', 'etab'), ('DIRECTORY', 'exports.d'),
                       ('EXPORTS', 'exports')):
        monkeypatch.setattr(kernel, name, str(tmp_path / file))
    return tmp_path


def ask(cmd):
    done = subprocess.run(cmd.words(), capture_output=True, text=True,
                          check=False)
    assert done.returncode in cmd.accept
    return command.Result(done.stdout, done.stderr, done.returncode)


def facts_of(paths):
    return kernel.understand('nfs1', list(map(ask, kernel.questions(paths))))


PATHS = ('/', '/a', '/a/b', '/a/b/c', '/ab', '/a b', '/a"b', '/a\\b',
         '/a#b', '/aX', '/\u00e9', '/a.b', '/a[b]', '-e', '/$(touch x)')


@pytest.mark.parametrize('many', [False, True])
@pytest.mark.parametrize('path', PATHS)
def test_a_path_is_found_with_those_above_it(host, path, many):
    """Files of others have quotes, and etab has octal."""
    (host / 'etab').write_text(''.join(
        f'{exports_text.in_etab(one)}\t10.0.0.1(rw)\n' for one in PATHS))
    for number, one in enumerate(PATHS):
        text = exports_text.write(
            [exports_text.ExportEntry(one, '10.0.0.1', ('rw',))])
        (host / f'exports.d/manila-{number}.exports').write_text(text)
        (host / f'exports.d/manila-{number}.txt').write_text(text)
        if '"' not in one and '\\' not in one:
            (host / f'exports.d/x{number}.exports').write_text(
                f'"{one}" 10.0.0.2(ro)\n')
    (host / 'exports').write_text('/c\t*(ro)\n')
    found = facts_of([path] if not many else [
        path, *(f'/none/{number}' for number in range(20))])
    number = PATHS.index(path)
    above = set(PATHS) & {str(one) for one
                          in pathlib.PurePosixPath(path).parents}
    for one in {path} | above:
        assert [entry.client for entry in found.of(one)] == ['10.0.0.1']
        assert [entry.client for entry in found.kept[one]] == ['10.0.0.1']
    assert found.homes[path] == {f'manila-{number}.exports'}
    paths = {entry.path for entry in found.others}
    assert {'/c', *({path} | above) - {'/a"b', '/a\\b'}} <= paths
    if not many and path != '/aX':
        assert '/aX' not in paths | found.kept.keys() | {
            entry.path for entry in found.live}


@pytest.mark.parametrize(('count', 'all_there_is'), [
    (0, True), (1, False), (20, False), (21, True)])
def test_few_paths_are_looked_for_and_of_many_all(host, count, all_there_is):
    paths = [f'/{number}' for number in range(count)]
    (host / 'etab').write_text('/0\t10.0.0.1(rw)\n/x\t10.0.0.1(rw)\n')
    first = kernel.questions(paths)[0]
    assert first == kernel.live(paths)
    live = {entry.path for entry in exports_text.read(ask(first).stdout)}
    assert live == ({'/0', '/x'} if all_there_is else {'/0'})


def test_nothing_exported_is_an_answer(host):
    (host / 'etab').write_text('')
    for paths in [], ['/a']:
        assert facts_of(paths) == kernel.KernelFacts((), {})
    (host / 'etab').write_text('/b\t10.0.0.1(rw)\n')
    assert facts_of(['/a']) == kernel.KernelFacts((), {})


@pytest.mark.parametrize('paths', [[], ['/a']])
def test_a_server_without_etab_does_not_say(host, paths):
    with pytest.raises(exception.BackendError, match='nfs1'):
        facts_of(paths)
