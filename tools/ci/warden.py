# SPDX-License-Identifier: Apache-2.0

"""Runs one command until it ends or its time is over, with all below it.

    python3 -m tools.ci.warden SECONDS RESULT COMMAND [ARGUMENT ...]

Everything that the command starts, also what puts itself into a session of
its own or is orphaned, stays below this process and is gone when it ends.
What became of the command is written to the file RESULT, as JSON.  It ends
early when it gets SIGTERM, and when the process that started it is gone.
"""

import ctypes
import dataclasses
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time
import types

from tools.ci import processes

# Seconds that are left to who is asked: to write stacks, to tidy up as after
# Ctrl-C, to end on SIGTERM, to be gone after SIGKILL.
STACKS, INTERRUPT, TERMINATE, KILL = 3.0, 45.0, 10.0, 20.0
GRACE = 2 * STACKS + INTERRUPT + TERMINATE + KILL

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


@dataclasses.dataclass
class Result:
    """Hold what became of a command.

    code: its exit code, negative for a signal, None if it never ended;
    ended: why it was ended, '' if it ended on its own; seconds: by the clock;
    cpu: CPU seconds of it and of all below it; left: names of the programs
    that outlived it; immortal: of those that outlive SIGKILL.
    """

    code: int | None = None
    ended: str = ''
    seconds: float = 0.0
    cpu: float = 0.0
    left: list[str] = dataclasses.field(default_factory=list)
    immortal: list[str] = dataclasses.field(default_factory=list)


class Warden:
    def __init__(self, limit: float, command: list[str]) -> None:
        self._limit = limit
        self._command = command
        self._asked = ''
        self._child = 0
        self._result = Result()

    def ask(self, number: int, frame: types.FrameType | None) -> None:
        self._asked = self._asked or 'the run ends'

    def run(self) -> Result:
        begin = time.monotonic()
        try:
            child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                     start_new_session=True)
        except OSError as error:
            say(f'{self._command[0]}: {error}')
            self._result.code = 127
            return self._result
        self._child = child.pid
        self._watch(begin + self._limit)
        self._clear()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._result.cpu = used.ru_utime + used.ru_stime
        self._result.seconds = time.monotonic() - begin
        return self._result

    def _watch(self, deadline: float) -> None:
        while not self._over():
            if time.monotonic() > deadline:
                self._asked = self._asked or f'after {self._limit:g} s'
            if self._asked:
                self._result.ended = self._asked
                self._end()
                return
            time.sleep(0.1)

    def _over(self) -> bool:
        """Notice who has ended; tell whether the command is among them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pid = 0
            if not pid:
                return self._result.code is not None
            if pid == self._child:
                self._result.code = os.waitstatus_to_exitcode(status)

    def _end(self) -> None:
        """Ask for stacks, then end the command as Ctrl-C would."""
        mine = processes.below(os.getpid())
        say(f'{self._result.ended}: ending {names(mine)}')
        if processes.ask_for_stacks(mine):
            self._wait(STACKS)
        leader = processes.read(self._child)
        if leader is not None:
            processes.send([leader], signal.SIGINT)
        self._wait(INTERRUPT)
        # Who is still there ends without tidying up, so it may tell as well.
        if processes.ask_for_stacks(processes.below(os.getpid()), last=True):
            self._wait(STACKS)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._over() and time.monotonic() < end:
            time.sleep(0.1)

    def _clear(self) -> None:
        """End everything that is still there."""
        self._result.left = sorted(
            one.name for one in processes.below(os.getpid()))
        self._signal_all(signal.SIGTERM, TERMINATE)
        self._signal_all(signal.SIGKILL, KILL)
        self._result.immortal = sorted(
            one.name for one in processes.below(os.getpid()))

    def _signal_all(self, number: int, seconds: float) -> None:
        """Signal all, and those that come into being meanwhile."""
        end = time.monotonic() + seconds
        told: set[tuple[int, int]] = set()
        while time.monotonic() < end:
            self._over()
            there = processes.below(os.getpid())
            if not there:
                return
            fresh = [one for one in there if (one.pid, one.start) not in told]
            told.update((one.pid, one.start) for one in fresh)
            processes.send(fresh, number)
            time.sleep(0.05)


def names(some: list[processes.Process]) -> str:
    return ', '.join(f'{one.name} ({one.pid})' for one in some) or 'nobody'


def say(text: str) -> None:
    print(f'warden: {text}', flush=True)


def adopt() -> None:
    """Become the parent of orphans below, and end with one's own parent."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_CHILD_SUBREAPER, 1),
                          (PR_SET_PDEATHSIG, signal.SIGTERM)):
        if libc.prctl(option, value, 0, 0, 0):
            raise OSError(ctypes.get_errno(), f'prctl({option})')
    if os.getppid() != parent:
        raise SystemExit('warden: nobody waits for this')


def main(arguments: list[str]) -> int:
    limit, result, *command = arguments
    warden = Warden(float(limit), command)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, warden.ask)
    adopt()
    found = warden.run()
    target = pathlib.Path(result)
    draft = target.with_suffix('.draft')
    draft.write_text(json.dumps(dataclasses.asdict(found)))
    draft.replace(target)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
