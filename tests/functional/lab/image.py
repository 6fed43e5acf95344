# SPDX-License-Identifier: Apache-2.0

"""The disk that guests boot from: built once, then copied on write.

Made from the Debian packages of the release that this machine runs, from
where its apt is configured to take them.
"""

from collections.abc import Iterator
import contextlib
import fcntl
import gzip
import os
import pathlib
import shutil
import subprocess
import time
import typing as ty

from tests.functional.lab import box
from tests.functional.lab import recipe as recipes

#: Seconds that a build may take, with a busy machine and a slow mirror.
SECONDS = 900.0
#: Seconds to wait for somebody else's build; two may be before us.
PATIENCE = 2 * SECONDS
#: Images of other recipes that are kept: other work trees may use them.
OTHERS = 2

_SCRATCH = 'building-'
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

#: What nobody reads in a guest.
_LEFT_OUT = ('man', 'doc', 'locale', 'info', 'lintian')


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


class Busy(AssertionError):
    """Somebody else has been building for too long."""


def cache() -> pathlib.Path:
    """Return where images are kept between runs, also of other clones."""
    named = os.environ.get('MANILA_DRIVERS_LAB_CACHE')
    home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    if named:
        return pathlib.Path(named)
    return pathlib.Path(home).expanduser() / 'manila_drivers' / 'lab'


def source() -> Source:
    """Return the first Debian release that apt is configured for.

    :raises LookupError: there is none, so this is no Debian
    """
    listing = subprocess.run(
        ['apt-get', 'indextargets', '--format',
         '$(ORIGIN) $(CODENAME) $(REPO_URI)',
         'Identifier: Packages', 'Component: main'],
        check=True, capture_output=True, text=True, timeout=60).stdout
    for line in listing.splitlines():
        origin, release, uri = line.split()
        if origin == 'Debian' and '-' not in release:
            return Source(release, uri)
    raise LookupError('apt knows no release of Debian')


def ready(recipe: recipes.Recipe) -> bool:
    return _place(recipe).exists()


def build(recipe: recipes.Recipe = recipes.GUEST) -> Image:
    """Return the image of a recipe; make it if the cache has none.

    :raises Busy: somebody else holds the lock and does not finish
    """
    place = _place(recipe)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _lock(place.parent / 'lock', PATIENCE):
        _sweep(place.parent)
        if not place.exists():
            scratch = place.parent / f'{_SCRATCH}{os.getpid()}'
            scratch.mkdir()
            try:
                _build(recipe, scratch)
                # The disk is whole: whoever sees the name may use it.
                (scratch / 'made').rename(place)
            finally:
                shutil.rmtree(scratch)
        os.utime(place)
        _forget(place)
    return Image(place / 'disk', place / 'kernel', place / 'initrd',
                 place / 'key', (place / 'host_key.pub').read_text())


def _place(recipe: recipes.Recipe) -> pathlib.Path:
    mine = pathlib.Path(__file__).read_text()
    return cache() / f'{recipe.name}-{recipe.key(mine, source().release)}'


@contextlib.contextmanager
def _lock(path: pathlib.Path, seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    with path.open('a+') as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    file.seek(0)
                    raise Busy(
                        f'{path} is held by process {file.read().strip()}'
                    ) from None
                time.sleep(0.2)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _sweep(directory: pathlib.Path) -> None:
    """Remove what a build has left that was killed; we have the lock.

    Its mounts and processes have ended with the box that they were in.
    """
    for left in directory.glob(f'{_SCRATCH}*'):
        shutil.rmtree(left)


def _forget(place: pathlib.Path) -> None:
    """Remove what has not been used for longest."""
    others = sorted(
        (each for each in place.parent.iterdir()
         if (each / 'disk').exists() and each != place),
        key=lambda each: each.stat().st_mtime, reverse=True)
    for old in others[OTHERS:]:
        shutil.rmtree(old)


def _build(recipe: recipes.Recipe, scratch: pathlib.Path) -> None:
    root, made = scratch / 'root', scratch / 'made'
    made.mkdir()
    # Ends with this process, however that ends, and its mounts with it.
    with box.Box('image', namespaces=box.OWN_FILES) as inside:
        _install(inside, recipe, root)
        _configure(inside, recipe, root)
        _key(inside, root, made)
        shutil.copy(root / os.readlink(root / 'vmlinuz'), made / 'kernel')
        # Unpacked here: there it takes longer, and at each boot.
        initrd = root / os.readlink(root / 'initrd.img')
        (made / 'initrd').write_bytes(gzip.decompress(initrd.read_bytes()))
        disk = made / 'disk'
        _run(inside, 'truncate', '--size', f'{recipe.gigabytes}G', str(disk))
        # No file systems that a guest would have to finish while it runs.
        _run(inside, 'mkfs.ext4', '-q', '-E',
             'lazy_itable_init=0,lazy_journal_init=0', '-d', str(root),
             str(disk))


def _install(inside: box.Box, recipe: recipes.Recipe,
             root: pathlib.Path) -> None:
    """Unpack the packages; the initial file system is made once, as we want.
    """
    release, uri = source()
    acquire = root.with_name('apt.conf')
    # Proxies and the like are the machine's business.
    acquire.write_text(subprocess.run(
        ['apt-config', 'dump', 'Acquire'], check=True, capture_output=True,
        text=True, timeout=60).stdout)
    early = root.with_name('early')
    for path, text in {'etc/initramfs-tools/conf.d/lab': _INITRAMFS,
                       'usr/share/initramfs-tools/modules.d/lab': _MODULES
                       }.items():
        (early / path).parent.mkdir(parents=True)
        (early / path).write_text(text)
    _run(inside, 'mmdebstrap', '--quiet', '--mode=root', '--variant=minbase',
         f'--include={",".join(recipe.all_packages())}',
         f'--aptopt={acquire}', '--dpkgopt=force-unsafe-io',
         *(f'--dpkgopt=path-exclude=/usr/share/{each}/*'
           for each in _LEFT_OUT),
         f'--essential-hook=cp -r {early}/* "$1"',
         release, str(root), f'deb {uri} {release} main')


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
    for action, units in (('disable', recipe.on_demand),
                          ('mask', recipe.all_masked()),
                          ('enable', recipe.all_enabled())):
        _run(inside, 'systemctl', f'--root={root}', action, *units)
    for each in ('var/cache/apt', 'var/lib/apt/lists'):
        shutil.rmtree(root / each, ignore_errors=True)


def _key(inside: box.Box, root: pathlib.Path, made: pathlib.Path) -> None:
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
               *words, seconds=SECONDS)
