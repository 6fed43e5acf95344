# SPDX-License-Identifier: Apache-2.0

"""Tables of exports as they are and shall be, and the commands between."""

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from tests.unit.nas import test_kernel
from tests.unit.nas import world

FSID = world.FSID
FILE = 'manila-share-1.exports'


def entries(*given, options=()):
    """Entries from texts such as ``ro 10.0.0.1``."""
    return tuple(
        exports_text.ExportEntry(world.PATH, client, tuple(
            exports_text.spelled(level, options, FSID).split(',')))
        for each in given for level, client in [each.split()])


def facts(live=(), stored=None, **files):
    """A server whose file says what it exports, or something else."""
    text = exports_text.write(live if stored is None else stored)
    return kernel.KernelFacts(tuple(live), {**({FILE: text} if text else {}),
                                      **files})


def words(commands):
    """Return the words of exportfs, and the names of other commands.

    Of options the level alone is shown.
    """
    found = []
    for cmd in commands:
        name, *rest = cmd.words()
        if name == 'exportfs' and rest[0] == '-i':
            name = rest[2].partition(',')[0]
            rest = rest[3:]
        elif name == 'exportfs':
            name, rest = 'gone', rest[1:]
        else:
            rest = []
        found.append(' '.join([name, *(
            each.removesuffix(':' + world.PATH) for each in rest)]))
    return found


def calls(live, wanted, **parts):
    found = kernel_plan.plan(
        facts(entries(*live)), world.export(dict(
            reversed(each.split()) for each in wanted)), FSID, **parts)
    return [each for each in words(found)
            if each.split()[0] in ('ro', 'rw', 'gone')]


@pytest.mark.parametrize(('before', 'commands'), [
    # Anything but the level: it gives nobody more, and needs no removal.
    (('no_root_squash',), ['rw 10.0.0.1/32']),
    (('async',), ['rw 10.0.0.1/32']), (('sec=krb5',), ['rw 10.0.0.1/32']),
    # What can only be got rid of with the whole entry takes all of them.
    (('mountpoint',), ['gone 10.0.0.1/32', 'rw 10.0.0.1/32']),
    ((), [])])
def test_options_that_differ(before, commands):
    found = kernel_plan.plan(
        facts(entries('rw 10.0.0.1/32', options=before)),
        world.export({'10.0.0.1': 'rw'}), FSID)
    assert [each for each in words(found) if '.' in each] == commands


def test_an_option_that_lasts_takes_all_entries_with_it():
    """For a moment no entry may leave its place to a wider one."""
    live = (*entries('rw 10.0.0.0/30'),
            *entries('ro 10.0.0.1', options=('mountpoint',)))
    found = kernel_plan.plan(
        facts(live), world.export({'10.0.0.1': 'ro', '10.0.0.0/8': 'rw'}),
        FSID)
    gone, *given = [each for each in words(found) if '.' in each]
    assert gone == 'gone 10.0.0.0/30 10.0.0.1'
    assert [each.split()[0] for each in given] == ['ro', 'rw']
    # One that is gone afterwards has nothing to lose.
    found = kernel_plan.plan(
        facts(live), world.export({'10.0.0.0/30': 'rw'}), FSID)
    assert [each for each in words(found) if '.' in each] == [
        'gone 10.0.0.1']


@pytest.mark.parametrize('level', ['ro', 'rw'])
def test_other_options_of_the_same_level_give_nobody_more(level):
    live = (*entries(f'{level} 10.0.0.1/32', options=('async',)),
            *entries('rw 10.0.0.2/32'))
    found = kernel_plan.plan(facts(live), world.export({'10.0.0.1': level}),
                             FSID)
    assert [each for each in words(found) if '.' in each] == [
        f'{level} 10.0.0.1/32', 'gone 10.0.0.2/32']


def test_files_are_written_where_they_are_read():
    found = kernel_plan.plan(facts(), world.export({'10.0.0.1': 'rw'}), FSID)
    said = ' '.join(word for cmd in found for word in cmd.words())
    assert f'/etc/exports.d/{FILE}' in said and 'None' not in said
    found = kernel_plan.plan(
        facts(stored=entries('rw 10.0.0.1/32')),
        world.export({'10.0.0.1': 'rw'}), FSID)
    assert 'None' not in ' '.join(found[0].words())
    assert found[0].words()[-1].startswith('/etc')


