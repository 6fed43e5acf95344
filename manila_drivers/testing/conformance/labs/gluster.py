# SPDX-License-Identifier: Apache-2.0

"""The GlusterFS driver on the GlusterFS simulator."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import functools
import random
from typing import Any

from manila_drivers import access
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.glusterfs import paths
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.labs import simulated
from manila_drivers.testing.conformance.labs import site
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators.gluster import state
from manila_drivers.testing.simulators.gluster.sim import INFRASTRUCTURE
from manila_drivers.transport import command

PASSWORD = 'secret-of-the-gluster-lab'  # noqa: S105 (there is no such host)
SECTION = 'gluster'
SERVER = 'gluster-1'

# The ones that a cluster's answers and a connection can suffer.
STRUCK: Mapping[str, Mapping[str, Any]] = {
    'refused': {'kind': 'refused'},
    'reset before': {'kind': 'reset_before'},
    'reset after': {'kind': 'reset_after'},
    'timeout before': {'kind': 'timeout_before'},
    'timeout after': {'kind': 'timeout_after'},
    'failed before': {'kind': 'status', 'code': 30800, 'before': True},
    'failed after': {'kind': 'status', 'code': 30800, 'before': False},
    'locked': {'kind': 'status', 'code': 30802, 'before': True},
    'locked by a peer': {
        'kind': 'status', 'code': 30800, 'before': True, 'body':
            'Locking failed on 192.0.2.3. Please check log file for '
            'details.'},
    'peer down': {'kind': 'status', 'code': 30804, 'before': True},
    'daemon down': {'kind': 'status', 'code': 1, 'before': True},
    'truncated': {'kind': 'truncated'},
    'empty before': {'kind': 'empty', 'before': True},
    'empty after': {'kind': 'empty', 'before': False}}

#: What is left of a volume when its share has gone.
UNUSED = {'mark': '', 'wiping': False, 'claims': [], 'tls': True,
          'allow': INFRASTRUCTURE, 'status': 1, 'limit': None,
          'read_only': False, 'files': {}}

RW_ONLY = lab.Features(
    proto='GLUSTERFS', revert=True, parts=True,
    access=lab.Access(types=frozenset({'cert'}), levels=frozenset({'rw'})))
BOTH_LEVELS = lab.Features(
    proto='GLUSTERFS', revert=True, parts=True,
    access=lab.Access(types=frozenset({'cert'})))


class _Seamed:
    """Run commands, with the seam around each of them."""

    def __init__(self, inner: client.CommandRunner,
                 process: seam.Process) -> None:
        self._inner = inner
        self._process = process

    def run(self, cmd: command.Command) -> command.Result:
        return self._process.call(functools.partial(self._inner.run, cmd))


class Site(site.Site):
    """Hold what the driver of these labs is told."""

    section = SECTION
    values = {
        'glusterfs_servers': SERVER,
        'glusterfs_volume_pattern': r'pool-#{size}G-\d+$',
        'glusterfs_server_password': PASSWORD, 'glusterfs_quota': True}


class GlusterLab(simulated.StruckLab[Site]):
    """One simulated cluster with a pool of volumes.

    Rules for read/write alone: those for reading are honoured only where
    there are no others, which ``LevelsLab`` is for.  Everybody who could
    ever mount an export holds that mount, so that access which was taken
    away and still works counts as access.

    :param site: configuration shared with other labs.
    """

    name = 'gluster'
    features = RW_ONLY
    budgets = lab.Budgets(
        create=17, delete=19, update_access=3, update_access_unchanged=1,
        ensure_1000=1, stats=1, resize=3)
    sim: gluster.GlusterSim
    struck = STRUCK
    faults = tuple(lab.Fault(name) for name in STRUCK)
    secrets = (PASSWORD,)
    #: Volumes there are for shares.
    pool = 24
    driver_class = glusterfs_native.GlusterfsNativeShareDriver
    make_site = Site
    make_storage = site.Memory

    def __init__(self, site: Site | None = None, **options: object) -> None:
        super().__init__(site, options)
        self.sim = gluster.GlusterSim(self.clock, server=SERVER)
        self.host = gluster.ManilaHost({SERVER: self.sim}, self.clock,
                                       self.clock.sleep)
        # One count for both, whoever a command is for.
        self.host.faults = self.sim.faults
        self.storage = type(self).make_storage()
        self._held: dict[tuple[str, str], gluster.Mount] = {}
        self._pool = {f'pool-10G-{number:02d}'
                      for number in range(type(self).pool)}
        self._away = ''
        for name in sorted(self._pool):
            self.sim.make_volume(name, bricks=2)

    # What every lab has to tell

    def wiring(self) -> dict[str, Any]:
        process = seam.Process(self.seam)

        def transport(address: paths.ServerAddress | None) -> _Seamed:
            return _Seamed(self.host.transport(address), process)
        return {'private_storage': self.storage, 'transport': transport,
                'sleep': self.clock.sleep}

    def records(self) -> dict[lab.Item, Any]:
        """Volumes as tenants and operators see them.

        What is only remembered on a free volume of the pool, such as that
        its bricks run with TLS, is no difference; nor is which of those that
        are alike has become a share.
        """
        found: dict[lab.Item, Any] = {}
        free = 0
        with self.sim.lock:
            for volume in self.sim.state.volumes.values():
                described = self._described(volume)
                alike = volume.name in self._pool
                if alike and described == UNUSED:
                    free += 1
                elif alike and described['mark']:
                    found['volume', 'of ' + described['mark']] = described
                elif described != UNUSED or volume.name.startswith('pool-'):
                    # A managed volume stays, empty and open to nobody.
                    found['volume', volume.name] = described
            found['volumes', 'free'] = free
            for snapshot in self.sim.state.snapshots.values():
                found['snapshot', snapshot.name] = {
                    'origin': snapshot.origin, 'active': snapshot.active,
                    'files': dict(snapshot.files)}
        for place, source in self.host.mounted.items():
            found['mount', place] = source
        return found

    @staticmethod
    def _described(volume: Any) -> dict[str, Any]:
        def user(option: str) -> str:
            value = volume.options.get(option, 'NONE')
            return '' if value == 'NONE' else value
        return {
            'mark': user('user.manila-share'),
            # That a volume was let go says no more than that it is taken.
            'wiping': user('user.manila-state') == 'wiping',
            'claims': sorted(filter(None, (
                user(option) for option in volume.options
                if option.startswith('user.manila-claim-')))),
            'allow': volume.allow, 'tls': volume.tls,
            'status': volume.status, 'limit': volume.limit,
            'read_only': state.is_on(
                volume.options.get('features.read-only')),
            'files': dict(volume.files)}

    def effective(self, export: str, client: str) -> lab.Level:
        name = export.rpartition(':/')[2]
        can = self.sim.can_mount(client, name)
        held = self._held.get((name, client))
        if can is not None and (held is None or not held.alive):
            held = self.sim.mount(client, name)
            assert held is not None
            self._held[name, client] = held
        still = self.sim.held(held) if held is not None else None
        return can or still

    def write(self, export: str, size: int) -> None:
        self.sim.write(export.rpartition(':/')[2], '/directory/file', size)

    def part_away(self, export: str) -> None:
        name = export.rpartition(':/')[2]
        for brick in self._pool_bricks(name):
            self.sim.brick_down(brick)
            if not self.content(export):
                self._away = brick
                return
            self.sim.brick_up(brick)

    def _pool_bricks(self, name: str) -> list[str]:
        found = self.sim.volume(name)
        assert found is not None
        return found.bricks

    def part_back(self) -> None:
        self.sim.brick_up(self._away)

    def content(self, export: str) -> int:
        found = self.sim.volume(export.rpartition(':/')[2])
        return found.used if found is not None else 0

    def may_conflict(self, rule: access.Rule,
                     rules: Sequence[access.Rule]) -> bool:
        """Reading alone is for everybody or for nobody."""
        return rule.level == access.RO and any(
            other.level == access.RW for other in rules)

    # What makes more of the suites run

    def plant_strangers(self, ids: Sequence[str] = ()) -> None:
        """Look-alikes of the shares with these ids, and plain others."""
        sim = self.sim
        sim.make_foreign()
        other = '9d1ae5c4-7c8b-4f5e-9d1e-0a7a5f6b1c2d'
        sim.make_volume('pool-10G-0', files={'/data': 7},
                        allow=INFRASTRUCTURE + ',their-tenant',
                        user__manila_share=other)
        sim.make_volume('pool-10G-000', user__manila_share='somebody')
        sim.make_volume('pool-10G-0000', allow='*')
        sim.make_volume('pool-10G-00000', allow=None)
        sim.make_volume('pool-10G-000000', user__manila_share=other,
                        user__manila_state='unmanaged', files={'/kept': 8})
        for ident in ids:
            for name in (f'manila-{ident}-1', f'manila-{ident[:-1]}',
                         f'x-{ident}'):
                sim.make_volume(name, files={'/precious': 9},
                                user__manila_share=ident + '-1')
                sim.gluster('snapshot', 'create', name + '-s', name,
                            'no-timestamp')
            sim.gluster('snapshot', 'create', f'manila-{ident}_other',
                        'of-others', 'no-timestamp')

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._open_to_all, self._add_a_stranger, self._lose_names,
                self._lose_everything, self._switch_read_only]

    def _set(self, export: str, **options: str) -> None:
        name = export.rpartition(':/')[2]
        if name in self.sim.state.volumes:
            self.sim.change(name, **options)

    def _open_to_all(self, export: str, choice: random.Random) -> None:
        entry = choice.choice(['*', 'a*,alice0', '[a-z]*'])
        self._set(export, auth__ssl_allow=(
            INFRASTRUCTURE + ',' + entry))

    def _add_a_stranger(self, export: str, choice: random.Random) -> None:
        self._set(export, auth__ssl_allow=(
            INFRASTRUCTURE + ',nobody.example.org'))

    def _lose_names(self, export: str, choice: random.Random) -> None:
        self._set(export, auth__ssl_allow=INFRASTRUCTURE)

    def _lose_everything(self, export: str, choice: random.Random) -> None:
        self._set(export, auth__ssl_allow='bob0')

    def _switch_read_only(self, export: str, choice: random.Random) -> None:
        self._set(export, features__read_only=choice.choice(['on', 'off']))

    def drifts(self) -> list[lab.Drift]:
        drift = lab.Drift
        return [
            drift('nothing', lambda ident: None, visible=False),
            drift('stopped', self._stop),
            drift('mark lost', lambda ident: self._lose(
                ident, 'user.manila-share')),
            # Not on the cluster, or not before the bricks start again.
            drift('record lost', lambda ident: self.storage.delete(ident),
                  visible=False),
            drift('open to all', lambda ident: self._drift(
                ident, auth__ssl_allow='*'), 'reapply'),
            drift('list lost', lambda ident: self._lose(
                ident, 'auth.ssl-allow'), 'reapply', visible=False),
            drift('TLS off', self._without_tls, visible=False),
            drift('volume given to nobody', self._give_away, 'lost')]

    def _volume(self, ident: str) -> Any:
        return next(volume for volume in self.sim.state.volumes.values()
                    if volume.options.get('user.manila-share') == ident)

    def _stop(self, ident: str) -> None:
        self.sim.gluster('volume', 'stop', self._volume(ident).name)

    def _drift(self, ident: str, **options: str) -> None:
        self.sim.change(self._volume(ident).name, **options)

    def _lose(self, ident: str, option: str) -> None:
        del self._volume(ident).options[option]

    def _without_tls(self, ident: str) -> None:
        self._drift(ident, client__ssl='off', server__ssl='off')

    def _give_away(self, ident: str) -> None:
        """An operator has made a new volume of it, under the same name."""
        name = self._volume(ident).name
        self.sim.gluster('volume', 'stop', name)
        self.sim.gluster('volume', 'delete', name)
        self.sim.make_volume(name, user__manila_share='NONE')

    def make_unmanaged(self, name: str) -> lab.Unmanaged:
        """Its clients lose access when it is managed: so there are none."""
        self.sim.make_volume(name, size=3 * GiB, files={'/legacy': GiB})
        return lab.Unmanaged(f'{SERVER}:/{name}', 3, {})

    def make_unmanaged_snapshot(self, export: str, name: str) -> str:
        self.sim.gluster('snapshot', 'create', name,
                         export.rpartition(':/')[2], 'no-timestamp')
        return name

    def make_shares(self, ids: Sequence[str]) -> None:
        for number, ident in enumerate(ids):
            self.sim.make_volume(f'pool-1G-{number}',
                                 user__manila_share=ident)


class LargeLab(GlusterLab):
    """Have volumes for many shares at once."""

    name = 'gluster with many volumes'
    pool = 100


class SmallLab(GlusterLab):
    """Have few volumes, for suites of thousands of cases."""

    pool = 6


class LevelsLab(GlusterLab):
    """Have rules for reading, alone and among others."""

    name = 'gluster with levels'
    features = BOTH_LEVELS
    pool = 6


class GlusterLabs(site.Labs[Site]):
    """Makes labs that share one configuration; each has its own cluster."""

    def __init__(self, lab_class: type[GlusterLab] = GlusterLab,
                 **options: object) -> None:
        super().__init__(Site, lab_class, **options)
