# SPDX-License-Identifier: Apache-2.0

"""Who holds a lease, written so that others can tell if it still lives."""

import functools
import os
import pathlib
import secrets
import socket

_PROC = pathlib.Path('/proc')


def new() -> str:
    """Return the name of a holder in this process, which no other has.

    Host, place, process, when that began, and a number: no more than 200
    characters.
    """
    pid = os.getpid()
    return '/'.join((socket.gethostname()[:64].replace('/', '-'), _place(),
                     str(pid), _began(pid) or '', secrets.token_hex(8)))


def is_dead(holder: str) -> bool:
    """Tell if a holder is known to have ended.

    Of other hosts, of other containers and of before a restart nothing is
    known but that their leases end.
    """
    words = holder.split('/')
    if len(words) != 5 or not words[1] or words[1] != _place():
        return False
    pid = int(words[2]) if words[2].isdecimal() else 0
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It is another user's, and may be hidden.
        pass
    began = _began(pid)
    return began is not None and bool(words[3]) and began != words[3]


def told(holder: str) -> str:
    """Return a holder in words."""
    words = holder.split('/')
    return (f'process {words[2]} of host {words[0]}' if len(words) == 5
            else 'somebody else')


@functools.cache
def _boot() -> str:
    try:
        return (_PROC / 'sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return ''


def _place() -> str:
    """Return what names one set of process numbers, '' if nothing does."""
    try:
        space = os.readlink(_PROC / 'self/ns/pid')
    except OSError:
        return ''
    boot = _boot()
    return f'{boot}-{space.strip("pid:[]")}' if boot else ''


def _began(pid: int) -> str | None:
    """Return when a process began, in ticks since the start of the host.

    '' if it has ended and nobody has asked how, None if it cannot be told.
    """
    try:
        # Behind the name, which may have spaces and brackets.
        words = (_PROC / str(pid) / 'stat').read_text().rpartition(')')[2]
    except OSError:
        return None
    fields = words.split()
    return '' if fields[0] in 'ZX' else fields[19]
