# SPDX-License-Identifier: Apache-2.0

import dataclasses
import ipaddress

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.nas import ganesha
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import ganesha_facts
from manila_drivers.nas import ganesha_text
from manila_drivers.testing.simulators import nfs
from manila_drivers.transport import command
from manila_drivers.transport import script
from tests.unit.nas import world

LAYOUT = ganesha.Layout()
NUMBERS = (ganesha.preferred(world.PATH),)
FILE = LAYOUT.file('share-1')
INDEX = '/etc/ganesha/export.d/INDEX.conf'

# As Manila's Ganesha library writes them.
THEIRS = """
EXPORT {
    CLIENT {
        Access_Type = "rw";
        Clients = 10.0.0.1, 10.0.0.0/30;
    }
    CLIENT { Access_Type = "ro"; Clients = 0.0.0.0; }
    Export_Id = 101;
    Filesystem_id = 192.168;
    FSAL { Name = "GPFS"; }
    Path = "/gpfs0/share-1";
    Pseudo = "/gpfs0/share-1";
    Tag = "share-1";
    SecType = "sys";
    Squash = "None";
    Access_Type = "None";
}
"""


def facts(server, numbers=NUMBERS):
    answer = script.attempt(server, ganesha.questions(LAYOUT, numbers),
                            keep_going=True)
    return ganesha.understand(server.name, LAYOUT, answer.results)


def plan(server, wanted, numbers=NUMBERS):
    found = facts(server, numbers)
    number = ganesha.numbers([found], [wanted])[wanted.path]
    return ganesha.plan(found, wanted, number, LAYOUT)


def apply(server, wanted):
    commands = plan(server, wanted)
    results = script.run(server, commands)
    assert ganesha_bus.complaint(results) == ''
    return commands


def theirs(**parts):
    server = nfs.Ganesha(**parts)
    server.files.text[FILE] = THEIRS
    server.files.text[INDEX] = f'%include {FILE}\n'
    server.reboot()
    return server


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(st.booleans(), st.sampled_from(((2, 1), (2, 4), (4, 3))),
                  st.lists(world.LEVELS, min_size=1, max_size=3))
def test_access_equals_rules_and_never_exceeds_them(old, version, steps):
    server = theirs(version=version) if old else nfs.Ganesha(version=version)
    for levels in steps:
        before, wanted = world.given(server), world.export(levels)
        watch = world.Watch(server)
        apply(server, wanted)
        after = world.meant(levels)
        assert world.given(server) == after
        assert watch.too_much(before, after) == {}
        number = ganesha.numbers([facts(server)], [wanted])[world.PATH]
        assert plan(server, wanted, [number]) == []
        server.reboot()
        assert world.given(server) == after
        assert plan(server, wanted, [number]) == []


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(st.booleans(), world.LEVELS, world.LEVELS,
                  st.integers(0, 9), st.booleans())
def test_cut_short_anywhere_and_repeated(old, first, levels, stop, reboot):
    server = theirs() if old else nfs.Ganesha()
    apply(server, world.export(first))
    wanted = world.export(levels)
    before, after = world.given(server), world.meant(levels)
    watch = world.Watch(server)
    for cmd in plan(server, wanted)[:stop]:
        server.run(cmd)
    if reboot:
        server.reboot()
        assert server.running
    apply(server, wanted)
    assert world.given(server) == after
    assert watch.too_much(before, after) == {}
    if not levels:
        assert server.inventory() == frozenset()


def test_files_are_believed_only_if_ganesha_was_told():
    """Details are not asked for where there are many exports."""
    server = nfs.Ganesha()
    apply(server, world.export({'10.0.0.1': 'rw', '10.0.0.2': 'rw'}))
    wanted = world.export({'10.0.0.1': 'rw'})
    commands = plan(server, wanted)
    for cmd in commands[:3]:
        server.run(cmd)
    assert server.access('10.0.0.2', world.PATH) == 'rw'
    assert plan(server, wanted, ()) != []
    script.run(server, plan(server, wanted, ()))
    assert server.access('10.0.0.2', world.PATH) is None
    assert plan(server, wanted, ()) == []


def test_what_ganesha_was_told_by_others_is_seen():
    server = nfs.Ganesha()
    wanted = world.export({'10.0.0.1': 'ro'})
    apply(server, wanted)
    number, export = next(iter(server.exports.items()))
    server.exports[number] = dataclasses.replace(
        export, clients=(('10.0.0.0/8', 0x1e0),))
    levels, _ = ganesha.levels(facts(server), world.PATH)
    assert levels == {ipaddress.ip_network('10.0.0.0/8'): 'rw'}
    apply(server, wanted)
    assert world.given(server) == world.meant(wanted.levels)


