# SPDX-License-Identifier: Apache-2.0

"""Calls of a driver, as Manila makes them, with our own errors."""

from collections.abc import Callable
import threading
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.direct import preview
from manila_drivers.transport import meter

T = TypeVar('T')


class Driving:
    """A driver that is set up when it is needed first.  Thread-safe.

    :param make: makes the driver.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._driver: Any = None

    @property
    def driver(self) -> Any:
        """The driver, set up and checked as at the start of a service.

        :raises DriverError: the options or the backend do not allow it.
        """
        with self._lock:
            if self._driver is None:
                made = self._make()
                translated(lambda: made.do_setup(None))
                try:
                    translated(made.check_for_setup_error)
                except BaseException:
                    _close(made)
                    raise
                self._driver = made
            return self._driver

    def ready(self) -> None:
        """Set the driver up unless it is, before anything is recorded.

        :raises DriverError: as :attr:`driver`.
        """
        assert self.driver is not None

    def call(self, work: Callable[[Any], T]) -> T:
        """Return what a function does with the driver.

        :raises DriverError: as the backend's parts raise them.
        """
        driver = self.driver
        return translated(lambda: work(driver))

    def preview(self, operation: str, subject: str,
                work: Callable[[Any], object], *,
                repairs: bool = False) -> preview.Preview:
        """Return what a function would do with the driver.

        :param repairs: it does nothing but check shares.
        :raises Unsupported: the driver cannot tell.
        :raises DriverError: what can be known beforehand.
        """
        driver = self.need_plans(repairs=repairs)
        with meter.measure() as trips, plan.dry_run() as dry:
            translated(lambda: work(driver))
        return preview.Preview(
            operation, subject,
            tuple(step for each in dry.plans for step in each), trips.calls)

    def need_plans(self, *, repairs: bool = False) -> Any:
        """Return the driver if it can say what it would do.

        :param repairs: it would do nothing but check shares.
        :raises Unsupported: it cannot.
        """
        driver = self.driver
        if not (driver.SHOWS_PLANS or repairs and driver.SHOWS_REPAIRS):
            raise exception.Unsupported(
                f'{type(driver).__name__} cannot say what it would do')
        return driver

    def close(self) -> None:
        """Let go of connections; they are made again when needed."""
        with self._lock:
            made, self._driver = self._driver, None
        if made is not None:
            _close(made)


def translated(call: Callable[[], T]) -> T:
    """Return what a driver returns, and raise what is behind its errors."""
    try:
        return call()
    except exception.DriverError:
        raise
    except NotImplementedError as exc:
        cause = exc.__cause__
        if isinstance(cause, exception.DriverError):
            raise cause from None
        raise exception.Unsupported(
            'The driver has no such operation',
            answer=str(exc)) from exc
    except Exception as exc:
        if isinstance(exc.__cause__, exception.DriverError):
            # What Manila would have seen says no more.
            raise exc.__cause__ from None
        raise


def _close(driver: Any) -> None:
    driver.metrics.close()
    backend = driver._made if driver.has_backend() else None
    if backend is not None:
        exception.caught_any(backend.close)
