# SPDX-License-Identifier: Apache-2.0

import dataclasses
import ipaddress

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.testing.simulators import nfs
from manila_drivers.transport import command
from manila_drivers.transport import script
from tests.unit.nas import world

# What others may have exported before.
FOREIGN = st.lists(st.tuples(
    st.sampled_from(('10.0.0.1', '10.0.0.2/32', '10.0.0.0/30', '10.0.0.0/8',
                     '0.0.0.0/0', '*', '*.example.org', '@group',
                     '2001:db8::1', '2001:db8::/64')),
    st.sampled_from(('rw', 'ro', 'rw,no_root_squash,fsid=7',
                     'ro,all_squash,mountpoint', 'rw,fsid=0'))), max_size=6)


def facts(server):
    answer = script.attempt(server, kernel.questions(), keep_going=True)
    return kernel.understand(server.name, answer.results)


def plan(server, wanted, **parts):
    found = facts(server)
    fsid = kernel.fsids([found], [wanted])[wanted.path]
    return kernel_plan.plan(found, wanted, fsid, **parts)


def apply(server, wanted):
    commands = plan(server, wanted)
    script.run(server, commands)
    return commands


def start(foreign, *, merges=False):
    server = nfs.KernelNfs(merges=merges)
    for client, options in foreign:
        server.execute(['exportfs', '-i', '-o', options,
                        exports_text.argument(world.PATH, client)])
    return server


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(FOREIGN, st.lists(world.LEVELS, min_size=1, max_size=3),
                  st.booleans())
def test_access_equals_rules_and_never_exceeds_them(foreign, steps, merges):
    server = start(foreign, merges=merges)
    for levels in steps:
        before, wanted = world.given(server), world.export(levels)
        watch = world.Watch(server)
        apply(server, wanted)
        after = world.meant(levels)
        assert world.given(server) == after
        assert watch.too_much(before, after) == {}
        assert plan(server, wanted) == []
        server.reboot()
        assert world.given(server) == after
        assert plan(server, wanted) == []


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(FOREIGN, world.LEVELS, st.integers(0, 9))
def test_cut_short_anywhere_and_repeated(foreign, levels, stop):
    server = start(foreign)
    before, wanted = world.given(server), world.export(levels)
    watch = world.Watch(server)
    for cmd in plan(server, wanted)[:stop]:
        server.run(cmd)
    apply(server, wanted)
    assert world.given(server) == world.meant(levels)
    assert watch.too_much(before, world.meant(levels)) == {}


def test_observer_sees_a_planner_that_gives_before_it_takes():
    """The check above has teeth: the wide network first is too much."""
    server = nfs.KernelNfs()
    watch = world.Watch(server)
    for options, client in (('rw', '10.0.0.0/8'), ('ro', '10.0.0.1')):
        server.execute(['exportfs', '-i', '-o', options,
                        f'{client}:{world.PATH}'])
    after = world.meant({ipaddress.ip_network('10.0.0.0/8'): 'rw',
                         ipaddress.ip_network('10.0.0.1'): 'ro'})
    assert world.given(server) == after
    assert watch.too_much(dict.fromkeys(after), after) == {
        '10.0.0.1': 'rw'}


def test_first_network_decides_without_cutting():
    """The real thing was seen to do the same."""
    server = nfs.KernelNfs()
    for options, client in (('ro', '10.0.0.0/30'), ('rw', '10.0.0.0/8')):
        server.execute(['exportfs', '-i', '-o', options,
                        f'{client}:{world.PATH}'])
    assert server.access('10.0.0.1', world.PATH) == 'rw'


def test_everybody_is_written_as_two_halves():
    """Length 0 matches nobody, seen on the real thing."""
    server = start([('0.0.0.0/0', 'rw'), ('::/0', 'rw')])
    assert kernel_plan.doubtful(facts(server), world.PATH)
    assert set(world.given(server).values()) == {None}
    apply(server, world.export({'0.0.0.0/0': 'rw', '::/0': 'ro'}))
    assert {entry.client for entry in server.entries} == {
        '0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'}
    assert server.access('192.0.2.1', world.PATH) == 'rw'
    assert server.access('2001:db8::1', world.PATH) == 'ro'


