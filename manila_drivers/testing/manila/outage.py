# SPDX-License-Identifier: Apache-2.0

"""Chapters in which services stop, options change and storage goes away."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent import futures
import contextlib
import dataclasses
import time
from typing import NamedTuple
from typing import TypeVar

from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila.journal import expect
from manila_drivers.testing.manila.journal import Note

# Manila's own words when it asks the driver to look at its shares, and when
# it does not because nothing has changed since the last start.
_ASKED = 'Re-exporting'
_SKIPPED = "Ensure shares is being skipped because the %s's"
_REFUSED = 'Error encountered during initialization of driver'
# Between saying so and marking the shares as being ensured.
_SETTLE_SECONDS = 0.3

T = TypeVar('T')
R = TypeVar('R')


class Part(NamedTuple):
    """A scene, and the share that is looked at in it."""

    play: scene.Scene
    share: str


def whole(*plays: scene.Scene) -> None:
    """A share outlives restarts, changed options and an outage.

    Scenes of several backends of one Manila go through it together, so that
    each restart is one for all of them.
    """
    before = [play.inventory() for play in plays]
    parts = _each(open_share, plays)
    restart(*parts)
    if plays[0].manila.release.serves('2.86'):
        # One by one: the log does not say which of them it is about.
        for part in parts:
            ensure_by_api(*part)
    changing = [part for part in parts if part.play.profile.changes]
    if changing:
        ensure_after_change(*changing)
    stored = [part for part in parts if part.play.storage is not None]
    if stored:
        breakdown(*stored)
    _each(lambda part: life.delete(*part), parts)
    for play, known in zip(plays, before, strict=True):
        life.audit(play, known)


def open_share(play: scene.Scene) -> Part:
    """A share that some can reach."""
    life.make_type(play)
    share = life.create(play)
    cast = play.profile.cast
    life.allow(play, share, cast.wide, 'rw')
    life.allow(play, share, cast.narrow, 'ro' if cast.mixed else 'rw')
    return Part(play, share)


def restart(*parts: Part) -> None:
    """Nothing changed, so no driver is asked to look at its shares."""
    manila = parts[0].play.manila
    with _steps(parts, 'restart the services') as notes:
        mark = manila.log_mark()
        status = manila.restart()
        for (play, share), note in zip(parts, notes, strict=True):
            play.client.wait_state(play.host, 'up')
            expect(not play.profile.changes or _skipped(play, mark),
                   'ensure was not skipped')
            note.says('driver ready after %.1f s, open to %s',
                      status.ready[play.profile.backend],
                      _unharmed(play, share))


def ensure_by_api(play: scene.Scene, share: str) -> None:
    with play.journal.step('ensure shares, by the API') as note:
        mark = play.manila.log_mark()
        play.client.ensure_shares(play.host)
        play.client.wait('the service to ensure shares', lambda: (
            _ASKED in play.manila.log(mark) or None))
        time.sleep(_SETTLE_SECONDS)
        play.client.wait('the end of ensure', lambda: _idle(play) or None)
        note.says('available, open to %s', _unharmed(play, share))


def ensure_after_change(*parts: Part) -> None:
    """Drivers tell of another backend, so they look at their shares."""
    manila = parts[0].play.manila
    told: dict[str, object] = {}
    for part in parts:
        profile = part.play.profile
        told.update(profile.changes)
        _change(manila, profile)
    with _steps(parts, 'restart with %s' % ', '.join(
            '%s=%s' % each for each in told.items())) as notes:
        mark = manila.log_mark()
        manila.restart()
        for (play, share), note in zip(parts, notes, strict=True):
            play.client.wait_state(play.host, 'up')
            expect(not _skipped(play, mark), 'ensure was skipped')
            note.says('shares ensured, available at %d locations, open to '
                      '%s', len(play.client.exports(share)),
                      _unharmed(play, share))


def _change(manila: process.Manila, profile: scene.Profile) -> None:
    """Change a backend's options for its next start."""
    backends = manila.settings.backends
    changed = {**backends[profile.backend], **profile.changes}
    manila.settings = dataclasses.replace(
        manila.settings, backends={**backends, profile.backend: changed})


