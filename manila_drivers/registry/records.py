# SPDX-License-Identifier: Apache-2.0

"""Rows of the registry as values."""

from collections.abc import Mapping
import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class ShareEntry:
    """A share that was made, adopted, or begun to be.

    ``size`` is in GiB; None while an adopted share's is not known.
    ``task`` is what was begun and has not been seen to end, with its
    arguments; ``failure`` why its last try did not end well.  ``specs`` are
    extra specs, None to take those of the backend's section.  ``version``
    grows with each change.
    """

    id: str
    backend: str
    name: str
    proto: str
    size: int | None
    status: str
    task: Mapping[str, Any] | None = None
    failure: str = ''
    locations: tuple[Mapping[str, Any], ...] = ()
    specs: Mapping[str, str] | None = None
    snapshot_id: str | None = None
    created_at: str = ''
    version: int = 1


@dataclasses.dataclass(frozen=True)
class SnapshotEntry:
    """A snapshot that was taken, or begun to be.

    ``location`` is what the driver calls it, '' if it says nothing.
    ``size`` is that of its share then, in GiB.
    """

    id: str
    backend: str
    name: str
    share_id: str
    size: int | None
    status: str
    location: str = ''
    failure: str = ''
    created_at: str = ''
    version: int = 1


@dataclasses.dataclass(frozen=True)
class RuleEntry:
    """An access rule, in force only while ``state`` is ``active``.

    ``applying`` and ``denying`` say that a call which gives or takes it has
    not been seen to end; ``error``, for which ``reason`` is, that it is not
    wanted in force.
    """

    id: str
    share_id: str
    kind: str
    target: str
    level: str
    state: str
    reason: str = ''
    created_at: str = ''
    version: int = 1
