# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers``: the entry point."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import importlib
import sys
from typing import Any

from manila_drivers import version
from manila_drivers.cli.command import add_commands
from manila_drivers.cli.command import Refused
from manila_drivers.direct import loading

PROGRAM = 'manila-drivers'
# A new command that needs no extra is a module and a line here.
COMMANDS = {
    'simulate': 'manila_drivers.cli.simulate',
    'demo': 'manila_drivers.cli.demo',
}
#: First words of commands of ``cli.operate``, which needs the extra ``cli``.
OPERATE: Mapping[str, str] = {
    'share': 'make, change, show and delete shares, without Manila',
    'snapshot': 'take snapshots, and make shares of them',
    'backend': 'show backends, what they can do, and their capacity',
    'audit': 'find what is not on a backend as it is recorded, and repair it',
    'check': 'find everything that is wrong with backends before a start',
    'complete': 'print what completes commands in a shell',
    'help': 'explain one of these commands',
}
# Global options with a value.
_VALUES = ('--config-file', '--backend', '--log-file')


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog=PROGRAM,
        description='Share drivers for OpenStack Manila, and their tools.')
    result.add_argument('--version', action='version',
                        version=version.version_string())
    # They bring all simulators along, which takes a second.
    commands: dict[str, Any] = {
        name: importlib.import_module(path)
        for name, path in COMMANDS.items()}
    add_commands(result, 'COMMAND', {
        **commands, **{name: Elsewhere(told)
                       for name, told in OPERATE.items()}})
    return result


class Elsewhere:
    """Stands in the list for commands that another parser knows."""

    def __init__(self, summary: str) -> None:
        self.SUMMARY = summary

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument('words', nargs='*')

    def run(self, args: argparse.Namespace) -> int:
        raise Refused("this needs more packages: pip install "
                      "'manila-drivers[cli]'")


def first_word(words: Sequence[str]) -> str:
    """Return the word that says which command is meant, '' for none."""
    left = iter(words)
    for word in left:
        if word in _VALUES:
            next(left, None)
        elif not word.startswith('-'):
            return word
    return ''


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 refused.

    ``cli.operate.exits`` has those of commands about shares.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if first_word(words) in OPERATE:
        # Importing Manila would take a second, and print what it thinks of
        # eventlet.
        loading.stand_alone()
        try:
            from manila_drivers.cli.operate import app
        except ModuleNotFoundError as error:
            if str(error.name).partition('.')[0] not in ('cliff', 'sqlalchemy'
                                                         ):
                raise
            words = [first_word(words)]
        else:
            return app.run(words)
    args = parser().parse_args(words)
    try:
        return int(args.run(args))
    except Refused as refusal:
        print(f'manila-drivers: {refusal}', file=sys.stderr)
        return 2
    except OSError as error:
        print(f'manila-drivers: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