@pytest.mark.parametrize(('levels', 'clients'), [
    ({'10.0.0.1': 'rw', '10.0.0.0/8': 'rw', '2001:db8::1': 'ro'},
     {'10.0.0.1/32', '10.0.0.0/8', '2001:db8::1/128'}),
    ({'10.0.0.1': 'ro', '10.0.0.0/8': 'rw', '11.0.0.1': 'ro'},
     {'10.0.0.1', '10.0.0.0/8', '11.0.0.1/32'})])
def test_addresses_are_plain_only_where_they_must_be(levels, clients):
    """Plain ones cost exportfs a look-up by name each."""
    server = nfs.KernelNfs()
    apply(server, world.export(levels))
    assert {entry.client for entry in server.entries} == clients
    adopted = start([('10.0.0.1', 'rw')])
    apply(adopted, world.export({'10.0.0.1': 'rw', '10.0.0.2': 'rw'}))
    assert {entry.client for entry in adopted.entries} == {
        '10.0.0.1', '10.0.0.2/32'}


def test_files_are_on_disk_before_access_is_given_or_taken():
    """Or a power failure would bring back what was there before."""
    server = nfs.KernelNfs()
    for levels in {'10.0.0.1': 'rw'}, {'10.0.0.2': 'rw'}, {}:
        words = [cmd.words()[0]
                 for cmd in apply(server, world.export(levels))]
        assert 'sync' in words[:words.index('exportfs')], words


def test_a_repetition_does_not_rely_on_what_was_cut_off():
    """The file may be in place, but not on the disk yet."""
    for levels in {'10.0.0.2': 'rw'}, {}:
        server = nfs.KernelNfs()
        apply(server, world.export({'10.0.0.1': 'rw'}))
        first = plan(server, world.export(levels))
        words = [cmd.words()[0] for cmd in first]
        for cmd in first[:words.index('sync')]:
            server.run(cmd)
        again = [cmd.words()[0]
                 for cmd in apply(server, world.export(levels))]
        assert again[0] == 'sync'
        assert 'exportfs' in again
        assert plan(server, world.export(levels)) == []


def test_commands_do_not_grow_with_rules():
    few, many = nfs.KernelNfs(), nfs.KernelNfs()
    one = apply(few, world.export({'10.0.0.1': 'rw', '10.0.0.2': 'ro'}))
    more = apply(many, world.export({
        f'10.1.{number // 250}.{number % 250}': 'rw' if number % 2 else 'ro'
        for number in range(1000)}))
    assert len(one) == len(more) == 6


def test_other_exports_stay():
    server = nfs.KernelNfs()
    other = world.export({'10.0.0.7': 'rw'}, path='/gpfs0/other',
                         name='other', fsid='f' * 32)
    apply(server, other)
    before = server.inventory()
    apply(server, world.export({'10.0.0.1': 'rw'}))
    apply(server, world.export({}))
    assert server.inventory() == before


def test_nothing_is_left_behind():
    server = nfs.KernelNfs()
    apply(server, world.export({'10.0.0.1': 'rw', '10.0.0.0/8': 'ro'}))
    apply(server, world.export({}))
    assert server.inventory() == frozenset()


def test_options_that_changed_replace_the_old_ones():
    for merges in (False, True):
        server = nfs.KernelNfs(merges=merges)
        levels = {'10.0.0.1': 'rw'}
        apply(server, world.export(levels, options=(
            'no_root_squash', 'async', 'security_label', 'sec=krb5')))
        wanted = world.export(levels, options=('sync', 'insecure'))
        apply(server, wanted)
        entry, = server.entries
        assert entry.meaning == exports_text.meaning(('insecure',))
        assert entry.fsid == world.FSID.replace('-', '')


def test_fsid_that_clients_know_is_kept():
    server = nfs.KernelNfs()
    server.execute(['exportfs', '-i', '-o', 'rw,fsid=42',
                    f'10.0.0.1:{world.PATH}'])
    apply(server, world.export({'10.0.0.1': 'ro'}))
    assert server.entries[0].fsid == '42'


def test_fsid_of_two_directories_is_not_kept():
    server = nfs.KernelNfs()
    for path in world.PATH, '/gpfs0/share-2':
        server.execute(['exportfs', '-i', '-o', 'rw,fsid=42',
                        f'10.0.0.1:{path}'])
    apply(server, world.export({'10.0.0.1': 'rw'}))
    fsids = {entry.path: entry.fsid for entry in server.entries}
    assert fsids[world.PATH] == world.FSID.replace('-', '')
    assert fsids['/gpfs0/share-2'] == '42'


