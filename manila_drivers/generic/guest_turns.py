# SPDX-License-Identifier: Apache-2.0

"""Whose turn it is inside a service VM.  Pure.

There is one lock for the tables that all shares have in common, which nobody
holds for long: :data:`LOCK`.  What may take long (checking, making, growing,
mounting a file system) is done under a lock of the share, and others go on
meanwhile.  Who works is told with all that is in a VM, so that nobody takes
the middle of that for the end.

A script that closes a share and opens it again leaves a note of how it will,
which whoever changes access meanwhile replaces.  The note counts as long as
the share's lock is held: scripts may be killed.
"""

from collections.abc import Iterator
import enum
import shlex

from manila_drivers.generic import guest_codes
from manila_drivers.generic import guest_scripts
from manila_drivers.nas import directory
from manila_drivers.transport import command
from manila_drivers.transport import script

# Seconds that others are waited for: about tables, and to open a share.
_PATIENCE, OPENING = 60, 600
_TAKEN = 75

#: Of all tables of a VM, and of what is mounted by scripts of the versions
#: before this one, which hold it for as long as they last.
LOCK = script.Lock('/run/manila-share.lock', _PATIENCE)
_BEGIN, _END = 'manila-share-', '.lock'
_NOTE = 'manila-closed-'
_UNWRITTEN = 'manila-unwritten-'


class Work(enum.Enum):
    """How far somebody is who works on a share."""

    #: Who gets in is nobody's business but of access rules.
    OPEN = 'open'
    #: It is about to be closed.
    CLOSING = 'closing'
    #: It is closed, and is opened as its note says.
    CLOSED = 'closed'


def long(ident: str, name: str, text: str, *arguments: object,
         timeout: float, stdin: str | None = None) -> command.Command:
    """Return a script that is the only one at work on a share.

    :param ident: of the share.
    :param name: what it is called in logs and in lists of processes.
    """
    lock = script.Lock(f'/run/{_BEGIN}{ident}{_END}', _PATIENCE)
    # Of one that was killed.
    path = shlex.quote(note(ident))
    stale = f'[ ! -e {path} ] || rm -f {path}\n'
    one = guest_scripts.run(name, stale + text, *arguments)
    return command.Command.of(*lock.words(), *one.words(), root=one.root,
                              timeout=timeout + _PATIENCE, stdin=stdin)


def forgotten(ident: str, name: str) -> command.Command:
    """Return what takes away the lock of a share that goes, and its notes."""
    return directory.removed(f'/run/{_BEGIN}{ident}{_END}', note(ident),
                             f'{note(ident)}.new', unwritten(name))


def is_long(one: command.Command) -> bool:
    return one.words()[0] == 'flock'


def words(one: command.Command) -> list[str]:
    """Return the words of a command without those of its lock."""
    found = one.words()
    return found[found.index('sh'):] if is_long(one) else found


# -- what could not be written down -------------------------------------------

def unwritten(name: str) -> str:
    """Return a file that says that a share is closed for some who get in by
    what is written down, until a restart.

    :param name: of the share's export.
    """
    return f'/run/{_UNWRITTEN}{name}'


# -- closing and opening -----------------------------------------------------

def note(ident: str) -> str:
    return f'/run/{_NOTE}{ident}'


# The kernel takes no word of more than 128 KiB, and a share may have thousands
# of clients: what names them is read.
#: turn: seconds, text: runs that with nobody else at the tables.
TURN = f"""\
turn() {{
    printf %s "$2" | flock -o -w "$1" -E {_TAKEN} {LOCK.path} sh -s
}}
"""


def closing(ident: str, shut: list[command.Command],
            again: list[command.Command], same: str = ':') -> str:
    """Return the text of a turn that closes a share.

    Others take it for closed once it is: if it cannot be, or that cannot be
    noted, it is opened again at once.

    :param shut: what closes it.
    :param again: what opens it then, unless that is changed meanwhile.
    :param same: fails in a shell if that has been changed since it was looked
        at: a script may come late, whose connection was given up.
    """
    path = shlex.quote(note(ident))
    return '\n'.join([
        '{', f'{same} || exit {guest_codes.TAKEN}',
        f'printf %s {shlex.quote(opened(again))} >{path}.new || exit 1',
        guest_scripts.function('closed', shut)
        + f'if closed && mv -f -T {path}.new {path}; then exit 0; fi',
        f'sh -s <{path}.new || exit {guest_codes.DOWN}',
        f'rm -f {path}.new', 'exit 1', '}', ''])


def opening(ident: str) -> str:
    """Return the text of a turn that opens a share as its note says."""
    path = shlex.quote(note(ident))
    return f'{{\nsh -s <{path} || exit 1\nrm -f {path}\nexit 0\n}}\n'


def opened(commands: list[command.Command]) -> str:
    """Return what a note says: it is never empty."""
    return guest_scripts.function('opened', commands) + 'opened\n'


#: Seconds that SHRINK and SUSPEND wait for their turns.
TURNS = _PATIENCE + OPENING

# note; the text is read: 34 unless somebody at work has closed the share.
_REPLACED = f"""\
set -u
lock=/run/{_BEGIN}${{1#/run/{_NOTE}}}{_END}
[ -s "$1" ] || exit 34
status=0
flock -n -s -o -E {_TAKEN} "$lock" true </dev/null || status=$?
[ "$status" -eq {_TAKEN} ] || exit 34
cat >"$1.new" && mv -f -T "$1.new" "$1"
"""


def replaced(ident: str, again: list[command.Command]) -> command.Command:
    """Have a share be opened in another way than it would be.

    Fails unless it is closed.
    """
    return guest_scripts.run('replaced', _REPLACED, note(ident),
                             stdin=opened(again))


# -- who works ---------------------------------------------------------------

# Notes of those that were killed go: nobody is to take them for another's.
_WORKING = f"""\
set -u
stale='[ ! -e "$1" ] || rm -f "$1"'
all=$(ls /run) || exit 25
printf '%s\\n' "$all" | while read -r name; do
    case $name in
    {_UNWRITTEN}*) printf '%s\n' "$name"; continue ;;
    {_BEGIN}*{_END}) ;;
    *) continue ;;
    esac
    ident=${{name#{_BEGIN}}}
    ident=${{ident%{_END}}}
    note=/run/{_NOTE}$ident status=0
    flock -n -s -o -E {_TAKEN} "/run/$name" sh -c "$stale" stale "$note" \\
        </dev/null || status=$?
    case $status in 0) continue ;; {_TAKEN}) ;; *) exit 25 ;; esac
    state=open
    if [ -s "$note" ]; then state=closed
    elif [ -e "$note" ]; then state=closing
    fi
    printf '%s %s\\n' "$ident" "$state"
done
"""


def question() -> command.Command:
    return guest_scripts.run('working', _WORKING)


def understand(text: str) -> dict[str, Work]:
    """Return how far those are who work on shares, by their ids."""
    return dict(_read(text))


def understand_unwritten(text: str) -> frozenset[str]:
    """Return names of exports that let in more than is exported now."""
    return frozenset(line.removeprefix(_UNWRITTEN)
                     for line in text.splitlines()
                     if line.startswith(_UNWRITTEN))


def _read(text: str) -> Iterator[tuple[str, Work]]:
    for line in text.splitlines():
        ident, _, state = line.partition(' ')
        if not line.startswith(_UNWRITTEN):
            yield ident, Work(state)
