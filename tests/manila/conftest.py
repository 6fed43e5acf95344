# SPDX-License-Identifier: Apache-2.0

"""Real Manilas for the tests, one process each."""

from collections.abc import Iterator
import dataclasses
import os
import pathlib
import subprocess
import time

import pytest

from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import show
from tests import patience
from tests.plugins import turns

BACKEND = 'vast'
HERE = pathlib.Path(__file__).parent
REPOSITORY = pathlib.Path(__file__).parents[2]

# Every release in every way that it can run, as far as anybody does that.
RUNS = [(release.name, threading)
        for release in releases.RELEASES.values()
        for threading in release.threading
        if (release.name, threading) != ('23.0', 'eventlet')]

# Names of releases, with commas between them: only these are started.
CHOICE = 'MANILA_DRIVERS_RELEASES'
# Where a slice is played, as `.ci/run` does, these files play one of the two
# releases by turn; `test_share_life.py` plays both.
ALTERNATING = frozenset({
    'test_generic.py', 'test_servers.py', 'test_ssh_drivers.py'})
ENDS = ('20.0', '23.0')


def pytest_collection_modifyitems(config: pytest.Config,
                                  items: list[pytest.Item]) -> None:
    """Leave the releases out that it is not the turn of."""
    out = [item for item in items if item.path.parent == HERE
           and not in_turn(item.path.name, release_of(item))]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def in_turn(file: str, release: str | None) -> bool:
    """Tell if tests of a file about a release are played in this run."""
    names = os.environ.get(CHOICE, '')
    part = turns.slice_of(os.environ.get('MANILA_DRIVERS_SLICE', ''))
    if names and release not in (None, *(
            releases.named(name).name for name in names.split(','))):
        return False
    return (part is None or file not in ALTERNATING or release not in ENDS
            or release == ENDS[part[0] % len(ENDS)])


def release_of(item: pytest.Item) -> str | None:
    """Name of the release that a test is about, if it is about one."""
    call = getattr(item, 'callspec', None)
    values = call.params if call is not None else {}
    for fixture in ('stage', 'landlord'):
        if fixture in values:
            return str(values[fixture][0])
    return values.get('company') or values.get('estates')


def drivers_of(request: pytest.FixtureRequest) -> set[str]:
    """Return the drivers that this run has tests of, for a fixture."""
    return {item.callspec.params['name'] for item in request.session.items
            if isinstance(item, pytest.Function)
            and hasattr(item, 'callspec')
            and request.fixturename in item.fixturenames}


@dataclasses.dataclass
class Stage:
    """A Manila with the VAST driver on a simulated cluster."""

    manila: process.Manila
    cluster: vast.Cluster

    def play(self) -> scene.Scene:
        """A scene whose steps pytest prints if the test fails."""
        screen = show.Screen()
        return scene.play(self.manila, kinds.vast_profile(BACKEND),
                          self.cluster, tell=screen.tell)


def awaited(output: pathlib.Path, what: str,
            process: 'subprocess.Popen[bytes] | None' = None) -> str:
    """Return what a process has written, as soon as it has written `what`."""
    end = time.monotonic() + patience.seconds(240)
    while what not in (text := output.read_text()):
        assert process is None or process.poll() is None, text
        assert time.monotonic() < end, text
        time.sleep(0.2)
    return text


@pytest.fixture(scope='session')
def place() -> environment.Environment:
    """Made if it is missing: a real Manila is what these tests are for."""
    return environment.provide()


@pytest.fixture(scope='module', params=RUNS, ids='-'.join)
def stage(request: pytest.FixtureRequest, place: environment.Environment,
          tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name, threading = request.param
    settings_of = tmp_path_factory.mktemp('manila')
    with vast.Cluster() as cluster:
        settings = config.Settings(settings_of, {BACKEND: cluster.options()})
        with process.Manila(place, releases.named(name), settings,
                            threading) as manila:
            yield Stage(manila, cluster)
