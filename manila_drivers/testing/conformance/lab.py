# SPDX-License-Identifier: Apache-2.0

"""The hook: what the suites need to know about a backend.

A lab holds one backend, simulated or real, and makes drivers for it.  The
suites ask it what exists and who can reach what, make its transport fail, and
let time pass.  Only the first block of methods must be written.  A check that
needs more than a lab gives is not tried, and says what it needs.
"""

import abc
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import random
from typing import Any

from manila_drivers import access
from manila_drivers.testing.conformance import seam

Item = tuple[str, ...]
Level = str | None


@dataclasses.dataclass(frozen=True)
class Access:
    """Which rules can be honoured; all others have to be refused.

    :param types: access types: ``ip``, ``user``, ``cert``.
    :param levels: ``rw``, ``ro``.
    :param ip_versions: 4, 6.
    :param keeps_out: a rule that may only read, which is refused, lets its
        addresses write by no wider one in the call that brings it.
    """

    types: frozenset[str] = frozenset({'ip'})
    levels: frozenset[str] = frozenset({'rw', 'ro'})
    ip_versions: frozenset[int] = frozenset({4})
    keeps_out: bool = False


@dataclasses.dataclass(frozen=True)
class Features:
    """Hold what the driver can do, as far as Manila is told.

    ``parts`` says that shares are handed out again, and that what is in one
    lies in several places, one of which can be away.  ``fills`` is how much
    of its size a share can hold: a file system keeps some for itself.
    """

    proto: str = 'NFS'
    access: Access = Access()
    shrink: bool = True
    snapshots: bool = True
    revert: bool = False
    clones: bool = True
    manage: bool = True
    manage_snapshots: bool = True
    ensure: bool = True
    usage: bool = True
    parts: bool = False
    fills: float = 1.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """One way in which an external call can go wrong.

    :param name: of the kind, for reports.
    :param kills: '' for a fault of the transport, which the lab arms; or
        ``before`` or ``after``: the process ends at the call.
    :param lasting: it also goes on from one call to the end of an operation.
    :param place: which command of a call it strikes, 1-based; 0 is the call.
    :param only: beginnings of the names of commands that can fail so; empty
        is all.
    """

    name: str
    kills: str = ''
    lasting: bool = True
    place: int = 0
    only: tuple[str, ...] = ()

    def strikes(self, commands: Sequence[str]) -> bool:
        """Return whether a call of these commands can be struck by it.

        :param commands: their names; none if the lab does not know them.
        """
        if not self.place or not commands:
            return True
        return self.place <= len(commands) and (
            not self.only or commands[self.place - 1].startswith(self.only))


KILLS = (Fault('killed before', kills='before', lasting=False),
         Fault('killed after', kills='after', lasting=False))


@dataclasses.dataclass(frozen=True)
class Drift:
    """Something that happens to a share behind Manila's back.

    :param apply: does it, to the share with that instance id.
    :param outcome: what ``ensure_shares`` has to make of it: ``repaired``,
        ``reapply`` (repaired, and the rules are asked for) or ``lost``
        (reported as an error, nothing made in its place).
    :param visible: whether the lab's records show it.
    """

    name: str
    apply: Callable[[str], None]
    outcome: str = 'repaired'
    visible: bool = True


@dataclasses.dataclass(frozen=True)
class Unmanaged:
    """An export that nobody manages yet.

    :param clients: who reaches it at which level.
    :param size: GiB that managing it must report.
    """

    export: str
    size: int
    clients: Mapping[str, str]
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Budgets:
    """External calls that an operation may take; None is not limited.

    Counted on a driver that has been used before.  None of them may grow
    with the number of rules.

    :param own_seconds: what an operation may take besides its external
        calls, in real time.
    """

    create: int | None = None
    delete: int | None = None
    update_access: int | None = None
    update_access_unchanged: int | None = None
    ensure_1000: int | None = None
    stats: int | None = None
    resize: int | None = None
    own_seconds: float | None = 0.5


