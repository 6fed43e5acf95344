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

"""VMS, the management service of a VAST cluster.

::

    sim = VmsSim(open_root=False)
    with VmsServer(sim) as server:
        ...  # https://{server.host}:{server.port}, verified by server.ca_file
    session.mount('https://', VmsAdapter(sim))   # or without any socket
    sim.can_mount('10.0.0.7', '/manila/manila-1')
"""

from manila_drivers.simulators.faults import Fault
from manila_drivers.simulators.vast.adapter import VmsAdapter
from manila_drivers.simulators.vast.options import Options
from manila_drivers.simulators.vast.server import VmsServer
from manila_drivers.simulators.vast.sim import VmsSim

__all__ = ('Fault', 'Options', 'VmsAdapter', 'VmsServer', 'VmsSim')
