# SPDX-License-Identifier: Apache-2.0

"""Releases of Manila that take turns: each is played within a few runs."""

import pytest

from tests.manila import conftest

SLICES = [f'{number}/5' for number in range(1, 6)]


@pytest.fixture
def played(monkeypatch):
    def releases(file, part='', lived_in='19.1,20.0,23.0'):
        monkeypatch.setenv('MANILA_DRIVERS_SLICE', part)
        monkeypatch.setenv(conftest.CHOICE, lived_in)
        return {release for release in (
            '19.1', '20.0', '21.0', '22.0', '23.0', None)
            if conftest.in_turn(file, release)}
    return releases


def test_lives_are_played_on_the_oldest_and_the_newest_each_time(played):
    for part in ('', *SLICES):
        assert played('test_share_life.py', part) == {
            '19.1', '20.0', '23.0', None}


@pytest.mark.parametrize('file', sorted(conftest.ALTERNATING))
def test_what_costs_more_is_played_on_one_of_them_by_turn(played, file):
    parts = [played(file, part) for part in SLICES]
    assert {len(part & set(conftest.ENDS)) for part in parts} == {1}
    assert set().union(*parts) == {'19.1', '20.0', '23.0', None}
    assert all(part >= {'19.1', None} for part in parts)
    # Elsewhere all that are wanted are.
    assert played(file) == {'19.1', '20.0', '23.0', None}
    assert played(file, lived_in='') >= {'21.0', '22.0'}
