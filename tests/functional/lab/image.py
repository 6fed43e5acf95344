# SPDX-License-Identifier: Apache-2.0

"""The disk that guests boot from: built once, then copied on write.

Made from the Debian packages of the release that this machine runs, from
where its apt is configured to take them.
"""

import gzip
import os
import pathlib
import shutil
import typing as ty

from tests.functional.lab import box
from tests.functional.lab import kept
from tests.functional.lab import recipe as recipes
from tools.service_image import debian

_MODULES = ('virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_rng', 'ext4')

_SSHD = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
UsePAM no
MaxStartups 100
MaxSessions 100
"""


class Image(ty.NamedTuple):
    """Hold what a guest is started with."""

    disk: pathlib.Path
    kernel: pathlib.Path
    initrd: pathlib.Path
    key: pathlib.Path
    host_key: str


def ready(recipe: recipes.Recipe) -> bool:
    return kept.ready(recipe.name, _key(recipe))


def build(recipe: recipes.Recipe = recipes.GUEST) -> Image:
    """Return the image of a recipe; make it if the cache has none.

    :raises kept.Busy: somebody else holds the lock and does not finish
    """
    place = kept.directory(recipe.name, _key(recipe),
                           lambda made: _build(recipe, made))
    return Image(place / 'disk', place / 'kernel', place / 'initrd',
                 place / 'key', (place / 'host_key.pub').read_text())


def _key(recipe: recipes.Recipe) -> str:
    texts = (pathlib.Path(each).read_text()
             for each in (__file__, debian.__file__))
    return recipe.key(*texts, debian.source().release)


def _build(recipe: recipes.Recipe, made: pathlib.Path) -> None:
    root, scratch = made / 'root', made / 'scratch'
    scratch.mkdir()
    # Ends with this process, however that ends, and its mounts with it.
    with box.Box('image', namespaces=box.OWN_FILES) as inside:
        _run(inside, *debian.unpack(debian.source(), recipe.all_packages(),
                                    _MODULES, root, scratch))
        _configure(inside, recipe, root)
        _keys(inside, root, made)
        shutil.copy(root / os.readlink(root / 'vmlinuz'), made / 'kernel')
        # Unpacked here: there it takes longer, and at each boot.
        initrd = root / os.readlink(root / 'initrd.img')
        (made / 'initrd').write_bytes(gzip.decompress(initrd.read_bytes()))
        for words in debian.file_system(root, made / 'disk',
                                        1024 * recipe.gigabytes):
            _run(inside, *words)
    for each in (root, scratch):
        shutil.rmtree(each)


def _configure(inside: box.Box, recipe: recipes.Recipe,
               root: pathlib.Path) -> None:
    for path, (content, mode) in recipe.files().items():
        target = root / path
        target.write_bytes(content)
        target.chmod(mode)
    for path, text in {
            'etc/fstab': '/dev/vda / ext4 defaults 0 0\n',
            'etc/hostname': 'guest\n',
            'etc/ssh/sshd_config.d/lab.conf': _SSHD}.items():
        (root / path).write_text(text)
    for words in debian.units(root, {'disable': recipe.on_demand,
                                     'mask': recipe.all_masked(),
                                     'enable': recipe.all_enabled()}):
        _run(inside, *words)
    debian.clear(root)


def _keys(inside: box.Box, root: pathlib.Path, made: pathlib.Path) -> None:
    """Let the holder of a new key in, and tell what the guest will show."""
    _run(inside, 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'lab',
         '-f', str(made / 'key'))
    directory = root / 'root/.ssh'
    directory.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(made / 'key.pub', directory / 'authorized_keys')
    shutil.copy(root / 'etc/ssh/ssh_host_ed25519_key.pub',
                made / 'host_key.pub')


def _run(inside: box.Box, *words: str) -> None:
    inside.run('env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8',
               *words, seconds=debian.SECONDS)
