# SPDX-License-Identifier: Apache-2.0

"""The application: global options, logging and the table of commands."""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import logging
import os
import sys
from typing import Any

from cliff import app
from cliff import command
from cliff import commandmanager

from manila_drivers import exception
from manila_drivers import version
from manila_drivers.cli.operate import access
from manila_drivers.cli.operate import audit
from manila_drivers.cli.operate import backends
from manila_drivers.cli.operate import check
from manila_drivers.cli.operate import exits
from manila_drivers.cli.operate import shares
from manila_drivers.cli.operate import snapshots

CONFIG = '/etc/manila/manila.conf'
#: Entry points of other packages that add commands.
PLUGINS = 'manila_drivers.command'

COMMANDS = {
    'share create': shares.ShareCreate,
    'share list': shares.ShareList,
    'share show': shares.ShareShow,
    'share resize': shares.ShareResize,
    'share delete': shares.ShareDelete,
    'share ensure': shares.ShareEnsure,
    'share adopt': shares.ShareAdopt,
    'share release': shares.ShareRelease,
    'share revert': shares.ShareRevert,
    'share wait': shares.ShareWait,
    'share allow': access.ShareAllow,
    'share deny': access.ShareDeny,
    'share access list': access.AccessList,
    'snapshot create': snapshots.SnapshotCreate,
    'snapshot list': snapshots.SnapshotList,
    'snapshot show': snapshots.SnapshotShow,
    'snapshot clone': snapshots.SnapshotClone,
    'snapshot revert': snapshots.SnapshotRevert,
    'snapshot adopt': snapshots.SnapshotAdopt,
    'snapshot release': snapshots.SnapshotRelease,
    'snapshot delete': snapshots.SnapshotDelete,
    'backend list': backends.BackendList,
    'backend show': backends.BackendShow,
    'backend capacity': backends.BackendCapacity,
    'audit': audit.AuditBackends,
    'check': check.CheckBackends,
}


class Operate(app.App):
    """``manila-drivers`` for everything that concerns shares."""

    NAME = 'manila-drivers'
    # Warnings alone: each call of a driver has a line of its own.
    DEFAULT_VERBOSE_LEVEL = 0

    def __init__(self, whole: bool = False) -> None:
        manager: Any = commandmanager.CommandManager(PLUGINS)
        for name, kind in (*COMMANDS.items(), *(others() if whole else ())):
            manager.add_command(name, kind)
        super().__init__(
            description='Shares of any backend that this library has a '
            'driver for, without Manila.', version=version.version_string(),
            command_manager=manager)

    def build_option_parser(
            self, description: str | None, version: str | None,
            argparse_kwargs: dict[str, Any] | None = None,
            ) -> argparse.ArgumentParser:
        parser = super().build_option_parser(description, version,
                                             argparse_kwargs)
        parser.add_argument(
            '--config-file', metavar='FILE',
            default=os.environ.get('MANILA_DRIVERS_CONFIG', CONFIG),
            help='file such as manila.conf, with a section for each backend '
                 '(default: $MANILA_DRIVERS_CONFIG, or ' + CONFIG + ')')
        parser.add_argument(
            '--backend', metavar='SECTION',
            default=os.environ.get('MANILA_DRIVERS_BACKEND'),
            help='section of the backend (default: $MANILA_DRIVERS_BACKEND, '
                 'or the only one of the file)')
        return parser

    def run_subcommand(self, argv: list[str]) -> int:
        known: Any = self.command_manager
        _, error = exception.caught_any(lambda: known.find_command(argv))
        if not isinstance(error, ValueError):
            return int(super().run_subcommand(argv))
        # Cliff says so where output is, and of more than begins like it.
        like = sorted(name for name, _ in known
                      if name.split()[0] == argv[0])
        self.stderr.write(
            f'manila-drivers: {" ".join(argv)!r} is no command. Check: '
            + (', '.join(like) or 'manila-drivers --help') + '\n')
        return exits.REFUSED

    def configure_logging(self) -> None:
        super().configure_logging()
        if self.options.verbose_level == self.DEFAULT_VERBOSE_LEVEL:
            # Errors are told once, by the command.
            for handler in logging.getLogger('').handlers:
                if getattr(handler, 'stream', None) is self.stderr:
                    handler.addFilter(_is_not_told_anyway)

    def run(self, argv: list[str]) -> int:
        root = logging.getLogger('')
        before, level = list(root.handlers), root.level
        try:
            return super().run(argv)
        finally:
            for handler in set(root.handlers) - set(before):
                root.removeHandler(handler)
            root.setLevel(level)


# Functions that log what the command tells as an error, or is for Manila.
_TOLD = ('_rule_states', 'user_message')


def _is_not_told_anyway(record: logging.LogRecord) -> bool:
    return (record.name != 'manila_drivers.driver.context'
            and record.funcName not in _TOLD)


def others() -> Iterator[tuple[str, type[command.Command]]]:
    """Yield the commands that need no extra; it takes a second."""
    from manila_drivers.cli import demo
    from manila_drivers.cli import simulate
    yield 'demo', _wrapped(demo)
    for name, module in simulate.BACKENDS.items():
        yield f'simulate {name}', _wrapped(module)


def _wrapped(module: Any) -> type[command.Command]:
    """Return a command of cliff for one that is a module."""
    class Wrapped(command.Command):

        def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
            parser = super().get_parser(prog_name)
            module.configure(parser)
            return parser

        def get_description(self) -> str:
            return str(module.SUMMARY)

        def take_action(self, parsed_args: argparse.Namespace) -> int:
            return int(module.run(parsed_args))
    return Wrapped


def run(argv: Sequence[str]) -> int:
    """Run a command; the exit code."""
    words = [word for word in argv if not word.startswith('-')]
    return Operate(whole=bool({'complete', 'help'} & set(words[:1]))).run(
        list(argv))


if __name__ == '__main__':
    sys.exit(run(sys.argv[1:]))
