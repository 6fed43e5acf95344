#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Options: those of a simulator, ``NAME=VALUE``, and those for Manila."""

from collections.abc import Iterable
import dataclasses
import typing
from typing import Any

from manila_drivers.cli.command import Refused

_TRUE = frozenset(('1', 'true', 'yes', 'on'))
_FALSE = frozenset(('0', 'false', 'no', 'off'))


def assign(target: Any, settings: Iterable[str]) -> None:
    """Set fields of a dataclass instance, converted to their types.

    A set of strings is written with commas; an optional number may be
    ``none``.

    :raises Refused: no such field, or not such a value.
    """
    hints = typing.get_type_hints(type(target))
    known = {field.name for field in dataclasses.fields(target)}
    for setting in settings:
        name, equals, text = setting.partition('=')
        name = name.strip().replace('-', '_')
        if not equals or name not in known:
            raise Refused(f'{setting!r} is not NAME=VALUE with one of the '
                          f'names {", ".join(sorted(known))}')
        try:
            value = convert(hints[name], text.strip())
        except ValueError as error:
            raise Refused(f'{setting!r}: {error}') from None
        setattr(target, name, value)


def convert(kind: Any, text: str) -> Any:
    """:raises ValueError: the text is no such value."""
    if kind is bool:
        return boolean(text)
    if typing.get_origin(kind) is set:
        return {part.strip() for part in text.split(',') if part.strip()}
    if kind == int | None:
        return None if text.lower() == 'none' else int(text)
    return kind(text)


def boolean(text: str) -> bool:
    """:raises ValueError: neither yes nor no."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError('neither true nor false')


def section(backend: str, driver: str, lines: Iterable[str], *,
            protocol: str = 'NFS') -> str:
    """What to put into manila.conf for a backend of that name.

    :param lines: the options of the driver.
    """
    return '\n'.join([
        '[DEFAULT]', f'enabled_share_backends = {backend}',
        f'enabled_share_protocols = {protocol}', '', f'[{backend}]',
        f'share_backend_name = {backend}', f'share_driver = {driver}',
        'driver_handles_share_servers = False', *lines]) + '\n'
