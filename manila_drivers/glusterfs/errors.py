# SPDX-License-Identifier: Apache-2.0

"""Meaning of failed ``gluster`` commands.  Pure."""

import re
from typing import Any

from manila_drivers import exception
from manila_drivers.glusterfs import parsing
from manila_drivers.transport import command
from manila_drivers.transport import remarks

NOT_SUPPORTED = 30801
LOCKED = 30802
BRICK_DOWN = 30803
NODE_DOWN = 30804
LIMIT = 30805
NO_VOLUME = 30806
NO_SNAPSHOT = 30807
REBALANCING = 30808
NOT_STARTED = 30810
VOLUME_EXISTS = 30811
SNAPSHOT_EXISTS = 30812
NOT_THIN = 30815
SAME_STATE = 22

# Older versions have no numbers, and newer ones often none that tells.
_TEXTS = (
    # A peer that cannot lock says so in other words than the own server.
    (LOCKED, re.compile(
        r'Another transaction (is|could be) in progress'
        r'|(?<!un)locking failed (on|for) '
        r'|(Failed|Unable) to acquire (the )?(\S+ )?locks?\b'
        r'|Unable to get lock for|Cluster lock (is )?held by|Lock timed out',
        re.I)),
    (NO_VOLUME, re.compile(r'[Vv]olume (\(?\S+\)? )?does not exist')),
    (NO_SNAPSHOT, re.compile(
        r'Snapshot \(?\S+\)? does not exist|Failed to find :\S+ snap')),
    (NODE_DOWN, re.compile(
        r"Some of the peers are down|Host \S+ (is )?not connected"
        r"|is not in 'Peer in Cluster' state|[Pp]eer \S+ is not connected")),
    (BRICK_DOWN, re.compile(r'bricks? (is|are) (down|not running)')))

# What another server says of its own copy of the configuration, which is
# behind: here it is not so.
_OF_A_PEER = re.compile(
    r'\b(staging|commit|(pre|post)[ -]?validation) failed on (?!localhost)',
    re.I)
_UNKNOWN_OPTION = re.compile(r'option : (\S+) does not exist')
_STARTED = re.compile('already started')
_STOPPED = re.compile('is not in the started state')
_QUOTA_ON = re.compile('Quota is already enabled')
_QUOTA_OFF = re.compile('Quota is (already )?disabled')
_HAS_SNAPSHOTS = re.compile(r'as it has \d+ snapshots')
_UNREACHABLE = re.compile(
    'Connection failed|Unable to connect|daemon is operational')
_TIMED_OUT = re.compile('Request timed out')


def number(answer: parsing.GlusterAnswer) -> int:
    """Gluster's error number, or the one that the text means; 0 if none."""
    if answer.ok:
        return 0
    known = next((known for known, text in _TEXTS
                  if text.search(answer.text)), answer.number)
    if known in (NO_VOLUME, NO_SNAPSHOT) and _OF_A_PEER.search(answer.text):
        return 0
    return known


def unknown_option(answer: parsing.GlusterAnswer) -> str:
    """The option of a ``volume set`` that this build does not have."""
    found = _UNKNOWN_OPTION.search(answer.text)
    return found[1] if found and not answer.ok else ''


def already(answer: parsing.GlusterAnswer, words: tuple[str, ...]) -> bool:
    """Tell if a command failed because all is as it would have made it."""
    if _OF_A_PEER.search(answer.text):
        return False
    told = {
        ('volume', 'start'): _STARTED, ('volume', 'stop'): _STOPPED,
        ('volume', 'quota', 'enable'): _QUOTA_ON,
        ('volume', 'quota', 'disable'): _QUOTA_OFF,
    }.get((*words[:2], *words[3:4]) if words[1:2] == ('quota',)
          else words[:2])
    if told is not None:
        return told.search(answer.text) is not None
    return words[:1] == ('snapshot',) \
        and words[1:2] in (('activate',), ('deactivate',)) \
        and answer.number == SAME_STATE


def failure(answer: parsing.GlusterAnswer, what: str) -> exception.DriverError:
    """The error to raise for an answer that is none of success."""
    known = number(answer)
    said = ' '.join(filter(None, (
        answer.text, '(%d)' % answer.number if answer.number else '')))
    parts: dict[str, Any] = {'answer': said, 'status': known or None}
    if known in (NO_VOLUME, NO_SNAPSHOT):
        return exception.NotFound(what, **parts)
    if known in (VOLUME_EXISTS, SNAPSHOT_EXISTS):
        return exception.Conflict(what, **parts)
    if known == LOCKED:
        return exception.Busy(what, check='what else works on this volume, '
                              'and whether a server holds a stale lock',
                              **parts)
    if known in (BRICK_DOWN, NODE_DOWN):
        return exception.Busy(what, check='gluster peer status, gluster '
                              'volume status', **parts)
    if known == REBALANCING or _HAS_SNAPSHOTS.search(answer.text):
        return exception.Busy(what, **parts)
    if known in (NOT_SUPPORTED, NOT_THIN) \
            or 'snapshot functionality is disabled' in answer.text:
        return exception.Unsupported(what, answer=said,
                                     check='whether all bricks are on thin '
                                           'logical volumes')
    return exception.BackendError(what, **parts)


def speechless(result: command.Result, what: str,
               cmd: command.Command) -> exception.DriverError:
    """The error to raise for an output that is no XML."""
    output = remarks.told(result)
    excerpt, status = cmd.excerpt(output), result.status
    if _UNREACHABLE.search(output):
        return exception.Unreachable(
            what, answer=excerpt, check='whether glusterd runs, and this '
            'user is root there')
    if _TIMED_OUT.search(output):
        return exception.OutcomeUnknown(what, answer=excerpt)
    if remarks.no_such(result):
        return exception.BackendError(
            what, answer=excerpt, status=127, check='whether gluster is '
            'installed there, and secure_path in sudoers')
    if remarks.refusal(result):
        return exception.AccessDenied(
            what, answer=excerpt, status=status,
            check='sudoers: this user must be allowed to run gluster')
    if status == 0:
        # It may have been done: only the answer was lost or cut off.
        return exception.OutcomeUnknown(what, answer=excerpt)
    return exception.BackendError(what, answer=excerpt, status=status)
