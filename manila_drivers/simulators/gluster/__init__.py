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

"""GlusterFS clusters, in memory: the ``gluster`` command and mounts.

::

    sim = GlusterSim()
    sim.make_volume('pool-10G-1')
    host = ManilaHost({'gluster-1': sim})
    driver = GlusterfsNativeShareDriver(..., transport=host.transport)
    sim.can_mount('alice', 'pool-10G-1')     # 'rw', 'ro' or None
    sim.arm(Fault(kind='reset_after', nth=3))

Outputs and messages are those of version 10.3, as recorded from a real one.
"""

from manila_drivers.simulators.faults import Fault
from manila_drivers.simulators.gluster.host import ManilaHost
from manila_drivers.simulators.gluster.server import GlusterPrograms
from manila_drivers.simulators.gluster.sim import GlusterSim
from manila_drivers.simulators.gluster.state import Mount
from manila_drivers.simulators.gluster.state import Options

__all__ = ('Fault', 'GlusterPrograms', 'GlusterSim', 'ManilaHost', 'Mount',
           'Options')
