# SPDX-License-Identifier: Apache-2.0

"""All that is wrong with a section as a whole.

A driver reads its options and refuses the first one that is wrong.  That one
is noted and exchanged for a value that it can have, and the driver reads once
more, until it has nothing to refuse.
"""

from collections.abc import Collection
from collections.abc import Iterator
import functools
from typing import Any
from typing import Protocol
from typing import runtime_checkable

from manila_drivers import exception
from manila_drivers.preflight import values
from manila_drivers.preflight.findings import Finding

#: Values that one kind of option or another can have; of nobody.
STAND_INS = ('192.0.2.1', ['192.0.2.1'], 'nobody@192.0.2.1',
             ['nobody@192.0.2.1'], ['nobody@192.0.2.1:/nothing'],
             'nothing', '/nothing', 'nothing-[0-9]+$', ['nothing'], True,
             # Some have to be files that are there.
             False, 1, __file__, [__file__])
_MOST = 100


@runtime_checkable
class Optioned(Protocol):
    """A backend that reads some options only when it is used."""

    def check_options(self) -> None:
        """Raise ConfigurationError if one is refused; ask nobody."""
        ...


class Reading:
    """Everything that a driver refuses, and what stands in for it.

    ``findings`` are what was refused; ``exchanged`` the options that have
    another value now, and ``invented`` those that have one of nobody.

    :param found: options of which it is known already that they are wrong.
    """

    def __init__(self, driver: Any, found: Collection[str] = ()) -> None:
        self._driver = driver
        self._found = found
        self.findings: list[Finding] = []
        self.exchanged: list[str] = []
        self.invented: list[str] = []
        self._read()

    def _read(self) -> None:
        for _ in range(_MOST):
            error = self._refused()
            if error is None:
                return
            name = error.option
            self.exchanged.append(name)
            if name not in self._found:
                self.findings.append(self._alone(error))
            if not self._exchanged(name):
                self.invented.append(name)
                return

    def _refused(self) -> exception.ConfigurationError | None:
        """Return what the driver refuses now, if anything."""
        made, error = exception.caught(self._driver.build_backend)
        if made is not None:
            if isinstance(made, Optioned):
                _, error = exception.caught(made.check_options)
            made.close()
        if error is not None and not isinstance(
                error, exception.ConfigurationError):
            return exception.ConfigurationError(
                '', error.what, answer=error.answer, check=error.check)
        return error

    def _alone(self, error: exception.ConfigurationError) -> Finding:
        """Return a finding without what an error says of other options."""
        check = error.check
        for part in error.check.split('; '):
            if part.startswith('Option ') and part in check:
                check = check.partition(part)[0].rstrip('; ')
        found = Finding.of(error)
        return Finding(found.option, found.tried, found.answered, check)

    def _exchanged(self, name: str) -> bool:
        """Give an option a value that is not refused; tell if there is one."""
        configuration = self._driver.configuration
        for invented, value in self._candidates(name):
            _, unfit = exception.caught_any(functools.partial(
                values.replace, configuration, name, value))
            if unfit is not None:
                continue
            error = self._refused()
            if error is None or error.option != name:
                if invented:
                    self.invented.append(name)
                return True
        return False

    def _candidates(self, name: str) -> Iterator[tuple[bool, Any]]:
        """Yield values for an option, and if they are of nobody."""
        value, error = exception.caught_any(
            lambda: values.default(self._driver.configuration, name))
        if error is not None:
            # It is none of the section's options.
            return
        yield False, value
        for each in STAND_INS:
            yield True, each