class Lab(abc.ABC):
    """One backend and all that can be known of it.

    A lab is made afresh for every scenario, and closed after it.
    """

    #: For reports.
    name: str = 'lab'
    features: Features = Features()
    budgets: Budgets = Budgets()
    #: Kinds of faults that :meth:`arm` knows.
    faults: Sequence[Fault] = ()
    #: Whether all of it is in this process, and nothing of it in a thread or
    #: a socket: then a situation is made once and copied for each case.
    copied: bool = False
    #: Texts that must not appear in a log or in an exception.
    secrets: Sequence[str] = ()

    def __init__(self) -> None:
        self.seam = seam.Seam()
        #: Names of the commands of each external call that was answered, in
        #: order; a lab whose calls are single requests leaves it empty.
        self.calls: list[tuple[str, ...]] = []

    # What every lab has to tell

    @abc.abstractmethod
    def make_driver(self, *, set_up: bool = True) -> Any:
        """A driver as a fresh process would make it.

        :param set_up: whether ``do_setup`` has been called.
        """

    @abc.abstractmethod
    def records(self) -> Mapping[Item, Any]:
        """Everything there is on the backend, with its content.

        Content must be equal for what was made twice in the same way:
        without numbers the backend gave out, times or addresses of records.
        """

    @abc.abstractmethod
    def effective(self, export: str, client: str) -> Level:
        """Return what a client can do with an export: ``rw``, ``ro`` or None.

        :param export: a path as the driver returned it.
        :param client: an address, or the name that a rule of another type
            admits.
        """

    @abc.abstractmethod
    def write(self, export: str, size: int) -> None:
        """An export now holds so many bytes."""

    # What most labs have to tell

    def external(self, backend: Any) -> Any:
        """Return an object with each method counted as an external call.

        A driver that gets its backend through this is one process: its calls
        are counted, watched, and it can be ended at any of them.  Labs whose
        drivers reach the backend otherwise use
        :class:`~manila_drivers.testing.conformance.seam.Process` themselves.
        """
        return seam.External(backend, seam.Process(self.seam))

    def inventory(self) -> frozenset[Item]:
        """The names of everything there is."""
        return frozenset(self.records())

    def keeps(self, item: Item) -> bool:
        """Return whether an object stays when its share goes, as the directory
        does that holds all of them."""
        return False

    def ambiguous(self, export: str) -> Sequence[str]:
        """Why the backend's lists leave open what somebody gets."""
        return ()

    def may_conflict(self, rule: access.Rule,
                     rules: Sequence[access.Rule]) -> bool:
        """Return whether the documentation says this rule may be refused.

        :param rule: one that can be honoured alone.
        :param rules: all that are wanted, this one included.
        """
        return False

    def advance(self, seconds: float) -> None:  # noqa: B027 - optional
        """Let time pass without waiting, if the lab can."""

    def settle(self) -> None:
        """Let everything end that goes on by itself."""
        self.advance(86400.0)

    def pause(self) -> None:  # noqa: B027 - optional
        """Let the seconds pass that somebody takes who repeats a call."""

    def close(self) -> None:  # noqa: B027 - optional
        """Give back what the lab holds."""

    # What makes more of the suites run

    def arm(self, fault: Fault, nth: int, *, lasting: bool) -> None:
        """Let the nth external call from now fail, 1-based.

        :param lasting: and all that follow, until :meth:`heal`.
        """
        raise NotImplementedError()

    def heal(self) -> None:  # noqa: B027 - optional
        """End all faults."""

    def plant_strangers(  # noqa: B027 - optional
            self, ids: Sequence[str] = ()) -> None:
        """Put objects of others on the backend, as close as they can be.

        :param ids: of shares that will exist, for look-alikes of them.

        Names and paths that begin like ours, objects without a name, the
        same name elsewhere: what a careless look-up would take for ours.
        """

    def tampers(self) -> Sequence[Callable[[str, random.Random], None]]:
        """Ways in which somebody changes access to an export by hand."""
        return ()

    def drifts(self) -> Sequence[Drift]:
        return ()

    def make_unmanaged(self, name: str) -> Unmanaged:
        """An export with clients and some data, made without the driver."""
        raise NotImplementedError()

    def make_twin(self, name: str) -> Unmanaged:
        """An export of another tenant, whose path is a directory of ours.

        Both hold data.  Without tenants there is no such thing.
        """
        raise NotImplementedError()

    def make_unmanaged_snapshot(self, export: str, name: str) -> str:
        """A snapshot made without the driver; its ``provider_location``."""
        raise NotImplementedError()

    def part_away(self, export: str) -> None:
        """Take away the place that has what was written to an export."""
        raise NotImplementedError()

    def part_back(self) -> None:
        """It is there again, with what it had."""
        raise NotImplementedError()

    def content(self, export: str) -> int:
        """Bytes that clients find in an export, without the driver."""
        raise NotImplementedError()

    def miss_a_turn(self, missing: bool) -> None:  # noqa: B027 - optional
        """Have the host that the driver talks to give no answer, or answer
        again, where there is another host that can take its place."""

    def slow_clones(self) -> None:  # noqa: B027 - optional
        """From now on, copying a share from a snapshot takes its time."""

    def stop_clone(self, export: str) -> None:
        """End what fills an export, by hand, and leave no trace of it."""
        raise NotImplementedError()

    def away(self, seconds: float) -> None:
        """Let no call succeed from the next one on, for that many seconds of
        the clock that the driver waits by; none of them has an effect."""
        raise NotImplementedError()

    def make_shares(self, ids: Sequence[str]) -> None:
        """Many healthy, empty shares of 1 GiB, made without the driver."""
        raise NotImplementedError()


MakeLab = Callable[[], Lab]
