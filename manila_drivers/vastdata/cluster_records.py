# SPDX-License-Identifier: Apache-2.0

"""The cluster, its tenants and its VIP pools, as VMS tells them."""

import dataclasses
import re

from manila_drivers.vastdata import records


@dataclasses.dataclass(frozen=True)
class VipPool:
    """A pool of virtual addresses; ``ranges`` are inclusive, in order."""

    id: int
    name: str
    enabled: bool
    role: str
    ranges: tuple[tuple[str, str], ...]
    tenant_id: int | None

    @classmethod
    def of(cls, data: records.Json) -> 'VipPool':
        ranges = data.get('ip_ranges') or ()
        if not isinstance(ranges, list | tuple) or not all(
                isinstance(pair, list | tuple) for pair in ranges):
            raise ValueError('ip_ranges is %.60r, not a list of pairs'
                             % (ranges,))
        return cls(id=records.ident(data, 'VIP pool'),
                   name=records.name(data, 'VIP pool'),
                   enabled=records.flag(data, 'enabled') is not False,
                   role=(records.text(data, 'role') or 'PROTOCOLS').upper(),
                   ranges=tuple((str(pair[0]), str(pair[-1] or pair[0]))
                                for pair in ranges if pair),
                   tenant_id=records.number(data, 'tenant_id'))


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A tenant; ``hard_limit`` in bytes caps its capacity, 0 = none."""

    id: int
    name: str
    hard_limit: int

    @classmethod
    def of(cls, data: records.Json) -> 'Tenant':
        rules = records.part(data, 'capacity_rules') or {}
        return cls(id=records.ident(data, 'tenant'),
                   name=records.name(data, 'tenant'),
                   hard_limit=records.number(rules, 'hard_limit') or 0)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The cluster; capacities in bytes, None where not told."""

    version: tuple[int, ...]
    version_text: str
    trash: bool | None
    reduction: float | None
    total: int | None
    free: int | None

    @classmethod
    def of(cls, data: records.Json) -> 'Cluster':
        told = (records.text(data, 'sw_version')
                or records.text(data, 'sys_version') or '')
        total = records.size(data, 'logical_space')
        free = records.size(data, 'free_logical_space')
        used = records.size(data, 'logical_space_in_use')
        if free is None and total is not None and used is not None:
            free = total - used
        return cls(version=version_of(told), version_text=told,
                   trash=records.flag(data, 'enable_trash'),
                   reduction=records.fraction(data, 'drr'),
                   total=total, free=None if free is None else max(free, 0))


@dataclasses.dataclass(frozen=True)
class Installed:
    """A version that was installed, or was to be; ``status`` '' if untold."""

    id: int
    status: str
    cluster: Cluster

    @classmethod
    def of(cls, data: records.Json) -> 'Installed':
        return cls(id=records.ident(data, 'version'),
                   status=(records.text(data, 'status') or '').lower(),
                   cluster=Cluster.of(data))


def version_of(text: str) -> tuple[int, ...]:
    """Up to three leading numbers of a software version.

    ``5.4.0.20.10960402906660116571`` is (5, 4, 0): what follows is build
    data.  A text that starts with no number is ().
    """
    match = re.match(r'\s*(\d+(?:\.\d+){0,2})', text)
    return tuple(map(int, match.group(1).split('.'))) if match else ()
