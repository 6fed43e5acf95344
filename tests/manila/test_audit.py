# SPDX-License-Identifier: Apache-2.0

"""An audit beside a real Manila with 200 shares, from the command line.

What is wrong is planted on the storage behind Manila's back, or in Manila by
its own API.
"""

import collections
from collections.abc import Iterator
import time
import types
import typing as ty

import pytest

from manila_drivers.audit import differences as kinds_of
from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from tests import patience
from tests.manila import audited
from tests.manila import between
from tests.manila import crowd
from tests.manila.audited import LISTS
from tests.manila.conftest import BACKEND
from tests.unit.audit import planted

pytestmark = pytest.mark.timeout(900)

SHARES = 200
#: The newest release with many shares, the oldest with a few, which is
#: where refusals are tried.
COMPANIES = {'23.0': SHARES, '19.1': 14}
MANY = pytest.mark.parametrize('company', ['23.0'], indirect=True)
FEW = pytest.mark.parametrize('company', ['19.1'], indirect=True)
PAGE = 5
#: Those that Manila has made itself.
OWN = 6
OF_REGISTRY = ('snapshot lost', 'resize cut off', 'creation cut off',
               'deletion cut off', 'rule being given', 'rule being taken',
               'snapshot being taken', 'snapshot being removed')
PLANTS = {name: plant for name, plant in planted.PLANTS.items()
          if name not in OF_REGISTRY}

Company = audited.Audited


