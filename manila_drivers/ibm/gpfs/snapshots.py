# SPDX-License-Identifier: Apache-2.0

"""Snapshots of filesets: made, removed, taken over, gone back to."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import exporting
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import restoring
from manila_drivers.ibm.gpfs import settings as settings_module
from manila_drivers.ibm.gpfs import shares as shares_module
from manila_drivers.ibm.gpfs import site as site_module
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Commands = Sequence[command.Command]
Results = Sequence[command.Result]


@dataclasses.dataclass(frozen=True)
class Place:
    """Which snapshot of which fileset."""

    fileset: str
    name: str

    @classmethod
    def of(cls, snapshot: model.Snapshot, share_name: str) -> 'Place':
        """Where a snapshot is; upstream's driver recorded nothing.

        :param share_name: of the share it is a snapshot of.
        :raises InvalidRequest: GPFS could not have made it.
        """
        fileset, colon, name = snapshot.provider_location.rpartition(':')
        return cls(settings_module.fileset_name(fileset if colon
                                                else share_name),
                   settings_module.snapshot_name(name or snapshot.name))

    @classmethod
    def parse(cls, text: str) -> 'Place':
        fileset, _, name = text.partition(':')
        return cls(settings_module.fileset_name(fileset),
                   settings_module.snapshot_name(name))

    def __str__(self) -> str:
        return f'{self.fileset}:{self.name}'


@dataclasses.dataclass(frozen=True)
class Facts:
    """The fileset, and the one snapshot that was asked for.

    :param fed: filesets that are being filled from it, if that was asked.
    """

    fileset: records.Fileset | None
    snapshot: records.Snapshot | None
    fed: tuple[str, ...] = ()


class Snapshots:
    """Snapshots of one backend's shares."""

    def __init__(self, site: site_module.Site,
                 exports: exporting.Exporting,
                 restores: restoring.Restoring) -> None:
        self._site = site
        self._exports = exports
        self._restoring = restores

    def question(self, place: Place, *, everything: bool = False,
                 ) -> site_module.Question[Facts]:
        """:param everything: look at all filesets and not just at one."""
        make, device = self._site.commands, self._site.device
        commands = [make.filesets(device) if everything
                    else make.fileset(device, place.fileset),
                    make.snapshots(device, place.fileset)]

        def understand(results: Results) -> Facts:
            # All of a list are known from then on.
            everyone = self._site.filesets(commands[0], results[0]) \
                if everything else []
            fileset = self._site.fileset(commands[0], results[0],
                                         place.fileset)
            found = records.snapshots(
                commands[1], results[1], place.fileset) if fileset else []
            fed = [one.name for one in everyone
                   if one.source == str(place)]
            return Facts(fileset, next((
                one for one in found if one.name == place.name
                and one.fileset == place.fileset), None), tuple(fed))

        return site_module.Question(commands, understand)

    def create(self, place: Place) -> dict[str, Any]:
        """Make a snapshot; one that is there already is that one.

        :raises NotFound: there is no such share.
        """
        make, device = self._site.commands, self._site.device

        def plan(facts: Facts) -> Commands:
            if facts.fileset is None:
                raise shares_module.lost(place.fileset)
            if not facts.fileset.independent:
                raise exception.Unsupported(
                    f'Fileset {place.fileset} is a dependent one, which '
                    f'cannot have snapshots', check='gpfs_fileset_type')
            if facts.snapshot is not None and facts.snapshot.valid:
                return []
            leftover = facts.snapshot is not None
            if facts.snapshot is not None and not facts.snapshot.half:
                raise exception.BackendError(
                    f'Snapshot {place} is there, and whether it is valid is '
                    f'not told', check='its status in mmlssnapshot')
            return [*([make.delete_snapshot(device, *_words(place))]
                      if leftover else []),
                    make.snapshot(device, *_words(place))]

        # One that is refused may be there already.
        self._site.converge(self.question(place), plan, likely=Facts(
            records.Fileset(place.fileset), None))
        return {'provider_location': str(place)}

    def delete(self, place: Place) -> None:
        """Remove a snapshot; one that is gone is passed over.

        :raises Busy: a share is being filled from it.
        """
        make, device = self._site.commands, self._site.device

        def plan(facts: Facts) -> Commands:
            if facts.snapshot is not None and facts.fed:
                raise exception.Busy(
                    f'Snapshot {place} is being copied to '
                    f'{", ".join(facts.fed)}')
            return [make.delete_snapshot(device, *_words(place))] \
                if facts.snapshot is not None else []

        likely = None
        if self._site.known.fed_from(str(place)) == []:
            likely = Facts(records.Fileset(place.fileset),
                           records.Snapshot(place.name, place.fileset))
        self._site.converge(self.question(place, everything=True), plan,
                            likely=likely)

    def manage(self, told: Place, share_name: str) -> dict[str, Any]:
        """Take over a snapshot, which keeps its name.

        :param told: where it is; before its share was managed the fileset
            may have had another name.
        :raises NotManageable: the share has none of that name.
        """
        place = dataclasses.replace(
            told, fileset=settings_module.fileset_name(share_name))
        if told != place and self._site.ask(
                self.question(told)).fileset is not None:
            raise exception.NotManageable(
                f'Snapshot {told} is not one of fileset {place.fileset}')
        facts = self._site.ask(self.question(place))
        if facts.fileset is None:
            raise exception.NotManageable(
                f'There is no fileset {place.fileset}')
        if facts.snapshot is None or not facts.snapshot.valid:
            raise exception.NotManageable(
                f'Fileset {place.fileset} has no valid snapshot '
                f'{place.name}', check='provider_location: the name that '
                'mmlssnapshot shows')
        return {'provider_location': str(place)}

    def revert(self, share: model.Share, place: Place, size: int,
               rules: Iterable[access.Rule], specs: model.Specs) -> None:
        """Bring a share back to what it was; nobody can reach it meanwhile.

        :param size: GiB that Manila will say it has.
        :param rules: whom to let in again, also after a failure, but never
            before it has ended.
        """
        site = self._site
        path = site.settings.path(share.name)
        facts = site.ask(self.question(place))
        self._check_revertible(place, facts)
        self._restoring.require_ended(share)
        self._exports.options(specs)
        # Whom a server that is down does not turn out would keep others from
        # being let in again.
        self._exports.require_answers(path)
        try:
            self._exports.withdraw(share, path)
            with site.sizes.resized(share, size):
                self._restore(share, place, size)
        finally:
            # Refused as long as it may be under way.
            self._exports.update(share, path, rules, specs)

    def _restore(self, share: model.Share, place: Place, size: int) -> None:
        make, device = self._site.commands, self._site.device
        self._restoring.restore(share, str(place), [
            make.restore(device, *_words(place)),
            make.limit(device, place.fileset,
                       self._site.filesystem.quota_gib(size))])

    @staticmethod
    def _check_revertible(place: Place, facts: Facts) -> None:
        if facts.fileset is None or facts.snapshot is None \
                or not facts.snapshot.valid:
            raise exception.NotFound(f'There is no valid snapshot {place}')
        if not facts.fileset.restorable:
            raise exception.Unsupported(
                f'Fileset {place.fileset} must not be restored',
                check='its attribute preventSnapshotRestore')
        if not facts.fileset.linked:
            raise exception.Busy(f'Fileset {place.fileset} is not linked')


def _words(place: Place) -> tuple[str, str]:
    return place.fileset, place.name
