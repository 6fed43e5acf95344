#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

from collections.abc import Iterator

import pytest

from manila_drivers.simulators.vast import VmsServer
from manila_drivers.simulators.vast import VmsSim
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
    """The same client on either front."""
    if request.param == 'adapter':
        client = Api(sim)
        yield client
        client.close()
        return
    with VmsServer(sim) as server:
        client = Api(sim, server.url, ca_file=server.ca_file)
        yield client
        client.close()
