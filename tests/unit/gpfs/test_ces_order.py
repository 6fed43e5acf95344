# SPDX-License-Identifier: Apache-2.0

"""Who gets what between two commands that change an export of CES."""

import ipaddress
import types

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs.helpers import ces
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.testing.simulators.gpfs import ces as simulated
from manila_drivers.testing.simulators.gpfs import state
from manila_drivers.transport import command
from tests.unit.nas import world

#: Clients in any order and of any level, as somebody may have left them.
LISTED = st.lists(st.tuples(
    st.one_of(world.NETWORKS.map(str), st.just('*')),
    st.sampled_from(('RW', 'RO', 'NONE'))),
    max_size=8, unique_by=lambda client: client[0])


class Cluster:
    """An export of a simulated cluster, and a helper that plans for it."""

    def __init__(self, listed=None, **options):
        self.state = state.State(options=state.Options(**options))
        self.kind = lambda path: 'directory'
        if listed is not None:
            self.state.exports[world.PATH] = [
                state.Client(client, {'access_type': level, **more})
                for client, level, *rest in listed
                for more in [rest[0] if rest else {}]]
        made = commands.Commands(types.SimpleNamespace(
            directory='', timeout=60))
        self.helper = ces.CESHelper(
            types.SimpleNamespace(commands=made), None)
        self.helper._combines = self.state.options.combines

    def access(self, client, path):
        return simulated.effective(self.state.exports, path, client)

    @property
    def clients(self):
        return [client.client for client in self.state.exports[world.PATH]]

    def plan(self, wanted):
        question, = self.helper.questions([])
        facts = self.helper.understand('CES', [command.Result(
            simulated.mmnfs(self, question.words()[1:]), '', 0)])
        return self.helper.plan(facts, [wanted], None)

    def apply(self, wanted):
        """Change the export, and return the access after each command."""
        moments = [world.given(self)]
        for cmd in self.plan(wanted):
            simulated.mmnfs(self, cmd.words()[1:])
            moments.append(world.given(self))
        return moments


def too_much(moments, after):
    """Who had more between two commands than before and after."""
    return [(client, level) for moment in moments
            for client, level in moment.items()
            if world.RANK[level] > max(world.RANK[moments[0][client]],
                                       world.RANK[after[client]])]


def too_little(moments, after):
    """Who had less between two commands than before and after."""
    return [(client, level) for moment in moments
            for client, level in moment.items()
            if world.RANK[level] < min(world.RANK[moments[0][client]],
                                       world.RANK[after[client]])]


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(st.none() | LISTED, world.LEVELS,
                  st.sampled_from((1, 70, 140, 60_000)), st.booleans(),
                  st.booleans())
def test_nobody_gets_more_between_two_commands(listed, levels, limit,
                                               combines, last):
    """However few clients one command can carry."""
    cluster = Cluster(listed, combines=combines, removes_last=last)
    after = world.meant(levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ces_list, 'CHUNK', limit)
        moments = cluster.apply(world.export(levels))
        assert moments[-1] == after
        assert too_much(moments, after) == []
        assert too_little(moments, after) == []
        if levels:
            assert cluster.plan(world.export(levels)) == []


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(LISTED, world.LEVELS, st.integers(0, 9))
def test_a_change_that_stops_anywhere_is_taken_up(listed, levels, stop):
    cluster = Cluster(listed, combines=False)
    before, after = world.given(cluster), world.meant(levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ces_list, 'CHUNK', 1)
        for cmd in cluster.plan(world.export(levels))[:stop]:
            simulated.mmnfs(cluster, cmd.words()[1:])
        moments = [before, *cluster.apply(world.export(levels))]
    assert moments[-1] == after
    assert too_much(moments, after) == []


def test_addresses_that_need_two_commands_go_before_their_network():
    """Else a network that may write goes first, and lets them write."""
    levels = {'10.0.0.0/8': 'rw', **{
        f'10.0.{number // 250}.{number % 250}': 'ro'
        for number in range(1200)}}
    cluster = Cluster([('*', 'RO')])
    wanted = world.export(levels, options=(
        'squash=no_root_squash', 'sectype=sys'))
    plan = cluster.plan(wanted)
    assert [cmd.words()[4] for cmd in plan] == [
        '--nfsadd', '--nfsadd', '--nfsremove']
    assert all(len(cmd.words()[5]) <= ces_list.CHUNK for cmd in plan)
    moments = cluster.apply(wanted)
    assert {moment['10.0.0.1'] for moment in moments} == {'ro'}
    assert cluster.clients[-1] == '10.0.0.0/8'


