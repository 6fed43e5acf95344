# SPDX-License-Identifier: Apache-2.0

"""Fields of the management service's (VMS) records, read strictly.

A field that is null or absent is None, which means: not told.  One of another
type than described is an error, never converted into something that looks
right: a word is not a list of its letters.
"""

from collections.abc import Mapping
import math
import re
from typing import Any

from manila_drivers import exception

Json = Mapping[str, Any]

_NUMBER = re.compile(r'-?[0-9]+([.][0-9]+)?([eE][+]?[0-9]{1,2})?')

#: Tenant of a record that does not tell it; no tenant has this id.
UNTOLD = -1


def need(data: Json, field: str, kind: str) -> Any:
    """A field without which a record means nothing.

    :raises BackendError: it is null, empty or absent.
    """
    value = data.get(field)
    if value is None or value == '':
        raise exception.BackendError(
            'VMS returned a %s without the field %r' % (kind, field),
            answer=repr(sorted(data)), check='vast_api_version')
    return value


def ident(data: Json, kind: str) -> int:
    need(data, 'id', kind)
    found = number(data, 'id')
    assert found is not None
    return found


def number(data: Json, field: str) -> int | None:
    """A whole number, which may come as digits, as 5.0 or as '5.0'.

    :raises ValueError: it is something else.
    """
    value = data.get(field)
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        # Digits stay digits: a float holds 53 bits of them.
        value = value.strip()
        value = int(value) if value.lstrip('-').isdigit() else float(value)
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(field, value, 'a number')
    return value


def size(data: Json, field: str) -> int | None:
    """Bytes; less than none is a way of not telling."""
    found = number(data, field)
    return None if found is None or found < 0 else found


def fraction(data: Json, field: str) -> float | None:
    value = data.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str) \
            or not math.isfinite(float(value)):
        raise _wrong(field, value, 'a number')
    return float(value)


def text(data: Json, field: str) -> str | None:
    value = data.get(field)
    if value is not None and not isinstance(value, str):
        raise _wrong(field, value, 'text')
    return value


def texts(data: Json, field: str) -> tuple[str, ...] | None:
    value = data.get(field)
    if value is None:
        return None
    if not isinstance(value, list) or not all(
            isinstance(item, str) for item in value):
        raise _wrong(field, value, 'a list of texts')
    return tuple(value)


def flag(data: Json, field: str) -> bool | None:
    value = data.get(field)
    if value is not None and not isinstance(value, bool):
        raise _wrong(field, value, 'true or false')
    return value


def part(data: Json, field: str) -> Json | None:
    """A record within a record."""
    value = data.get(field)
    if value is not None and not isinstance(value, Mapping):
        raise _wrong(field, value, 'a record')
    return value


def name(data: Json, kind: str) -> str:
    """The name; '' for what has none.

    :raises BackendError: the record does not tell whether it has one.
    """
    if 'name' not in data:
        need(data, 'name', kind)
    return text(data, 'name') or ''


def tenant(data: Json) -> int | None:
    """Id of the tenant, None for all of them, UNTOLD if not told."""
    return number(data, 'tenant_id') if 'tenant_id' in data else UNTOLD


def path_of(value: object) -> str:
    """A path as it is compared: without a slash at the end, or two in a row.

    Views and quotas carry none, snapshots and streams usually do.
    """
    return re.sub('/+', '/', str(value or '')).rstrip('/') or '/'


def path(data: Json, kind: str, field: str = 'path') -> str:
    value = need(data, field, kind)
    if not isinstance(value, str) or not value.startswith('/'):
        raise _wrong(field, value, 'an absolute path')
    return path_of(value)


def _wrong(field: str, value: object, wanted: str) -> ValueError:
    return ValueError('%s is %.60r, not %s' % (field, value, wanted))
