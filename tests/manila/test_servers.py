# SPDX-License-Identifier: Apache-2.0

"""Both modes of driver_handles_share_servers, in a real Manila.

The sample driver runs twice in one process: as a backend that makes share
servers, and as one that does not.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import pathlib

import pytest

from manila_drivers.testing.backends import sample
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import journal
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import servers
from manila_drivers.testing.manila import show
from tests.manila import conftest
from tests.manila.conftest import REPOSITORY

MODES = {'plain': False, 'serving': True}



def _share(play: scene.Scene, storage: sample.Cluster) -> str:
    life.make_type(play)
    return life.create(play)


def _fill(play: scene.Scene, storage: sample.Cluster) -> None:
    share = _share(play, storage)
    servers.fill(play, servers.of_share(play, share))


def _failure(play: scene.Scene, storage: sample.Cluster) -> None:
    life.make_type(play)
    servers.failure(play, storage)


# Drivers, chapters of `servers.whole`, and what they must end with.
BROKEN = 'tests.manila.broken_servers.'
CASES = [
    ('Forgetful', _failure,
     '^create a share whose server fails: Manila was told'),
    ('Untidy', _failure, '^delete the share and its server: left behind'),
    ('Deaf', _share, '^create a share of 1 GiB: share .* became error'),
    ('Cramped', _fill, 'the second share is on a server of its own')]


@dataclasses.dataclass
class Landlord:
    """A Manila with backends of both modes."""

    manila: process.Manila
    clusters: dict[str, sample.Cluster]

    def play(self, backend: str) -> scene.Scene:
        serves = MODES.get(backend, True)
        profile = scene.Profile(backend=backend, share_type=backend,
                                servers=serves)
        return scene.play(self.manila, profile, self.clusters[backend],
                          tell=show.Screen().tell)


@contextlib.contextmanager
def landlord_of(place: environment.Environment, work: pathlib.Path,
                release: str, threading: str, drivers: dict[str, str],
                ) -> Iterator[Landlord]:
    """Start a Manila with these backends: the driver's class by name."""
    with contextlib.ExitStack() as stack:
        clusters = {name: stack.enter_context(sample.Cluster())
                    for name in drivers}
        backends = {}
        for name, driver in drivers.items():
            backends[name] = clusters[name].options(driver)
            if MODES.get(name, True):
                backends[name] |= servers.OPTIONS
        settings = config.Settings(work, backends, extra=servers.NETWORKS)
        manila = stack.enter_context(process.Manila(
            place, releases.named(release), settings, threading,
            path=[REPOSITORY]))
        yield Landlord(manila, clusters)


@pytest.fixture(scope='module', ids='-'.join, params=[
    (release.name, release.threading[0])
    for release in releases.RELEASES.values()])
def landlord(request: pytest.FixtureRequest,
             place: environment.Environment,
             tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landlord]:
    with landlord_of(place, tmp_path_factory.mktemp('servers'),
                     *request.param,
                     dict.fromkeys(MODES, sample.DRIVER)) as made:
        yield made


def test_a_share_lives_without_share_servers(landlord: Landlord) -> None:
    play = landlord.play('plain')
    before = play.inventory()
    share = _share(play, landlord.clusters['plain'])
    life.allow(play, share, play.profile.cast.wide, 'ro')
    life.extend(play, share, 2)
    life.delete(play, share)
    life.audit(play, before)
    assert not landlord.clusters['plain'].servers()


def test_a_share_lives_on_a_share_server(landlord: Landlord) -> None:
    life.whole(landlord.play('serving'))


def test_share_servers_come_and_go(landlord: Landlord) -> None:
    servers.whole(landlord.play('serving'), landlord.clusters['serving'])
    ours = [line for line in landlord.manila.log().splitlines()
            if ' manila_drivers.' in line]
    assert [line for line in ours if 'setup_server' in line]
    assert not [line for line in ours if servers.LDAP['password'] in line]


@pytest.fixture(scope='module')
def slum(request: pytest.FixtureRequest, place: environment.Environment,
         tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landlord]:
    newest = releases.NEWEST
    with landlord_of(place, tmp_path_factory.mktemp('broken'), newest.name,
                     newest.threading[0],
                     {name: BROKEN + name
                      for name in sorted(conftest.drivers_of(request))}
                     ) as made:
        yield made


@pytest.mark.turns
@pytest.mark.parametrize(('name', 'scenario', 'diagnosis'), CASES,
                         ids=[name for name, _, _ in CASES])
def test_a_driver_that_is_wrong_about_servers_is_found(
        slum: Landlord, name: str,
        scenario: Callable[[scene.Scene, sample.Cluster], object],
        diagnosis: str) -> None:
    play = slum.play(name)
    with pytest.raises(journal.ScenarioFailure, match=diagnosis):
        scenario(play, slum.clusters[name])