# What an export of CES is changed by

def entry(client, level='rw', **options):
    try:
        network = ipaddress.ip_network(client)
    except ValueError:
        network = None
    return ces_list.CesClient(client, network, level, options)


def steps(entries, export):
    return ces_list.difference(export, entries).one_by_one(export)


def levels_of(*entries):
    return {str(network): level for network, level
            in ces_list.levels_of(entries).items()}


@pytest.mark.parametrize(('entries', 'levels'), [
    ([entry('10.0.0.0/8'), entry('10.0.0.1', 'ro')], {'10.0.0.0/8': 'rw'}),
    ([entry('10.0.0.1', 'ro'), entry('10.0.0.0/8')],
     {'10.0.0.1/32': 'ro', '10.0.0.0/8': 'rw'}),
    # Of the same client twice the first counts.
    ([entry('10.0.0.1', 'ro'), entry('10.0.0.1/32')], {'10.0.0.1/32': 'ro'}),
    # An entry for no access hides what is behind it, and gives nothing.
    ([entry('10.0.0.0/8', ''), entry('10.0.0.1')], {}),
    ([entry('10.0.0.1', ''), entry('10.0.0.0/8')], {'10.0.0.0/8': 'rw'}),
    ([entry('*', 'ro'), entry('10.0.0.1')],
     {'0.0.0.0/0': 'ro', '::/0': 'ro'}),
    ([entry('::/0'), entry('*', 'ro')], {'::/0': 'rw', '0.0.0.0/0': 'ro'}),
    ([entry('@group'), entry('host.example'), entry('10.0.0.1')],
     {'10.0.0.1/32': 'rw'})])
def test_what_clients_get_from_a_list(entries, levels):
    assert levels_of(*entries) == levels


@pytest.mark.parametrize(('entries', 'export', 'commands'), [
    # One that is void goes first, for it gives nothing to anybody.
    ([entry('10.0.0.0/8'), entry('10.0.0.1')], {'10.0.0.0/8': 'rw'},
     [['--nfsremove', '10.0.0.1']]),
    ([entry('10.0.0.0/8'), entry('10.0.0.1')],
     {'10.0.0.0/8': 'rw', '10.0.0.1': 'ro'},
     [['--nfsremove', '10.0.0.1'],
      ['--nfsadd', '10.0.0.1(access_type=ro)', '--nfsposition', '0']]),
    # One for everybody is void only if both versions are.
    ([entry('0.0.0.0/0'), entry('*')], {'0.0.0.0/0': 'rw'},
     [['--nfsremove', '*']]),
    ([entry('*', 'ro'), entry('0.0.0.0/0')], {'0.0.0.0/0': 'rw'},
     [['--nfsremove', '0.0.0.0/0'],
      ['--nfsadd', '0.0.0.0/0(access_type=rw)'], ['--nfsremove', '*']]),
    # Here it still decides for one of them, and goes last.
    ([entry('0.0.0.0/0'), entry('*', 'ro')],
     {'0.0.0.0/0': 'rw', '::/0': 'ro'},
     [['--nfsadd', '::/0(access_type=ro)'], ['--nfsremove', '*']]),
    # What goes away goes from the widest on; names are the first of all.
    ([entry('@group'), entry('10.0.0.1'), entry('10.0.0.0/8'), entry('*')],
     {'11.0.0.1': 'rw'},
     [['--nfsadd', '11.0.0.1(access_type=rw)', '--nfsposition', '0'],
      ['--nfsremove', '@group,*,10.0.0.0/8,10.0.0.1']]),
    ([entry('10.0.0.1', 'ro'), entry('10.0.0.0/8', 'ro')],
     {'10.0.0.1': 'rw', '10.0.0.0/8': 'ro'},
     [['--nfschange', '10.0.0.1(access_type=rw)']])])
def test_what_changes_a_list(entries, export, commands):
    assert steps(entries, world.export(export)) == commands


