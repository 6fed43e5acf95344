# SPDX-License-Identifier: Apache-2.0

"""Runs everything that has to be green, from a fresh clone, on Debian 12.

    .ci/run                  all stages
    .ci/run manila compat    these, after what they need has been installed
    .ci/run --list           the stages, and what this commit plays

Lanes of stages run side by side.  A stage that ends shows all its output; the
last lines of the run say for each what became of it.  No stage, and not the
whole, takes longer than its limit (`--limit SECONDS`).
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time
import typing as ty

from tools.ci import leftovers
from tools.ci import machine
from tools.ci import processes
from tools.ci import stages
from tools.ci import summary
from tools.ci import turns
from tools.ci import warden

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / '.tox' / 'ci'

# Seconds between two signs of life.
TICK = 60.0


class Run:
    """Stages that are under way, and what became of those that are over."""

    def __init__(self, limit: float, logs: pathlib.Path,
                 tell: ty.Callable[[str], None]) -> None:
        self.begin = time.monotonic()
        self.reports: dict[str, summary.Report] = {}
        self.pace = machine.Pace(machine.work, machine.stat)
        self._deadline = self.begin + limit
        self._limit = limit
        self._logs = logs
        self._tell = tell
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._ending = threading.Event()
        self._why = ''

    def end(self, why: str) -> None:
        """Let all stages end now, and start no other."""
        self._why = self._why or why
        self._ending.set()

    def say(self, text: str) -> None:
        with self._lock:
            self._tell(f'[{time.monotonic() - self.begin:5.0f} s] {text}')

    def lane(self, lane: list[stages.Stage]) -> None:
        for stage in lane:
            self.reports[stage.name] = summary.Report(
                stage.name, summary.NOT_RUN)
            if not self._ending.is_set():
                self.reports[stage.name] = self._stage(stage)
            else:
                self.reports[stage.name].notes.append(self._why)

    def side_by_side(self, lanes: list[list[stages.Stage]]) -> None:
        threads = [threading.Thread(target=self.lane, args=(lane,))
                   for lane in lanes]
        for thread in threads:
            thread.start()
        tick = time.monotonic() + TICK
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            now = time.monotonic()
            if now > self._deadline and not self._ending.is_set():
                self.end(f'the whole run has taken {self._limit:g} s')
            if now > tick:
                tick = now + TICK
                self.pace.look()
                self.say('running: ' + ', '.join(
                    f'{name} ({now - since:.0f} s)'
                    for name, since in sorted(self._running.items())))

    def _stage(self, stage: stages.Stage) -> summary.Report:
        self.say(f'start {stage.name}, at most {stage.limit:g} s: '
                 f'{" ".join(stage.command)}')
        self._running[stage.name] = time.monotonic()
        log = self._logs / f'{stage.name}.log'
        try:
            result = self._warded(stage, log)
        finally:
            del self._running[stage.name]
        output = log.read_text(errors='replace')
        report = summary.judge(stage, output, result)
        if result is not None and result.ended and self._why:
            report.notes.append(self._why)
        with self._lock:
            self._tell(f'\n=== output of {stage.name}\n{output}'
                       f'=== end of {stage.name}\n')
        self.say(f'end   {report}')
        return report

    def _warded(self, stage: stages.Stage,
                log: pathlib.Path) -> warden.Result | None:
        target = self._logs / f'{stage.name}.json'
        target.unlink(missing_ok=True)
        with log.open('wb') as output:
            process = subprocess.Popen(
                [sys.executable, '-m', 'tools.ci.warden', str(stage.limit),
                 str(target), *stage.words],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **stage.told})
            self._wait(process, stage.limit + warden.GRACE + 60)
        try:
            return warden.Result(**json.loads(target.read_text()))
        except (OSError, ValueError):
            return None

    def _wait(self, process: 'subprocess.Popen[bytes]',
              patience: float) -> None:
        """Wait for a warden, which is on its own given some time to end."""
        end = time.monotonic() + patience
        told = False
        while process.poll() is None:
            if self._ending.is_set() and not told:
                told = True
                process.terminate()
                end = min(end, time.monotonic() + warden.GRACE + 60)
            if time.monotonic() > end:
                mine = processes.below(process.pid)
                process.kill()
                process.wait()
                processes.send(mine, signal.SIGKILL)
            time.sleep(0.1)


def environment(identity: str) -> dict[str, str]:
    """Return what all stages are told."""
    return {'CI': 'true', 'DEBIAN_FRONTEND': 'noninteractive',
            'MANILA_DRIVERS_PATIENCE': stages.PATIENCE,
            'PYTHONFAULTHANDLER': '1', leftovers.VARIABLE: identity}


@contextlib.contextmanager
def alone(directory: pathlib.Path) -> ty.Iterator[None]:
    """Keep a second run out of this checkout.

    :raises SystemExit: there is one already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit('.ci/run: another run is under way here') from None
    try:
        yield
    finally:
        os.close(lock)


def tell(text: str) -> None:
    print(text, flush=True)


def play(chosen: list[stages.Stage], prepare: stages.Stage,
         turn: stages.Turn, limit: float) -> bool:
    """Run the stages; print the summary; tell if all is well."""
    run = Run(limit, LOGS, tell)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: run.end(
            f'{signal.Signals(number).name} has come'))
    tell(f'{turn}')
    run.side_by_side([[prepare]])
    run.side_by_side(stages.lanes(chosen))
    order = [prepare.name, *(stage.name for stage in chosen)]
    words, well = summary.text(
        [run.reports[name] for name in order], turn,
        time.monotonic() - run.begin, str(run.pace))
    tell(f'\n{words}')
    return well


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog='.ci/run', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('stages', nargs='*')
    for name, words in (('--test', stages.TEST), ('--demo', stages.DEMO)):
        parser.add_argument(name, type=shlex.split, default=words,
                            help='the command of the README (%(default)s)')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--limit', type=float, default=stages.WHOLE,
                        help='seconds for all of it (%(default)s)')
    wanted = parser.parse_args(arguments)
    try:
        turn = turns.read(ROOT)
        table = stages.table(turn, str(LOGS / 'dist'), tuple(wanted.test),
                             tuple(wanted.demo))
        chosen = stages.selected(table, wanted.stages)
    except ValueError as error:
        parser.error(str(error))
    if wanted.list:
        tell('\n'.join([f'{turn}', *(
            f'{stage.lane:<11} {stage.name:<11} {stage.limit:5.0f} s  '
            f'{" ".join(stage.command)}' for stage in chosen)]))
        return 0
    with alone(LOGS):
        for name in leftovers.end(str(ROOT)):
            tell(f'an earlier run had left {name}')
        os.environ.update(environment(leftovers.mark(str(ROOT))))
        # Hundreds of processes are started, each of which would compile.
        os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
        return 0 if play(chosen, stages.prepare(chosen, turn), turn,
                         wanted.limit) else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
