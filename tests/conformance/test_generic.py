# SPDX-License-Identifier: Apache-2.0

"""The Generic driver passes everything, in a simulated cloud."""

import pytest

from manila_drivers.testing.conformance import suite
from manila_drivers.testing.conformance.labs import generic


@pytest.mark.timeout(900)
class TestGeneric(suite.Everything):
    """One server for all shares, over NFS."""

    make_lab = generic.GenericLabs()
    # Each makes a cloud and boots a server in it.
    histories = 300
    part = 0.005

    def play(self, lab, scenario):
        """A file system does not hold as many bytes as its disk has.

        So what fills a disk to its last byte cannot be made smaller to that
        size; test_generic_scenarios.py has the shrinking instead.
        """
        if scenario.name != 'shrinking_below_what_is_used_is_refused':
            suite.Base.play(self, lab, scenario)