def test_no_export_of_others_is_touched():
    server = nfs.Ganesha()
    apply(server, world.export({'10.0.0.7': 'rw'}, path='/gpfs0/other',
                               name='other'))
    before = server.inventory()
    apply(server, world.export({'10.0.0.1': 'rw'}))
    apply(server, world.export({}))
    assert server.inventory() == before


def test_number_is_the_same_everywhere_and_for_ever():
    one, other = theirs(), nfs.Ganesha()
    wanted = world.export({'10.0.0.1': 'rw'})
    found = ganesha.numbers([facts(one), facts(other)], [wanted])
    assert found == {world.PATH: 101}
    alone = ganesha.numbers([facts(other)], [wanted])[world.PATH]
    assert alone == ganesha.preferred(world.PATH) == 52902


def test_commands_do_not_grow_with_rules():
    counts = set()
    for rules in 1, 1000:
        server = nfs.Ganesha()
        counts.add(len(apply(server, world.export({
            f'10.1.{number // 250}.{number % 250}': 'rw'
            for number in range(rules)}))))
    assert counts == {8}


def test_complaints_are_heard_although_the_exit_code_is_0():
    server = nfs.Ganesha()
    server.files.text[FILE] = ganesha_exports.write(
        world.export({'10.0.0.1': 'rw', '::/0': 'ro'}), 5, 'VFS'
    ).replace('::/1, 8000::/1', '::/0')
    result = server.run(ganesha_bus.add(FILE, 5))
    assert 'Errors found' in ganesha_bus.complaint([result])


def test_service_that_is_down_is_reported():
    server = nfs.Ganesha()
    server.running = False
    with pytest.raises(exception.BackendError, match='gnfs'):
        facts(server)


def test_index_never_names_a_file_that_is_not_there():
    """Ganesha would not start."""
    server = nfs.Ganesha()
    includes = []

    def look():
        names = ganesha_facts.included(server.files.text[INDEX])
        includes.append(all(name in server.files.text for name in names))

    server.observer = look
    apply(server, world.export({'10.0.0.1': 'rw'}))
    apply(server, world.export({}))
    assert all(includes)
    server.files.text[INDEX] = f'%include {FILE}\n'
    look()
    assert not includes[-1]
    assert [cmd.words()[0] for cmd in plan(server, world.export({}))] == [
        'flock', 'sync']


def test_a_repetition_does_not_rely_on_what_was_cut_off():
    """The index may have changed, but not on the disk yet."""
    server = nfs.Ganesha()
    apply(server, world.export({'10.0.0.1': 'rw'}))
    first = plan(server, world.export({}))
    assert [cmd.words()[0] for cmd in first[:2]] == ['flock', 'sync']
    server.run(first[0])
    again = [cmd.words()[0] for cmd in apply(server, world.export({}))]
    assert again[:2] == ['sync', 'dbus-send']
    assert plan(server, world.export({})) == []


def test_files_are_on_disk_before_ganesha_is_told():
    """Or a power failure would bring back what was there before."""
    server = nfs.Ganesha()
    for levels in {'10.0.0.1': 'rw'}, {'10.0.0.2': 'rw'}, {}:
        words = [cmd.words()[0]
                 for cmd in apply(server, world.export(levels))]
        assert 'sync' in words[:words.index('dbus-send')], words
        if 'rm' in words and 'flock' in words:
            assert 'sync' in words[words.index('flock'):words.index('rm')]


@pytest.mark.parametrize('path', [
    '/a b', '/a#b', '/$(touch x)', '/a(rw)', '/\u00e9', '/*', '/a;b',
    '/a{b}', '/ -o', '/a:b', '/a,b', '/%include', '/=', '/a//b'])
def test_hostile_paths(path):
    server = nfs.Ganesha()
    wanted = world.export({'10.0.0.1': 'rw'}, path=path)
    apply(server, wanted)
    assert server.access('10.0.0.1', path) == 'rw'
    apply(server, dataclasses.replace(wanted, levels={}))
    assert server.inventory() == frozenset()


@pytest.mark.parametrize('parts', [
    {'name': '../x'}, {'name': 'a b'}, {'path': '/a"b'}, {'path': "/a'b"},
    {'path': '/a\\b'}, {'path': '/a\nb'}])
def test_names_and_paths_that_cannot_be_written(parts):
    with pytest.raises(exception.InvalidRequest):
        plan(nfs.Ganesha(), world.export({'10.0.0.1': 'rw'}, **parts))


