# SPDX-License-Identifier: Apache-2.0

"""Scenarios about what shares hold: copies of snapshots, and ways back."""

from manila_drivers.model import GiB
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage


def _used(stage: Stage, share: Share) -> float:
    """GiB, to a tenth."""
    return next((round(float(row['used_size']), 1)
                 for row in stage.manager.usage()
                 if row['id'] == share.id), 0.0)


def a_clone_is_available_when_it_is_whole(stage: Stage) -> None:
    """Not when copying has begun."""
    manager = stage.manager
    share = manager.create(size=4)
    stage.lab.write(share.export, 2 * GiB)
    snapshot = manager.create_snapshot(share)
    stage.lab.write(share.export, 3 * GiB)
    stage.lab.slow_clones()
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=4), snapshot)
    for _ in range(20):
        if clone.status == 'available':
            break
        stage.lab.advance(600.0)
        manager.poll(clone)
    found = _used(stage, clone)
    verdict.require(clone.status == 'available', 'clone.status',
                    f'still {clone.status}')
    verdict.require(found == 2.0, 'clone.content',
                    f'{found} GiB, the snapshot had 2')


def _slow_clone(stage: Stage) -> Share:
    """Begin a share of 4 GiB with a snapshot of 2, which takes its time."""
    manager = stage.manager
    share = manager.create(size=4)
    stage.lab.write(share.export, 2 * GiB)
    snapshot = manager.create_snapshot(share)
    stage.lab.slow_clones()
    return manager.create_from_snapshot(
        manager.new_clone(snapshot, size=4), snapshot)


def a_clone_that_was_stopped_is_not_called_whole(stage: Stage) -> None:
    """That nothing is left of the work does not say that it was done."""
    manager, clone = stage.manager, _slow_clone(stage)
    if clone.status == 'available':
        raise verdict.NotTried('no clone takes its time')
    stage.lab.stop_clone(clone.export)
    for _ in range(5):
        manager.poll(clone)
        stage.lab.advance(300.0)
    found = _used(stage, clone)
    verdict.require(clone.status != 'available' or found == 2.0,
                    'clone.stopped', f'available with {found} of 2 GiB')


def what_is_written_into_a_clone_stays(stage: Stage) -> None:
    """Nothing that fills it goes on behind its end, whoever began it."""
    manager, clone = stage.manager, _slow_clone(stage)
    for turn in range(40):
        if clone.status == 'available':
            break
        stage.lab.miss_a_turn(turn == 0)
        manager.poll(clone)
        stage.lab.advance(300.0)
    stage.lab.miss_a_turn(False)
    verdict.require(clone.status == 'available', 'clone.status',
                    f'still {clone.status}')
    stage.lab.write(clone.export, 3 * GiB)
    stage.lab.advance(100_000.0)
    found = _used(stage, clone)
    verdict.require(found == 3.0, 'clone.content',
                    f'{found} GiB, 3 were written when it was available')


def going_back_keeps_who_has_access(stage: Stage) -> None:
    """Content and size are those of the snapshot, rules those of today."""
    manager = stage.manager
    early, late = stage.rule(), stage.rule(level='ro')
    share = stage.shared(early, size=4)
    stage.lab.write(share.export, 2 * GiB)
    snapshot = manager.create_snapshot(share)
    stage.lab.write(share.export, 3 * GiB)
    manager.update(share, add=[late], delete=[early])
    for _ in range(2):
        manager.revert(share, snapshot)
        found = _used(stage, share)
        verdict.require(found == 2.0, 'revert.content',
                        f'{found} GiB, the snapshot had 2')
        stage.exact(share, early)
    manager.delete_snapshot(snapshot)
    manager.delete(share)


def there_is_no_way_back_to_nothing(stage: Stage) -> None:
    """Clients that had access have it all the same."""
    manager = stage.manager
    share = stage.shared(stage.rule(), size=2)
    before = dict(stage.lab.records())
    snapshot = manager.new_snapshot(share)
    stage.fails('revert.absent', lambda: manager.revert(share, snapshot))
    verdict.same('revert.absent', before, stage.lab.records())
    stage.exact(share)


def nothing_comes_back_with_a_part_that_was_away(stage: Stage) -> None:
    """Check that what a deletion could not see goes to no other share.

    It fails then, and is repeated when all is there.
    """
    manager = stage.manager
    share = manager.create(size=4)
    stage.lab.write(share.export, 2 * GiB)
    if not stage.lab.content(share.export):
        raise verdict.NotTried('content() does not show what was written')
    stage.lab.part_away(share.export)
    try:
        manager.delete(share)
    except Exception as exc:  # noqa: BLE001 - it has to be one of Manila's
        sweep.documented(stage.lab, exc)
    stage.lab.part_back()
    if share.id in manager.shares:
        manager.delete(share)
    made = manager.create(size=4)
    found = stage.lab.content(made.export)
    verdict.require(found == 0, 'next.content',
                    f'{found} bytes of an earlier share are in a new one')
    manager.delete(made)


SCENARIOS = (
    Scenario(a_clone_is_available_when_it_is_whole, ('clones', 'usage'),
             ('slow_clones',)),
    Scenario(a_clone_that_was_stopped_is_not_called_whole,
             ('clones', 'usage'), ('slow_clones', 'stop_clone')),
    Scenario(what_is_written_into_a_clone_stays, ('clones', 'usage'),
             ('slow_clones',)),
    Scenario(going_back_keeps_who_has_access, ('revert', 'usage'),
             looks=(evidence.ACCESS,)),
    Scenario(there_is_no_way_back_to_nothing, ('revert',),
             looks=(evidence.OBJECTS, evidence.ACCESS)),
    Scenario(nothing_comes_back_with_a_part_that_was_away, ('parts',),
             ('part_away',)))
