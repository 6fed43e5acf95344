# SPDX-License-Identifier: Apache-2.0

"""Passwords that reach a command without standing in its arguments."""

import argparse
import os
import pathlib
from typing import NamedTuple

from manila_drivers.cli.command import Refused


class Password(NamedTuple):
    """:param source: where the user put it, or '' if it was made up here."""

    value: str | None
    source: str


def configure(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        '--password-file', metavar='FILE',
        help='file whose first line is the password (default: one is made '
             'up and printed)')
    group.add_argument(
        '--password-env', metavar='NAME',
        help='environment variable that holds the password')


def password(args: argparse.Namespace) -> Password:
    """:raises Refused: the place named holds no password."""
    if args.password_file:
        lines = pathlib.Path(args.password_file).read_text().splitlines()
        if not lines or not lines[0]:
            raise Refused(f'{args.password_file} has no first line')
        return Password(lines[0], f'the first line of {args.password_file}')
    if args.password_env:
        value = os.environ.get(args.password_env)
        if not value:
            raise Refused(f'{args.password_env} is not in the environment')
        return Password(value, f'the content of ${args.password_env}')
    return Password(None, '')
