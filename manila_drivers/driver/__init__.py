# SPDX-License-Identifier: Apache-2.0

"""The skin that Manila sees: base classes of drivers, and their calls."""

from manila_drivers.driver.base import ExecuteMixin
from manila_drivers.driver.base import GaneshaMixin
from manila_drivers.driver.base import ShareDriver
from manila_drivers.driver.call import Call
from manila_drivers.driver.context import driver_call

#: The older name.
operation = driver_call

__all__ = ['Call', 'ExecuteMixin', 'GaneshaMixin', 'ShareDriver',
           'driver_call', 'operation']
