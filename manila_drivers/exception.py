# SPDX-License-Identifier: Apache-2.0

"""Errors, sorted by what the caller should do about it.

::

    DriverError
    +-- ConfigurationError      an option is wrong: correct it and restart
    +-- InvalidRequest          the request can never work as it stands
    |   +-- InvalidRule         one access rule; the others are unaffected
    |   +-- Unsupported         this backend has no such feature
    |   +-- NotManageable       manage/unmanage refused
    |       +-- TypeMismatch    because of the share type
    +-- PossibleDataLoss        a shrink below what is used; nothing was done
    +-- BackendError            the backend said no
    |   +-- NotFound            the object is not there
    |   +-- Conflict            an object of that name exists but differs
    |   +-- Busy                somebody uses it: try again later
    |   +-- NoRoom              there is not enough space for it
    |   +-- AccessDenied        credentials or permissions
    +-- TransportError          no usable answer
        +-- Unreachable         it certainly was not carried out: may repeat
        |   +-- NotTrusted      its certificate or host key is not accepted
        +-- OutcomeUnknown      it may have been carried out: look, then act

Nothing below the driver class raises anything else on purpose.  The driver
class turns these into Manila's exceptions at exactly one place
(``manila_drivers.driver.manila_errors``).

Each error carries its parts as attributes, so that the one line in the log
says which backend, which object, what was attempted, what was answered and
what to check.
"""

from collections.abc import Callable
from typing import Any
from typing import TypeVar

T = TypeVar('T')


class DriverError(Exception):
    """Root of the tree.

    :param what: what was attempted, on which object.
    :param answer: what came back, in the backend's own words.
    :param check: what the operator should look at.
    :param backend: name of the backend (share_backend_name or host);
        filled in later by :meth:`located` where it is not known yet.
    """

    def __init__(self, what: str, *, answer: str = '', check: str = '',
                 backend: str = '') -> None:
        super().__init__(what)
        self.what = what
        self.answer = answer
        self.check = check
        self.backend = backend

    def located(self, backend: str) -> 'DriverError':
        """Name the backend unless a deeper layer already has."""
        self.backend = self.backend or backend
        return self

    def __str__(self) -> str:
        where = f'Backend {self.backend}: ' if self.backend else ''
        answer = f' Answer: {self.answer}' if self.answer else ''
        check = f' Check: {self.check}' if self.check else ''
        text = self.what if self.what.endswith('.') else self.what + '.'
        return where + text + answer + check


class ConfigurationError(DriverError):
    """An option has to be corrected.

    :param option: name of the option at fault, as in manila.conf.
    """

    def __init__(self, option: str, what: str, **parts: Any) -> None:
        super().__init__(f'Option {option}: {what}', **parts)
        self.option = option


class InvalidRequest(DriverError):
    """The request cannot work, now or later."""


class InvalidRule(InvalidRequest):
    """One access rule cannot be honoured.

    :param access_id: the id users know the rule by.
    """

    def __init__(self, access_id: str, what: str, **parts: Any) -> None:
        super().__init__(what, **parts)
        self.access_id = access_id


class Unsupported(InvalidRequest):
    """The backend, or its version, lacks the feature."""


class NotManageable(InvalidRequest):
    """The object cannot be taken under, or let out of, management."""


class TypeMismatch(NotManageable):
    """It cannot have a property that its share type asks for."""


class PossibleDataLoss(DriverError):
    """A shrink below what is in use.  Nothing was changed."""


class BackendError(DriverError):
    """The backend understood and refused, or failed.

    :param status: its numeric code (HTTP status, exit code), if it has one.
    """

    def __init__(self, what: str, *, status: int | None = None,
                 **parts: Any) -> None:
        super().__init__(what, **parts)
        self.status = status


class NotFound(BackendError):
    """The object does not exist on the backend."""


class Conflict(BackendError):
    """Something of that name or path exists and is not what was asked."""


class Busy(BackendError):
    """In use or in transition: the same call may succeed later."""


class NoRoom(BackendError):
    """Not enough space is left for what is asked for."""


class AccessDenied(BackendError):
    """Credentials were refused, or a permission is missing."""


class TransportError(DriverError):
    """No usable answer was received."""


class Unreachable(TransportError):
    """The request never reached the backend, so nothing was done."""


class NotTrusted(Unreachable):
    """The peer could not prove who it is, so nothing was sent to it."""


class OutcomeUnknown(TransportError):
    """The request was sent; whether it took effect is not known.

    The next step is to look, not to repeat and not to give up.
    """


def caught(call: Callable[[], T]) -> tuple[T | None, DriverError | None]:
    """Return what a call returns, or else what it raises of these.

    For errors that are logged: while one is being handled, oslo.log appends
    it to every line, also to those that have it already.
    """
    try:
        return call(), None
    except DriverError as exc:
        return None, exc


def caught_any(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Call something, and return whatever it raises as well.

    For places where nothing may stop the caller.
    """
    try:
        return call(), None
    except Exception as exc:  # noqa: BLE001 - that is what it is for
        return None, exc
