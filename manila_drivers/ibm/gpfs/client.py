# SPDX-License-Identifier: Apache-2.0

"""One file system, asked and told: the driver's way to GPFS."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import functools
import logging

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import records
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

# Questions in one round trip; each may have to wait for a busy file system.
BATCH = 50

Commands = Sequence[command.Command]
Results = tuple[command.Result, ...]


class GpfsClient:
    """Asks about filesets and their snapshots, and changes them.

    Each question is one round trip.
    """

    def __init__(self, gpfs: cluster.GpfsCluster,
                 execute: execute.Execute) -> None:
        self.cluster = gpfs
        self.execute = execute
        self.make = execute.commands
        #: Filesets that were seen.
        self.known = known.KnownFilesets()

    # Asking

    def ask(self, *commands: command.Command) -> Results:
        """Run commands that change nothing."""
        results = self.execute.ask(commands)
        if any(result.status and errors.says(errors.RENAMED, result)
               for result in results):
            # The next call finds its new name.
            self.cluster.forget()
        return results

    def share(self, name: str, *, path: str = '', snapshots: bool = False,
              quota: bool = False) -> records.FilesetFacts:
        """Return the fileset of a share, and what else is asked for.

        :param path: what is there is to be told.
        """
        make, device = self.make, self.cluster.device
        commands = [make.fileset(device, name), *(
            [make.kind(path)] if path else []), *(
            [make.snapshots(device, name)] if snapshots else []), *(
            [make.quota(device, name)] if quota else [])]
        results = self.ask(*commands)
        found = self._sought(commands[0], results[0], name)
        last, said = commands[-1], results[-1]
        return records.FilesetFacts(
            found,
            said.stdout.strip() if path and said.status == 0 else '',
            # Snapshots of the whole file system are nobody's business here.
            tuple(one.name for one in records.snapshots(last, said, name)
                  if one.fileset == name) if snapshots and found else (),
            records.quotas(last, said).get(name) if quota and found else None)

    def snapshot(self, place: paths.SnapshotPlace, *,
                 everything: bool = False) -> records.SnapshotFacts:
        """Return what there is of a snapshot.

        :param everything: look at all filesets and not just at one.
        """
        make, device = self.make, self.cluster.device
        commands = [make.filesets(device) if everything
                    else make.fileset(device, place.fileset),
                    make.snapshots(device, place.fileset)]
        results = self.ask(*commands)
        everyone = self._all(commands[0], results[0]) if everything else []
        fileset = self._sought(commands[0], results[0], place.fileset)
        found = records.snapshots(
            commands[1], results[1], place.fileset) if fileset else []
        return records.SnapshotFacts(fileset, next((
            one for one in found if one.name == place.name
            and one.fileset == place.fileset), None), tuple(
                one.name for one in everyone
                if one.source == str(place) or one.unreadable))

    def filesets(self) -> list[records.Fileset]:
        """Return all that are there; they are known from now on."""
        cmd = self.make.filesets(self.cluster.device)
        return self._all(cmd, *self.ask(cmd))

    def all_of(self, cmd: command.Command,
               result: command.Result) -> list[records.Fileset]:
        """Return all filesets of a list; they are known from now on."""
        return self._all(cmd, result)

    def list_with(self, asked: command.Command) -> command.Result:
        """Return the answer to a question; filesets are known from now on."""
        cmd = self.make.filesets(self.cluster.device)
        result, listed = self.ask(asked, cmd)
        self._all(cmd, listed)
        return result

    def listed(self, *more: command.Command) -> tuple[
            records.ListedShares, tuple[command.Result, ...]]:
        """Return all filesets and their quotas, and answers to more."""
        make, device = self.make, self.cluster.device
        filesets, quotas = make.filesets(device), make.quotas(device)
        one, two, *others = self.ask(filesets, quotas, *more)
        return records.ListedShares(
            {each.name: each for each in self._all(filesets, one)},
            records.quotas(quotas, two)), tuple(others)

    def quotas(self) -> dict[str, records.FilesetQuota]:
        """Return what is used and allowed, by the fileset's name."""
        cmd = self.make.quotas(self.cluster.device)
        return records.quotas(cmd, *self.ask(cmd))

    def quota(self, name: str) -> records.FilesetQuota | None:
        cmd = self.make.quota(self.cluster.device, name)
        return records.quotas(cmd, *self.ask(cmd)).get(name)

    def quotas_of(self, names: Sequence[str],
                  ) -> dict[str, records.FilesetQuota]:
        """Ask for quotas one by one: the list of all leaves some out."""
        found: dict[str, records.FilesetQuota] = {}
        for start in range(0, len(names), BATCH):
            commands = [self.make.quota(self.cluster.device, name)
                        for name in names[start:start + BATCH]]
            for cmd, result in zip(commands, self.execute.ask(commands),
                                   strict=True):
                quotas, error = exception.caught(functools.partial(
                    records.quotas, cmd, result))
                if isinstance(error, exception.BackendError):
                    LOG.warning('A quota is not known: %s', error)
                elif error is not None:
                    raise error
                found.update(quotas or {})
        return found

    def each(self, names: Sequence[str],
             ) -> dict[str, records.Fileset | exception.DriverError | None]:
        """Ask for filesets by name; for those not understood, say why."""
        commands = [self.make.fileset(self.cluster.device, name)
                    for name in names]
        found: dict[str, records.Fileset | exception.DriverError | None] = {}
        for name, cmd, result in zip(
                names, commands, self.execute.ask(commands), strict=True):
            try:
                found[name] = self._fileset(cmd, result, name)
            except exception.DriverError as exc:
                found[name] = exc
        return found

    def _sought(self, cmd: command.Command, result: command.Result,
                name: str) -> records.Fileset | None:
        """Return a fileset; where nothing is told of it, from a list of all.
        """
        told, error = exception.caught(
            lambda: self._fileset(cmd, result, name))
        if error is None:
            return told
        if not isinstance(error, records.NothingTold):
            raise error
        LOG.warning('All filesets are listed: %s', error)
        found = next((one for one in self.filesets()
                      if one.name == name), None)
        if found is not None and found.doubt:
            raise error
        return found

    def _fileset(self, cmd: command.Command, result: command.Result,
                 name: str) -> records.Fileset | None:
        found = records.fileset(cmd, result, name)
        return found and self._here(found)

    def _all(self, cmd: command.Command,
             result: command.Result) -> list[records.Fileset]:
        found = [self._here(one) for one in records.all_filesets(
            cmd, result) if not one.deleted]
        if not plan.is_dry():
            self.known.all_are(found)
        return found

    def _here(self, fileset: records.Fileset) -> records.Fileset:
        return dataclasses.replace(
            fileset, path=self.cluster.here(fileset.path))

    # Telling

    def commands(self, steps: Iterable[plan.Step]) -> list[command.Command]:
        """Return the commands that carry out steps, one for each."""
        return [getattr(self.make, step.action.replace(' ', '_'))(
            self.cluster.device, step.target, **step.args) for step in steps]

    def do(self, commands: Commands) -> Results:
        """Run all of them until one fails, in one round trip.

        :raises Stopped: one failed; knows how many were done before it.
        """
        answer = self.execute.do(commands)
        wrong = errors.first(commands, answer.results) or answer.error
        if wrong is not None:
            raise wrong
        return answer.results
