# SPDX-License-Identifier: Apache-2.0

"""A small OpenStack: Keystone, Nova, Cinder, Neutron and Glance.

::

    sim = OpenStackSim(clock)
    with CloudServer(sim) as server:
        ...  # sim.auth() leads there, verified by server.ca_file
    session.mount('http://', CloudAdapter(sim))   # or without any socket
    sim.left(before)          # what a driver has not cleaned up
    sim.machine_at('10.254.0.5')
"""

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.openstack.cloud import TenantNetwork
from manila_drivers.testing.simulators.openstack.options import CloudOptions
from manila_drivers.testing.simulators.openstack.sim import CloudAdapter
from manila_drivers.testing.simulators.openstack.sim import CloudServer
from manila_drivers.testing.simulators.openstack.sim import OpenStackSim

__all__ = ('CloudAdapter', 'CloudOptions', 'CloudServer', 'Fault',
           'OpenStackSim', 'TenantNetwork')
