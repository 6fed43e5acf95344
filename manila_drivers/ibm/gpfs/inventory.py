# SPDX-License-Identifier: Apache-2.0

"""All of ours that is in GPFS, and what NFS servers export of it.

Filesets, their quotas and snapshots, and files of copies, are listed by one
command each; and every NFS server says all that it exports.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import functools
import re
from typing import Any

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import plan
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import cloning
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import exported
from manila_drivers.ibm.gpfs import records
from manila_drivers.transport import command

FILESET, JUNCTION = 'fileset', 'junction'

_ID = r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
_NAMED = re.compile(rf'(?:.*[^0-9a-f])?({_ID})')
_TOPICS = {'link fileset': inventory.PART, 'limit fileset': inventory.SIZE}


@dataclasses.dataclass(frozen=True)
class GpfsLists:
    """All that GPFS lists; None is what could not be read.

    :param jobs: how far copies are, by the name of the fileset.
    """

    filesets: Sequence[records.Fileset]
    quotas: dict[str, records.FilesetQuota] | None
    snapshots: Sequence[records.FilesetSnapshot] | None
    jobs: dict[str, cloning.Job] | None


class GpfsInventory:
    """Reads what there is of our shares."""

    def __init__(self, gpfs: client.GpfsClient,
                 access: access.AccessService) -> None:
        self._client = gpfs
        self._cluster = gpfs.cluster
        self._access = access

    def read(self, known: Collection[str]) -> inventory.Inventory:
        """Return what GPFS has of these shares, and of ours beside them.

        :raises DriverError: filesets cannot be listed.
        """
        unread: list[str] = []
        lists = self._lists(known, unread)
        base = self._cluster.settings.base
        owners = owned(lists.filesets, known, base)
        servers = self._servers(unread)
        found = exported.Exported(servers, base, {
            *(one.path for one in lists.filesets if one.linked),
            # Where they belong, and may be exported.
            *(f'{base}/{one.name}' for some in owners.values()
              for one in some)}, self._cluster.names(base))
        shares = {ident: self._share(ident, some, lists, found, known)
                  for ident, some in owners.items()}
        partial = {inventory.SNAPSHOTS} if lists.snapshots is None else set()
        doubtful = [one for one in lists.filesets if one.doubt and (
            not one.name or named(one.name) or one.owner)]
        unread += [f'fileset {one.name or "(no name)"}: {one.doubt}'
                   for one in doubtful if named(one.name) not in known]
        if not all(one.name for one in doubtful):
            partial.add(inventory.SHARES)
        return inventory.Inventory(
            shares, tuple(snapshots(lists, owners)),
            tuple(clones(lists, owners)), unread=tuple(unread),
            partial=frozenset(partial), topic=topic,
            objects=tuple(
                one for one in (*found.objects(), *files_left(lists, owners))
                # A share may be there that cannot be seen.
                if one.leads or inventory.SHARES not in partial))

    # Lists

    def _lists(self, known: Collection[str],
               unread: list[str]) -> GpfsLists:
        make, device = self._client.make, self._cluster.device
        asked = [make.quotas(device), make.all_snapshots(device),
                 make.copies()]
        cmd = make.filesets(device)
        listed, *answers = self._client.ask(cmd, *asked)
        filesets = self._client.all_of(cmd, listed)
        quotas, found, jobs = (
            _noted(name, functools.partial(read, *told), unread)
            for (name, read), told in zip(_READERS.items(), zip(
                asked, answers, strict=True), strict=True))
        return GpfsLists(filesets, self._with_missing(
            quotas, filesets, known), found, jobs)

    def _with_missing(self, quotas: dict[str, records.FilesetQuota] | None,
                      filesets: Sequence[records.Fileset],
                      known: Collection[str],
                      ) -> dict[str, records.FilesetQuota] | None:
        """Ask for quotas of our filesets that the list has left out."""
        missing = [one.name for one in filesets
                   if quotas is not None and one.name
                   and one.name not in quotas
                   and (one.owner in known or named(one.name) in known)]
        if quotas is None or not missing:
            return quotas
        return {**quotas, **self._client.quotas_of(missing)}

    def _servers(self, unread: list[str]) -> dict[str, exported.Listed]:
        """Return what servers export, by paths as the operator names them.

        One that does not answer is noted, and says nothing of any share.
        """
        servers = {}
        for server, found in self._access.helper.list_all().items():
            if isinstance(found, exception.DriverError):
                unread.append(f'exports of NFS server {server}: {found}')
            else:
                servers[server] = exported.normal(found, self._cluster.here)
        return servers

    # Shares

    def _share(self, ident: str, some: Sequence[records.Fileset],
               lists: GpfsLists, found: exported.Exported,
               known: Collection[str]) -> inventory.SeenShare:
        fileset = some[0]
        clients, unseen, odd = found.of(fileset.path) \
            if fileset.linked else ((), [], [])
        limit = self._limit(fileset, lists, unseen)
        owed = self._access.unpaid(ident) if ident in known else ()
        if owed is None:
            unseen.append('what is noted of servers that missed something')
        if fileset.doubt:
            unseen.append(f'fileset {fileset.name}: {fileset.doubt}')
        return inventory.SeenShare(
            ident, frozenset((ident, *(one.name for one in some))),
            tuple(self._parts(fileset, clients)),
            () if fileset.linked or fileset.doubt else (JUNCTION,),
            served=fileset.linked or bool(fileset.doubt), limit=limit,
            clients=clients, unseen=tuple(unseen),
            odd=(*_odd(ident, some, self._cluster.settings.base), *odd),
            owed=tuple(f'NFS server {server} was to turn somebody out, and '
                       'that it has done so is not known'
                       for server in owed or ()))

    @staticmethod
    def _parts(fileset: records.Fileset,
               clients: Sequence[inventory.SeenClients]) -> Iterator[str]:
        yield f'{FILESET} {fileset.name}'
        if fileset.linked:
            yield f'{JUNCTION} {fileset.path}'
        for one in clients:
            if one.read_write or one.read_only:
                yield f'export of {one.server}'

    def _limit(self, fileset: records.Fileset, lists: GpfsLists,
               unseen: list[str]) -> int | None:
        """Return the limit in bytes of a share, replicas not counted."""
        quota = (lists.quotas or {}).get(fileset.name)
        if quota is None:
            unseen.append('its quota')
            return None
        return quota.limit * 1024 // self._cluster.filesystem.replicas


def _noted(name: str, read: Callable[[], Any], unread: list[str]) -> Any:
    """Return what an answer says; note why it cannot be read."""
    found, error = exception.caught(read)
    if error is not None:
        if not isinstance(error, exception.BackendError):
            raise error
        unread.append(f'the list of {name}: {error}')
    return found


def _jobs(cmd: command.Command,
          result: command.Result) -> dict[str, cloning.Job]:
    """Return how far copies are, by the name of the fileset."""
    found = {}
    for line in errors.checked(cmd, result).splitlines():
        name, _, state = line.partition(' ')
        found[name] = cloning.Job.of(state)
    return found


_READERS: dict[str, Callable[..., Any]] = {
    'quotas': records.quotas, 'snapshots': records.snapshots,
    'copies': _jobs}


# Whose filesets are.  Pure.

def named(name: str) -> str:
    """Return the id that a name ends with, '' if it has none."""
    match = _NAMED.fullmatch(name)
    return match[1] if match else ''


def owned(filesets: Sequence[records.Fileset], known: Collection[str],
          base: str) -> dict[str, list[records.Fileset]]:
    """Return filesets by share, the one that serves first.

    A share that is not known counts as ours if its fileset has the mark of a
    driver and is linked where this backend links them, or nowhere.
    """
    found: dict[str, list[records.Fileset]] = {}
    for one in filesets:
        if not one.name:
            # Nothing can be said of it, nor asked.
            continue
        ident = one.owner or named(one.name)
        if ident in known or one.owner and (
                not one.linked or one.path.startswith(base + '/')):
            found.setdefault(ident, []).append(one)
    for ident, some in found.items():
        some.sort(key=lambda one: (one.owner != ident, named(one.name)
                                   != ident, not one.linked, one.name))
    return found


def _odd(ident: str, some: Sequence[records.Fileset],
         base: str) -> Iterator[str]:
    """Yield what nobody can tell the right of."""
    fileset = some[0]
    if len(some) > 1:
        yield 'filesets %s are named or marked as its own' % ', '.join(
            one.name for one in some)
    if not fileset.owner:
        yield (f'fileset {fileset.name} has no mark of a driver: somebody '
               'may have made another one in its place')
    if named(fileset.name) != ident:
        yield f'its fileset is called {fileset.name}'
    if fileset.linked and fileset.path != f'{base}/{fileset.name}':
        yield (f'fileset {fileset.name} is linked at {fileset.path} and not '
               f'at {base}/{fileset.name}')


def snapshots(lists: GpfsLists, owners: dict[str, list[records.Fileset]],
              ) -> Iterator[inventory.SeenSnapshot]:
    """Yield snapshots of shares; those of other names have no id."""
    homes = {one.name: ident for ident, some in owners.items()
             for one in some}
    for one in lists.snapshots or ():
        ident, owner = named(one.name), homes.get(one.fileset, '')
        if owner:
            yield inventory.SeenSnapshot(
                ident, owner, f'{one.fileset}:{one.name}',
                'half deleted' if one.half else '', '' if one.valid
                or one.half else 'whether it is valid is not told')


def clones(lists: GpfsLists, owners: dict[str, list[records.Fileset]],
           ) -> Iterator[inventory.SeenClone]:
    """Yield what fills, or has filled, shares; and files of none."""
    jobs = lists.jobs or {}
    for ident, (one, *_) in owners.items():
        if one.owner:
            state = _state(one, jobs.get(one.name))
            yield inventory.SeenClone(
                f'of {one.source}' if one.source else one.name, ident, state,
                100 if state == inventory.DONE else 0)


def _state(fileset: records.Fileset, job: cloning.Job | None) -> str:
    """Return how far a copy is; one that died is begun again when asked."""
    if job is not None and job.state == 'renewing':
        return inventory.RUNNING
    if not fileset.source or job is not None and job.done:
        return inventory.DONE
    if job is not None and job.failed:
        return inventory.FAILED
    return inventory.STOPPED if job is not None and job.state in (
        'died', 'ended') else inventory.RUNNING


def files_left(lists: GpfsLists, owners: dict[str, list[records.Fileset]],
               ) -> Iterator[inventory.SeenObject]:
    """Yield files of copies that fill nothing any more."""
    filled = {one.name: one for some in owners.values() for one in some}
    there = {one.name for one in lists.filesets}
    for name, job in (lists.jobs or {}).items():
        fileset = filled.get(name)
        if job.state != 'renewing' and (
                fileset is None and name not in there
                or fileset is not None and not fileset.source):
            yield inventory.SeenObject(
                f'files of a copy to {name}', f'a copy that is {job.state}, '
                + ('of no share' if fileset is None
                   else 'of a share that is whole'))


def topic(step: plan.Step) -> str:
    """Return what a step of the check of shares is about."""
    return _TOPICS.get(step.action, inventory.SETTING)
