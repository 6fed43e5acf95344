# SPDX-License-Identifier: Apache-2.0

"""The Generic driver over CIFS, and with share servers."""

import pytest

from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import suite
from manila_drivers.testing.conformance.labs import generic_kinds
from tests.conformance import test_generic

NOT_TO_THE_LAST_BYTE = test_generic.TestGeneric.play


# A machine with other work to do takes minutes for some of the service's.
# Scenarios take turns in each of the three; over NFS all are played.
@pytest.mark.timeout(900)
@pytest.mark.turns
class Some(suite.Life, suite.Rules, suite.Service, suite.FaultSweep):
    """All that differs from NFS on one server."""

    part = 0.002
    play = NOT_TO_THE_LAST_BYTE

    @pytest.mark.timeout(1200)
    def test_histories(self, record_property):
        report = running.histories(type(self).make_lab, 60)
        record_property('played', str(report))
        report.verify()


class TestCifsByAddress(Some):
    make_lab = generic_kinds.cifs_labs()


class TestCifsByUser(Some):
    make_lab = generic_kinds.user_labs()


class TestShareServers(Some):
    make_lab = generic_kinds.server_labs()
