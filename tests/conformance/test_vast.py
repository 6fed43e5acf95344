# SPDX-License-Identifier: Apache-2.0

"""The VAST driver passes everything, on its simulator."""

import random

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers.testing.conformance import access_property
from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import suite
from manila_drivers.testing.conformance.labs import vast


class TestVast(suite.Everything):
    make_lab = vast.VastLabs()
    histories = 5000


class Ipv6Lab(vast.VastLab):
    """A cluster whose host lists take IPv6."""

    name = 'vast with IPv6'
    features = vast.IPV6_FEATURES

    def __init__(self, site=None):
        super().__init__(site)
        self.sim.options.ipv6_host_lists = True


class TestVastWithIpv6(suite.Rules):
    make_lab = vast.VastLabs(Ipv6Lab, vast_ipv6_access_rules=True)

    @pytest.mark.timeout(600)
    def test_histories(self, record_property):
        report = running.histories(self.make_lab, 300, first=700_000)
        record_property('played', str(report))
        report.verify()


class TestVastOverHttps(suite.Life, suite.Rules):
    make_lab = vast.HttpsLab

    @pytest.mark.timeout(600)
    def test_histories(self, record_property):
        """A few hundred, on one server each."""
        report = running.histories(self.make_lab, 300, first=800_000)
        record_property('played', str(report))
        report.verify()


LABS = vast.VastLabs()


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True,
                     suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(st.randoms(use_true_random=False))
def test_histories_that_hypothesis_makes_and_shortens(choice: random.Random):
    lab = LABS()
    try:
        access_property.run(lab, history.make(choice, lab))
    finally:
        lab.close()
