# SPDX-License-Identifier: Apache-2.0

"""Share servers in OpenStack against those that Manila has."""

import collections
import contextlib
import uuid

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.direct import manila_auditing
from manila_drivers.generic import driver
from manila_drivers.openstack import networks
from manila_drivers.service_instance import names
from manila_drivers.testing.backends import generic
from manila_drivers.testing.simulators import openstack
from tests.unit.audit import api_sim
from tests.unit.service_instance.conftest import Guest
from tests.unit.service_instance.conftest import OTHER
from tests.unit.service_instance.conftest import SERVER
from tests.unit.service_instance.conftest import Site

D = differences
HOST = 'ctl@g'
BLIND = 'service instances: whom they let in, and the size of what they serve'
MARK = 'manila_share_instance_id'


class Company:
    """A cloud with one share server, and the Manila that has it."""

    def __init__(self, directory, monkeypatch):
        self.site = Site(directory)
        self.sim = self.site.sim
        monkeypatch.setattr(compat, 'service_host', lambda: 'ctl')
        self.managed = self.site.manager(limit_ssh_access=True)
        self.made = {}
        self.managed.create(self.site.request(), self.made)
        # Nobody is the share service any more.
        monkeypatch.setattr(compat, 'service_host', lambda: '')
        self.manila = api_sim.ManilaSim(hosts=[HOST])
        self.manila.add_server(SERVER)
        self.site.conf(share_driver=generic.DRIVER, limit_ssh_access=True)
        build, site = driver.GenericShareDriver.build_backend, self.site
        wiring = {'cloud_adapter': openstack.CloudAdapter(
                      self.sim, waited=site.clock.sleep),
                  'make_runner': lambda target: Guest(site, target),
                  'host_runner': site.host, 'clock': site.clock,
                  'sleep': site.clock.sleep}

        def wired(made):
            made.injected = wiring
            return build(made)
        monkeypatch.setattr(driver.GenericShareDriver, 'build_backend', wired)

    def audit(self):
        with contextlib.closing(manila_auditing.ManilaAudit.of(
                self.site.path / 'manila.conf', 'g', self.manila,
                HOST)) as found:
            return found.audit()

    def volume(self, name, **metadata):
        status, told = self.sim.ask('POST', '/volume/v3/volumes', {'volume': {
            'name': name, 'size': 1, 'metadata': metadata}}, user='manila')
        assert status == 202, told
        self.site.clock.sleep(60)
        self.sim.settle()
        return told['volume']['id']

    def share(self):
        """A share of Manila with its volume; nobody has mounted it."""
        ident = str(uuid.uuid4())
        self.volume(f'manila-share-{ident}', manila_host='ctl',
                    **{MARK: ident})
        self.manila.add(ident, size=1, host=f'{HOST}#g', paths=['10.0.0.1:/x'])
        return ident

    @property
    def network(self):
        return self.managed.cloud.networks


@pytest.fixture
def company(tmp_path, monkeypatch):
    return Company(tmp_path, monkeypatch)


def kinds(report):
    return collections.Counter(one.kind for one in report.differences)


def test_what_is_in_order_has_no_finding(company):
    company.share()
    before = company.sim.inventory()
    report = company.audit()
    assert report.differences == (), [str(one) for one in report.differences]
    assert (report.unseen, report.passed) == ((BLIND,), ())
    assert company.sim.inventory() == before


def test_what_a_set_up_left_behind_is_found(company):
    """Take the share server away from Manila: all of it is left over."""
    del company.manila.servers[SERVER]
    report = company.audit()
    left = [one for one in report.differences if SERVER in one.expected]
    assert kinds(report) == {D.LEFT: len(left)}
    for kind in ('service instance', 'port'):
        assert any(one.subject.startswith(f'{kind} ') for one in left)


def orphan_volume(company):
    company.volume('boot', **{names.SHARE_SERVER: OTHER,
                              names.MADE_BY: HOST})
    return D.LEFT, 'boot volume'


def orphan_share(company):
    ident = str(uuid.uuid4())
    company.volume(f'manila-share-{ident}', manila_host='ctl',
                   **{MARK: ident})
    return D.ORPHAN_SHARE, f'share {ident}'


def orphan_port(company):
    subnet = company.network.subnet(company.made['subnet_id'])
    company.network.create_port(subnet.network_id,
                                name=names.port('service', OTHER))
    return D.LEFT, 'port'


def orphan_subnet(company):
    subnet = company.network.subnet(company.made['subnet_id'])
    company.network.create_subnet(
        subnet.network_id, cidr='10.254.200.0/28', name=names.subnet('gone'))
    return D.LEFT, 'service subnet'