@pytest.mark.parametrize(('entries', 'export', 'apart'), [
    # A position counts what is removed by the same command, or does not.
    (['10.0.0.1', '10.0.0.2', '10.0.0.0/8'],
     ['10.0.0.2', '10.0.0.0/30', '10.0.0.0/8'], True),
    (['10.0.0.2', '10.0.0.0/8', '11.0.0.1'],
     ['10.0.0.2', '10.0.0.0/30', '10.0.0.0/8'], False),
    # What is at the beginning or the end is so in any case.
    (['10.0.0.1', '10.0.0.0/8'], ['10.0.0.2', '10.0.0.0/8'], False),
    (['10.0.0.1', '10.0.0.2'], ['10.0.0.2', '10.0.0.0/8'], False)])
def test_what_one_command_could_mean_in_two_ways(entries, export, apart):
    found = ces_list.difference(
        world.export(dict.fromkeys(export, 'rw')), list(map(entry, entries)))
    assert found.apart is apart


@pytest.mark.parametrize(('options', 'listed', 'same'), [
    ((), {}, True),
    (('squash=root_squash',), {'squash': 'ROOT_SQUASH'}, True),
    (('squash=root',), {'squash': 'ROOT_SQUASH'}, True),
    (('squash=no_root_squash',), {'squash': 'ROOT_SQUASH'}, False),
    (('squash=none',), {'squash': 'NO_ROOT_SQUASH'}, True),
    (('squash=noidsquash',), {'squash': 'NO_ROOT_SQUASH'}, True),
    (('squash=allsquash',), {'squash': 'ALL_SQUASH'}, True),
    (('squash=rootid',), {'squash': 'ROOTID_SQUASH'}, True),
    # What is not listed cannot be compared, and not all is read.
    (('squash=all_squash',), {}, True),
    (('protocols=3:4', 'squash=all'), {'protocols': '4,3'}, True),
    (('protocols=4',), {'protocols': '3,4'}, False),
    (('squash=all', 'protocols=4'),
     {'squash': 'ALL_SQUASH', 'protocols': '3'}, False),
    (('privilegedport=yes',), {'privilegedport': 'TRUE'}, True),
    (('privilegedport=on',), {'privilegedport': 'true'}, True),
    (('privilegedport=no',), {'privilegedport': 'FALSE'}, True),
    (('privilegedport=off',), {'privilegedport': 'true'}, False),
    # 'root' is a value of one option alone.
    (('sectype=root',), {'sectype': 'root_squash'}, False),
    (('sectype=root',), {'sectype': 'root'}, True),
    # Nothing is listed, which is not the same as not listed.
    (('protocols=4',), {'protocols': ''}, False)])
def test_options_of_a_client_that_stays(options, listed, same):
    export = world.export({'10.0.0.1': 'ro'}, options=options)
    found = steps([entry('10.0.0.1', 'ro', **listed)], export)
    text = ','.join(['access_type=ro', *options])
    assert found == ([] if same else [['--nfschange', f'10.0.0.1({text})']])
    # Another level is told with all options, whatever these are.
    assert steps([entry('10.0.0.1', 'rw', **listed)], export) == [
        ['--nfschange', f'10.0.0.1({text})']]


@pytest.mark.parametrize(('limit', 'pieces'), [
    (1, [1, 1, 1]), (58, [1, 1, 1]), (59, [2, 1]), (88, [2, 1]), (89, [3])])
def test_how_much_one_command_carries(limit, pieces, monkeypatch):
    """Three clients of 29 bytes each, to be added, changed and removed."""
    monkeypatch.setattr(ces_list, 'CHUNK', limit)
    names = [f'10.0.0.1{number}' for number in range(3)]
    export = world.export(dict.fromkeys(names, 'ro'), options=('a=b',))
    for listed in [], [entry(name) for name in names]:
        found = [words[1].split(';') for words in steps(listed, export)]
        assert list(map(len, found)) == pieces
        assert [client for piece in found for client in piece] == [
            f'{name}(access_type=ro,a=b)' for name in names]
    names = ['x' * 28 + str(number) for number in range(3)]
    found = [words[1].split(',') for words in steps(
        list(map(entry, names)), world.export({}))]
    assert list(map(len, found)) == pieces
    assert [client for piece in found for client in piece] == names


def test_a_client_is_changed_under_the_name_that_it_is_listed_by():
    """Others may have written an address with a length, or a host's."""
    cluster = Cluster([('10.0.0.1/32', 'RW'), ('10.0.0.5/30', 'RW')],
                      combines=False)
    export = world.export({'10.0.0.1': 'ro', '10.0.0.4/30': 'ro'})
    assert cluster.apply(export)[-1] == world.meant(export.levels)
    assert cluster.clients == ['10.0.0.1/32', '10.0.0.5/30']
