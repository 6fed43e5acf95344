# SPDX-License-Identifier: Apache-2.0

"""Check what has to be right before the service starts.

Each misconfiguration has an error of its own that names the option.
"""

import logging
from typing import Any

from manila_drivers import exception
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import records
from manila_drivers.generic import settings
from manila_drivers.nas import samba
from manila_drivers.service_instance import manager

LOG = logging.getLogger(__name__)


def check(cloud: Any, instances: manager.ServiceInstanceManager,
          known: hosts.ServiceHosts,
          chosen: settings.GenericSettings) -> None:
    """Look at everything once.

    :raises ConfigurationError: naming the option to correct.
    :raises DriverError: a service cannot be asked for another reason.
    """
    cloud.check()
    known.refresh()
    instances.check()
    if not chosen.handles_servers:
        _check_tools(known, chosen)


def _check_tools(known: hosts.ServiceHosts,
                 chosen: settings.GenericSettings) -> None:
    """Look for what serves shares in the common server.

    Where another protocol is served, a warning has to do: the default names
    two, and not everybody wants both.

    :raises ConfigurationError: no protocol can be served.
    """
    host = known.common()
    found = known.look(host, (), serving=True)
    _check_root(known, host, chosen.root)
    missing = []
    if 'NFS' in chosen.protocols and not found.nfsd:
        missing.append('runs no NFS server')
    if 'CIFS' in chosen.protocols:
        missing += _samba_lacks(found)
    for told in missing:
        error = exception.ConfigurationError(
            'share_helpers', 'server %s %s' % (host.id, told),
            check='nfs-server, or Samba with include = registry, in that '
                  'server; or leave the protocol out')
        if len(missing) == len(chosen.protocols):
            raise error
        LOG.warning('Backend %s: %s', chosen.backend, error)


def _samba_lacks(found: guest_records.GuestFacts) -> list[str]:
    """Return what keeps Samba from serving what its registry says."""
    if found.samba_or_none() is None:
        return ['does not tell what it shares with Samba']
    if isinstance(found.serving, samba.SambaInForce) \
            and not found.serving.registry:
        return ['has a Samba that does not read its registry']
    return []


def _check_root(known: hosts.ServiceHosts, host: records.ServiceHost,
                root: str) -> None:
    """Raise ConfigurationError if the kernel has another name for a path.

    What is mounted below it would not be found there any more: shares could
    be made, and neither be given to anybody nor deleted.
    """
    real, error = exception.caught(lambda: known.guest(host).resolved(root))
    if error is not None:
        LOG.warning('Server %s does not tell if %s is a symbolic link: %s',
                    host.id, root, error)
    elif real != root:
        raise exception.ConfigurationError(
            'share_mount_path', '%s leads to %s in server %s' % (
                root, real, host.id),
            check='a directory without symbolic links on the way, such as '
                  '%s' % real)
