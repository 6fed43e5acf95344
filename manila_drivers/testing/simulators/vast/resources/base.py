# SPDX-License-Identifier: Apache-2.0

"""Common parts of resources: list, show, create, change, delete."""

import abc
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from typing import ClassVar

from manila_drivers.testing.simulators.vast import filters
from manila_drivers.testing.simulators.vast import paging
from manila_drivers.testing.simulators.vast.state import DEFAULT_TENANT
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import not_found
from manila_drivers.testing.simulators.vast.wire import not_unique
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

Handler = Callable[[Call], Response]
# (verb, with a number, action) -> handler
Routes = Mapping[tuple[str, bool, str], Handler]

COMMON = {'id': 'id', 'name': 'name', 'guid': 'guid'}
TENANTED = {'tenant_id': 'tenant_id', 'tenant__id': 'tenant_id',
            'tenant_name': 'tenant_name', 'tenant__name': 'tenant_name'}


class Resource:
    """A read-only resource on one table; others add to it.

    ``filters`` maps query parameters to fields of the record.
    """

    name: ClassVar[str]
    filters: ClassVar[Mapping[str, str]] = COMMON
    tenanted: ClassVar[bool] = False

    def __init__(self, state: State) -> None:
        self.state = state
        self.options = state.options
        self.table = state.tables[self.name]

    def routes(self) -> Routes:
        return {('GET', False, ''): self.list, ('GET', True, ''): self.show}

    # Reading

    def select(self, call: Call) -> list[Record]:
        """The records that the query and the caller's scope leave."""
        params = [] if self.options.ignore_filters else call.params
        found = filters.select(self.table, params, self.filters)
        return [record for record in found if self.visible(call, record)]

    def visible(self, call: Call, record: Record) -> bool:
        return (not self.tenanted or call.scope is None
                or record['tenant_id'] in (None, call.scope))

    def list(self, call: Call) -> Response:
        return answer(200, paged_body(self, call))

    def show(self, call: Call) -> Response:
        return answer(200, self.one(call))

    def one(self, call: Call) -> Record:
        """:raises ApiError: 404, no such record in the caller's scope."""
        record = self.table.get(call.ident)
        if record is None or not self.visible(call, record):
            raise not_found()
        return record

    # Help for those that create

    def tenant_of(self, call: Call, field: str = 'tenant_id') -> int:
        """The tenant that a request names, its scope, or the default.

        :raises ApiError: 400 unknown, 403 outside the caller's scope.
        """
        tenant_id = call.body.get(field)
        if tenant_id is None:
            return call.scope or DEFAULT_TENANT
        if (isinstance(tenant_id, bool) or not isinstance(tenant_id, int)
                or self.state.tables['tenants'].get(tenant_id) is None):
            raise unknown_pk(field, tenant_id)
        if call.scope not in (None, tenant_id):
            raise detail(403, 'permission_denied: another tenant')
        return tenant_id

    def require_known(self, body: Record, accepted: Collection[str],
                      record: Record | None = None) -> None:
        """:raises ApiError: 400, a field that VMS does not describe.

        A real server ignores it, and so hides a slip of the pen.

        :param record: what is changed; its fields may be sent back.
        """
        if not self.options.refuse_unknown_fields:
            return
        for field in body:
            if field not in accepted and field not in (record or ()):
                raise field_error(field, 'Unknown field.')

    def require_unique(self, name: str | None, tenant_id: int | None,
                       but: Record | None = None) -> None:
        """:raises ApiError: 400, another record of the tenant has the name."""
        for other in self.table.in_tenant('name', name, tenant_id):
            if name is not None and other is not but:
                raise not_unique()

    def stored(self, record: Record) -> Record:
        """Store a new record with what every record carries."""
        cluster = next(iter(self.state.tables['clusters']), None)
        added = self.table.add({
            'guid': self.state.guid(), **record,
            'created': self.state.now(),
            'cluster': cluster['name'] if cluster else None,
            'cluster_id': 1})
        if self.tenanted:
            added['tenant_name'] = self.state.tenant_name(added['tenant_id'])
        added['url'] = (f'https://{self.options.link_host}/api/{self.name}/'
                        f'{added["id"]}/')
        return added


class Editable(Resource, abc.ABC):
    """One whose records are made, changed and removed as well."""

    def routes(self) -> Routes:
        return {**super().routes(),
                ('POST', False, ''): self.create,
                ('PATCH', True, ''): self.change,
                ('DELETE', True, ''): self.delete}

    @abc.abstractmethod
    def create(self, call: Call) -> Response: ...

    @abc.abstractmethod
    def change(self, call: Call) -> Response: ...

    @abc.abstractmethod
    def delete(self, call: Call) -> Response: ...


def paged_body(resource: Resource, call: Call) -> object:
    return paging.paged(resource.select(call), call, resource.options)


def unknown_pk(field: str, value: object) -> Exception:
    return field_error(field,
                       f'Invalid pk "{value}" - object does not exist.')


def fixed(body: Record, record: Record, *names: str) -> None:
    """:raises ApiError: 400, a field would change that cannot."""
    for name in names:
        if name in body and body[name] != record[name]:
            raise field_error(name, 'This field cannot be changed.')
