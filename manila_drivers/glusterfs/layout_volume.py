# SPDX-License-Identifier: Apache-2.0

"""The name that operators may give in ``glusterfs_share_layout``."""

from manila_drivers.glusterfs import backend

GlusterfsVolumeMappedLayout = backend.GlusterBackend
