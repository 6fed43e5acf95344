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

"""Runs tests on mutants, each in a process of its own.

pytest collects the tests once.  A child then runs all of them to see which
functions each calls and how long it takes; after that there is a child for
each mutant, in which the code of one function is exchanged.  So nothing has
to be imported again, and nothing that a mutant does outlasts it.
"""

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import gc
import os
import pathlib
import pickle
import resource
import select
import signal
import sys
import threading
import time
import types
from typing import Any

from _pytest import runner

from tools.mutation import mutants
from tools.mutation import report

#: Seconds of tests, as long as they took without a mutant, that one mutant
#: is given; the quickest are run first.
BUDGET = 20.0

Codes = dict[tuple[str, int], types.CodeType]


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What a test does without any mutant.

    :param touched: (path, function) of what it calls.
    """

    seconds: float
    passed: bool
    touched: frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

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
    """

    def __init__(self, paths: Sequence[pathlib.Path],
                 keep: Callable[[pathlib.Path, list[Verdict]], None],
                 say: Callable[[str], None]) -> None:
        self._paths, self._keep, self._say = paths, keep, say
        self._noticed: Counter[tuple[str, int]] = Counter()

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
        names = {str(path.resolve()): Functions(path)
                 for path in self._paths}
        found = _baseline(session.items, names)
        failed = [item.nodeid for item, one in zip(
            session.items, found, strict=True) if not one.passed]
        for each in failed:
            self._say(f'fails without any mutant, and is left out: {each}')
        self._say(f'{len(found)} tests in '
                  f'{sum(one.seconds for one in found):.0f} s')
        for path in self._paths:
            self._keep(path, list(self._module(path, session.items, found)))
        return True

    def _module(self, path: pathlib.Path, items: Sequence[Any],
                found: Sequence[Baseline]) -> Iterator[Verdict]:
        functions = [one for one in gc.get_objects()
                     if isinstance(one, types.FunctionType)
                     and one.__code__.co_filename == str(path.resolve())]
        self._control(path, functions, items, found)
        for mutant in mutants.of(path.read_text()):
            order = self._order(path, mutant, found)
            if not order:
                yield Verdict(mutant, report.UNTESTED)
                continue
            limit = sum(found[index].seconds for index in order)
            began = time.monotonic()
            status, index = _child(limit, functools.partial(
                _play, mutant, str(path.resolve()), functions, items, order))
            seconds = time.monotonic() - began
            if index is None:
                yield Verdict(mutant, status, '', seconds)
            else:
                self._noticed[mutant.function, index] += 1
                yield Verdict(mutant, status, items[index].nodeid, seconds)

    def _control(self, path: pathlib.Path,
                 functions: Sequence[types.FunctionType],
                 items: Sequence[Any], found: Sequence[Baseline]) -> None:
        """See that what is no change is not noticed either.

        :raises RuntimeError: it is, so that nothing else would tell.
        """
        name = str(path.resolve())
        order = [index for index, one in enumerate(found) if one.passed
                 and any(file == name for file, _ in one.touched)][:50]
        none = mutants.Mutant('', 0, '', '', 0, path.read_text())
        status, index = _child(
            sum(found[each].seconds for each in order),
            functools.partial(_play, none, name, functions, items, order))
        if status != report.SURVIVED or not order:
            raise RuntimeError('%s: %s' % (path, status if index is None
                                           else items[index].nodeid))

    def _order(self, path: pathlib.Path, mutant: mutants.Mutant,
               found: Sequence[Baseline]) -> list[int]:
        """Tests that call the function, the most promising first."""
        key = str(path.resolve()), mutant.function
        touching = sorted(
            (index for index, one in enumerate(found)
             if one.passed and key in one.touched),
            key=lambda index: (-self._noticed[mutant.function, index],
                               found[index].seconds))
        chosen, spent = [], 0.0
        for index in touching:
            spent += found[index].seconds
            if chosen and spent > BUDGET:
                break
            chosen.append(index)
        return chosen


