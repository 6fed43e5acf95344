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

"""Chapters in which services stop, options change and storage goes away."""

import dataclasses
import time

from manila_drivers.rig import life
from manila_drivers.rig import scene
from manila_drivers.rig.journal import expect

# Manila's own words when it asks the driver to look at its shares, and when
# it does not because nothing has changed since the last start.
_ASKED = 'Re-exporting'
_SKIPPED = "Ensure shares is being skipped because the %s's"
_REFUSED = 'Error encountered during initialization of driver'
# Between saying so and marking the shares as being ensured.
_SETTLE_SECONDS = 0.3


def whole(play: scene.Scene) -> None:
    """A share outlives restarts, changed options and an outage."""
    life.make_type(play)
    before = play.inventory()
    share = life.create(play)
    cast = play.profile.cast
    life.allow(play, share, cast.wide, 'rw')
    life.allow(play, share, cast.narrow, 'ro' if cast.mixed else 'rw')
    restart(play, share)
    if play.manila.release.serves('2.86'):
        ensure_by_api(play, share)
    if play.profile.changes:
        ensure_after_change(play, share)
    if play.storage is not None:
        breakdown(play, share)
    life.delete(play, share)
    life.audit(play, before)


def restart(play: scene.Scene, share: str) -> None:
    """Nothing changed, so the driver is not asked to look at its shares."""
    with play.journal.step('restart the services') as note:
        mark = play.manila.log_mark()
        status = play.manila.restart()
        play.client.wait_state(play.host, 'up')
        expect(not play.profile.changes or _skipped(play, mark),
               'ensure was not skipped')
        note.says('driver ready after %.1f s, open to %s',
                  status.ready[play.profile.backend], _unharmed(play, share))


def ensure_by_api(play: scene.Scene, share: str) -> None:
    with play.journal.step('ensure shares, by the API') as note:
        mark = play.manila.log_mark()
        play.client.ensure_shares(play.host)
        play.client.wait('the service to ensure shares', lambda: (
            _ASKED in play.manila.log(mark) or None))
        time.sleep(_SETTLE_SECONDS)
        play.client.wait('the end of ensure', lambda: _idle(play) or None)
        note.says('available, open to %s', _unharmed(play, share))


def ensure_after_change(play: scene.Scene, share: str) -> None:
    """The driver tells of another backend, so it looks at its shares."""
    profile = play.profile
    settings = play.manila.settings
    changed = {**settings.backends[profile.backend], **profile.changes}
    with play.journal.step('restart with %s', ', '.join(
            '%s=%s' % each for each in profile.changes.items())) as note:
        play.manila.settings = dataclasses.replace(
            settings, backends={**settings.backends,
                                profile.backend: changed})
        mark = play.manila.log_mark()
        play.manila.restart()
        play.client.wait_state(play.host, 'up')
        expect(not _skipped(play, mark), 'ensure was skipped')
        note.says('shares ensured, available at %d locations, open to %s',
                  len(play.client.exports(share)), _unharmed(play, share))


def breakdown(play: scene.Scene, share: str) -> None:
    """Storage is off: calls fail honestly.  On again: all goes on."""
    assert play.storage is not None
    play.storage.stop()
    try:
        failed, rule = fail_meanwhile(play, share)
        restart_meanwhile(play)
    finally:
        play.storage.start()
    recover(play)
    mend(play, share, failed, rule)


def fail_meanwhile(play: scene.Scene, share: str) -> tuple[str, str]:
    """:returns: a share and a rule that could not be"""
    profile = play.profile
    size = play.client.share(share)['size']
    with play.journal.step('storage off: create a share') as note:
        failed: str = play.client.create_share(
            profile.protocol, 1, profile.share_type, name='unlucky')['id']
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


def restart_meanwhile(play: scene.Scene) -> None:
    """The driver cannot set itself up: the service says that it is down."""
    with play.journal.step('storage off: restart the services') as note:
        mark = play.manila.log_mark()
        play.manila.restart(wait_for=())
        play.client.wait('the driver to refuse to start', lambda: (
            _refused(play, mark) or None))
        state = play.client.state(play.host)
        expect(state == 'down', 'the share service is %s', state)
        note.says('share service down, API up')


def recover(play: scene.Scene) -> None:
    with play.journal.step('storage on again') as note:
        play.manila.wait()
        play.client.wait_state(play.host, 'up')
        note.says('share service up')


def mend(play: scene.Scene, share: str, failed: str, rule: str) -> None:
    """What failed is repeated, as an operator would, and works."""
    with play.journal.step('delete the share that failed') as note:
        play.client.delete_share(failed)
        play.client.wait_share_gone(failed)
        note.says('gone')
    single = play.profile.cast.single
    life.deny(play, share, rule, single)
    life.allow(play, share, single, 'rw')
    play.client.reset_share(share, 'available')
    life.extend(play, share, play.client.share(share)['size'] + 1)


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
