# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver on a simulated cluster, inside the process."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
from contextlib import AbstractContextManager
import functools
import random
import threading
from typing import Any

from manila_drivers import access
from manila_drivers.ibm.gpfs import driver
from manila_drivers.ibm.gpfs import records
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.labs import simulated
from manila_drivers.testing.conformance.labs import site
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators.gpfs import ces
from manila_drivers.testing.simulators.gpfs.state import Fileset
from manila_drivers.testing.simulators.gpfs.state import Snapshot
from manila_drivers.transport import command
from manila_drivers.transport import script

SECTION = 'gpfs'
PASSWORD = 'secret-of-the-conformance-lab'  # noqa: S105 - of a lab
ADDRESS = '192.0.2.10'
BASE = '/gpfs0/shares'

# Which command of a script is struck; scripts are no longer than that.
_PLACES = range(1, 17)

STRUCK: Mapping[str, gpfs.Strike] = {
    'unreachable': gpfs.Strike('unreachable'),
    'answer lost': gpfs.Strike('lost'),
    **{f'cut at command {at}': gpfs.Strike('cut', at) for at in _PLACES},
    **{f'command {at} fails': gpfs.Strike('fails', at) for at in _PLACES},
    **{f'command {at} fails after its effect': gpfs.Strike('broken', at)
       for at in _PLACES},
    **{f'command {at} says so only': gpfs.Strike('silent', at)
       for at in _PLACES}}

# What fails in words alone.
_SILENT = ('mm', 'dbus-send')


class Site(site.Site):
    """Hold what the driver of these labs is told."""

    section = SECTION
    values = {
        'gpfs_share_export_ip': ADDRESS, 'gpfs_mount_point_base': BASE,
        'gpfs_nfs_server_type': 'CES', 'gpfs_ssh_login': 'root',
        'gpfs_ssh_password': PASSWORD}


class _Seamed:
    """A host with the seam around each round trip.

    :param turn: held during each; who looks sees whole scripts then.
    """

    def __init__(self, inner: gpfs.SimHost, process: seam.Process,
                 turn: AbstractContextManager[object]) -> None:
        self._inner = inner
        self._process = process
        self._turn = turn
        self.words = inner.words
        self.judge = inner.judge

    def __str__(self) -> str:
        return str(self._inner)

    def run(self, cmd: command.Command) -> command.Result:
        with self._turn:
            return self._process.call(
                functools.partial(self._inner.run, cmd))


