# SPDX-License-Identifier: Apache-2.0

"""Which volume of the pool becomes a share, and how it is claimed."""

from collections.abc import Mapping
import contextlib
import dataclasses
import logging

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import executor
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import pool
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

# Seconds for which another volume is tried when a service on another host has
# claimed the same one at the same time: others wait for the pool meanwhile.
_CLAIMING = 30.0

# Seconds for which another volume is begun with when one cannot be made a
# share.
_SECONDS = 120.0


class _UnsuitableError(Exception):
    """A free volume that cannot be made a share; others may do."""

    def __init__(self, located: clusters.LocatedVolume,
                 reason: exception.DriverError) -> None:
        super().__init__(str(reason))
        self.located = located
        self.reason = reason


class VolumeAllocator:
    """Claims volumes and prepares them.  See ``claims.rival``."""

    def __init__(self, repo: repository.VolumeRepository) -> None:
        self._repo = repo
        self._pool = repo.settings.pool

    def allocate(self, share: model.Share) -> clusters.LocatedVolume:
        """Make a volume a share that nobody can reach.

        A volume that cannot be started, that lacks a brick or that something
        is in is given back, and another one is tried.

        :raises NoRoom: no volume is free, large enough and usable.
        """
        bad: dict[str, str] = {}
        started = self._repo.clock()
        while True:
            try:
                made = self._attempt(share, bad)
            except _UnsuitableError as exc:
                wrong = exc
            else:
                self._repo.suspects.clear(made.qualified)
                return made
            self._note(share, wrong, bad)
            if self._repo.clock() - started > _SECONDS:
                raise wrong.reason

    def _note(self, share: model.Share, error: _UnsuitableError,
              bad: dict[str, str]) -> None:
        name = error.located.qualified
        bad[name] = ' '.join(filter(None, (error.reason.what,
                                           error.reason.answer)))
        self._repo.suspects.add(name, bad[name])
        LOG.error('Volume %s could not be made share %s, and needs to be '
                  'looked at; another one is tried: %s', name, share.id,
                  error)

    def _attempt(self, share: model.Share,
                 bad: Mapping[str, str]) -> clusters.LocatedVolume:
        """Make a share of one volume.

        :raises _UnsuitableError: it does not do, and was given back.
        """
        with self._repo.locked_pool():
            facts, steps = self._acquired(share, bad)
        made = facts.located

        def make() -> None:
            self._repo.run(made.cluster, steps)
            self._repo.journal.complete(share.id, made.qualified,
                                        made.volume.id)
        _, error = exception.caught(make)
        if error is None:
            return made
        # What was a share before may have somebody's data in it.
        if (made.volume.free or facts.entry.fresh) \
                and self._give_back(share, made) and _another(error):
            raise _UnsuitableError(made, error)
        raise error

    # -- choosing and claiming -------------------------------------------

    def _acquired(self, share: model.Share, bad: Mapping[str, str],
                  ) -> tuple[repository.VolumeFacts, plan.Plan]:
        """Return a volume as it was before it was claimed and closed.

        :returns: besides, the plan that makes a share of it.
        """
        attempts = retry.Attempts(
            retry.RetryPolicy(first=1.0, longest=1.0, total=_CLAIMING),
            self._repo.clock, self._repo.sleep)
        while True:
            facts = self._facts(share, bad)
            claiming, steps = self._plans(share, facts)
            plan.show(claiming + steps)
            if not claiming or self._claimed(share, facts, claiming):
                return facts, steps
            if not attempts.again():
                raise exception.Busy(
                    'No volume could be claimed for share %s: others were '
                    'always faster' % share.id,
                    check='how many services share the pool')

    def _facts(self, share: model.Share,
               bad: Mapping[str, str]) -> repository.VolumeFacts:
        entry = self._repo.journal.read(share.id)
        volumes = self._repo.clusters.volumes(
            # What was begun on a cluster is not begun anew on another.
            all_of_them=bool(entry.volume))
        chosen = clusters.owned(share.id, volumes)
        if chosen is None and entry.volume:
            clusters.check_read(volumes)
        chosen = chosen or self._choose(share, volumes, bad)
        chosen.volume.check_read()
        return repository.VolumeFacts(chosen, entry)

    def _choose(self, share: model.Share,
                volumes: list[clusters.LocatedVolume],
                bad: Mapping[str, str]) -> clusters.LocatedVolume:
        mine = [each for each in volumes if self._pool.has(
            each.cluster.address.host, each.volume.name)]
        free = [each for each in mine if each.volume.free]
        usable = [each for each in free if each.qualified not in bad
                  and not self._pool.unfit(each.volume)]
        trusted = [each for each in usable
                   if not self._repo.suspects.reason(each.qualified)]
        chosen = self._best(share, trusted) or self._best(share, usable)
        if chosen is None:
            reasons = ['%s: %s' % (each.qualified, bad.get(
                each.qualified) or self._pool.unfit(each.volume))
                for each in free if each not in usable]
            sizes = [size for each in usable
                     if (size := self._repo.gib(each))]
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
              candidates: list[clusters.LocatedVolume],
              ) -> clusters.LocatedVolume | None:
        return pool.best(
            ((each, each.cluster.address.host, each.volume.name,
              self._repo.gib(each)) for each in candidates),
            share.size, share.id)

    def _plans(self, share: model.Share, facts: repository.VolumeFacts,
               ) -> tuple[plan.Plan, plan.Plan]:
        """Plan how a volume is claimed, and what is done with it then."""
        volume, kinds = facts.volume, self._repo.settings.infrastructure
        if volume.state == records.WIPING:
            raise exception.Conflict(
                'Volume %s of share %s is being emptied' % (
                    facts.located.qualified, share.id))
        entry = facts.entry
        if entry.volume != facts.located.qualified:
            entry = dataclasses.replace(entry, tls=False, infrastructure=())
        fresh = volume.free or entry.fresh
        claim = self._repo.claim(share)
        steps = planning.creation(volume, gib=self._repo.limit(share),
                                  proven=entry.tls, look=fresh)
        if not (volume.free or entry.pending) \
                and entry.volume == facts.located.qualified:
            # It is the share's already, which its tenants may have by now.
            return plan.Plan(), steps
        infra = claims.infrastructure(volume, entry, kinds)
        return planning.claiming(
            volume, share.id, claim, claims.preparation(
                volume, share.id, claim, kinds.joined(infra),
                proven=entry.tls, look=fresh)), steps

    def _claimed(self, share: model.Share, facts: repository.VolumeFacts,
                 claiming: plan.Plan) -> bool:
        """Claim and close a volume; False if another service has it.

        :raises _UnsuitableError: it could not be, and was given back.
        """
        chosen, entry = facts.located, facts.entry
        if not (entry.pending and entry.volume == chosen.qualified):
            self._repo.journal.begin(
                share.id, chosen.qualified,
                claims.infrastructure(
                    chosen.volume, journal.JournalEntry(),
                    self._repo.settings.infrastructure),
                fresh=chosen.volume.free)
        try:
            self._repo.run(chosen.cluster, claiming)
        except executor.ClaimedByOtherError as exc:
            LOG.info('Volume %s goes to share %s of another service',
                     chosen.qualified, exc)
            return False
        except exception.DriverError as exc:
            if chosen.volume.free and _another(exc) \
                    and self._give_back(share, chosen):
                raise _UnsuitableError(chosen, exc) from exc
            raise
        return True

    def _give_back(self, share: model.Share,
                   now: clusters.LocatedVolume) -> bool:
        """Let others have a volume that could not be made a share.

        :returns: False if it stays claimed.
        """
        if self._repo.limit(share) is not None:
            # While it is still ours: it may have been bounded already.
            with contextlib.suppress(exception.DriverError):
                self._repo.run(now.cluster, planning.unbounding(now.volume))
        _, error = exception.caught(lambda: self._repo.run(
            now.cluster, planning.setting(now.volume, claims.release(
                now.volume, self._repo.claim(share)))))
        if error is not None:
            LOG.warning('Volume %s stays claimed by share %s, until that is '
                        'deleted: %s', now.qualified, share.id, error)
            return False
        self._repo.journal.forget(share.id)
        return True


def _another(error: exception.DriverError) -> bool:
    """Return whether another volume may do where one has failed so."""
    return isinstance(error, exception.BackendError) \
        and not isinstance(error, exception.AccessDenied)
