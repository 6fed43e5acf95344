# SPDX-License-Identifier: Apache-2.0

"""Servers, key pairs and images as values, read strictly.  Pure.

None is: not told.  It never stands for none, for all or for zero.  Fields and
their meaning: the API references of Nova (2.1 to 2.104) and Glance (v2).
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers.openstack import block_records
from manila_drivers.openstack import fields
from manila_drivers.openstack import network_records

# The GlusterFS driver has classes of these two names.
Volume = block_records.BlockVolume
VolumeSnapshot = block_records.BlockSnapshot
VolumeAttachment = block_records.VolumeAttachment
VolumeLimits = block_records.VolumeLimits
VolumeType = block_records.VolumeType
Message = block_records.Message
Net = network_records.Net
Subnet = network_records.Subnet
FixedIp = network_records.FixedIp
Port = network_records.Port
Router = network_records.Router
SecurityGroup = network_records.SecurityGroup
SecurityRule = network_records.SecurityRule

#: Statuses of a server that is not there any more, whatever is shown of it.
GONE = ('DELETED', 'SOFT_DELETED')

_TASK = 'OS-EXT-STS:task_state'
_VOLUMES = 'os-extended-volumes:volumes_attached'


@dataclasses.dataclass(frozen=True)
class Address:
    """An address of a server.

    :param network: name of the network, which need not be unique.
    :param version: 4 or 6.
    :param kind: ``fixed`` or ``floating``.
    """

    network: str
    ip: str
    version: int | None = None
    mac: str | None = None
    kind: str | None = None


@dataclasses.dataclass(frozen=True)
class Server:
    """A server of Nova.

    What was asked for only has an id yet.

    :param status: upper case, such as ACTIVE, BUILD, ERROR, SHUTOFF.
    :param task_state: None also while nothing goes on; a server in BUILD has
        none for its first seconds, so that None is not "idle".
    :param addresses: () while it is being built.
    :param volumes: ids of the volumes that are attached.
    :param fault: message of the last failure; the real cause often is in
        Nova's log alone.
    :param security_groups: their names; not told while it is being built.
    """

    id: str
    name: str | None = None
    status: str | None = None
    task_state: str | None = None
    addresses: tuple[Address, ...] | None = None
    volumes: tuple[str, ...] | None = None
    fault: str | None = None
    metadata: Mapping[str, str] | None = None
    security_groups: tuple[str, ...] | None = None
    project_id: str | None = None
    zone: str | None = None
    key_name: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Server':
        found = fields.Fields(data, 'server')
        volumes = found.rows(_VOLUMES, 'attached volume')
        groups = found.rows('security_groups', 'security group')
        fault = found.part('fault')
        status = found.text('status')
        return cls(
            id=found.ident(), name=found.text('name'),
            status=status and status.upper(),
            task_state=found.text(_TASK), addresses=_addresses(found),
            volumes=None if volumes is None else tuple(
                each.ident() for each in volumes),
            fault=None if fault is None else fault.text('message'),
            metadata=found.pairs('metadata'),
            security_groups=None if groups is None else tuple(
                each.ident('name') for each in groups),
            project_id=found.text('tenant_id'),
            zone=found.text('OS-EXT-AZ:availability_zone'),
            key_name=found.text('key_name'))


def _addresses(server: fields.Fields) -> tuple[Address, ...] | None:
    nets = server.part('addresses')
    if nets is None:
        return None
    return tuple(
        Address(network=network, ip=each.ident('addr'),
                   version=each.number('version'),
                   mac=each.text('OS-EXT-IPS-MAC:mac_addr'),
                   kind=each.text('OS-EXT-IPS:type'))
        for network in nets.data
        for each in nets.rows(network, 'address') or ())


@dataclasses.dataclass(frozen=True)
class Attachment:
    """A volume that Nova holds for a server.

    :param device: name that Nova made up; no guest follows it.
    """

    volume_id: str
    server_id: str
    device: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Attachment':
        found = fields.Fields(data, 'volume attachment')
        return cls(volume_id=found.ident('volumeId'),
                   server_id=found.ident('serverId'),
                   device=found.text('device'))


@dataclasses.dataclass(frozen=True)
class InstanceAction:
    """Something that was done with a server.

    :param action: such as ``attach_volume``, ``detach_volume``,
        ``extend_volume``, ``create``, ``reboot``.
    :param request_id: of the request that asked for it.
    :param message: ``Error`` if it failed, None if it did not, or not yet.
    :param start: UTC, such as 2026-11-29T05:22:58.000000.
    """

    action: str
    request_id: str
    message: str | None = None
    start: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'InstanceAction':
        found = fields.Fields(data, 'instance action')
        return cls(action=found.ident('action'),
                   request_id=found.ident('request_id'),
                   message=found.text('message'),
                   start=found.text('start_time'))

    @property
    def failed(self) -> bool:
        return (self.message or '').lower() == 'error'


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """A public key of the service's user.

    :param public_key: one line in OpenSSH's format.
    """

    name: str
    public_key: str | None = None
    fingerprint: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'KeyPair':
        found = fields.Fields(data, 'key pair')
        return cls(name=found.ident('name'),
                   public_key=found.text('public_key'),
                   fingerprint=found.text('fingerprint'))


@dataclasses.dataclass(frozen=True)
class Flavor:
    """A size of servers: ``ram`` in MiB, ``disk`` in GiB, 0 for the image's.
    """

    id: str
    name: str | None = None
    vcpus: int | None = None
    ram: int | None = None
    disk: int | None = None

    @classmethod
    def of(cls, data: Any) -> 'Flavor':
        found = fields.Fields(data, 'flavor')
        return cls(id=found.ident(), name=found.text('name'),
                   vcpus=found.number('vcpus'), ram=found.number('ram'),
                   disk=found.number('disk'))


@dataclasses.dataclass(frozen=True)
class ComputeLimits:
    """Quota of the project: the most, -1 for no limit, and the used.
    """

    instances: int | None = None
    instances_used: int | None = None
    cores: int | None = None
    cores_used: int | None = None
    ram: int | None = None
    ram_used: int | None = None

    @classmethod
    def of(cls, data: Any) -> 'ComputeLimits':
        found = fields.Fields(data, 'set of limits')
        return cls(
            instances=found.number('maxTotalInstances'),
            instances_used=found.number('totalInstancesUsed'),
            cores=found.number('maxTotalCores'),
            cores_used=found.number('totalCoresUsed'),
            ram=found.number('maxTotalRAMSize'),
            ram_used=found.number('totalRAMUsed'))


@dataclasses.dataclass(frozen=True)
class Image:
    """An image that servers are made of.

    :param status: lower case; only ``active`` ones can be used.
    :param owner: id of a project.
    :param visibility: ``public``, ``community``, ``shared`` (with projects
        that are its members, none at first) or ``private``.  Administrators
        are shown those of all projects.
    """

    id: str
    name: str | None = None
    status: str | None = None
    owner: str | None = None
    visibility: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Image':
        found = fields.Fields(data, 'image')
        status = found.text('status')
        return cls(id=found.ident(), name=found.text('name'),
                   status=status and status.lower(),
                   owner=found.text('owner'),
                   visibility=found.text('visibility'))


@dataclasses.dataclass(frozen=True)
class BootVolume:
    """The root disk of a server to be made, as a volume.

    :param image: id of the image that it is filled from; ``size`` in GiB and
        ``volume_type`` belong to it.
    :param volume: id of a volume that is there, in place of an image.
    :param delete: whether it goes with the server.
    """

    image: str | None = None
    volume: str | None = None
    size: int | None = None
    volume_type: str | None = None
    delete: bool = True
