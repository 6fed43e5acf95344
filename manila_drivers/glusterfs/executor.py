# SPDX-License-Identifier: Apache-2.0

"""Carries out plans on one cluster.  Decides nothing."""

from collections.abc import Mapping
from collections.abc import Sequence
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import mounting
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import snapshot_steps

LOG = logging.getLogger(__name__)


class ClaimedByOtherError(Exception):
    """A volume goes to the share of another service."""


class VolumeExecutor:
    """Steps of plans for volumes of one cluster.

    :param wiper: mounts volumes on this host, to empty them.
    :param later: what the next statistics look at.
    """

    def __init__(self, cluster: clusters.GlusterCluster,
                 wiper: mounting.Wiper, later: unseen.Unseen) -> None:
        self._unseen = later
        self._cluster = cluster
        self._gluster = cluster.gluster
        self._wiper = wiper

    def run(self, steps: plan.Plan) -> dict[str, Any]:
        return plan.run(steps, self._perform)

    def _perform(self, action: str, target: str,
                 args: Mapping[str, Any]) -> plan.Done:
        """Carry out a step: the method that has the name of its action."""
        name = '_' + action.replace(' ', '_')
        value = getattr(self, name)(target, **args)
        return plan.Done(value, created=False)

    def _set(self, volume: str, options: Mapping[str, str]) -> None:
        self._gluster.set(volume, options)
        wanted = {option: value for option, value in options.items()
                  if option not in records.OPTIONAL}

        def look() -> str:
            now = self._gluster.volume(volume)
            return '; '.join(
                'of volume %s, of share %s, %s was set to %s, and is %s' % (
                    self._cluster.address.qualified(volume),
                    now.mark or '(none)', option, value,
                    now.options.get(option, '(not set)'))
                for option, value in now.changes(wanted).items()
                ) if now is not None else ''

        if options.get(records.MARK) == records.NONE:
            # It is anybody's from now on.
            self._unseen.forget((self._cluster, volume))
        else:
            self._unseen.expect((self._cluster, volume), look)

    def _run(self, volume: str, commands: Sequence[str],
             gib: int | None = None) -> None:
        lines = [_line(command, volume, gib) for command in commands]
        if gib is None:
            self._gluster.batch(lines)
            return
        *_, told = self._gluster.batch([*lines, client.limits(volume)])
        quota = parsing.quota(told)
        # Where it is not told a share is neither shrunk nor its use known.
        if quota is not None and quota.limit != gib * 1024 ** 3:
            raise exception.BackendError(
                'Volume %s was to be bounded to %d GiB'
                % (self._cluster.address.qualified(volume), gib),
                answer='its limit is %s bytes' % (quota.limit or '(no)'),
                check='gluster volume quota %s list /' % volume)

    def _stop(self, volume: str) -> None:
        self._gluster.call(*client.stop(volume))

    def _wipe(self, volume: str, of: records.Volume) -> None:
        self.empty(of, delete=True)

    def _take_snapshot(self, name: str, volume: str) -> None:
        snapshot_steps.take(self._cluster, volume, name)
        self._expect_snapshot(name, there=True)

    def _expect_snapshot(self, name: str, *, there: bool) -> None:
        def look() -> str:
            found = snapshot_steps.info(self._gluster, name)
            if (found is not None) is there:
                return ''
            return f'snapshot {name} was taken, and is not there' if there \
                else unseen.left(name, f'snapshot {name} was deleted, and is '
                                       f'still there, with its data')
        self._unseen.expect((self._cluster, 'snapshot', name), look)

    def _remove_snapshot(self, name: str, *, stamped: bool) -> bool:
        gone = snapshot_steps.remove(self._cluster, name, stamped=stamped)
        self._expect_snapshot(name, there=False)
        return gone

    def _claim(self, volume: str, before: records.Volume, share_id: str,
               claim: str, options: Mapping[str, str]) -> None:
        """Claim a volume, unless a service on another host is faster.

        :raises ClaimedByOtherError: it is, and the volume is left to it.
        """
        # It is read back here.
        self._unseen.forget((self._cluster, volume))
        if options:
            self._gluster.set(volume, options)
        after = self._gluster.volume(volume)
        if after is None:
            raise exception.NotFound('Volume %s of %s has vanished' % (
                volume, self._cluster))
        other = claims.rival(before, after, share_id, claim)
        if other is not None:
            self._gluster.set(volume, claims.stepping_back(claim, other))
            raise ClaimedByOtherError(other or '(unknown)')

    def _look(self, volume: str, of: records.Volume) -> None:
        """See that a volume is complete, and that nothing is in it.

        It was, when it was given back; but who has had it since, such as
        another driver on the same pool, leaves no trace in its options.

        :raises Busy: a brick is offline.
        :raises Conflict: something is in it.
        """
        left = self.empty(of)
        if left:
            raise exception.Conflict(
                'Volume %s is in the pool, and not empty: %s is in it'
                % (self._cluster.address.qualified(volume), left),
                check='whose it is; once it has been emptied it can become '
                      'a share')

    def _deactivate(self, snapshot: str) -> None:
        """Deactivate a snapshot of another share, which does not keep ours.
        """
        _, error = exception.caught(lambda: self._gluster.call(
            'snapshot', 'deactivate', paths.checked(snapshot)))
        if isinstance(error, exception.NotFound):
            LOG.info('Snapshot %s has gone', snapshot)
        elif isinstance(error, exception.BackendError):
            LOG.warning('Snapshot %s stays active; whoever had access when '
                        'it was taken can read it. Check: gluster snapshot '
                        'deactivate %s: %s', snapshot, snapshot, error)
        elif error is not None:
            raise error
        else:
            self._unseen.expect(
                (self._cluster, 'snapshot', snapshot), functools.partial(
                    snapshot_steps.still_active, self._gluster, snapshot))

    def empty(self, volume: records.Volume, *, delete: bool = False) -> str:
        """See that nothing is in a started volume.

        That is believed only if every brick of it, and the way from here to
        it, has been there all the time, and every copy has been healed: what
        is not seen for want of them comes back with them.

        :param delete: remove what is there.
        :returns: the path of something that is there all the same, or ''.
        :raises Busy: it cannot be told.
        """
        what = 'is not known to be empty'
        complete = self._cluster.completeness
        before = complete.bricks(volume, 'was not emptied' if delete
                                 else what)
        export = self._cluster.address.export(volume.name)
        with self._wiper.mounted(export, volume) as mount:
            mount.check_bricks(what)
            if delete:
                mount.delete()
            # Healing may bring something back.
            complete.heal(volume, what)
            left = mount.something()
            mount.check_bricks(what)
            complete.check_unchanged(volume, before, what)
        if left and delete:
            raise exception.BackendError(
                'Volume %s could not be emptied' % export,
                answer='%s is still there' % left,
                check='files that somebody keeps adding or that cannot be '
                      'removed')
        return left

    def _delete(self, volume: str) -> None:
        """Delete a volume, which is only believed when it has been seen."""
        try:
            self._gluster.call('volume', 'delete', paths.checked(volume))
        except exception.NotFound:
            return
        if self._gluster.volume(volume) is not None:
            raise exception.BackendError(
                'Volume %s on %s is still there after its deletion'
                % (volume, self._cluster))


def _line(command: str, volume: str, gib: int | None) -> client.Words:
    if command == 'start':
        return client.start(volume)
    if command == 'stop':
        return client.stop(volume)
    if command == 'limit':
        assert gib is not None
        return client.limit(volume, gib)
    return client.quota(volume, command)
