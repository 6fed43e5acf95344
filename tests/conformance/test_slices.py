# SPDX-License-Identifier: Apache-2.0

"""Test what a run plays of the random suites: all, a part, or a slice."""

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import vast


@pytest.mark.parametrize('text', ['0/5', '6/5', '5', '1/0', '-1/5', '2/5/1'])
def test_a_slice_that_makes_no_sense(text, monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_SLICE', text)
    with pytest.raises(ValueError, match='is not a slice such as 2/5'):
        running.chosen(range(10))


@hypothesis.given(st.integers(0, 200), st.integers(1, 40))
def test_slices_together_are_all_of_it_and_nothing_twice(number, slices):
    with pytest.MonkeyPatch.context() as patch:
        # A slice is the same on a laptop, where the scale is less.
        patch.setenv('MANILA_DRIVERS_SCALE', '0.1')
        played = []
        for one in range(1, slices + 1):
            patch.setenv('MANILA_DRIVERS_SLICE', f'{one}/{slices}')
            played += running.chosen(range(number))
    assert sorted(played) == list(range(number))


def test_slices_of_the_suites_are_all_cases_and_all_seeds(monkeypatch):
    make_lab = vast.VastLabs()
    known = sweep.references(make_lab, ['extend', 'delete snapshot'])
    monkeypatch.delenv('MANILA_DRIVERS_SLICE', raising=False)
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', '1')
    cases = running.sweep_cases(make_lab, known, tuple(known))
    every = running.chosen(cases), running.seeds()
    assert every == (cases, range(running.HISTORIES))
    assert len(cases) > 100
    sliced, seeds = [], []
    for one in range(1, 6):
        monkeypatch.setenv('MANILA_DRIVERS_SLICE', f'{one}/5')
        sliced += running.chosen(cases)
        seeds += running.seeds()
        assert len(running.seeds(first=7)) == running.HISTORIES / 5
    assert sorted(map(repr, sliced)) == sorted(map(repr, cases))
    assert sorted(seeds) == list(range(running.HISTORIES))


def test_a_scale_leaves_one_at_least(monkeypatch):
    monkeypatch.delenv('MANILA_DRIVERS_SLICE', raising=False)
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', '0.01')
    assert list(running.seeds(25, first=3)) == [3]
    assert len(running.seeds()) == 100


def test_a_run_of_nothing_proves_nothing(monkeypatch):
    """Four histories have no fifth slice."""
    monkeypatch.setenv('MANILA_DRIVERS_SLICE', '5/5')
    report = running.histories(vast.VastLabs(), 4)
    assert str(report).startswith(
        'access histories of vast, 5/5 of 4: 0 cases, 0 steps')
    with pytest.raises(verdict.Violation, match=r'nothing\.played'):
        report.verify()


def test_a_slice_is_played_and_told(monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_WORKERS', '1')
    monkeypatch.setenv('MANILA_DRIVERS_SLICE', '40/40')
    report = running.faults(vast.VastLabs(), ['extend'])
    report.verify()
    assert 0 < report.cases <= 1 + report.whole // 40
    assert str(report).startswith(
        f'fault sweep of vast, 40/40 of {report.whole}: {report.cases} cases')
