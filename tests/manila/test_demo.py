# SPDX-License-Identifier: Apache-2.0

"""The demonstration, as a user starts it."""

from collections.abc import Sequence
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import requests

from tests import patience
from tests.manila.conftest import awaited
from tests.manila.conftest import REPOSITORY

SAID = ('create a share of 1 GiB', 'open to nobody', r'create_share \(3 REST',
        'POST views', 'creating_from_snapshot', 'refused',
        'nothing left behind', 'shares ensured',
        r'\d+ steps, \d+ requests to the cluster', '^[^\x1b]*$')
COMMAND = (sys.executable, '-m', 'manila_drivers.testing.manila.demo')


def _environment() -> dict[str, str]:
    return {**os.environ, 'PYTHONPATH': str(REPOSITORY)}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], env=_environment(),
                          capture_output=True, text=True,
                          timeout=patience.seconds(300))


def test_it_fails_with_a_driver_that_is_wrong(tmp_path: pathlib.Path) -> None:
    done = _run('--driver', 'tests.manila.broken.Deaf',
                '--work', str(tmp_path))
    assert done.returncode == 1
    assert 'FAILED: allow ro to' in done.stdout
    assert 'Logs: %s' % (tmp_path / 'log') in done.stdout


def test_it_shows_a_life_is_kept_and_stopped(tmp_path: pathlib.Path) -> None:
    output = tmp_path / 'output'
    with output.open('wb') as out:
        demo = subprocess.Popen([*COMMAND, '--keep', '--work', str(tmp_path)],
                                env=_environment(), stdout=out, stderr=out)
    try:
        text = awaited(output, 'To stop it', demo)
        for said in SAID:
            assert re.search(said, text), said
        endpoint = re.findall(r'http://[\d.:]+/v2', text)[-1]
        assert _services(endpoint) == 200
        assert 'openstack --os-auth-type none --os-endpoint %s share list' % (
            endpoint) in text
    finally:
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(patience.seconds(60)) == 0
    assert _refused(endpoint)


def _services(endpoint: str) -> int:
    answer = requests.get(endpoint + '/services',
                          timeout=patience.seconds(30), headers={
        'X-Auth-Token': 'admin:demo',
        'X-OpenStack-Manila-API-Version': '2.80'})
    return answer.status_code


def _refused(endpoint: str) -> bool:
    try:
        _services(endpoint)
    except OSError:
        return True
    return False


@pytest.mark.turns
@pytest.mark.parametrize(('backend', 'said'), [
    ('gluster', 'volume set'), ('knfs', 'mmcrfileset'),
    ('generic', 'POST /volumes')])
def test_other_backends_have_a_life_too(backend: str, said: str) -> None:
    done = _run('--backend', backend)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (said, 'revert to the snapshot', 'nothing left behind',
                 'shares ensured'):
        assert text in done.stdout


def test_its_help_names_its_options() -> None:
    done = _run('--help')
    missing: Sequence[str] = [option for option in (
        '--release', '--keep', '--work', '--backend', '--driver')
        if option not in done.stdout]
    assert (done.returncode, missing) == (0, [])
