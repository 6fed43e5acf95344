# SPDX-License-Identifier: Apache-2.0

"""Shares made from snapshots: copied in the background, and taken up again.

The copy is a job on a management host.  It outlives this service, and its
state is where the next one finds it: the comment of the new fileset says
what it is being filled from until it is full, and files in a directory of
the driver's own, next to the shares, say where the job runs and how it ended
(:mod:`manila_drivers.ibm.gpfs.copy_scripts`).

A job that certainly died is begun again; what is copied already stays.  One
whose host does not answer counts as alive until its heartbeat has stood
still for :data:`DEAD_AFTER` seconds.  Then the fileset, which nobody has
seen yet, is made anew: should the old job go on it finds nothing to write
to.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import logging
import re
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import copy_scripts
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import shares
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

SnapshotPlace = paths.SnapshotPlace
Results = Sequence[command.Result]

# Seconds for which the heartbeat of a job stands still, on a host that
# cannot be asked, until it is taken for dead.
DEAD_AFTER = 300.0
# A job that died is given up when it was begun so often, and nothing was
# added to the share for so many seconds.
ATTEMPTS = 20
NO_PROGRESS = 3600.0
# Seconds for which nothing at all can be seen of it.
UNSEEN = 3600.0
# Seconds that a job is given to end.
_LAST_WORDS = 30

# Owner, modes, times, ACLs, extended attributes, hard links, symbolic links
# and holes; numbers instead of names; and nothing of other file systems.
# What a job that died left half done is removed.
RSYNC = ('rsync', '-aHAXS', '--numeric-ids', '--one-file-system', '--delete')

# Codes with which rsync ends when somebody ended it, or the connection to
# its other half was lost: worth another attempt.
_ENDED = frozenset({10, 12, 14, 19, 20, 30, 35, *range(128, 256)})


@dataclasses.dataclass(frozen=True)
class Job:
    """How far a copy is.

    :param state: ``none``, ``running``, ``died``, ``ended``, ``elsewhere``
        (on a host that was not asked) or ``renewing`` (its fileset is being
        made anew).
    :param beat: what changes as long as it lives, if it runs elsewhere.
    """

    state: str
    tries: int = 0
    status: int | None = None
    log: str = ''
    host: str = ''
    beat: str = ''

    @classmethod
    def of(cls, text: str) -> 'Job':
        first, _, log = text.partition('\n')
        match = re.fullmatch(
            r'(?P<state>none|running|died|renewing) (?P<tries>\d+)|'
            r'(?P<ended>ended) (?P<after>\d+) (?P<status>\d+)|'
            r'(?P<elsewhere>elsewhere) (?P<at>\d+) (?P<host>\S+)'
            r'(?: (?P<beat>\d+))?', first.strip())
        if match is None:
            raise exception.BackendError('The state of a copy is not known',
                                         answer=text[:200])
        return cls(
            match['state'] or match['ended'] or match['elsewhere'],
            int(match['tries'] or match['after'] or match['at']),
            int(match['status']) if match['status'] else None,
            ' '.join(log.split()), match['host'] or '', match['beat'] or '')

    @property
    def done(self) -> bool:
        return self.state == 'ended' and self.status == 0

    @property
    def failed(self) -> bool:
        """Whether it ended in a way that another attempt ends in as well."""
        return self.state == 'ended' and self.status not in {0, *_ENDED}


class NotSeen(exception.BackendError):
    """How far a copy is was not told, which says nothing about it."""


class StandingStill:
    """For how long values have been the same, as far as was seen.

    Thread-safe.

    :param clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[object, float]] = {}

    def seconds(self, share: str, what: str, value: object) -> float | None:
        """Note a value; None if it is another one than the last time."""
        with self._lock:
            now = self._clock()
            known, since = self._seen.get((share, what), (self, now))
            if known != value:
                self._seen[share, what] = value, now
                return None
            return now - since

    def forget(self, share: str, *what: str) -> None:
        """Forget some values of a share, or all."""
        with self._lock:
            for key in [key for key in self._seen if key[0] == share
                        and (not what or key[1] in what)]:
                del self._seen[key]


