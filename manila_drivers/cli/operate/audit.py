# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers audit``"""

import argparse
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import functools
import os
import time
from typing import Any
from typing import Protocol

from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.audit import page
from manila_drivers.cli.operate import base

#: Exit codes of this command: something differs; not all could be looked at.
DIFFERENT, BLIND = 1, base.Judging.BLIND
_AGAIN = 'audit again, once that can be read'


class _Audited(Protocol):
    """A backend with what should be on it."""

    def audit(self) -> differences.AuditReport:
        ...

    def repair_plan(self, report: differences.AuditReport,
                    remove: Iterable[str]) -> differences.RepairPlan:
        ...

    def repair(self, report: differences.AuditReport, remove: Iterable[str],
               *, widen: bool) -> list[tuple[differences.Deviation, str]]:
        ...


class AuditBackends(base.Judging):
    """Find what is not on a backend as it is recorded.

    Nothing is changed without --repair. The exit code is 0 if all is as it
    is recorded, 1 if something is not, 2 if not all could be looked at.
    """

    USUAL = 'the only one of the file'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('--os-cloud', metavar='CLOUD',
                            help='compare with what the API of Manila tells, '
                                 'in the place of the registry; the cloud is '
                                 'one of clouds.yaml, or envvars for the '
                                 'variables OS_*')
        parser.add_argument('--host', metavar='HOST@BACKEND',
                            help="with --os-cloud: Manila's name of the "
                                 'share service, if it is another one than '
                                 'the file says')
        parser.add_argument('--html', metavar='FILE',
                            help='write one page that shows who can reach '
                                 'which share, and why')
        parser.add_argument('--repair', action='store_true',
                            help='show what would be repaired, ask, and do '
                                 'it; what is not recorded is never removed '
                                 'unless it is named')
        parser.add_argument('--remove', action='append', metavar='ID',
                            default=[],
                            help='with --repair: remove the orphan share or '
                                 'snapshot of this id as well, with its '
                                 'data; may be repeated')
        base.widen(parser)
        parser.add_argument('--yes', action='store_true',
                            help='with --repair: do not ask; gives nobody '
                                 'access without --widen')
        return parser

    def tell(self, error: exception.DriverError) -> int:
        super().tell(error)
        return BLIND

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        self._need_sense(parsed_args)
        rows: list[tuple[Any, ...]] = []
        reports = []
        for name in parsed_args.name or [None]:
            report, error = exception.caught_any(functools.partial(
                self._report, parsed_args, name))
            if report is None:
                assert error is not None
                self._code = max(self._code, self.tell(
                    base.unexpected(error)))
                continue
            self._told(report)
            reports.append(report)
            rows += [(report.backend, one.kind, one.subject, one.expected,
                      one.found, one.do, one.ident)
                     for one in report.differences]
            rows += [(report.backend, differences.NOT_SEEN, 'backend',
                      'all of it to be seen', text, _AGAIN, '')
                     for text in report.unseen]
        if parsed_args.html:
            _write(parsed_args.html, page.page(
                reports, time.strftime('%Y-%m-%d %H:%M:%S UTC',
                                       time.gmtime()),
                f'Manila in cloud {parsed_args.os_cloud}'
                if parsed_args.os_cloud else 'the registry'))
        return ('Backend', 'Kind', 'Object', 'Expected', 'Found',
                'What to do', 'Id'), rows

    @staticmethod
    def _need_sense(parsed_args: argparse.Namespace) -> None:
        if parsed_args.host and not parsed_args.os_cloud:
            raise exception.InvalidRequest(
                '--host is a name of Manila, and nothing without --os-cloud')
        for option in ('remove', 'widen'):
            if getattr(parsed_args, option) and not parsed_args.repair:
                raise exception.InvalidRequest(
                    f'--{option} is a repair, and nothing without --repair')
        if parsed_args.remove and len(parsed_args.name) > 1:
            raise exception.InvalidRequest(
                '--remove names orphans of one backend, and not of several')

    def _report(self, parsed_args: argparse.Namespace,
                name: str | None) -> differences.AuditReport:
        with self._audited(parsed_args, name) as backend:
            report = backend.audit()
            if not parsed_args.repair:
                return report
            plan = self._planned(backend, report, parsed_args)
            agreed, widen = self._agreed(plan, report.backend, parsed_args)
            if not agreed:
                return report
            for one, why in backend.repair(
                    plan.agreed(report), parsed_args.remove, widen=widen):
                self.say(report.backend, f'{one.subject} could not be '
                         f'repaired: {why}')
            return backend.audit()

    @contextlib.contextmanager
    def _audited(self, parsed_args: argparse.Namespace,
                 name: str | None) -> Iterator[_Audited]:
        """Open what is audited: against Manila, or against the registry."""
        if not parsed_args.os_cloud:
            with self.backend(name) as backend:
                yield backend
            return
        from manila_drivers.direct import manila_auditing
        from manila_drivers.manila_api import clouds
        with contextlib.closing(clouds.CloudConnection(
                parsed_args.os_cloud)) as connection, contextlib.closing(
                    manila_auditing.ManilaAudit.of(
                        self.app.options.config_file, self.section(name),
                        connection, parsed_args.host or '')) as found:
            yield found

    def _planned(self, backend: _Audited, report: differences.AuditReport,
                 parsed_args: argparse.Namespace) -> differences.RepairPlan:
        """Show what would be done, and what would give somebody access."""
        plan = backend.repair_plan(report, parsed_args.remove)
        for line in plan.lines:
            self.say(report.backend, f'would do: {line}')
        for line in plan.wider:
            self.say(report.backend, 'would widen' + (
                '' if parsed_args.widen else ', if asked to') + f': {line}')
        for one, why in plan.unplanned:
            self._code = BLIND
            self.say(report.backend, f'{one.subject} is left alone, since its '
                     f'repair cannot be planned: {why}')
        if not plan:
            self.say(report.backend, 'nothing can be repaired')
        return plan

    def _agreed(self, plan: differences.RepairPlan, name: str,
                parsed_args: argparse.Namespace) -> tuple[bool, bool]:
        """Return whether this is to be done, and if access is widened."""
        widen = bool(plan.wider) and parsed_args.widen
        if parsed_args.yes:
            return bool(plan.lines) or widen, widen
        agreed = bool(plan.lines or widen) and self._asked(
            f'Do this to {name}?')
        if plan.wider and not widen and (agreed or not plan.lines):
            widen = self._asked('Give access to those who have none now?')
        return agreed or widen, widen

    def _asked(self, question: str) -> bool:
        self.app.stderr.write(f'{question} [y/N] ')
        self.app.stderr.flush()
        answer = self.app.stdin.readline().strip().lower()
        return answer in ('y', 'yes')

    def _told(self, report: differences.AuditReport) -> None:
        if report.differences:
            self._code = max(self._code, DIFFERENT)
        if report.unseen or any(one.kind == differences.NOT_SEEN
                                for one in report.differences):
            self._code = BLIND
        for text in report.passed:
            self.say(report.backend, f'not judged: {text}')
        self.say(report.backend, f'{len(report.differences)} differences; '
                  f'{report.shares} shares recorded, {report.listed} on the '
                  'backend')


def _write(path: str, text: str) -> None:
    """Write a file for its owner alone, whole or not at all.

    :raises ConfigurationError: it cannot be written.
    """
    draft = f'{path}.{os.getpid()}.new'
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
                  'w', encoding='utf-8') as file:
            file.write(text)
        os.replace(draft, path)
    except OSError as exc:
        raise exception.ConfigurationError(
            'html', f'{path} cannot be written', answer=str(exc)) from exc
