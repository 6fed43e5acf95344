# SPDX-License-Identifier: Apache-2.0

"""Servers in Nova that are service instances, with what they boot from."""

import base64
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import cloud as openstack_cloud
from manila_drivers.openstack import polling
from manila_drivers.openstack import records
from manila_drivers.service_instance import causes
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network_steps
from manila_drivers.service_instance import planning
from manila_drivers.service_instance import settings

LOG = logging.getLogger(__name__)

_GONE = records.GONE
#: A volume that somebody else is still working on.
_BUSY = ('in-use', 'detaching', 'deleting', 'creating', 'downloading')


class Instances:
    """Makes, awaits and deletes servers.

    :param patience: seconds that each of these may take.
    """

    def __init__(self, cloud: openstack_cloud.Cloud, patience: float, *,
                 clock: Callable[[], float],
                 sleep: Callable[[float], object]) -> None:
        self.cloud = cloud
        self.patience = patience
        self.clock = clock
        self.sleep = sleep
        self.once = network_steps.Once(clock, sleep)

    # -- looking ---------------------------------------------------------

    def find(self, ident: str) -> records.Server | None:
        """Return a server, None if Nova does not have it (any more)."""
        try:
            found = self.cloud.compute.server(ident)
        except exception.NotFound:
            return None
        return None if found.status in _GONE else found

    def look(self, conf: settings.InstanceSettings,
             server_id: str) -> planning.InstanceFacts:
        """Return what there is of an instance, and of its origin."""
        name = names.instance(conf.template, conf.section, server_id)
        servers = [each for each in self.cloud.compute.servers(name=name)
                   if each.status not in _GONE]
        if len(servers) > 1:
            raise exception.Conflict(
                f'There are {len(servers)} servers called {name}',
                answer=', '.join(each.id for each in servers),
                check='which of them serves shares; delete the others')
        volume = None
        if conf.boot and conf.boot.base:
            found = self.cloud.volumes.list(
                name=conf.boot.template % server_id)
            volume = found[0] if found else None
        key = bool(conf.public_key) and self._has_key(conf)
        return planning.InstanceFacts(
            servers[0] if servers else None,
            self.image(conf) if conf.image else '', key, volume)

    def image(self, conf: settings.InstanceSettings) -> str:
        """Return the id of the image.

        :raises ConfigurationError: there is none that is active, or several.
        """
        found, strangers = self.cloud.images.trusted(conf.image)
        if len(found) != 1:
            others = ', '.join(f'{each.id} of project {each.owner}, '
                               f'{each.visibility}' for each in strangers)
            raise exception.ConfigurationError(
                'service_image_name', f'there are {len(found)} active images '
                f'called {conf.image}, and one is needed',
                answer=', '.join(each.id for each in found) + (
                    others and f'; not trusted, since it is neither public '
                    f'nor shared with the project in [glance]: {others}'),
                check='openstack image list --name, and the visibility of '
                'the image to the project in [glance]')
        return found[0].id

    def _has_key(self, conf: settings.InstanceSettings) -> bool:
        """Tell if our key pair is there.

        :raises Conflict: its name is taken by another key.
        """
        name = names.key_pair(conf.key_name, conf.public_key)
        found = self.cloud.compute.keypair(name)
        if found is None:
            return False
        if found.public_key is not None and names.key_blob(
                found.public_key) != names.key_blob(conf.public_key):
            raise exception.Conflict(
                f'Key pair {name} has another key than path_to_public_key',
                check='who has made it; delete it')
        return True

    # -- waiting ---------------------------------------------------------

    def until_active(self, ident: str,
                     limit: float | None = None) -> records.Server:
        """Return a server once it is active and has addresses.

        :raises BackendError: it is in ERROR, with what is told of the cause.
        :raises NotFound: it is gone.
        :raises Busy: the time is over.
        """
        seen: list[bool] = []

        def done(server: records.Server | None) -> bool:
            if server is None:
                # Nova may need a moment to know what it has promised.
                if seen:
                    raise exception.NotFound(
                        f'Server {ident} was deleted while it was built',
                        check='who else has deleted it')
                return False
            seen.append(True)
            if server.status == 'ERROR':
                raise causes.failed_build(self.cloud, server)
            return server.status == 'ACTIVE' and bool(server.addresses)

        found: records.Server | None = self._until(
            lambda: self.find(ident), done,
            f'Server {ident} is built', limit,
            check='max_time_to_build_instance, and the load of the compute '
            'hosts')
        assert found is not None
        return found

    def _until(self, look: Callable[[], Any], done: Callable[[Any], bool],
               what: str, limit: float | None, check: str) -> Any:
        try:
            return polling.until(
                look, done, limit=self.patience if limit is None else limit,
                what=what, clock=self.clock, sleep=self.sleep,
                describe=causes.described)
        except exception.Busy as exc:
            exc.check = exc.check or check
            raise

    def until_gone(self, ident: str) -> None:
        """Wait until Nova does not have a server any more.

        :raises Busy: the time is over.
        :raises BackendError: it is in ERROR, and nobody works on it.
        """
        idle: list[records.Server] = []

        def done(server: records.Server | None) -> bool:
            # Nova takes note of the task before it answers.
            if server and server.status == 'ERROR' and not server.task_state:
                idle.append(server)
            if len(idle) > 1:
                raise causes.failed_delete(self.cloud, idle[-1])
            return server is None
        self._until(lambda: self.find(ident), done,
                    f'Server {ident} is deleted', None,
                    'nova-compute on the host of the server')

    # -- removing --------------------------------------------------------

    def delete(self, ident: str) -> bool:
        """Delete a server and wait; return whether it was there."""
        there = self.cloud.compute.delete_server(ident)
        self.until_gone(ident)
        return there

    def made_for(self, server_id: str) -> list[str]:
        """Return the servers that carry the id of a share server."""
        return [each.id for each in self.cloud.compute.servers(
            metadata={names.SHARE_SERVER: server_id})
            if each.status not in _GONE]

    def delete_volumes(self, details: Mapping[str, Any],
                       template: str) -> None:
        """Delete the clone that an instance has booted from.

        Only one that carries the id of the share server: no other volume is
        ours, whatever the details say.
        """
        server_id = str(details.get(names.SERVER_ID) or '')
        ident = str(details.get(names.BOOT_VOLUME) or '')
        found: list[records.Volume] = []
        if ident:
            try:
                found.append(self.cloud.volumes.volume(ident))
            except exception.NotFound:
                pass
        elif server_id and template:
            found += self.cloud.volumes.list(
                name=template % server_id,
                metadata={names.SHARE_SERVER: server_id})
        for each in found:
            if server_id and (each.metadata or {}).get(
                    names.SHARE_SERVER) == server_id:
                self.delete_volume(each.id)

    def delete_volume(self, ident: str) -> None:
        """Delete a boot volume and wait until it is gone."""
        def look() -> records.Volume | None:
            try:
                return self.cloud.volumes.volume(ident)
            except exception.NotFound:
                return None

        def done(volume: records.Volume | None) -> bool:
            if volume is not None and volume.status == 'error_deleting':
                raise causes.failed_volume(self.cloud, volume)
            return volume is None

        # Nova lets go of it a little after the server is gone, or deletes
        # it: what Nova is told when the server is made may be either.
        found = self._until(look, lambda volume: volume is None
                            or volume.status not in _BUSY,
                            f'Boot volume {ident} is let go', None,
                            'attachments of the volume')
        if found is None:
            return
        try:
            self.cloud.volumes.delete(ident)
        except exception.BackendError:
            now = look()
            if now is not None and now.status == 'error_deleting':
                # Cinder deletes it no second time before that.
                self.cloud.volumes.reset_status(ident, 'error')
                self.cloud.volumes.delete(ident)
            elif now is not None and now.status != 'deleting':
                raise
        self._until(look, done, f'Boot volume {ident} is deleted', None,
                    'cinder-volume')


