# SPDX-License-Identifier: Apache-2.0

"""Reading the fields of a request, with VMS's words for what is wrong."""

from collections.abc import Collection
from typing import Any

from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import Record


def _present(body: Record, field: str, *, required: bool) -> bool:
    if field not in body:
        if required:
            raise field_error(field, 'This field is required.')
        return False
    if body[field] is None:
        if required:
            raise field_error(field, 'This field may not be null.')
        return False
    return True


def text(body: Record, field: str, *, required: bool = False) -> str | None:
    """A string that is not empty, or None."""
    if not _present(body, field, required=required):
        return None
    value = body[field]
    if not isinstance(value, str):
        raise field_error(field, 'Not a valid string.')
    if not value:
        raise field_error(field, 'This field may not be blank.')
    return value


def name(body: Record, *, required: bool = False) -> str | None:
    value = text(body, 'name', required=required)
    if value is not None and len(value) > 255:
        raise field_error('name', 'Ensure this field has no more than 255 '
                                  'characters.')
    return value


def integer(body: Record, field: str, *,
            required: bool = False) -> int | None:
    if not _present(body, field, required=required):
        return None
    value = body[field]
    if isinstance(value, bool) or not isinstance(value, int):
        raise field_error(field, 'A valid integer is required.')
    if value < 0:
        raise field_error(field, 'Ensure this value is greater than or equal '
                                 'to 0.')
    return value


def boolean(body: Record, field: str, default: bool = False) -> bool:
    if not _present(body, field, required=False):
        return default
    if not isinstance(body[field], bool):
        raise field_error(field, 'Must be a valid boolean.')
    return bool(body[field])


def strings(body: Record, field: str) -> list[str] | None:
    if not _present(body, field, required=False):
        return None
    value: Any = body[field]
    if not isinstance(value, list):
        raise field_error(field, 'Expected a list of items but got type '
                                 f'"{type(value).__name__}".')
    if not all(isinstance(item, str) for item in value):
        raise field_error(field, 'Not a valid string.')
    return list(value)


def choice(body: Record, field: str, choices: Collection[str]) -> str | None:
    value = text(body, field)
    if value is not None and value not in choices:
        raise field_error(field, f'"{value}" is not a valid choice.')
    return value


def path(body: Record, field: str = 'path', *,
         slash: bool = False) -> str:
    """An absolute path.

    :param slash: whether one trailing slash is tolerated; it is taken off.
    """
    value = text(body, field, required=True)
    assert value is not None
    if not value.startswith('/'):
        raise field_error(field, 'Path must start with a slash.')
    if slash and value not in ('/', '//'):
        value = value.removesuffix('/')
    if value != '/' and any(part in ('', '.', '..')
                            for part in value[1:].split('/')):
        raise field_error(field, 'Path must not end with a slash or contain '
                                 'empty or relative parts.')
    return value


def mode(body: Record) -> int:
    """``create_dir_mode``: digits that read like octal, 755."""
    value = body.get('create_dir_mode')
    if value is None:
        return 0o755
    digits = str(value)
    if isinstance(value, bool) or not digits.isdecimal() or (
            set(digits) - set('01234567')) or len(digits) > 4:
        raise field_error('create_dir_mode', 'Invalid mode.')
    return int(digits, 8)
