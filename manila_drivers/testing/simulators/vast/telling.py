# SPDX-License-Identifier: Apache-2.0

"""Routes, fields and settings that a version does not have or not tell."""

from collections.abc import Iterable
from collections.abc import Mapping
import json
from typing import Any

from manila_drivers.testing.simulators.vast.options import Options
from manila_drivers.testing.simulators.vast.resources import policies
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

PAGE = (b'<!doctype html><html lang="en"><head><title>Not Found</title>'
        b'</head><body><h1>Not Found</h1><p>The requested resource was not '
        b'found on this server.</p></body></html>')

#: From which version on there are routes that older ones lack.
SINCE: Mapping[str, tuple[int, ...]] = {
    'snapshots/clone': (4, 6), 'folders/delete_folder': (4, 7),
    'apitokens': (5, 3)}

#: What this simulator keeps with a record and VMS does not tell.
INTERNAL: Mapping[str, frozenset[str]] = {
    'globalsnapstreams': frozenset(('tenant_id',))}


def lacks(state: State, verb: str, resource: str, action: str) -> bool:
    """Return whether a route is not there, by the version or by a switch."""
    route = f'{resource}/{action}' if action else resource
    if {route, f'{verb} {route}'} & state.options.missing_routes:
        return True
    return any(state.version < SINCE.get(name, ())
               for name in (resource, route))


def page() -> Response:
    """The answer of a web server that knows no such route."""
    return Response(404, PAGE, {'Content-Type': 'text/html'})


def taken(options: Options, call: Call) -> None:
    """Drop from a body what is accepted and not stored."""
    for field in _of(options.ignored_fields, call.resource):
        call.body.pop(field, None)


def told(state: State, call: Call, response: Response) -> Response:
    """An answer as this version gives it."""
    options = state.options
    if not response.body or response.status >= 300:
        return response
    if options.silent_updates and call.verb == 'PATCH' and not call.action:
        return response._replace(body=b'')
    if call.verb == 'POST' and not call.action \
            and call.resource in options.partial_answers:
        ident = json.loads(response.body)['id']
        return response._replace(body=json.dumps({'id': ident}).encode())
    null, absent, text = (
        frozenset(_of(fields, call.resource)) for fields in (
            options.null_fields, options.absent_fields, options.text_fields))
    absent |= INTERNAL.get(call.resource, frozenset())
    if call.resource == 'viewpolicies':
        absent |= policies.unknown_pool_fields(state)
    if not (null or absent or text):
        return response
    data = json.loads(response.body)
    for record in _records(data):
        for field in record.keys() & null:
            record[field] = None
        for field in record.keys() & text:
            record[field] = _as_text(record[field])
        for field in record.keys() & absent:
            del record[field]
    return response._replace(body=json.dumps(data).encode())


def _of(fields: Iterable[str], resource: str) -> list[str]:
    """The fields of one resource, of all that are named."""
    return [name for owner, _, name in
            (field.partition('.') for field in fields) if owner == resource]


def _records(data: Any) -> list[Record]:
    if isinstance(data, dict):
        data = data.get('results', [data])
    return [record for record in data if isinstance(record, dict)]


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return ','.join(map(str, value))
    return value if value is None else str(value)
