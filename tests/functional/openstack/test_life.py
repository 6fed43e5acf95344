# SPDX-License-Identifier: Apache-2.0

"""Shares in a real cloud, through Manila's API: our driver, and Manila's own.

Manila's own driver is the control: that a chapter is possible here at all,
and what it costs there.  Where it is known to fail, that is said below.
"""

import importlib.util

import pytest

from tests.functional.openstack import machines
from tests.functional.openstack import manila
from tests.functional.openstack import places
from tests.functional.openstack import tenancy
from tests.functional.openstack.api import eventually
from tests.functional.openstack.trouble import Trouble

pytestmark = pytest.mark.timeout(3600)

DRIVERS = {'control': manila.UPSTREAM, 'ours': manila.OURS}
CHAPTERS = ('nfs', 'cifs_by_address', 'copies', 'shrink',
            'extend_while_written', 'client_that_vanished')
#: What takes longer, and is beyond what a driver is asked every day.
TROUBLE = ('disks_in_another_order', 'killed', 'deleted_while_it_is_down')

#: What Manila's own driver does not do.
FAULTS = {
    'extend_while_written': 'it takes the volume away while it is extended'}


# Of a wider scope, so that all of one driver comes before the other.
@pytest.fixture(scope='package', params=DRIVERS)
def driver(request):
    if request.param == 'ours' and importlib.util.find_spec(
            'manila_drivers.generic.driver') is None:
        pytest.skip('our driver is not there yet')
    return request.param


@pytest.fixture(scope='module')
def other(cloud, api, network):
    """A host of the tenant whom nobody allows anything."""
    made = tenancy.Host(cloud.room, api, network)
    yield made
    made.close()


@pytest.fixture(scope='module')
def common(cloud, api, network, manager):
    """A machine that is there already, for when servers are not handled."""
    made = machines.Machine(cloud.room, api, network, manager, 'common')
    made.wait()
    yield made
    made.close()


@pytest.fixture(scope='module')
def backend(cloud, api, driver, common, tell):
    """Manila with the driver in both modes; no share is there before."""
    path = DRIVERS[driver]
    before = manila.inventory(api)
    served = manila.Manila(cloud.room, {
        'handled': manila.section(path, handles=True),
        'single': manila.section(
            path, handles=False, service_instance_name_or_id=common.id,
            service_net_name_or_ip=common.address,
            tenant_net_name_or_ip=common.address),
        'refusing': manila.section(
            path, handles=False, service_instance_name_or_id=common.id,
            service_net_name_or_ip=common.address,
            tenant_net_name_or_ip=common.address,
            cinder_volume_type=places.BACKENDS[1])})
    try:
        eventually(lambda: served.up(3), 'all backends are up', 300)
        tell(f'{driver}: all backends are up')
        yield before
    finally:
        served.close()


@pytest.fixture(scope='module', params=['handled', 'single'])
def life(request, cloud, api, driver, backend, network, client, other, tell):
    share_network = ''
    if request.param == 'handled':
        share_network = api.post('sharev2', '/share-networks', {
            'share_network': {'neutron_net_id': network.id,
                              'neutron_subnet_id': network.subnet,
                              'name': driver}})['id']
    kind = manila.share_type(api, request.param, bool(share_network))
    shares = manila.Shares(api, kind, share_network)
    made = Trouble(cloud.room, api, shares, client, other)
    yield made
    tell(f'{driver}, {request.param}: ' + ', '.join(
        f'{what} {seconds:.1f} s' for what, seconds in made.times))


@pytest.mark.parametrize('chapter', [*CHAPTERS, *(
    pytest.param(each, marks=pytest.mark.slow) for each in TROUBLE)])
def test_chapter(life, driver, chapter, tell):
    try:
        getattr(life, chapter)()
    except AssertionError as wrong:
        tell(f'{driver}, {chapter}: {str(wrong)[:1000]}')
        if driver == 'control' and chapter in FAULTS:
            pytest.xfail(f'{FAULTS[chapter]}: {wrong}')
        raise


@pytest.mark.slow
def test_storage_that_refuses_to_extend_what_is_in_use(
        cloud, api, driver, backend, client, other, tell):
    shares = manila.Shares(api, manila.share_type(api, 'refusing', False))
    life = Trouble(cloud.room, api, shares, client, other)
    try:
        life.extended_although_refused()
    except AssertionError as wrong:
        tell(f'{driver}, refused: {str(wrong)[:1000]}')
        if driver == 'control':
            pytest.xfail(str(wrong))
        raise


def test_nothing_is_left(api, life, backend):
    life.end()
    assert not manila.left(backend, manila.inventory(api))
