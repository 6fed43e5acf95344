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

"""Arguments with bounds, for argparse."""

import argparse
from collections.abc import Callable
import ipaddress


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
