# SPDX-License-Identifier: Apache-2.0

"""Bases of all commands about shares."""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any
from typing import TYPE_CHECKING

from cliff import columns
from cliff import command
from cliff import lister
from cliff import show

from manila_drivers import direct
from manila_drivers import exception
from manila_drivers.cli import configured
from manila_drivers.cli.operate import exits
from manila_drivers.cli.operate import progress

LOG = logging.getLogger(__name__)

Fields = Mapping[str, Any]
Output = tuple[Sequence[str], Iterable[Any]]


if TYPE_CHECKING:
    _Column = columns.FormattableColumn[list[Any]]
else:
    # Older releases of cliff have no types.
    _Column = columns.FormattableColumn


class Lines(_Column):
    """Several values: a list for machines, a line each for people."""

    def human_readable(self) -> str:
        return '\n'.join(map(str, self._value))

    def machine_readable(self) -> list[Any]:
        return list(self._value)


class Told(command.Command):
    """A command whose errors are a line and an exit code."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        try:
            return super().run(parsed_args)
        except exception.DriverError as error:
            return self.tell(error)

    def tell(self, error: exception.DriverError) -> int:
        """Print an error, and return the exit code that it calls for."""
        text = ' '.join(str(error).split())
        self.app.stderr.write(f'manila-drivers: {text}\n')
        return exits.code(error)

    def backend(self, name: str | None = None) -> direct.Backend:
        """Return the backend that was chosen.

        :param name: goes before ``--backend``.
        """
        return direct.Backend.load(self.app.options.config_file,
                                   self.section(name))

    def section(self, name: str | None = None) -> str:
        """Return the section that was chosen; a name goes before all."""
        options = self.app.options
        return name or options.backend or configured.only(
            options.config_file)

    def progress(self, what: str) -> progress.Progress:
        return progress.Progress(self.app.stderr, what)


class Listing(Told, lister.Lister):
    """A command that prints a table."""


class Showing(Told, show.ShowOne):
    """A command that prints one object."""

    @staticmethod
    def fields(found: Fields) -> Output:
        return tuple(found), tuple(found.values())


class ChangeOne(Showing):
    """A command that changes one object, or shows what it would do."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        dry_run(parser)
        return parser

    def planned(self, found: 'direct.Preview') -> Output:
        """Return the plan of an operation."""
        return self.fields(planned(found))


class Removal(Listing):
    """A command that does one thing to several objects, one by one.

    One that fails does not stop the others; the exit code is the first one's
    that failed.
    """

    #: For those that were changed.
    DONE = 'done'
    _code = exits.DONE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        dry_run(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or self._code

    def each(self, parsed_args: argparse.Namespace, names: Iterable[str],
             work: 'Callable[[str], direct.Preview | None]') -> Output:
        """Return what came of each object, or its plan."""
        dry = parsed_args.dry_run
        done = []
        for name in dict.fromkeys(names):
            try:
                found = work(name)
            except exception.DriverError as error:
                code = self.tell(error)
                self._code = self._code or code
                done.append((name, 'failed', *((Lines([]), 0, 0)
                                               if dry else ())))
                continue
            done.append((name, self.DONE) if found is None else (
                name, found.operation, *list(planned(found).values())[2:]))
        return (('Object', 'Result') if not dry else
                ('Object', 'Operation', 'Steps', 'Changes', 'Asked')), done


class NamedRemoval(Removal):
    """A command that does away with shares, or snapshots, by their names."""

    #: What they are, and the method that does it.
    KIND = WORK = ''

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(self.KIND, nargs='+', help='names or ids')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Output:
        with self.backend() as backend:
            found: Any = getattr(backend, f'{self.KIND}s')
            return self.each(
                parsed_args, getattr(parsed_args, self.KIND),
                lambda name: getattr(found.get(name), self.WORK)(
                    plan=parsed_args.dry_run))


class Judging(Listing):
    """A command that finds what is wrong with backends.

    Its exit code says how bad it is.
    """

    #: The backends that are meant where none is named.
    USUAL = ''
    #: Not all could be looked at, for whatever reason.
    BLIND = 2
    _code = exits.DONE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', nargs='*', help='sections (default: '
                            f'--backend, or {self.USUAL})')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        code, error = exception.caught_any(
            lambda: super(Judging, self).run(parsed_args))
        if error is None:
            return code or self._code
        if isinstance(error, BrokenPipeError):
            raise error
        self.tell(unexpected(error))
        return self.BLIND

    def say(self, name: str, text: str) -> None:
        """Tell people something of a backend, beside the table."""
        line = ' '.join(text.split())
        self.app.stderr.write(f'manila-drivers: {name}: {line}\n')


def unexpected(error: Exception) -> exception.DriverError:
    """Return an error that tells of any other one.

    Python's exit code for those would be one that says what was found.
    """
    if isinstance(error, exception.DriverError):
        return error
    LOG.debug('Not expected', exc_info=error)
    return exception.DriverError(
        'It could not be looked at to the end',
        answer=f'{type(error).__name__}: {error}',
        check='--debug, which shows where; report it')


def dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--dry-run', action='store_true',
        help='show what would be done to the backend, step by step, and '
             'change nothing')


def widen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--widen', action='store_true',
        help='give rules also to whom the backend does not let in now; '
             'without it they are told: the records may be older than the '
             'backend, and have what was denied since')


def planned(found: 'direct.Preview') -> Fields:
    """Return a plan in words, with what it takes."""
    return {'operation': found.operation, 'object': found.subject,
            'steps': Lines([str(step) for step in found]),
            'changes': len(found.steps), 'asked': found.asked}


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Return the pairs of NAME=VALUE.

    :raises InvalidRequest: one is none.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition('=')
        if not equals or not name:
            raise exception.InvalidRequest(
                f'{option} {text!r} is not NAME=VALUE')
        found[name] = value
    return found


def gib(text: str) -> int:
    """Return a size; for argparse."""
    try:
        found = int(text)
    except ValueError:
        found = 0
    if not 1 <= found < 2 ** 31:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no size: whole GiB, from 1')
    return found
