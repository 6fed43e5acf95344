# SPDX-License-Identifier: Apache-2.0

"""Which stages there are, what moves with the commit, what the end says."""

import configparser
import itertools
import os
import pathlib
import subprocess

import pytest

from tools.ci import prepare
from tools.ci import stages
from tools.ci import summary
from tools.ci import turns
from tools.ci import warden

TURN = stages.Turn('commit 7', 7)
ROOT = pathlib.Path(__file__).resolve().parents[3]


# What moves with the commit

def test_five_commits_in_a_row_play_the_whole():
    for first in range(12):
        played = {stages.Turn('', first + more).slice for more in range(5)}
        assert played == {'1/5', '2/5', '3/5', '4/5', '5/5'}


def test_oldest_and_newest_each_time_the_others_by_turn():
    turns_taken = [stages.Turn('', number) for number in range(6)]
    for turn in turns_taken:
        for chosen in (turn.installed, turn.lived_in):
            assert {'20.0', '23.0'} < set(chosen)
            assert len(chosen) == 3
    for first in range(3):
        some = turns_taken[first:first + 3]
        assert {name for turn in some for name in turn.installed} == {
            '20.0', '21.0', '22.0', '23.0'}
        assert {name for turn in some for name in turn.lived_in} == {
            '19.1', '20.0', '21.0', '22.0', '23.0'}


