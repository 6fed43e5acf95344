# SPDX-License-Identifier: Apache-2.0

"""The rules of the conformance suite on real servers.

What every client gets is asked of the servers, from that client's address,
by reading and by writing.
"""

import random

import pytest

from manila_drivers.testing.conformance import access_property
from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import rules
from tests.functional.nas import labs

pytestmark = pytest.mark.timeout(600)

#: All but the one that measures time and memory of a simulator.
SCENARIOS = [one for one in rules.SCENARIOS
             if one.name != 'a_wide_rule_costs_no_more_than_another']
#: A guest is slow, and slower still if it is looked at all the time.
HISTORIES = {'Ganesha': 30, 'kernel NFS': 12}
LOOKING = 6


def make_lab(request, kind, looking=True):
    if kind == 'Ganesha':
        return labs.GaneshaLab(request.getfixturevalue('ganeshas').real)
    return labs.KernelLab([request.getfixturevalue('kernel').real], looking)


@pytest.mark.turns
@pytest.mark.parametrize('kind', HISTORIES)
@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda one: one.name)
def test_rules(request, kind, scenario):
    lab = make_lab(request, kind)
    try:
        scenario.run(lab)
    finally:
        lab.close()


@pytest.mark.turns
@pytest.mark.parametrize(('kind', 'seed'), [
    (kind, seed) for kind, number in HISTORIES.items()
    for seed in range(number)])
def test_histories(request, kind, seed):
    lab = make_lab(request, kind, seed % LOOKING == 0)
    try:
        access_property.run(lab, history.make(random.Random(seed), lab))
    finally:
        lab.close()
