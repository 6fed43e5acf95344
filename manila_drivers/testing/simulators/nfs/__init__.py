# SPDX-License-Identifier: Apache-2.0

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

from manila_drivers.testing.simulators.nfs.ganesha import Ganesha
from manila_drivers.testing.simulators.nfs.kernel import KernelNfs
from manila_drivers.testing.simulators.nfs.server import Server

__all__ = ('Ganesha', 'KernelNfs', 'Server')
