# SPDX-License-Identifier: Apache-2.0

"""Directories that servers shall export, and files of servers.  Pure."""

from collections.abc import Iterable
import pathlib
import re

from manila_drivers import exception
from manila_drivers.nas import exports
from manila_drivers.transport import command
from manila_drivers.transport import remarks

#: Seconds for a command that does not grow with what it is given.
USUAL = 60.0

# Exit codes of cat and grep that have looked.
_LOOKED = frozenset({0, 1, 2})
_NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,200}')


def check(wanted: exports.Export) -> None:
    """:raises InvalidRequest: its name or path cannot be written down."""
    if not _NAME.fullmatch(wanted.name):
        raise exception.InvalidRequest(
            f'{wanted.name!r} cannot be the name of an export',
            check='share_name_template: letters, digits and _.+@- only')
    if (not wanted.path.startswith('/') or wanted.path.endswith('/')
            or re.search(r'[\x00-\x1f\x7f]', wanted.path)):
        raise exception.InvalidRequest(
            f'{wanted.path!r} cannot be exported')


def made(directory: str) -> command.Command:
    return run('mkdir', '-p', '--', directory)


def replaced(file: str, text: str, *, half: str = '',
             mark: str = '') -> list[command.Command]:
    """Put a file in place so that no reader ever sees half of it, and no
    power failure brings back what was there before.

    :param half: what it is called until it is whole; must not end in what
        the readers of such a directory look for.
    :param mark: a file that is there from before the change.
    """
    half = half or f'{file}.new'
    return [run('tee', '--', *([mark] if mark else []), half, stdin=text),
            run('mv', '-f', '-T', '--', half, file),
            kept(file, file.rpartition('/')[0] or '/')]


def kept(*paths: str) -> command.Command:
    """Wait until files are on disk, or what a directory has in it.

    Before it has run, a server that loses power may come up with what was
    there before: seen with ext4, half a minute later.
    """
    return run('sync', '--', *paths)


def all_kept(directory: str) -> command.Command:
    """Wait until all that a call which was cut off wrote is on disk."""
    return run('sync', '-f', '--', directory)


def removed(*paths: str) -> command.Command:
    return run('rm', '-f', '--', *paths)


def run(*words: str, **parts: object) -> command.Command:
    """A command on a NAS server: all of them need root.

    Without another limit it takes no longer than all such commands do.
    """
    return command.Command.of(*words, root=True,
                              **{'timeout': USUAL, **parts})


def look(*words: str) -> command.Command:
    """Run cat or grep, which may find nothing, or no file."""
    return run(*words, accept=_LOOKED, reads=True)


def above(paths: Iterable[str], exported: Iterable[str]) -> list[str]:
    """Exports that have some of the paths below them."""
    known = set(exported)
    return sorted({str(parent) for path in paths
                   for parent in pathlib.PurePosixPath(path).parents
                   if str(parent) in known})


def objection(result: command.Result) -> str:
    """Why a question was not answered; '' if it was.

    grep and cat exit with an error where there is nothing; but so does sudo
    where it refuses to run them, and then nothing is known.
    """
    if not result.status:
        return ''
    return ' '.join(
        line.strip() for line
        in remarks.without(result.stderr).splitlines() if line.strip()
        and not line.endswith('No such file or directory'))[-500:]


def unsearched(result: command.Result) -> str:
    """Why grep has not told what there is; '' if it has.

    It exits with 0 only where it has found something.
    """
    if not result.status and not result.stdout:
        return 'it is said that something was found, and not what'
    return objection(result)


def files(text: str, directory: str, suffixes: str) -> dict[str, str]:
    """Name to content from what ``grep -rH -- ''`` prints of a directory.

    :param suffixes: alternatives of a regular expression, of names.
    """
    line = re.compile(
        rf'{re.escape(directory)}/+([^/:]+\.(?:{suffixes})):(.*)')
    found: dict[str, list[str]] = {}
    for one in text.split('\n'):
        match = line.fullmatch(one)
        if match:
            found.setdefault(match[1], []).append(match[2])
    return {name: '\n'.join(lines) + '\n' for name, lines in found.items()}
