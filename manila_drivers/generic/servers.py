# SPDX-License-Identifier: Apache-2.0

"""Share servers: one service instance for each."""

from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.generic import client
from manila_drivers.generic import notes
from manila_drivers.service_instance import manager

LOG = logging.getLogger(__name__)


class GenericServers:
    """Share servers of one backend.

    :param instances: makes and removes them.
    """

    def __init__(self, instances: manager.ServiceInstanceManager,
                 volumes: client.VolumeClient,
                 kept: notes.GenericNotes) -> None:
        self._instances = instances
        self._volumes = volumes
        self._notes = kept

    def create(self, request: model.ServerRequest,
               made: MutableMapping[str, str]) -> None:
        """Make a service instance and what leads to it.

        :param made: its details, each as soon as it is known.
        """
        self._instances.create(request, made)
        # By this Manila shows which server of Nova it is.
        made['identifier'] = made['instance_id']

    def delete(self, details: Mapping[str, str],
               services: Sequence[model.SecurityService]) -> None:
        """Remove a service instance with its ports, or what is left of it."""
        self._instances.delete(details)

    def suits(self, server: model.ShareServer, call: call.Call) -> bool:
        """Say whether a server can take another share.

        Manila has left out those that are full.  One whose instance is gone,
        or failed, would have each new share fail.
        """
        ident = server.details.get('instance_id')
        if not (ident and server.details.get('public_address')):
            return False
        found, error = exception.caught(
            lambda: self._instances.instances.find(str(ident)))
        if error is not None:
            # Nova is away; that says nothing about the server.
            return True
        if found is None or found.status == 'ERROR':
            LOG.warning('Share server %s takes no share: its instance %s is '
                        '%s', server.id, ident, 'in ERROR' if found
                        else 'gone')
            return False
        return True

    def addresses(self, server: model.ShareServer, identifier: str,
                  options: Mapping[str, Any]) -> list[str]:
        """Return the addresses of a server that is to be taken over."""
        _check_options(options)
        return self._instances.addresses(server.id, identifier)

    def adopt(self, server: model.ShareServer, identifier: str,
              options: Mapping[str, Any]) -> Mapping[str, str]:
        """Take a service instance over, by the id of its server in Nova.

        :returns: its details.
        :raises NotManageable: it is none, or not one of such a backend.
        """
        _check_options(options)
        self._check_free(identifier)
        return self._instances.adopt(server.id, identifier)

    def _check_free(self, ident: str) -> None:
        """Raise NotManageable if shares that Manila has are on an instance.

        It is another share server's then.  Of those that Manila's own driver
        made Manila does not know the instance, and lets it be managed again;
        with the first of the two the shares of the other would be gone.
        """
        server = self._volumes.server(ident)
        attached = set((server and server.volumes) or ())
        listed = self._volumes.cloud.volumes.list() if attached else ()
        for volume in listed:
            for share in self._volumes.owners(volume) \
                    if volume.id in attached else ():
                if self._notes.share(share).volume_id == volume.id:
                    raise exception.NotManageable(
                        'Share %s, which Manila has, is on service instance '
                        '%s, so that this is a share server already'
                        % (share, ident), check='the share server of that '
                        'share; unmanage both first')

    def release(self, details: Mapping[str, str]) -> None:
        """Let a service instance go as it is."""


def _check_options(options: Mapping[str, Any]) -> None:
    if options:
        raise exception.NotManageable(
            'Driver options %s are not known' % ', '.join(sorted(options)),
            check='give none for a share server')