def test_another_fsid_is_changed_alone():
    live = entries('rw 10.0.0.1/32')
    found = kernel_plan.plan(facts(live), world.export(
        {'10.0.0.1': 'rw'}), '66666666-2222-3333-4444-555555555555')
    assert [each for each in words(found) if '.' in each] == [
        'rw 10.0.0.1/32']


@pytest.mark.parametrize(('live', 'stored', 'wanted', 'persist', 'names'), [
    # The file is on the disk before access changes.
    ([], [], ['rw 10.0.0.1/32'], True,
     ['mkdir', 'tee', 'mv', 'sync', 'rw']),
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], [], True,
     ['rm', 'sync', 'gone']),
    # It is there, and may not be on the disk: nothing but that is done.
    ([], ['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], True, ['sync', 'rw']),
    (['rw 10.0.0.1/32'], [], [], True, ['sync', 'gone']),
    # Nothing changes now.
    (['rw 10.0.0.1/32'], [], ['rw 10.0.0.1/32'], True,
     ['mkdir', 'tee', 'mv', 'sync']),
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], True, []),
    # Exports that are not to last have no file, and wait for no disk.
    ([], [], ['rw 10.0.0.1/32'], False, ['rw']),
    (['rw 10.0.0.1/32'], [], [], False, ['gone']),
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], False,
     ['rm', 'sync'])])
def test_files_and_the_disk(live, stored, wanted, persist, names):
    found = kernel_plan.plan(
        facts(entries(*live), entries(*stored)), world.export(dict(
            reversed(each.split()) for each in wanted)), FSID,
        persist=persist)
    assert [each.split()[0] for each in words(found)] == names


def test_a_file_has_narrower_networks_first():
    """By version, then by length, then by name: the same each time."""
    found = kernel_plan.plan(facts(), world.export({
        '10.0.0.0/8': 'rw', '2001:db8::/64': 'rw', '10.1.0.2': 'rw',
        '10.1.0.1': 'rw', '2001:db8::1': 'rw', '10.1.0.0/24': 'rw',
        '10.2.0.0/24': 'rw'}), FSID)
    text, = {cmd.stdin for cmd in found if cmd.stdin}
    assert [line.split()[1].partition('(')[0]
            for line in text.splitlines()] == [
        '10.1.0.1/32', '10.1.0.2/32', '10.1.0.0/24', '10.2.0.0/24',
        '10.0.0.0/8', '2001:db8::1/128', '2001:db8::/64']


def test_a_file_of_an_old_name_keeps_what_else_is_in_it():
    other = exports_text.ExportEntry('/gpfs0/other', '10.0.0.9', ('rw',))
    live = entries('rw 10.0.0.1/32')
    old = exports_text.write([*live, other])
    found = kernel_plan.plan(
        facts(live, **{'manila-old.exports': old,
                       'manila-a.exports': exports_text.write(live)}),
        world.export({'10.0.0.1': 'rw'}), FSID)
    assert [cmd.stdin for cmd in found if cmd.stdin] == [
        exports_text.write([other])]
    assert [cmd.words()[-1] for cmd in found if cmd.words()[0] == 'rm'] == [
        '/etc/exports.d/manila-a.exports']


@pytest.mark.parametrize(('live', 'stored', 'doubtful'), [
    ([], [], False),
    (['rw 10.0.0.1'], ['rw 10.0.0.1'], False),
    (['rw 10.0.0.1', 'ro 10.0.0.2'], ['ro 10.0.0.2', 'rw 10.0.0.1'], False),
    # One of them is missing, on either side.
    (['rw 10.0.0.1'], [], True), ([], ['rw 10.0.0.1'], True),
    (['rw 10.0.0.1', 'rw 10.0.0.2'], ['rw 10.0.0.1'], True),
    # Another level, or another kind of client.
    (['rw 10.0.0.1'], ['ro 10.0.0.1'], True),
    (['rw 10.0.0.1'], ['rw 10.0.0.1/32'], True),
    # Both say the same, which is none of ours.
    (['rw @group'], ['rw @group'], True),
    (['rw 0.0.0.0/0'], ['rw 0.0.0.0/0'], True),
    (['rw 10.0.0.0/8', 'ro 10.0.0.0/30'],
     ['rw 10.0.0.0/8', 'ro 10.0.0.0/30'], True)])
