# SPDX-License-Identifier: Apache-2.0

"""The drivers of this library with their simulated storage, by name.

What an adapter cannot know is here: what a driver can do, and how to try it.
"""

from collections.abc import Callable
import dataclasses
import functools
import pathlib
from typing import Self

from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import cast
from manila_drivers.testing.manila import rootwrap
from manila_drivers.testing.manila import scene


@dataclasses.dataclass(frozen=True)
class Kind:
    """One driver, with what it needs to be tried.

    system: what is simulated, in words; driver: the class's dotted path.
    """

    system: str
    driver: str
    cluster: Callable[[], storage.Cluster]
    profile: Callable[[str], scene.Profile]


class GlusterCluster(gluster.Cluster):
    """A cluster whose Manila host has ``sudo`` and rootwrap."""

    def __enter__(self) -> Self:
        super().__enter__()
        rootwrap.write_sudo(*self.programs)
        rootwrap.write_configuration(self._rootwrap, *self.programs)
        return self

    @property
    def _rootwrap(self) -> pathlib.Path:
        return self._directory / 'rootwrap.conf'

    def defaults(self) -> dict[str, object]:
        return {'rootwrap_config': self._rootwrap}


def vast_profile(backend: str, **changes: object) -> scene.Profile:
    """Return what the VAST driver can do.

    :param changes: options for the restart that changes options; by default
        fewer export locations
    """
    return scene.Profile(
        backend=backend, share_type=backend,
        changes=changes or {'vast_max_export_locations': 1})


def gluster_profile(backend: str) -> scene.Profile:
    return scene.Profile(
        backend=backend, share_type=backend, protocol='GLUSTERFS',
        cast=cast.CERTIFICATES, invalid=('cert', '*', 'rw'), reverts=True,
        changes={'glusterfs_volume_pattern': r'manila-volume-[0-9]+$'})


def gpfs_profile(backend: str) -> scene.Profile:
    return scene.Profile(
        backend=backend, share_type=backend, reverts=True, adopts_open=False,
        changes={'gpfs_share_mode': '770'})


KINDS = {
    'vast': Kind('VAST cluster', vast.DRIVER, vast.Cluster, vast_profile),
    'gluster': Kind('GlusterFS cluster', gluster.DRIVER, GlusterCluster,
                    gluster_profile),
    **{how.lower(): Kind('Storage Scale cluster with %s' % how, gpfs.DRIVER,
                         functools.partial(gpfs.Cluster, how), gpfs_profile)
       for how in ('CES', 'KNFS', 'GNFS')}}