class _Trouble:
    """Hold what was armed, and which round trip it strikes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strike: gpfs.Strike | None = None
        self._nth, self._lasting, self._seen = 0, False, 0

    def arm(self, strike: gpfs.Strike | None, nth: int = 0, *,
            lasting: bool = False) -> None:
        with self._lock:
            self._strike, self._nth = strike, nth
            self._lasting, self._seen = lasting, 0

    def __call__(self, host: str) -> gpfs.Strike | None:
        with self._lock:
            self._seen += 1
            here = (self._seen >= self._nth if self._lasting
                    else self._seen == self._nth)
            return self._strike if here else None


class GpfsLab(simulated.SimulatedLab[Site]):
    """One simulated cluster, whose protocol nodes do the access.

    :param site: configuration shared with other labs; else one of its own
        with ``options``.
    """

    name = 'gpfs with CES'
    features = lab.Features(revert=True, access=lab.Access(
        ip_versions=frozenset({4, 6})))
    budgets = lab.Budgets(
        create=1, delete=3, update_access=2, update_access_unchanged=1,
        ensure_1000=2, stats=2, resize=3)
    faults = tuple(
        lab.Fault(name, place=strike.at if 'command' in name else 0,
                  only=_SILENT if strike.kind == 'silent' else ())
        for name, strike in STRUCK.items())
    secrets = (PASSWORD,)
    #: Whether one looks after each command and not just each round trip.
    watched = True
    #: Whether Ganesha serves, which takes the address of all zeros for
    #: everybody.
    ganesha = True
    driver_class = driver.GPFSShareDriver
    make_site = Site
    make_storage = site.Memory

    def __init__(self, site: Site | None = None, **options: object) -> None:
        super().__init__(site, options)
        self.sim = gpfs.GpfsSim(self.clock, base=BASE)
        #: Manila's, which outlives drivers.
        self.storage = type(self).make_storage()
        self._trouble = _Trouble()
        self._turn = threading.RLock()
        #: Hosts that do not answer.
        self.dead: set[str] = set()

    # What every lab has to tell

    def wiring(self) -> dict[str, Any]:
        return {'private_storage': self.storage, 'sleep': self._sleep,
                'make_runner': functools.partial(
                    self._host, seam.Process(self.seam))}

    def _sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def _struck(self, host: str) -> gpfs.Strike | None:
        struck = self._trouble(host)
        return gpfs.Strike('unreachable') if host in self.dead else struck

    def _host(self, process: seam.Process, name: str) -> script.Runner:
        return _Seamed(gpfs.SimHost(
            self.sim, name, strike=self._struck,
            told=self.seam.tell if self.watched else None,
            counted=self.calls.append), process,
            contextlib.nullcontext() if self.watched else self._turn)

    def records(self) -> dict[lab.Item, Any]:
        found: dict[lab.Item, Any] = {}
        with self.sim.lock:
            state = self.sim.state
            for fileset in state.filesets.values():
                found['fileset', fileset.name] = {
                    'path': fileset.path, 'comment': fileset.comment,
                    'limit': fileset.limit_kib, 'used': fileset.used,
                    'mode': fileset.mode, 'owner': fileset.owner}
                for snapshot in fileset.snapshots.values():
                    found['snapshot', fileset.name, snapshot.name] = (
                        snapshot.used, snapshot.status)
            for path, clients in state.exports.items():
                found['export', path] = sorted(
                    (client.client, sorted(
                        ces.in_force(client.options).items()))
                    for client in clients)
            for name in state.jobs:
                found['job', name] = ''
        return found

    def effective(self, export: str, client: str) -> lab.Level:
        return self.sim.can_mount(client, path_of(export))

    def write(self, export: str, size: int) -> None:
        self.sim.write(path_of(export), size)

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.sim.settle()

    # What makes more of the suites run

    def arm(self, fault: lab.Fault, nth: int, *, lasting: bool) -> None:
        self._trouble.arm(STRUCK[fault.name], nth, lasting=lasting)

    def heal(self) -> None:
        self._trouble.arm(None)

    def plant_strangers(self, ids: Sequence[str] = ()) -> None:
        """Look-alikes of the shares with these ids, and plain others."""
        self._stranger('projects', f'{BASE}/projects')
        for ident in ids:
            for name in (f'share-{ident}-1', f'share-{ident[:-1]}',
                         f'xshare-{ident}'):
                made = self._stranger(name, f'{BASE}/{name}')
                for label in (f'share-snapshot-{ident}', 'nightly'):
                    made.snapshots[label] = Snapshot(
                        label, self.sim.state.number(), 7)

    def _stranger(self, name: str, path: str) -> Fileset:
        made = self.sim.make_fileset(name, path, size=9, used=12345,
                                     comment='manila:somebody-else')
        self._set_clients(path, {'10.9.9.9': 'rw', '*': 'ro'})
        return made

    def _set_clients(self, path: str, clients: Mapping[str, str]) -> None:
        self.sim.export(path, **clients)

    def may_conflict(self, rule: access.Rule,
                     rules: Sequence[access.Rule]) -> bool:
        """Of 0.0.0.0 Ganesha would make everybody."""
        return self.ganesha and rule.to in (
            '0.0.0.0', '0.0.0.0/32')  # noqa: S104 - no socket

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._open_to_all, self._wider_first, self._lose_export,
                self._strange_clients, self._other_levels]

    def _open_to_all(self, export: str, choice: random.Random) -> None:
        level = choice.choice(['rw', 'ro'])
        self._set_clients(path_of(export), {
            choice.choice(['*', '0.0.0.0/0', '10.0.0.0/8']): level,
            '10.0.0.7': 'ro', **({'::/0': level} if level == 'ro' else {})})

    def _wider_first(self, export: str, choice: random.Random) -> None:
        with self.sim.lock:
            clients = self.sim.state.exports.get(path_of(export))
            if clients:
                clients.reverse()

    def _lose_export(self, export: str, choice: random.Random) -> None:
        with self.sim.lock:
            self.sim.state.exports.pop(path_of(export), None)

    def _strange_clients(self, export: str, choice: random.Random) -> None:
        self._set_clients(path_of(export), {
            '@netgroup': 'rw', 'host.example.org': 'rw',
            '2001:db8::/32': 'rw'})

    def _other_levels(self, export: str, choice: random.Random) -> None:
        with self.sim.lock:
            for client in self.sim.state.exports.get(path_of(export), ()):
                client.options['access_type'] = choice.choice(
                    ['RW', 'RO', 'NONE'])

    def drifts(self) -> list[lab.Drift]:
        drift = lab.Drift
        return [
            drift('nothing', lambda ident: None, visible=False),
            drift('fileset not linked', self._unlink),
            drift('quota of another size', self._limit),
            drift('no quota', lambda ident: self._limit(ident, 0)),
            drift('not exported', self._unexport, 'reapply'),
            drift('fileset lost', self._lose, 'lost')]

    def _fileset(self, ident: str) -> Fileset:
        return self.sim.state.filesets[f'share-{ident}']

    def _unlink(self, ident: str) -> None:
        self._fileset(ident).path = ''

    def _limit(self, ident: str, gib: int = 5) -> None:
        self._fileset(ident).limit_kib = gib * 1024 ** 2

    def _unexport(self, ident: str) -> None:
        with self.sim.lock:
            self.sim.state.exports.pop(f'{BASE}/share-{ident}', None)

    def _lose(self, ident: str) -> None:
        del self.sim.state.filesets[f'share-{ident}']

    def make_unmanaged(self, name: str) -> lab.Unmanaged:
        path = f'{BASE}/legacy-{name}'
        self.sim.make_fileset(f'legacy-{name}', path, size=3, used=GiB,
                              comment='of before')
        return lab.Unmanaged(f'{ADDRESS}:{path}', 3, {})

    def make_unmanaged_snapshot(self, export: str, name: str) -> str:
        fileset = self.sim.state.at(path_of(export))
        assert fileset is not None
        fileset.snapshots[name] = Snapshot(
            name, self.sim.state.number(), fileset.used)
        return name

    def slow_clones(self) -> None:
        self.sim.options.copy_seconds = 3600.0

    def miss_a_turn(self, missing: bool) -> None:
        """Nothing where there is one management host alone."""
        first, *others = self.site.configuration.gpfs_management_hosts \
            or ('',)
        self.dead = {first} if missing and others else set()

    def make_shares(self, ids: Sequence[str]) -> None:
        for path in self.make_filesets(ids):
            self._set_clients(path, {'10.0.0.7': 'rw'})

    def make_filesets(self, ids: Sequence[str]) -> list[str]:
        """Filesets of healthy shares; where they are linked."""
        paths = [f'{BASE}/share-{ident}' for ident in ids]
        for ident, path in zip(ids, paths, strict=True):
            self.sim.make_fileset(f'share-{ident}', path, size=1,
                                  comment=records.mark(ident))
        return paths


class GpfsLabs(site.Labs[Site]):
    """Makes labs that share one configuration; each has its own cluster."""

    def __init__(self, lab_class: type[GpfsLab] = GpfsLab,
                 **options: object) -> None:
        super().__init__(Site, lab_class, **options)


def path_of(export: str) -> str:
    """The path behind the address."""
    return '/' + export.partition(':/')[2]
