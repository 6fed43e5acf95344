# SPDX-License-Identifier: Apache-2.0

"""Tell what a lab has shown while a check was played.

A check that looks at nothing finds nothing wrong.  So the labs of all checks
are observed: a check passes only if the lab has shown, in that very run, that
it can see what the check looks for.  Where a check has had no occasion for
it, a control makes one.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import copy
import pickle
from typing import Any
from typing import cast

from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.lab import Item
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.lab import Level

#: The records are other ones when the driver has made something.
OBJECTS = 'objects'
#: The records are other ones when access rules have changed.
RULES = 'rules'
#: Somebody was let in, and somebody was not.
ACCESS = 'access'
#: External calls of the driver were counted.
CALLS = 'calls'

UNSEEN = {
    OBJECTS: 'records() never showed anything that the driver made',
    RULES: 'records() show nothing of the access rules',
    ACCESS: 'effective() never told that somebody has access and that '
            'somebody has none',
    CALLS: 'no external call was counted: hand the driver its backend '
           'through external()'}

NOT_GIVEN = {
    'faults': 'the lab names no faults that arm() can let happen',
    'secrets': 'the lab names no secrets',
    'tampers': 'the lab has no tampers(): access changed by hand',
    'drifts': 'the lab has no drifts(): what happens without Manila',
    'plant_strangers': 'the lab cannot plant_strangers()',
    'make_unmanaged': 'the lab cannot make_unmanaged() exports',
    'make_twin': 'the lab has no tenants, or cannot make_twin()',
    'make_unmanaged_snapshot':
        'the lab cannot make_unmanaged_snapshot()',
    'make_shares': 'the lab cannot make_shares()',
    'part_away': 'the lab has no part_away(): a place that is offline',
    'stop_clone': 'the lab cannot stop_clone(): end one by hand',
    'away': 'the lab cannot be away() for a time',
    'slow_clones': 'the lab has no slow_clones(): copies that take time'}


def given(lab: Lab, name: str) -> bool:
    """Tell whether a lab gives what is optional."""
    if name == 'faults':
        return bool(lab.faults) and _written(lab, 'arm')
    if name == 'secrets':
        return any(lab.secrets)
    if name in ('tampers', 'drifts'):
        return bool(getattr(lab, name)())
    return _written(lab, name)


def _written(lab: Lab, name: str) -> bool:
    kind = lab.kind if isinstance(lab, Observed) else type(lab)
    return getattr(kind, name) is not getattr(Lab, name)


def require_given(lab: Lab, names: Iterable[str]) -> None:
    """:raises NotTried: the lab does not give one of these."""
    for name in names:
        if not given(lab, name):
            raise verdict.NotTried(NOT_GIVEN[name])


def _copied(records: dict[Item, Any],
            ) -> dict[Item, Any]:
    """Return a deep copy.

    Pickling is several times as fast as copying, and what is compared
    thousands of times in a suite can nearly always be pickled.
    """
    try:
        return cast(dict[Item, Any], pickle.loads(  # noqa: S301
            pickle.dumps(records, pickle.HIGHEST_PROTOCOL)))
    except Exception:  # noqa: BLE001 - whatever a lab's values raise
        return copy.deepcopy(records)


class Observed:
    """A lab, and what it has shown since it was wrapped.

    Answers of ``records`` are copies, so that they can be compared with
    later ones whatever the lab does with its own.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._last: Mapping[Any, Any] | None = None
        self._levels: set[bool] = set()
        self._seen: set[str] = set()

    @classmethod
    def of(cls, lab: Lab) -> Lab:
        """Return the lab, observed."""
        return cast(Lab, cls(lab))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)

    @property
    def kind(self) -> type:
        """The class of the lab itself."""
        return type(self._lab)

    def records(self) -> Mapping[Item, Any]:
        found = _copied(dict(self._lab.records()))
        if self._last is not None and found != self._last:
            self._seen.add(OBJECTS)
        self._last = found
        return found

    def shows(self, kind: str) -> None:
        """Note a kind of evidence that somebody else has found."""
        self._seen.add(kind)

    def effective(self, export: str, client: str) -> Level:
        found = self._lab.effective(export, client)
        self._levels.add(found is not None)
        if len(self._levels) == 2:
            self._seen.add(ACCESS)
        return found

    def unseen(self, wanted: Iterable[str]) -> list[str]:
        """Return those of the wanted kinds of evidence that are missing."""
        seen = set(self._seen)
        if self._lab.seam.calls:
            seen.add(CALLS)
        return [kind for kind in wanted if kind not in seen]


def observed(lab: Lab) -> Observed:
    """Return a lab that was wrapped, as what wraps it."""
    assert isinstance(lab, Observed)
    return lab
