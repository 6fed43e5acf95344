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
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import cast
from manila_drivers.testing.manila import instances
from manila_drivers.testing.manila import rootwrap
from manila_drivers.testing.manila import scene


@dataclasses.dataclass(frozen=True)
class Kind:
    """One driver, with what it needs to be tried.

    system: what is simulated, in words; driver: the class's dotted path;
    more: chapters that no other driver has, None if there are none.
    """

    system: str
    driver: str
    cluster: Callable[[], storage.Cluster]
    profile: Callable[[str], scene.Profile]
    more: Callable[[scene.Scene], None] | None = None


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


def generic_profile(backend: str, **changes: object) -> scene.Profile:
    return scene.Profile(
        backend=backend, share_type=backend, reverts=True,
        changes=changes or {'share_helpers': 'NFS=%s.NFSHelper' % _HELPERS})


def generic_cifs_profile(backend: str) -> scene.Profile:
    """Return what the Generic driver can do with rules for users of Samba."""
    return dataclasses.replace(
        generic_profile(backend), protocol='CIFS', cast=cast.USERS,
        invalid=('ip', cast.SINGLE, 'rw'),
        changes={'share_helpers': 'CIFS=%s,NFS=%s' % (
            _BY_USER, _HELPERS + '.NFSHelper')})


def generic_servers_profile(backend: str) -> scene.Profile:
    # Manila's own driver takes no shares over on share servers either.
    return dataclasses.replace(generic_profile(backend), servers=True,
                               manages=False)


_HELPERS = 'manila.share.drivers.helpers'
_BY_USER = _HELPERS + '.CIFSHelperUserAccess'

KINDS = {
    'vast': Kind('VAST cluster', vast.DRIVER, vast.Cluster, vast_profile),
    'gluster': Kind('GlusterFS cluster', gluster.DRIVER, GlusterCluster,
                    gluster_profile),
    'generic': Kind('cloud with a server for all shares', openstack.DRIVER,
                    openstack.CloudCluster, generic_profile),
    'generic-cifs': Kind(
        'cloud with a server for all shares', openstack.DRIVER,
        functools.partial(openstack.CloudCluster,
                          more={'share_helpers': 'CIFS=' + _BY_USER}),
        generic_cifs_profile),
    'generic-servers': Kind(
        'cloud in which servers are made', openstack.DRIVER,
        functools.partial(openstack.CloudCluster, serves=True),
        generic_servers_profile, instances.whole),
    **{how.lower(): Kind('Storage Scale cluster with %s' % how, gpfs.DRIVER,
                         functools.partial(gpfs.Cluster, how), gpfs_profile)
       for how in ('CES', 'KNFS', 'GNFS')}}
