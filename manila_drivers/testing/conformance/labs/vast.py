# SPDX-License-Identifier: Apache-2.0

"""The VAST driver on the VMS simulator, inside the process or over HTTPS."""

from collections.abc import Mapping
from collections.abc import Sequence
import functools
from typing import Any

from requests import adapters

from manila_drivers import access
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.conformance.labs import simulated
from manila_drivers.testing.conformance.labs import site
from manila_drivers.testing.conformance.labs import vast_damage
from manila_drivers.testing.simulators import vast
from manila_drivers.testing.simulators.vast import auth
from manila_drivers.vastdata import driver

PASSWORD = 'secret-of-the-conformance-lab'  # noqa: S105 - a simulator's
SECTION = 'vast'
SPLIT_LIMIT = 200

IPV6_FEATURES = lab.Features(access=lab.Access(
    ip_versions=frozenset({4, 6})))

# Fields of a record that differ though two objects were made alike.
VOLATILE = frozenset({
    'id', 'guid', 'url', 'created', 'policy_id', 'loanee_snapshot_id',
    'eta_sec', 'loanee_tenant', 'owner_tenant'})

TABLES: Mapping[str, str] = {
    'view': 'views', 'policy': 'viewpolicies', 'quota': 'quotas',
    'snapshot': 'snapshots', 'stream': 'globalsnapstreams'}

STRUCK: Mapping[str, Mapping[str, Any]] = {
    'refused': {'kind': 'refused'},
    'reset before': {'kind': 'reset_before'},
    'reset after': {'kind': 'reset_after'},
    'timeout before': {'kind': 'timeout_before'},
    'timeout after': {'kind': 'timeout_after'},
    **{f'status {code} before': {'kind': 'status', 'code': code,
                                 'before': True}
       for code in (401, 403, 500, 502, 503)},
    'no such call': {'kind': 'status', 'code': 404, 'before': True},
    'page in place of a call': {'kind': 'html', 'code': 404, 'before': True},
    'status 429 before': {'kind': 'status', 'code': 429, 'before': True,
                          'headers': {'Retry-After': '0'}},
    'status 500 after': {'kind': 'status', 'code': 500, 'before': False},
    'status 503 after': {'kind': 'status', 'code': 503, 'before': False},
    'truncated': {'kind': 'truncated'},
    'cut off': {'kind': 'cut_off'},
    'html before': {'kind': 'html', 'before': True},
    'html after': {'kind': 'html', 'before': False},
    'empty': {'kind': 'empty'}}


class _Seamed(adapters.BaseAdapter):
    """An adapter with the seam around each request."""

    def __init__(self, inner: adapters.BaseAdapter,
                 process: seam.Process) -> None:
        super().__init__()
        self._inner = inner
        self._process = process

    def send(self, *args: Any, **kwargs: Any) -> Any:
        return self._process.call(
            functools.partial(self._inner.send, *args, **kwargs))

    def close(self) -> None:
        self._inner.close()


class Site(site.Site):
    """Hold what the driver of these labs is told."""

    section = SECTION
    values = {
        'vast_mgmt_host': '127.0.0.1', 'vast_mgmt_user': 'admin',
        'vast_mgmt_password': PASSWORD, 'vast_vippool_name': 'vippool-1',
        'vast_access_split_limit': SPLIT_LIMIT}


