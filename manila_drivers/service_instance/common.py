# SPDX-License-Identifier: Apache-2.0

"""The one server of a backend without share servers."""

from collections.abc import Callable
import ipaddress
import logging
import threading
from typing import Any
import uuid

from manila_drivers import exception
from manila_drivers.openstack import compute
from manila_drivers.openstack import records
from manila_drivers.service_instance import names
from manila_drivers.service_instance import settings

LOG = logging.getLogger(__name__)

# Keys of what is stored of a server that is found by its name.
_SERVER, _PROJECT = 'instance_id', 'project_id'


class CommonServer:
    """Finds the server and its addresses, and remembers them.

    :param extra: more details: user and key.
    :param storage: Manila's private storage, for the id of a server that is
        named, and the project that it is in; without it they are known as
        long as the process lives.
    :param section: of the backend, under which it is stored.
    """

    def __init__(self, nova: Callable[[], compute.Compute],
                 conf: settings.CommonSettings,
                 extra: dict[str, Any], storage: Any = None,
                 section: str = '') -> None:
        self._nova = nova
        self._conf = conf
        self._extra = extra
        self._storage = storage
        self._stored: dict[str, str] = {}
        self._place = str(uuid.uuid5(
            uuid.NAMESPACE_URL, 'manila-generic:server:%s:%s' % (
                section, conf.server)))
        self._lock = threading.Lock()
        self._details: dict[str, Any] | None = None
        self._doubted = False

    def details(self, *, refresh: bool = False) -> dict[str, Any]:
        """Return its details, asked for once unless ``refresh``.

        Those that are doubted are asked for again, and are good enough if
        Nova cannot answer.

        :raises NotFound: there is no such server.
        :raises ConfigurationError: an address is missing, or several servers
            have the name.
        """
        with self._lock:
            if self._details is None or refresh:
                self._details = self._found()
            elif self._doubted:
                self._details = self._again(self._details)
            self._doubted = False
            return dict(self._details)

    def doubt(self) -> None:
        """Ask again with the next call: it may have other addresses."""
        with self._lock:
            self._doubted = True

    def _again(self, known: dict[str, Any]) -> dict[str, Any]:
        found, error = exception.caught(self._found)
        if found is not None:
            return found
        if isinstance(error, (exception.NotFound,
                              exception.ConfigurationError)):
            raise error
        LOG.warning('Server %s could not be looked for again: %s',
                    self._conf.server, error)
        return known

    def _found(self) -> dict[str, Any]:
        server = self._server()
        service = address(server, self._conf.service_address,
                          'service_net_name_or_ip')
        public = address(server, self._conf.tenant_address,
                         'tenant_net_name_or_ip')
        LOG.info('Shares are on server %s (%s), reached at %s by this host '
                 'and at %s by users', server.id, server.name, service,
                 public)
        return {names.INSTANCE_ID: server.id, names.IP: service,
                names.PUBLIC_ADDRESS: public, **self._extra}

    def _server(self) -> records.Server:
        """Return the server: by id, by name in our project, then in all.

        What looks like an id is no name in other projects: once that server
        is gone, anybody could call another one so, and would be given the
        disks of all shares.
        """
        wanted, nova = self._conf.server, self._nova()
        is_id = _is_id(wanted)
        if is_id:
            try:
                return nova.server(wanted)
            except exception.NotFound as exc:
                # It may be a name as well, in our project.
                LOG.debug('No server has the id %s: %s', wanted, exc)
        found = nova.servers(name=wanted)
        if not found and (before := self._remembered(nova)) is not None:
            return before
        hidden, elsewhere = '', not found and not is_id
        if elsewhere:
            try:
                found = nova.servers(name=wanted, all_projects=True)
            except exception.AccessDenied as exc:
                hidden = exc.answer
        if not found:
            raise exception.NotFound(
                f'Nova has no server with name or id {wanted}',
                answer=hidden, check='service_instance_name_or_id; project '
                'of the user in [nova]; servers of other projects are shown '
                'to administrators alone')
        if len(found) > 1:
            raise exception.ConfigurationError(
                'service_instance_name_or_id', f'{len(found)} servers are '
                f'called {wanted}', answer=', '.join(
                    sorted(each.id for each in found)),
                check='use the id of the one that is meant')
        # A list need not have all that a server has.
        server = nova.server(found[0].id)
        self._check_project(server, elsewhere=elsewhere)
        return server

    def _check_project(self, server: records.Server, *,
                       elsewhere: bool) -> None:
        """Raise ConfigurationError if somebody else has taken the name.

        Anybody can call a server so, and would be given the disks of all
        shares: a server that was found by its name alone, in a project that
        is not ours, has to be in the one where it was found first.
        """
        known, project = self._known(_PROJECT), server.project_id or ''
        if elsewhere and known and known != project:
            raise exception.ConfigurationError(
                'service_instance_name_or_id', f'server {server.id} has the '
                f'name {self._conf.server}, and is not the one that was '
                f'found before: it is in project '
                f'{project or "(not told)"}, and that was in {known}',
                check='who has made it; use the id of the server that is '
                'meant')
        found = {_SERVER: server.id,
                 **({_PROJECT: project} if project else {})}
        if any(self._known(key) != value for key, value in found.items()):
            self._stored.update(found)
            if self._storage is not None:
                self._storage.update(self._place, found)

    def _remembered(self, nova: compute.Compute) -> records.Server | None:
        """Return the server that had the name before, None if it is gone.

        It has the shares, whatever somebody calls it now, and in whatever
        project it is; no other one of that name in another project has.
        """
        ident = self._known(_SERVER)
        if not ident:
            return None
        try:
            found = nova.server(ident)
        except exception.NotFound:
            return None
        # While a cell is down, nothing but the id is told.
        if found.status in records.GONE or found.name is None:
            return None
        if found.name != self._conf.server:
            LOG.warning('Server %s, which was called %s, is called %s by now. '
                        'Check: service_instance_name_or_id', ident,
                        self._conf.server, found.name)
        return found

    def _known(self, key: str) -> str:
        """Return what is stored of the server, '' if nothing is."""
        if not self._stored.get(key) and self._storage is not None:
            self._stored[key] = str(self._storage.get(self._place, key) or '')
        return self._stored.get(key, '')


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def address(server: records.Server, wanted: str, option: str) -> str:
    """Return an address of a server.

    :param wanted: the address itself, or the name of a network.
    :raises ConfigurationError: it has none there.
    """
    try:
        return str(ipaddress.ip_address(wanted))
    except ValueError:
        pass
    if server.addresses is None:
        raise exception.BackendError(
            f'Nova does not tell the addresses of server {server.id}',
            check='the roles of the user in [nova]')
    found = [each for each in server.addresses if each.network == wanted]
    # Users cannot mount from addresses of IPv6 where there are others.
    found.sort(key=lambda each: each.version != 4)
    for each in found:
        try:
            return str(ipaddress.ip_address(each.ip))
        except ValueError:
            continue
    known = sorted({each.network for each in server.addresses})
    raise exception.ConfigurationError(
        option, f'is {wanted}, which is no address, and server {server.id} '
        f'({server.name}, {server.status}) has none in a network of that '
        f'name', answer='its networks: ' + (', '.join(known) or 'none'))
