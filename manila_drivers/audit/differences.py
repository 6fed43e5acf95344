# SPDX-License-Identifier: Apache-2.0

"""One thing that is not as it is recorded, for people and for machines."""

import dataclasses

from manila_drivers.audit import overview

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
    gone on with, as it was recorded: nothing else is.
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
