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

"""A server in this process for each test, and the transport to it."""

import pytest

from manila_drivers.transport import meter
from manila_drivers.transport import ssh
from tests.unit.transport.ssh import server


@pytest.fixture
def hosts():
    made = ssh.Hosts()
    yield made
    made.close()


@pytest.fixture
def serve():
    made = []

    def start(*args, **kwargs):
        made.append(server.Server(*args, **kwargs))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def measured():
    with meter.measure() as made:
        yield made