@pytest.mark.parametrize('directory', ['relative', '/a b', '/', '/a;b', ''])
def test_directories_that_are_refused(directory):
    with pytest.raises(exception.ConfigurationError, match='export_dir'):
        ganesha.Layout(directory)


@pytest.mark.parametrize('option', [
    'access_type=rw', 'squash=none; } EXPORT {', 'clients=*', 'squash='])
def test_options_that_are_refused(option):
    with pytest.raises(exception.InvalidRequest):
        ganesha_exports.settings([option])


def test_options_are_written():
    text = ganesha_exports.write(
        world.export({'10.0.0.1': 'rw'}, options=(
            'squash=no_root_squash', 'protocols=3:4', 'anonymous_uid=-2')),
        7, 'VFS')
    assert 'Squash = no_root_squash;' in text
    assert 'Protocols = 3, 4;' in text
    assert 'Anonymous_Uid = -2;' in text


@hypothesis.given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        ganesha_text.read(text)
    except exception.BackendError:
        pass


@hypothesis.given(world.LEVELS, st.integers(1, 65535))
def test_what_is_written_is_read(levels, number):
    wanted = world.export(levels)
    export, = ganesha_exports.read(
        ganesha_exports.write(wanted, number, 'GPFS'))
    assert (export.id, export.path) == (number, world.PATH)
    for client, level in world.meant(levels).items():
        assert level == next((given for network, given in export.clients if
                              ipaddress.ip_address(client) in network), None)


def test_address_that_ganesha_takes_for_everybody():
    with pytest.raises(exception.InvalidRequest, match='everybody'):
        plan(nfs.Ganesha(), world.export({ganesha_exports.ANYBODY: 'rw'}))
    levels, _ = ganesha.levels(facts(theirs(), (101,)), world.PATH)
    assert levels[ipaddress.ip_network('::/0')] == 'ro'


def test_broken_file_of_others_is_passed_over():
    server = nfs.Ganesha()
    server.files.text['/etc/ganesha/export.d/broken.conf'] = 'EXPORT {'
    apply(server, world.export({'10.0.0.1': 'rw'}))
    assert server.access('10.0.0.1', world.PATH) == 'rw'


def test_directory_that_cannot_be_read_is_no_empty_one():
    good = command.Result('', '', 0)
    known = command.Result('<method name="AddExport">', '', 0)
    none = command.Result('method return\n   array [\n   ]\n', '', 0)
    with pytest.raises(exception.BackendError, match='cannot be read'):
        ganesha.understand('gnfs1', LAYOUT, [
            known, none, command.Result('', 'sudo: no', 127), good, good])


@pytest.mark.parametrize(('before', 'after', 'methods'), [
    ('protocols=3', 'protocols=3:4', {'RemoveExport', 'AddExport'}),
    ('protocols=4', 'maxread=65536', {'RemoveExport', 'AddExport'}),
    ('delegations=none', 'delegations=rw', {'RemoveExport', 'AddExport'}),
    ('squash=none', 'squash=root_squash,anonymous_uid=99',
     {'UpdateExport'}),
    ('sectype=krb5', 'sectype=sys', {'UpdateExport'}),
    ('transports=udp', 'transports=tcp', {'UpdateExport'})])
def test_settings_that_an_update_does_not_take(before, after, methods):
    server = nfs.Ganesha()
    for text in before, after:
        commands = apply(server, world.export(
            {'10.0.0.1': 'rw'}, options=tuple(text.split(','))))
    assert {word.rpartition('.')[2] for cmd in commands
            for word in cmd.words()
            if word.startswith('org.ganesha.nfsd.exportmgr.')} == methods
    assert server.access('10.0.0.1', world.PATH) == 'rw'


def test_settings_of_a_file_that_is_gone_are_not_known():
    """So an update might not be enough."""
    server = nfs.Ganesha()
    apply(server, world.export({'10.0.0.1': 'rw'}, options=('protocols=3',)))
    server.files.text.pop(FILE)
    apply(server, world.export({'10.0.0.1': 'rw'}))
    assert server.access('10.0.0.1', world.PATH) == 'rw'


def test_settings_that_were_written_and_not_told():
    server = nfs.Ganesha()
    apply(server, world.export({'10.0.0.1': 'rw'}, options=('protocols=3',)))
    wanted = world.export({'10.0.0.1': 'rw'})
    script.run(server, plan(server, wanted)[:3])
    apply(server, wanted)
    assert server.access('10.0.0.1', world.PATH) == 'rw'
