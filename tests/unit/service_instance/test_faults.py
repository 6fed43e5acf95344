# SPDX-License-Identifier: Apache-2.0

"""Every request of a set-up and of a tear-down fails once, in every way.

Whatever was raised: a tear-down with the details that Manila has then, or the
set-up once more, comes to its end, and nothing is left.
"""

import pytest

from manila_drivers import exception
from manila_drivers.service_instance import names
from manila_drivers.testing.simulators import openstack
from tests.unit.service_instance import conftest

#: How a request fails, and what the answer was if there was one.
WAYS = {
    'refused by the service': {'kind': 'status', 'code': 500},
    'forbidden': {'kind': 'status', 'code': 403},
    'conflict': {'kind': 'status', 'code': 409},
    'lost before': {'kind': 'reset_before'},
    'lost after': {'kind': 'reset_after'},
    'silence after': {'kind': 'timeout_after'},
    'page of a proxy': {'kind': 'html', 'code': 502, 'times': 30}}

#: Those that a set-up survives, whatever they strike: it was done.
SURVIVED = ('lost after', 'silence after')

TOPOLOGIES = {
    'router': {},
    'router, clone': {'service_instance_boot_from_volume': True},
    'users and admin': {'connect_share_server_to_tenant_network': True,
                        'admin': True},
    'limited': {'limit_ssh_access': True}}


def options_of(site, topology):
    options = dict(TOPOLOGIES[topology])
    if options.pop('admin', False):
        net = site.sim.add_tenant_network('service', '10.9.0.0/24',
                                          name='admin', router=False)
        options.update(admin_network_id=net.network_id,
                       admin_subnet_id=net.subnet_id)
    if topology == 'router, clone':
        options['service_instance_base_boot_volume_id'] = site.base()
    site.before = site.sim.inventory()
    return options


def calls_of(site, managed, made):
    """Requests of a whole life, each as a pattern of the simulator."""
    mark = site.sim.mark()
    managed.create(site.request(), made)
    between = site.sim.mark()
    managed.delete(made)
    after = site.sim.mark()
    return between - mark, after - between


def fresh(tmp_path, topology, tag):
    path = tmp_path / tag
    path.mkdir()
    site = conftest.Site(path)
    managed = site.manager(**options_of(site, topology))
    managed.network_helper.setup_connectivity_with_service_instances()
    return site, managed


def lengths(tmp_path, topology):
    site, managed = fresh(tmp_path, topology, 'counted')
    return calls_of(site, managed, {})


def tried(function, *args):
    """Return what a call raises of our errors; a bug passes."""
    return exception.caught(lambda: function(*args))[1]


def strike(site, number, way):
    site.sim.arm(openstack.Fault(nth=number + 1, **WAYS[way]))


def forgiven(site):
    site.sim.faults.disarm()
    site.clock.sleep(300)


@pytest.mark.turns
@pytest.mark.parametrize(('topology', 'way'), [
    *(('router', way) for way in WAYS),
    *((topology, way) for topology in TOPOLOGIES if topology != 'router'
      for way in ('refused by the service', 'lost after'))])
def test_a_failed_set_up_leaves_nothing_after_its_tear_down(
        tmp_path, topology, way):
    count, _ = lengths(tmp_path, topology)
    assert count > 8
    failed = 0
    for number in range(count):
        site, managed = fresh(tmp_path, topology, str(number))
        strike(site, number, way)
        made = {}
        error = tried(managed.create, site.request(), made)
        failed += error is not None
        forgiven(site)
        managed.delete(made)
        assert site.lasting() == [], (number, error)
        assert site.usable(managed), (number, error)
    assert bool(failed) == (way not in SURVIVED), failed


@pytest.mark.turns
@pytest.mark.parametrize(('topology', 'way'), [
    ('router', 'refused by the service'), ('router', 'lost before'),
    ('router', 'lost after'), ('router, clone', 'lost after')])
def test_a_set_up_that_was_cut_off_is_taken_up_where_it_was(
        tmp_path, topology, way):
    """The details are lost, as after the end of the process."""
    count, _ = lengths(tmp_path, topology)
    for number in range(count):
        site, managed = fresh(tmp_path, topology, str(number))
        strike(site, number, way)
        tried(managed.create, site.request(), {})
        forgiven(site)
        made = {}
        managed.create(site.request(), made)
        assert managed.alive(made), number
        assert len(site.sim.nova.store.servers) == 1, number
        managed.delete(made)
        assert site.lasting() == [], number


@pytest.mark.turns
@pytest.mark.parametrize(('topology', 'way'), [
    *(('router', way) for way in WAYS),
    *((topology, 'refused by the service') for topology in TOPOLOGIES
      if topology != 'router')])
def test_a_tear_down_that_failed_is_repeated(tmp_path, topology, way):
    _, count = lengths(tmp_path, topology)
    assert count > 5
    for number in range(count):
        site, managed = fresh(tmp_path, topology, str(number))
        made = {}
        managed.create(site.request(), made)
        strike(site, number, way)
        tried(managed.delete, made)
        forgiven(site)
        managed.delete(made)
        assert site.lasting() == [], number


@pytest.mark.parametrize('topology', ['router', 'limited'])
def test_a_killed_set_up_is_torn_down_by_the_id_of_its_server_alone(
        tmp_path, topology):
    count, _ = lengths(tmp_path, topology)
    for number in range(count):
        site, managed = fresh(tmp_path, topology, str(number))
        site.sim.arm(openstack.Fault('status', code=500, nth=number + 1,
                                     times=None))
        tried(managed.create, site.request(), {})
        forgiven(site)
        managed.delete({names.SERVER_ID: conftest.SERVER})
        left = site.lasting()
        # A subnet that has no port yet waits, with its group, for the next.
        assert [each for each in left if each[3].startswith((
            'g_', 'manila-service-0', 'manila-share-'))] == [], number
        made = {}
        managed.create(site.request(), made)
        managed.delete(made)
        assert site.lasting() == [], number


@pytest.mark.parametrize('request_', [
    'POST /network/v2.0/ports', 'POST /network/v2.0/subnets',
    'POST /compute/v2.1/servers$', 'POST /compute/v2.1/os-keypairs'])
@pytest.mark.parametrize('late', [5, 20, 90])
def test_a_request_is_carried_out_after_its_answer_was_lost(
        tmp_path, request_, late):
    """A proxy says 504, and the service does it all the same, later."""
    site, managed = fresh(tmp_path, 'router', 'late')
    site.sim.arm(openstack.Fault('status', code=504, match=request_),
                 late=late)
    made = {}
    error = tried(managed.create, site.request(), made)
    assert error is None or late > 60
    forgiven(site)
    managed.delete(made)
    assert site.lasting() == []
    assert site.usable(managed)
