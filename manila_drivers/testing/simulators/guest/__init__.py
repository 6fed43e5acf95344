# SPDX-License-Identifier: Apache-2.0

"""A service VM that lives in a process: disks, mounts, NFS and Samba.

::

    disk = BlockDevice('7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11', 1)
    vm = Machine('vm1', clock=clock, sleep=sleep)
    vm.plug(disk)                          # appears a little later
    runner = vm.runner()                   # or runner(target), as SSH would
    vm.reaches('NFS', '/shares/share-1', '10.0.0.5')   # 'rw', 'ro' or None
    vm.reboot()

Scripts are run as a shell runs them, command by command, and each command
does what the real one was seen to do.
"""

from manila_drivers.testing.simulators.guest.disk import BlockDevice
from manila_drivers.testing.simulators.guest.machine import Machine

__all__ = ('BlockDevice', 'Machine')
