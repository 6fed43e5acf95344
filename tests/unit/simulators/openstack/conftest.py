# SPDX-License-Identifier: Apache-2.0

import pytest

from manila_drivers.testing.simulators import openstack
from tests.unit.simulators.client import Clock
from tests.unit.simulators.openstack.hand import Hand


@pytest.fixture
def sim(clock: Clock) -> openstack.OpenStackSim:
    return openstack.OpenStackSim(clock)


@pytest.fixture
def hand(sim: openstack.OpenStackSim, clock: Clock) -> Hand:
    return Hand(sim, clock)
