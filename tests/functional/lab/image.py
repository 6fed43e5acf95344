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

"""Disks that guests boot from: built once, then copied on write.

Made from the Debian packages of the release that this machine runs, from
where its apt is configured to take them.
"""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as ty

from tests.functional.lab import recipe as recipes

_INITRAMFS = """\
MODULES=list
COMPRESS=gzip
BUSYBOX=n
"""
_MODULES = 'virtio_pci\nvirtio_blk\nvirtio_net\nvirtio_rng\next4\n'

_SSHD = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
UsePAM no
MaxStartups 100
MaxSessions 100
"""


class Image(ty.NamedTuple):
    """What a guest is started with."""

    disk: pathlib.Path
    kernel: pathlib.Path
    initrd: pathlib.Path
    key: pathlib.Path
    host_key: str


class Source(ty.NamedTuple):
    """Where this machine takes its packages from."""

    release: str
    uri: str


def cache() -> pathlib.Path:
    """Where images are kept between runs."""
    named = os.environ.get('MANILA_DRIVERS_LAB_CACHE')
    tox = os.environ.get('TOX_WORK_DIR')
    home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    if named:
        return pathlib.Path(named)
    if tox:
        return pathlib.Path(tox) / 'lab'
    return pathlib.Path(home).expanduser() / 'manila_drivers' / 'lab'


def source() -> Source:
    """The first Debian release that apt is configured for.

    :raises LookupError: there is none, so this is no Debian
    """
    listing = subprocess.run(
        ['apt-get', 'indextargets', '--format',
         '$(ORIGIN) $(CODENAME) $(REPO_URI)',
         'Identifier: Packages', 'Component: main'],
        check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        origin, release, uri = line.split()
        if origin == 'Debian' and '-' not in release:
            return Source(release, uri)
    raise LookupError('apt knows no release of Debian')


def ready(recipe: recipes.Recipe) -> bool:
    return _place(recipe).exists()


def build(recipe: recipes.Recipe) -> Image:
    """The image of a recipe, made if the cache has none."""
    place = _place(recipe)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _lock(place.parent / f'{recipe.name}.lock'):
        if not place.exists():
            for old in place.parent.glob(f'{recipe.name}-*'):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
                _build(recipe, pathlib.Path(scratch))
                (pathlib.Path(scratch) / 'made').rename(place)
    return Image(place / 'disk', place / 'kernel', place / 'initrd',
                 place / 'key', (place / 'host_key.pub').read_text())


def _place(recipe: recipes.Recipe) -> pathlib.Path:
    mine = pathlib.Path(__file__).read_text()
    return cache() / f'{recipe.name}-{recipe.key(mine, source().release)}'


@contextlib.contextmanager
def _lock(path: pathlib.Path) -> Iterator[None]:
    with path.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(recipe: recipes.Recipe, scratch: pathlib.Path) -> None:
    root, made = scratch / 'root', scratch / 'made'
    made.mkdir()
    release, uri = source()
    # Mounts that debootstrap makes are its own, even if it is killed.
    _run('unshare', '--mount', '--propagation', 'private',
         'debootstrap', '--variant=minbase',
         f'--include={",".join(recipe.all_packages())}',
         release, str(root), uri)
    _configure(recipe, root)
    _key(root, made)
    _run('chroot', str(root), 'update-initramfs', '-u')
    for name in ('kernel', 'initrd'):
        link = {'kernel': 'vmlinuz', 'initrd': 'initrd.img'}[name]
        shutil.copy((root / link).resolve() if not (root / link).is_symlink()
                    else root / os.readlink(root / link), made / name)
    disk = made / 'disk'
    _run('truncate', '--size', f'{recipe.gigabytes}G', str(disk))
    _run('mkfs.ext4', '-q', '-d', str(root), str(disk))


def _configure(recipe: recipes.Recipe, root: pathlib.Path) -> None:
    for path, (content, mode) in recipe.files().items():
        target = root / path
        target.write_bytes(content)
        target.chmod(mode)
    for path, text in {
            'etc/fstab': '/dev/vda / ext4 defaults 0 0\n',
            'etc/hostname': 'guest\n',
            'etc/initramfs-tools/conf.d/lab': _INITRAMFS,
            'etc/initramfs-tools/modules': _MODULES,
            'etc/ssh/sshd_config.d/lab.conf': _SSHD}.items():
        (root / path).write_text(text)
    for action, units in (('mask', recipe.all_masked()),
                          ('enable', recipe.all_enabled())):
        _run('systemctl', f'--root={root}', action, *units)
    shutil.rmtree(root / 'var/cache/apt')


def _key(root: pathlib.Path, made: pathlib.Path) -> None:
    """Let the holder of a new key in, and tell what the guest will show."""
    _run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'lab',
         '-f', str(made / 'key'))
    directory = root / 'root/.ssh'
    directory.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(made / 'key.pub', directory / 'authorized_keys')
    shutil.copy(root / 'etc/ssh/ssh_host_ed25519_key.pub',
                made / 'host_key.pub')


def _run(*words: str) -> None:
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive',
                   'LC_ALL': 'C.UTF-8'}
    result = subprocess.run(words, capture_output=True, text=True,
                            env=environment, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise RuntimeError('%s ended with %d: %s' % (
            ' '.join(words[:4]), result.returncode,
            (result.stdout + result.stderr)[-3000:]))