@pytest.fixture(scope='module', params=list(COMPANIES))
def company(request: pytest.FixtureRequest, place: environment.Environment,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    name = request.param
    work = tmp_path_factory.mktemp('audit')
    with vast.Cluster() as cluster:
        settings = config.Settings(work, {BACKEND: cluster.options()})
        manila = process.Manila(place, releases.named(name), settings)
        with audited.running(manila):
            play = scene.play(manila, kinds.vast_profile(BACKEND), cluster,
                              tell=lambda line: None)
            play.client.seconds = 240
            shares = audited.made(play, OWN, 'ip', planted.NETWORK)
            shares += audited.entered(play, shares[0], crowd.make(
                settings.file, BACKEND, COMPANIES[name] - OWN,
                planted.NETWORK))
            with between.Between(manila.endpoint) as door:
                yield Company(manila, cluster, door, play, shares)


def test_healthy_shares_have_no_finding(company: Company) -> None:
    done = company.audit()
    count = len(company.shares)
    assert (done.code, done.found) == (0, []), done.told
    assert f'{count} shares recorded, {count} on the backend' in done.told
    assert done.told.count('\n') == 1
    # Rules are told by share alone; all else is a list.
    assert done.asked == {**LISTS, audited.RULES: count}
    assert [line for line in done.storage if not line.startswith('GET')
            and 'token' not in line] == []
    # Manila's own statistics ask for the cluster meanwhile.
    lists = [line for line in done.storage if line.startswith('GET')
             and 'clusters' not in line]
    assert len(lists) <= 12, lists


@FEW
def test_what_manila_works_on_is_no_damage(company: Company) -> None:
    api, shares = company.scene.client, company.shares
    for number, status in ((0, 'creating'), (1, 'deleting'),
                           (2, 'migrating')):
        api.reset_share(shares[number].share, status)
    api.reset_share(shares[3].share, 'error')
    api._act('shares', shares[4].share, 'soft_delete')
    done = company.audit()
    assert len(done.lines('is in work: ')) == 3, done.told
    assert [(one['Kind'], one['Id']) for one in done.found] == [
        (kinds_of.UNFINISHED_SHARE, shares[3].id)], done.told
    assert done.lines('not looked at') == []
    for number in range(4):
        api.reset_share(shares[number].share, 'available')
    api._act('shares', shares[4].share, 'restore')
    assert company.audit().code == 0


def _status(path: str, status: int) -> between.Fault:
    def fault(asked: str, query: dict[str, str], was: int, record: ty.Any,
              ) -> tuple[int, ty.Any]:
        return (status, {'fault': {'code': status, 'message': 'no'}}) \
            if asked == path else (was, record)
    return fault


@FEW
@pytest.mark.parametrize(('path', 'status'), [
    ('/snapshot-instances/detail', 403), ('/snapshot-instances/detail', 500),
    ('/share-access-rules', 403), ('/share-access-rules', 404),
    ('/share-access-rules', 500), ('/shares/detail', 403),
    ('/shares/detail', 500), ('/types', 403), ('/services', 403)])
def test_a_refusal_is_no_damage(company: Company, path: str,
                                status: int) -> None:
    company.door.fault = _status(path, status)
    try:
        done = company.audit()
    finally:
        company.door.fault = None
    assert (done.code, done.found) == (2, []), done.told
    assert done.lines('not looked at') != []
    if status == 403:
        # What is refused once is not asked for with each share.
        assert done.asked[path] <= 4


@FEW
@pytest.mark.parametrize('status', [401, 403, 404, 500])
def test_without_instances_nothing_is_said(company: Company,
                                           status: int) -> None:
    company.door.fault = _status('/share_instances', status)
    try:
        done = company.audit()
    finally:
        company.door.fault = None
    assert (done.code, done.found) == (2, [])
    assert done.told.count('\n') == 1
    assert f'HTTP {status}' in done.told or status == 401


@FEW
def test_a_role_without_rights_sees_less(company: Company) -> None:
    """Refuse by Manila's own policy, which it reads again when it changes."""
    policy = company.manila.settings.work / 'policy.yaml'
    policy.write_text('"share_snapshot_instance:detail": "!"\n'
                      '"share_access_rule:index": "!"\n')
    try:
        done = company.audit()
    finally:
        policy.write_text('{}\n')
    assert (done.code, done.found) == (2, []), done.told
    assert len(done.lines('HTTP 403')) == 2, done.told
    assert company.audit().code == 0


@FEW
def test_pages_are_read_to_their_end(company: Company) -> None:
    # A service gives less than is asked for, and the same again.
    def short(path: str, query: dict[str, str], status: int,
              record: ty.Any) -> tuple[int, ty.Any]:
        if path == '/shares/detail':
            record['shares'] = record['shares'][:PAGE]
        return status, record

    def cut(path: str, query: dict[str, str], status: int,
            record: ty.Any) -> tuple[int, ty.Any]:
        if path == '/shares/detail' and query['offset'] != '0':
            record['shares'] = []
        return short(path, query, status, record)
    first: dict[str, ty.Any] = {}

    def again(path: str, query: dict[str, str], status: int,
              record: ty.Any) -> tuple[int, ty.Any]:
        if path == '/shares/detail':
            record = first.setdefault(path, short(
                path, query, status, record)[1])
        return status, record
    count, pages = len(company.shares), -(-len(company.shares) // PAGE)
    try:
        company.door.fault = short
        done = company.audit()
        assert (done.code, done.found) == (0, []), done.told
        assert done.asked['/shares/detail'] == pages
        for company.door.fault in (cut, again):
            done = company.audit()
            assert (done.code, done.found) == (2, []), done.told
            assert done.asked['/shares/detail'] == 2
            assert len(done.lines(f'size and name of {count - PAGE} shares')
                       ) == 1, done.told
    finally:
        company.door.fault = None


@FEW
def test_damage_is_repaired_and_manila_told_nothing(company: Company) -> None:
    """Repair on the storage alone, of which Manila hears nothing."""
    shares = company.shares
    place = types.SimpleNamespace(cluster=company.cluster)
    mended = [name for name, plant in PLANTS.items() if plant.mended]
    planted_on = dict(zip(mended, shares[1:], strict=False))
    assert len(planted_on) >= 12
    planted.PLANTS['orphan share'].work(place, shares[0])
    for name, share in planted_on.items():
        PLANTS[name].work(place, share)
    rows = audited.instances(company.scene.client)
    done = company.audit('--repair', '--yes', '--widen')
    assert (done.code, list(done.kinds)) == (1, [kinds_of.ORPHAN_SHARE]), (
        done.told)
    assert len(done.lines('would do: ')) >= len(planted_on)
    assert done.lines('could not be repaired') == []
    # The door counts whatever is no GET by its method.
    assert [path for path in done.asked if not path.startswith('/')] == []
    assert audited.instances(company.scene.client) == rows


@MANY
def test_damage_is_found_and_nothing_else(company: Company) -> None:
    """Last: what is planted stays."""
    api, shares = company.scene.client, company.shares
    place = types.SimpleNamespace(cluster=company.cluster)
    planted_on = dict(zip(PLANTS, shares[5:], strict=False))
    assert len(planted_on) >= 25
    taken = shares[-1]
    kept, gone = (api.create_snapshot(taken.share, name)['id']
                  for name in ('kept', 'gone'))
    for ident in (kept, gone):
        api.wait_snapshot(ident)
    instance = next(
        row['id'] for row in api.api.get('/snapshot-instances/detail')[
            'snapshot_instances'] if row['snapshot_id'] == gone)
    company.cluster.sim.remove('snapshot', f'share-snapshot-{instance}')
    for name, share in planted_on.items():
        PLANTS[name].work(place, share)
    done = company.audit()
    expected = collections.Counter(
        kind for name in planted_on for kind in PLANTS[name].kinds)
    expected[kinds_of.LOST_SNAPSHOT] += 1
    assert (done.code, done.kinds) == (1, expected), done.found
    assert done.lines('not looked at') == []
    hurt = {share.id for share in planted_on.values()}
    well = {share.id for share in shares} - hurt
    assert {one['Id'] for one in done.found} & well == set()
    # Of each share that is there the right kind is told.
    for name, share in planted_on.items():
        if not PLANTS[name].kinds[0].startswith('orphan'):
            assert {one['Kind'] for one in done.found
                    if one['Id'] == share.id} == set(PLANTS[name].kinds)
    assert done.asked == {**LISTS, audited.RULES: len(shares)}


@MANY
def test_manila_mends_what_it_is_said_to_mend(company: Company) -> None:
    """Have Manila check its shares, as findings advise."""
    api = company.scene.client
    before = company.audit()
    api.ensure_shares(company.scene.host)
    # What is still to be checked looks like what has been: a share is ready
    # before its rules are given again, and all are before the first is looked
    # at.
    end = time.monotonic() + patience.seconds(120)
    still, mended = before.found, [
        one for one in before.found
        if 'openstack share service ensure' in one['What to do']]
    assert len(mended) >= 12
    while still and time.monotonic() < end:
        after = company.audit()
        left = {(one['Kind'], one['Id']) for one in after.found}
        still = [one for one in mended if (one['Kind'], one['Id']) in left]
    assert still == [], after.found
