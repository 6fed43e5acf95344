# SPDX-License-Identifier: Apache-2.0

"""Share servers in OpenStack, and what they serve, as Manila has them."""

import collections
import dataclasses
import json
import uuid

import pytest

from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.direct import rows
from manila_drivers.generic import assessment
from manila_drivers.generic import GenericShareDriver
from manila_drivers.generic import inventory_servers
from manila_drivers.generic import inventory_share
from manila_drivers.openstack import networks
from manila_drivers.registry import records
from manila_drivers.service_instance import names
from tests.unit.audit import api_plants
from tests.unit.audit import api_sim
from tests.unit.audit import generic_planted
from tests.unit.audit import parts_planted
from tests.unit.audit import servers_planted
from tests.unit.audit.servers_planted import HOST
from tests.unit.audit.servers_planted import OTHER
from tests.unit.audit.servers_planted import SERVER

D = differences
MARK = servers_planted.MARK


class Company(servers_planted.ServersPlace):
    """A cloud with one share server, and the Manila that has it."""

    host = HOST

    def report(self):
        with self.audit() as audit:
            return audit.audit()

    def volume(self, name, **metadata):
        status, told = self.sim.ask('POST', '/volume/v3/volumes', {'volume': {
            'name': name, 'size': 1, 'metadata': metadata}}, user='manila')
        assert status == 202, told
        self.pass_time()
        return told['volume']['id']

    def pass_time(self):
        self.clock.sleep(60)
        self.sim.settle()

    @property
    def details(self):
        return self.rows[SERVER]['backend_details']

    @property
    def network(self):
        return self.service()._backend.cloud.networks


@pytest.fixture
def company(tmp_path, monkeypatch):
    return Company(tmp_path, monkeypatch, limit_ssh_access=True)


def kinds(report):
    return collections.Counter(one.kind for one in report.differences)


def test_what_is_in_order_has_no_finding(company):
    company.share()
    before = company.sim.inventory()
    report = company.report()
    assert report.differences == (), [str(one) for one in report.differences]
    assert (report.unseen, report.passed) == ((), ())
    assert company.sim.inventory() == before


def test_what_a_set_up_left_behind_is_found(company):
    """Take the share server away from Manila: all of it is left over."""
    del company.manila.servers[SERVER]
    report = company.report()
    left = [one for one in report.differences if SERVER in one.expected]
    assert kinds(report) == {D.LEFT: len(left)}
    for kind in ('service instance', 'port'):
        assert any(one.subject.startswith(f'{kind} ') for one in left)


def orphan_volume(company):
    parts_planted.boot_volume(company, None)
    return D.LEFT, 'boot volume'


def orphan_share(company):
    ident = str(uuid.uuid4())
    company.volume(f'manila-share-{ident}', manila_host='ctl',
                   **{MARK: ident})
    return D.ORPHAN_SHARE, f'share {ident}'


def orphan_port(company):
    parts_planted.port(company, None)
    return D.LEFT, 'port'


def orphan_subnet(company):
    parts_planted.subnet(company, None)
    return D.LEFT, 'service subnet'


def orphan_group(company):
    company.network.create_security_group(names.ssh_group('gone'), 'x')
    return D.LEFT, 'security group'


def server_gone(company):
    status, _ = company.sim.ask(
        'DELETE', f'/compute/v2.1/servers/{company.details["instance_id"]}',
        user='manila')
    assert status == 204
    company.pass_time()
    return D.LOST_SERVER, f'share server {SERVER}'


def in_error(company):
    company.manila.servers[SERVER]['status'] = 'error'
    return D.UNFINISHED_SERVER, f'share server {SERVER}'


def lost_share(company):
    ident = company.manila.add(
        str(uuid.uuid4()), host=f'{HOST}#generic', paths=['10.0.0.1:/x'],
        share_server_id=SERVER)
    return D.LOST_SHARE, f'share {ident}'


def lost_snapshot(company):
    company.manila.snapshot(str(uuid.uuid4()), company.share().id)
    return D.LOST_SNAPSHOT, 'snapshot'


def _volume_of(company, ident):
    return next(one for one in company.sim.cinder.store.volumes.values()
                if one.metadata.get(MARK) == ident)


def second_volume(company):
    ident = company.share().id
    company.volume(f'manila-share-{ident}', manila_host='ctl',
                   **{MARK: ident})
    return D.ODD, f'share {company.manila.of(ident)}'


