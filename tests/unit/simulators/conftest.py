# SPDX-License-Identifier: Apache-2.0

from collections.abc import Iterator

import pytest

from manila_drivers.testing.simulators.vast import VmsServer
from manila_drivers.testing.simulators.vast import VmsSim
from tests.unit.simulators.client import Api
from tests.unit.simulators.client import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sim(clock: Clock) -> VmsSim:
    return VmsSim(clock, open_root=False)


@pytest.fixture
def api(sim: VmsSim) -> Iterator[Api]:
    """In-process, with an API token."""
    client = Api(sim)
    yield client
    client.close()


@pytest.fixture(params=['adapter', 'server'])
def front(request: pytest.FixtureRequest, sim: VmsSim) -> Iterator[Api]:
    """Return one client on either front."""
    if request.param == 'adapter':
        client = Api(sim)
        yield client
        client.close()
        return
    with VmsServer(sim) as server:
        client = Api(sim, server.url, ca_file=server.ca_file)
        yield client
        client.close()
