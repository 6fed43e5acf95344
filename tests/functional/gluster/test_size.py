# SPDX-License-Identifier: Apache-2.0

"""Shares that are bounded by a quota, on a real glusterd."""

import pytest

from tests.functional.gluster import made
from tests.functional.gluster.waiting import eventually
from tests.functional.lab import gluster
from tests.functional.lab import service as services

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope='module')
def service(site):
    """Its only volume has room for 2 GiB, and a little more."""
    site.volume('bounded-2G-1', 3 * gluster.GIB)
    return site.service(glusterfs_volume_pattern='bounded-#{size}G-\\d+$',
                        glusterfs_quota='true')


@pytest.fixture
def client(site, service):
    row = made.share(size=2)
    path = made.path(service.call('create_share', None, row))
    rules = made.rules('tenant-a')
    service.call('update_access', None, row, rules, rules, [], [])
    with site.tenant('tenant-a') as tenant:
        tenant.mount(path)
        yield tenant, row
    service.call('delete_share', None, row)


def test_a_share_has_its_size(service, client):
    tenant, row = client
    assert eventually(lambda: tenant.size() == 2 * gluster.GIB)
    service.call('shrink_share', row, 1)
    assert eventually(lambda: tenant.size() == gluster.GIB)
    service.call('extend_share', row, 2)
    assert eventually(lambda: tenant.size() == 2 * gluster.GIB)
    with pytest.raises(services.Raised, match='has 2'):
        service.call('extend_share', row, 3)


def test_what_is_in_use_is_not_shrunk_away(service, client):
    tenant, row = client
    tenant.fill('large', 1200)
    assert eventually(lambda: used(service, row) > 1.1)
    with pytest.raises(services.Raised) as raised:
        service.call('shrink_share', row, 1)
    assert 'ShareShrinkingPossibleDataLoss' in raised.value.kinds
    assert tenant.size() == 2 * gluster.GIB
    tenant.remove('large')
    assert eventually(lambda: used(service, row) < 1)
    service.call('shrink_share', row, 1)


def test_no_more_can_be_written_than_there_is(service, client):
    tenant, row = client
    service.call('shrink_share', row, 1)
    tenant.fill('large', 1000)
    assert eventually(lambda: used(service, row) > 0.9)
    held = tenant.hold()
    assert eventually(
        lambda: held.write('x' * (1 << 20)) in ('EDQUOT', 'ENOSPC'),
        seconds=60)


def used(service, row):
    """GiB, as the driver tells Manila."""
    [usage] = service.call('update_share_usage_size', None, [row])
    return usage['used_size']
