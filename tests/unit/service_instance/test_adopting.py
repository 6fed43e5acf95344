# SPDX-License-Identifier: Apache-2.0

"""Service instances that a share server is made of, and let go again."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import records
from manila_drivers.service_instance import adoption_planning
from manila_drivers.service_instance import names
from tests.unit.service_instance.conftest import OTHER
from tests.unit.service_instance.conftest import SERVER
from tests.unit.service_instance.test_share_servers import admin_options
from tests.unit.service_instance.test_share_servers import made_by


def marks(site, made):
    """Return the share server that all of an instance says it is of."""
    server = site.sim.server(made['instance_id'])
    found = {server.metadata[names.SHARE_SERVER]}
    found |= {port['name'].partition('-')[2].partition('-')[2]
              for port in site.ports(device_id=server.id)}
    return found


@pytest.mark.parametrize('tenant', [False, True])
@pytest.mark.parametrize('admin', [False, True])
def test_an_instance_changes_hands(site, tenant, admin):
    options = admin_options(site) if admin else {}
    managed = site.manager(connect_share_server_to_tenant_network=tenant,
                           **options)
    made = made_by(managed, site.request())
    assert marks(site, made) == {SERVER}
    found = managed.adopt(OTHER, made['instance_id'])
    # The router is found by the subnet when that goes.
    assert {**made, 'server_id': OTHER, 'router_id': None} == {
        **found, 'router_id': None}
    assert marks(site, made) == {OTHER}
    assert managed.adopt(OTHER, made['instance_id']) == found
    assert managed.alive(found)
    assert set(managed.addresses(OTHER, made['instance_id'])) >= {
        made['ip'], made['public_address']}
    managed.delete(found)
    assert site.lasting() == []


def test_an_instance_of_manilas_own_driver(site):
    """It has that driver's name, and its ports have none."""
    managed = site.manager()
    made = made_by(managed, site.request())
    server = site.sim.server(made['instance_id'])
    server.metadata.clear()
    server.name = 'manila_service_instance_' + SERVER
    for port in site.ports(device_id=server.id):
        port['name'] = ''
    with pytest.raises(exception.NotManageable, match='no service instance'):
        managed.adopt(OTHER, made['instance_id'])
    managed = site.manager(
        service_instance_name_template='manila_service_instance_%s')
    managed.delete(managed.adopt(OTHER, made['instance_id']))
    assert site.lasting() == []


def test_the_volume_it_has_booted_from_goes_with_it(site):
    managed = site.manager(
        service_instance_boot_from_volume=True,
        service_instance_base_boot_volume_id=site.base())
    made = made_by(managed, site.request())
    found = managed.adopt(OTHER, made['instance_id'])
    assert found[names.BOOT_VOLUME] == made[names.BOOT_VOLUME]
    managed.delete(found)
    assert site.lasting() == []


def test_no_other_machine_is_taken(site):
    """The end of a share server would be the end of it."""
    managed = site.manager()
    made = made_by(managed, site.request())
    server = site.sim.server(made['instance_id'])
    before = dict(server.metadata), server.name
    server.metadata.clear()
    server.name = 'database'
    with pytest.raises(exception.NotManageable, match="called 'database'"):
        managed.adopt(OTHER, made['instance_id'])
    server.metadata.update(before[0])
    for ident, told in [('g_' + SERVER, 'no id of a server'),
                        (OTHER, 'has no server')]:
        with pytest.raises(exception.NotManageable, match=told):
            managed.adopt(OTHER, ident)
    managed.cloud.compute.stop(server.id)
    site.clock.sleep(30)
    with pytest.raises(exception.NotManageable, match='does not run'):
        managed.adopt(OTHER, made['instance_id'])
    assert marks(site, made) == {SERVER}


def test_a_failure_at_the_last_mark_is_made_good(site):
    managed = site.manager()
    made = made_by(managed, site.request())
    compute = managed.cloud.compute
    fail = exception.BackendError('no')

    def refuse(ident, marks):
        raise fail
    true, compute.mark = compute.mark, refuse
    with pytest.raises(exception.BackendError):
        managed.adopt(OTHER, made['instance_id'])
    compute.mark = true
    assert marks(site, made) == {SERVER, OTHER}
    managed.adopt(OTHER, made['instance_id'])
    assert marks(site, made) == {OTHER}


def test_a_dry_run_takes_nothing(site):
    managed = site.manager()
    made = made_by(managed, site.request())
    with plan.dry_run() as dry:
        managed.adopt(OTHER, made['instance_id'])
    assert 'rename port' in str(dry) and 'mark server' in str(dry)
    assert marks(site, made) == {SERVER}


IDENT = '2f0e0d0c-1111-4222-8333-444455556666'
RUNNING = records.Server(IDENT, name='g_x', status='ACTIVE', volumes=('v',),
                         metadata={names.SHARE_SERVER: SERVER})
PORT = records.Port('p', name='x', network_id='n', fixed_ips=(
    records.FixedIp('s', '10.0.0.2'),))
VOLUME = records.Volume('v', metadata={names.SHARE_SERVER: SERVER})


@pytest.mark.parametrize(('facts', 'told'), [
    ({'ports': ()}, 'no single port'),
    ({'ports': (PORT, PORT)}, 'no single port'),
    ({'ports': (dataclasses.replace(PORT, fixed_ips=()),)}, 'no single port'),
    ({'ports': (PORT, dataclasses.replace(PORT, network_id='o'))},
     'in network o'),
    ({'service_network': ''}, 'in network n'),
    ({'volumes': (VOLUME, dataclasses.replace(VOLUME))}, '2 boot volumes'),
    ({'server': None}, 'has no server'),
    ({'server': dataclasses.replace(RUNNING, volumes=None)},
     'does not tell the volumes'),
    ({'server': dataclasses.replace(RUNNING, status=None)}, 'does not run'),
    ({'server': dataclasses.replace(RUNNING, name=None, metadata=None)},
     'no service instance')])
def test_what_is_not_like_ours_is_refused(site, facts, told):
    conf = site.manager().settings
    with pytest.raises(exception.NotManageable, match=told):
        adoption_planning.adopt(
            adoption_planning.AdoptionFacts(**{
                'server': RUNNING, 'ports': (PORT,), 'service_network': 'n',
                'volumes': (VOLUME,), **facts}), IDENT, OTHER,
            conf.instances, conf.network)


def test_a_volume_that_is_not_attached_is_not_its_own(site):
    conf = site.manager().settings
    found = adoption_planning.adopt(adoption_planning.AdoptionFacts(
        RUNNING, (PORT,), 'n', (dataclasses.replace(VOLUME, id='w'),)),
        IDENT, OTHER, conf.instances, conf.network)
    assert found.volume == ''
    assert [step.action for step in found.steps] == [
        'rename port', 'mark server']
