# SPDX-License-Identifier: Apache-2.0

"""Snapshots of filesets: made, removed, taken over, gone back to."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.access import Rule
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import cloning
from manila_drivers.ibm.gpfs import executor
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import restoring

SnapshotPlace = paths.SnapshotPlace


class SnapshotService:
    """Snapshots of one backend's shares."""

    def __init__(self, gpfs: client.GpfsClient, steps: executor.GpfsExecutor,
                 access: access.AccessService, sizes: known.GivenSizes,
                 clones: cloning.CloneService,
                 restores: restoring.RestoreService) -> None:
        self._client = gpfs
        self._executor = steps
        self._access = access
        self._sizes = sizes
        self._clones = clones
        self._restoring = restores

    def create(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Make a snapshot; one that is there already is that one.

        :raises NotFound: there is no such share.
        """
        place = SnapshotPlace.of(snapshot)
        # One that is refused may be there already.
        facts = records.SnapshotFacts(records.Fileset(place.fileset), None)
        self._executor.run(
            planning.create_snapshot(place, facts), lambda:
            planning.create_snapshot(place, self._client.snapshot(place)),
            guessed=True)
        self._expect(place, there=True)
        return {'provider_location': str(place)}

    def _expect(self, place: SnapshotPlace, *, there: bool) -> None:
        """Have the next statistics see if a snapshot is there."""
        def look() -> str:
            facts = self._client.snapshot(place)
            if there:
                return '' if facts.valid else (
                    f'snapshot {place} was taken, and mmlssnapshot shows '
                    f'no valid one')
            return '' if facts.snapshot is None else unseen.left(
                place.name, f'the deleted snapshot {place} is still there, '
                f'with its data. Check: mmdelsnapshot {place.name} -j '
                f'{place.fileset}')
        self._access.unseen.expect(('snapshot', str(place)), look)

    def delete(self, snapshot: model.Snapshot) -> None:
        """Remove a snapshot; one that is gone is passed over.

        :raises Busy: a share is being filled from it.
        """
        place = SnapshotPlace.of(snapshot)

        def look() -> records.SnapshotFacts:
            return self._client.snapshot(place, everything=True)

        guessed = self._client.known.fed_from(str(place)) == []
        facts = records.SnapshotFacts(
            records.Fileset(place.fileset), records.FilesetSnapshot(
                place.name, place.fileset)) if guessed else look()
        self._executor.run(
            planning.delete_snapshot(place, facts),
            lambda: planning.delete_snapshot(place, look()), guessed=guessed)
        self._expect(place, there=False)

    def adopt(self, snapshot: model.Snapshot,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over a snapshot, which keeps its name.

        Before its share was managed the fileset may have had another name.

        :raises NotManageable: the share has none of that name.
        """
        told = SnapshotPlace.of(snapshot)
        place = dataclasses.replace(told, fileset=paths.fileset_name(
            snapshot.share_name or told.fileset))
        if told != place and self._client.snapshot(told).fileset is not None:
            raise exception.NotManageable(
                f'Snapshot {told} is not one of fileset {place.fileset}')
        facts = self._client.snapshot(place)
        self._executor.run(planning.adopt_snapshot(place, facts))
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
        share, place = call.share, SnapshotPlace.of(snapshot)
        size = snapshot.size or share.size or 1
        with self._access.alone(share.id):
            steps = planning.restore(
                place, self._client.cluster.filesystem.quota_gib(size),
                self._client.snapshot(place))
            self._restoring.require_ended(share)
            self._access.options(call.specs())
            # Whom a server that is down does not turn out would keep others
            # from being let in again.
            closing = self._access.closing(share, everywhere=True)
            plan.show(closing.followed_by(steps)
                      + planning.open_again(share, rules))
            try:
                self._access.run(closing)
                self._restoring.run(share, str(place), steps)
                self._sizes.given(share, size)
            finally:
                # Refused as long as it may be under way.
                self._access.set_rules(share, rules, call.specs)
