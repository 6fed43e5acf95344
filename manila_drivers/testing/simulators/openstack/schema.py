# SPDX-License-Identifier: Apache-2.0

"""Which values fields of a body may have, as the services' schemas say it."""

from collections.abc import Callable
from collections.abc import Mapping
import ipaddress
from typing import Any

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record

Test = Callable[[Any], bool]
Schema = Mapping[str, Test]


def text(value: Any) -> bool:
    return isinstance(value, str)


def some(value: Any) -> bool:
    """Text that is not empty."""
    return isinstance(value, str) and bool(value.strip())


def filled(value: Any) -> bool:
    return bool(value)


def limit(value: Any) -> bool:
    """A number from -1, also as text."""
    return value == -1 or value == '-1' or counted(value)


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def counted(value: Any) -> bool:
    """A number from 0, also as text."""
    return whole(value) and value >= 0 or (
        isinstance(value, str) and value.isascii() and value.isdecimal())


def table(value: Any) -> bool:
    return isinstance(value, dict)


def labels(value: Any) -> bool:
    """Text by text."""
    return isinstance(value, dict) and all(
        isinstance(each, str) for pair in value.items() for each in pair)


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(text, value))


def tables(value: Any) -> bool:
    return isinstance(value, list) and all(map(table, value))


def address(value: Any) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)


def pools(value: Any) -> bool:
    return tables(value) and all(
        address(each.get('start')) and address(each.get('end'))
        for each in value)


def attached(value: Any) -> bool:
    """The networks of a new server."""
    return value in ('none', 'auto') or tables(value) and all(
        text(each.get('port', each.get('uuid'))) for each in value)


def fixed(value: Any) -> bool:
    """The addresses of a port."""
    return tables(value) and all(
        text(inner) for each in value for inner in each.values())


def null(test: Test) -> Test:
    """Return a test that lets nothing pass as well."""
    return lambda value: value is None or test(value)


def one_of(*values: Any) -> Test:
    return lambda value: isinstance(value, str) and value in values


#: How a value fails a test.
REASONS: Mapping[Test, str] = {
    some: 'should be non-empty', text: "is not of type 'string'",
    counted: "does not match '^[0-9]+$'",
    limit: "does not match '^-?[0-9]+$'",
    truth: "is not of type 'boolean'", whole: "is not of type 'integer'",
    table: "is not of type 'object'"}


def check(ask: Ask, body: Record, schema: Schema) -> None:
    """:raises Refusal: 400, a field that is there is of the wrong kind."""
    for field, value in body.items():
        if field not in schema or schema[field](value):
            continue
        if ask.service == 'network':
            raise wire.network(
                400, 'HTTPBadRequest', f'Invalid input for {field}. Reason: '
                f"'{value}' is not valid.")
        raise wire.refused(
            ask.service, 400, f'Invalid input for field/attribute {field}. '
            f'Value: {value}. {value!r} '
            f'{REASONS.get(schema[field], _reason(value))}')


def _reason(value: Any) -> str:
    return 'should be non-empty' if value == '' else 'is not valid'
