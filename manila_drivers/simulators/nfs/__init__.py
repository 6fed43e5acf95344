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

"""NFS servers that live in a process: kernel NFS and NFS-Ganesha.

::

    server = KernelNfs('nfs1')            # or Ganesha('nfs1')
    script.run(server, commands)          # it is a transport as well
    server.access('10.0.0.5', '/gpfs0/share-1')      # 'rw', 'ro' or None
    server.reboot()
    server.faults.arm(faults.Fault('reset_after', nth=2))

They do what the real ones were seen to do; the functional tests send both
the same commands and compare.
"""

from manila_drivers.simulators.nfs.ganesha import Ganesha
from manila_drivers.simulators.nfs.kernel import KernelNfs
from manila_drivers.simulators.nfs.server import Server

__all__ = ('Ganesha', 'KernelNfs', 'Server')
