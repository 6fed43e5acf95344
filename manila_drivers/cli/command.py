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

"""What a sub-command is, and how a table of them becomes a parser."""

import argparse
from collections.abc import Mapping
from typing import Protocol


class Command(Protocol):
    """A module of this package, usually.

    ``SUMMARY`` is one line for the list of commands.
    """

    SUMMARY: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare arguments; may call :func:`add_commands` in turn."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; the exit code.

        :raises Refused: with a message for the user, exit code 2.
        """


class Refused(Exception):
    """The command cannot do that; the text says why and what to change."""


def add_commands(parser: argparse.ArgumentParser, what: str,
                 table: Mapping[str, Command]) -> None:
    """Give a parser one sub-command per entry; one of them is required."""
    subparsers = parser.add_subparsers(metavar=what, required=True)
    for name, command in table.items():
        sub = subparsers.add_parser(
            name, help=command.SUMMARY, description=command.SUMMARY)
        sub.set_defaults(run=command.run)
        command.configure(sub)
