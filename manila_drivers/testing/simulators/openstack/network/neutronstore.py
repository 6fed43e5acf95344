# SPDX-License-Identifier: Apache-2.0

"""Common to all resources of Neutron: lists, filters, owners."""

from collections.abc import Collection
from collections.abc import Mapping
from typing import Any

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Response

QUOTAS = {'network': 100, 'subnet': 100, 'subnetpool': -1, 'port': 500,
          'router_route': 30, 'router': 10, 'floatingip': 50,
          'rbac_policy': 10, 'security_group': 10, 'security_group_rule': 100}
PAGING = frozenset(('limit', 'marker', 'page_reverse', 'sort_key',
                    'sort_dir', 'fields'))
#: Only administrators see these.
HIDDEN = ('binding:host_id', 'binding:profile', 'binding:vif_type',
          'binding:vif_details', 'provider:network_type',
          'provider:physical_network', 'provider:segmentation_id',
          'distributed', 'ha', 'is_default')


class NetworkStore:
    """Rows by kind and id, and the quotas of projects."""

    KINDS = ('network', 'subnet', 'port', 'router', 'security_group',
             'security_group_rule')

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: dict[str, dict[str, Record]] = {
            kind: {} for kind in self.KINDS}
        self.limits: dict[str, dict[str, int]] = {}
        #: Numbers of MAC addresses.
        self.macs = 0

    def mac(self) -> str:
        self.macs += 1
        return 'fa:16:3e:' + ':'.join(
            f'{self.macs >> shift & 255:02x}' for shift in (16, 8, 0))

    def of(self, kind: str, **fields: Any) -> list[Record]:
        """Rows of a kind whose fields have these values."""
        return [row for row in self.rows[kind].values()
                if all(row.get(key) == value
                       for key, value in fields.items())]

    def addresses(self, subnet_id: str) -> set[str]:
        """Taken addresses of a subnet."""
        return {each['ip_address'] for port in self.rows['port'].values()
                for each in port['fixed_ips']
                if each['subnet_id'] == subnet_id}

    def on(self, subnet_id: str) -> list[Record]:
        """Ports that have an address of a subnet."""
        return [port for port in self.rows['port'].values()
                if any(each['subnet_id'] == subnet_id
                       for each in port['fixed_ips'])]

    def quota(self, project_id: str) -> dict[str, int]:
        return {**QUOTAS, **self.limits.get(project_id, {})}

    def used(self, kind: str, project_id: str) -> int:
        return len(self.of(kind, project_id=project_id))

    def reserve(self, kind: str, project_id: str, more: int = 1) -> None:
        """:raises Refusal: 409, the project has its share."""
        limit = self.quota(project_id)[kind]
        if limit >= 0 and self.used(kind, project_id) + more > limit:
            raise wire.network(409, 'OverQuota', 'Quota exceeded for '
                               f"resources: ['{kind}'].")

    def put(self, kind: str, project_id: str, fields: Record) -> Record:
        """Store a row with what every row has."""
        now = self.world.moment('Z')
        row: Record = {
            'id': self.world.uuid(), 'tenant_id': project_id,
            'project_id': project_id, 'description': '', **fields,
            'tags': [], 'created_at': now, 'updated_at': now,
            'revision_number': 1}
        self.rows[kind][row['id']] = row
        return row

    def changed(self, row: Record, fields: Record) -> None:
        row.update(fields, updated_at=self.world.moment('Z'))
        row['revision_number'] += 1