def breakdown(*parts: Part) -> None:
    """Storage is off: calls fail honestly.  On again: all goes on."""
    storages = [part.play.storage for part in parts
                if part.play.storage is not None]
    for storage in storages:
        storage.stop()
    try:
        failures = _each(lambda part: fail_meanwhile(*part), parts)
        restart_meanwhile(*parts)
    finally:
        for storage in storages:
            storage.start()
    recover(*parts)
    _each(lambda each: mend(*each[0], *each[1]),
          zip(parts, failures, strict=True))


def fail_meanwhile(play: scene.Scene, share: str) -> tuple[str, str]:
    """:returns: a share and a rule that could not be"""
    profile = play.profile
    size = play.client.share(share)['size']
    with play.journal.step('storage off: create a share') as note:
        failed = play.order(1, 'unlucky')
        play.client.wait_share(failed, 'error', through=('error',))
        note.says('error: %s', play.client.message(failed))
    cast = profile.cast
    with play.journal.step('storage off: allow %s', cast.single) as note:
        rule: str = play.client.allow(share, cast.kind, cast.single,
                                      'rw')['id']
        state = play.client.wait_rules(share)[cast.single]
        expect(state == 'error', 'the rule became %s', state)
        note.says('that rule: error')
    with play.journal.step('storage off: extend') as note:
        play.client.extend(share, size + 1)
        play.client.wait_share(share, 'extending_error',
                               through=('extending_error',))
        expect(play.client.share(share)['size'] == size, 'the size changed')
        note.says('extending_error, still %d GiB', size)
    return failed, rule


def restart_meanwhile(*parts: Part) -> None:
    """Drivers cannot set themselves up: services say that they are down."""
    manila = parts[0].play.manila
    with _steps(parts, 'storage off: restart the services') as notes:
        mark = manila.log_mark()
        manila.restart(wait_for=())
        for (play, _), note in zip(parts, notes, strict=True):
            _wait_refused(play, mark)
            state = play.client.state(play.host)
            expect(state == 'down', 'the share service is %s', state)
            note.says('share service down, API up')


def _wait_refused(play: scene.Scene, mark: int) -> None:
    play.client.wait('the driver to refuse to start', lambda: (
        _refused(play, mark) or None))


def recover(*parts: Part) -> None:
    with _steps(parts, 'storage on again') as notes:
        parts[0].play.manila.wait()
        for (play, _), note in zip(parts, notes, strict=True):
            play.client.wait_state(play.host, 'up')
            note.says('share service up')


def mend(play: scene.Scene, share: str, failed: str, rule: str) -> None:
    """Repeat what failed, as an operator would; it has to work."""
    with play.journal.step('delete the share that failed') as note:
        play.client.delete_share(failed)
        play.client.wait_share_gone(failed)
        note.says('gone')
    single = play.profile.cast.single
    life.deny(play, share, rule, single)
    life.allow(play, share, single, 'rw')
    play.client.reset_share(share, 'available')
    life.extend(play, share, play.client.share(share)['size'] + 1)


@contextlib.contextmanager
def _steps(parts: Sequence[Part], title: str) -> Iterator[list[Note]]:
    """One step in the journals of all of them."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(part.play.journal.step('%s', title))
               for part in parts]


def _each(act: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it for all at once."""
    todo = list(things)
    with futures.ThreadPoolExecutor(len(todo)) as threads:
        return list(threads.map(act, todo))


def _unharmed(play: scene.Scene, share: str) -> str:
    play.client.wait_share(share)
    return play.check_access(share)


def _skipped(play: scene.Scene, mark: int) -> bool:
    return _SKIPPED % play.host in play.manila.log(mark)


def _refused(play: scene.Scene, mark: int) -> bool:
    """Has Manila told of a failure of this backend's driver?"""
    return any(_REFUSED in line and '@' + play.host in line
               for line in play.manila.log(mark).splitlines())


def _idle(play: scene.Scene) -> bool:
    row = next(row for row in play.client.services()
               if row['host'] == play.host)
    return not row.get('ensuring', False)
