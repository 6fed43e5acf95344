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
from collections.abc import Mapping
import dataclasses
import logging
import re
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import executor
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import shares

LOG = logging.getLogger(__name__)

SnapshotPlace = paths.SnapshotPlace

# Seconds for which the heartbeat of a job stands still, on a host that
# cannot be asked, until it is taken for dead.
DEAD_AFTER = 300.0
# A job that died is given up when it was begun so often, and nothing was
# added to the share for so many seconds.
ATTEMPTS = 20
NO_PROGRESS = 3600.0
# Seconds for which nothing at all can be seen of it.
UNSEEN = 3600.0
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
        """Say if it ended as another attempt would end as well."""
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

    def __init__(self, gpfs: client.GpfsClient, steps: executor.GpfsExecutor,
                 shares: shares.ShareService,
                 clock: Callable[[], float]) -> None:
        self._client = gpfs
        self._cluster = gpfs.cluster
        self._executor = steps
        self._shares = shares
        self._still = StandingStill(clock)

    def create(self, call: Call, source: SnapshotPlace) -> dict[str, Any]:
        """Make a share and begin to fill it.

        :raises InvalidRequest: it is to be served otherwise than by NFS.
        :raises NotFound: there is no such snapshot.
        """
        planning.check_protocol(call.share)
        facts = self._client.snapshot(source)
        start = self._start(call.share, str(source),
                            planning.source_of(source, facts))
        locations = self._shares.make(call, str(source), start)
        self._begin(call.share, start)
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
            known = self._look(share)
            locations = self._cluster.locations(
                self._cluster.settings.path(share.name))
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

    def _finish(self, share: model.Share, known: '_Known') -> None:
        assert known.fileset is not None
        self._executor.run(planning.filled(share, known.fileset,
                                           known.job.state))
        self._still.forget(share.id)
        self._client.known.full(share)

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
        self._begin(share, self._start(share, fileset.source, known.parent,
                                       job.tries + 1))
        return ''

    def _judge_from_afar(self, share: model.Share, job: Job) -> Job:
        """Judge a job on a host that was not asked."""
        still = self._still.seconds(share.id, 'beat', (job.tries, job.beat))
        if still is None:
            return dataclasses.replace(job, state='running')
        cmd = self._client.make.copy_state(share.name)
        for result, in self._client.execute.ask_others([cmd]):
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
        share = call.share
        if known.parent is None:
            raise exception.NotFound(f'{source} is gone')
        self._executor.run(planning.renewal(share, known.fileset, source))
        self._shares.make(call, source)
        self._begin(share, self._start(share, source, known.parent,
                                       known.job.tries + 1))

    def _look(self, share: model.Share) -> '_Known':
        cmd = self._client.make.copy_state(share.name)
        listed, (state,) = self._client.listed(cmd)
        job = Job.of(errors.checked(cmd, state))
        mine = listed.filesets.get(share.name)
        source = job.log if job.state == 'renewing' else (
            mine.source if mine else '')
        parent = listed.filesets.get(SnapshotPlace.parse(source).fileset) \
            if source else None
        for one in mine, parent:
            if one is not None and one.doubt:
                raise exception.BackendError(
                    f'What mmlsfileset says of fileset {one.name} is not '
                    f'understood', answer=one.doubt)
        return _Known(mine, parent if parent and parent.linked else None,
                      listed.quotas, job)

    def _start(self, share: model.Share, source: str,
               parent: records.Fileset, number: int = 1) -> plan.Plan:
        return planning.start_copy(
            share, self._cluster.settings.path(share.name), source, parent,
            self._cluster.filesystem.snapshots, number)

    def _begin(self, share: model.Share, start: plan.Plan) -> None:
        """Begin an attempt; one that has begun is left alone."""
        _, error = exception.caught(lambda: self._executor.run(start))
        if isinstance(error, exception.OutcomeUnknown):
            LOG.warning('Beginning to fill share %s once more, for %s',
                        share.id, error)
            self._executor.run(start)
        elif getattr(error, 'status', None) == errors.UNREADABLE:
            # The next look at it begins it.
            LOG.warning('Share %s is not being filled yet: %s', share.id,
                        error)
        elif error is not None:
            raise error


@dataclasses.dataclass(frozen=True)
class _Known:
    """A share that is being filled, and what from."""

    fileset: records.Fileset | None
    parent: records.Fileset | None
    quotas: Mapping[str, records.FilesetQuota]
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
