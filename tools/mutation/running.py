# SPDX-License-Identifier: Apache-2.0

"""Runs tests on mutants, in processes of their own.

pytest collects the tests once.  A child then runs all of them to see which
lines each runs and how long it takes; after that there is a child for each
function, in which its code is exchanged for that of one mutant after the
other.  So nothing has to be imported again, and what a mutant hangs up or
breaks is gone with the child.
"""

import ast
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import gc
import itertools
import os
import pathlib
import resource
import select
import signal
import time
import types
from typing import Any

from tools.mutation import baseline
from tools.mutation import mutants
from tools.mutation import report

#: Seconds of tests, as long as they took without a mutant, that one mutant
#: is given; the quickest are run first.
BUDGET = 5.0

# The answer of a child to a mutant that no test has noticed.
_NOBODY = -1

Known = Mapping[mutants.Key, str]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome of a mutant.

    :param test: the one that noticed.
    """

    mutant: mutants.Mutant
    status: str
    test: str = ''
    seconds: float = 0.0


class Player:
    """A plugin of pytest that plays mutants instead of running the tests.

    :param paths: of the modules.
    :param keep: takes the verdicts of a module.
    :param known: verdicts of an earlier run that are taken as they are.
    """

    def __init__(self, paths: Sequence[pathlib.Path],
                 keep: Callable[[pathlib.Path, list[Verdict]], None],
                 say: Callable[[str], None],
                 known: Callable[[pathlib.Path], Known]) -> None:
        self._paths, self._keep, self._say = paths, keep, say
        self._known = known

    def pytest_collection(self) -> None:
        """Quick and the same each time."""
        # Its plugin of pytest wants to be first.
        import hypothesis
        hypothesis.settings.register_profile(
            'mutation', parent=hypothesis.settings(), derandomize=True,
            database=None, deadline=None, report_multiple_bugs=False,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate))
        hypothesis.settings.load_profile('mutation')

    def pytest_runtestloop(self, session: Any) -> bool:
        if session.testsfailed:
            raise session.Interrupted('the tests cannot be collected')
        for item in session.items:
            baseline.shorten(item)
        # Children copy no page for the sake of counting what is garbage.
        gc.collect()
        gc.freeze()
        files = [str(path.resolve()) for path in self._paths]
        found = baseline.of(session.items, files)
        for item, one in zip(session.items, found, strict=True):
            if not one.passed:
                self._say('fails without any mutant, and is left out: '
                          + item.nodeid)
        self._say('%d tests in %.0f s' % (
            len(found), sum(one.seconds for one in found)))
        for path in self._paths:
            verdicts: list[Verdict] = []
            for one in _Module(path, session.items, found).play(
                    self._known(path)):
                verdicts.append(one)
                if len(verdicts) % 100 == 0:
                    self._say('%s: %d so far' % (path, len(verdicts)))
            self._keep(path, verdicts)
        return True


class _Module:
    """The mutants of one module."""

    def __init__(self, path: pathlib.Path, items: Sequence[Any],
                 found: Sequence[baseline.Baseline]) -> None:
        self._source, self._file = path.read_text(), str(path.resolve())
        self._items, self._found = items, found
        self._statements = _statements(self._source)
        self._noticed: Counter[tuple[str, int]] = Counter()
        # gc forgets those that it has frozen.
        gc.unfreeze()
        self._functions = [
            one for one in gc.get_objects()
            if isinstance(one, types.FunctionType)
            and one.__code__.co_filename == self._file]
        gc.freeze()

    def play(self, known: Known) -> Iterator[Verdict]:
        self._control()
        for _, some in itertools.groupby(
                mutants.of(self._source), lambda mutant: mutant.function):
            left = []
            for mutant in some:
                status = known.get(mutant.key)
                if status is None:
                    left.append(mutant)
                else:
                    yield Verdict(mutant, status)
            yield from self._function(left)

    def _control(self) -> None:
        """See that what is no change is not noticed either.

        :raises RuntimeError: it is, so that nothing else would tell.
        """
        order = [index for index, one in enumerate(self._found)
                 if one.passed and one.lines.get(self._file)][:50]
        none = mutants.Mutant('', '', '', 0, 0, 0, self._source)
        answer, = _child([self._task(none, order)], self._found) or [None]
        if answer != _NOBODY or not order:
            raise RuntimeError('%s: a control was noticed by %s' % (
                self._file, answer and self._items[answer].nodeid))

    def _task(self, mutant: mutants.Mutant,
              order: Sequence[int]) -> '_Task':
        return _Task(mutant, self._file, self._functions, self._items, order)

    def _function(self, left: list[mutants.Mutant]) -> Iterator[Verdict]:
        while left:
            tasks = [self._task(mutant, self._order(mutant))
                     for mutant in left]
            began = time.monotonic()
            # What is learnt from one helps with those that follow.
            answers = _child(tasks[:1 + 4 * bool(self._noticed)],
                             self._found)
            spent = (time.monotonic() - began) / max(1, len(answers))
            for task, answer in zip(tasks, answers, strict=False):
                yield self._verdict(task, answer, spent)
            left = left[len(answers):]

    def _verdict(self, task: '_Task', answer: int | None,
                 spent: float) -> Verdict:
        if not task.order:
            return Verdict(task.mutant, report.UNTESTED)
        if answer is None:
            return Verdict(task.mutant, report.HUNG, '', spent)
        if answer == _NOBODY:
            return Verdict(task.mutant, report.SURVIVED, '', spent)
        self._noticed[task.mutant.function, answer] += 1
        self._noticed['', answer] += 1
        return Verdict(task.mutant, report.KILLED,
                       self._items[answer].nodeid, spent)

    def _order(self, mutant: mutants.Mutant) -> list[int]:
        """Tests that run the lines, the most promising first."""
        first, last = mutant.first, mutant.last
        lines = {line for number in range(first, last + 1)
                 for line in self._statements.get(number, [number])}
        touching = sorted(
            (index for index, one in enumerate(self._found)
             if one.passed and not lines.isdisjoint(
                 one.lines.get(self._file, ()))),
            key=lambda index: (-self._noticed[mutant.function, index],
                               -self._noticed['', index],
                               self._found[index].waited))
        chosen, spent = [], 0.0
        for index in touching:
            spent += self._found[index].seconds
            if chosen and spent > BUDGET:
                break
            chosen.append(index)
        return chosen


def _statements(source: str) -> dict[int, range]:
    """The lines of the statement, or its head, that each line is in."""
    found: dict[int, range] = {}
    # Outer ones come before those in them.
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, 'body', None)
            end = node.end_lineno or node.lineno
            if isinstance(body, list) and body:
                end = max(node.lineno, body[0].lineno - 1)
            lines = range(node.lineno, end + 1)
            found.update(dict.fromkeys(lines, lines))
    return found


@dataclasses.dataclass(frozen=True)
class _Task:
    """One mutant, and the tests to be run in their order."""

    mutant: mutants.Mutant
    file: str
    functions: Sequence[types.FunctionType]
    items: Sequence[Any]
    order: Sequence[int]

    def play(self, found: Sequence[baseline.Baseline], stream: int) -> None:
        """Exchange the code and run tests until one fails.

        Write a line to the stream before each of them, and then the index
        of the one that failed.
        """
        before = [function.__code__ for function in self.functions]
        baseline.forget_what_is_cached()
        _exchange(self.functions, compile(
            self.mutant.source, self.file, 'exec'))
        for index in self.order:
            os.write(stream, b'\n')
            _limit(found[index].seconds)
            if not baseline.passes(self.items[index]):
                break
        else:
            index = _NOBODY
        for function, code in zip(self.functions, before, strict=True):
            function.__code__ = code
        os.write(stream, b'%d\n' % index)


def _limit(seconds: float) -> None:
    """Limit the time on the processor from now on.

    :param seconds: that the test takes without a mutant.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (
        int(used.ru_utime + used.ru_stime + 2 + 4 * seconds), -1))


