# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers check``"""

import argparse
from collections.abc import Iterator
import functools
import json
import pathlib
from typing import Any

from manila_drivers import exception
from manila_drivers.cli import configured
from manila_drivers.cli.operate import base
from manila_drivers.direct import loading
from manila_drivers.preflight import findings
from manila_drivers.preflight import looking
from manila_drivers.preflight import migrating
from manila_drivers.preflight import recording

#: Exit codes of this command: only warnings, and errors.
WARNED, WRONG = 1, 2
#: In the place of a backend, for what is told of the registry.
REGISTRY = '(registry)'


class CheckBackends(base.Judging):
    """Find everything that is wrong with backends before they are started.

    Nothing is changed. The exit code is 0 if nothing is wrong, 1 if there
    are only warnings, 2 otherwise. With --migrate sections of Manila's own
    drivers are read, and the ones to use are printed to standard error.
    """

    USUAL = 'all that are enabled'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('--offline', action='store_true',
                            help='look at the file alone, and do not ask '
                                 'the backends')
        parser.add_argument('--migrate', action='store_true',
                            help="say what has to be decided to go over from "
                                 "Manila's own driver, and show the section "
                                 'to use, without secrets')
        parser.add_argument('--shares', metavar='FILE',
                            help='with --migrate: shares as Manila has them, '
                                 'a list in JSON with id (of the instance), '
                                 'name, size, share_proto and '
                                 'export_locations; what the first start '
                                 'would change for them is shown as well')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        if parsed_args.shares and not parsed_args.migrate:
            raise exception.InvalidRequest(
                '--shares is nothing without --migrate')
        rows = []
        for report in self._reports(parsed_args):
            name = report.backend
            for finding in report.findings:
                self._code = max(self._code, WRONG if finding.severity
                                 == findings.ERROR else WARNED)
                rows.append((name, finding.severity, finding.option,
                             finding.tried, finding.answered, finding.do))
            for text in report.unseen:
                self._code = self.BLIND
                self.say(name, f'not looked at: {text}')
            self.say(name, f'{len(report.findings)} findings')
        return ('Backend', 'Severity', 'Option', 'Tried', 'Answered',
                'What to do'), rows

    def _reports(self, parsed_args: argparse.Namespace,
                 ) -> Iterator[findings.Report]:
        for name in self._names(parsed_args):
            yield self._report(parsed_args, name)
        if not parsed_args.migrate:
            # Before that everything is recorded by Manila.
            found, error = exception.caught_any(functools.partial(
                self._registry, ask=not parsed_args.offline))
            if error is not None:
                yield _failed(REGISTRY, error)
            elif found:
                yield findings.Report(REGISTRY, tuple(found))

    def _registry(self, *, ask: bool) -> list[findings.Finding]:
        """Return what is wrong with what all backends of a file have."""
        path = self.app.options.config_file
        sections = configured.sections(path)
        return recording.look(
            loading.section(path, next(iter(sections))), sections, ask=ask
            ) if sections else []

    def _report(self, parsed_args: argparse.Namespace,
                name: str) -> findings.Report:
        found, error = exception.caught_any(functools.partial(
            self._looked, parsed_args, name))
        if found is not None:
            return found
        assert error is not None
        return _failed(name, error)

    def _looked(self, parsed_args: argparse.Namespace,
                name: str) -> findings.Report:
        args, path = parsed_args, self.app.options.config_file
        if not args.migrate:
            return looking.look(path, name, ask=not args.offline)
        found = migrating.migrate(path, name, ask=not args.offline)
        self.app.stderr.write(found.section)
        start, error = exception.caught_any(functools.partial(
            _first_start, args.shares, path, name))
        if start is None:
            assert error is not None
            start = _failed(name, error)
        return findings.Report(
            name, (*found.findings, *start.findings),
            found.unseen)

    def _names(self, parsed_args: argparse.Namespace) -> list[str]:
        options = self.app.options
        if parsed_args.name or options.backend:
            return list(parsed_args.name or [options.backend])
        found = configured.sections(options.config_file)
        names = [name for name, (_, on) in found.items() if on] or list(found)
        if not names:
            raise exception.ConfigurationError(
                'enabled_share_backends', 'is not set, and no section has '
                'share_driver: there is nothing to look at')
        return names


def _first_start(file: str | None, path: str, name: str) -> findings.Report:
    """Return what the first start would change, step by step.

    :param file: with the shares, None for none.
    """
    if not file:
        return findings.Report(name, ())
    found = migrating.first_start(path, name, _shares(file))
    return findings.Report(name, (
        *(findings.Finding('', str(step), severity=migrating.CHANGE)
          for step in found),
        *(findings.Finding('', f'share {one.name}', f'it is {one.state}: '
                           f'{one.why}', 'see the log, and the backend')
          for one in found.states)))


def _shares(file: str) -> list[dict[str, Any]]:
    """Return the shares of a file.

    :raises InvalidRequest: it has none, or cannot be read.
    """
    try:
        rows = json.loads(pathlib.Path(file).read_text('utf-8'))
    except (OSError, ValueError) as exc:
        raise exception.InvalidRequest(
            f'{file} of --shares cannot be read', answer=str(exc)) from exc
    if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get('id'), str)
            for row in rows):
        raise exception.InvalidRequest(
            f'{file} of --shares is no list of shares that have an id each')
    return rows


def _failed(name: str, error: Exception) -> findings.Report:
    return findings.Report(name, (findings.Finding.of(
        base.unexpected(error)),))
