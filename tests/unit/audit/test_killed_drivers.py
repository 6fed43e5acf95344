# SPDX-License-Identifier: Apache-2.0

"""Each command of each driver is killed with SIGKILL at each of its changes.

The audit finds it, the repeated command ends it, and nothing is left.  It is
killed before its first change and after each: what a backend has before the
next one is the same.
"""

import dataclasses
import itertools
import json

import pytest

from manila_drivers.audit import differences
from manila_drivers.cli import main
from tests.unit.audit import gluster_planted
from tests.unit.audit import suicide
from tests.unit.direct import bench

GIB = 2 ** 30
SHARE, SNAPSHOT, RULE = (differences.UNFINISHED_SHARE,
                         differences.UNFINISHED_SNAPSHOT,
                         differences.UNFINISHED_RULE)


@dataclasses.dataclass(frozen=True)
class Killing:
    """One command, and what the audit calls it half done.

    ``$share``, ``$snapshot``, ``$first`` and ``$second`` stand for names of
    the test, ``$export`` for what clients mount of a share that nobody has
    recorded.
    """

    words: str
    kind: str


COMMANDS = {
    'create': Killing('share create $new 2', SHARE),
    'extend': Killing('share resize $share 4', SHARE),
    'shrink': Killing('share resize $share 1', SHARE),
    'allow': Killing('share allow $share $second', RULE),
    'deny': Killing('share deny $share $first', RULE),
    'take': Killing('snapshot create $share $new', SNAPSHOT),
    'clone': Killing('snapshot clone $snapshot $new', SHARE),
    'revert': Killing('share revert $share', SHARE),
    'remove': Killing('snapshot delete $snapshot', SNAPSHOT),
    'delete': Killing('share delete $other', SHARE),
    'adopt': Killing('share adopt $export $new', SHARE),
    'release': Killing('share release $other', SHARE)}
#: What a driver cannot do, or does without a change of the backend.
NOT = {('vast', 'revert'), ('vast', 'release'), ('gluster', 'revert')}


# The Generic driver, each of whose commands takes seconds, is interrupted in
# its conformance suite alone.
@pytest.fixture(params=['vast', 'gluster', 'ces', 'knfs', 'gnfs'])
def place(request, tmp_path):
    make = gluster_planted.cluster if request.param == 'gluster' else None
    with bench.bench(request.param, tmp_path, make) as made:
        yield made


@pytest.fixture(scope='module', autouse=True)
def copies():
    yield
    suicide.ended()


@pytest.fixture
def run(place, capsys):
    """The command, in this process; returns exit code and standard output."""
    def call(*words):
        code = main.main(['--config-file', str(place.conf), *words])
        told = capsys.readouterr()
        return code, told.out, told.err
    return call


def prepared(place, mark, name):
    """Make what a command is about, and return the words for it."""
    first, second, _ = bench.TARGETS[place.kind]
    names = {'share': f'share{mark}', 'snapshot': f'snapshot{mark}',
             'other': f'other{mark}', 'new': f'new{mark}', 'first': first,
             'second': second}
    with place.backend() as backend:
        share = backend.shares.create(size=2, name=names['share'])
        share.allow(first)
        if name in ('clone', 'revert', 'remove'):
            share.snapshot(names['snapshot'])
        if name in ('delete', 'release'):
            # Storage Scale adopts nothing that is exported.
            names['released'] = backend.shares.create(
                size=1, name=names['other']).locations[0]
        if name == 'adopt':
            loose = backend.shares.create(size=2, name=f'loose{mark}')
            names['export'] = loose.locations[0]
            loose.release()
    return names


def cleared(place, names, name):
    """Delete all that is recorded, and what is not."""
    with place.backend() as backend:
        if name == 'release':
            backend.shares.adopt(names['released'])
        for share in backend.shares:
            for snapshot in share.snapshots:
                snapshot.delete()
        for share in backend.shares.list()[::-1]:
            share.delete()
    assert place.cluster.inventory() == place.empty


@pytest.mark.turns('kills')
@pytest.mark.timeout(900)
@pytest.mark.parametrize('name', COMMANDS)
def test_a_killed_command_is_found_and_repeated(place, run, name,
                                                tmp_path):
    if (place.kind, name) in NOT:
        pytest.skip('it has no such command, or no change in it')
    killing = COMMANDS[name]
    for number in itertools.count():
        moment = suicide.Moment(number or 1, answered=bool(number))
        names = prepared(place, number, name)
        words = [names.get(word.removeprefix('$'), word)
                 if word.startswith('$') else word
                 for word in killing.words.split()]
        if not suicide.killed(moment, ['--config-file', str(place.conf),
                                       *words], tmp_path / 'output'):
            cleared(place, names, name)
            break
        code, out, err = run('audit', '-f', 'json')
        assert code == 1, (number, out, err)
        kinds = {one['Kind'] for one in json.loads(out)}
        # A clone of some is waited for when it is there.
        assert kinds & {killing.kind, *(
            [differences.COPY] if name == 'clone' else [])}, out
        assert run(*words)[0] == 0
        code, out, err = run('audit', '-f', 'json')
        kinds = {one['Kind'] for one in json.loads(out)}
        # What was released is nobody's.
        assert kinds <= {differences.ORPHAN_SHARE}, (number, out)
        assert err.count('not seen') == 0
        as_wanted(place, names, name)
        cleared(place, names, name)
    # Once before a change, once after one.
    assert number > 1


def as_wanted(place, names, name):
    """Compare the backend with what the command was to do."""
    first, second = names['first'], names['second']
    with place.backend() as backend:
        found = {share.name: share for share in backend.shares}
        share = found[names['share']]
        assert share.size == {'extend': 4, 'shrink': 1}.get(name, 2)
        assert share.status == 'available'
        assert {rule.to for rule in share.rules} == {
            'allow': {first, second}, 'deny': set()}.get(name, {first})
        assert place.level(share) == (None if name == 'deny' else 'rw')
        assert names['other'] not in found
        assert (names['new'] in found) == (name in ('create', 'clone',
                                                    'adopt'))
        if names['new'] in found and name != 'adopt':
            new = found[names['new']].wait(timeout=60)
            assert place.level(new) is None
        taken = {one.name for one in share.snapshots}
        assert taken == {'clone': {names['snapshot']}, 'revert': {
            names['snapshot']}, 'take': {names['new']}}.get(name, set())

