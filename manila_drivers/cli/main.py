# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers``: the entry point."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import sys

from manila_drivers import version
from manila_drivers.cli import simulate
from manila_drivers.cli.command import add_commands
from manila_drivers.cli.command import Command
from manila_drivers.cli.command import Refused

# A new command is a module and a line here.
COMMANDS: Mapping[str, Command] = {
    'simulate': simulate,
}


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog='manila-drivers',
        description='Share drivers for OpenStack Manila, and their tools.')
    result.add_argument('--version', action='version',
                        version=version.version_string())
    add_commands(result, 'COMMAND', COMMANDS)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 refused."""
    args = parser().parse_args(argv)
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
