# SPDX-License-Identifier: Apache-2.0

"""Metrics of a backend in a real Manila, with either kind of threads."""

from collections.abc import Iterator
import pathlib

import pytest

from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import api
from manila_drivers.testing.manila import client
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila.__main__ import make_types
from tests.functional.metrics import counting

RUNS = [('20.0', 'eventlet'), ('21.0', 'eventlet'), ('22.0', 'threads'),
        ('23.0', 'threads')]
PORT = counting.free_port()


@pytest.fixture(params=RUNS, ids='-'.join)
def stage(request: pytest.FixtureRequest, place: environment.Environment,
          tmp_path: pathlib.Path,
          ) -> Iterator[tuple[process.Manila, vast.Cluster]]:
    release, threading = request.param
    with vast.Cluster() as cluster:
        settings = config.Settings(tmp_path, {'vast': {
            'driver_handles_share_servers': False, 'metrics_port': PORT,
            **cluster.options()}})
        with process.Manila(place, releases.named(release), settings,
                            threading) as manila:
            yield manila, cluster


def test_counters_and_states_are_those_of_manila_and_the_backend(
        stage: tuple[process.Manila, vast.Cluster]) -> None:
    manila, cluster = stage
    url = f'http://127.0.0.1:{PORT}/metrics'
    [kind] = make_types(manila)
    user = client.Client(api.Api(manila.endpoint,
                                 manila.release.microversion))
    made = user.create_share('NFS', 1, kind)
    user.wait_share(made['id'])
    user.allow(made['id'], 'ip', '192.0.2.1', 'ro')
    user.wait_rules(made['id'])

    def told() -> bool | None:
        seen = counting.scraped(url)
        return seen.get(('manila_drivers_shares', 'available')) == 1 or None

    user.wait('the status of shares in metrics', told)
    # Statistics go on meanwhile: what is asked before is counted after, and
    # nothing is counted before it has been asked.
    before = cluster.sim.calls
    seen = counting.scraped(url)
    assert counting.told(seen, 'rest') <= cluster.sim.calls
    assert counting.told(seen, 'rest') >= before - 1
    for operation in ('create_share', 'update_access'):
        assert seen['manila_drivers_operations_total', operation,
                    'done'] == 1
        assert seen['manila_drivers_operation_seconds_count',
                    operation] == 1