def _child(tasks: Sequence[_Task],
           found: Sequence[baseline.Baseline]) -> list[int | None]:
    """Play in a child; limited in time, of the clock and of the processor.

    :returns: an answer for each mutant up to the first that has hung, which
        is None.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        os.close(reading)
        baseline.silence()
        resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
        for task in tasks:
            task.play(found, writing)
        os._exit(0)
    os.close(writing)
    answers: list[int | None] = []
    with open(reading, 'rb', buffering=0) as stream:
        for task in tasks:
            longest = max((found[index].seconds for index in task.order),
                          default=0.0)
            answer = b'\n'
            while answer == b'\n':
                ready, _, _ = select.select([stream], [], [],
                                            30 + 10 * longest)
                answer = stream.readline() if ready else b''
            answers.append(int(answer) if answer else None)
            if not answer:
                break
    # What it may have started goes with it.
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return answers


def _exchange(functions: Sequence[types.FunctionType],
              code: types.CodeType) -> None:
    """Give functions that are there already the code of a mutant."""
    codes: dict[tuple[str, int], types.CodeType] = {}
    _collect(code, codes)
    for function in functions:
        old = function.__code__
        new = codes.get((old.co_qualname, old.co_firstlineno))
        if new is not None and new != old \
                and new.co_freevars == old.co_freevars:
            function.__code__ = new


def _collect(code: types.CodeType,
             codes: dict[tuple[str, int], types.CodeType]) -> None:
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            codes[one.co_qualname, one.co_firstlineno] = one
            _collect(one, codes)
