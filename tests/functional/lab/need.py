# SPDX-License-Identifier: Apache-2.0

"""Tell what the lab needs from the machine it runs on.

Where it is missing, tests are skipped: nobody's laptop is changed.  With
``CI=true`` the packages are installed, and what is still missing fails.
"""

import os
import pathlib
import shutil
import subprocess
import typing as ty

import pytest

#: Executable: Debian's package.
PACKAGES = {
    'dbus-daemon': 'dbus-daemon',
    'dbus-send': 'dbus-bin',
    'ganesha.nfsd': 'nfs-ganesha-vfs',
    'nfs-ls': 'libnfs-utils',
    'glusterd': 'glusterfs-server',
    'ip': 'iproute2',
    'mkfs.ext4': 'e2fsprogs',
    'mmdebstrap': 'mmdebstrap',
    'mount.glusterfs': 'glusterfs-client',
    'nsenter': 'util-linux',
    'openssl': 'openssl',
    'qemu-img': 'qemu-utils',
    'qemu-system-x86_64': 'qemu-system-x86',
    'ssh': 'openssh-client',
    'smbclient': 'smbclient',
    'smbcontrol': 'samba-common-bin',
    'smbd': 'samba',
    'sshd': 'openssh-server'}

BOXES = ('nsenter', 'ip')
GLUSTER = (*BOXES, 'glusterd', 'mount.glusterfs', 'mkfs.ext4', 'openssl')
GUESTS = (*BOXES, 'qemu-system-x86_64', 'qemu-img', 'mmdebstrap',
          'mkfs.ext4', 'ssh')


def programs(*names: str) -> None:
    """Skip the test, or fail in CI, unless all of these can be run."""
    if os.geteuid():
        _without('root')
    missing = [each for each in names if not _found(each)]
    if missing and _strict():
        _install(sorted({PACKAGES[each] for each in missing}))
        missing = [each for each in names if not _found(each)]
    if missing:
        _without(', '.join(missing))


def devices(*paths: str) -> None:
    """Need what the kernel offers."""
    missing = [each for each in paths if not pathlib.Path(each).exists()]
    if missing:
        _without(', '.join(missing))


def _found(name: str) -> bool:
    path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    return shutil.which(name, path=path) is not None


def _strict() -> bool:
    return os.environ.get('CI') == 'true'


def _without(thing: str) -> ty.NoReturn:
    reason = f'the functional lab needs {thing}'
    if _strict():
        pytest.fail(reason)
    pytest.skip(reason)


def _install(packages: list[str]) -> None:
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    for words in (['update', '-q'], ['install', '-q', '-y',
                                     '--no-install-recommends', *packages]):
        # Somebody else may be installing something.
        subprocess.run(['apt-get', '-o', 'DPkg::Lock::Timeout=600', *words],
                       env=environment, check=True, timeout=1200,
                       stdin=subprocess.DEVNULL)
