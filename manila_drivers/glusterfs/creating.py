# SPDX-License-Identifier: Apache-2.0

"""Making a share of a volume of the pool."""

from collections.abc import Mapping
import contextlib
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.glusterfs import clusters as clusters_module
from manila_drivers.glusterfs import commandline
from manila_drivers.glusterfs import diary
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import pool as pool_module
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import site as site_module
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

Located = clusters_module.Located

# Seconds for which another volume is tried when a service on another host has
# claimed the same one at the same time: others wait for the pool meanwhile.
_CLAIMING = 30.0

# Seconds for which another volume is begun with when one cannot be made a
# share.
_SECONDS = 120.0


class _UnsuitableError(Exception):
    """A free volume that cannot be made a share; others may do."""

    def __init__(self, located: Located,
                 reason: exception.DriverError) -> None:
        super().__init__(str(reason))
        self.located = located
        self.reason = reason


class Creator:
    """Claims volumes and prepares them.  See ``planning.rival``."""

    def __init__(self, site: site_module.Site) -> None:
        self._site = site
        self._pool = site.settings.pool

    def create(self, share: model.Share) -> list[dict[str, Any]]:
        """Make a share that nobody can reach yet.

        A repeated call finds the volume that an earlier one has claimed.  A
        volume that cannot be started, that lacks a brick or that something
        is in is given back, and another one is tried.

        :returns: its export locations.
        :raises NoRoom: no volume is free, large enough and usable.
        """
        self._site.check_proto(share)
        bad: dict[str, str] = {}
        started = self._site.clock()
        with self._site.locked(share.id):
            while True:
                made, wrong = self._tried(share, bad)
                if made is not None:
                    self._site.suspects.clear(made.qualified)
                    self._site.sizes.note(share.id, share.size)
                    return self._site.locations(made)
                assert wrong is not None
                self._note(share, wrong, bad)
                if self._site.clock() - started > _SECONDS:
                    raise wrong.reason

    def _tried(self, share: model.Share, bad: Mapping[str, str],
               ) -> tuple[Located | None, _UnsuitableError | None]:
        try:
            return self._attempt(share, bad), None
        except _UnsuitableError as exc:
            return None, exc

    def _note(self, share: model.Share, error: _UnsuitableError,
              bad: dict[str, str]) -> None:
        name = error.located.qualified
        bad[name] = ' '.join(filter(None, (error.reason.what,
                                           error.reason.answer)))
        self._site.suspects.add(name, bad[name])
        LOG.error('Volume %s could not be made share %s, and needs to be '
                  'looked at; another one is tried: %s', name, share.id,
                  error)

    def _attempt(self, share: model.Share,
                 bad: Mapping[str, str]) -> Located:
        """Make a share of one volume.

        :raises _UnsuitableError: it does not do, and was given back.
        """
        record = self._site.diary.read(share.id)
        with self._site.locked_pool():
            before, now = self._acquire(share, record, bad)
        # What was a share before may have somebody's data in it.
        fresh = before.free or record.fresh

        def make() -> None:
            self._activate(share, before, now, record)
            if fresh:
                self._check_empty(now)
                self._hide(now)
            self._site.diary.complete(share.id, now.qualified,
                                      now.volume.id)
        _, error = exception.caught(make)
        if error is None:
            return now
        if fresh and self._give_back(share, now) and _another(error):
            raise _UnsuitableError(now, error)
        raise error

    def _activate(self, share: model.Share, before: records.Volume,
                  now: Located, record: diary.Record) -> None:
        """Have the bricks run with TLS."""
        restart = before.started and now.volume.started and not (
            before.encrypted and (planning.tls_runs(before) or (
                record.tls and record.volume == now.qualified)))
        self._site.run(now.cluster, planning.activation(
            now.volume, restart=restart, gib=self._site.limit(share)))

    def _check_empty(self, now: Located) -> None:
        """See that a volume is complete, and that nothing is in it.

        It was, when it was given back; but who has had it since, such as
        another driver on the same pool, leaves no trace in its options.

        :raises Busy: a brick is offline.
        :raises Conflict: something is in it.
        """
        left = self._site.performer(now.cluster).empty(now.volume)
        if left:
            raise exception.Conflict(
                'Volume %s is in the pool, and not empty: %s is in it'
                % (now.qualified, left), check='whose it is; once it has '
                'been emptied it can become a share')

    @staticmethod
    def _hide(now: Located) -> None:
        """End what :meth:`_check_empty` needed."""
        options = now.volume.hidden()
        if options:
            now.cluster.gluster.set(now.volume.name, options)

    # -- choosing and claiming -------------------------------------------

    def _acquire(self, share: model.Share, record: diary.Record,
                 bad: Mapping[str, str]) -> tuple[records.Volume, Located]:
        """A volume before and after it was claimed and closed."""
        attempts = retry.Attempts(
            retry.Policy(first=1.0, longest=1.0, total=_CLAIMING),
            self._site.clock, self._site.sleep)
        while True:
            volumes = self._site.clusters.volumes(
                # What was begun on a cluster is not begun anew on another.
                all_of_them=bool(record.volume))
            chosen = clusters_module.owned(share.id, volumes)
            if chosen is None:
                chosen = self._choose(share, volumes, bad)
            elif not record.pending and record.volume == chosen.qualified:
                return chosen.volume, chosen
            claimed = self._claimed(share, chosen, record)
            if claimed is not None:
                return chosen.volume, claimed
            if not attempts.again():
                raise exception.Busy(
                    'No volume could be claimed for share %s: others were '
                    'always faster' % share.id,
                    check='how many services share the pool')

    def _choose(self, share: model.Share, volumes: list[Located],
                bad: Mapping[str, str]) -> Located:
        mine = [each for each in volumes if self._pool.has(
            each.cluster.address.host, each.volume.name)]
        free = [each for each in mine if each.volume.free]
        usable = [each for each in free if each.qualified not in bad
                  and not self._pool.unfit(each.volume)]
        trusted = [each for each in usable
                   if not self._site.suspects.reason(each.qualified)]
        chosen = self._best(share, trusted) or self._best(share, usable)
        if chosen is None:
            reasons = ['%s: %s' % (each.qualified, bad.get(
                each.qualified) or self._pool.unfit(each.volume))
                for each in free if each not in usable]
            sizes = [size for each in usable
                     if (size := self._site.gib(each))]
            raise exception.NoRoom(
                'No free volume is large enough for share %s of %s GiB: of '
                '%d volumes in the pool %d are free and %d usable%s' % (
                    share.id, share.size, len(mine), len(free), len(usable),
                    ', the largest of %d GiB' % max(sizes) if sizes else ''),
                answer='; '.join(reasons),
                check='the volumes of the pool; make more of them, or put '
                      'right those that are named')
        return chosen

    def _best(self, share: model.Share,
              candidates: list[Located]) -> Located | None:
        return pool_module.best(
            ((each, each.cluster.address.host, each.volume.name,
              self._site.gib(each)) for each in candidates),
            share.size, share.id)

    def _claimed(self, share: model.Share, chosen: Located,
                 record: diary.Record) -> Located | None:
        """See :meth:`_claim`.

        :raises _UnsuitableError: it could not be, and was given back.
        """
        claimed, error = exception.caught(
            lambda: self._claim(share, chosen, record))
        if error is None:
            return claimed
        if chosen.volume.free and _another(error) \
                and self._give_back(share, chosen):
            raise _UnsuitableError(chosen, error)
        raise error

    def _claim(self, share: model.Share, chosen: Located,
               record: diary.Record) -> Located | None:
        """Claim and close a volume; None if another service has it."""
        volume, cluster = chosen.volume, chosen.cluster
        if volume.state == records.WIPING:
            raise exception.Conflict(
                'Volume %s of share %s is being emptied' % (
                    chosen.qualified, share.id))
        same = record.volume == chosen.qualified
        infra = planning.infrastructure(
            volume, record if same else diary.Record(),
            self._site.settings.infrastructure)
        claim = self._site.claim(share)
        if not (same and record.pending):
            self._site.diary.begin(share.id, chosen.qualified, tuple(infra),
                                   fresh=volume.free)
        changes = planning.preparation(
            volume, share.id, claim,
            self._site.settings.infrastructure.joined(infra),
            proven=same and record.tls,
            look=volume.free or record.fresh)
        if changes:
            cluster.gluster.set(volume.name, changes)
        after = cluster.gluster.volume(volume.name)
        if after is None:
            raise exception.NotFound('Volume %s has vanished'
                                     % chosen.qualified)
        other = planning.rival(volume, after, share.id, claim)
        if other is None:
            return chosen.with_volume(after)
        LOG.info('Volume %s goes to share %s of another service',
                 chosen.qualified, other or '(unknown)')
        cluster.gluster.set(volume.name,
                            planning.stepping_back(claim, other))
        return None

    def _give_back(self, share: model.Share, now: Located) -> bool:
        """Let others have a volume that could not be made a share.

        :returns: False if it stays claimed.
        """
        if self._site.limit(share) is not None:
            # While it is still ours: it may have been bounded already.
            with contextlib.suppress(exception.DriverError):
                now.cluster.gluster.call(*commandline.quota(
                    now.volume.name, 'disable'))
        _, error = exception.caught(lambda: now.cluster.gluster.set(
            now.volume.name, planning.release(
                now.volume, self._site.claim(share))))
        if error is not None:
            LOG.warning('Volume %s stays claimed by share %s, until that is '
                        'deleted: %s', now.qualified, share.id, error)
            return False
        self._site.diary.forget(share.id)
        return True


def _another(error: exception.DriverError) -> bool:
    """Whether another volume may do where one has failed so."""
    return isinstance(error, exception.BackendError) \
        and not isinstance(error, exception.AccessDenied)
