# SPDX-License-Identifier: Apache-2.0

"""What hardly ever changes about the file system of a backend.  Pure."""

from collections.abc import Mapping
import dataclasses

from manila_drivers import exception
from manila_drivers.ibm.gpfs import listing


@dataclasses.dataclass(frozen=True)
class FileSystem:
    """What hardly ever changes about it.

    :param replicas: how often data is stored, and counted against quotas.
    :param quotas: whether quotas of filesets are enforced.
    :param snapshots: name of the directory with a fileset's snapshots.
    :param base: what GPFS calls the base directory, which may be reached
        through a link above it, or at another mount point than the default.
    """

    device: str
    replicas: int = 1
    quotas: bool = True
    shows_quota: bool = True
    snapshots: str = '.snapshots'
    base: str = ''

    def quota_gib(self, size: int) -> int:
        """The quota of a share of so many GiB."""
        return size * self.replicas


def replicas(device: str, told: Mapping[str, str]) -> int:
    """How often data is stored.

    :raises BackendError: GPFS does not say, and quotas depend on it.
    """
    text = told.get('defaultdatareplicas', '')
    if not listing.size(text):
        raise exception.BackendError(
            f'GPFS does not tell how many replicas of data {device} has',
            answer=text, check='mmlsfs -r, or '
            'gpfs_quota_account_replicas = False')
    return listing.size(text)


def name_of_base(real: str, mount: str, default: str) -> str:
    """What GPFS calls the base, as it lists the paths of filesets.

    :param real: the base without links; ``mount`` is where the file system
        is, and ``default`` where GPFS says it is.
    :raises ConfigurationError: it is in neither.
    """
    if not default.startswith('/') or _within(real, default):
        return real
    if not mount.startswith('/') or mount == '/' or not _within(real, mount):
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'is {real} without links, which is not '
            f'below {default}, where GPFS has the file system, nor below '
            f'another mount point of it', answer=mount,
            check='gpfs_filesystem')
    return default.rstrip('/') + real[len(mount.rstrip('/')):]


def _within(path: str, directory: str) -> bool:
    return (path + '/').startswith(directory.rstrip('/') + '/')
