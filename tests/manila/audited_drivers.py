# SPDX-License-Identifier: Apache-2.0

"""A real Manila with many shares of one driver, and damage among them.

Manila makes two shares.  All others are copies of the first one, on the
simulated backend and in Manila's database.
"""

import collections
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import pathlib
import time
import types

from manila_drivers.audit import differences
from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import storage
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from tests.manila import audited
from tests.manila import between
from tests.manila import crowd
from tests.unit.audit import api_plants
from tests.unit.audit import by_hand
from tests.unit.audit import copies
from tests.unit.audit import generic_planted

#: Those that Manila has made itself.
OWN = 2
#: By the name of the damage.
Victims = dict[str, types.SimpleNamespace]
#: So many fit into a simulated backend.
ROOM = 5000


class Cloud(generic_planted.CloudPlace):
    """The cloud behind Manila, for damage that waits for it."""

    def __init__(self, cluster: openstack.CloudCluster) -> None:
        self.sim = cluster.sim
        [self.server] = [
            {'id': ident} for ident, one in
            self.sim.nova.store.servers.items()]
        #: What takes a minute elsewhere takes a second here.
        self.clock = types.SimpleNamespace(
            sleep=lambda seconds: time.sleep(seconds / 50))


@dataclasses.dataclass
class Company(audited.Audited):
    """A Manila with as many shares of one driver as one likes."""

    kind: str

    @property
    def place(self) -> object:
        """Return what damage is planted in."""
        return Cloud(self.cluster) if isinstance(
            self.cluster, openstack.CloudCluster) else \
            types.SimpleNamespace(kind=self.kind, cluster=self.cluster)

    def audit(self, *words: str, broken: str = '') -> audited.Outcome:
        """Run the command, and count commands in service instances as well.
        """
        machines = self.cluster.cloud.machines if isinstance(
            self.cluster, openstack.CloudCluster) else []
        marks = [len(machine.ran) for machine in machines]
        done = super().audit(*words, broken=broken)
        for machine, mark in zip(machines, marks, strict=True):
            done.storage += [str(cmd) for cmd in machine.ran[mark:]]
        return done

    def grow(self, count: int) -> None:
        """Have so many shares, on the backend and in Manila."""
        like, missing = self.shares[0], count - len(self.shares)
        if missing > 0:
            self.shares += audited.entered(self.scene, like, copies.of(
                self.cluster, like.id, like.locations, missing))

    def healthy(self, broken: str = '') -> collections.Counter[str]:
        """Audit, and return what the backend was asked for that.

        :raises AssertionError: something is said to be wrong, or Manila is
            asked more than its lists and the rules of each share.
        """
        done, count = self.audit(broken=broken), len(self.shares)
        assert (done.code, done.rows) == (0, []), done.told
        assert f'{count} shares recorded, {count} on the backend' in done.told
        assert done.asked == {**audited.LISTS, audited.RULES: count}, \
            f'Manila was asked: {done.asked}'
        assert done.storage
        return collections.Counter(done.storage)

    def hurt(self) -> Victims:
        """Plant all damage, a kind each on a share; return the victims."""
        plants = api_plants.of(self.kind)
        hurt = dict(zip(plants, self.shares[OWN + 1:], strict=False))
        assert len(hurt) == len(plants) >= 12
        sizes = api_plants.SIZES.get(self.kind, {})
        for name in api_plants.ordered(hurt):
            if name in sizes:
                crowd.resize(self.manila.settings.database, hurt[name].share,
                             sizes[name])
            else:
                plants[name].work(self.place, hurt[name])
        return hurt

    def expect(self, done: audited.Outcome, hurt: Victims,
               names: Iterable[str]) -> None:
        """Compare what was found with damage of these names.

        :raises AssertionError: one is missing, or something else is said.
        """
        plants = api_plants.of(self.kind)
        wanted = collections.Counter(
            kind for name in names for kind in plants[name].kinds)
        told = collections.Counter(one['Kind'] for one in done.rows)
        assert told == wanted, 'not found: %s; beyond: %s; %s%s' % (
            sorted(wanted - told), sorted(told - wanted), done.told, done.rows)
        for name in names:
            assert {one['Kind'] for one in done.rows
                    if one['Id'] == hurt[name].id} <= set(
                        plants[name].kinds), (name, done.rows)
        well = {share.id for share in self.shares} - {
            hurt[name].id for name in names}
        assert {one['Id'] for one in done.rows} & well == set(), done.rows
        blind = differences.NOT_SEEN in told
        assert done.code == (2 if blind else 1 if told else 0), done.code

    def end(self, hurt: Victims, names: Iterable[str]) -> None:
        """Do by hand what no repair does.

        What was lost on the backend is deleted in Manila, and all else is
        undone on the backend.
        """
        api = self.scene.client
        hands = by_hand.UNDONE[self.kind]
        lost = [hurt[name] for name in names if name not in hands]
        for name in names:
            if name in hands:
                hands[name](self.place, hurt[name])
        for share in lost:
            api.delete_share(share.share)
        for share in lost:
            api.wait_share_gone(share.share)
            self.shares.remove(share)


@contextlib.contextmanager
def company(kind: str, place: environment.Environment, release: str,
            work: pathlib.Path) -> Iterator[Company]:
    with kinds.KINDS[kind].cluster() as cluster:
        settings = config.Settings(work, {kind: {
            **cluster.options(), **_roomy(cluster)}},
            cluster.defaults(), cluster.sections())
        manila = process.Manila(place, releases.named(release), settings,
                                programs=cluster.programs)
        with audited.running(manila):
            play = scene.play(manila, kinds.KINDS[kind].profile(kind),
                              cluster, tell=lambda line: None)
            play.client.seconds = 240
            shares = audited.made(play, OWN, *api_plants.rule(kind))
            # From here on Manila asks the backend for nothing by itself.
            manila.stop()
            manila.settings = dataclasses.replace(settings, options={
                **settings.options, 'periodic_interval': 3600})
            manila.start(seconds=300)
            with between.Between(manila.endpoint) as door:
                yield Company(manila, cluster, door, play, shares, kind)


def _roomy(cluster: storage.Cluster) -> dict[str, object]:
    """Make room for many shares, and return options that say so."""
    if isinstance(cluster, gluster.Cluster):
        for number in range(100, 400):
            cluster.sim.make_volume(f'manila-volume-{number}',
                                    size=gluster.SIZE)
    elif isinstance(cluster, openstack.CloudCluster):
        generic_planted.roomy(cluster.sim)
        return {'generic_max_volumes_per_server': ROOM}
    return {}
