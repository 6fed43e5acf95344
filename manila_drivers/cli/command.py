# SPDX-License-Identifier: Apache-2.0

"""Sub-commands, and how a table of them becomes a parser."""

import argparse
from collections.abc import Mapping
from typing import Protocol


class Subcommand(Protocol):
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
                 table: Mapping[str, Subcommand]) -> None:
    """Give a parser one sub-command per entry; one of them is required."""
    subparsers = parser.add_subparsers(metavar=what, required=True)
    for name, command in table.items():
        sub = subparsers.add_parser(
            name, help=command.SUMMARY, description=command.SUMMARY)
        sub.set_defaults(run=command.run)
        command.configure(sub)
