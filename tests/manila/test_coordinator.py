# SPDX-License-Identifier: Apache-2.0

"""Locks inside Manila, with a real coordinator that comes and goes."""

import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests import needs
from tests import patience

REPOSITORY = pathlib.Path(__file__).parents[2]
OPTION = 'Check: [coordination] backend_url'


@pytest.fixture(scope='module')
def told():
    if shutil.which('redis-server') is None:
        needs.missing('redis-server is not installed')
    if importlib.util.find_spec('redis') is None:
        needs.missing('the client of Redis for Python is not installed')
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-m', 'tests.manila.coordinated'],
        cwd=REPOSITORY, check=True,
        timeout=patience.seconds(100), stdout=subprocess.PIPE)
    return json.loads(done.stdout)


@pytest.mark.parametrize('moment', ['down', 'frozen', 'gone'])
def test_without_it_nothing_is_done(told, moment):
    answer, seconds = told[moment]
    assert answer.startswith('Unreachable: The coordinator did not give lock')
    assert OPTION in answer
    # The time to wait, and to answer.
    assert seconds < 10


def test_the_password_is_never_told(told):
    assert 'open-sesame' not in json.dumps(told)


@pytest.mark.parametrize('moment', ['thawed', 'thawed again', 'back'])
def test_locks_are_free_when_it_is_back(told, moment):
    assert told[moment] == 'held'


def test_a_lock_that_is_kept_is_not_worth_a_word(told):
    assert told['up'] == 'held'
    assert told['kept'][0] == []


@pytest.mark.parametrize(('moment', 'text'), [
    ('lost', 'has given lock one away while it was held'),
    ('frozen meanwhile', 'Lock one could not be given back'),
    ('gone meanwhile', 'Lock one could not be given back')])
def test_losing_it_meanwhile_is_told_and_hangs_nothing(told, moment, text):
    lines, seconds = told[moment]
    assert len(lines) == 1
    assert text in lines[0]
    assert OPTION in lines[0] or '[coordination] backend_url' in lines[0]
    assert seconds < 10


def test_a_forked_process_has_a_coordinator_of_its_own(told):
    """Manila starts its before it forks, and the heartbeat stays behind."""
    assert told['child while held'][0][0].startswith('Busy: ')
    assert told['child'][0] == 'held'
    assert told['child'][1] == 1
