# SPDX-License-Identifier: Apache-2.0

"""A server in this process for each test, and the transport to it."""

import pytest

from manila_drivers.transport import meter
from manila_drivers.transport import ssh
from tests.unit.transport.ssh import places
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


@pytest.fixture
def place(monkeypatch):
    made = places.Place(monkeypatch)
    yield made
    made.open.set()
    made.pool.close()
    for caller in made.callers:
        caller.leave()
