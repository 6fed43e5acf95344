#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Making a share of a volume of the pool."""

import contextlib
import logging
import random
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

LOG = logging.getLogger(__name__)

Located = clusters_module.Located

# How often another volume is tried when a service on another host has
# claimed the same one at the same time.
_TRIES = 8


class Creator:
    """Claims volumes and prepares them.  See ``planning.rival``."""

    def __init__(self, site: site_module.Site) -> None:
        self._site = site
        self._pool = site.settings.pool

    def create(self, share: model.Share) -> list[dict[str, Any]]:
        """Make a share that nobody can reach yet.

        A repeated call finds the volume that an earlier one has claimed.

        :returns: its export locations.
        :raises BackendError: no volume is free and large enough.
        """
        self._site.check_proto(share)
        with self._site.locked(share.id):
            record = self._site.diary.read(share.id)
            with self._site.locked_pool():
                before, now = self._acquire(share, record)
            try:
                self._activate(share, before, now, record)
            except exception.DriverError:
                # What was a share before may have somebody's data in it.
                if before.free or record.fresh:
                    self._give_back(share, now)
                raise
        return self._site.locations(now)

    def _activate(self, share: model.Share, before: records.Volume,
                  now: Located, record: diary.Record) -> None:
        """Have the bricks run with TLS."""
        restart = before.started and now.volume.started and not (
            before.encrypted and (planning.tls_runs(before) or (
                record.tls and record.volume == now.qualified)))
        self._site.run(now.cluster, planning.activation(
            now.volume, restart=restart, gib=self._site.limit(share)))
        self._site.diary.complete(share.id, now.qualified)

    # -- choosing and claiming -------------------------------------------

    def _acquire(self, share: model.Share, record: diary.Record,
                 ) -> tuple[records.Volume, Located]:
        """A volume before and after it was claimed and closed."""
        for _ in range(_TRIES):
            volumes = self._site.clusters.volumes(
                # What was begun on a cluster is not begun anew on another.
                all_of_them=bool(record.volume))
            chosen = clusters_module.owned(share.id, volumes)
            if chosen is None:
                chosen = self._choose(share, volumes)
            elif not record.pending and record.volume == chosen.qualified:
                return chosen.volume, chosen
            claimed = self._claim(share, chosen, record)
            if claimed is not None:
                return chosen.volume, claimed
            self._site.sleep(random.uniform(0.1, 1.0))  # noqa: S311
        raise exception.Busy(
            'No volume could be claimed for share %s: others were always '
            'faster' % share.id, check='how many services share the pool')

    def _choose(self, share: model.Share, volumes: list[Located]) -> Located:
        mine = [each for each in volumes if self._pool.has(
            each.cluster.address.host, each.volume.name)]
        free = [each for each in mine if each.volume.free]
        usable = [each for each in free
                  if not self._pool.unusable(each.volume)]
        chosen = pool_module.best(
            ((each, each.cluster.address.host, each.volume.name,
              self._pool.size(each.volume.name)) for each in usable),
            share.size, share.id)
        if chosen is None:
            reasons = ['%s: %s' % (each.qualified,
                                   self._pool.unusable(each.volume))
                       for each in free if each not in usable]
            raise exception.BackendError(
                'No free volume is large enough for share %s of %s GiB: of '
                '%d volumes in the pool %d are free and %d usable' % (
                    share.id, share.size, len(mine), len(free), len(usable)),
                answer='; '.join(reasons),
                check='the volumes of the pool; make more of them, or put '
                      'right those that are named')
        return chosen

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
            proven=same and record.tls)
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

    def _give_back(self, share: model.Share, now: Located) -> None:
        """Let others have a volume that could not be made a share."""
        if self._site.limit(share) is not None:
            # While it is still ours: it may have been bounded already.
            with contextlib.suppress(exception.DriverError):
                now.cluster.gluster.call(*commandline.quota(
                    now.volume.name, 'disable'))
        try:
            now.cluster.gluster.set(now.volume.name, planning.release(
                now.volume, self._site.claim(share)))
            self._site.diary.forget(share.id)
        except exception.DriverError as exc:
            LOG.warning('Volume %s stays claimed by share %s, until that is '
                        'deleted: %s', now.qualified, share.id, exc)
