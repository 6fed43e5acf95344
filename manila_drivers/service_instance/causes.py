# SPDX-License-Identifier: Apache-2.0

"""Why Nova and Cinder have failed, asked where they tell it.

Never raises for want of an answer: the failure itself is what counts.
"""

from collections.abc import Callable
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.openstack import cloud as openstack_cloud
from manila_drivers.openstack import errors
from manila_drivers.openstack import records
from manila_drivers.service_instance import settings

T = TypeVar('T')

_BUILD = ('log of nova-conductor and nova-compute for this server: quota of '
          'hosts, flavor, image, networks; the API does not tell more')


def failed_build(cloud: openstack_cloud.Cloud,
                 server: records.Server) -> exception.BackendError:
    """Return the error for a server that was built in vain."""
    told = [server.fault or '', last_failure(cloud, server.id),
            *(last_message(cloud, each) for each in server.volumes or ())]
    return exception.BackendError(
        f'Server {server.id} ({server.name}) went into ERROR',
        answer='; '.join(filter(None, told)), check=_BUILD)


def failed_delete(cloud: openstack_cloud.Cloud,
                  server: records.Server) -> exception.BackendError:
    """Return the error for a server that could not be deleted."""
    return exception.BackendError(
        f'Server {server.id} ({server.name}) is in ERROR and was not deleted',
        answer='; '.join(filter(None, (
            server.fault or '', last_failure(cloud, server.id)))),
        check='log of nova-compute on its host; the deletion may be repeated')


def failed_volume(cloud: openstack_cloud.Cloud,
                  volume: records.Volume) -> exception.BackendError:
    """Return the error for a volume that is in an error state."""
    return exception.BackendError(
        f'Boot volume {volume.id} ({volume.name}) went into {volume.status}',
        answer=last_message(cloud, volume.id),
        check='log of cinder-volume, room in its pools, and '
        'service_instance_base_boot_volume_id')


def last_failure(cloud: openstack_cloud.Cloud, server_id: str) -> str:
    """Return the last action with a server that failed, '' if none did."""
    actions, _ = exception.caught(lambda: cloud.compute.actions(server_id))
    for each in actions or ():
        if each.failed:
            return f'action {each.action} failed ({each.request_id})'
    return ''


def last_message(cloud: openstack_cloud.Cloud, volume_id: str) -> str:
    """Return what Cinder says of the last failure of a volume, or ''."""
    found, _ = exception.caught(lambda: cloud.volumes.messages(volume_id))
    return f'volume {volume_id}: {found[0].text}' if found else ''


def described(seen: Any) -> str:
    """Return what a message about a wait says of the last look."""
    if seen is None:
        return 'it is not there'
    parts = [str(getattr(seen, 'status', None) or seen)]
    if getattr(seen, 'task_state', None):
        parts.append(f'task {seen.task_state}')
    if getattr(seen, 'addresses', None) == ():
        parts.append('no addresses')
    return ', '.join(parts)


# What Nova says in a 400 of what a new server refers to.
_OPTIONS = (('flavor', 'service_instance_flavor_id'),
            ('image', 'service_image_name'),
            ('availability zone', 'backend_availability_zone'),
            ('key_name', 'manila_service_keypair_name'),
            ('volume', 'service_instance_base_boot_volume_id'),
            ('block device', 'service_instance_base_boot_volume_id'))


def explained(make: Callable[[], T], conf: settings.InstanceSettings) -> T:
    """Make a server; say which option to check if Nova refuses it.

    Of a missing flavor, image or zone Nova says 400, as of any mistake.
    """
    try:
        return make()
    except exception.NoRoom as exc:
        exc.check = ('quota of instances, cores and memory of the project '
                     'in [nova]')
        raise
    except errors.ServiceError as exc:
        if exc.status == 400:
            words = exc.message.lower()
            exc.check = next((option for word, option in _OPTIONS
                              if word in words), exc.check)
        raise
