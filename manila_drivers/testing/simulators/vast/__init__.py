# SPDX-License-Identifier: Apache-2.0

"""VMS, the management service of a VAST cluster.

::

    sim = VmsSim(open_root=False)
    with VmsServer(sim) as server:
        ...  # https://{server.host}:{server.port}, verified by server.ca_file
    session.mount('https://', VmsAdapter(sim))   # or without any socket
    sim.can_mount('10.0.0.7', '/manila/manila-1')
"""

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.vast.options import Options
from manila_drivers.testing.simulators.vast.sim import VmsSim
from manila_drivers.testing.simulators.web import adapter
from manila_drivers.testing.simulators.web import server

__all__ = ('Fault', 'Options', 'VmsAdapter', 'VmsServer', 'VmsSim')

VmsAdapter = adapter.SimulatorAdapter
VmsServer = server.HttpServer
