# SPDX-License-Identifier: Apache-2.0

"""Tell what is in the image that guests boot from."""

import dataclasses
import hashlib
import pathlib

_FILES = pathlib.Path(__file__).parent / 'guest_files'

#: Path in the guest: (file here, permissions).
INSTALLED = {
    'usr/local/sbin/lab-network': ('lab-network', 0o755),
    'etc/systemd/system/lab-network.service': ('lab-network.service', 0o644)}

_BASE = ('systemd-sysv', 'openssh-server', 'iproute2',
         'linux-image-cloud-amd64')

#: Cost seconds of a boot in software emulation and serve nobody here.
_MASKED = (
    'apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer',
    'e2scrub_all.timer', 'e2scrub_reap.service', 'fstrim.timer',
    'getty.target', 'systemd-timesyncd.service', 'systemd-pstore.service',
    'systemd-logind.service', 'systemd-update-utmp.service',
    'systemd-journal-flush.service', 'gluster-ta-volume.service',
    'systemd-binfmt.service', 'proc-sys-fs-binfmt_misc.automount',
    'systemd-update-utmp-runlevel.service', 'systemd-random-seed.service',
    'dev-hugepages.mount', 'dev-mqueue.mount', 'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount', 'lvm2-monitor.service',
    'rpc-statd-notify.service')


@dataclasses.dataclass(frozen=True)
class Recipe:
    """An image.

    :param name: for its file; images of the same name replace one another
    :param packages: Debian packages beside those that every guest has
    :param enabled: units to be started at boot that Debian does not start
    :param masked: units not to be started
    :param on_demand: units that only guests start which are told to; see
        :class:`guest.Guest`
    :param gigabytes: size of the system's disk
    """

    name: str
    packages: tuple[str, ...]
    enabled: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    on_demand: tuple[str, ...] = ()
    gigabytes: int = 3

    def all_packages(self) -> tuple[str, ...]:
        return _BASE + self.packages

    def all_enabled(self) -> tuple[str, ...]:
        return ('lab-network.service', *self.enabled)

    def all_masked(self) -> tuple[str, ...]:
        return _MASKED + self.masked

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Path in the guest: content and permissions."""
        return {path: ((_FILES / source).read_bytes(), mode)
                for path, (source, mode) in INSTALLED.items()}

    def key(self, *also: str) -> str:
        """Changes with everything that the image is made from."""
        parts = (repr(self), repr(self.files()), _BASE, _MASKED, *also)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


#: One image for all guests: a Gluster server whose bricks can be on thinly
#: provisioned volumes; a server of files by the kernel's NFS.
GUEST = Recipe('guest', (
    'glusterfs-server', 'glusterfs-client', 'lvm2',
    'thin-provisioning-tools', 'xfsprogs', 'nfs-kernel-server', 'nfs-common',
    'quota', 'sudo', 'rsync'),
    on_demand=('glusterd.service', 'nfs-server.service', 'rpcbind.service',
               'rpcbind.socket', 'nfs-blkmap.service', 'quota.service'))
