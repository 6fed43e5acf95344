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
