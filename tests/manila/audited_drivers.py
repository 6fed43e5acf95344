# SPDX-License-Identifier: Apache-2.0

"""A real Manila with many shares of one driver, and damage among them.

Manila makes two shares, each on a share server of its own where there are
any.  All others are copies of these, on the simulated backend and in Manila's
database.
"""

import collections
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import itertools
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
from tests.unit.audit import parts_planted
from tests.unit.audit import planted

#: Those that Manila has made itself.
OWN = 2
#: By the name of the damage.
Victims = dict[str, types.SimpleNamespace]
#: So many fit into a simulated backend.
ROOM = 5000


class Cloud(generic_planted.CloudPlace):
    """The cloud behind Manila, for damage to a share that waits for it."""

    def __init__(self, cluster: openstack.CloudCluster, host: str,
                 share: types.SimpleNamespace) -> None:
        self.cluster, self.sim, self.host = cluster, cluster.sim, host
        self.server = {'id': next(
            one.attached[0].server_id for one in self.store.volumes.values()
            if one.metadata.get('manila_share_instance_id') == share.id
            and one.attached)}
        #: What takes a minute elsewhere takes a second here.
        self.clock = types.SimpleNamespace(
            sleep=lambda seconds: time.sleep(seconds / 50))


@dataclasses.dataclass
class Company(audited.Audited):
    """A Manila with as many shares of one driver as one likes."""

    kind: str

    @property
    def base(self) -> str:
        """Return the kind of the backend, with share servers or without."""
        return self.kind.partition('-')[0]

    @property
    def plants(self) -> dict[str, planted.Plant]:
        """Return the kinds of damage, by their names."""
        return api_plants.of(self.base) | (
            SERVED if self.scene.profile.servers else {})

    def place(self, share: types.SimpleNamespace) -> object:
        """Return what damage to a share is planted in."""
        return Cloud(self.cluster, self.scene.host, share) if isinstance(
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
        missing = count - len(self.shares)
        if missing <= 0:
            return
        likes = self.shares[:OWN if self.scene.profile.servers else 1]
        entered = [audited.entered(self.scene, like, copies.of(
            self.cluster, like.id, like.locations,
            (missing + number) // len(likes)))
            for number, like in enumerate(likes)]
        self.shares += [share for several in itertools.zip_longest(*entered)
                        for share in several if share is not None]

    def healthy(self, broken: str = '') -> collections.Counter[str]:
        """Audit, and return what the backend was asked for that.

        :raises AssertionError: something is said to be wrong, or Manila is
            asked more than its lists and the rules of each share.
        """
        done, count = self.audit(broken=broken), len(self.shares)
        assert (done.code, done.rows) == (0, []), done.told
        assert f'{count} shares recorded, {count} on the backend' in done.told
        servers = {path for path in done.asked if path.startswith(
            '/share-servers/')}
        assert len(servers) == (OWN if self.scene.profile.servers else 0)
        assert done.asked == {**audited.LISTS, audited.RULES: count,
                              **self._of_servers(servers)}, \
            f'Manila was asked: {done.asked}'
        assert done.storage
        return collections.Counter(done.storage)

    @staticmethod
    def _of_servers(paths: Iterable[str]) -> dict[str, int]:
        """Return what Manila is asked of share servers."""
        asked = dict.fromkeys(paths, 1)
        return {**asked, '/share-servers': 2} if asked else {}

    def hurt(self) -> Victims:
        """Plant all damage, a kind each on a share; return the victims."""
        plants = self.plants
        hurt = dict(zip(plants, self.shares[OWN + 1:], strict=False))
        assert len(hurt) == len(plants) >= 12
        sizes = api_plants.SIZES.get(self.base, {})
        for name in api_plants.ordered(hurt):
            if name in sizes:
                crowd.resize(self.manila.settings.database, hurt[name].share,
                             sizes[name])
            else:
                plants[name].work(self.place(hurt[name]), hurt[name])
        return hurt

    def expect(self, done: audited.Outcome, hurt: Victims,
               names: Iterable[str]) -> None:
        """Compare what was found with damage of these names.

        :raises AssertionError: one is missing, or something else is said.
        """
        plants = self.plants
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
        hands = {**by_hand.UNDONE[self.base], **parts_planted.UNDONE}
        lost = [hurt[name] for name in names if name not in hands]
        assert all(differences.LOST_SHARE in self.plants[name].kinds
                   for name in names if name not in hands), names
        for name in names:
            if name in hands:
                hands[name](self.place(hurt[name]), hurt[name])
        for share in lost:
            api.delete_share(share.share)
        for share in lost:
            api.wait_share_gone(share.share)
            self.shares.remove(share)


def orphan_on_server(place: Cloud, share: types.SimpleNamespace) -> None:
    """Make a share that is served, and of which Manila knows nothing."""
    copies.of(place.cluster, share.id, share.locations, 1)


#: Damage that is told of shares on share servers.
SERVED = {'orphan that is served': planted.Plant(
    orphan_on_server, (differences.ORPHAN_SHARE,), mended=False),
    **parts_planted.PLANTS}


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
            networks = [play.new_network('one'), play.new_network('two')] \
                if play.profile.servers else ['']
            shares = audited.made(play, OWN, *api_plants.rule(kind), networks)
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
