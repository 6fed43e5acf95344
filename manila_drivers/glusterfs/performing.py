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

"""Carries out plans on one cluster.  Decides nothing."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import commandline
from manila_drivers.glusterfs import names

#: Empties a volume that is started; takes what clients mount, and its name.
Wipe = Callable[[str, str], None]


class Performer:
    """Steps of plans for volumes of one cluster."""

    def __init__(self, cluster: clusters.Cluster, wipe: Wipe) -> None:
        self._cluster = cluster
        self._gluster = cluster.gluster
        self._wipe = wipe

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
            self._wipe(self._cluster.address.export(target), target)
        elif action == 'delete':
            self._delete(target)
        else:
            raise ValueError('no step is called %s' % action)
        return plan.Done(created=False)

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
