# SPDX-License-Identifier: Apache-2.0

"""How a host mounts a share: what host-assisted migration asks for."""

from typing import Any


class Mounting:
    """The one call, and the pieces drivers override."""

    configuration: Any

    def connection_get_info(self, context: Any, share: Any,
                            share_server: Any = None) -> Any:
        """Return the commands to mount and unmount a share.

        ``%(path)s`` and ``%(options)s`` stay in the templates: whoever runs
        the commands fills them in.
        """
        return {
            'mount': self._get_mount_command(context, share, share_server),
            'unmount': self._get_unmount_command(context, share,
                                                 share_server),
            'access_mapping': self._get_access_mapping(context, share,
                                                       share_server)}

    def _get_access_mapping(self, context: Any, share: Any,
                            share_server: Any) -> Any:
        proto = share['share_proto'].lower()
        mapping = self.configuration.safe_get('protocol_access_mapping') or {}
        return {kind: [proto] for kind, protocols in mapping.items()
                if proto in [name.lower() for name in protocols]}

    def _get_mount_command(self, context: Any, share_instance: Any,
                           share_server: Any = None) -> Any:
        template = self.configuration.safe_get('share_mount_template')
        return template % {
            'proto': share_instance['share_proto'].lower(),
            'export': self._get_mount_export(share_instance, share_server),
            'path': '%(path)s', 'options': '%(options)s'}

    def _get_mount_export(self, share_instance: Any,
                          share_server: Any = None) -> Any:
        """The first location for administrators, else the first."""
        locations = share_instance['export_locations']
        for location in locations:
            if location['is_admin_only'] and location['path']:
                return location['path']
        return locations[0]['path']

    def _get_unmount_command(self, context: Any, share_instance: Any,
                             share_server: Any = None) -> Any:
        return self.configuration.safe_get('share_unmount_template')
