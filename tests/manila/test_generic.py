# SPDX-License-Identifier: Apache-2.0

"""The Generic driver lives in a real Manila, on a simulated cloud.

The driver asks the cloud over HTTPS and logs in to its virtual machines over
SSH.  The oldest and the newest release try all that it can do, each in a
Manila of its own, since a manila.conf names one cloud: a server for all
shares with NFS and with CIFS, and servers that the driver makes.  In trouble,
and without shares on servers, they live by turn.
"""

from collections.abc import Callable
from collections.abc import Iterator
from concurrent import futures
import contextlib
import itertools
import pathlib

import pytest

from manila_drivers.testing.backends import openstack
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import instances
from manila_drivers.testing.manila import journal
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import show
from tests.manila.conftest import ENDS
from tests.manila.conftest import REPOSITORY

# Round trips that a call may take, whatever the rules and with nothing wrong
# before; the cloud is asked again until a volume is there.
BUDGET = {'create_share': 16, 'update_access': 2, 'create_snapshot': 12,
          'delete_snapshot': 5, 'create_share_from_snapshot': 5,
          'ensure_shares': 2, 'extend_share': 10, 'shrink_share': 8}
ALL = ('generic', 'generic-cifs', 'generic-servers')


class Estate:
    """One cloud, and a Manila that makes shares in it."""

    def __init__(self, place: environment.Environment, release: str,
                 name: str, work: pathlib.Path, stack: contextlib.ExitStack,
                 driver: str = openstack.DRIVER) -> None:
        self.name = name
        self.kind = kinds.KINDS[name]
        cluster = self.kind.cluster()
        assert isinstance(cluster, openstack.CloudCluster)
        self.cloud = stack.enter_context(cluster)
        settings = config.Settings(
            work, {name: self.cloud.options(driver)},
            self.cloud.defaults(), self.cloud.sections())
        self.manila = stack.enter_context(process.Manila(
            place, releases.named(release), settings, path=[REPOSITORY]))

    def play(self) -> scene.Scene:
        play = scene.play(self.manila, self.kind.profile(self.name),
                          self.cloud, tell=show.Screen().tell)
        # Several Manilas on one machine keep each other waiting.
        play.client.poll, play.client.seconds = 0.4, 90.0
        return play

    def leaks(self) -> list[str]:
        """Secrets in the logs of everything so far."""
        return ['%s: %s' % (file.name, what)
                for file in sorted(self.manila.settings.logs.iterdir())
                for what, secret in self.cloud.secrets().items()
                if secret in file.read_text(errors='replace')]


Estates = dict[str, Estate]


@pytest.fixture(scope='module', params=list(releases.RELEASES))
def estates(request: pytest.FixtureRequest, place: environment.Environment,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estates]:
    names = ALL if request.param in ENDS else ALL[:1]
    with contextlib.ExitStack() as stack:
        yield {name: Estate(place, request.param, name,
                            tmp_path_factory.mktemp(name), stack)
               for name in names}


@pytest.fixture(autouse=True)
def _story_on_failure(request: pytest.FixtureRequest) -> None:
    """Say where the logs are; pytest shows it for a test that fails."""
    if 'estates' in request.fixturenames:
        for estate in request.getfixturevalue('estates').values():
            print('Logs: %s' % estate.manila.settings.logs)


def over_budget(play: scene.Scene) -> list[str]:
    """Calls with too many round trips, up to the first trouble."""
    steps = itertools.takewhile(
        lambda step: not step.title.startswith('storage off'),
        play.journal.steps)
    return ['%s: %s' % (call.method, call.trips)
            for step in steps for call in step.calls
            if call.requests > BUDGET.get(call.method, call.requests)]


def test_shares_live(estates: Estates) -> None:
    plays = {name: each.play() for name, each in estates.items()}
    with futures.ThreadPoolExecutor(len(plays)) as threads:
        list(threads.map(life.whole, plays.values()))
    for name, play in plays.items():
        assert over_budget(play) == [], name
        seen = {call.method for step in play.journal.steps
                for call in step.calls}
        assert seen >= set(BUDGET) - {'ensure_shares'} | {
            'revert_to_snapshot', 'get_share_status', 'delete_share'}, name
        assert ('manage_existing' in seen) == play.profile.manages, name
    # Once for the server, whatever has been done on it.
    for name, each in estates.items():
        assert each.cloud.doors.logins == 1, name


@pytest.mark.parametrize('estates', ENDS, indirect=True)
def test_share_servers_come_and_go(estates: Estates) -> None:
    estate = estates['generic-servers']
    instances.whole(estate.play())


@pytest.mark.parametrize('estates', ENDS, indirect=True)
def test_shares_outlive_trouble(estates: Estates) -> None:
    play = estates['generic'].play()
    outage.whole(play)
    assert over_budget(play) == []
    assert 'ensure_shares' in {call.method for step in play.journal.steps
                               for call in step.calls}


def test_no_secret_in_any_log(estates: Estates) -> None:
    """Last, so that the logs hold all that the others have caused."""
    for name, each in estates.items():
        assert 'create_share done' in each.manila.log(), name
        assert each.leaks() == [], name


def test_the_search_for_secrets_finds_them(estates: Estates) -> None:
    estate = estates['generic']
    (estate.manila.settings.logs / 'loose.log').write_text(
        'DEBUG %s' % estate.cloud.secrets().values())
    assert estate.leaks() == ['loose.log: %s' % what
                              for what in estate.cloud.secrets()]


# Drivers that are wrong in one way each, on which cloud, chapters that find
# it, and what they must end with.
def _shared(play: scene.Scene, cloud: openstack.CloudCluster) -> None:
    life.make_type(play)
    life.delete(play, life.create(play))
    life.audit(play, frozenset())


def _served(play: scene.Scene, cloud: openstack.CloudCluster) -> None:
    life.make_type(play)
    instances.failure(play, cloud)


BROKEN = 'tests.manila.broken_generic.'
CASES = [
    ('Hoarder', 'generic', _shared, 'left behind: volume volume'),
    ('Forgetful', 'generic-servers', _served, 'Manila was told .* not of'),
    ('Untidy', 'generic-servers', _served,
     '^delete the share and its server: .*left behind')]


@pytest.mark.turns
@pytest.mark.parametrize(('driver', 'name', 'scenario', 'diagnosis'), CASES,
                         ids=[case[0] for case in CASES])
def test_a_driver_that_is_wrong_is_found(
        place: environment.Environment, tmp_path: pathlib.Path, driver: str,
        name: str,
        scenario: Callable[[scene.Scene, openstack.CloudCluster], object],
        diagnosis: str) -> None:
    with contextlib.ExitStack() as stack:
        estate = Estate(place, releases.NEWEST.name, name, tmp_path, stack,
                        BROKEN + driver)
        with pytest.raises(journal.ScenarioFailure, match=diagnosis):
            scenario(estate.play(), estate.cloud)
