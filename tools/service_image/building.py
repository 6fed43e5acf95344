# SPDX-License-Identifier: Apache-2.0

"""Makes the image: packages, settings, a disk, and kernel and initrd apart.

A virtual machine is given its kernel by Nova, so that the disk needs neither
partitions nor a boot loader.
"""

from collections.abc import Callable
import dataclasses
import gzip
import json
import os
import pathlib
import shutil
import time

from tools.service_image import debian
from tools.service_image import recipe as recipes

DISK, KERNEL, INITRD = 'service.qcow2', 'service.vmlinuz', 'service.initrd'
MANIFEST = 'service.json'

Tell = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Built:
    """Files of an image; what is in it; how long it took.

    versions: package and version of all that is installed
    """

    directory: pathlib.Path
    seconds: float
    versions: tuple[tuple[str, str], ...]

    def path(self, name: str) -> pathlib.Path:
        return self.directory / name

    def sizes(self) -> dict[str, int]:
        """Return the bytes that each file takes to upload."""
        return {name: self.path(name).stat().st_size
                for name in (DISK, KERNEL, INITRD)}


def architecture() -> str:
    return debian.run(['dpkg', '--print-architecture'], 60).strip()


def build(recipe: recipes.Recipe, directory: pathlib.Path, tell: Tell,
          origin: debian.Source | None = None) -> Built:
    """Build into a directory, whose earlier files are replaced at the end.

    The work is done in a directory below, which is removed, also when
    something fails.

    :raises debian.Failed: a command failed
    :raises LookupError: this is no Debian, or no processor of the recipe's
    """
    begin = time.monotonic()
    directory.mkdir(parents=True, exist_ok=True)
    scratch = directory / f'building-{os.getpid()}'
    scratch.mkdir()
    try:
        versions = _build(recipe, scratch, tell, origin or debian.source())
        built = Built(directory, time.monotonic() - begin, versions)
        for name in (DISK, KERNEL, INITRD):
            (scratch / name).replace(directory / name)
        (directory / MANIFEST).write_text(manifest(recipe, built))
    finally:
        shutil.rmtree(scratch)
    return built


def manifest(recipe: recipes.Recipe, built: Built) -> str:
    """Return what somebody wants to know who finds the files."""
    return json.dumps({
        'user': recipe.user, 'bytes': built.sizes(),
        'properties': recipes.properties('KERNEL', 'INITRD'),
        'seconds': round(built.seconds, 1),
        'packages': dict(built.versions)}, indent=1) + '\n'


def _build(recipe: recipes.Recipe, scratch: pathlib.Path, tell: Tell,
           origin: debian.Source) -> tuple[tuple[str, str], ...]:
    root = scratch / 'root'
    tell(f'unpacking Debian {origin.release}')
    debian.run(debian.unpack(
        origin, recipe.all_packages(architecture()), recipes.MODULES, root,
        scratch))
    tell('settings')
    versions = installed(root)
    configure(recipe, root)
    tell('kernel, initrd and disk')
    split(root, scratch)
    debian.clear(root)
    raw = scratch / 'raw'
    for words in debian.file_system(root, raw, recipe.mebibytes,
                                    recipes.LABEL):
        debian.run(words)
    debian.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c',
                str(raw), str(scratch / DISK)])
    return versions


def installed(root: pathlib.Path) -> tuple[tuple[str, str], ...]:
    listing = debian.run(['dpkg-query', f'--root={root}', '--show'], 60)
    return tuple((name, version) for name, _, version in (
        line.partition('\t') for line in listing.splitlines()))


def configure(recipe: recipes.Recipe, root: pathlib.Path) -> None:
    """Put the recipe's files, user and units in place."""
    for path, (content, mode) in recipe.files().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
    # Without a password: neither it nor root can log in by one.
    debian.run(['useradd', '--root', str(root), '--create-home', '--shell',
                '/bin/bash', recipe.user], 60)
    for words in debian.units(root, recipe.units()):
        debian.run(words, 60)
    # Each machine makes its own.
    for key in (root / 'etc/ssh').glob('ssh_host_*'):
        key.unlink()


def split(root: pathlib.Path, target: pathlib.Path) -> None:
    """Take kernel and initrd out of the root directory.

    The initrd is unpacked: on the machine that takes longer, and at each
    boot.  It is small enough either way.
    """
    kernel = root / os.readlink(root / 'vmlinuz')
    initrd = root / os.readlink(root / 'initrd.img')
    shutil.copyfile(kernel, target / KERNEL)
    (target / INITRD).write_bytes(gzip.decompress(initrd.read_bytes()))
    for each in (*(root / 'boot').iterdir(), root / 'vmlinuz',
                 root / 'initrd.img', root / 'vmlinuz.old',
                 root / 'initrd.img.old'):
        each.unlink(missing_ok=True)


def missing() -> list[str]:
    """Return the programs that a build needs and this machine lacks."""
    path = f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin'
    return [name for name in ('mmdebstrap', 'qemu-img', 'mkfs.ext4',
                              'systemctl', 'useradd')
            if shutil.which(name, path=path) is None]


def root_is_needed() -> bool:
    return os.geteuid() != 0
