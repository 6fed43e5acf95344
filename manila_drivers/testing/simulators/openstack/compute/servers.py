# SPDX-License-Identifier: Apache-2.0

"""``/servers``: listed, shown, renamed, deleted, and their actions."""

import re

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute import views
from manila_drivers.testing.simulators.openstack.compute.build import Builder
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

#: Parameters of lists; some of them do nothing here.
KNOWN = frozenset((
    'name', 'status', 'all_tenants', 'limit', 'marker', 'sort_key',
    'sort_dir', 'flavor', 'image', 'host', 'project_id', 'tenant_id',
    'user_id', 'ip', 'ip6', 'tags', 'metadata', 'changes-since',
    'changes-before', 'reservation_id', 'uuid', 'deleted', 'locked'))


class ServerRequests:
    def __init__(self, store: novastore.ComputeStore, neutron: Neutron,
                 builder: Builder) -> None:
        self.store = store
        self.world = store.world
        self.neutron = neutron
        self.builder = builder

    def routes(self) -> Routes:
        return {'GET /servers': self.names, 'GET /servers/detail': self.index,
                'GET /servers/{ident}': self.show,
                'PUT /servers/{ident}': self.rename,
                'DELETE /servers/{ident}': self.delete,
                'POST /servers/{ident}/metadata': self.label,
                'GET /servers/{ident}/os-security-groups': self.groups,
                'GET /servers/{ident}/os-instance-actions': self.lines,
                'GET /servers/{ident}/os-instance-actions/{request}':
                    self.line}

    # Reading

    def told(self, ask: Ask, server: novastore.Instance, *,
             single: bool = False) -> Record:
        if self.world.options.cell_down:
            if not since(ask, '2.69'):
                raise wire.compute(500, 'Unexpected API Error.\n<class '
                                   "'nova.exception.CellTimeout'>")
            return views.unknown(self.world, ask, server, single=single)
        return views.full(self.world, self.neutron, ask, server,
                          single=single)

    def names(self, ask: Ask) -> Response:
        if self.world.options.cell_down:
            return self.index(ask)
        return self._list(ask, [views.short(self.world, each)
                                for each in self.select(ask)])

    def index(self, ask: Ask) -> Response:
        return self._list(ask, [self.told(ask, each)
                                for each in self.select(ask)])

    def _list(self, ask: Ask, records: list[Record]) -> Response:
        options = self.world.options
        return found(200, wire.paged(ask, records, 'servers',
                                     most=options.page_limit,
                                     below=options.link_url))

    def select(self, ask: Ask) -> list[novastore.Instance]:
        """Servers of the project, or of all; names are patterns.

        :raises Refusal: 403, all projects, by no administrator.
        """
        if self.world.options.cell_down and not since(ask, '2.69'):
            return []
        unknown = sorted({key for key, _ in ask.params} - KNOWN)
        if unknown and since(ask, '2.75'):
            raise wire.compute(400, f"'{unknown[0]}' does not match any of "
                                    "the regexes: '^_'")
        everybody = ask.flag('all_tenants')
        if everybody and not ask.caller.admin:
            raise wire.compute(403, "Policy doesn't allow os_compute_api:"
                               'servers:index:get_all_tenants to be '
                               'performed.')
        pattern = self._pattern(ask.param('name'))
        status = ask.param('status')
        chosen = [server for server in self.store.servers.values()
                  if (everybody or server.project_id == ask.caller.project_id)
                  and (pattern is None or pattern.search(server.name))
                  and status in (None, server.status)]
        return sorted(chosen, key=lambda each: self.world.order(each.id,
                                                                each.born))

    def _pattern(self, name: str | None) -> re.Pattern[str] | None:
        """:raises Refusal: 400, it is no pattern."""
        if name is None:
            return None
        try:
            return re.compile(name, re.IGNORECASE)
        except re.error:
            raise wire.compute(
                400, 'Invalid input for query parameters name. Value: '
                f"{name}. '{name}' is not a 'regex'") from None

    def show(self, ask: Ask, ident: str) -> Response:
        server = self.store.server(ident, ask.caller)
        return found(200, {'server': self.told(ask, server, single=True)})

    def groups(self, ask: Ask, ident: str) -> Response:
        server = self.store.server(ident, ask.caller)
        rows = {row['id']: row for port in server.ports
                for group in self.neutron.store.rows['port'].get(
                    port, {}).get('security_groups', ())
                for row in self.neutron.store.of('security_group', id=group)}
        return found(200, {'security_groups': [
            {'id': row['id'], 'name': row['name'], 'rules': [],
             'tenant_id': row['project_id'],
             'description': row['description']} for row in rows.values()]})

    # Changing

    def rename(self, ask: Ask, ident: str) -> Response:
        server = self.store.server(ident, ask.caller)
        name = ask.inner('server').get('name')
        if isinstance(name, str) and name.strip():
            server.name = name
            server.updated = self.world.now
        return found(200, {'server': self.told(ask, server, single=True)})

    def label(self, ask: Ask, ident: str) -> Response:
        server = self.store.server(ident, ask.caller)
        server.metadata.update(ask.inner('metadata'))
        return found(200, {'metadata': dict(server.metadata)})

    def delete(self, ask: Ask, ident: str) -> Response:
        """Delete; while that goes on it is answered again alike."""
        server = self.store.server(ident, ask.caller)
        if server.task_state != 'deleting':
            line = self.store.begin(server, 'delete', ask.request_id,
                                    ask.caller, 'compute_terminate_instance')
            self.builder.delete(server, line)
        return Response(204)

    # What was done to it

    def lines(self, ask: Ask, ident: str) -> Response:
        """The newest first."""
        server = self.store.server(ident, ask.caller)
        records = [{**self._line(ask, server, line), 'id': line.request_id}
                   for line in reversed(server.lines)]
        options = self.world.options
        body: Record = {'instanceActions': records}
        if since(ask, '2.58'):
            body = wire.paged(ask, records, 'instanceActions',
                              most=options.page_limit,
                              below=options.link_url)
            # Here alone they are called so.
            links = body.pop('instanceActions_links', None)
            if links:
                body['links'] = links
        for record in body['instanceActions']:
            del record['id']
        return found(200, body)

    def line(self, ask: Ask, ident: str, request: str) -> Response:
        server = self.store.server(ident, ask.caller)
        for line in server.lines:
            if line.request_id == request:
                told = self._line(ask, server, line)
                if since(ask, '2.51') or ask.caller.admin:
                    told['events'] = [self._event(ask, server, line)]
                return found(200, {'instanceAction': told})
        raise wire.compute(404, f'Action {request} not found')

    def _line(self, ask: Ask, server: novastore.Instance,
              line: novastore.InstanceLine) -> Record:
        told: Record = {
            'action': line.action, 'instance_uuid': server.id,
            'request_id': line.request_id, 'user_id': line.user_id,
            'project_id': line.project_id,
            'start_time': self._moment(line.started),
            'message': line.message}
        if since(ask, '2.58'):
            told['updated_at'] = self._moment(line.updated)
        return told

    def _event(self, ask: Ask, server: novastore.Instance,
               line: novastore.InstanceLine) -> Record:
        event = line.event
        failed = event.result == 'Error'
        told: Record = {
            'event': event.name, 'start_time': self._moment(event.started),
            'finish_time': (self._moment(event.finished)
                            if event.finished is not None else None),
            'result': event.result}
        if ask.caller.admin:
            told['traceback'] = ('  File "nova/compute/manager.py"\n'
                                 if failed else None)
            if since(ask, '2.62'):
                told['host'] = server.host
        if since(ask, '2.62'):
            told['hostId'] = server.host and server.host.encode().hex()
        if since(ask, '2.84'):
            told['details'] = 'libvirtError' if failed else None
        return told

    def _moment(self, at: float) -> str:
        return self.world.moment('.000000', at=at)
