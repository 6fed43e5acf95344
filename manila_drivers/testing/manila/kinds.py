# SPDX-License-Identifier: Apache-2.0

"""The drivers of this library with their simulated storage, by name."""

from collections.abc import Callable
import dataclasses
import functools

from manila_drivers.testing.manila import gluster
from manila_drivers.testing.manila import gpfs
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import storage
from manila_drivers.testing.manila import vast


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
