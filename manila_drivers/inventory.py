# SPDX-License-Identifier: Apache-2.0

"""Everything of ours that is on a backend, as its own lists tell.  Pure.

A driver whose backend has an ``inventory`` reads it in as many requests as its
lists have pages, whatever the number of shares.  What could not be read is
said: what is missing in a list that was not read whole is not known to be
missing.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses

from manila_drivers import model
from manila_drivers import plan

DONE, RUNNING, FAILED, STOPPED = 'done', 'running', 'failed', 'stopped'

#: Of what a list may have more than was read.
SHARES, SNAPSHOTS = 'shares', 'snapshots'

#: What a step of a driver's check is about: a part of a share, its size, who
#: has access, something else, or whatever the others are about.
PART, SIZE, ACCESS, SETTING, ALONG = (
    'part', 'size', 'access', 'setting', 'along')


def _setting(step: plan.Step) -> str:
    return SETTING


@dataclasses.dataclass(frozen=True)
class SeenClients:
    """Clients that are let in, in the backend's words.

    ``kind`` is that of rules: ``ip``, ``cert`` or ``user``.  A client that is
    in both lists gets the more of the two.  ``server`` is who lets them in,
    where there are several.
    """

    kind: str
    read_write: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    server: str = ''


@dataclasses.dataclass(frozen=True)
class SeenShare:
    """All that a backend has of one share.

    ``names`` are those of its objects, which the steps of plans tell;
    ``parts`` the kinds of object that are there, ``missing`` those that are
    not.  ``served`` is False where no client can reach it for want of a part.
    ``limit`` is in bytes, 0 for none and None where it is not told or not
    used; a share may be larger by ``slack`` bytes.  ``clients`` has whom each
    server lets in; none where nothing is to be said of them: before the first
    rules of an adopted share, say.  ``odd`` is what nobody can tell the right
    of, and what lets clients in beside the rules.  ``unseen`` is what of it
    could not be looked at, and ``owed`` what a server was not told, as a call
    that failed has noted.  ``server`` is the id of the share server that it
    is on, as far as that is known.
    """

    id: str
    names: frozenset[str]
    parts: tuple[str, ...]
    missing: tuple[str, ...] = ()
    served: bool = True
    limit: int | None = None
    slack: int = 0
    clients: tuple[SeenClients, ...] = ()
    odd: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()
    server: str = ''


@dataclasses.dataclass(frozen=True)
class SeenSnapshot:
    """A snapshot of the share ``share``, with its name on the backend.

    ``id`` is '' if its name is none that a driver gives: it may have been
    adopted.  ``wrong`` is why nobody can use it, '' if anybody can; ``untold``
    that this is not known.
    """

    id: str
    share: str
    name: str
    wrong: str = ''
    untold: str = ''


@dataclasses.dataclass(frozen=True)
class SeenClone:
    """A copy that fills, or has filled, a share; progress is in percent."""

    name: str
    share: str
    state: str
    progress: int = 0


@dataclasses.dataclass(frozen=True)
class SeenObject:
    """Something that belongs to no share, though it is where ours are.

    ``leads`` says that clients get into shares by it; else it was left over.
    """

    name: str
    what: str
    leads: bool = False


@dataclasses.dataclass(frozen=True)
class SeenPart:
    """Something that was made for a share server, such as a port.

    ``server`` is its id in Manila, '' for what should be some server's and
    is none's.
    """

    kind: str
    name: str
    server: str
    what: str


@dataclasses.dataclass(frozen=True)
class Serving:
    """Share servers that can be looked at, and who is on which.

    ``homes`` has the id of the share server by that of the share.
    """

    servers: tuple[model.ShareServer, ...] = ()
    homes: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Inventory:
    """All of ours that one backend has.

    ``unread`` says what could not be read, a line each, and ``partial`` of
    what there may be more than was read.  ``topic`` says what a step of the
    driver's check is about.  ``copies`` is True where ``clones`` has every
    copy that goes on, and ``noted`` where notes of the driver alone tell if
    the rules of a share were carried out.  ``servers`` are parts of share
    servers, and ``unplaced`` the ids of those whose instance nobody knows.
    """

    shares: Mapping[str, SeenShare]
    snapshots: tuple[SeenSnapshot, ...] = ()
    clones: tuple[SeenClone, ...] = ()
    unread: tuple[str, ...] = ()
    partial: frozenset[str] = frozenset()
    objects: tuple[SeenObject, ...] = ()
    topic: Callable[[plan.Step], str] = _setting
    copies: bool = False
    noted: bool = False
    servers: tuple[SeenPart, ...] = ()
    unplaced: frozenset[str] = frozenset()