def orphan_group(company):
    company.network.create_security_group(names.ssh_group('gone'), 'x')
    return D.LEFT, 'security group'


def server_gone(company):
    status, _ = company.sim.ask(
        'DELETE', f'/compute/v2.1/servers/{company.made["instance_id"]}',
        user='manila')
    assert status == 204
    company.site.clock.sleep(60)
    company.sim.settle()
    return D.LOST_SERVER, f'share server {SERVER}'


def in_error(company):
    company.manila.servers[SERVER]['status'] = 'error'
    return D.UNFINISHED_SERVER, f'share server {SERVER}'


def lost_share(company):
    ident = company.share()
    volume = next(one for one in company.managed.cloud.volumes.list()
                  if (one.metadata or {}).get(MARK) == ident)
    company.managed.cloud.volumes.delete(volume.id)
    company.site.clock.sleep(60)
    company.sim.settle()
    return D.LOST_SHARE, f'share {company.manila.of(ident)}'


def lost_snapshot(company):
    company.manila.snapshot(str(uuid.uuid4()), company.share())
    return D.LOST_SNAPSHOT, 'snapshot'


def _volume_of(company, ident):
    return next(one for one in company.sim.cinder.store.volumes.values()
                if one.metadata.get(MARK) == ident)


def second_volume(company):
    ident = company.share()
    company.volume(f'manila-share-{ident}', manila_host='ctl',
                   **{MARK: ident})
    return D.ODD, f'share {company.manila.of(ident)}'


def odd_volume(company):
    ident = company.share()
    _volume_of(company, ident).status = 'maintenance'
    return D.ODD, f'share {company.manila.of(ident)}'


def orphan_snapshot(company):
    ident, owner = str(uuid.uuid4()), company.share()
    status, told = company.sim.ask('POST', '/volume/v3/snapshots', {
        'snapshot': {'volume_id': _volume_of(company, owner).id,
                     'name': f'manila-snapshot-{ident}', 'metadata': {
                         'manila_snapshot_instance_id': ident}}},
        user='manila')
    assert status == 202, told
    company.site.clock.sleep(60)
    company.sim.settle()
    return D.ORPHAN_SNAPSHOT, 'snapshot'


def broken_snapshot(company):
    owner = company.share()
    status, told = company.sim.ask('POST', '/volume/v3/snapshots', {
        'snapshot': {'volume_id': _volume_of(company, owner).id,
                     'name': 'x'}}, user='manila')
    assert status == 202, told
    company.site.clock.sleep(60)
    company.sim.settle()
    [made] = company.sim.cinder.store.snapshots.values()
    ident = str(uuid.uuid4())
    made.name = f'manila-snapshot-{ident}'
    made.metadata['manila_snapshot_instance_id'] = ident
    made.status = 'error'
    company.manila.snapshot(ident, owner)
    return D.LOST_SNAPSHOT, 'snapshot'


def share_in_error(company):
    ident = company.share()
    company.manila.instances[ident]['status'] = 'extending_error'
    return D.UNFINISHED_SHARE, f'share {company.manila.of(ident)}'


def snapshot_in_error(company):
    company.manila.snapshot(str(uuid.uuid4()), company.share(), 'error')
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
    report = company.audit()
    [one] = report.differences
    assert (one.kind, one.subject.startswith(subject), one.repair) == (
        kind, True, ''), one
    assert one.do
    assert company.sim.inventory() == before


def test_a_server_that_manila_makes_is_no_damage(company):
    company.manila.add_server(OTHER, status='creating')
    orphan_port(company)
    orphan_subnet(company)
    report = company.audit()
    assert report.differences == ()
    assert report.passed == (f'share server {OTHER} is in work: creating',)


def test_servers_of_other_hosts_are_known(company):
    company.manila.add_server(OTHER, host='ctl@other')
    orphan_port(company)
    assert company.audit().differences == ()


def test_without_share_servers_nothing_is_said(company):
    company.manila.faults['/share-servers'] = api_sim.denied('/share-servers')
    with pytest.raises(exception.AccessDenied):
        company.audit()


def test_a_list_that_is_not_told_hides_no_damage(company, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise exception.BackendError('The list of ports', answer='no')
    orphan_subnet(company)
    monkeypatch.setattr(networks.Networks, 'ports', refuse)
    report = company.audit()
    assert report.differences == ()
    assert any('list of ports' in text for text in report.unseen)


def test_requests_do_not_grow_with_shares(company):
    company.share()
    counts = []
    for _ in range(2):
        mark = company.sim.mark()
        company.audit()
        counts.append(len([line for line in company.sim.requests(mark)
                           if 'identity' not in line]))
        for _ in range(4):
            company.share()
    assert counts[0] == counts[1], counts
