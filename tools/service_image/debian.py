# SPDX-License-Identifier: Apache-2.0

"""Packages of Debian, unpacked into a directory that becomes a disk."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import pathlib
import shutil
import subprocess
import typing as ty

#: Seconds that packages may take, with a busy machine and a slow mirror.
SECONDS = 900.0

#: What no machine reads.
LEFT_OUT = ('man', 'doc', 'locale', 'info', 'lintian')

#: An initial file system that holds what is named, made once.
INITRAMFS = """\
MODULES=list
COMPRESS=gzip
BUSYBOX=n
"""


class Source(ty.NamedTuple):
    """Where this machine takes its packages from."""

    release: str
    uri: str


class Failed(Exception):
    """A command failed; the text has the end of what it said."""


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


def acquire() -> str:
    """Return how this machine's apt gets its files: proxies and the like."""
    return subprocess.run(
        ['apt-config', 'dump', 'Acquire'], check=True, capture_output=True,
        text=True, timeout=60).stdout


def unpack(origin: Source, packages: Iterable[str], modules: Iterable[str],
           root: pathlib.Path, scratch: pathlib.Path) -> list[str]:
    """Return the command that installs packages into a new directory.

    :param modules: of the kernel, for the initial file system, which the
        installation of the kernel makes
    :param scratch: an empty directory that is there until the command ends
    """
    settings = scratch / 'apt.conf'
    settings.write_text(acquire())
    early = scratch / 'early'
    for path, text in {
            'etc/initramfs-tools/conf.d/modules': INITRAMFS,
            'usr/share/initramfs-tools/modules.d/all': ''.join(
                f'{name}\n' for name in modules)}.items():
        (early / path).parent.mkdir(parents=True)
        (early / path).write_text(text)
    return ['mmdebstrap', '--quiet', '--mode=root', '--variant=minbase',
            f'--include={",".join(packages)}', f'--aptopt={settings}',
            '--dpkgopt=force-unsafe-io',
            *(f'--dpkgopt=path-exclude=/usr/share/{each}/*'
              for each in LEFT_OUT),
            f'--essential-hook=cp -r {early}/* "$1"',
            origin.release, str(root),
            f'deb {origin.uri} {origin.release} main']


def units(root: pathlib.Path, wanted: Mapping[str, Sequence[str]]
          ) -> list[list[str]]:
    """Return the commands that enable, disable and mask units in there."""
    return [['systemctl', f'--root={root}', '--quiet', action, *names]
            for action, names in wanted.items() if names]


def clear(root: pathlib.Path) -> None:
    """Remove what the installation needed and nobody else does."""
    for each in ('var/cache/apt', 'var/lib/apt/lists', 'var/cache/debconf'):
        shutil.rmtree(root / each, ignore_errors=True)
        (root / each).mkdir()


def file_system(root: pathlib.Path, disk: pathlib.Path, mebibytes: int,
                label: str = '') -> list[list[str]]:
    """Return the commands that make a disk of a directory.

    It is one ext4 without partitions, with nothing that a machine would have
    to finish while it runs.
    """
    return [['truncate', '--size', f'{mebibytes}M', str(disk)],
            ['mkfs.ext4', '-q', '-m', '0', '-L', label, '-E',
             'lazy_itable_init=0,lazy_journal_init=0', '-d', str(root),
             str(disk)]]


def run(words: Sequence[str], seconds: float = SECONDS) -> str:
    """Run a command to its end and return what it said.

    :raises Failed: it failed, or took too long
    """
    try:
        done = subprocess.run(
            ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8',
             *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace',
            check=False, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise Failed(f'{words[0]}: not done after {seconds:g} s') from late
    if done.returncode:
        raise Failed('%s ended with %d: %s' % (
            ' '.join(words), done.returncode, done.stdout[-3000:].strip()))
    return done.stdout
