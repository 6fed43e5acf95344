# SPDX-License-Identifier: Apache-2.0

"""Drivers over SSH that are wrong in one way each, as in ``broken``."""

from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.ibm.gpfs import GPFSShareDriver

Gluster = glusterfs_native.GlusterfsNativeShareDriver


class Reluctant(GPFSShareDriver):
    """Says that it has brought a share back."""

    def revert_to_snapshot(self, *args, **kwargs):
        return None


class HalfWay(GPFSShareDriver):
    """Tells only the first of its NFS servers."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context)
        helper = self._backend.helper
        first = helper.servers[:1]
        helper.__class__ = type('Half', (type(helper),), {
            'servers': property(lambda self: first)})


class Blank(Gluster):
    """A share made from a snapshot is as empty as any other."""

    def create_share_from_snapshot(self, context, share, snapshot, **kwargs):
        return {'status': 'available',
                'export_locations': super().create_share(context, share)}


class Sticky(Gluster):
    """Access that was given is never taken back."""

    def update_access(self, context, share, access_rules, delete_rules=None,
                      **kwargs):
        kept = [rule for rule in delete_rules or ()
                if rule['access_to'] != '*']
        return super().update_access(context, share, [*access_rules, *kept])


class Hoarder(Gluster):
    """A deleted share keeps its volume, closed."""

    def delete_share(self, context, share, **kwargs):
        super().update_access(context, share, [])