class CloneService:
    """Shares that are filled from snapshots."""

    def __init__(self, gpfs: cluster.GpfsCluster,
                 shares: shares.ShareService,
                 clock: Callable[[], float]) -> None:
        self._cluster = gpfs
        self._shares = shares
        self._still = StandingStill(clock)

    def create(self, call: Call, source: SnapshotPlace) -> dict[str, Any]:
        """Make a share and begin to fill it.

        :raises InvalidRequest: it is to be served otherwise than by NFS.
        :raises NotFound: there is no such snapshot.
        """
        shares.check_protocol(call.share)
        facts = self._cluster.ask(self._cluster.snapshot(source))
        if facts.fileset is None or not facts.fileset.linked \
                or facts.snapshot is None or not facts.snapshot.valid:
            raise exception.NotFound(f'There is no valid snapshot {source}')
        locations = self._shares.create(call, str(source))
        self._begin(call.share, source, facts.fileset, 1)
        return {'status': 'creating_from_snapshot',
                'export_locations': locations}

    def status(self, call: Call) -> dict[str, Any]:
        """Say how far it is; take up a copy that died.

        What cannot be seen for a moment is asked for again: Manila takes any
        error for the end of the share.

        :raises NotFound: the fileset is gone.
        :raises DriverError: nothing was to be seen for :data:`UNSEEN` s.
        """
        share = call.share
        found, error = exception.caught(lambda: self._status(call))
        if found is not None:
            self._still.forget(share.id, 'unseen')
            return found
        unseen = isinstance(error, (exception.TransportError, NotSeen)) \
            and self._still.seconds(share.id, 'unseen', True)
        if unseen is False or (unseen or 0.0) >= UNSEEN:
            raise error or AssertionError
        LOG.warning('How far the copy to share %s is cannot be seen: %s',
                    share.id, error)
        return {'status': 'creating_from_snapshot'}

    def _status(self, call: Call) -> dict[str, Any]:
        share = call.share
        try:
            known, locations = self._look(share)
        except exception.BackendError as exc:
            raise NotSeen(exc.what, answer=exc.answer, check=exc.check,
                          status=exc.status) from exc
        fileset, job = known.fileset, known.job
        if job.state == 'renewing':
            self._renew(call, known, job.log)
        elif fileset is None:
            raise planning.lost(share.name)
        elif not fileset.source or job.done:
            self._finish(share, known)
            return {'status': 'available', 'export_locations': locations,
                    'progress': '100%'}
        else:
            hopeless = self._go_on(call, known)
            if hopeless:
                LOG.error('Share %s cannot be filled from %s: %s. %s',
                          share.id, fileset.source, hopeless, job.log)
                return {'status': 'error', 'export_locations': locations}
        return {'status': 'creating_from_snapshot',
                'export_locations': locations,
                'progress': f'{known.percentage}%'}

    def _look(self, share: model.Share,
              ) -> tuple['_Known', list[dict[str, Any]]]:
        gpfs, make = self._cluster, self._cluster.commands
        known = self._facts(share, [
            make.filesets(gpfs.device), make.quotas(gpfs.device),
            self._script(copy_scripts.STATE, share)])
        return known, gpfs.locations(gpfs.settings.path(share.name))

    def _finish(self, share: model.Share, known: '_Known') -> None:
        """In this order: behind the comment no command that comes late can
        begin anything, and without the job's files nothing holds it back."""
        assert known.fileset is not None
        commands = []
        if known.fileset.source:
            commands.append(self._cluster.commands.comment(
                self._cluster.device, share.name, records.mark(share.id)))
        if known.job.state != 'none':
            commands.append(self.stop(share))
        if commands:
            self._cluster.do(commands)
        self._still.forget(share.id)
        self._cluster.known.full(share)

    def _go_on(self, call: Call, known: '_Known') -> str:
        """Take up a copy that died; why there is no point in it, or ''."""
        share, fileset, job = call.share, known.fileset, known.job
        assert fileset is not None
        if job.state == 'elsewhere':
            job = self._judge_from_afar(share, job)
        if job.state == 'running':
            return ''
        if job.failed:
            return f'the copy ended with exit code {job.status}'
        idle = self._still.seconds(share.id, 'usage', known.usage)
        if job.tries >= ATTEMPTS and (idle or 0.0) >= NO_PROGRESS:
            return (f'the copy was begun {job.tries} times, and nothing was '
                    f'added for {idle:.0f} s')
        if known.parent is None:
            return f'{fileset.source} is gone'
        if job.state == 'elsewhere':
            LOG.warning(
                'The copy of %s to share %s has given no sign for %d s, and '
                'its host %s cannot be asked: fileset %s is made anew, and '
                'filled from the beginning', fileset.source, share.id,
                DEAD_AFTER, job.host, share.name)
            self._renew(call, known, fileset.source)
            return ''
        if job.done:
            # Seen by a host that was asked behind the first one.
            return ''
        LOG.warning('The copy of %s to share %s is taken up again',
                    fileset.source, share.id)
        self._begin(share, SnapshotPlace.parse(fileset.source), known.parent,
                    job.tries + 1)
        return ''

    def _judge_from_afar(self, share: model.Share, job: Job) -> Job:
        """What a job on a host that was not asked counts as."""
        still = self._still.seconds(share.id, 'beat', (job.tries, job.beat))
        if still is None:
            return dataclasses.replace(job, state='running')
        cmd = self._script(copy_scripts.STATE, share)
        for result, in self._cluster.execute.ask_others([cmd]):
            if result.status:
                continue
            other = Job.of(result.stdout)
            if other.tries == job.tries and other.state in (
                    'running', 'died', 'ended'):
                return other
        return job if still >= DEAD_AFTER else dataclasses.replace(
            job, state='running')

    def _renew(self, call: Call, known: '_Known', source: str) -> None:
        """Make the fileset anew and fill it from the beginning.

        Whatever still runs has the old one in its hands, which is gone.
        """
        gpfs, make = self._cluster, self._cluster.commands
        share, fileset, device = call.share, known.fileset, gpfs.device
        if known.parent is None:
            raise exception.NotFound(f'{source} is gone')
        if fileset is not None:
            if fileset.owner != share.id or fileset.source != source:
                raise exception.Conflict(
                    f'Fileset {share.name} is not being filled from '
                    f'{source}', check=f'its comment, {fileset.comment!r}')
            gpfs.do([
                self._script(copy_scripts.RENEW, share, source),
                *([make.unlink(device, share.name)] if fileset.linked
                  else []), make.delete(device, share.name)])
        self._shares.create(call, source)
        self._begin(share, SnapshotPlace.parse(source), known.parent,
                    known.job.tries + 1)

    def _facts(self, share: model.Share,
               commands: Sequence[command.Command]) -> '_Known':
        def understand(results: Results) -> _Known:
            filesets = {one.name: one for one in self._cluster.filesets(
                commands[0], results[0]) if not one.deleted}
            wrong = records.failure(commands[2], results[2])
            if wrong is not None:
                raise wrong
            job = Job.of(results[2].stdout)
            mine = filesets.get(share.name)
            source = job.log if job.state == 'renewing' else (
                mine.source if mine else '')
            parent = filesets.get(SnapshotPlace.parse(source).fileset) \
                if source else None
            return _Known(
                mine, parent if parent and parent.linked else None,
                records.quotas(commands[1], results[1]), job)

        return self._cluster.ask(cluster.Question(commands, understand))

    def stop(self, share: model.Share) -> command.Command:
        """Ends the copy, if there is one, and removes its files."""
        return self._script(copy_scripts.STOP, share, max(1, int(min(
            _LAST_WORDS, self._cluster.settings.timeout / 3))))

    def _begin(self, share: model.Share, source: SnapshotPlace,
               parent: records.Fileset, number: int) -> None:
        """Begin an attempt; one that has begun is left alone."""
        gpfs = self._cluster
        directory = gpfs.settings.directory
        start = [self._script(
            copy_scripts.START, share, number,
            f'{parent.path}/{gpfs.filesystem.snapshots}/{source.name}',
            gpfs.settings.path(share.name),
            # By its path: the script is root's, and not the filters'.
            directory and directory + '/', gpfs.device, share.id, *RSYNC)]
        _, error = exception.caught(lambda: gpfs.do(start))
        if isinstance(error, exception.OutcomeUnknown):
            LOG.warning('Beginning to fill share %s once more, for %s',
                        share.id, error)
            gpfs.do(start)
        elif getattr(error, 'status', None) == copy_scripts.UNREADABLE:
            # The next look at it begins it.
            LOG.warning('Share %s is not being filled yet: %s', share.id,
                        error)
        elif error is not None:
            raise error

    def _script(self, name: str, share: model.Share,
                *words: object) -> command.Command:
        return self._cluster.commands.script(
            copy_scripts.SCRIPTS[name], name,
            self._cluster.settings.state_directory, share.name, *words)


@dataclasses.dataclass(frozen=True)
class _Known:
    """A share that is being filled, and what from."""

    fileset: records.Fileset | None
    parent: records.Fileset | None
    quotas: dict[str, records.FilesetQuota]
    job: Job

    @property
    def usage(self) -> int | None:
        """KiB that are there already; None if GPFS does not say."""
        quota = self.quotas.get(self.fileset.name) if self.fileset else None
        return quota.usage if quota else None

    @property
    def percentage(self) -> int:
        """How much is there already; only the end is the whole of it."""
        whole = self.quotas.get(self.parent.name) if self.parent else None
        if not whole or not whole.usage:
            return 0
        return min(99, 100 * (self.usage or 0) // whole.usage)