def test_fsid_that_is_no_uuid_becomes_one():
    found = kernel.fsids([], [world.export({}, fsid='instance')])
    again = kernel.fsids([], [world.export({}, fsid='instance')])
    assert found == again
    assert len(exports_text.comparable(found[world.PATH])) == 32


def test_too_many_pieces_are_refused():
    levels = {ipaddress.ip_network('::/0'): 'rw'}
    for number in range(40):
        levels[ipaddress.ip_network((number << 96, 120))] = 'ro'
    found = kernel.cut(levels)
    assert found.refused
    assert all(level == 'ro' for network, level in levels.items()
               if network in found.refused)


def test_entries_of_names_are_doubtful_and_removed():
    server = start([('@group', 'rw')])
    assert kernel.levels(server.entries) == ({}, False)
    assert kernel_plan.doubtful(facts(server), world.PATH)
    apply(server, world.export({'10.0.0.1': 'rw'}))
    assert [entry.client for entry in server.entries] == ['10.0.0.1/32']


def test_missing_file_is_doubtful():
    server = nfs.KernelNfs()
    wanted = world.export({'10.0.0.1': 'rw'})
    apply(server, wanted)
    assert not kernel_plan.doubtful(facts(server), world.PATH)
    server.files.text.pop('/etc/exports.d/manila-share-1.exports')
    assert kernel_plan.doubtful(facts(server), world.PATH)
    assert plan(server, wanted, persist=False) == []
    assert len(plan(server, wanted)) == 4


def test_what_was_kept_before_does_not_come_back():
    """Exports were to outlast restarts once, and are not any more."""
    server = nfs.KernelNfs()
    wanted = world.export({'10.0.0.1': 'rw', '10.0.0.2': 'rw'})
    apply(server, wanted)
    assert kernel_plan.doubtful(facts(server), world.PATH, persist=False)
    script.run(server, plan(server, world.export({'10.0.0.1': 'rw'}),
                            persist=False))
    assert not kernel_plan.doubtful(facts(server), world.PATH, persist=False)
    assert server.access('10.0.0.1', world.PATH) == 'rw'
    server.reboot()
    assert server.access('10.0.0.2', world.PATH) is None


def test_file_of_a_renamed_share_goes():
    server = nfs.KernelNfs()
    apply(server, world.export({'10.0.0.1': 'rw'}, name='old'))
    apply(server, world.export({'10.0.0.1': 'rw'}, name='new'))
    assert {name for name in server.files.text if 'exports.d' in name} == {
        '/etc/exports.d/manila-new.exports'}


def test_server_that_does_not_answer_is_no_empty_one():
    missing = command.Result('', 'cat: Permission denied', 1)
    with pytest.raises(exception.BackendError, match='nfs1'):
        kernel.understand('nfs1', [missing, missing, missing])


@pytest.mark.parametrize('path', (
    '/a b', '/a"b', "/a'b", '/a\\b', '/a#b', '/$(touch x)', '/a(rw)',
    '/\u00e9', '/*', '/a;b', '/a[1]', '/ -o', '/a:b', '/a,b', '/%s'))
def test_hostile_paths(path):
    server = nfs.KernelNfs()
    wanted = world.export({'10.0.0.1': 'rw', '2001:db8::/64': 'ro'},
                          path=path)
    apply(server, wanted)
    assert {entry.path for entry in server.entries} == {path}
    server.reboot()
    assert {entry.path for entry in server.entries} == {path}
    assert server.access('10.0.0.1', path) == 'rw'
    assert server.access('10.0.0.2', path) is None
    apply(server, dataclasses.replace(wanted, levels={}))
    assert server.inventory() == frozenset()


@pytest.mark.parametrize('parts', (
    {'name': '../../etc/passwd'}, {'name': '-rf'}, {'name': 'a b'},
    {'name': ''}, {'path': 'relative'}, {'path': '/a\nb'}, {'path': '/a/'}))
def test_names_and_paths_that_cannot_be_written(parts):
    with pytest.raises(exception.InvalidRequest):
        plan(nfs.KernelNfs(), world.export({'10.0.0.1': 'rw'}, **parts))
