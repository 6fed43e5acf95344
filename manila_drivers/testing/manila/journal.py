# SPDX-License-Identifier: Apache-2.0

"""Journal: what was done and came of it, how long it took, what it asked."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import time
from typing import Protocol

from manila_drivers.testing.backends.storage import Storage
from manila_drivers.testing.manila.calls import Call
from manila_drivers.testing.manila.calls import calls_in

# Manila calls these by the clock, whatever step is running.
PERIODIC = frozenset({'get_share_stats', 'update_share_usage_size'})


class ScenarioFailure(Exception):
    """A share did not live as it should; the text says at which step."""


class Log(Protocol):
    """A log that grows; Manila's process has one."""

    def log_mark(self) -> int: ...

    def log(self, mark: int) -> str: ...


@dataclasses.dataclass(frozen=True)
class Step:
    """One finished step.

    result: what the API said of it in the end; asked: the requests that
    storage got meanwhile, none if storage cannot tell; calls: what the
    driver says that it did, if it is one of ours; failure: what was wrong,
    '' if nothing was.
    """

    title: str
    result: str
    seconds: float
    asked: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    failure: str = ''


class Note:
    """Hold what a running step says of its result."""

    def __init__(self) -> None:
        self.result = ''

    def says(self, result: str, *values: object) -> None:
        self.result = result % values if values else result


class Journal:
    """Runs steps and keeps the record of them.

    :param log: where the driver writes, to learn its calls for `backend`
    :param watched: the storage, to learn what it is asked
    :param chapter: called with the heading of the steps to come
    :param begin: called with the title of each step when it begins
    :param tell: called with each step when it is finished
    """

    def __init__(self, log: Log, backend: str,
                 watched: Storage | None = None,
                 begin: Callable[[str], None] = lambda title: None,
                 chapter: Callable[[str], None] = lambda title: None,
                 tell: Callable[[Step], None] = lambda step: None) -> None:
        self.steps: list[Step] = []
        self._log = log
        self._backend = backend
        self._watched = watched
        self._begin = begin
        self.chapter = chapter
        self._tell = tell

    @contextlib.contextmanager
    def step(self, title: str, *values: object) -> Iterator[Note]:
        """Everything inside is one step.

        :raises ScenarioFailure: instead of whatever was raised inside
        """
        title = title % values if values else title
        note = Note()
        self._begin(title)
        end = self._start(title, note)
        try:
            yield note
        except Exception as why:
            end(str(why))
            raise ScenarioFailure('%s: %s' % (title, why)) from why
        end('')

    def _start(self, title: str, note: Note) -> Callable[[str], None]:
        mark = self._watched.mark() if self._watched else 0
        log_mark = self._log.log_mark()
        start = time.monotonic()

        def end(failure: str) -> None:
            seconds = time.monotonic() - start
            asked = self._watched.asked(mark) if self._watched else []
            step = Step(title, note.result, seconds, tuple(asked),
                        self._calls(log_mark), failure)
            self.steps.append(step)
            self._tell(step)
        return end

    def _calls(self, mark: int) -> tuple[Call, ...]:
        found = calls_in(self._log.log(mark), self._backend)
        return tuple(call for call in found if call.method not in PERIODIC)


def expect(truth: object, what: str, *values: object) -> None:
    """:raises ScenarioFailure: with `what`, unless it is true"""
    if not truth:
        raise ScenarioFailure(what % values if values else what)