def odd_volume(company):
    ident = company.share().id
    _volume_of(company, ident).status = 'maintenance'
    return D.ODD, f'share {company.manila.of(ident)}'


def orphan_snapshot(company):
    generic_planted.orphan_snapshot(company, company.share())
    return D.ORPHAN_SNAPSHOT, 'snapshot'


def broken_snapshot(company):
    share = company.share()
    generic_planted.orphan_snapshot(company, share)
    [made] = company.sim.cinder.store.snapshots.values()
    made.status = 'error'
    company.manila.snapshot(
        made.metadata['manila_snapshot_instance_id'], share.id)
    return D.LOST_SNAPSHOT, 'snapshot'


def share_in_error(company):
    ident = company.share().id
    company.manila.instances[ident]['status'] = 'extending_error'
    return D.UNFINISHED_SHARE, f'share {company.manila.of(ident)}'


def snapshot_in_error(company):
    company.manila.snapshot(str(uuid.uuid4()), company.share().id, 'error')
    return D.UNFINISHED_SNAPSHOT, 'snapshot'


PLANTS = (second_volume, odd_volume, orphan_snapshot, broken_snapshot,
          share_in_error, snapshot_in_error, orphan_volume,
          orphan_share, orphan_port, orphan_subnet,
          orphan_group, server_gone, in_error, lost_share, lost_snapshot)


def test_there_are_enough_kinds():
    assert len(PLANTS) >= 12


@pytest.mark.parametrize('plant', PLANTS, ids=lambda one: one.__name__)
def test_each_damage_is_found_once(company, plant):
    kind, subject = plant(company)
    before = company.sim.inventory()
    report = company.report()
    [one] = report.differences
    assert (one.kind, one.subject.startswith(subject), one.repair) == (
        kind, True, ''), one
    assert one.do
    assert company.sim.inventory() == before


def test_a_server_that_manila_makes_is_no_damage(company):
    company.manila.add_server(OTHER, host=HOST, status='creating')
    orphan_port(company)
    orphan_subnet(company)
    report = company.report()
    assert report.differences == ()
    assert report.passed == (f'share server {OTHER} is in work: creating',)


def test_servers_of_other_hosts_are_known(company):
    company.manila.add_server(OTHER, host='ctl@other')
    orphan_port(company)
    assert company.report().differences == ()


def test_without_share_servers_nothing_is_said(company):
    company.manila.faults['/share-servers'] = api_sim.denied('/share-servers')
    with pytest.raises(exception.AccessDenied):
        company.report()