def test_a_run_can_be_repeated_at_another_commit(monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_SLICE', '4/9')
    turn = turns.read(ROOT)
    assert turn.slice == '4/9'
    assert 'slice 4/9' in str(turn)
    parts = stages.selected(stages.table(turn), ['test', 'conformance',
                                                 'generic'])
    assert len(parts) == 3
    for part in parts:
        assert ('MANILA_DRIVERS_SLICE', '4/9') in part.variables
    for wrong in ('0/5', '6/5', 'all'):
        monkeypatch.setenv('MANILA_DRIVERS_SLICE', wrong)
        with pytest.raises(ValueError, match='is not like 2/5'):
            turns.read(ROOT)


def git(place, *words):
    subprocess.run(['git', '-c', 'user.name=x', '-c', 'user.email=x', *words],
                   cwd=place, check=True, capture_output=True)


def test_the_number_moves_with_each_commit(tmp_path, monkeypatch):
    monkeypatch.delenv('MANILA_DRIVERS_SLICE', raising=False)
    home = tmp_path / 'home'
    home.mkdir()
    git(home, 'init', '-q')
    numbers = []
    for name in ('a', 'b'):
        git(home, 'commit', '-q', '--allow-empty', '-m', name)
        numbers.append(turns.read(home).number)
    assert numbers == [1, 2]
    git(tmp_path, 'clone', '-q', '--depth', '1', f'file://{home}', 'shallow')
    shallow = turns.read(tmp_path / 'shallow')
    assert 'shallow' in shallow.source
    assert shallow.number > 2
    with pytest.raises(ValueError, match='rev-parse'):
        turns.read(tmp_path)


# Stages

def test_every_stage_has_a_limit_below_that_of_the_whole():
    table = stages.table(TURN)
    assert len({stage.name for stage in table}) == len(table)
    for lane in stages.lanes(table):
        assert len({stage.lane for stage in lane}) == 1
    assert all(0 < stage.limit < stages.WHOLE for stage in table)
    assert stages.WHOLE + 2 * warden.GRACE < 5400


def test_no_stage_empties_the_logs_of_another_one():
    """Tox fails where a file that it removes is gone already."""
    logs = [stage.told[stages.LOGS] for stage in stages.table(TURN)]
    assert len(set(logs)) == len(logs)
    assert all(logs)
    for stage in stages.table(TURN):
        assert stage.told == {stages.LOGS: stage.told[stages.LOGS],
                              **dict(stage.variables)}
    parser = configparser.RawConfigParser()
    parser.read(ROOT / 'tox.ini')
    assert parser['testenv']['env_log_dir'] == (
        '{env_dir}{/}log{env:%s:}' % stages.LOGS)
    assert not [name for name in parser.sections() if name != 'testenv'
                and 'env_log_dir' in parser[name]]


def test_four_stages_are_the_readmes_command():
    """Each plays what the other leaves out, and nothing is installed."""
    assert 'python3 tools/run.py test\n' in (ROOT / 'README.rst').read_text()
    begin = ('python3', 'tools/run.py', 'test', '--skip-pkg-install')
    first, second, third, fourth = stages.selected(
        stages.table(TURN), ['test', 'conformance', 'generic', 'operator'])
    assert first.command == (*begin, '--', '--ignore=tests/conformance', *(
        f'--ignore={each}' for each in stages.OPERATOR))
    assert all((ROOT / each).is_dir() for each in stages.OPERATOR)
    begin = (*begin, '-e', 'py3', '--')
    generic = sorted(str(path.relative_to(ROOT)) for path in (
        ROOT / 'tests' / 'conformance').glob('test_generic*.py'))
    assert second.command == (*begin, 'tests/conformance',
                              *(f'--ignore={each}' for each in generic))
    assert third.command == (*begin, *generic)
    assert fourth.command == (*begin, *stages.OPERATOR)


def test_what_is_installed_is_what_the_stages_need():
    words = stages.prepare(stages.table(TURN), TURN).command
    for name in ('py3', 'pep8', 'docs', 'lowest', 'functional', 'manila',
                 'install'):
        assert ('--tox', name) in itertools.pairwise(words)
    few = stages.prepare(stages.selected(
        stages.table(TURN), ['lowest']), TURN).command
    assert few[3:] == ('--tox', 'lowest')


def test_only_known_stages_are_selected():
    with pytest.raises(ValueError, match='no stage tests; there are prepare'):
        stages.selected(stages.table(TURN), ['tests'])
    assert stages.selected(stages.table(TURN), ['prepare']) == []


def test_the_real_cloud_is_made_beside_other_lanes_or_before():
    table = stages.table(TURN)
    whole = stages.selected(table, [])
    assert whole == table
    assert '--cloud' not in stages.prepare(whole, TURN).command
    named = stages.selected(table, ['openstack', 'lowest'])
    assert [stage.name for stage in named] == ['lowest', 'openstack']
    prepared = stages.prepare(named, TURN)
    assert '--cloud' in prepared.command
    assert prepared.limit > stages.prepare(whole, TURN).limit
    [lane] = [each for each in stages.lanes(named) if each[0].cloud]
    assert len(lane) == 1
    # Three times what it may take on one's own machine.
    assert lane[0].limit <= 3 * 900
    both = stages.selected(table, ['cloud', 'openstack'])
    assert '--cloud' not in stages.prepare(both, TURN).command
    assert [[each.name for each in lane] for lane in stages.lanes(both)] == [
        ['cloud', 'openstack']]


def test_packages_of_these_profiles():
    text = ('# words\ngit [platform:dpkg]\na [platform:dpkg lab]\n'
            'b [platform:dpkg other]\nc [platform:dpkg functional lab] # x\n'
            'd\n')
    assert prepare.packages(text) == ['git', 'a', 'c', 'd']
    real = prepare.packages((ROOT / 'bindep.txt').read_text())
    assert {'glusterfs-server', 'openssh-server'} < set(real)


def test_attempts_end_by_the_clock():
    tries = []

    def attempt():
        tries.append(1)
        if len(tries) < 3:
            raise prepare.Failed('the lock is held')
    prepare.persistent(attempt, seconds=60, pause=0.001)
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(prepare.Failed, match='lock'):
        prepare.persistent(attempt, seconds=0, pause=0.001)
    assert len(tries) == 1


# What the end says

@pytest.mark.parametrize(('line', 'expected'), [
    ('====== 3441 passed, 2 skipped, 1 xfailed in 99.91s (0:01:39) =======',
     (3442, 0, 2)),
    ('=== 1 failed, 2 passed, 3 deselected, 1 error in 0.50s ===', (2, 2, 0)),
    ('2 passed, 1 failed', (2, 1, 0)),
    ('=== no tests ran in 0.01s ===', (0, 0, 0)),
    ('12 steps, 30 requests to the cluster', (0, 0, 0)),
    ('I have 3 passed tests', (0, 0, 0))])
def test_totals_of_test_runners(line, expected):
    found = summary.counted(f'{line}\nmore\n')
    assert (found.passed, found.failed, found.skipped) == expected


STAGE = stages.Stage('some', 'lane', 10, ('true',))


@pytest.mark.parametrize(('whole', 'parts'), [
    ('tests/functional/gluster', ('gluster', 'guest', 'bricks')),
    ('tests/manila', ('manila', 'drivers'))])
def test_stages_share_a_directory_without_leaving_anything_out(whole, parts):
    """One ignores what the others are given, by its name."""
    commands = {stage.name: stage.command for stage in stages.table(TURN)}
    rest, others = parts[0], parts[1:]
    ignored = {pathlib.Path(word.partition('=')[2]).stem
               for word in commands[rest] if word.startswith('--ignore=')}
    given = {pathlib.Path(word).stem for name in others
             for word in commands[name] if 'test_' in word}
    assert ignored == given
    there = {file.stem for file in (ROOT / whole).glob('test_*.py')}
    assert ignored < there


def test_what_yields_is_started_with_less_priority():
    assert STAGE.words == ('true',)
    assert stages.Stage('some', 'lane', 10, ('true',), first=True).words == (
        'python3', '-m', 'tools.ci.yielding', '-5', 'true')
    assert stages.Stage('some', 'lane', 10, ('true',), yields=True).words == (
        'python3', '-m', 'tools.ci.yielding', '5', 'true')
    yielding = {stage.name for stage in stages.table(TURN) if stage.yields}
    assert yielding == {'conformance', 'generic', 'lowest', 'compat',
                        'install'}


def test_a_session_yields_and_not_only_what_is_in_it():
    """The kernel weighs sessions; to be nice is nothing between them."""
    asked = 'import os; print(os.nice(0)); print(open("/proc/self/autogroup")'
    asked += '.read())'

    def said(*words):
        return subprocess.run(
            [*words, 'python3', '-c', asked], cwd=ROOT, check=True, text=True,
            start_new_session=True, capture_output=True).stdout.split()

    if not pathlib.Path('/proc/self/autogroup').exists():
        pytest.skip('this kernel does not group processes by their session')
    usual, first = int(said()[0]), said('nice', '-n', '5')
    assert first[0] == str(min(usual + 5, 19))
    assert first[-1] == '0'
    yielding = said(*stages.YIELDING)
    assert yielding[0] == str(min(usual + 5, 19))
    assert yielding[-1] == '5'
    if os.geteuid() == 0:
        before = said(*stages.FIRST)
        assert before[0] == str(max(usual - 5, -20))
        assert before[-1] == '-5'


def judged(output, result, **fields):
    stage = stages.Stage('some', 'lane', 10, ('true',), **fields)
    return summary.judge(stage, output, result)


@pytest.mark.parametrize(('output', 'result', 'fields', 'outcome'), [
    ('3 passed in 1.00s', warden.Result(0), {}, 'ok'),
    ('3 passed in 1.00s', warden.Result(1), {}, 'FAILED'),
    ('3 passed, 1 failed', warden.Result(0), {}, 'FAILED'),
    ('', warden.Result(0), {}, 'NO TESTS'),
    ('2 skipped in 1.00s', warden.Result(0), {}, 'NO TESTS'),
    ('1 passed', warden.Result(0), {'shows': 'house'}, 'NO TESTS'),
    ('1 passed\nhouse', warden.Result(0), {'shows': 'house'}, 'ok'),
    ('', warden.Result(0), {'counts': False}, 'ok'),
    ('1 passed', warden.Result(-9, 'after 10 s'), {}, 'TOO LONG'),
    ('1 passed', warden.Result(None, 'the run ends'), {}, 'FAILED'),
    ('1 passed', None, {}, 'FAILED')])
def test_outcomes(output, result, fields, outcome):
    assert judged(output, result, **fields).outcome == outcome


def test_the_last_lines():
    good = judged('\x1b[32mplayed: fault sweep of x, 2/5 of 10: 2 cases\n'
                  '\x1b[32m=== 3 passed, 1 skipped in 1.00s ===\x1b[0m\n',
                  warden.Result(0, '', 12.0, 7.4, left=['sshd']))
    words, well = summary.text([good], TURN, 20, 'pace')
    assert well
    line = ('some         ok          12 s     7 CPU s   '
            '3 passed, 0 failed, 1 skipped; left behind: sshd')
    assert words.splitlines() == [
        '=== summary, 20 s in all, 7 CPU s', str(TURN), 'pace', line,
        '    some: fault sweep of x, 2/5 of 10: 2 cases',
        'all 1 stages are ok', '3 passed, 0 failed, 1 skipped']
    hung = judged('1 passed', warden.Result(None, 'after 10 s'))
    words, well = summary.text([good, hung], TURN, 20, 'pace')
    assert not well
    assert 'ended after 10 s' in words
    # It had no failing test, and is one failure none the less.
    assert words.splitlines()[-2:] == [
        'not ok: some', '4 passed, 1 failed, 1 skipped']


def test_what_failed_is_told_again_at_the_end():
    """Of a long output often nothing but its end is kept."""
    failed = [f'FAILED tests/unit/test_a.py::test_it[{number}] - E{"x" * 900}'
              for number in range(summary.MANY + 5)]
    bad = judged('\n'.join([
        *failed, 'ERROR tests/unit/test_b.py::test_it', 'ERROR: no word of it',
        f'{len(failed)} failed, 1 error in 1.00s']), warden.Result(1))
    words, _ = summary.text([bad], TURN, 20, '')
    told = [line for line in words.splitlines() if 'failed in some: ' in line]
    assert len(told) == summary.MANY + 1
    assert told[0].startswith(
        'failed in some: tests/unit/test_a.py::test_it[0] - Exxx')
    assert len(told[0]) < 300
    assert told[-1] == 'failed in some: 6 more'
    assert words.splitlines()[-1] == '0 passed, 36 failed, 0 skipped'


def test_a_run_of_nothing_is_not_well():
    prepared = summary.Report('prepare', summary.OK)
    assert summary.text([prepared], TURN, 1, '')[1]
    empty = summary.Report('some', summary.OK, counts=summary.Counts())
    assert not summary.text([prepared, empty], TURN, 1, '')[1]


def test_a_stage_without_tests_of_its_own_counts_as_one():
    prepared = summary.Report('prepare', summary.OK)
    demo = summary.Report('demo', summary.OK)
    words, well = summary.text([prepared, demo], TURN, 1, '')
    assert well
    assert words.splitlines()[-1] == '1 passed, 0 failed, 0 skipped'
