# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers check``"""

import argparse

from manila_drivers import exception
from manila_drivers.cli import configured
from manila_drivers.cli.operate import base
from manila_drivers.preflight import findings
from manila_drivers.preflight import looking

#: Exit codes of this command: only warnings, and errors.
WARNED, WRONG = 1, 2


class CheckBackends(base.Listing):
    """Find everything that is wrong with backends before they are started.

    Nothing is changed. The exit code is 0 if nothing is wrong, 1 if there
    are only warnings, 2 otherwise.
    """

    _code = 0

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', nargs='*',
                            help='sections (default: --backend, or all that '
                                 'are enabled)')
        parser.add_argument('--offline', action='store_true',
                            help='look at the file alone, and do not ask '
                                 'the backends')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or self._code

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        rows = []
        for name in self._names(parsed_args):
            try:
                report = looking.look(self.app.options.config_file, name,
                                      ask=not parsed_args.offline)
            except exception.ConfigurationError as error:
                report = findings.Report(
                    name, (findings.Finding.of(error),))
            for finding in report.findings:
                self._code = max(self._code, WRONG if finding.severity
                                 == findings.ERROR else WARNED)
                rows.append((name, finding.severity, finding.option,
                             finding.tried, finding.answered, finding.do))
            for text in report.unseen:
                self.app.stderr.write(
                    f'manila-drivers: {name}: not looked at: {text}\n')
        return ('Backend', 'Severity', 'Option', 'Tried', 'Answered',
                'What to do'), rows

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
