# SPDX-License-Identifier: Apache-2.0

"""Chapters of a share's life that make or take over other objects."""

from manila_drivers.testing.manila import api
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila.journal import expect


def snapshots(play: scene.Scene, share: str) -> None:
    """Snapshot, a share made from it, and the way back to it."""
    used = write(play, share)
    snapshot = take(play, share)
    # What is written now is not in the snapshot.
    write(play, share)
    if play.profile.clones:
        clone = create_from(play, snapshot, used)
        open_clone(play, share, clone)
        delete_clone(play, clone)
    if play.profile.reverts:
        revert(play, share, snapshot, used)
    else:
        revert_refused(play, share, snapshot)
    delete_snapshot(play, snapshot)


def write(play: scene.Scene, share: str) -> int | None:
    """Somebody adds something; how much there is then, if one can tell."""
    used = play.used(share)
    if play.storage is None or used is None:
        return None
    play.storage.fill(play.client.exports(share)[0], used + 4096)
    return used + 4096


def take(play: scene.Scene, share: str) -> str:
    with play.journal.step('create a snapshot') as note:
        snapshot: str = play.client.create_snapshot(share, 'moment')['id']
        play.client.wait_snapshot(snapshot)
        note.says('available')
    return snapshot


def create_from(play: scene.Scene, snapshot: str, used: int | None) -> str:
    """A new share with the snapshot's contents, which nobody can reach.

    :param used: how much the snapshot holds, None if storage cannot tell
    """
    profile = play.profile
    size = play.client.snapshot(snapshot)['share_size'] + 1
    seen: list[str] = []
    with play.journal.step('create a share from the snapshot') as note:
        clone: str = play.client.create_share(
            profile.protocol, size, profile.share_type, snapshot,
            name='clone')['id']
        play.client.wait('the clone', lambda: _arrived(play, clone, seen))
        play.check_size(clone, size)
        play.check_content(clone, used)
        note.says('%s at %s, open to %s', ' > '.join(seen),
                  play.client.exports(clone)[0], play.check_access(clone))
    return clone


def _arrived(play: scene.Scene, share: str, seen: list[str]) -> bool | None:
    """Note the share's state; true when it is available."""
    status = play.client.share(share)['status']
    if status not in seen:
        seen.append(status)
    expect('error' not in status, 'the share became %s', status)
    return status == 'available' or None


def open_clone(play: scene.Scene, share: str, clone: str) -> None:
    """The rules of a clone are its own."""
    cast = play.profile.cast
    with play.journal.step('allow rw to %s on the clone',
                           cast.stranger) as note:
        play.client.allow(clone, cast.kind, cast.stranger, 'rw')
        note.says('clone open to %s, its origin to %s',
                  play.check_access(clone), play.check_access(share))


def delete_clone(play: scene.Scene, clone: str) -> None:
    with play.journal.step('delete the clone') as note:
        play.client.delete_share(clone)
        play.client.wait_share_gone(clone)
        note.says('gone')


def delete_snapshot(play: scene.Scene, snapshot: str) -> None:
    with play.journal.step('delete the snapshot') as note:
        play.client.delete_snapshot(snapshot)
        play.client.wait_snapshot_gone(snapshot)
        note.says('gone')


def revert(play: scene.Scene, share: str, snapshot: str,
           used: int | None) -> None:
    """The share is what it was, for the same clients; the snapshot stays."""
    size = play.client.share(share)['size']
    with play.journal.step('revert to the snapshot') as note:
        play.client.revert(share, snapshot)
        play.client.wait_share(share)
        play.check_size(share, size)
        play.check_content(share, used)
        play.client.wait_snapshot(snapshot)
        note.says('available, %d GiB, open to %s', size,
                  play.check_access(share))


def revert_refused(play: scene.Scene, share: str, snapshot: str) -> None:
    """Check that the API refuses what the share type does not promise."""
    with play.journal.step('revert to the snapshot') as note:
        try:
            play.client.revert(share, snapshot)
        except api.ApiError as error:
            expect(error.status == 400, 'refused with %d', error.status)
            note.says('refused: %s', error.message)
        else:
            expect(False, 'the API accepted it')
        status = play.client.share(share)['status']
        expect(status == 'available', 'the share became %s', status)


def adoption(play: scene.Scene, share: str) -> str:
    """Manila lets go of a share and its snapshot, and takes them back.

    :returns: the id that Manila now knows the share by
    """
    location = ''
    if play.profile.snapshots and play.profile.manages_snapshots:
        location = let_snapshot_go(play, share)
    exports = play.client.exports(share)
    size = play.client.share(share)['size']
    if not play.profile.adopts_open:
        close(play, share)
    server = play.client.share(share).get('share_server_id')
    let_go(play, share)
    share = adopt(play, exports[0], size, server)
    if location:
        adopt_snapshot(play, share, location)
    return share


def let_snapshot_go(play: scene.Scene, share: str) -> str:
    """:returns: what the driver calls the snapshot that is left alone"""
    snapshot = take(play, share)
    location = play.client.provider_location(snapshot)
    before = play.inventory()
    with play.journal.step('unmanage the snapshot') as note:
        play.client.unmanage_snapshot(snapshot)
        play.client.wait_snapshot_gone(snapshot)
        play.check_untouched(before)
        note.says('storage keeps %s', location)
    return location


def close(play: scene.Scene, share: str) -> None:
    """All rules go."""
    with play.journal.step('deny everybody') as note:
        for rule in play.client.rules(share):
            play.client.deny(share, rule['id'])
        note.says('open to %s', play.check_access(share))


def let_go(play: scene.Scene, share: str) -> None:
    before = play.inventory()
    with play.journal.step('unmanage the share') as note:
        play.client.unmanage(share)
        play.client.wait_share_gone(share)
        play.check_untouched(before)
        note.says('Manila forgot it, storage has it')


def adopt(play: scene.Scene, export: str, size: int,
          server: str | None = None) -> str:
    with play.journal.step('manage %s', export) as note:
        share: str = play.client.manage(
            play.pool(), play.profile.protocol, export,
            play.profile.share_type, server)['id']
        play.client.wait_share(share)
        play.check_size(share, size)
        note.says('available, %d GiB at %s', size,
                  play.client.exports(share)[0])
    cast = play.profile.cast
    with play.journal.step('allow rw to %s', cast.single) as note:
        play.client.allow(share, cast.kind, cast.single, 'rw')
        note.says('open to %s', play.check_access(share))
    return share


def adopt_snapshot(play: scene.Scene, share: str, location: str) -> None:
    with play.journal.step('manage snapshot %s', location) as note:
        snapshot = play.client.manage_snapshot(share, location)['id']
        play.client.wait_snapshot(snapshot)
        note.says('available')
    delete_snapshot(play, snapshot)
