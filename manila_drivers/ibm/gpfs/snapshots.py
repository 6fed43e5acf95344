# SPDX-License-Identifier: Apache-2.0

"""Snapshots of filesets: made, removed, taken over, gone back to."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.access import Rule
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import cloning
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import restoring

SnapshotPlace = paths.SnapshotPlace


class SnapshotService:
    """Snapshots of one backend's shares."""

    def __init__(self, gpfs: cluster.GpfsCluster,
                 access: access.AccessService,
                 clones: cloning.CloneService,
                 restores: restoring.RestoreService) -> None:
        self._cluster = gpfs
        self._access = access
        self._clones = clones
        self._restoring = restores

    def create(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Make a snapshot; one that is there already is that one.

        :raises NotFound: there is no such share.
        """
        gpfs, place = self._cluster, SnapshotPlace.of(snapshot)
        # One that is refused may be there already.
        gpfs.converge(
            gpfs.snapshot(place), functools.partial(
                planning.create_snapshot, gpfs.commands, gpfs.device, place),
            likely=records.SnapshotFacts(
                records.Fileset(place.fileset), None))
        return {'provider_location': str(place)}

    def delete(self, snapshot: model.Snapshot) -> None:
        """Remove a snapshot; one that is gone is passed over.

        :raises Busy: a share is being filled from it.
        """
        gpfs, place = self._cluster, SnapshotPlace.of(snapshot)
        question = gpfs.snapshot(place, everything=True)
        likely = records.SnapshotFacts(
            records.Fileset(place.fileset),
            records.FilesetSnapshot(place.name, place.fileset)) \
            if gpfs.known.fed_from(str(place)) == [] else None
        gpfs.converge(question, functools.partial(
            planning.delete_snapshot, gpfs.commands, gpfs.device, place),
            likely=likely)

    def adopt(self, snapshot: model.Snapshot,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over a snapshot, which keeps its name.

        Before its share was managed the fileset may have had another name.

        :raises NotManageable: the share has none of that name.
        """
        gpfs, told = self._cluster, SnapshotPlace.of(snapshot)
        place = dataclasses.replace(told, fileset=paths.fileset_name(
            snapshot.share_name or told.fileset))
        if told != place and gpfs.ask(
                gpfs.snapshot(told)).fileset is not None:
            raise exception.NotManageable(
                f'Snapshot {told} is not one of fileset {place.fileset}')
        facts = gpfs.ask(gpfs.snapshot(place))
        if facts.fileset is None:
            raise exception.NotManageable(
                f'There is no fileset {place.fileset}')
        if facts.snapshot is None or not facts.snapshot.valid:
            raise exception.NotManageable(
                f'Fileset {place.fileset} has no valid snapshot '
                f'{place.name}', check='provider_location: the name that '
                'mmlssnapshot shows')
        return {'provider_location': str(place),
                'size': snapshot.share and snapshot.share.size or 1}

    def clone(self, call: Call, snapshot: model.Snapshot) -> dict[str, Any]:
        """Make a share and begin to fill it from a snapshot."""
        return self._clones.create(call, SnapshotPlace.of(snapshot))

    def status(self, call: Call) -> dict[str, Any]:
        """Say how far a share is that is filled from a snapshot."""
        with self._access.alone(call.share.id):
            return self._clones.status(call)

    def restore(self, call: Call, snapshot: model.Snapshot,
                rules: Sequence[Rule]) -> None:
        """Bring a share back to what it was; nobody can reach it meanwhile.

        :param rules: whom to let in again, also after a failure, but never
            before it has ended.
        """
        with self._access.alone(call.share.id):
            self._restore(call, SnapshotPlace.of(snapshot),
                          snapshot.size or call.share.size or 1, rules)

    def _restore(self, call: Call, place: SnapshotPlace, size: int,
                 rules: Sequence[Rule]) -> None:
        gpfs, share = self._cluster, call.share
        facts = gpfs.ask(gpfs.snapshot(place))
        commands = planning.restore_snapshot(
            gpfs.commands, gpfs.device, place,
            gpfs.filesystem.quota_gib(size), facts)
        self._restoring.require_ended(share)
        self._access.options(call.specs())
        # Whom a server that is down does not turn out would keep others from
        # being let in again.
        self._access.require_answers(gpfs.settings.path(share.name))
        try:
            self._access.withdraw(share)
            self._restoring.restore(share, str(place), commands)
            gpfs.sizes.given(share, size)
        finally:
            # Refused as long as it may be under way.
            self._access.set_rules(share, rules, call.specs)
