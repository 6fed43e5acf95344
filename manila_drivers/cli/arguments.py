# SPDX-License-Identifier: Apache-2.0

"""Arguments with bounds, for argparse."""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
import ipaddress
import re

from manila_drivers.cli.command import Refused


def number(least: int, most: int, what: str) -> Callable[[str], int]:
    """Return what turns a text into a whole number within bounds."""
    def convert(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(
                f'{text!r} is no {what}: {least} to {most}')
        return found
    return convert


def name(text: str) -> str:
    """Return a name that fits a section, a login and a URL."""
    if not re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}', text):
        raise argparse.ArgumentTypeError(
            f'{text!r} is no name: letters, digits and _.@-')
    return text


def directory(text: str) -> str:
    """Return a path below some directory."""
    parts = text.strip('/').split('/')
    if not all(parts) or {'.', '..'} & set(parts):
        raise argparse.ArgumentTypeError(
            f'{text!r} is no path without empty parts and dots')
    return text


def once(what: str, names: Iterable[str]) -> None:
    """Check that no name is there twice.

    :raises Refused: one is; the text names it.
    """
    seen: set[str] = set()
    for each in names:
        if each in seen:
            raise Refused(f'{what} {each} is given twice')
        seen.add(each)


port = number(0, 65535, 'port')
#: More would take the simulators minutes to make.
count = number(0, 10_000, 'number of them')


def address_range(text: str) -> None:
    """Check an address or ``FIRST-LAST``.

    :raises ValueError: it is neither, or runs backwards.
    """
    first, dash, last = text.partition('-')
    begin = ipaddress.ip_address(first.strip())
    end = ipaddress.ip_address(last.strip()) if dash else begin
    if begin.version != end.version:
        raise ValueError(f'{text} has addresses of two versions')
    if int(end) < int(begin):
        raise ValueError(f'{text} ends before it begins')
    if int(end) - int(begin) >= 1024:
        raise ValueError(f'{text} has more than 1024 addresses')
