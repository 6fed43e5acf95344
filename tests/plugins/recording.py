# SPDX-License-Identifier: Apache-2.0

"""Records a run in .stestr, where OpenStack's tools and people look.

    pytest --stestr

As the tests end they are written as a subunit stream, which `stestr load`
takes at the end of the run; `stestr last`, `slowest`, `failing` and `last
--subunit` know it from then on.  The name of a test is that of its module and
function with dots, as stestr expects it, with the parameters in parentheses
as testscenarios has them: stestr takes what stands in brackets for tags, and
would have one duration for all parameters.

It can be used without this repository: `pytest -p tests.plugins.recording`.
"""

from collections.abc import Iterator
import datetime
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as ty

import pytest

TEXT = 'text/plain; charset=utf8'


class Failed(Exception):
    """The run could not be recorded."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup('reporting').addoption(
        '--stestr', action='store_true',
        help='record the run in .stestr, for stestr last and its kin')


def pytest_configure(config: pytest.Config) -> None:
    # The workers of xdist report to the one process that records.
    if config.getoption('stestr') and not hasattr(config, 'workerinput'):
        config.pluginmanager.register(Recorder(config), 'stestr-recorder')


def identity(nodeid: str) -> str:
    """Return the name that stestr has for a test.

    >>> identity('tests/unit/test_x.py::TestY::test_z[a/b.py::c]')
    'tests.unit.test_x.TestY.test_z(a/b.py::c)'
    """
    name, _, parameters = nodeid.partition('[')
    file, *inside = name.split('::')
    module = file.removesuffix('.py').replace('/', '.')
    scenario = parameters.removesuffix(']').translate(
        str.maketrans('[]', '<>'))
    return '.'.join((module, *inside)) + (
        f'({scenario})' if nodeid.endswith(']') else '')


class Recorder:
    """Writes the stream of one run, and loads it when the run is over."""

    def __init__(self, config: pytest.Config) -> None:
        import subunit
        self._root = config.rootpath
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115
            suffix='.subunit')
        self._stream = subunit.StreamResultToBytes(self._file)
        self._reports: dict[str, list[pytest.TestReport]] = {}
        self._trouble = ''

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reports = self._reports.setdefault(report.nodeid, [])
        reports.append(report)
        if report.when == 'setup':
            self._status(report.nodeid, 'inprogress', report.start)
        elif report.when == 'teardown':
            self._ended(report.nodeid, self._reports.pop(report.nodeid))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported, or is skipped as a whole."""
        if report.passed:
            return
        name = report.nodeid or 'pytest'
        now = datetime.datetime.now(datetime.UTC).timestamp()
        self._status(name, 'inprogress', now)
        self._attach(name, details(report), now)
        self._status(name, 'skip' if report.skipped else 'fail', now)

    def _ended(self, nodeid: str, reports: list[pytest.TestReport]) -> None:
        outcome = status(reports)
        stop = reports[-1].stop
        if outcome != 'success':
            for report in reports:
                self._attach(nodeid, details(report), stop)
        self._status(nodeid, outcome, stop, tags(reports[-1]))

    def _attach(self, nodeid: str, texts: Iterator[tuple[str, str]],
                when: float) -> None:
        for name, text in texts:
            self._stream.status(
                test_id=identity(nodeid), file_name=name, mime_type=TEXT,
                file_bytes=text.encode('utf8', 'backslashreplace'), eof=True,
                timestamp=moment(when))

    def _status(self, nodeid: str, outcome: str, when: float,
                marks: set[str] | None = None) -> None:
        self._stream.status(
            test_id=identity(nodeid), test_status=outcome, test_tags=marks,
            timestamp=moment(when))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # A test that was broken off stays in progress, which is a failure.
        with self._file:
            self._file.flush()
            if session.config.option.collectonly:
                return
            try:
                load(pathlib.Path(self._file.name), self._root)
            except Failed as failed:
                self._trouble = str(failed)
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(
            self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._trouble:
            terminalreporter.section('not recorded in .stestr', red=True)
            terminalreporter.write_line(self._trouble)


def status(reports: list[pytest.TestReport]) -> str:
    """Return the word of subunit for what became of a test."""
    if any(report.failed for report in reports):
        # A strict xfail that passes comes as a failure as well.
        return 'fail'
    if any(report.skipped for report in reports):
        expected = any(hasattr(report, 'wasxfail') for report in reports)
        return 'xfail' if expected else 'skip'
    if any(hasattr(report, 'wasxfail') for report in reports):
        return 'uxsuccess'
    return 'success'


def details(report: ty.Any) -> Iterator[tuple[str, str]]:
    """Yield the attachments of a report that has something to tell."""
    if report.skipped:
        yield 'reason', reason(report)
    elif report.failed:
        phase = getattr(report, 'when', None) or 'collect'
        name = 'traceback' if phase == 'call' else f'traceback-{phase}'
        yield name, report.longreprtext or 'no traceback'
        for title, text in report.sections:
            yield title.replace(' ', '-'), text


def reason(report: ty.Any) -> str:
    expected = getattr(report, 'wasxfail', None)
    if expected is not None:
        return expected or 'expected to fail'
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix('Skipped: ')
    return report.longreprtext


def tags(report: pytest.TestReport) -> set[str] | None:
    """Return the worker of xdist that ran a test, as stestr counts them."""
    worker = getattr(report, 'worker_id', '').removeprefix('gw')
    return {f'worker-{worker}'} if worker.isdigit() else None


def moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def load(stream: pathlib.Path, root: pathlib.Path) -> None:
    """Give a stream to stestr, one run after the other.

    :raises Failed: stestr is not there, or has not taken it.
    """
    program = (shutil.which('stestr', path=pathlib.Path(sys.executable).parent)
               or shutil.which('stestr'))
    if program is None:
        raise Failed('stestr is not installed')
    with exclusive(root):
        before = number(root)
        # 1 is its answer where tests have failed, which pytest says itself.
        done = subprocess.run(
            [program, 'load', '--force-init', str(stream)], cwd=root,
            capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL, timeout=300)
        if number(root) != before + 1:
            raise Failed(f'stestr load answers {done.returncode}: '
                         f'{done.stdout[-1000:]}{done.stderr[-1000:]}')


class exclusive:
    """Keeps other runs of this checkout out; stestr itself has no lock."""

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root

    def __enter__(self) -> None:
        self._directory = os.open(self._root, os.O_RDONLY)
        fcntl.flock(self._directory, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._directory)


def number(root: pathlib.Path) -> int:
    """Return how many runs .stestr has."""
    try:
        return int((root / '.stestr' / 'next-stream').read_text())
    except (FileNotFoundError, NotADirectoryError):
        return 0
