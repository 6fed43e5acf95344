# SPDX-License-Identifier: Apache-2.0

"""Tests get as many times their time as somebody says."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]

LIMITS = """
import pytest
from tests import ending

@pytest.fixture
def limit(request):
    return ending.limit(request.node)

def test_usual(limit):
    print(f'usual {limit:g}')

@pytest.mark.timeout(50)
def test_own(limit):
    print(f'own {limit:g}')

@pytest.mark.timeout(0)
def test_none(limit):
    print(f'none {limit:g}')

def test_grace():
    print(f'grace {ending.GRACE:g}')
"""
HANGS = """
import time

def test_it():
    time.sleep(600)
"""


def run(tmp_path, text, times, **more):
    (tmp_path / 'test_it.py').write_text(text)
    (tmp_path / 'pytest.ini').write_text('[pytest]\ntimeout = 2\n')
    return subprocess.run(
        [sys.executable, '-m', 'pytest', '-s', '-p', 'no:cacheprovider',
         '-p', 'tests.ending', '-p', 'tests.plugins.patience', tmp_path],
        capture_output=True, text=True, cwd=ROOT, check=False, **more,
        env={**os.environ, patience.VARIABLE: times}).stdout


@pytest.mark.parametrize(('times', 'usual', 'own', 'grace'), [
    ('', '2', '50', '120'), ('1', '2', '50', '120'),
    ('1.5', '3', '75', '180'), ('4', '8', '200', '480')])
def test_each_limit_is_multiplied(tmp_path, times, usual, own, grace):
    said = run(tmp_path, LIMITS, times)
    assert f'usual {usual}\n' in said
    assert f'own {own}\n' in said
    assert 'none 0\n' in said
    assert f'grace {grace}\n' in said


def test_what_hangs_ends_all_the_same(tmp_path):
    assert 'Timeout (>3.0s)' in run(tmp_path, HANGS, '1.5', timeout=300)


@pytest.mark.parametrize('text', ['0', '0.5', '101', 'much', 'nan', '-3'])
def test_what_is_no_number_of_times_is_refused(text):
    with pytest.raises(ValueError, match=f'={text} is no number from 1 to'):
        patience.factor(text)
