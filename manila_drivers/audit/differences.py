# SPDX-License-Identifier: Apache-2.0

"""One thing that is not as it is recorded, for people and for machines."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses

from manila_drivers.audit import overview
from manila_drivers.registry import records

# Kinds
ORPHAN_SHARE, ORPHAN_SNAPSHOT, ORPHAN_CLONE = (
    'orphan share', 'orphan snapshot', 'orphan clone')
LOST_SHARE, LOST_PART, LOST_SNAPSHOT = (
    'lost share', 'lost part', 'lost snapshot')
SIZE, WIDER, NARROWER = 'size', 'wider access', 'narrower access'
SETTING, ODD = 'setting', 'unclear'
UNFINISHED_SHARE, UNFINISHED_RULE, UNFINISHED_SNAPSHOT = (
    'unfinished share', 'unfinished rule', 'unfinished snapshot')
COPY = 'copy'
LOST_SERVER, UNFINISHED_SERVER = (
    'lost share server', 'unfinished share server')
OWED, LEFT, NOT_SEEN = 'owed', 'left over', 'not seen'

# What repairs it
ENSURE, RULES, EXTEND, SHRINK, GO_ON, SNAPSHOT = (
    'ensure', 'rules', 'extend', 'shrink', 'go on', 'snapshot')


@dataclasses.dataclass(frozen=True)
class Deviation:
    """One thing that is not as it is recorded.

    ``subject`` names it for people, and ``ident`` is the id of the share, or
    snapshot, that it is about.  ``do`` is what helps.  ``repair`` is how the
    audit repairs it: by the driver's check of the share, by giving its rules
    or its size again, by going on with what was begun; '' if it does not.
    ``owner`` is the id of the share that an orphan snapshot is of, and
    ``server`` of the share server that an orphan is on.  ``begun`` is what is
    gone on with, as it was recorded: nothing else is.  ``gives`` says who
    gets access by the repair who has none now, which it does not do unless
    that is asked for.
    """

    kind: str
    subject: str
    expected: str
    found: str
    do: str
    ident: str
    repair: str = ''
    owner: str = ''
    server: str = ''
    begun: str = ''
    gives: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (f'{self.kind}: {self.subject}: expected {self.expected}; '
                f'found {self.found}. {self.do}')


@dataclasses.dataclass(frozen=True)
class AuditReport:
    """All that came of an audit of one backend.

    ``unseen`` says what of the whole backend could not be looked at, beside
    differences of the kind ``not seen``, which are about one object; and
    ``passed`` what was not judged since somebody works on it.  ``shares`` is
    how many are recorded, and ``listed`` how many the backend has;
    ``audited`` has all of them.
    """

    backend: str
    differences: tuple[Deviation, ...]
    unseen: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    shares: int = 0
    listed: int = 0
    audited: tuple[overview.AuditedShare, ...] = ()


@dataclasses.dataclass(frozen=True)
class RepairPlan:
    """All that a repair would do, in words.

    ``lines`` are done, ``wider`` only if it is asked to widen access.  It is
    false if there is neither.  ``unplanned`` is what could not be planned,
    with the reason: it is left alone.
    """

    lines: tuple[str, ...]
    wider: tuple[str, ...] = ()
    unplanned: tuple[tuple[Deviation, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines or self.wider)

    def __iter__(self) -> Iterator[str]:
        return iter((*self.lines, *self.wider))

    def agreed(self, report: AuditReport) -> AuditReport:
        """Return an audit without what could not be planned."""
        left = {(one.ident, one.repair) for one, _ in self.unplanned}
        return dataclasses.replace(report, differences=tuple(
            one for one in report.differences
            if not one.repair or (one.ident, one.repair) not in left))


def wider(report: AuditReport) -> tuple[str, ...]:
    """Return whom repairs would give access, a line for each share."""
    return tuple(dict.fromkeys(
        f'{one.subject}: access for {", ".join(one.gives)}'
        for one in report.differences if one.repair and one.gives))


def judged(told: Iterable[Deviation], passed: Iterable[str],
           snapshots: Mapping[str, records.SnapshotEntry],
           ) -> list[Deviation]:
    """Return differences without those about shares that are worked on."""
    away = set(passed)
    return [one for one in told if one.ident not in away and not (
        one.ident in snapshots
        and snapshots[one.ident].share_id in away)]
