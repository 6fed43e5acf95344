# SPDX-License-Identifier: Apache-2.0

"""Find out whether every brick of a volume is there.

Files in a brick that is not there are not seen, and come back with it: what
looks empty without it need not be.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_drivers import exception
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import records

Brick = records.Brick
Volume = records.Volume

# Seconds to wait for bricks of a volume that has just been started, and for
# copies that are being healed; and between two looks.
_STARTING = 10.0
_HEALING = 60.0
_PAUSES = 0.5, 5.0

_CHECK = 'gluster volume status %s, gluster peer status'


# -- facts and what they mean: pure ----------------------------------------

def found(volume: Volume, bricks: Iterable[Brick]) -> list[Brick | None]:
    """Each brick of a volume among those of its status, in order.

    One server may have several names: then its id tells.
    """
    # Of one that is told of twice, that it does not run counts.
    known = sorted(bricks, key=lambda brick: not brick.online)
    by_name = {brick.name: brick for brick in known}
    by_place = {(brick.peer, brick.path): brick for brick in known
                if brick.peer}
    peers = volume.peers or ('',) * len(volume.bricks)
    return [by_name.get(name) or by_place.get(
        (peer, records.brick_path(name)))
        for name, peer in zip(volume.bricks, peers, strict=True)]


def missing(volume: Volume, bricks: Iterable[Brick]) -> tuple[str, ...]:
    """The bricks that do not run, or of which nothing is told."""
    return tuple(name for name, brick in zip(
        volume.bricks, found(volume, bricks), strict=True)
        if brick is None or not brick.online)


def restarted(volume: Volume, before: Iterable[Brick],
              after: Iterable[Brick]) -> tuple[str, ...]:
    """The bricks that were not there all the time between two looks."""
    return tuple(
        name for name, first, last in zip(
            volume.bricks, found(volume, before), found(volume, after),
            strict=True)
        if first is None or last is None or not last.online
        or not last.pid or first.pid != last.pid)


def unhealed(volume: Volume,
             heals: Sequence[records.BrickHeal] | None) -> tuple[str, ...]:
    """Return what keeps copies from being known to be the same, by brick."""
    if heals is None:
        return ()
    reasons = []
    known = {each.brick: each for each in heals}
    for number, name in enumerate(volume.bricks):
        heal = known.get(name)
        if heal is None and len(heals) == len(volume.bricks):
            # The server goes by another name there; all of them may have
            # the same directory, but the order is always that of bricks.
            there = heals[number]
            heal = there if there.brick not in volume.bricks and \
                records.brick_path(there.brick) == records.brick_path(
                    name) else None
        if heal is None or not heal.connected:
            reasons.append('%s is not connected' % name)
        elif heal.entries is None:
            reasons.append('%s does not tell' % name)
        elif heal.entries:
            reasons.append('%s: %d entries' % (name, heal.entries))
    return tuple(reasons)


def capacity(volume: Volume, bricks: Iterable[Brick],
             ) -> tuple[int | None, int | None]:
    """Bytes that a volume has in all and that are free.

    The smallest brick of each set counts, as often as the set keeps
    different data, and no arbiter does.  None if one that counts does not
    run: it may be the smallest, and what is told of it may be the size of
    the file system below.  None as well where it is not told how many bricks
    keep the same data; and of what is free if one does not tell that.
    """
    if not volume.width or len(volume.bricks) % volume.width or (
            volume.dispersed and (volume.redundancy is None
                                  or volume.redundancy >= volume.width)):
        return None, None
    total, free, told = 0, 0, True
    counted = list(zip(volume.bricks, found(volume, bricks), strict=True))
    for first in range(0, len(counted), volume.width):
        members = [brick for name, brick
                   in counted[first:first + volume.width]
                   if name not in volume.arbiters]
        known = [brick for brick in members if brick is not None
                 and brick.online and brick.total is not None]
        if not known or len(known) < len(members):
            return None, None
        times = volume.width - (volume.redundancy or 0) \
            if volume.dispersed else 1
        total += times * min(brick.total or 0 for brick in known)
        free += times * min(brick.free or 0 for brick in known)
        told &= all(brick.free is not None for brick in known)
    return (total, free if told else None) if counted else (None, None)


def unheard(volume: Volume,
            peers: Sequence[records.Peer]) -> tuple[str, ...]:
    """The servers that do not hear how their bricks are to be changed.

    Their bricks may well run, and go on as they were.  Where it is not told
    on which servers bricks are, all count.
    """
    there = {peer.ident for peer in peers if peer.connected}.difference(
        peer.ident for peer in peers if not peer.connected)
    hosts = dict(zip(volume.peers, (
        name.partition(':/')[0] for name in volume.bricks), strict=False))
    if not all(hosts) or not hosts:
        hosts = {peer.ident: peer.name for peer in peers} or {'': '(all)'}
    return tuple(sorted(name for ident, name in hosts.items()
                        if ident not in there))


def offline(volume: Volume, absent: Sequence[str],
            what: str) -> exception.Busy:
    """The error about bricks that are not there.

    :param what: what cannot be done without them.
    """
    return exception.Busy(
        'Volume %s %s: %s' % (volume.name, what, _offline(absent)),
        check=_CHECK % volume.name)


def _offline(absent: Sequence[str]) -> str:
    if not absent:
        return 'none of its bricks is known'
    return ('brick %s is offline' if len(absent) == 1
            else 'bricks %s are offline') % ', '.join(absent)


# -- looking ---------------------------------------------------------------

class Completeness:
    """Looks at the bricks of volumes of one cluster."""

    def __init__(self, gluster: client.GlusterClient) -> None:
        self._gluster = gluster
        self._clock = gluster.clock
        self._sleep = gluster.sleep

    def bricks(self, volume: Volume, what: str, *,
               patience: float = _STARTING) -> list[Brick]:
        """All bricks of a started volume, each of which runs.

        Waits a little for those of a volume that has just been started.

        :param what: what cannot be done without them, for the error.
        :raises Busy: one does not run, or nothing is told of it.
        """
        end = self._clock() + patience
        pause = _PAUSES[0]
        while True:
            seen = self._gluster.status(volume.name)
            absent = missing(volume, seen)
            if volume.bricks and not absent:
                return seen
            if not volume.bricks or self._clock() + pause > end:
                raise offline(volume, absent, what)
            self._sleep(pause)
            pause = min(pause * 2, _PAUSES[1])

    def check_unchanged(self, volume: Volume, before: Sequence[Brick],
                        what: str) -> None:
        """:raises Busy: a brick has not run all the time since then."""
        after = self._gluster.status(volume.name)
        absent = missing(volume, after)
        if absent:
            raise offline(volume, absent, what)
        again = restarted(volume, before, after)
        if again:
            raise exception.Busy(
                'Volume %s %s: brick %s was started anew meanwhile'
                % (volume.name, what, ', '.join(again)),
                check='that it keeps running; then try again')

    def check_heard(self, volume: Volume,
                    options: Mapping[str, str]) -> None:
        """See that what was set of a volume is so on every server.

        Gluster changes it on those alone that answer, and calls that a
        success; the others are told when they are back.

        :raises Busy: a server does not answer.
        :raises BackendError: it is not so.
        """
        peers, now = self._gluster.standing(volume.name)
        unset = now.changes({option: value for option, value
                             in options.items()
                             if option not in records.OPTIONAL})
        if unset:
            raise exception.BackendError(
                'Options of volume %s were set, and are not so: %s' % (
                    volume.name, ', '.join(sorted(unset))),
                check='gluster volume info %s' % volume.name)
        away = unheard(volume, peers)
        if away:
            raise exception.Busy(
                'Volume %s is changed, but not on %s: who was turned out may '
                'still reach the bricks there' % (
                    volume.name, ', '.join(away)),
                check='gluster pool list, and that glusterd runs there; then '
                      'try again')

    def heal(self, volume: Volume, what: str) -> None:
        """Wait until all copies are the same.

        What a copy still lacks is healed by gluster in its own time, which
        it is asked once not to wait for.

        :raises Busy: they are not after a minute.
        """
        if not volume.copies:
            return
        end = self._clock() + _HEALING
        pause, asked = _PAUSES[0], False
        while True:
            reasons = unhealed(volume, self._gluster.heals(volume.name))
            if not reasons:
                return
            if self._clock() + pause > end:
                raise exception.Busy(
                    'Volume %s %s: copies are yet to be healed: %s' % (
                        volume.name, what, '; '.join(reasons)),
                    check='gluster volume heal %s info, and that the '
                    'self-heal daemon runs' % volume.name)
            if not asked:
                asked = True
                self._gluster.heal(volume.name)
            self._sleep(pause)
            pause = min(pause * 2, _PAUSES[1])
