# SPDX-License-Identifier: Apache-2.0

"""Says at the end of a run what it has played of the random suites."""

import pytest

PLAYED = 'played'


def pytest_terminal_summary(
        terminalreporter: pytest.TerminalReporter) -> None:
    lines = sorted({
        str(value) for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, 'user_properties', ())
        if name == PLAYED})
    if lines:
        terminalreporter.section('played of the random suites')
        for line in lines:
            terminalreporter.write_line(f'{PLAYED}: {line}')
