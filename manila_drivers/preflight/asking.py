# SPDX-License-Identifier: Apache-2.0

"""All that is wrong with a backend as it answers, and with this host."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import logging
import re
from typing import Any
from typing import Protocol
from typing import runtime_checkable

from manila_drivers import exception
from manila_drivers.preflight.findings import Finding
from manila_drivers.preflight.findings import WARNING

#: One look at a backend; it raises what is wrong.
Probe = Callable[[], object]


@runtime_checkable
class Probed(Protocol):
    """A backend whose check is made of several looks."""

    def probes(self) -> tuple[Probe, list[Probe]]:
        """Return the look without which there is none, and the others."""
        ...


class Warned(logging.Handler):
    """Keeps the warnings that drivers log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != 'manila_drivers.driver.context' \
                and not getattr(record, 'tried_again', False):
            self.lines.append(record.getMessage())


@contextlib.contextmanager
def warned() -> Iterator[Warned]:
    """Keep the warnings of this library for the length of a block."""
    ours = logging.getLogger('manila_drivers')
    handler = Warned()
    ours.addHandler(handler)
    try:
        yield handler
    finally:
        ours.removeHandler(handler)


def ask(backend: Any) -> tuple[list[Finding], list[str]]:
    """Return what is wrong, and what could not be looked at."""
    gate, others = (backend.probes() if isinstance(backend, Probed)
                    else (backend.check, []))
    found: list[tuple[exception.DriverError, Finding]] = []
    unseen: list[str] = []
    with warned() as told:
        _, error = exception.caught(gate)
        if error is not None:
            found.append((error, Finding.of(error)))
            if others:
                unseen.append('what a backend that does not let us in has')
                others = []
        for probe in others:
            _, error = exception.caught(probe)
            if error is not None:
                found.append((error, Finding.of(error)))
    return [*_once(found), *map(warning, told.lines)], unseen


def _once(found: list[tuple[exception.DriverError, Finding]],
          ) -> Iterator[Finding]:
    """Yield findings without refusals that another one names the right of."""
    named = {one.answered for _, one in found if one.option and one.answered}
    for error, one in found:
        if not isinstance(error, exception.AccessDenied) \
                or one.answered not in named:
            yield one


def warning(line: str) -> Finding:
    """Return a finding of a line of the log."""
    text = re.sub(r'^Backend [^:]*: ', '', line)
    # Of a section of all backends, such as [nova].
    shared = re.match(r'(\[\w+\] \w+): ', text)
    if shared:
        return Finding(shared[1], text[shared.end():], severity=WARNING)
    option = re.search(r'\b(?:vast|glusterfs|gpfs|knfs|ganesha|is'
                       r'|metrics)_[a-z_]+', text)
    return Finding(option[0] if option else '', text, severity=WARNING)
