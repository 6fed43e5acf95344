# SPDX-License-Identifier: Apache-2.0

"""Facts about a share, before anything is decided, as values.  Pure."""

from collections.abc import Mapping
import dataclasses

from manila_drivers import exception
from manila_drivers.generic import guest_records
from manila_drivers.generic import paths
from manila_drivers.openstack import records

Volume = records.Volume
VolumeSnapshot = records.VolumeSnapshot
Server = records.Server


@dataclasses.dataclass(frozen=True)
class ServiceHost:
    """A service instance as its shares see it.

    :param id: of the server in Nova.
    :param addresses: where clients mount.
    :param admin_address: where this service and others of the operator
        mount; '' if there is none.
    :param details: how the instance is reached, as it was set up.
    """

    id: str
    addresses: tuple[str, ...]
    admin_address: str = ''
    details: Mapping[str, str] = dataclasses.field(
        default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, details: Mapping[str, str]) -> 'ServiceHost':
        """Read the details of a share server.

        :raises DriverError: they do not say what is needed.
        """
        ident = str(details.get('instance_id') or '')
        public = paths.addresses([str(details.get('public_address') or '')])
        if not ident or not public:
            raise exception.DriverError(
                'The details of the share server name no %s'
                % ('instance' if not ident else 'address for clients'),
                check='how its set-up ended')
        return cls(ident, public, _inner(details), dict(details))

    @classmethod
    def leaving(cls, details: Mapping[str, str]) -> 'ServiceHost | None':
        """Read the details of a share server as far as there are any.

        After a set-up that failed some are missing, and what was to be
        served there has to go all the same.

        :returns: None if they name no instance.
        """
        ident = str(details.get('instance_id') or '')
        return cls(ident, paths.addresses([str(
            details.get('public_address') or '')]), _inner(details),
            dict(details)) if ident else None

    @property
    def reachable(self) -> bool:
        """Return whether there is an address at which it is asked."""
        return bool(self.details.get('ip'))


def _inner(details: Mapping[str, str]) -> str:
    """Return where operators reach an instance, '' if it is not told."""
    return str(details.get('admin_ip') or details.get('ip') or '')


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a share is in a service instance.

    :param path: where its volume is mounted.
    :param section: its name in Samba.
    :param ident: UUID of its file system.
    """

    share_id: str
    name: str
    path: str
    section: str
    ident: str
    proto: str
    fstype: str

    @property
    def is_cifs(self) -> bool:
        return self.proto == 'CIFS'

    def served(self, volume_id: str, gib: int) -> guest_records.Served:
        """Return the share as its service instance is asked for it.

        :param gib: size of the volume.
        """
        return guest_records.Served(
            self.section, self.ident, self.path,
            guest_records.Disk(volume_id, gib), self.fstype, self.proto)


def is_marked(metadata: Mapping[str, str] | None, key: str,
              ident: str) -> bool | None:
    """Tell if metadata name an object; None if they name none."""
    found = (metadata or {}).get(key)
    return None if not found else found == ident