class VastLab(vast_damage.Damage, simulated.StruckLab[Site]):
    """One simulated cluster.

    :param site: configuration shared with other labs; else one of its own
        with ``options``.
    :param https: whether requests go through sockets.
    """

    name = 'vast'
    budgets = lab.Budgets(
        create=3, delete=7, update_access=2, update_access_unchanged=2,
        ensure_1000=10, stats=2, resize=2)
    sim: vast.VmsSim
    struck = STRUCK
    faults = tuple(lab.Fault(name) for name in STRUCK)
    driver_class = driver.VASTShareDriver
    make_site = Site
    make_storage = site.Memory

    def __init__(self, site: Site | None = None, *, https: bool = False,
                 **options: object) -> None:
        clock = Clock()
        self.sim = vast.VmsSim(clock, open_root=False,
                               username='admin', password=PASSWORD)
        # All that is ever issued for the password begins alike.
        self.secrets = (PASSWORD, self.sim.api_token, auth.TOKEN_HEAD)
        self.server: vast.VmsServer | None = None
        if https:
            self.server = vast.VmsServer(self.sim)
            self.server.start()
            options = {'vast_mgmt_port': self.server.port,
                       'vast_ssl_cert_path': self.server.ca_file, **options}
        super().__init__(site, options, clock)
        self.storage = type(self).make_storage()
        self._open: list[adapters.BaseAdapter] = []

    def close(self) -> None:
        for adapter in self._open:
            adapter.close()
        if self.server is not None:
            self.server.close()
        super().close()

    # What every lab has to tell

    def wiring(self) -> dict[str, Any]:
        return {'private_storage': self.storage,
                'adapter': self._adapter(), 'sleep': self.clock.sleep}

    def _adapter(self) -> adapters.BaseAdapter:
        inner: adapters.BaseAdapter
        if self.server is not None:
            inner = adapters.HTTPAdapter(pool_maxsize=64)
            self._open.append(inner)
        else:
            inner = vast.VmsAdapter(self.sim, self.clock.sleep)
        return _Seamed(inner, seam.Process(self.seam))

    def records(self) -> dict[lab.Item, Any]:
        found: dict[lab.Item, Any] = {}
        with self.sim.lock:
            self._touch()
            for kind, table in TABLES.items():
                for record in self.sim.state.tables[table]:
                    item: lab.Item = (kind, record.get('tenant_name') or '',
                                      record['name'] or record['path'])
                    while item in found:
                        item += ('again',)
                    found[item] = _stable(record)
            for tenant, tree in self.sim.state.trees.items():
                for path in tree:
                    found['directory', str(tenant), path] = tree[path].used
        return found

    def effective(self, export: str, client: str) -> lab.Level:
        vip, path = vast_damage.split(export)
        return self.sim.can_mount(client, path, vip=vip)

    def keeps(self, item: lab.Item) -> bool:
        return item[0] == 'directory' and 'manila-' not in item[-1]

    def ambiguous(self, export: str) -> list[str]:
        return list(map(str, self.sim.ambiguous(vast_damage.split(export)[1])))

    def write(self, export: str, size: int) -> None:
        self.sim.write(vast_damage.split(export)[1], size)

    def may_conflict(self, rule: access.Rule,
                     rules: Sequence[access.Rule]) -> bool:
        """Rules inside one of the other level, if cutting them out of it
        would take more host entries than vast_access_split_limit; and that
        one, if it lets write."""
        versions = self.features.access.ip_versions
        grants = access.ip_grants(rules, versions=versions).levels
        # Each network pays for all that lies in it, also where networks of
        # one level lie inside each other.
        cost = [((inner, outer) if level == access.RW else (inner,),
                 inner.prefixlen - outer.prefixlen)
                for outer, level in grants.items()
                for inner, other in grants.items()
                if level != other and inner != outer
                and inner.version == outer.version
                and inner.subnet_of(outer)]  # type: ignore[arg-type]
        inside = access.ip_grants([rule], versions=versions).levels
        return (sum(entries for _, entries in cost) > SPLIT_LIMIT
                and any(network in inside for involved, _ in cost
                        for network in involved))

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._touch()

    def _touch(self) -> None:
        """Let what has come due by now happen."""
        with self.sim.lock:
            self.sim.state.timeline.settle()

    def settle(self) -> None:
        # What ends may start something that takes its time as well.
        for _ in range(6):
            self.advance(7200.0)

    # What makes more of the suites run

    def plant_strangers(self, ids: Sequence[str] = ()) -> None:
        """Look-alikes of the shares with these ids, and plain others."""
        sim = self.sim
        sim.add_tenant('other')
        self._make_legacy()
        sim.make_share('a-strangers-view', rw=['10.9.9.9'],
                       path='/manila/strangers')
        sim.write('/manila/strangers', 12345)
        self._stranger('views', path='/nameless', policy_id=1,
                       create_dir=True, protocols=['NFS4'])
        self._stranger('snapshots', name='nightly', path='/nameless/')
        for ident in ids:
            self._plant_look_alikes(ident)

    def _plant_look_alikes(self, ident: str) -> None:
        other = self.sim.tenant_id('other')
        usual = f'/manila/manila-{ident}'
        for name in (ident + '-1', ident[:-1], 'x' + ident):
            self.sim.make_share(name, path=f'/manila/manila-{name}',
                                ro=['10.9.9.8'])
        self._stranger('snapshots', name='share-snapshot-' + ident + '-1',
                       path=usual + '-1/')
        # The same name and the same path, for another tenant.
        self._stranger('quotas', name=ident, path=usual, create_dir=True,
                       hard_limit=7 * GiB, tenant_id=other)
        self._stranger('viewpolicies', name='other-' + ident,
                       tenant_id=other)
        policy = self.sim.record('policy', 'other-' + ident, 'other')
        assert policy is not None
        self._stranger('views', name=ident, path=usual, tenant_id=other,
                       policy_id=policy['id'], protocols=['NFS'])
        self._stranger('snapshots', name='share-snapshot-' + ident,
                       path=usual + '/', tenant_id=other)

    def _stranger(self, resource: str, **body: Any) -> None:
        self.sim.perform('POST', resource, body)

    def make_unmanaged(self, name: str) -> lab.Unmanaged:
        """Under a policy that the view of a stranger uses as well."""
        self._make_legacy()
        path = '/legacy/' + name
        policy = self.sim.record('policy', 'legacy')
        assert policy is not None
        self._stranger('quotas', name=name, path=path, create_dir=True,
                       hard_limit=3 * GiB)
        self._stranger('views', name=name, path=path, protocols=['NFS'],
                       policy_id=policy['id'])
        self.sim.write(path, GiB)
        return lab.Unmanaged('10.27.0.2:' + path, 3, {
            '10.0.0.7': 'rw', '10.1.2.3': 'ro'})

    def make_twin(self, name: str) -> lab.Unmanaged:
        path = '/twins/' + name
        self.sim.add_tenant('twin')
        self.sim.make_share(name, size=3, path=path, tenant='twin',
                            rw=['10.0.0.7'])
        self.sim.write(path, GiB, tenant='twin')
        self.sim.make_directory(path)
        self.sim.write(path, 12345)
        return lab.Unmanaged('10.27.0.2:' + path, 3, {})

    def _make_legacy(self) -> None:
        if self.sim.record('policy', 'legacy') is None:
            self.sim.make_share('legacy', path='/legacy/of-others',
                                rw=['10.0.0.7'], ro=['10.1.0.0/16'])

    def make_unmanaged_snapshot(self, export: str, name: str) -> str:
        self._stranger('snapshots', name=name,
                       path=vast_damage.split(export)[1] + '/')
        return name

    def slow_clones(self) -> None:
        self.sim.options.clone_init_delay = 5.0
        self.sim.options.clone_delay = 3600.0
        self.sim.options.task_delay = 2.0

    def stop_clone(self, export: str) -> None:
        name = vast_damage.split(export)[1].rpartition('/')[2]
        record = self.sim.record('stream', name)
        assert record is not None
        self.sim.options.stop_deletes_stream = True
        self.sim.perform('PATCH', 'globalsnapstreams', {}, record['id'],
                         'stop')

    def away(self, seconds: float) -> None:
        self.sim.disarm()
        self.sim.arm(vast.Fault('status', code=503, before=True,
                                lasts=seconds))

    def make_shares(self, ids: Sequence[str]) -> None:
        self.sim.make_shares(ids, pool='vippool-1')


class HttpsLab(VastLab):
    """Go through sockets, with a server and an authority of its own."""

    name = 'vast over HTTPS'

    def __init__(self) -> None:
        super().__init__(https=True)


class VastLabs(site.Labs[Site]):
    """Makes labs that share one configuration; each has its own cluster."""

    def __init__(self, lab_class: type[VastLab] = VastLab,
                 **options: object) -> None:
        super().__init__(Site, lab_class, **options)


def _stable(record: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without what differs between two objects made alike.

    Values are replaced, not changed, by the simulator; lists are copied in
    case one of them is not.
    """
    return {field: list(value) if isinstance(value, list) else value
            for field, value in record.items() if field not in VOLATILE}