class Rows:
    """Requests for one kind of rows.

    ``writable`` are the fields that a request may set when it makes a row,
    with their defaults; ``changeable`` those of a PUT.
    """

    kind: str
    plural: str
    path: str
    #: How an unknown one is called: type, and text with the id in it.
    unknown: tuple[str, str]
    writable: Mapping[str, Any] = {}
    changeable: Collection[str] = ()
    #: Which values they may have.
    shapes: schema.Schema = {}
    #: Fields beyond those of a row that lists can be filtered by.
    filterable: frozenset[str] = frozenset()

    def __init__(self, store: NetworkStore) -> None:
        self.store = store
        self.world = store.world

    # Who sees what

    def visible(self, row: Record, caller: Caller) -> bool:
        return (caller.admin or row['project_id'] == caller.project_id
                or bool(row.get('shared')))

    def not_found(self, ident: str) -> Refusal:
        return wire.network(404, self.unknown[0],
                            self.unknown[1].format(ident))

    def one(self, ident: str, caller: Caller) -> Record:
        """:raises Refusal: 404, none that the caller may see."""
        row = self.store.rows[self.kind].get(ident)
        if row is None or not self.visible(row, caller):
            raise self.not_found(ident)
        return row

    def own(self, ident: str, caller: Caller, rule: str) -> Record:
        """One that the caller may change.

        :raises Refusal: 404; 403, it is another project's.
        """
        row = self.one(ident, caller)
        if not caller.admin and row['project_id'] != caller.project_id:
            raise wire.network(403, 'PolicyNotAuthorized',
                               f'rule:{rule}_{self.kind} is disallowed by '
                               'policy')
        return row

    def told(self, row: Record, caller: Caller) -> Record:
        if caller.admin:
            return dict(row)
        return {key: value for key, value in row.items()
                if key not in HIDDEN}

    # Reading

    def show(self, ask: Ask, ident: str) -> Response:
        row = self.told(self.one(ident, ask.caller), ask.caller)
        return found(200, {self.kind: wire.chosen(
            [row], ask.values('fields'))[0]})

    def index(self, ask: Ask) -> Response:
        rows = [self.told(row, ask.caller)
                for row in self.store.rows[self.kind].values()
                if self.visible(row, ask.caller)]
        rows = self.select(ask, rows)
        rows.sort(key=lambda row: self.world.order(row['id'], 0.0))
        return found(200, self.page(ask, rows))

    def select(self, ask: Ask, rows: list[Record]) -> list[Record]:
        """:raises Refusal: 400, a filter that there is not."""
        wanted: dict[str, set[str]] = {}
        for key, value in ask.params:
            if key not in PAGING:
                wanted.setdefault(key, set()).add(value)
        known = set(self.writable) | set(self.changeable) | self.filterable | {
            'id', 'project_id', 'tenant_id', 'status', 'tags', 'description',
            'revision_number', 'shared', 'name'}
        unknown = sorted(set(wanted) - known)
        if unknown:
            raise wire.network(400, 'HTTPBadRequest',
                               f'{unknown} is invalid attribute for '
                               'filtering')
        return [row for row in rows
                if all(self.matches(row, key, values)
                       for key, values in wanted.items())]

    def matches(self, row: Record, key: str, values: Collection[str]) -> bool:
        told = row.get(key)
        if key == 'tags':
            return set(','.join(values).split(',')) <= set(told or ())
        if isinstance(told, bool):
            return any(value.lower() == str(told).lower()
                       for value in values)
        return ('' if told is None else str(told)) in values

    def page(self, ask: Ask, rows: list[Record]) -> Record:
        """:raises Refusal: 400, a limit that is no number."""
        size = self.world.options.network_page_limit
        if ask.param('limit') is not None:
            limit = number(ask.param('limit'))
            if limit is None:
                raise wire.network(400, 'BadRequest', 'Bad limit request: '
                                   'Limit must be an integer 0 or greater '
                                   f"and not '{ask.param('limit')}'.")
            size = min(limit, size or limit)
        marker = ask.param('marker')
        if marker is not None and marker not in self.store.rows[self.kind]:
            raise self.not_found(marker)
        start = wire.after(ask, rows)
        cut = rows[start:start + size] if size else rows[start:]
        body: Record = {self.plural: wire.chosen(cut, ask.values('fields'))}
        if size:
            links = []
            if start + size < len(rows):
                links.append({'rel': 'next', 'href': wire.following(
                    ask, cut[-1]['id'], self.world.options.link_url)})
            body[f'{self.plural}_links'] = links
        return body

    # Writing

    def owner(self, ask: Ask, body: Record) -> str:
        """The project of a new row.

        :raises Refusal: 400, another project's, by no administrator.
        """
        for name in ('project_id', 'tenant_id'):
            wanted = body.get(name)
            if wanted and wanted != ask.caller.project_id:
                if ask.caller.admin:
                    return str(wanted)
                raise wire.network(
                    400, 'HTTPBadRequest', f"Specifying '{name}' other than "
                    'the authenticated project in request is not allowed '
                    'for the current user.')
        return ask.caller.project_id

    def accepted(self, ask: Ask, body: Record, fields: Collection[str],
                 word: str) -> Record:
        """:raises Refusal: 400, a field that there is not."""
        unknown = sorted(set(body) - set(fields) - {'project_id', 'tenant_id',
                                                    'description'})
        if unknown:
            raise wire.network(
                400, 'HTTPBadRequest', 'Unrecognized attribute(s) '
                f"'{', '.join(unknown)}'" if word == 'POST' else
                f'Cannot update read-only attribute {unknown[0]}')
        schema.check(ask, body, self.shapes)
        return {key: body[key] for key in body
                if key not in ('project_id', 'tenant_id')}

    def tag(self, ask: Ask, ident: str, tag: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        if tag not in row['tags']:
            row['tags'].append(tag)
        return found(201, None)

    def tags(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        row['tags'] = sorted(set(ask.body.get('tags') or ()))
        return found(200, {'tags': row['tags']})
