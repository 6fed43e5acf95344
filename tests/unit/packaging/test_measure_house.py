# SPDX-License-Identifier: Apache-2.0

"""The measure of the house, on trees of which everything is known."""

import importlib
import pathlib
import sys
import threading

import pytest

from tests.unit.packaging import scripts

measure = scripts.load('measure_house')

BAD = {
    'vastdata/driver.py': 'class Site: pass\nclass Facts: pass\n',
    'vastdata/planning.py': 'class Facts: pass\nclass _Only: pass\n',
    'glusterfs/site.py': (
        'class Site:\n    class _Facts: pass\n'
        'from bad import plan as plan_module\n'
        'def late():\n    import bad.plan as plan_module\n'
        'import typing as ty\n'),
    'ibm/gpfs/driver.py': '\n',
    'plan.py': 'x = 1\n\ny = 2\n',
    'testing/lab.py': 'class Site: pass\nclass Lab: pass\n',
    'testing/rig/lab.py': 'class Lab: pass\n'}


@pytest.fixture
def bad(tmp_path):
    package = tmp_path / 'bad'
    for name, text in BAD.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


def test_names_of_several_classes(bad):
    assert measure.homonyms(bad) == {
        'Facts': ['glusterfs/site.py', 'vastdata/driver.py',
                  'vastdata/planning.py'],
        'Site': ['glusterfs/site.py', 'vastdata/driver.py']}
    assert measure.homonyms(bad, test_bed=True) == {
        'Lab': ['testing/lab.py', 'testing/rig/lab.py']}


def test_modules_under_other_names(bad):
    assert measure.aliases(bad) == ['glusterfs/site.py:3',
                                    'glusterfs/site.py:5']


def test_the_anatomy_of_drivers(bad):
    assert measure.anatomy(bad, 'vastdata') == {'driver', 'planning'}
    assert measure.anatomy(bad, 'glusterfs') == set()


def test_operations_that_show_their_plan(tmp_path):
    (tmp_path / 'vastdata').mkdir()
    (tmp_path / 'vastdata/access.py').write_text(
        'class Access:\n'
        '    def update(self, call):\n'
        '        facts = self.facts(call)\n'
        '        plan = planning.access(facts)\n'
        '        self.objects.run(plan)\n'
        '    def hidden(self, call):\n'
        '        self._planned_and_run(call)\n'
        '    def never_run(self, call):\n'
        '        return planning.access(self.facts(call))\n'
        '    def never_planned(self, call):\n'
        '        self.objects.run(call)\n'
        '    def _private(self): pass\n'
        'class _Private:\n'
        '    def public(self): pass\n')
    assert measure.operations(tmp_path, 'vastdata') == {
        'access.Access.update': True, 'access.Access.hidden': False,
        'access.Access.never_run': False,
        'access.Access.never_planned': False}


def test_lines_by_room(bad):
    assert measure.lines(bad) == {
        '.': 3, 'vastdata': 4, 'glusterfs': 6, 'ibm': 1, 'testing': 2,
        'testing/rig': 1}
    found = measure.texts(bad)
    assert found['lines'] == 17
    assert found['lines outside the test bed'] == 14
    assert found['lines of the longest module'] == 6


def test_a_bad_tree_exceeds_its_limits(bad):
    limits = {'homonyms': 1, 'aliases': 2, 'anatomy of vastdata': 3,
              'anatomy of glusterfs': 0, 'lines': 16}
    found = {name: number for name, number in measure.texts(bad).items()
             if name in limits}
    assert measure.exceeded(found, limits) == [
        'homonyms: 2, and not at most 1',
        'anatomy of vastdata: 2, and not at least 3',
        'lines: 17, and not at most 16']


def test_nothing_to_look_at_has_not_passed(tmp_path):
    found = measure.texts(tmp_path)
    assert measure.exceeded(found, dict.fromkeys(found, 1)) == [
        *(f'{name}: {number}, and not at least 1'
          if name.startswith(('anatomy', 'planned'))
          else f'{name}: there was nothing to look at'
          for name, number in found.items())]
    assert measure.exceeded({}, {'depth of vast': 9}) == [
        'depth of vast: was not measured']


def test_what_has_no_limit_is_told():
    assert measure.exceeded({'novel': 1}, {}) == ['novel: has no limit']


def test_every_limit_is_of_something_that_is_measured():
    found = measure.texts(scripts.ROOT / 'manila_drivers')
    ways = {f'{field} of {name}' for name in measure.DRIVERS
            for field in ('files', 'own', 'functions', 'calls', 'depth',
                          'parts')}
    assert set(measure.LIMITS) == set(found) | ways


@pytest.fixture
def walked(tmp_path, monkeypatch):
    """A package in which it is known what a call goes through."""
    package = tmp_path / 'walked'
    for name, text in {
            '__init__.py': '',
            'driver.py': (
                'import threading\n'
                'from walked.deep import plan\n'
                'from walked.testing import lab\n'
                'def update():\n'
                '    [plan.step(one) for one in (1, 2, 3)]\n'
                '    lab.answer()\n'
                '    thread = threading.Thread(target=plan.aside)\n'
                '    thread.start()\n'
                '    thread.join()\n'),
            'deep/__init__.py': '',
            'deep/plan.py': ('def step(one):\n'
                        '    return max((one,), key=lambda two: inner(two))\n'
                        'def inner(two):\n'
                        '    return two\n'
                        'def aside():\n'
                        '    inner(1)\n'),
            'testing/__init__.py': '',
            'testing/lab.py': ('from walked import other\n'
                               'def answer():\n'
                               '    other.simulated()\n'),
            'other.py': 'def simulated():\n    pass\n'}.items():
        path = package / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [name for name in sys.modules
                 if name.partition('.')[0] == 'walked']:
        del sys.modules[name]


def test_the_way_of_a_call(walked):
    driver = importlib.import_module('walked.driver')
    found = measure.way(driver.update, pathlib.Path(walked), 'deep')
    # update, step, the lambda, inner and, in its thread, aside.  What a
    # simulator calls is not the driver's.
    assert found == measure.Way(files=2, own=1, functions=5, calls=12, depth=4)


def test_a_measure_ends(walked):
    driver = importlib.import_module('walked.driver')
    monitored = sys.getprofile()
    measure.way(driver.update, walked)
    assert sys.getprofile() is None or sys.getprofile() is monitored
    assert threading.getprofile() is None


@pytest.mark.slow
def test_what_runs_is_measured():
    """One of the drivers, for all of them take seconds."""
    make = measure.labs()['vast']
    lab = make()
    found = measure.of_update_access(lab)
    assert 5 < found.files < 100
    assert found.files < found.functions <= found.calls
    assert 5 < found.depth < found.functions
    assert measure.parts_of(lab) <= set(measure.PARTS)
    assert 'shares' in measure.parts_of(lab)
    lab.close()
