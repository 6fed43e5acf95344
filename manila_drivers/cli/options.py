# SPDX-License-Identifier: Apache-2.0

"""Options: those of a simulator, ``NAME=VALUE``, and those for Manila."""

import argparse
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import inspect
import math
import re
import textwrap
import typing
from typing import Any

from manila_drivers.cli.command import Refused

_TRUE = frozenset(('1', 'true', 'yes', 'on'))
_FALSE = frozenset(('0', 'false', 'no', 'off'))


def configure(group: Any, target: Any) -> None:
    """Declare ``--set``, and ``--settings``, which explains what it takes.

    :param target: a dataclass instance with the defaults.
    """
    group.add_argument('--set', action='append', default=[], dest='settings',
                       metavar='NAME=VALUE',
                       help='how the cluster behaves; --settings lists the '
                            'names, what they do and their defaults')
    group.add_argument('--settings', action=_Explain, target=target, nargs=0,
                       dest=argparse.SUPPRESS,
                       help='show what --set takes, and exit')


class _Explain(argparse.Action):
    def __init__(self, *args: Any, target: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._target = target

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace,
                 values: str | Sequence[Any] | None,
                 option_string: str | None = None) -> None:
        for name, text in explained(type(self._target)).items():
            value = getattr(self._target, name)
            print(f'{name} = {_written(value)}')
            print(textwrap.fill(text, 72, initial_indent='    ',
                                subsequent_indent='    '))
        parser.exit()


def explained(kind: type) -> dict[str, str]:
    """Return what the docstring of a dataclass says of each of its fields."""
    told = {
        name: ' '.join(text.split()) for name, text in re.findall(
            r':param (\w+): (.*?)(?=\n\s*:param|\n\n|\Z)',
            inspect.getdoc(kind) or '', re.DOTALL)}
    return {field.name: told.get(field.name, '')
            for field in dataclasses.fields(kind)}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, (set, frozenset, tuple)):
        return ','.join(value if isinstance(value, tuple) else sorted(value))
    return 'none' if value is None else str(value)


def assign(target: Any, settings: Iterable[str]) -> None:
    """Set fields of a dataclass instance, converted to their types.

    Several strings are written with commas; an optional number may be
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
    origin = typing.get_origin(kind)
    if origin in (set, frozenset, tuple):
        return origin(part.strip() for part in text.split(',')
                      if part.strip())
    if kind == int | None:
        return None if text.lower() == 'none' else convert(int, text)
    found = kind(text)
    if isinstance(found, (int, float)) and not 0 <= found < math.inf:
        raise ValueError('not a number from 0')
    return found


def boolean(text: str) -> bool:
    """:raises ValueError: neither yes nor no."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError('neither true nor false')


def section(backend: str, values: Mapping[str, object], secret: str, *,
            protocol: str = 'NFS') -> str:
    """Return what to put into manila.conf for a backend of that name.

    :param values: options of the section; those that are None are left out.
    :param secret: the lines about the password.
    """
    # oslo.config takes a plain dollar for the name of another option.
    lines = ['%s = %s' % (name, str(value).replace('$', '$$'))
             for name, value in {'driver_handles_share_servers': False,
                                 **values}.items() if value is not None]
    return '\n'.join([
        '[DEFAULT]', f'enabled_share_backends = {backend}',
        f'enabled_share_protocols = {protocol}', '', f'[{backend}]',
        f'share_backend_name = {backend}', *lines, secret]) + '\n'
