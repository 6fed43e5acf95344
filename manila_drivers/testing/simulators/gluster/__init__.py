# SPDX-License-Identifier: Apache-2.0

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

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.gluster.host import ManilaHost
from manila_drivers.testing.simulators.gluster.sim import GlusterSim
from manila_drivers.testing.simulators.gluster.state import Mount
from manila_drivers.testing.simulators.gluster.state import Options

#: Programs that a server of a cluster has, and that the Manila host has.
SERVER = ('gluster',)
MANILA_HOST = ('mount', 'umount', 'find', 'stat', 'cat', 'mkdir', 'rmdir',
               'mount.glusterfs')

__all__ = ('MANILA_HOST', 'SERVER', 'Fault', 'GlusterSim', 'ManilaHost',
           'Mount', 'Options')
