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
