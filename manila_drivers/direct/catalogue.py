# SPDX-License-Identifier: Apache-2.0

"""All shares and all snapshots of a backend that are recorded."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import Literal
from typing import overload
from typing import TYPE_CHECKING
import uuid

from manila_drivers import exception
from manila_drivers.direct import access_rules
from manila_drivers.direct import ensuring
from manila_drivers.direct import making
from manila_drivers.direct import preview
from manila_drivers.direct import share
from manila_drivers.direct import snapshot
from manila_drivers.direct import tasks

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

# Inside of the classes, list is what they have of that name.
Shares = list[share.Share]
Snapshots = list[snapshot.Snapshot]
Results = list[ensuring.EnsuredShare]


class ShareCatalogue:
    """The shares of a backend: ``backend.shares``."""

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def list(self) -> Shares:
        """Return all shares that are recorded, the oldest first.

        Nothing is asked of the backend.
        """
        return [share.Share(self._parts, record) for record in
                self._parts.registry.shares.all(backend=self._parts.name)]

    def __iter__(self) -> Iterator[share.Share]:
        return iter(self.list())

    def get(self, name: str) -> share.Share:
        """Return a share by its name or its id.

        :raises NotFound: none is recorded.
        """
        return share.Share(self._parts, _one(
            self._parts.registry.shares, self._parts.name, name, 'share'))

    @overload
    def create(self, size: int, proto: str | None = None,
               name: str | None = None, *,
               specs: Mapping[str, str] | None = None,
               plan: Literal[False] = False) -> share.Share: ...

    @overload
    def create(self, size: int, proto: str | None = None,
               name: str | None = None, *,
               specs: Mapping[str, str] | None = None,
               plan: Literal[True]) -> preview.Preview: ...

    def create(self, size: int, proto: str | None = None,
               name: str | None = None, *,
               specs: Mapping[str, str] | None = None, plan: bool = False,
               ) -> share.Share | preview.Preview:
        """Make a share that nobody can reach yet, or find it.

        :param size: GiB.
        :param proto: such as NFS; by default what the driver has.
        :param name: unique in the backend.  With one, a call that was cut
            off can be repeated; by default one is made up.
        :param specs: extra specs, such as those of a share type; by default
            those of the section (``share_type_extra_specs``).
        :raises Conflict: there is another share of that name.
        """
        if size < 1:
            raise exception.InvalidRequest(f'{size} GiB is no size')
        ident = str(uuid.uuid4())
        wanted = making.new(
            id=ident, backend=self._parts.name, size=size,
            name=tasks.checked_name(name) or making.made_up(ident),
            proto=self._proto(proto), task={'name': making.CREATE},
            specs=None if specs is None else dict(specs))
        return self._made(wanted, plan)

    @overload
    def adopt(self, export: str, name: str | None = None,
              proto: str | None = None, *,
              options: Mapping[str, Any] | None = None,
              plan: Literal[False] = False) -> share.Share: ...

    @overload
    def adopt(self, export: str, name: str | None = None,
              proto: str | None = None, *,
              options: Mapping[str, Any] | None = None,
              plan: Literal[True]) -> preview.Preview: ...

    def adopt(self, export: str, name: str | None = None,
              proto: str | None = None, *,
              options: Mapping[str, Any] | None = None, plan: bool = False,
              ) -> share.Share | preview.Preview:
        """Take over what is exported already, with its data.

        Who has access keeps it until the first rule is given or taken.

        :param export: what clients mount, ``ADDRESS:/PATH``.
        :param options: of the driver, such as ``size``.
        :raises NotManageable: it cannot be taken over.
        """
        ident = str(uuid.uuid4())
        wanted = making.new(
            id=ident, backend=self._parts.name, size=None,
            name=tasks.checked_name(name) or making.made_up(ident),
            proto=self._proto(proto), locations=({'path': export},),
            task={'name': making.ADOPT, 'export': export,
                  'options': dict(options or {})})
        return self._made(wanted, plan)

    @overload
    def ensure(self, names: Iterable[str] | None = None, *,
               widen: bool = False,
               plan: Literal[False] = False) -> Results: ...

    @overload
    def ensure(self, names: Iterable[str] | None = None, *,
               widen: bool = False,
               plan: Literal[True]) -> preview.Preview: ...

    def ensure(self, names: Iterable[str] | None = None, *,
               widen: bool = False, plan: bool = False,
               ) -> Results | preview.Preview:
        """Check shares against their records, and repair what differs.

        As Manila does when its service starts: access, size, export
        locations.  A lost share is told, and never made again.

        :param names: of shares, or their ids; by default all.
        :param widen: rules are given also to whom the backend does not let
            in now; else such a share is told as ``narrower``.
        """
        found = self._parts.registry.shares
        wanted = (found.all(backend=self._parts.name) if names is None else
                  [_one(found, self._parts.name, name, 'share')
                   for name in dict.fromkeys(names)])
        part = ensuring.Ensuring(
            self._parts, self._parts.giving(widen=widen))
        return part.preview(wanted) if plan else part.ensure(wanted)

    def _made(self, wanted: Any, plan: bool) -> share.Share | preview.Preview:
        part = making.Making(self._parts)
        if plan:
            return part.preview(wanted)
        return share.Share(self._parts, part.make(wanted))

    def _proto(self, proto: str | None) -> str:
        if proto:
            return proto.upper()
        return usual(str(self._parts.driving.driver.STORAGE_PROTOCOL or ''))


class SnapshotCatalogue:
    """The snapshots of a backend: ``backend.snapshots``."""

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def list(self) -> Snapshots:
        """Return all snapshots that are recorded, the oldest first."""
        return [snapshot.Snapshot(self._parts, record) for record in
                self._parts.registry.snapshots.all(backend=self._parts.name)]

    def __iter__(self) -> Iterator[snapshot.Snapshot]:
        return iter(self.list())

    def get(self, name: str) -> snapshot.Snapshot:
        """Return a snapshot by its name or its id.

        :raises NotFound: none is recorded.
        """
        return snapshot.Snapshot(self._parts, _one(
            self._parts.registry.snapshots, self._parts.name, name,
            'snapshot'))


def usual(told: str) -> str:
    """Return the protocol of a share if none is asked for.

    :param told: by a driver; of several, as in NFS_CIFS, it is the first.
    """
    words = told.upper().split('_')
    return next((word for word in words if word in access_rules.KINDS),
                told.upper() or 'NFS')


def _one(stored: Any, backend: str, wanted: str, kind: str) -> Any:
    """Return the record that a name or an id means.

    :raises Conflict: one has this name, and another one this id.
    """
    found = {one.id: one for field in ('name', 'id')
             for one in stored.all(backend=backend, **{field: wanted})}
    if len(found) > 1:
        raise exception.Conflict(
            f'{wanted} is the name of one {kind}, and the id of another',
            backend=backend, check=f'the other one of the {kind} that is '
            'meant: its id, or its name')
    if found:
        return found.popitem()[1]
    raise exception.NotFound(
        f'No {kind} {wanted} is recorded', backend=backend,
        check=f'the {kind}s that are listed for this backend, and that it is '
              'the right registry')
