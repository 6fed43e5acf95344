# SPDX-License-Identifier: Apache-2.0

"""``vippools`` and ``vips``: the addresses that clients mount from."""

from collections.abc import Iterator
import ipaddress

from manila_drivers.testing.simulators.vast import hosts
from manila_drivers.testing.simulators.vast.filters import select
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.table import Table
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import Record

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Pools(base.Resource):
    """Operators make pools; clients only read them."""

    name = 'vippools'
    tenanted = True
    filters = {**base.COMMON, **base.TENANTED, 'enabled': 'enabled',
               'role': 'role', 'cluster__id': 'cluster_id'}


class Vips(base.Resource):
    """Each address on its own, computed from the pools."""

    name = 'vippools'
    tenanted = True
    filters = {'id': 'id', 'ip': 'ip', 'vippool': 'vippool',
               'vippool__name': 'vippool', 'vippool__id': 'vippool_id',
               'tenant_id': 'tenant_id'}

    def routes(self) -> base.Routes:
        return {('GET', False, ''): self.list}

    def select(self, call: Call) -> list[Record]:
        table = Table()
        for pool in self.table:
            for address in addresses(pool):
                table.add({'ip': str(address), 'vippool': pool['name'],
                           'vippool_id': pool['id'], 'cnode': 'cnode-1',
                           'tenant_id': pool['tenant_id']})
        params = [] if self.options.ignore_filters else call.params
        return [vip for vip in select(table, params, self.filters)
                if self.visible(call, vip)]


def addresses(pool: Record, most: int = 4096) -> Iterator[Address]:
    """In the order of the ranges, each ascending; at most so many."""
    for start, end in pool['ip_ranges']:
        first, last = map(ipaddress.ip_address, (start, end))
        number = int(first)
        while number <= int(last) and most > 0:
            yield type(first)(number)
            number, most = number + 1, most - 1


def serves(pool: Record, vip: str) -> bool:
    """Return whether an address belongs to a pool."""
    wanted = hosts.number_of(vip)
    return any(hosts.number_of(start) <= wanted <= hosts.number_of(end)
               for start, end in pool['ip_ranges'])


def usable(pool: Record, tenant_id: int) -> bool:
    """Return whether clients of a tenant can mount through a pool."""
    return (pool['enabled'] and pool['role'] == 'PROTOCOLS'
            and pool['tenant_id'] in (None, tenant_id))
