# SPDX-License-Identifier: Apache-2.0

"""Explanations of mutants that no test notices, and what is told of them."""

import os
import pathlib
import types

import pytest

from tools.mutation import report

SURVIVORS = pathlib.Path(__file__).parents[3] / 'tests/mutation/survivors.txt'
ONE = ('a.py', 'f', 'if x < y:', 'if x <= y:')
TWO = ('a.py', 'f', 'return x', 'return None')
TEXT = """# A remark.

a.py f
- if x < y:
+ if x <= y:
- return x
+ return None
Equivalent: they are
never the same.
"""


def module(path, **lives):
    """A module with a mutant for each status."""
    rows = [types.SimpleNamespace(
        mutant=types.SimpleNamespace(
            function='f', first=1, before=before, after=after, number=1),
        status=status, test='', seconds=0.1)
        for (_, _, before, after), status in lives['found'].items()]
    report.save(path, 'a.py', rows)
    return report.load(path / 'a.py.json')


def test_reasons_are_read():
    assert report.explanations(TEXT) == dict.fromkeys(
        [ONE, TWO], 'Equivalent: they are never the same.')


@pytest.mark.parametrize('text', [
    'a.py f\n- x\n+ y\n', 'a.py f\nwhy\n', 'a.py\n- x\n+ y\nwhy\n',
    'a.py f\n- x\nwhy\n', 'a.py f\n+ y\n- x\nwhy\n'])
def test_a_reason_that_cannot_be_read_is_an_error(text):
    with pytest.raises(ValueError, match='understood'):
        report.explanations(text)


def test_a_survivor_without_a_reason_is_told(tmp_path):
    found = module(tmp_path, found={ONE: report.SURVIVED,
                                    TWO: report.UNTESTED})
    assert found.total == 2
    unexplained, idle = report.complaints([found], {ONE: 'why'})
    assert len(unexplained) == 1 and 'return x' in unexplained[0]
    assert idle == []
    assert report.complaints([found], {ONE: 'why', TWO: 'why'}) == ([], [])


def test_a_reason_without_a_survivor_is_told(tmp_path):
    found = module(tmp_path, found={ONE: report.KILLED})
    gone = ('a.py', 'g', 'x', 'y')
    unexplained, idle = report.complaints([found], {
        ONE: 'why', gone: 'why', ('other.py', 'f', 'x', 'y'): 'why'})
    assert unexplained == []
    assert [text.split(':')[0] for text in idle] == ['is killed', 'is gone']


def test_a_mutant_that_hangs_is_noticed(tmp_path):
    found = module(tmp_path, found={ONE: report.HUNG, TWO: report.SURVIVED})
    assert len(found.survived) == 1
    *_, last = report.table([found], {'room': ['a.py']}, {TWO: 'why'})
    assert last.split() == ['=', 'all', '2', '1', '1', '50.0%', '1']


def test_the_reasons_that_there_are():
    for path, *_ in report.explanations(SURVIVORS.read_text()):
        assert (SURVIVORS.parents[2] / path).is_file(), path


def test_changes_of_a_source():
    if not os.environ.get('CI'):
        pytest.importorskip('mutmut')
    from tools.mutation import mutants
    found = {(each.function, each.before, each.after) for each in mutants.of(
        'LIMIT = 5\n'
        'class C:\n'
        '    @cached\n'
        '    def f(self, x: int = 3) -> str:\n'
        '        """Not text."""\n'
        '        assert x != 1\n'
        '        LOG.info("%d", x)\n'
        '        if x < 1:\n'
        '            raise ValueError("too" + x)\n'
        '        return "three words here %d" % x or "two words"\n')}
    assert found == {
        ('C.f', 'if x < 1:', 'if x <= 1:'),
        ('C.f', 'if x < 1:', 'if x < 2:'),
        ('C.f', 'return "three words here %d" % x or "two words"',
         'return "three words here %d" % x and "two words"'),
        ('C.f', 'return "three words here %d" % x or "two words"',
         'return "three words here %d" % x or "XXtwo wordsXX"')}
