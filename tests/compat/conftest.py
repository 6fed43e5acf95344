# SPDX-License-Identifier: Apache-2.0

"""The real releases, unpacked side by side."""

from collections.abc import Mapping
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import releases

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

RELEASES = ('19.1.1', '20.0.3', '21.0.3', '22.0.2', '23.0.1')


def missing(what: str) -> Any:
    """Skip on a desk, fail where results count."""
    if os.environ.get('CI', '').lower() in ('1', 'true'):
        pytest.fail(what)
    pytest.skip(what)


def wheels() -> pathlib.Path:
    place = (os.environ.get('MANILA_DRIVERS_WHEELS')
             or ROOT / '.tox' / 'manila-wheels')
    return pathlib.Path(place)


def unpacked(release: str) -> pathlib.Path:
    """Directory of a release, fetched with pip if it is not there.

    It appears there as a whole, so that a run that is killed while it
    unpacks leaves no half of one.
    """
    place = environment.Environment(
        pathlib.Path(sys.executable), wheels(), installed='')
    try:
        [path] = place.path(releases.named(release))
    except environment.EnvironmentFailure as failure:
        missing(f'manila {release} could not be fetched: {failure}')
    return pathlib.Path(path)


def run(module: str, release: str = '', **env: str) -> str:
    """Output of a module run beside a release, or beside none."""
    path = [str(ROOT)]
    if release:
        path.insert(0, str(unpacked(release)))
    else:
        env['MANILA_DRIVERS_STANDALONE'] = '1'
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-m', module],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(path), **env})
    if done.returncode and "No module named 'oslo_db'" in done.stderr:
        missing('the dependencies of Manila are not installed here')
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope='session')
def described() -> Mapping[str, Any]:
    """Description of each release and, as '', of the stand-alone half."""
    return {release: json.loads(run('tests.compat.describe', release))
            for release in (*RELEASES, '')}


@pytest.fixture(scope='session', params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)
