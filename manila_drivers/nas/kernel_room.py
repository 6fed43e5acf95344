# SPDX-License-Identifier: Apache-2.0

"""Exports of a server whose disk is full.  Pure.

Seen of exportfs 2.6.2: where there is no room for the table that it writes,
it leaves an empty one, exits with 0, and all clients of all shares are gone.
What it puts in place of the table is what it has written to, a link included:
so the table can be in memory meanwhile.  mountd reads one with another number
only, so that two files take turns.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import posixpath

from manila_drivers import exception
from manila_drivers.nas import directory
from manila_drivers.nas import kernel
from manila_drivers.transport import command

Commands = list[command.Command]

#: Files in memory that the table is written to in turn.
SPARE = ('/run/manila-etab.1', '/run/manila-etab.2')

#: The table of exports, :data:`SPARE`, then a call of exportfs: for servers
#: that run shells as root, which look at the last moment.
EXPORTFS = """\
set -u
table=$1 one=$2 two=$3
shift 3
# An empty table is copied where there is no room for anything: of four times
# what is exported no entry is longer.
if { cat "$table" && printf '%s\\n' "$@" "$@" "$@" "$@"; } \\
        >"$table.manila-1" && cp "$table.manila-1" "$table.manila-2"; then
    rm -f "$table.manila-1" "$table.manila-2"
else
    rm -f "$table.manila-1" "$table.manila-2"
    if [ -e "$table" ]; then
        if [ "$table" -ef "$one" ]; then one=$two; fi
        : >"$one" && ln -s -f -T "$one" "$table.tmp" || exit 1
    fi
fi
"$@"
"""

#: Says that what is written to files may not be on disk, and what it says.
#: It need not outlive a loss of power, after which all is told by the files.
UNSYNCED, MARK = '/run/manila-unsynced', 'unsynced'

_DISK = posixpath.dirname(kernel.ETAB)
_ANY = frozenset(range(256))

# Bytes that are enough for a table of any size, and beside two tables.
_PLENTY = 64 << 20
_SPARED = 1 << 20


def question() -> command.Command:
    """Ask how much more can be written where the table is, and for a mark."""
    return directory.run('stat', '-f', '-c', '%n %f %S %c %d', '--', _DISK,
                         UNSYNCED, accept=_ANY, reads=True)


def read(result: command.Result) -> tuple[int, bool]:
    """Return bytes that there is room for, and whether there is the mark.

    No room if that was not told.  A file system that makes room for files as
    they come says 0 of them.
    """
    told = {words[0]: words[1:] for line in result.stdout.splitlines()
            if (words := line.split())}
    words = told.get(_DISK, [])
    if len(words) != 4 or not all(map(str.isdigit, words)):
        return 0, UNSYNCED in told
    blocks, size, files, more = map(int, words)
    return 0 if files and more < 2 else blocks * size, UNSYNCED in told


def kept(commands: Commands, *, unsynced: bool) -> Commands:
    """Have a repetition see what was not on disk yet.

    Else it is told by what is exported, which changes last.

    :param unsynced: whether the mark is there.
    """
    if not unsynced and (not commands or is_live(commands[-1])):
        return commands
    mark = directory.run('tee', '--', UNSYNCED, stdin=MARK + '\n')
    return [mark, *commands, directory.all_kept('/etc'),
            directory.removed(UNSYNCED)]


def details() -> Commands:
    """Ask how large the table is, and where it is."""
    return [directory.run('stat', *words, '--', kernel.ETAB, accept=_ANY,
                          reads=True)
            for words in (('-L', '-c', '%s'), ('-c', '%N'))]


def is_plenty(free: int) -> bool:
    """Tell if there is room for a table of any size."""
    return free >= _PLENTY


def spare(free: int, results: Sequence[command.Result]) -> tuple[str, ...]:
    """Return the files that tables have to be written to, if any.

    :param free: bytes that there is room for on the disk.
    :param results: of :func:`details`.
    :returns: the first one is not in use; empty if there is room on disk.
    """
    size, name = (one.stdout.strip() for one in results)
    if size.isdigit() and free >= 2 * int(size) + _SPARED:
        return ()
    return SPARE[::-1] if SPARE[0] in name else SPARE


def is_live(one: command.Command) -> bool:
    """Tell if a command changes what is exported now."""
    return one.words()[0] == 'exportfs'


def is_file(one: command.Command) -> bool:
    """Tell if a command changes what is exported after the next start."""
    return one.words()[0] in ('tee', 'mv', 'rm')


def roomy(commands: Iterable[command.Command],
          spare: Sequence[str]) -> Commands:
    """Have each call of exportfs write its table to the next of some files.

    :param spare: see :func:`spare`; empty where the disk has room.
    """
    if not spare:
        return list(commands)
    found: Commands = []
    turn = 0
    for one in commands:
        if is_live(one):
            found.append(directory.run(
                'ln', '-s', '-f', '-T', '--', spare[turn % len(spare)],
                kernel.ETAB + '.tmp'))
            turn += 1
        found.append(one)
    return found


def is_full(error: exception.BackendError) -> bool:
    """Tell if there was no room for something."""
    return 'No space left' in error.answer


def unwritten(path: str, server: str, error: exception.BackendError,
              failure: exception.DriverError | None,
              ) -> exception.BackendError:
    """Return the error of access that could not be written down.

    :param failure: why it could not be taken away either.
    """
    kind = exception.NoRoom if is_full(error) else exception.BackendError
    left = 'Who shall have less has it still' if failure else \
        'Who shall have less has no more, until that server is rebooted'
    return kind(
        f'Who may reach {path} on {server} cannot be written down: '
        f'{error.what.rstrip(".")}. {left}', answer=error.answer,
        status=error.status,
        check='room in its root file system, and whether it can be '
              'written to; then do the same again')
