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

"""The drivers of this library with their simulated storage, by name."""

from collections.abc import Callable
import dataclasses
import functools

from manila_drivers.rig import gluster
from manila_drivers.rig import gpfs
from manila_drivers.rig import scene
from manila_drivers.rig import storage
from manila_drivers.rig import vast


@dataclasses.dataclass(frozen=True)
class Kind:
    """One driver, with what it needs to be tried.

    system: what is simulated, in words; driver: the class's dotted path.
    """

    system: str
    driver: str
    cluster: Callable[[], storage.Cluster]
    profile: Callable[[str], scene.Profile]


KINDS = {
    'vast': Kind('VAST cluster', vast.DRIVER, vast.Cluster, vast.profile),
    'gluster': Kind('GlusterFS cluster', gluster.DRIVER, gluster.Cluster,
                    gluster.profile),
    **{how.lower(): Kind('Storage Scale cluster with %s' % how, gpfs.DRIVER,
                         functools.partial(gpfs.Cluster, how), gpfs.profile)
       for how in ('CES', 'KNFS', 'GNFS')}}
