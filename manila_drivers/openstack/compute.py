# SPDX-License-Identifier: Apache-2.0

"""Nova: servers, what is attached to them, and key pairs."""

from collections.abc import Mapping
from collections.abc import Sequence
import re
from typing import Any

from manila_drivers import exception
from manila_drivers.openstack import errors
from manila_drivers.openstack import fields
from manila_drivers.openstack import records
from manila_drivers.openstack import service

#: Fewer volumes than any cloud lets a list have.
SURELY_ALL = 10
#: Actions of a server that are looked at, newest first.
ACTIONS = 100
#: From here on only so many actions are returned as are asked for.
_LIMITED = (2, 58)


class Compute(service.CloudService):
    """The compute service.

    Ids that are asked for by path come back, or it is an error.
    """

    def check(self) -> None:
        """Raise unless the service answers and the login is accepted."""
        self.limits()

    # Servers

    def server(self, ident: str) -> records.Server:
        """Return a server.

        :raises NotFound: there is none of that id.
        """
        path = '/servers/' + service.part(ident, 'server')
        what = 'Server %s' % ident
        data = self._get(path, what)
        return service.same(ident, records.Server.of(
            service.within(data, 'server', what)), what)

    def servers(self, name: str | None = None,
                metadata: Mapping[str, str] | None = None, *,
                all_projects: bool = False) -> list[records.Server]:
        """Return servers with that very name and at least that metadata.

        :raises AccessDenied: all projects are asked for, and the login is no
            administrator's.
        """
        query = []
        if name is not None:
            query.append(('name', pattern(name)))
        if all_projects:
            query.append(('all_tenants', '1'))
        found = [records.Server.of(each) for each in self._rows(
            '/servers/detail', 'servers', 'The list of servers', query)]
        wanted = dict(metadata or {}).items()
        return service.matching(found, lambda each: (
            (name is None or each.name == name)
            and wanted <= dict(each.metadata or {}).items()))

    def create_server(self, *, name: str, flavor: str, image: str | None,
                      ports: Sequence[str], key_name: str | None = None,
                      zone: str | None = None,
                      boot: records.BootVolume | None = None,
                      metadata: Mapping[str, str] | None = None,
                      user_data: str | None = None) -> records.Server:
        """Ask for a server; of the answer only the id is told.

        :param image: id; None with ``boot``.
        :param ports: ids, in the order of the server's NICs; one at least,
            or Nova would choose networks itself.
        :param user_data: base64.
        :raises BackendError: status 400, also for a flavor, an image, a port
            or a key that does not exist.
        :raises OutcomeUnknown: it may have been made: look by its name or
            its metadata.
        """
        if not ports:
            raise exception.InvalidRequest('Server %s has no ports' % name)
        server: dict[str, Any] = {
            'name': name, 'flavorRef': flavor,
            'imageRef': '' if boot else image or '',
            'networks': [{'port': each} for each in ports]}
        server.update({key: value for key, value in (
            ('key_name', key_name), ('metadata', metadata),
            ('availability_zone', zone), ('user_data', user_data)) if value})
        if boot:
            server['block_device_mapping_v2'] = [_root(boot)]
        what = 'Creation of server %s' % name
        # The answer has the password of the server's administrator.
        answer = self._post('/servers', {'server': server}, what,
                           confidential=True)
        return records.Server.of(service.within(answer.data, 'server', what))

    def delete_server(self, ident: str) -> bool:
        """Ask for the end of a server; one that is not there is fine.

        Repetition does nothing.  It is shown until it is gone.

        :returns: whether it was there; Nova denies those of other projects.
        """
        return self._remove('/servers/' + service.part(ident, 'server'),
                            'Deletion of server %s' % ident)

    def reboot(self, ident: str, *, hard: bool = False) -> None:
        """Reboot a server.

        :raises Busy: it is being worked on, or does not run and ``hard`` is
            not asked for, which would start it.
        """
        self._act(ident, {'reboot': {'type': 'HARD' if hard else 'SOFT'}},
                  'Reboot of server %s' % ident)

    def start(self, ident: str) -> None:
        """Start a server; Busy is raised for one that is not stopped."""
        self._act(ident, {'os-start': None}, 'Start of server %s' % ident)

    def stop(self, ident: str) -> None:
        """Stop a server; Busy is raised for one that does not run."""
        self._act(ident, {'os-stop': None}, 'Stop of server %s' % ident)

    def mark(self, ident: str, marks: Mapping[str, str]) -> None:
        """Add metadata to a server, or change it; repetition does nothing."""
        self._post('/servers/%s/metadata' % service.part(ident, 'server'),
                   {'metadata': dict(marks)}, 'Metadata of server %s' % ident)

    def _act(self, ident: str, body: Any, what: str) -> None:
        self._post('/servers/%s/action' % service.part(ident, 'server'), body,
                  what)

    # Volumes of a server

    def attachments(self, server_id: str) -> list[records.Attachment]:
        """Return the volumes that Nova holds for a server.

        A guest need not have them, or may have them no longer.

        :raises NotFound: there is no such server.
        """
        what = 'The list of volumes of server %s' % server_id
        found: dict[str, records.Attachment] = {}
        for _ in range(service.MOST_PAGES):
            # Nova does not say if this is all of them.
            data = self._get(_attached(server_id), what, [
                ('offset', str(len(found)))] if found else [])
            rows = [records.Attachment.of(each) for each in service.listed(
                data, 'volumeAttachments', what)]
            new = {each.volume_id: each for each in rows
                   if each.volume_id not in found}
            found.update(new)
            if len(rows) < SURELY_ALL or not new:
                break
        for each in found.values():
            if each.server_id.lower() != server_id.lower():
                raise exception.BackendError(
                    what + ' is that of another one', answer=each.server_id)
        return list(found.values())

    def attach(self, server_id: str, volume_id: str) -> str:
        """Ask for a volume to be attached; a success may still fail later.

        The volume's status goes from available over reserved and attaching
        to in-use.  Back to available is: it failed; see :meth:`actions`.

        :returns: the id of the request, '' if none was told.
        :raises AlreadyAttached: to this server or to another.
        :raises NotFound: there is no such server, or no such volume.
        :raises OutcomeUnknown: look at the volume.
        """
        service.part(volume_id, 'volume')
        what = 'Attachment of volume %s to server %s' % (volume_id, server_id)
        answer = self._post(
            _attached(server_id),
            {'volumeAttachment': {'volumeId': volume_id}}, what)
        # From 2.101 on there is no body.
        if answer.data is not None:
            made = records.Attachment.of(service.within(
                answer.data, 'volumeAttachment', what))
            service.made(what, (made.volume_id, volume_id),
                         (made.server_id, server_id))
        return errors.request_id(answer.headers)

    def detach(self, server_id: str, volume_id: str) -> str:
        """Ask for a volume to be detached; a success may still fail later.

        Its status goes from detaching to available.  Back to in-use is: it
        failed.  A guest that has it mounted does not keep it.

        :returns: the id of the request, '' if none was told.
        :raises NotAttached: the server does not have it.
        :raises Busy: it is already being detached, or not in-use.
        :raises NotFound: there is no such server.
        """
        answer = self._ask(
            'DELETE', '%s/%s' % (_attached(server_id),
                                 service.part(volume_id, 'volume')),
            'Detachment of volume %s from server %s' % (
                volume_id, server_id))
        return errors.request_id(answer.headers)

    def actions(self, server_id: str) -> list[records.InstanceAction]:
        """Return the last actions with a server, the newest first."""
        what = 'The list of actions of server %s' % server_id
        data = self._get('/servers/%s/os-instance-actions' % service.part(
            server_id, 'server'), what, self._recent())
        found = [records.InstanceAction.of(each) for each in service.listed(
            data, 'instanceActions', what)]
        return sorted(found, key=lambda each: each.start or '', reverse=True)

    def _recent(self) -> service.Query:
        # Older ones return all of them.
        spoken = self._connection.version()
        return ([('limit', str(ACTIONS))]
                if spoken and spoken >= _LIMITED else [])

    # Key pairs, which belong to the service's user

    def keypair(self, name: str) -> records.KeyPair | None:
        """Return a key pair, or None if there is none of that name."""
        what = 'Key pair %s' % name
        try:
            data = self._get('/os-keypairs/' + service.part(name, 'key pair'),
                            what)
        except exception.NotFound:
            return None
        found = records.KeyPair.of(service.within(data, 'keypair', what))
        if found.name != name:
            raise exception.BackendError(
                '%s: was told of another one' % what, answer=found.name)
        return found

    def keypairs(self) -> list[records.KeyPair]:
        """Return all key pairs of the service's user."""
        what = 'The list of key pairs'
        return [records.KeyPair.of(service.within(each, 'keypair', what))
                for each in self._rows('/os-keypairs', 'keypairs', what)]

    def create_keypair(self, name: str, public_key: str) -> records.KeyPair:
        """Import a public key.

        :raises Conflict: there is one of that name.
        """
        what = 'Import of key pair %s' % name
        answer = self._post('/os-keypairs', {'keypair': {
            'name': name, 'type': 'ssh', 'public_key': public_key}}, what)
        made = records.KeyPair.of(service.within(
            answer.data, 'keypair', what))
        service.made(what, (made.name, name))
        return made

    def delete_keypair(self, name: str) -> None:
        """Delete a key pair; one that is not there is fine."""
        self._remove('/os-keypairs/' + service.part(name, 'key pair'),
                    'Deletion of key pair %s' % name)

    # Sizes and quota

    def flavor(self, ident: str) -> records.Flavor:
        """Return a flavor by its id.

        :raises NotFound: there is none of that id.
        """
        what = 'Flavor %s' % ident
        data = self._get('/flavors/' + service.part(ident, 'flavor'), what)
        return service.same(ident, records.Flavor.of(
            service.within(data, 'flavor', what)), what)

    def zones(self) -> frozenset[str]:
        """Return the names of availability zones that are available."""
        what = 'The list of availability zones'
        rows = [fields.Fields(each, 'availability zone') for each in
                service.listed(self._get('/os-availability-zone', what),
                               'availabilityZoneInfo', what)]
        return frozenset(
            each.ident('zoneName') for each in rows
            if (state := each.part('zoneState')) is None
            or state.flag('available') is not False)

    def limits(self) -> records.ComputeLimits:
        """Return the quota of the project and what is used of it."""
        what = 'The limits of the compute service'
        inner = service.within(self._get('/limits', what), 'limits', what)
        return records.ComputeLimits.of(
            service.within(inner, 'absolute', what))


def _attached(server_id: str) -> str:
    return '/servers/%s/os-volume_attachments' % service.part(
        server_id, 'server')


def _root(boot: records.BootVolume) -> dict[str, Any]:
    """Return the root disk as Nova wants it told."""
    if bool(boot.image) == bool(boot.volume):
        raise exception.InvalidRequest(
            'A server boots from an image or from a volume, not from %r'
            % boot)
    root: dict[str, Any] = {
        'boot_index': 0, 'uuid': boot.image or boot.volume,
        'source_type': 'image' if boot.image else 'volume',
        'destination_type': 'volume',
        'delete_on_termination': boot.delete}
    if boot.image:
        root['volume_size'] = boot.size
        if boot.volume_type:
            root['volume_type'] = boot.volume_type
    return root


def pattern(name: str) -> str:
    """Return a regular expression that a name matches, for any database.

    Characters that some database could take otherwise match anything: the
    answer is compared with the name again.
    """
    return '^%s$' % re.sub(r'[^A-Za-z0-9_-]', '.', name)