class Functions:
    """The functions of a module by the lines of their code."""

    def __init__(self, path: pathlib.Path) -> None:
        self._names: dict[tuple[str, int], str] = {}
        code = compile(path.read_text(), str(path.resolve()), 'exec')
        self._enter(code, '')

    def _enter(self, code: types.CodeType, outer: str) -> None:
        for one in code.co_consts:
            if isinstance(one, types.CodeType):
                # A class body's code is no function's.
                name = outer or ('' if _is_class(one) else one.co_qualname)
                self._names[one.co_qualname, one.co_firstlineno] = name
                self._enter(one, name)

    def of(self, code: types.CodeType) -> str:
        """The outermost function that a code is of; '' if it is of none."""
        return self._names.get((code.co_qualname, code.co_firstlineno), '')


def _is_class(code: types.CodeType) -> bool:
    return not code.co_flags & 0x2  # CO_NEWLOCALS


def _baseline(items: Sequence[Any],
              modules: Mapping[str, Functions]) -> list[Baseline]:
    """Run every test once, in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _silence()
        found = [_observed(item, modules) for item in items]
        with open(writing, 'wb') as stream:
            pickle.dump(found, stream)
        os._exit(0)
    os.close(writing)
    with open(reading, 'rb') as stream:
        data = stream.read()
    os.waitpid(child, 0)
    return pickle.loads(data)  # type: ignore[no-any-return]  # noqa: S301


def _observed(item: Any, modules: Mapping[str, Functions]) -> Baseline:
    touched = set()

    def note(frame: types.FrameType, event: str, _: object) -> None:
        if event == 'call':
            module = modules.get(frame.f_code.co_filename)
            if module is not None:
                touched.add((frame.f_code.co_filename,
                             module.of(frame.f_code)))

    _forget_what_is_cached()
    began = time.monotonic()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        passed = _passes(item)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return Baseline(time.monotonic() - began, passed, frozenset(touched))


def _forget_what_is_cached() -> None:
    """So that each test calls what it needs itself."""
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper) and (
                one.__module__.startswith('manila_drivers')):
            one.cache_clear()


def _passes(item: Any) -> bool:
    reports = runner.runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in 0, 1, 2:
        os.dup2(nothing, number)


def _child(limit: float, play: Callable[[], int | None],
           ) -> tuple[str, int | None]:
    """Play in a child; limited in time, of the clock and of the processor.

    :param limit: seconds that it took without a mutant.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        os.close(reading)
        _silence()
        most = int(10 + 3 * limit)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
        resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
        index = play()
        os.write(writing, b'-' if index is None else str(index).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, 'rb') as stream:
        ready, _, _ = select.select([stream], [], [], 30 + 10 * limit)
        answer = os.read(stream.fileno(), 100) if ready else b''
    # What it may have started goes with it.
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if answer == b'-':
        return report.SURVIVED, None
    return (report.KILLED, int(answer)) if answer else (report.HUNG, None)


def _play(mutant: mutants.Mutant, path: str,
          functions: Sequence[types.FunctionType], items: Sequence[Any],
          order: Sequence[int]) -> int | None:
    """Exchange the code and run tests until one fails.

    :returns: the index of the one that failed.
    """
    _exchange(functions, compile(mutant.source, path, 'exec'))
    return next((index for index in order if not _passes(items[index])),
                None)


def _exchange(functions: Sequence[types.FunctionType],
              code: types.CodeType) -> None:
    """Give functions that are there already the code of a mutant."""
    codes: Codes = {}
    _collect(code, codes)
    for function in functions:
        old = function.__code__
        new = codes.get((old.co_qualname, old.co_firstlineno))
        if new is not None and new != old \
                and new.co_freevars == old.co_freevars:
            function.__code__ = new


def _collect(code: types.CodeType, codes: Codes) -> None:
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            codes[one.co_qualname, one.co_firstlineno] = one
            _collect(one, codes)
