# SPDX-License-Identifier: Apache-2.0

"""Outcomes of each test without any mutant."""

from collections.abc import Sequence
import dataclasses
import functools
import os
import pickle
import sys
import time
from typing import Any

from _pytest import runner
import coverage

#: Examples that a test of hypothesis tries: the first few find most.
EXAMPLES = 15

Lines = dict[str, set[int]]


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The outcome of a test without any mutant.

    :param seconds: of the processor: a busy machine makes no test long.
    :param waited: seconds of the clock.
    :param lines: the lines that it runs, by file.
    """

    seconds: float
    waited: float
    passed: bool
    lines: Lines


def shorten(item: Any) -> None:
    """Have a test of hypothesis try but a few examples."""
    from hypothesis import settings

    test = getattr(item, 'obj', None)
    test = getattr(test, '__func__', test)
    wanted = getattr(test, '_hypothesis_internal_use_settings', None)
    if wanted is not None:
        test._hypothesis_internal_use_settings = settings(
            wanted, max_examples=min(EXAMPLES, wanted.max_examples))


def of(items: Sequence[Any], files: Sequence[str]) -> list[Baseline]:
    """Run every test once, in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        silence()
        found = _observed(items, files)
        with open(writing, 'wb') as stream:
            pickle.dump(found, stream)
        os._exit(0)
    os.close(writing)
    with open(reading, 'rb') as stream:
        data = stream.read()
    os.waitpid(child, 0)
    return pickle.loads(data)  # type: ignore[no-any-return]  # noqa: S301


def _observed(items: Sequence[Any], files: Sequence[str]) -> list[Baseline]:
    """Run each test, and tell apart which lines each of them runs.

    One measurement has all of them: to begin one takes longer than a test.
    """
    measuring = coverage.Coverage(data_file=None, config_file=False,
                                  include=list(files))
    measuring.set_option('run:disable_warnings', ['no-data-collected'])
    measuring.start()
    outcomes = []
    try:
        for index, item in enumerate(items):
            measuring.switch_context(str(index))
            outcomes.append(_timed(item))
    finally:
        measuring.stop()
    data = measuring.get_data()
    lines: list[Lines] = [{file: set() for file in files} for _ in items]
    for file in files:
        for line, contexts in data.contexts_by_lineno(file).items():
            for context in filter(None, contexts):
                lines[int(context)][file].add(line)
    return [Baseline(*outcome, ran) for outcome, ran
            in zip(outcomes, lines, strict=True)]


def _timed(item: Any) -> tuple[float, float, bool]:
    forget_what_is_cached()
    began, since = time.process_time(), time.monotonic()
    passed = passes(item)
    return time.process_time() - began, time.monotonic() - since, passed


def forget_what_is_cached() -> None:
    """So that each test calls what it needs itself."""
    for name, module in list(sys.modules.items()):
        if name.startswith('manila_drivers'):
            for one in vars(module).values():
                if isinstance(one, functools._lru_cache_wrapper):
                    one.cache_clear()


def passes(item: Any) -> bool:
    reports = runner.runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in 0, 1, 2:
        os.dup2(nothing, number)
