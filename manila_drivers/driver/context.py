# SPDX-License-Identifier: Apache-2.0

"""The context in which every call of Manila's runs.

One line in the log with the round trips and the time, errors turned into
Manila's, and patience with arguments that future releases add.
"""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import inspect
import logging
import math
from typing import Any
from typing import NoReturn
from typing import overload
from typing import TypeVar

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.driver import manila_errors
from manila_drivers.driver import observing
from manila_drivers.transport import meter
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

F = TypeVar('F', bound=Callable[..., Any])

# A call is about the first of its parameters that is one of these.
_SUBJECTS = frozenset({
    'share', 'snapshot', 'shares', 'share_instance', 'share_instances',
    'source_share', 'new_replica', 'replica', 'replica_list', 'share_server',
    'share_group_dict', 'snap_dict', 'server_details', 'network_info'})


@overload
def driver_call(function: F) -> F: ...


@overload
def driver_call(*, periodic: bool = False) -> Callable[[F], F]: ...


def driver_call(function: F | None = None, *,
                periodic: bool = False) -> Any:
    """Decorate a method that Manila calls.

    :param periodic: it is called every so often: its line is for DEBUG, and
        its requests are not repeated for long.

    The method keeps its name and signature, to which ``**kwargs`` is added
    if it has none.  Keywords it does not know are ignored; a method with
    ``**kwargs`` of its own gets them.

    Every :class:`~manila_drivers.exception.DriverError` leaves as one of
    Manila's exceptions, with ours as its cause.  Other exceptions are bugs
    and pass unchanged, but for NotImplementedError from ``update_access``,
    which would send Manila down a path that ignores level changes.
    """
    if function is None:
        return functools.partial(_decorated, periodic=periodic)
    return _decorated(function, periodic=periodic)


def _decorated(function: Callable[..., Any], *,
               periodic: bool) -> Callable[..., Any]:
    signature = inspect.signature(function)
    names = tuple(signature.parameters)
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD
                     for parameter in signature.parameters.values())
    subject = next((name for name in names if name in _SUBJECTS), '')
    level = logging.DEBUG if periodic else logging.INFO
    method = function.__name__.lstrip('_')

    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        unknown = [key for key in kwargs if key not in names]
        if unknown:
            LOG.debug('%s: ignoring arguments %s', method, unknown)
            if not open_ended:
                kwargs = {key: value for key, value in kwargs.items()
                          if key in names}
        log = CallLog(self, method, level,
                      _subject(names, subject, args, kwargs))
        with retry.patience(retry.PERIODIC if periodic else math.inf):
            return log.run(functools.partial(function, self, *args,
                                             **kwargs))

    if not open_ended:
        call.__signature__ = _opened(signature)  # type: ignore[attr-defined]
    return call


def _opened(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature with ``**kwargs`` at its end."""
    extra = inspect.Parameter('kwargs', inspect.Parameter.VAR_KEYWORD)
    return signature.replace(
        parameters=[*signature.parameters.values(), extra])


def _subject(names: tuple[str, ...], subject: str, args: tuple[Any, ...],
             kwargs: Mapping[str, Any]) -> str:
    """Return the id of what a call is about, or how many it is about."""
    if not subject:
        return ''
    # args lacks self, which comes first in names.
    place = names.index(subject) - 1
    value = kwargs.get(subject) if place >= len(args) else args[place]
    if subject == 'network_info' and value:
        # One for each subnet of the same share server.
        value = value[0]
    if isinstance(value, (list, tuple)):
        return f'{len(value)} {subject}'
    look = getattr(value, 'get', None)
    found = (look('id') or look('server_id') if look
             else getattr(value, 'id', ''))
    return str(found or '')


def _outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return the result of a call, and what it raised."""
    try:
        return call(), None
    except Exception as exc:  # noqa: BLE001 - raised again by the caller
        return None, exc


class CallLog:
    """Run one call and log the line about it."""

    def __init__(self, driver: Any, method: str, level: int,
                 subject: str) -> None:
        self._name = f'{type(driver).__name__}.{method}'
        self._backend = str(getattr(driver, 'backend_name', ''))
        self._observer = getattr(driver, 'observer', None)
        self._method = method
        self._level = level
        self._subject = subject

    def run(self, call: Callable[[], Any]) -> Any:
        # The line is logged when no exception is being handled any more:
        # oslo.log appends that one to lines that have it already.
        with observing.watched(self._observer, self._method) as (
                one, trips):
            result, error = _outcome(call)
            one.error = error or one.error
        if error is None:
            self._log(self._level, 'done', trips)
            return result
        try:
            self._raise(error, trips)
        finally:
            # Its traceback has this frame, which must not have it in turn.
            error = None

    def _raise(self, error: Exception, trips: meter.Meter) -> NoReturn:
        """Log what a call raised, and raise what Manila should see."""
        if isinstance(error, exception.DriverError):
            error.located(self._backend)
            self._log(logging.WARNING, 'failed', trips, error)
            raise manila_errors.translate(
                error, self._method, self._subject) from error
        if isinstance(error, NotImplementedError):
            self._log(logging.DEBUG, 'not implemented', trips, error)
            if self._method == 'update_access':
                raise self._refused(error) from error
        else:
            self._log(logging.WARNING, 'failed', trips, error)
        raise error

    def _log(self, level: int, outcome: str, trips: meter.Meter,
             error: Exception | None = None) -> None:
        # Backends answer with whole pages at times: one line stays one line.
        reason = (f': {type(error).__name__}: {" ".join(str(error).split())}'
                  if error is not None else '')
        LOG.log(level, '%s %s: backend %s, id %s, %s%s', self._name, outcome,
                self._backend or '-', self._subject or '-', trips, reason)

    def _refused(self, error: Exception) -> Exception:
        refused: Exception = compat.errors.ShareBackendException(
            msg=f'Backend {self._backend}: {self._method} is not supported '
                f'for this share. {error}')
        return refused
