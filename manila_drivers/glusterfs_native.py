# SPDX-License-Identifier: Apache-2.0

"""The dotted path that the GlusterFS driver had before 2014.

Manila itself maps it to today's, and deployment tools still write it:
``manila_drivers.glusterfs_native.GlusterfsNativeShareDriver``.
"""

from manila_drivers.glusterfs import glusterfs_native

GlusterfsNativeShareDriver = glusterfs_native.GlusterfsNativeShareDriver
