# SPDX-License-Identifier: Apache-2.0

"""Many clients of an export of CES, and how long it takes to compare them."""

import ipaddress
import random
import time

from manila_drivers import networks
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.nas import exports

RULES = 2000


def some(choice, number, bits=24):
    """Nested ones of both versions, all below two."""
    found = {}
    while len(found) < number:
        if choice.random() < 0.3:
            start, length = 0x20010db8 << 96, choice.choice([48, 64, 120])
        else:
            start, length = 10 << 24, choice.choice([8, 16, 24, 30])
        size = 128 if start >> 32 else 32
        if choice.random() < 0.6:
            length = size
        found[ipaddress.ip_network(
            (start | choice.getrandbits(bits), length), strict=False)] = \
            choice.choice(['rw', 'ro'])
    return found


def inside(inner, outer):
    return inner.version == outer.version and inner.subnet_of(outer)


def test_additions_keep_narrower_networks_first():
    """Wherever they go, and wherever the others are."""
    choice = random.Random(8)
    for _ in range(300):
        levels = some(choice, 25, bits=7)
        shuffled = list(levels)
        choice.shuffle(shuffled)
        # Any order in which nothing is hidden by what is before it.
        there = []
        for network in shuffled[:12]:
            place = next((at for at, one in enumerate(there)
                          if inside(network, one)), len(there))
            low = max((at + 1 for at, one in enumerate(there)
                       if inside(one, network)), default=0)
            there.insert(choice.randint(min(low, place), place), network)
        export = exports.Export('/p', 'p', '1', levels)
        change = ces_list.difference(export, [
            ces_list.CesClient(str(network), network, levels[network], {})
            for network in there])
        for addition in change.add:
            place = (len(there) if addition.position is None
                     else addition.position)
            there[place:place] = addition.networks
        assert sorted(map(str, there)) == sorted(map(str, levels))
        for at, network in enumerate(there):
            assert not any(inside(other, network) for other in there[at:]
                           if other != network)


def test_two_thousand_rules_are_compared_in_no_time():
    """It took a quarter of a minute when each was compared with each."""
    choice = random.Random(9)
    old, new = some(choice, RULES), some(choice, RULES // 2)
    new.update(list(old.items())[:RULES // 2])
    entries = [ces_list.CesClient(str(network), network, old[network], {})
               for network in ces_list.ordered(old)]
    export = exports.Export('/p', 'p', '1', new)
    started = time.process_time()
    assert ces_list.levels_of(entries) == old
    change = ces_list.difference(export, entries)
    assert change.one_by_one(export)
    assert networks.takes_away(old, new)
    assert networks.meet(old, new)
    assert not networks.takes_away(old, old)
    assert time.process_time() - started < 2
