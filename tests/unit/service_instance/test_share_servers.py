# SPDX-License-Identifier: Apache-2.0

"""Share servers on the simulated cloud: set up, used, torn down."""

from tests.unit.service_instance.conftest import HOST
from tests.unit.service_instance.conftest import SERVER


def test_a_share_server_can_be_logged_in_to_and_goes_without_a_trace(site):
    managed = site.manager()
    made = {}
    managed.create(site.request(), made)
    assert managed.alive(made)
    assert site.sim.machine_at(made['ip'])
    managed.delete(made)
    assert site.lasting() == []
    assert HOST and SERVER
