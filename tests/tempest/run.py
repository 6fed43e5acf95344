# SPDX-License-Identifier: Apache-2.0

"""Run manila-tempest-plugin against Manila with one of the drivers.

MariaDB, RabbitMQ, Keystone, manila-api, manila-scheduler and manila-share run
as separate processes on loopback; the storage is simulated in this process.
Needs root on Debian, for the packages.
"""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import os
import pathlib
import re
import subprocess
import sys
import time

from tests.tempest import backends
from tests.tempest import configs
from tests.tempest import processes
from tests.tempest import results
from tests.tempest import services
from tests.tempest.layout import Layout

SELECTION = r'(^manila_tempest_tests\.tests\.api)(?=.*\[.*\b(%s)\b.*\])'
ATTRIBUTES = 'backend|api_with_backend'


class Tempest:
    """A workspace of tempest, and runs in it."""

    def __init__(self, layout: Layout,
                 backend: backends.Backend,
                 settings: configs.Backends) -> None:
        self._tools = layout.tempest
        self._workspace = layout.work / 'workspace'
        # Tempest keeps a register of workspaces in the user's home.
        self._home = {**os.environ, 'HOME': str(layout.work)}
        subprocess.run([self._tools / 'tempest', 'init', self._workspace],
                       check=True, stdout=subprocess.DEVNULL, env=self._home)
        (self._workspace / 'etc' / 'tempest.conf').write_text(
            configs.tempest(layout, settings, backend.share))
        self._sessions = processes.sessions(layout.work)
        self._excluded = self._list('excluded', results.listed(
            'excluded', backend.lacks))

    def listed(self, regex: str) -> list[str]:
        """The names of what matches and is not excluded."""
        listed = subprocess.run(
            [self._tools / 'tempest', 'run', '--list-tests',
             *self._selection(regex)], cwd=self._workspace, check=True,
            env=self._home, capture_output=True)
        return results.selected(listed.stdout.decode())

    def selected(self, regex: str, concurrency: int) -> str:
        """Run what matches and is not excluded; the JUnit text."""
        return self._run(*self._selection(regex), '--concurrency',
                         str(concurrency))

    def _selection(self, regex: str) -> tuple[str | pathlib.Path, ...]:
        return '--regex', regex, '--exclude-list', self._excluded

    def again(self, outcomes: Sequence[results.Outcome]) -> str:
        """Run these tests once more, one at a time; the JUnit text."""
        return self._run('--include-list', self._list('again', [
            '^%s(\\[|$)' % re.escape(outcome.test) for outcome in outcomes]),
            '--concurrency', '1')

    def _list(self, name: str, patterns: Iterable[str]) -> pathlib.Path:
        file = self._workspace / (name + '.txt')
        file.write_text('\n'.join(patterns) + '\n')
        return file

    def _run(self, *words: str | pathlib.Path) -> str:
        with processes.session(
                [self._tools / 'tempest', 'run', *words], self._sessions,
                cwd=self._workspace, env=self._home) as running:
            running.wait()
        last = subprocess.run([self._tools / 'stestr', 'last', '--subunit'],
                              cwd=self._workspace, check=True,
                              capture_output=True)
        junit = subprocess.run([self._tools / 'subunit2junitxml'],
                               input=last.stdout, check=False,
                               capture_output=True)
        # Its exit code tells whether tests failed, not whether it did.
        if not junit.stdout:
            raise processes.ServerFailure('subunit2junitxml: %s' % (
                junit.stderr.decode()[-2000:]))
        return junit.stdout.decode()


def play_tests(tempest: Tempest, work: pathlib.Path,
               options: argparse.Namespace,
               ) -> tuple[list[str], list[results.Outcome]]:
    """The tests and their outcomes.

    What only Keystone refused is run a second time.
    """
    tests = tempest.listed(options.regex)
    print('Running', len(tests), 'tests', flush=True)
    junit = tempest.selected(options.regex, options.concurrency)
    (work / 'junit.xml').write_text(junit)
    outcomes = results.read(junit)
    refused = results.refused_by_keystone(outcomes)
    if refused:
        print('Once more, since Keystone refused a token: %s' % ', '.join(
            outcome.test for outcome in refused))
        junit = tempest.again(refused)
        (work / 'junit-again.xml').write_text(junit)
        outcomes = results.corrected(outcomes, results.read(junit))
    return tests, outcomes


def report(lacks: Iterable[str], selected: list[str],
           outcomes: list[results.Outcome], leaked: Sequence[object],
           seconds: float) -> int:
    """Print what happened; the exit code."""
    wrong = results.unexpected(outcomes, results.listed('skipped', lacks))
    wrong += results.missing(selected, outcomes)
    for outcome in wrong:
        print('UNEXPECTED %s %s: %s' % (
            outcome.result, outcome.test, outcome.reason[-1500:]))
    for item in leaked:
        print('LEFT BEHIND', item)
    counts = results.count(outcomes)
    print('%d passed, %d failed, %d skipped' % (
        counts['passed'], counts['failed'], counts['skipped']))
    print('%d unexpected, %d left behind, %.0f s' % (
        len(wrong), len(leaked), seconds))
    return 1 if wrong or leaked or not counts['passed'] else 0


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--backend', choices=backends.BACKENDS,
                        default='vast', help='the driver, and how it is used')
    parser.add_argument('--regex', default=SELECTION % ATTRIBUTES,
                        help='tests to run, as tempest takes it')
    parser.add_argument('--concurrency', type=int, default=4)
    parser.add_argument('--home', type=pathlib.Path,
                        default=pathlib.Path('.tox/tempest-home'),
                        help='where environments are kept')
    parser.add_argument('--work', type=pathlib.Path,
                        default=pathlib.Path('/var/tmp/manila-tempest'),  # noqa: S108
                        help='emptied first; logs stay there')
    parser.add_argument('--first-port', type=int, default=15000,
                        help='of those the servers listen on, in a row')
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    options = arguments(words)
    layout = Layout(
        home=options.home.absolute(), work=options.work.absolute(),
        manila=pathlib.Path(sys.executable).parent,
        first_port=options.first_port)
    # Servers end with us, however we are ended.
    processes.stop_on_signals()
    with services.alone(layout):
        return play(layout, options)


def play(layout: Layout, options: argparse.Namespace) -> int:
    """One run from the installation to the report; the exit code."""
    services.install(layout)
    backend = backends.BACKENDS[options.backend]
    started = time.monotonic()
    with backend.cluster() as cluster:
        settings = backend.settings(cluster)
        before = cluster.inventory()
        with services.everything(layout, settings):
            tests, outcomes = play_tests(Tempest(layout, backend, settings),
                                         layout.work, options)
        left = backend.left(cluster, before)
    return report(backend.lacks, tests, outcomes, left,
                  time.monotonic() - started)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
