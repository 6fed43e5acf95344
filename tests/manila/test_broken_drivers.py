# SPDX-License-Identifier: Apache-2.0

"""The scenarios notice what is wrong with a driver.

All of the broken ones run side by side in one Manila, each on a simulated
cluster of its own: of VAST, GlusterFS or Storage Scale.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import pathlib
import re

import pytest

from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import copies
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import journal
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from tests.manila import conftest
from tests.manila.conftest import REPOSITORY

# For what never comes.
PATIENCE = 10


def _access(play: scene.Scene) -> None:
    life.make_type(play)
    life.access(play, life.create(play))


def _resize(play: scene.Scene) -> None:
    life.make_type(play)
    life.resize(play, life.create(play))


def _copies(play: scene.Scene) -> None:
    life.make_type(play)
    copies.snapshots(play, life.create(play))


def _adoption(play: scene.Scene) -> None:
    life.make_type(play)
    copies.adoption(play, life.create(play))


def _end(play: scene.Scene) -> None:
    life.make_type(play)
    before = play.inventory()
    life.delete(play, life.create(play))
    life.audit(play, before)


def _ensured(play: scene.Scene) -> None:
    life.make_type(play)
    share = life.create(play)
    play.client.seconds = PATIENCE
    outage.ensure_by_api(play, share)


def _changed(play: scene.Scene) -> None:
    life.make_type(play)
    outage.ensure_after_change(outage.Part(play, life.create(play)))


def _outage(play: scene.Scene) -> None:
    life.make_type(play)
    share = life.create(play)
    play.client.seconds = PATIENCE
    outage.breakdown(outage.Part(play, share))


# Driver, part of the scenarios (`life.whole` and `outage.whole` have them
# all), and what it must end with.
CASES = [
    ('BornOpen', _access, '^create a share .* 203.0.113.5 has access rw'),
    ('CloneOpen', _copies, '^create a share from .* has access rw'),
    ('Deaf', _access, '^allow ro .* has access None .* give ro'),
    ('Generous', _access, '^allow ro .* has access rw .* give ro'),
    ('Stubborn', _access, '^change .* has access rw .* give ro'),
    ('Clinging', _access, '^deny .* has access rw .* give None'),
    ('Offended', _access, '^allow user .* has access None .* give ro'),
    ('Careless', _resize, '^shrink to 1 GiB, less .* 1 GiB, not 2'),
    ('Stingy', _resize, '^extend to 3 GiB: storage limits'),
    ('Leaky', _end, '^compare .* left behind: directory'),
    ('Destroyer', _adoption, '^unmanage the snapshot: destroyed'),
    ('Forgetful', _ensured, '^ensure shares.* waited 10 s for share'),
    ('Secretive', _changed, '^restart with .* ensure was skipped'),
    ('Naive', _outage, '^storage off: restart .* for the driver to refuse'),
    ('Optimist', _outage, '^storage off: extend: waited 10 s'),
]

# The same for drivers of which there is more to see, by what they run on.
# Those of GlusterFS share the programs of one Manila host, so that none of
# them may get as far as emptying a volume.
MORE = {
    'ces': [('Reluctant', _copies, '^revert to the snapshot: it holds')],
    'knfs': [('HalfWay', _access, '^allow ro .* has access .*None')],
    'gluster': [
        ('Blank', _copies, '^create a share from .* holds 0 bytes'),
        ('Sticky', _access, '^deny tenant-a.* has access rw .* give None'),
        ('Hoarder', _end, '^compare .* left behind: owner')]}
KINDS = {**{name: 'vast' for name, _, _ in CASES}, 'Talkative': 'vast',
         **{case[0]: kind for kind, cases in MORE.items() for case in cases}}
CASES += [case for cases in MORE.values() for case in cases]


@dataclasses.dataclass
class Hospital:
    manila: process.Manila
    clusters: dict[str, storage.Cluster]

    def play(self, name: str) -> scene.Scene:
        profile = kinds.KINDS[KINDS[name]].profile(name)
        return scene.play(self.manila, profile, self.clusters[name])


def _driver(name: str) -> str:
    room = 'broken' if KINDS.get(name, 'vast') == 'vast' else 'broken_ssh'
    return 'tests.manila.%s.%s' % (room, name)


@pytest.fixture(scope='module')
def hospital(request: pytest.FixtureRequest, place: environment.Environment,
             tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    wanted = {'Talkative', *conftest.drivers_of(request)}
    with contextlib.ExitStack() as stack:
        clusters = {name: stack.enter_context(kinds.KINDS[kind].cluster())
                    for name, kind in KINDS.items() if name in wanted}
        # So many backends ask for statistics all the time.
        defaults: dict[str, object] = {'periodic_interval': 2}
        programs: list[pathlib.Path] = []
        for cluster in clusters.values():
            defaults |= cluster.defaults()
            programs += cluster.programs
        settings = config.Settings(
            tmp_path_factory.mktemp('broken'),
            {name: cluster.options(_driver(name))
             for name, cluster in clusters.items()}, defaults)
        manila = stack.enter_context(process.Manila(
            place, releases.NEWEST, settings, path=[REPOSITORY],
            programs=programs))
        yield Hospital(manila, clusters)


@pytest.mark.turns
@pytest.mark.parametrize(('name', 'scenario', 'diagnosis'), CASES,
                         ids=[case[0] for case in CASES])
def test_a_broken_driver_is_found(
        hospital: Hospital, name: str,
        scenario: Callable[[scene.Scene], None], diagnosis: str) -> None:
    play = hospital.play(name)
    with pytest.raises(journal.ScenarioFailure) as failure:
        scenario(play)
    assert re.search(diagnosis, str(failure.value)), failure.value
    assert play.journal.steps[-1].failure


def test_a_password_in_the_log_is_found(hospital: Hospital) -> None:
    cluster = hospital.clusters['Talkative']
    assert isinstance(cluster, vast.Cluster)
    password = cluster.sim.password
    assert password in hospital.manila.log()


def test_a_driver_that_dies_is_named(
        place: environment.Environment,
        tmp_path_factory: pytest.TempPathFactory) -> None:
    with vast.Cluster() as cluster:
        manila = process.Manila(
            place, releases.NEWEST, config.Settings(
                tmp_path_factory.mktemp('fatal'),
                {'sick': cluster.options(_driver('Fatal'))}),
            path=[REPOSITORY])
        with pytest.raises(process.ManilaFailure,
                           match='sick: RuntimeError: no statistics today'):
            manila.start()
        assert not manila.running
