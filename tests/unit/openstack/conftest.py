# SPDX-License-Identifier: Apache-2.0

"""Clients on the simulated cloud, inside the process."""

import io
import json
import re
import time

from oslo_config import cfg
import pytest

from manila_drivers.openstack import cloud
from manila_drivers.testing.conformance import clock
from manila_drivers.testing.simulators import openstack


def configured(directory, groups):
    """Return the configuration that a file with these groups makes."""
    path = directory / 'manila.conf'
    path.write_text(''.join(
        '[%s]\n%s\n' % (group, '\n'.join(
            '%s = %s' % each for each in options.items()))
        for group, options in groups.items()))
    conf = cfg.ConfigOpts()
    conf(['--config-file', str(path)], project='manila')
    return conf


class Altered(openstack.CloudAdapter):
    """A network on which answers are changed.

    :param changes: function of the JSON, by a regular expression that is
        searched in the request, such as ``GET /volume/v3``; a text in its
        place, or an iterator of texts, is the whole body of a success.
    """

    def __init__(self, sim, waited, changes):
        super().__init__(sim, waited)
        self.changes = changes

    def send(self, request, *args, **kwargs):
        answer = super().send(request, *args, **kwargs)
        label = '%s %s' % (request.method, request.path_url)
        for pattern, change in self.changes.items():
            if re.search(pattern, label):
                text = answer.raw.read().decode()
                if callable(change):
                    body = json.dumps(change(json.loads(text)))
                else:
                    body = change if isinstance(change, str) else next(change)
                    answer.status_code = 200
                answer.raw = io.BytesIO(body.encode())
        return answer


class CloudBench:
    """A simulated cloud, and clients that are configured for it."""

    def __init__(self, directory, **options):
        self.directory = directory
        # keystoneauth1 looks at the clock of the machine.
        self.clock = clock.Clock(time.time())
        self.altered = {}
        self.sim = openstack.OpenStackSim(
            self.clock, options=openstack.CloudOptions(**options))

    def conf(self, **changes):
        """Return a configuration; ``nova={...}`` changes its group.

        An option of None is left out.
        """
        groups = {group: {**self.sim.auth(), **changes.get(group, {})}
                  for group in ('nova', 'cinder', 'neutron', 'glance')}
        return configured(self.directory, {
            group: {name: value for name, value in options.items()
                    if value is not None}
            for group, options in groups.items()})

    def cloud(self, **changes):
        return cloud.Cloud(
            self.conf(**changes), clock=self.clock, sleep=self.clock.sleep,
            adapter=Altered(self.sim, self.clock.sleep, self.altered))

    def asked(self, mark=0):
        """Return the requests to services since a mark."""
        return [line for line in self.sim.asked(mark)
                if not line.startswith('identity')]


@pytest.fixture
def bench(tmp_path):
    return CloudBench(tmp_path)


@pytest.fixture
def clients(bench):
    made = bench.cloud()
    yield made
    made.close()


@pytest.fixture
def make_bench(tmp_path):
    def make(**options):
        return CloudBench(tmp_path, **options)
    return make