class InstanceExecutor:
    """Carries out the steps of ``planning.instance``.

    :param extra: more arguments of Nova, see
        ``_get_service_instance_create_kwargs``.
    :param ports: ids, in the order of interfaces.
    """

    def __init__(self, instances: Instances, conf: settings.InstanceSettings,
                 server_id: str, ports: list[str],
                 made: MutableMapping[str, Any],
                 extra: Mapping[str, Any]) -> None:
        self._instances = instances
        self._cloud = instances.cloud
        self._conf = conf
        self._server_id = server_id
        self._ports = ports
        self._made = made
        self._extra = extra
        self._actions: Mapping[str, Callable[..., plan.Done]] = {
            'import key': self._import_key,
            'clone volume': self._clone, 'await volume': self._await_volume,
            'create server': self._create, 'await server': self._await,
            'delete server': self._delete}

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        """Carry out one step."""
        return self._actions[action](target, **args)

    @property
    def _marks(self) -> dict[str, str]:
        return {names.SHARE_SERVER: self._server_id,
                names.MADE_BY: self._conf.made_by}

    def _import_key(self, name: str) -> plan.Done:
        def look() -> list[records.KeyPair]:
            found = self._cloud.compute.keypair(name)
            return [found] if found else []
        try:
            self._instances.once.make(
                lambda: self._cloud.compute.create_keypair(
                    name, self._conf.public_key), look, again=True)
        except exception.Conflict as exc:
            # The name has the fingerprint: another host was faster.
            if not look():
                raise
            LOG.debug('Key pair %s is there by now: %s', name, exc)
        except exception.NoRoom as exc:
            exc.check = ('quota of key pairs of the user in [nova]; those of '
                         'old keys are not needed any more')
            raise
        return plan.Done()

    def _clone(self, name: str, *, source: str) -> plan.Done:
        boot = self._conf.boot
        assert boot is not None
        try:
            size = self._cloud.volumes.volume(source).size
        except exception.NotFound as exc:
            raise exception.ConfigurationError(
                'service_instance_base_boot_volume_id', f'there is no volume '
                f'{source}', answer=exc.answer) from exc
        made = self._instances.once.make(
            lambda: self._cloud.volumes.create(
                name=name, size=size or boot.size, source=source,
                volume_type=boot.volume_type or None,
                zone=self._conf.zone or None, metadata=self._marks,
                description='Service instance of Manila'),
            lambda: self._cloud.volumes.list(name=name,
                                             metadata=self._marks),
            again=False)
        self._made[names.BOOT_VOLUME] = made.id
        return plan.Done(made)

    def _await_volume(self, name: str, *, volume: str) -> plan.Done:
        self._made[names.BOOT_VOLUME] = volume

        def done(found: records.Volume) -> bool:
            if 'error' in (found.status or ''):
                raise causes.failed_volume(self._cloud, found)
            return found.status == 'available'

        polling.until(lambda: self._cloud.volumes.volume(volume), done,
                      limit=self._instances.patience,
                      what=f'Boot volume {volume} is copied',
                      clock=self._instances.clock,
                      sleep=self._instances.sleep,
                      describe=causes.described)
        return plan.Done()

    def _create(self, name: str, *, image: str, key: str,
                volume: str) -> plan.Done:
        made = causes.explained(lambda: self._instances.once.make(
            lambda: self._ask(name, image, key, volume),
            lambda: self._named(name), again=False), self._conf)
        self._made[names.INSTANCE_ID] = made.id
        return plan.Done(made)

    def _ask(self, name: str, image: str, key: str,
             volume: str) -> records.Server:
        conf = self._conf
        extra = dict(self._extra)
        if extra.get('user_data'):
            extra['user_data'] = encoded(extra['user_data'])
        metadata = {**self._marks, **extra.pop('metadata', {}),
                    **extra.pop('meta', {})}
        boot = None
        if conf.boot:
            boot = records.BootVolume(
                image=None if volume else image, volume=volume or None,
                size=None if volume else conf.boot.size,
                volume_type=None if volume
                else conf.boot.volume_type or None,
                delete=conf.boot.delete)
        return self._cloud.compute.create_server(
            name=name, flavor=conf.flavor, image=None if boot else image,
            ports=self._ports, key_name=key or None, zone=conf.zone or None,
            boot=boot, metadata=metadata, **extra)

    def _named(self, name: str) -> list[records.Server]:
        return [each for each in self._cloud.compute.servers(name=name)
                if each.status not in _GONE]

    def _await(self, name: str, *, server: str) -> plan.Done:
        self._made[names.INSTANCE_ID] = server
        return plan.Done(self._instances.until_active(server))

    def _delete(self, name: str, *, server: str) -> plan.Done:
        LOG.warning('Server %s (%s) of an earlier attempt is of no use, and '
                    'is deleted', server, name)
        self._instances.delete(server)
        return plan.Done()


def encoded(data: Any) -> str:
    """Return user data as Nova wants it: text, bytes or a file in base64.

    Subclasses of Manila's class hand over what its client encodes.
    """
    data = data.read() if hasattr(data, 'read') else data
    raw = data.encode() if isinstance(data, str) else bytes(data)
    return base64.b64encode(raw).decode()
