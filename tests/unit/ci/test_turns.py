# SPDX-License-Identifier: Apache-2.0

"""Cases that take turns: each is played, and no run is without any."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests import patience
from tests.plugins import turns

ROOT = pathlib.Path(__file__).resolve().parents[3]
SOME = """
import pytest

@pytest.mark.turns
@pytest.mark.parametrize('number', range(7))
def test_many(number):
    pass

@pytest.mark.turns('both')
def test_one():
    pass

@pytest.mark.turns('both')
def test_other():
    pass

@pytest.mark.parametrize('number', range(3))
def test_always(number):
    pass
"""
REPEATED = """
import pytest

@pytest.mark.slow
def test_slow():
    pass

@pytest.mark.slow
@pytest.mark.parametrize('number', range(6))
def test_slower(number):
    pass

@pytest.mark.slow
@pytest.mark.turns
@pytest.mark.parametrize('number', range(2))
def test_by_turns(number):
    pass

def test_fast():
    pass
"""


@pytest.mark.parametrize('many', [1, 2, 4, 5, 6, 23])
@pytest.mark.parametrize('slices', [1, 5, 7])
def test_so_many_slices_play_all_and_each_plays_some(many, slices):
    cases = [(number, 'table') for number in range(many)]
    parts = [set(range(many)) - set(turns.left_out(cases, number, slices))
             for number in range(1, slices + 1)]
    assert set().union(*parts) == set(range(many))
    assert all(parts)
    if many >= slices:
        assert sum(map(len, parts)) == many


@pytest.mark.parametrize('text', ['0/5', '6/5', 'all', '2'])
def test_what_is_no_slice_is_refused(text):
    with pytest.raises(ValueError, match=r'not like|literal|unpack'):
        turns.slice_of(text)


def test_the_plugin_brings_nothing_of_the_package_along():
    """Where there is a Manila, its imports warn, and warnings are errors."""
    code = ('import sys, tests.plugins.turns; sys.exit(any('
            'name.startswith("manila_drivers") for name in sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT,
                          check=False).returncode == 0


def test_tables_do_not_take_turns_with_each_other():
    cases = [('a1', 'a'), ('b1', 'b'), ('a2', 'a'), ('b2', 'b')]
    left = turns.left_out(cases, 1, 2)
    assert [name[0] for name in sorted(left)] == ['a', 'b']
    assert sorted(left + turns.left_out(cases, 2, 2)) == [
        'a1', 'a2', 'b1', 'b2']


def test_tables_begin_at_different_places():
    cases = [((table, case), table) for table in range(40)
             for case in range(5)]
    played = {one for one, _ in cases} - set(turns.left_out(cases, 1, 5))
    assert {case for _, case in played} == {0, 1, 2, 3, 4}


def played(tmp_path, part, *words, text=SOME):
    (tmp_path / 'test_some.py').write_text(text)
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-p', 'tests.plugins.turns', '-v',
         '-c', os.devnull, '--rootdir', tmp_path, tmp_path, *words],
        capture_output=True, text=True,
        timeout=patience.seconds(100), cwd=ROOT,
        env={**os.environ, 'MANILA_DRIVERS_SLICE': part})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, {
        line.partition(' ')[0].rpartition('::')[2]
        for line in done.stdout.splitlines() if ' PASSED' in line}


def test_a_run_plays_its_slice_and_says_so(tmp_path):
    whole = {*(f'test_many[{number}]' for number in range(7)), 'test_one',
             'test_other', *(f'test_always[{number}]' for number in range(3))}
    assert played(tmp_path, '')[1] == whole
    always = {'test_always[0]', 'test_always[1]', 'test_always[2]'}
    texts, parts = zip(*(played(tmp_path, f'{number}/5')
                         for number in range(1, 6)), strict=True)
    assert set().union(*parts) == whole
    # Two tables: one has seven cases, and plays the first and the sixth
    # together, the other has two.
    [place] = [place for place, names in enumerate(parts)
               if 'test_many[1]' in names]
    [both] = parts[place] & {'test_one', 'test_other'}
    assert parts[place] == {*always, 'test_many[1]', 'test_many[6]', both}
    assert (f'played: 3 of 9 cases that take turns, slice {place + 1}/5'
            in texts[place])
    # What else is chosen does not change what a slice has.
    chosen = 'many[6] or test_one or test_other'
    assert played(tmp_path, f'{place + 1}/5', '-k', chosen)[1] == {
        'test_many[6]', both}


def test_slow_tests_take_turns_where_that_is_asked_for(tmp_path):
    always = {'test_slow', 'test_fast',
              *(f'test_slower[{number}]' for number in range(6))}
    words = {'text': REPEATED}
    some = {'test_by_turns[0]', 'test_by_turns[1]'}
    assert len(played(tmp_path, '1/5', **words)[1] & some) == 1
    parts = [played(tmp_path, f'{number}/5', '--slow-turns', **words)[1]
             for number in range(1, 6)]
    for names in parts:
        assert 'test_fast' in names
        assert len(names & some) == 1
        # Seven slow ones in five parts.
        assert len(names - some) in {2, 3}
    assert set().union(*parts) == {*always, *some}
    assert played(tmp_path, '', '--slow-turns', **words)[1] == {
        *always, *some}
