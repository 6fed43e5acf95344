# SPDX-License-Identifier: Apache-2.0

"""Contents of the image, as values.  Nothing here does anything."""

import dataclasses
import hashlib
import pathlib

FILES = pathlib.Path(__file__).parent / 'files'

#: Path in the image: (file here, permissions).
INSTALLED = {
    'etc/nfs.conf.d/service.conf': ('nfs.conf', 0o644),
    'etc/samba/smb.conf': ('smb.conf', 0o644),
    'etc/ssh/sshd_config.d/service.conf': ('sshd.conf', 0o644),
    'etc/systemd/journald.conf.d/service.conf': ('journald.conf', 0o644),
    'etc/systemd/network/10-all.network': ('all.network', 0o644),
    'etc/systemd/system/service-host-key.service': (
        'service-host-key.service', 0o644),
    'etc/systemd/system/service-metadata.service': (
        'service-metadata.service', 0o644),
    'usr/local/sbin/service-host-key': ('service-host-key', 0o755),
    'usr/local/sbin/service-metadata': ('service-metadata', 0o755)}

#: Beside Debian's minimum.  The drivers need nothing else in the machine.
PACKAGES = (
    'systemd-sysv', 'udev', 'iproute2', 'openssh-server', 'sudo',
    'curl', 'nfs-kernel-server', 'samba', 'e2fsprogs', 'xfsprogs', 'psmisc')

#: Names of the kernel's package, by what dpkg calls the processor.
KERNELS = {'amd64': 'linux-image-cloud-amd64',
           'arm64': 'linux-image-cloud-arm64'}

#: For disks and networks that a hypervisor may offer.
MODULES = ('virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'virtio_net',
           'virtio_rng', 'ext4')

ENABLED = ('systemd-networkd.service', 'ssh.service', 'nfs-server.service',
           'smbd.service', 'service-host-key.service',
           'service-metadata.service')
DISABLED = ('nmbd.service', 'samba-ad-dc.service',
            'systemd-networkd-wait-online.service')
#: Seconds of a boot, and of a processor, for what nobody uses here.
MASKED = (
    'apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer',
    'e2scrub_all.timer', 'e2scrub_reap.service', 'fstrim.timer',
    'getty.target', 'logrotate.timer', 'man-db.timer', 'nmbd.service',
    'systemd-binfmt.service', 'systemd-pstore.service',
    'proc-sys-fs-binfmt_misc.automount', 'dev-mqueue.mount',
    'dev-hugepages.mount', 'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount', 'rpc-statd-notify.service',
    'systemd-logind.service', 'systemd-journal-flush.service',
    'systemd-random-seed.service', 'systemd-update-utmp.service',
    'systemd-update-utmp-runlevel.service', 'sys-fs-fuse-connections.mount',
    'modprobe@dm_mod.service', 'modprobe@drm.service',
    'modprobe@efi_pstore.service', 'modprobe@fuse.service',
    'modprobe@loop.service', 'nfs-blkmap.service')

HOSTS = '127.0.0.1 localhost service\n::1 localhost ip6-localhost\n'

LABEL = 'service-root'

#: What Nova hands to the kernel.  The disk is /dev/vda with virtio-blk and
#: /dev/sda with virtio-scsi: its label is found on both.
COMMAND_LINE = (f'root=/dev/disk/by-label/{LABEL} rw console=tty0'
                ' console=ttyS0 net.ifnames=0 quiet')


@dataclasses.dataclass(frozen=True)
class Recipe:
    """An image.

    :param user: who logs in with the key and may do everything by sudo
    :param packages: of Debian, beside those that the drivers need
    :param mebibytes: size of the disk; shares are on other ones
    """

    user: str = 'manila'
    packages: tuple[str, ...] = ()
    mebibytes: int = 1536

    def all_packages(self, architecture: str) -> tuple[str, ...]:
        """Return the packages, the kernel's included.

        :raises LookupError: there is no kernel for that processor
        """
        return (*PACKAGES, 'initramfs-tools', KERNELS[architecture],
                *self.packages)

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Return path in the image: content and permissions."""
        found = {path: ((FILES / name).read_bytes(), mode)
                 for path, (name, mode) in INSTALLED.items()}
        texts = {
            'etc/default/service-image': (f'SERVICE_USER={self.user}\n',
                                          0o644),
            'etc/sudoers.d/service': (
                f'{self.user} ALL=(ALL) NOPASSWD: ALL\n', 0o440),
            'etc/fstab': (f'LABEL={LABEL} / ext4 rw,noatime 0 0\n', 0o644),
            'etc/exports': ('', 0o644),
            'etc/hostname': ('service\n', 0o644),
            'etc/hosts': (HOSTS, 0o644),
            # Not the builder's: NFS asks for names of clients, and would wait
            # for a server that is not there whenever access changes.
            'etc/resolv.conf': ('', 0o644),
            # Empty, and not absent: a machine makes one, and is not taken
            # for one whose other settings are to be made as well.
            'etc/machine-id': ('', 0o444)}
        return found | {path: (text.encode(), mode)
                        for path, (text, mode) in texts.items()}

    def units(self) -> dict[str, tuple[str, ...]]:
        """Return what is to be done to which units, in this order."""
        return {'disable': DISABLED, 'mask': MASKED, 'enable': ENABLED}

    def key(self, *also: str) -> str:
        """Return what changes with everything that the image is made of."""
        parts = (repr(self), self.files(), PACKAGES, MODULES, self.units(),
                 COMMAND_LINE, *also)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def properties(kernel: str, initrd: str) -> dict[str, str]:
    """Return what Glance has to know of the disk.

    :param kernel, initrd: identifiers of the images of those
    """
    return {'kernel_id': kernel, 'ramdisk_id': initrd,
            'os_command_line': COMMAND_LINE, 'hw_rng_model': 'virtio',
            'os_type': 'linux', 'os_distro': 'debian'}
