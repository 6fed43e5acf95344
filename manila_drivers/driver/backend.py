# SPDX-License-Identifier: Apache-2.0

"""Parts that every driver's backend has to have.

Every operation can be repeated after any interruption.  Errors are those of
``manila_drivers.exception``.  Locks are taken inside these parts.
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
from typing import Any
from typing import Protocol
from typing import runtime_checkable

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers.driver.call import Call

#: Export locations as Manila stores them, see ``model.export_location``.
Locations = list[dict[str, Any]]


class SharesPart(Protocol):
    """Make, change and remove shares."""

    def create(self, call: Call, /) -> Locations:
        """Make a share that nobody can reach; find what is there already."""

    def delete(self, call: Call, /) -> None:
        """Remove a share; pass over what is gone."""

    def resize(self, call: Call, gib: int, /, *, shrink: bool) -> None:
        """Change the size to so many GiB.

        :raises PossibleDataLoss: more is in use; nothing was changed.
        """

    def usage(self) -> Mapping[str, float]:
        """Return used GiB by share id, or by a share's name."""


class AccessPart(Protocol):
    """Say who may reach a share."""

    def update(self, call: Call, rules: Sequence[access.Rule], /,
               ) -> Mapping[str, str]:
        """Make access exactly what the rules say.

        :returns: why a rule could not be honoured, by its access id.
        """


class SnapshotsPart(Protocol):
    """Take, adopt and remove snapshots, and make shares of them."""

    def create(self, snapshot: model.Snapshot, /) -> dict[str, Any]:
        """Take a snapshot, or find the one that an earlier call took."""

    def delete(self, snapshot: model.Snapshot, /) -> None:
        """Remove a snapshot; pass over one that is gone."""

    def adopt(self, snapshot: model.Snapshot, options: Mapping[str, Any], /,
              ) -> dict[str, Any]:
        """Take over a snapshot of a managed share; return its ``size``."""

    def clone(self, call: Call, snapshot: model.Snapshot, /,
              ) -> dict[str, Any]:
        """Begin a share with a snapshot's content.

        :returns: ``status`` and ``export_locations``.
        """

    def status(self, call: Call, /) -> dict[str, Any]:
        """Return how far a share is that was begun from a snapshot."""


@runtime_checkable
class RestorableSnapshotsPart(SnapshotsPart, Protocol):
    """Snapshots that a share can be brought back to."""

    def restore(self, call: Call, snapshot: model.Snapshot,
                rules: Sequence[access.Rule], /) -> None:
        """Bring a share back to a snapshot, with that one's size."""


class HealthPart(Protocol):
    """Find and mend what is wrong with shares."""

    def ensure(self, calls: Sequence[Call], /,
               ) -> Mapping[str, Mapping[str, Any]]:
        """Return Manila's answer for each share by its id.

        An empty answer, or none, says that a share could not be checked;
        see ``manila_drivers.owed``.  One bad share stops no other.
        """


class AdoptionPart(Protocol):
    """Take existing shares over, and let shares go."""

    def adopt(self, call: Call, options: Mapping[str, Any], /,
              ) -> dict[str, Any]:
        """Return ``size`` in GiB and ``export_locations``.

        :raises NotManageable: it cannot be taken over.
        """

    def release(self, call: Call, /) -> None:
        """Let a share go; its data and its name stay."""


class StatsPart(Protocol):
    """Tell capacities."""

    def read(self) -> dict[str, Any]:
        """Return what statistics say beyond the driver's constants."""


class BackendParts(Protocol):
    """The parts of a driver below the class that Manila sees."""

    @property
    def shares(self) -> SharesPart: ...

    @property
    def access(self) -> AccessPart: ...

    @property
    def snapshots(self) -> SnapshotsPart: ...

    @property
    def health(self) -> HealthPart: ...

    @property
    def adoption(self) -> AdoptionPart: ...

    @property
    def stats(self) -> StatsPart: ...

    def check(self) -> None:
        """Raise an error for what the driver depends on and is not there."""

    def info(self) -> dict[str, str]:
        """Return what export locations depend on; if it changes, Manila
        has all shares checked."""

    def close(self) -> None:
        """Let go of connections."""


class ServersPart(Protocol):
    """Make and remove share servers."""

    def create(self, request: model.ServerRequest,
               made: MutableMapping[str, str], /) -> None:
        """Make a share server.

        :param made: its details.  What :meth:`delete` needs is entered as
            soon as it exists: after a failure Manila keeps what is in here,
            and hands it to :meth:`delete`.
        """

    def delete(self, details: Mapping[str, str],
               services: Sequence[model.SecurityService], /) -> None:
        """Remove a share server with what there is of it.

        :param details: what :meth:`create` had entered, and the id of the
            server as ``server_id``; empty if the service was ended
            meanwhile, and others' if another driver has made it.
        """

    def suits(self, server: model.ShareServer, call: Call, /) -> bool:
        """Say whether a new share may be put on this server."""

    def addresses(self, server: model.ShareServer, identifier: str,
                  options: Mapping[str, Any], /) -> list[str]:
        """Return the addresses of a server that is to be adopted."""

    def adopt(self, server: model.ShareServer, identifier: str,
              options: Mapping[str, Any], /) -> Mapping[str, str]:
        """Take a server over and return its details."""

    def release(self, details: Mapping[str, str], /) -> None:
        """Let a share server go as it is."""


@runtime_checkable
class ServingBackend(Protocol):
    """A backend that has share servers, beside its other parts."""

    @property
    def servers(self) -> ServersPart: ...


@runtime_checkable
class OwingBackend(Protocol):
    """A backend whose NFS servers may have missed something."""

    def pending_changes(self) -> Mapping[str, int]:
        """Return of how many exports each of them has to be told."""


class InventoryPart(Protocol):
    """Tell all of ours that is on a backend, from its lists."""

    def read(self, known: Collection[str], /) -> inventory.Inventory:
        """Return what there is of these shares, and of ours beside them.

        :param known: ids of shares, which are ours wherever they are.
        :raises DriverError: a list could not be read.
        """


@runtime_checkable
class SingleInventoryPart(InventoryPart, Protocol):
    """Tell with less of one share alone."""

    def read_one(self, ident: str, /) -> inventory.Inventory:
        """Return the parts of one share, and who is let in.

        :raises DriverError: as :meth:`read`.
        """


@runtime_checkable
class ServingInventoryPart(InventoryPart, Protocol):
    """Tell also of what share servers serve."""

    def read_served(self, known: Collection[str],
                    serving: inventory.Serving, /) -> inventory.Inventory:
        """Return what :meth:`read` does, with what is in share servers.

        :raises DriverError: as :meth:`read`.
        """


@runtime_checkable
class ListedBackend(Protocol):
    """A backend that can be audited, beside its other parts."""

    @property
    def inventory(self) -> InventoryPart: ...


def take_inventory(driver: str, parts: Any, known: Collection[str],
                   serving: inventory.Serving | None,
                   only: str) -> inventory.Inventory:
    """Return what a backend has; see ``ShareDriver.take_inventory``.

    :param driver: its name, for the error.
    :raises Unsupported: it cannot list that.
    """
    part = parts.inventory if isinstance(parts, ListedBackend) else None
    if part is not None and serving is None:
        return part.read_one(only) if only and isinstance(
            part, SingleInventoryPart) else part.read(known)
    if isinstance(part, ServingInventoryPart) and serving is not None:
        return part.read_served(known, serving)
    raise exception.Unsupported('%s cannot list what its %s' % (
        driver, 'backend has' if part is None else 'share servers have'))
