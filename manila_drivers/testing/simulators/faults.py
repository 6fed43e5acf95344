# SPDX-License-Identifier: Apache-2.0

"""Faults that strike chosen calls: a vocabulary all simulators share.

A simulator asks :meth:`FaultPlan.strike` once per call, with a label of the
call, and carries out what comes back.  Nothing here knows a protocol.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import re
import threading
import time
from typing import Any

# kind -> whether the effect is prevented when the fault does not say so
KINDS: Mapping[str, bool] = {
    'refused': True,         # nobody listens
    'reset_before': True,    # connection reset, nothing was done
    'reset_after': False,    # connection reset, but it was done
    'timeout_before': True,  # silence, nothing was done
    'timeout_after': False,  # silence, but it was done
    'delay': False,          # the right answer, ``seconds`` late
    'status': True,          # an error answer, ``code``
    'truncated': False,      # half of the text, framed as if it were all
    'cut_off': False,        # half of the text, then the connection ends
    'html': True,            # a page of a proxy in between, ``code`` or 200
    'empty': False,          # 200 without a body
}

_FIXED = frozenset(kind for kind in KINDS
                   if kind == 'refused' or kind.endswith(('before', 'after')))


@dataclasses.dataclass(frozen=True)
class Fault:
    """One disturbance and the calls it strikes.

    :param kind: one of :data:`KINDS`.
    :param nth: the first call struck, counted from arming, 1-based; only
        calls that match count.
    :param times: how many calls in a row; None is for ever.
    :param lasts: for how many seconds from the first call struck, however
        many calls that are; None is as ``times`` says.
    :param match: which calls: a regular expression searched in the label (for
        HTTP ``'POST /api/v1/views/?page=1'``), or a function of the label;
        None is every call.
    :param code: status of an error answer (``status``, ``html``).
    :param before: whether the effect is prevented; None is the kind's habit.
        The ``_before``/``_after`` kinds and ``refused`` have no choice.
    :param headers: added to the answer, for example ``Retry-After``.
    :param body: content of a ``status`` answer: text as it stands, anything
        else as JSON; None is a plausible text.
    :param seconds: how late a ``delay`` comes, or a ``status``.
    """

    kind: str
    nth: int = 1
    times: int | None = 1
    match: str | Callable[[str], bool] | None = None
    code: int | None = None
    before: bool | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: Any = None
    seconds: float = 0.0
    lasts: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'No fault is called {self.kind!r}; there are '
                             f'{", ".join(sorted(KINDS))}')
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError('Calls are counted from 1')
        if self.before is not None and self.kind in _FIXED:
            raise ValueError(f'{self.kind} says itself whether the effect '
                             'happens')

    @property
    def prevents(self) -> bool:
        """Return whether the call has no effect."""
        return KINDS[self.kind] if self.before is None else self.before

    def concerns(self, label: str) -> bool:
        if self.match is None:
            return True
        if callable(self.match):
            return self.match(label)
        return re.search(self.match, label) is not None


@dataclasses.dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    since: float | None = None

    def count(self, label: str, now: float) -> bool:
        """Count the call if it concerns this fault; is it struck?"""
        if not self.fault.concerns(label):
            return False
        self.seen += 1
        if self.fault.lasts is not None:
            return self._spell(now, self.fault.lasts)
        end = self.fault.nth + (self.fault.times or 0)
        return self.seen >= self.fault.nth and (
            self.fault.times is None or self.seen < end)

    def _spell(self, now: float, lasts: float) -> bool:
        if self.seen < self.fault.nth:
            return False
        if self.since is None:
            self.since = now
        return now - self.since < lasts


class FaultPlan:
    """The faults that are armed.  Thread-safe.

    Several may be armed: each counts every call it concerns, and where two
    strike the same call the one armed first is carried out.

    :param clock: seconds, for faults that last for a time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._fired = 0

    @property
    def fired(self) -> int:
        """How many calls were struck since the last :meth:`disarm`."""
        return self._fired

    def arm(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(_Armed(fault))

    def disarm(self) -> None:
        """Forget every fault and start counting :attr:`fired` anew."""
        with self._lock:
            self._armed.clear()
            self._fired = 0

    def strike(self, label: str) -> Fault | None:
        if not self._armed:
            return None
        now = self._clock()
        with self._lock:
            struck = [armed.fault for armed in self._armed
                      if armed.count(label, now)]
            self._fired += bool(struck)
        return struck[0] if struck else None
