# SPDX-License-Identifier: Apache-2.0

"""The life of a share through Manila's API, for a driver of any kind.

`whole` runs it from the share type to the audit of what is left.  Each
function is a chapter and can be run alone; they raise `ScenarioFailure` at
the first thing that is not as it should be.
"""

from manila_drivers.testing.manila import copies
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila.journal import expect

HALF = scene.GIB // 2


def whole(play: scene.Scene) -> None:
    """A share is born, opened, resized, copied, let go, adopted, deleted."""
    before, chapter = play.inventory(), play.journal.chapter
    chapter('A share is made')
    make_type(play)
    share = create(play)
    chapter('Access rules come, overlap, change, are refused and go')
    access(play, share)
    chapter('It grows and shrinks, but not below its data')
    resize(play, share)
    if play.profile.snapshots:
        chapter('Snapshots, and shares made from them')
        copies.snapshots(play, share)
    if play.profile.manages:
        chapter('Manila lets it go and takes it over again')
        share = copies.adoption(play, share)
    chapter('The end: nothing is left behind')
    delete(play, share)
    audit(play, before)


def make_type(play: scene.Scene) -> None:
    """The share type, if an earlier scenario has not made it already.

    And the share network, where share servers are handled.
    """
    profile = play.profile
    if profile.servers and not play.network:
        with play.journal.step('create a share network'):
            play.network = play.new_network(profile.backend)
    if profile.share_type in play.client.types():
        return
    with play.journal.step('share type %s', profile.share_type) as note:
        specs = profile.extra_specs()
        play.client.create_type(profile.share_type, specs, profile.servers)
        note.says('%s', ', '.join('%s=%s' % each for each in specs.items()))


def create(play: scene.Scene, size: int = 1, name: str = 'life') -> str:
    """A new share, which nobody can reach."""
    with play.journal.step('create a share of %d GiB', size) as note:
        share = play.order(size, name)
        play.client.wait_share(share)
        exports = play.client.exports(share)
        expect(exports, 'the share has no export location')
        play.check_size(share, size)
        note.says('available at %s, open to %s', exports[0],
                  play.check_access(share))
    return share


def access(play: scene.Scene, share: str) -> None:
    """Rules come, overlap, change, are refused and go."""
    cast = play.profile.cast
    wide = allow(play, share, cast.wide, 'ro' if cast.mixed else 'rw')
    narrow = allow(play, share, cast.narrow, 'rw')
    single = allow(play, share, cast.single, 'rw')
    changes = play.manila.release.updates_access
    if changes and cast.mixed:
        change_level(play, share, narrow, 'ro')
        change_level(play, share, wide, 'rw')
        change_level(play, share, single, 'ro')
    if play.profile.invalid:
        refused(play, share, *play.profile.invalid)
    deny(play, share, wide, cast.wide)
    deny(play, share, single, cast.single)
    if changes and not cast.mixed:
        # One rule is left, so that there is one level only.
        change_level(play, share, narrow, 'ro')
        change_level(play, share, narrow, 'rw')


def allow(play: scene.Scene, share: str, to: str, level: str) -> str:
    kind = play.profile.cast.kind
    with play.journal.step('allow %s to %s', level, to) as note:
        rule: str = play.client.allow(share, kind, to, level)['id']
        now = play.check_access(share)
        expect(to in play.rules(share), 'the rule for %s is in error', to)
        note.says('open to %s', now)
    return rule


def change_level(play: scene.Scene, share: str, rule: str, level: str
                 ) -> None:
    to = next(row['access_to'] for row in play.client.rules(share)
              if row['id'] == rule)
    with play.journal.step('change %s to %s', to, level) as note:
        play.client.change_level(rule, level)
        now = play.check_access(share)
        expect(play.rules(share).get(to) == level,
               'the rule for %s is not %s', to, level)
        note.says('open to %s', now)


def refused(play: scene.Scene, share: str, kind: str, to: str, level: str
            ) -> None:
    """A rule that the driver cannot honour leaves the others in force."""
    others = play.rules(share)
    with play.journal.step('allow %s %s, which cannot be', kind, to) as note:
        rule = play.client.allow(share, kind, to, level)['id']
        states = play.client.wait_rules(share)
        expect(states[to] == 'error', 'the rule for %s became %s, not error',
               to, states[to])
        expect(play.rules(share) == others, 'other rules became %s', states)
        play.check_access(share)
        status = play.client.share(share)['status']
        expect(status == 'available', 'the share became %s', status)
        note.says('that rule: error; open to %s', play.check_access(share))
    deny(play, share, rule, to)


def deny(play: scene.Scene, share: str, rule: str, to: str) -> None:
    with play.journal.step('deny %s', to) as note:
        play.client.deny(share, rule)
        states = play.client.wait_rules(share)
        expect(to not in states, 'the rule for %s is still there', to)
        note.says('open to %s', play.check_access(share))


def resize(play: scene.Scene, share: str) -> None:
    """It grows, shrinks, and refuses to become smaller than its data."""
    extend(play, share, 3)
    shrink(play, share, 2)
    if play.storage is not None:
        play.storage.fill(play.client.exports(share)[0], scene.GIB + HALF)
        shrink_refused(play, share, 1)
        extend(play, share, 4)


def extend(play: scene.Scene, share: str, size: int) -> None:
    with play.journal.step('extend to %d GiB', size) as note:
        play.client.extend(share, size)
        play.client.wait_share(share)
        play.check_size(share, size)
        note.says('available, %d GiB', size)


def shrink(play: scene.Scene, share: str, size: int) -> None:
    with play.journal.step('shrink to %d GiB', size) as note:
        play.client.shrink(share, size)
        play.client.wait_share(share)
        play.check_size(share, size)
        note.says('available, %d GiB', size)


def shrink_refused(play: scene.Scene, share: str, size: int) -> None:
    before = play.client.share(share)['size']
    with play.journal.step('shrink to %d GiB, less than it holds',
                           size) as note:
        play.client.shrink(share, size)
        play.client.wait_share(share)
        play.check_size(share, before)
        why = play.client.message(share) or 'the user is not told why'
        note.says('refused, available, %d GiB; %s', before, why)


def delete(play: scene.Scene, share: str) -> None:
    """Gone, also while a rule still exists."""
    allow(play, share, play.profile.cast.late, 'rw')
    exports = play.client.exports(share)
    with play.journal.step('delete the share') as note:
        play.client.delete_share(share)
        play.client.wait_share_gone(share)
        if play.storage is not None:
            for client in play.profile.cast.probes:
                found = play.storage.level(client, exports[0])
                expect(found is None, '%s still has %s to %s', client, found,
                       exports[0])
        note.says('gone')


def audit(play: scene.Scene, before: frozenset[tuple[str, ...]]) -> None:
    with play.journal.step('compare storage with before') as note:
        play.check_untouched(before)
        note.says('nothing left behind, nothing else touched')