def test_a_list_that_is_not_told_hides_no_damage(company, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise exception.BackendError('The list of ports', answer='no')
    orphan_subnet(company)
    monkeypatch.setattr(networks.Networks, 'ports', refuse)
    report = company.report()
    assert report.differences == ()
    assert any('list of ports' in text for text in report.unseen)


def test_requests_do_not_grow_with_shares(company):
    company.share()
    counts = []
    for _ in range(2):
        mark, ran = company.mark()
        company.manila.asked.clear()
        company.report()
        requests, commands = company.requests((mark, ran))
        counts.append((len(requests), len(commands), len(
            company.manila.asked) - company.manila.asked.count(RULES)))
        for _ in range(4):
            company.share()
    assert counts[0] == counts[1], counts


# -- what share servers serve ------------------------------------------------

RULES = '/share-access-rules'
SERVED = servers_planted.PLANTS


def found_and_mended(company, names):
    """Plant some damage, and expect it, the plan, and what is left."""
    plants = {name: SERVED[name] for name in names}
    company.share('plain')
    victims = {name: company.share(f'victim of {name}') for name in plants}
    for name in api_plants.ordered(plants):
        company.hurt(name, victims[name])
    before, rows = company.inventory(), company.manila.told()
    with company.audit() as audit:
        report = audit.audit()
        assert (kinds(report), report.unseen) == (collections.Counter(
            kind for plant in plants.values() for kind in plant.kinds), ()), [
                str(one) for one in report.differences]
        assert not [one for one in report.differences
                    if 'plain' in one.subject]
        plan = audit.repair_plan(report)
        assert len(list(plan)) >= len(
            [one for one in plants.values() if one.mended]), plan
        assert company.inventory() == before
        assert audit.repair(report, widen=True) == []
        left = audit.audit()
        assert kinds(left) == collections.Counter(
            kind for plant in plants.values() if not plant.mended
            for kind in plant.kinds), [str(one) for one in left.differences]
        assert all(one.do for one in left.differences)
    assert company.manila.told() == rows
    return left


@pytest.mark.turns
@pytest.mark.parametrize('name', SERVED)
def test_each_damage_in_a_server_is_found_and_mended(company, name):
    found_and_mended(company, [name])


@pytest.mark.turns('all damages at once')
def test_all_damage_on_two_servers_is_found_and_mended(company):
    assert len(SERVED) >= 12
    company.add(OTHER)
    there = company.share('elsewhere', OTHER)
    generic_planted.unmounted(company, there)
    company.use(SERVER)
    with company.audit() as audit:
        report = audit.audit()
        assert kinds(report) == {D.LOST_PART: 1}
        assert [one.ident for one in report.differences] == [there.id]
        assert audit.repair(report, widen=True) == []
    left = found_and_mended(company, SERVED)
    # Orphans go when they are named, also what is served.
    orphans = [one for one in left.differences
               if one.kind in (D.ORPHAN_SHARE, D.ORPHAN_SNAPSHOT)]
    assert [one.server for one in orphans].count(SERVER) >= 1
    with company.audit() as audit:
        assert audit.repair_plan(left, [one.ident for one in orphans])
        assert audit.repair(left, [one.ident for one in orphans]) == []
        after = audit.audit()
    assert kinds(after) == kinds(left) - collections.Counter(
        one.kind for one in orphans)


BLIND = {
    'another client': (inventory_share, 'by_exports',
                       lambda facts, path: ()),
    'smaller': (inventory_share, 'slack', lambda total: 1 << 60),
    'orphan that is served': (
        inventory_servers.ServersInventory, '_owner',
        lambda self, volume, known: '')}


@pytest.mark.turns
@pytest.mark.parametrize('name', BLIND)
def test_a_blind_audit_of_servers_is_caught(company, monkeypatch, name):
    monkeypatch.setattr(*BLIND[name])
    with pytest.raises(AssertionError):
        found_and_mended(company, [name])


def test_an_instance_that_is_away_loses_nothing(company):
    company.add(OTHER)
    there = company.share('elsewhere', OTHER)
    company.machine.freeze()
    company.use(SERVER)
    share = company.share('victim')
    generic_planted.export('203.0.113.7')(company, share)
    report = company.report()
    assert {(one.kind, one.ident) for one in report.differences} == {
        (D.WIDER, share.id), (D.NOT_SEEN, there.id)}
    assert len(report.unseen) == 1
    assert f'share server {OTHER}' in report.unseen[0]


@pytest.mark.parametrize('fault', [
    api_sim.denied('/share-servers/x'), api_sim.broken('/share-servers/x'),
    lambda answer, query: {'share_server': {
        **answer['share_server'], 'backend_details': None}},
    lambda answer, query: {'share_server': {
        **answer['share_server'], 'backend_details': {'pk_path': '/x'}}}])
def test_details_that_are_not_told_are_not_guessed(company, fault):
    share = company.share()
    generic_planted.export('203.0.113.7')(company, share)
    company.manila.faults[f'/share-servers/{SERVER}'] = fault
    before = company.inventory()
    with company.audit() as audit:
        report = audit.audit()
        assert kinds(report) == {D.NOT_SEEN: 1}
        assert any(SERVER in text for text in report.unseen)
        assert not audit.repair_plan(report)
        assert audit.repair(report, widen=True) == []
    assert company.inventory() == before


def test_a_server_whose_details_go_is_not_repaired(company):
    share = company.share()
    generic_planted.export('203.0.113.7')(company, share)
    with company.audit() as audit:
        report = audit.audit()
        company.manila.faults[f'/share-servers/{SERVER}'] = api_sim.denied(
            '/share-servers/x')
        before = company.inventory()
        [(one, why)] = audit.repair(report)
        assert (one.ident, 'It is not known who gets' in why) == (
            share.id, True)
        [(one, why)] = audit.repair(report, widen=True)
        assert (one.ident, 'share server' in why) == (share.id, True)
    assert company.inventory() == before


def test_no_password_of_a_server_is_shown(company):
    secret = 'hush-hush'  # noqa: S105 - a simulator's
    company.manila.details[SERVER]['password'] = secret
    share = company.share()
    generic_planted.export('203.0.113.7')(company, share)
    with company.audit() as audit:
        report = audit.audit()
        servers = audit._told_servers()
        assert servers.rows[SERVER]['backend_details']['password'] == secret
        shown = [repr(report), repr(servers), repr(servers.serving(())),
                 *map(str, audit.repair_plan(report))]
    assert report.differences
    assert [text for text in shown if secret in text] == []
    company.manila.faults[f'/share-servers/{SERVER}'] = lambda answer, query: {
        'share_server': {**answer['share_server'],
                         'backend_details': json.dumps([secret])}}
    assert secret not in repr(company.report())


def test_an_instance_of_manilas_own_driver_is_not_lost(company):
    """It has no metadata that would say whose it is."""
    company.share()
    for one in company.sim.nova.store.servers.values():
        one.metadata.clear()
    assert company.report().differences == ()


def test_shares_on_a_server_that_manila_works_on_are_not_judged(company):
    share = company.share()
    generic_planted.export('203.0.113.7')(company, share)
    company.manila.servers[SERVER]['status'] = 'server_migrating'
    report = company.report()
    assert report.differences == ()
    assert any(company.manila.of(share.id) in text
               for text in report.passed), report.passed
    assert f'/share-servers/{SERVER}' not in company.manila.asked


def test_a_server_that_comes_meanwhile_is_no_damage(company):
    """Make one after its Manila was asked, and before OpenStack is."""
    asked = []

    def change(path):
        asked.append(path)
        if path == '/share-servers' and asked.count(path) == 2:
            company.manila.servers[OTHER] = {
                'id': OTHER, 'host': HOST, 'status': 'active'}
    orphan_port(company)
    company.manila.before = change
    report = company.report()
    assert report.differences == ()
    assert any(OTHER in text for text in report.passed)


def removed(company):
    company.share()
    servers_planted.orphan_on_server(company, None)
    with company.audit() as audit:
        report = audit.audit()
        [ident] = [one.ident for one in report.differences
                   if one.kind == D.ORPHAN_SHARE]
        return [why for _, why in audit.repair(report, [ident])]


def test_an_orphan_on_a_share_server_is_seen_to_be_gone(company, monkeypatch):
    assert removed(company) == []
    monkeypatch.setattr(GenericShareDriver, 'delete_share',
                        lambda self, *parts, **more: None)
    [why] = removed(company)
    assert 'it is there after a deletion that did not fail' in why


def test_an_orphan_is_not_seen_gone_where_nobody_can_look(company,
                                                          monkeypatch):
    monkeypatch.setattr(
        GenericShareDriver, 'take_inventory', _untold(
            GenericShareDriver.take_inventory))
    [why] = removed(company)
    assert why == 'nobody has seen it gone: share server x: no answer'


def _untold(whole):
    def take(self, known, serving=None):
        assert serving is None or serving.servers
        return dataclasses.replace(whole(self, known, serving),
                                   unread=('share server x: no answer',))
    return take


def port_gone(company):
    """Somebody deletes the port at which clients reach shares."""
    share = company.share()
    assert company.report().differences == ()
    ident = company.details['public_port_id']
    company.sim.ask('DELETE', f'/network/v2.0/ports/{ident}', user='manila')
    company.pass_time()
    return share, company.details['public_address']


@pytest.fixture
def connected(tmp_path, monkeypatch):
    return Company(tmp_path, monkeypatch,
                   connect_share_server_to_tenant_network=True)


def test_a_port_that_is_gone_is_told(connected, caplog):
    share, address = port_gone(connected)
    [one] = connected.report().differences
    assert (one.kind, f'no address {address} any more' in str(one)) == (
        D.ODD, True)
    row = {**rows.share(records.ShareEntry(
        share.id, 'generic', '', 'NFS', 2, 'available')),
        'host': f'{HOST}#generic', 'share_server': connected.rows[SERVER]}
    connected.service().ensure_shares(None, [row])
    assert f'has no address {address} any more' in caplog.text


def test_who_does_not_look_for_ports_is_caught(connected, caplog,
                                               monkeypatch):
    monkeypatch.setattr(assessment, 'lost_addresses', lambda *parts: ())
    with pytest.raises(ValueError, match='not enough values'):
        test_a_port_that_is_gone_is_told(connected, caplog)
