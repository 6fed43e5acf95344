# SPDX-License-Identifier: Apache-2.0

"""A simulated Storage Scale cluster."""

from manila_drivers.testing.simulators.gpfs.host import SimHost
from manila_drivers.testing.simulators.gpfs.host import Strike
from manila_drivers.testing.simulators.gpfs.node import GpfsNode
from manila_drivers.testing.simulators.gpfs.sim import GpfsSim

__all__ = ('GpfsNode', 'GpfsSim', 'SimHost', 'Strike')
