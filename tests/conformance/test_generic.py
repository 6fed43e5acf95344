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
