# SPDX-License-Identifier: Apache-2.0

"""The dotted path under which Manila and operators know the driver."""

from manila_drivers.glusterfs import driver

GlusterfsNativeShareDriver = driver.GlusterfsNativeShareDriver
