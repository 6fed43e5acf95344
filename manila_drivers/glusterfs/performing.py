# SPDX-License-Identifier: Apache-2.0

"""Carries out plans on one cluster.  Decides nothing."""

from collections.abc import Mapping
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import commandline
from manila_drivers.glusterfs import mounting
from manila_drivers.glusterfs import names
from manila_drivers.glusterfs import records


class Performer:
    """Steps of plans for volumes of one cluster.

    :param wiper: mounts volumes on this host, to empty them.
    """

    def __init__(self, cluster: clusters.Cluster,
                 wiper: mounting.Wiper) -> None:
        self._cluster = cluster
        self._gluster = cluster.gluster
        self._wiper = wiper

    def run(self, steps: plan.Plan) -> None:
        plan.run(steps, self._perform)

    def _perform(self, action: str, target: str,
                 args: Mapping[str, Any]) -> plan.Done:
        if action == 'set':
            self._gluster.set(target, args['options'])
        elif action == 'run':
            self._gluster.batch([
                _line(command, target, args.get('gib'))
                for command in args['commands']])
        elif action == 'stop':
            self._gluster.call(*commandline.stop(target))
        elif action == 'wipe':
            self.empty(args['of'], delete=True)
        elif action == 'delete':
            self._delete(target)
        else:
            raise ValueError('no step is called %s' % action)
        return plan.Done(created=False)

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
            self._gluster.call('volume', 'delete', names.checked(volume))
        except exception.NotFound:
            return
        if self._gluster.volume(volume) is not None:
            raise exception.BackendError(
                'Volume %s on %s is still there after its deletion'
                % (volume, self._cluster))


def _line(command: str, volume: str, gib: int | None) -> commandline.Words:
    if command == 'start':
        return commandline.start(volume)
    if command == 'stop':
        return commandline.stop(volume)
    if command == 'limit':
        assert gib is not None
        return commandline.limit(volume, gib)
    return commandline.quota(volume, command)
