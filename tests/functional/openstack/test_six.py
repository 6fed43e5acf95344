# SPDX-License-Identifier: Apache-2.0

"""Rules for IPv6: clients mount from an address of it, and come by one."""

import pytest

from tests.functional.openstack.conftest import SIX
from tests.functional.openstack.life import Life
from tests.functional.openstack.life import TEXT

pytestmark = [
    pytest.mark.timeout(1800), pytest.mark.slow,
    pytest.mark.parametrize('driver', ['ours'], indirect=True,
                            scope='package')]


class Six(Life):
    """The chapter, for a machine that has another address."""

    def rules(self) -> None:
        """An address, and a network that only one of two hosts is in."""
        with self.share() as (share, location):
            assert location.startswith(f'[{SIX}]:/'), location
            assert self.client.level(location) is None, 'without a rule'
            rule = self.allow(share, self.client.address, kind='ip')
            assert self.client.level(location) == 'rw'
            assert self.other.level(location) is None, 'another host'
            self.client.nfs(location, 'write', 'file', TEXT)
            self.shares.deny(share, rule)
            assert self.client.level(location) is None, 'after the rule'
            self.allow(share, 'fd07::c:0/112', 'ro')
            assert self.client.level(location) == 'ro'
            assert self.client.nfs(location, 'read', 'file') == TEXT
            assert self.other.level(location) is None, 'another network'


@pytest.mark.parametrize('backend', ['six'])
def test_rules_decide(api, network, common, client, other, living, story,
                      backend):
    # Nobody announces it: addresses are given by hand.
    subnet = api.post('network', '/subnets', {'subnet': {
        'network_id': network.id, 'cidr': 'fd07::/64', 'ip_version': 6,
        'enable_dhcp': False, 'gateway_ip': None, 'name': 'six'}})['id']
    before = client.address, other.address
    common.six(subnet, SIX)
    client.six(subnet, 'fd07::c:1')
    other.six(subnet, 'fd07::d:1')
    try:
        story(living(backend, Six), 'rules')
    finally:
        client.address, other.address = before