def test_what_is_doubtful(live, stored, doubtful):
    found = facts(entries(*live), entries(*stored))
    assert kernel_plan.doubtful(found, world.PATH) is doubtful


@pytest.mark.parametrize(('live', 'stored', 'doubtful'), [
    (['rw 10.0.0.1'], [], False), (['rw 10.0.0.1'], ['rw 10.0.0.1'], True),
    ([], ['rw 10.0.0.1'], True), (['rw @group'], [], True)])
def test_what_is_doubtful_of_exports_that_shall_not_last(live, stored,
                                                         doubtful):
    found = facts(entries(*live), entries(*stored))
    assert kernel_plan.doubtful(found, world.PATH, persist=False) is doubtful


def test_options_make_an_export_doubtful_too():
    found = facts(entries('rw 10.0.0.1'),
                  entries('rw 10.0.0.1', options=('async',)))
    assert kernel_plan.doubtful(found, world.PATH)


def test_what_exportfs_has_not_done():
    wanted = world.export({'10.0.0.1': 'rw'})
    etab = exports_text.write(entries('rw 10.0.0.1/32'))
    fsids = {world.PATH: FSID}
    assert kernel_plan.undone(etab, [wanted], fsids) == ''
    left = kernel_plan.undone(etab, [world.export({'10.0.0.2': 'rw'})],
                              fsids)
    taken, given = left.split('; ')
    assert given.startswith('exportfs -i ') and given.endswith(
        f' 10.0.0.2/32:{world.PATH}')
    assert taken == f'exportfs -u 10.0.0.1/32:{world.PATH}'


def test_what_exportfs_has_not_done_of_several():
    names = ('/gpfs0/a', '/gpfs0/b')
    wanted = [world.export({'10.0.0.1': 'rw'}, path=path, name=path[-1:])
              for path in names]
    left = kernel_plan.undone('', wanted, dict.fromkeys(names, FSID))
    first, second = left.split('; ')
    assert '/gpfs0/a' in first and '/gpfs0/b' in second


@pytest.mark.parametrize(('limit', 'pieces'), [
    (1, [1, 1, 1]), (51, [1, 1, 1]), (52, [2, 1]), (77, [2, 1]), (78, [3])])
def test_how_much_one_call_carries(limit, pieces, monkeypatch):
    """Three clients, 26 bytes with the path, to be given or taken."""
    monkeypatch.setattr(kernel_plan, '_CHUNK', limit)
    names = [f'10.0.0.{number}/32' for number in (1, 2, 3)]
    given = [f'rw {name}' for name in names]
    for found in calls([], given), calls(given, []):
        assert [len(each.split()) - 1 for each in found] == pieces
        assert [name for each in found for name in each.split()[1:]] == names


def test_a_removal_may_take_longer_the_more_addresses_are_compared():
    """Plain ones alone are compared: each that goes with each there is."""
    def patience(live, wanted):
        found = kernel_plan.plan(facts(entries(*live)), world.export(dict(
            reversed(each.split()) for each in wanted)), FSID)
        return [cmd.timeout for cmd in found
                if list(cmd.words()[:2]) == ['exportfs', '-u']]

    plain = [f'rw 10.0.{number // 200}.{number % 200 + 1}'
             for number in range(1000)]
    nets = [f'{each}/32' for each in plain]
    assert patience(nets, nets[:900]) == [60.0]
    assert patience(plain, plain[:900]) == [60.0 + 100 * 1000 * 0.005]
    assert patience(plain, []) == [1800.0]


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    test_kernel.FOREIGN, st.lists(world.LEVELS, min_size=1, max_size=2),
    st.booleans(), st.sampled_from((1, 30, 60)))
def test_nobody_gets_more_however_little_one_call_carries(
        foreign, changes, merges, limit):
    server = test_kernel.start(foreign, merges=merges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_plan, '_CHUNK', limit)
        for levels in changes:
            before, after = world.given(server), world.meant(levels)
            watch = world.Watch(server)
            test_kernel.apply(server, world.export(levels))
            assert world.given(server) == after
            assert watch.too_much(before, after) == {}
