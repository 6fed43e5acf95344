# SPDX-License-Identifier: Apache-2.0

"""The life of shares, sentence by sentence."""

from collections.abc import Callable
from typing import Any

from manila_drivers.model import GiB
from manila_drivers.testing.conformance import cloning
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import managing
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage

TIMES = 10


def a_constructor_asks_nobody(stage: Stage) -> None:
    before = stage.lab.seam.calls
    stage.lab.make_driver(set_up=False)
    verdict.require(stage.lab.seam.calls == before, 'constructor.io',
                    'the constructor made external calls')


def set_up_may_be_repeated(stage: Stage) -> None:
    driver = stage.manager.driver
    for _ in range(3):
        driver.do_setup(stage.manager.context)
        driver.check_for_setup_error()
    stage.exact(stage.shared(stage.rule()))


def set_up_succeeds_after_it_has_failed(stage: Stage) -> None:
    driver = stage.lab.make_driver(set_up=False)

    def start() -> None:
        driver.do_setup(stage.manager.context)
        driver.check_for_setup_error()
    stage.lab.arm(stage.lab.faults[0], 1, lasting=True)
    stage.fails('setup.unnoticed', start)
    stage.lab.heal()
    start()
    stage.manager.driver = driver
    stage.exact(stage.shared(stage.rule()))


def a_share_lives_from_creation_to_deletion(stage: Stage) -> None:
    _whole_life(stage)


def rows_are_understood(stage: Stage) -> None:
    stage.manager.shape = rows.ROW
    _whole_life(stage)


def dictionaries_are_understood(stage: Stage) -> None:
    stage.manager.shape = rows.DICT
    _whole_life(stage)


def _whole_life(stage: Stage) -> None:
    manager, features = stage.manager, stage.lab.features
    before = stage.lab.records()
    share = manager.create(size=1)
    first = stage.rule(level='rw')
    stage.unreachable(share.exports, first)
    manager.update(share, add=[first])
    stage.exact(share)
    manager.resize(share, 3)
    if features.shrink:
        manager.resize(share, 2)
    if features.snapshots:
        snapshot = manager.create_snapshot(share)
        if features.clones:
            clone = manager.create_from_snapshot(
                manager.new_clone(snapshot, size=4), snapshot)
            manager.finish_clone(clone)
            stage.unreachable(clone.exports, first)
            manager.delete(clone)
            stage.lab.settle()
        manager.delete_snapshot(snapshot)
    if features.ensure:
        manager.ensure()
    stage.exact(share)
    manager.delete(share)
    stage.unreachable(share.exports, first)
    stage.nothing_but(before)


def nobody_reaches_a_share_before_its_first_rule(stage: Stage) -> None:
    share, rule = stage.manager.create(), stage.rule()
    stage.unreachable(share.exports, rule)
    stage.manager.update(share, add=[rule])
    stage.exact(share)


def every_call_may_be_repeated(stage: Stage) -> None:
    manager, features = stage.manager, stage.lab.features
    before = stage.lab.records()
    share = manager.new_share()
    _same_each_time('create', stage, lambda: manager.create(share).exports)
    rule = stage.rule()
    _same_each_time('update_access', stage,
                    lambda: manager.update(share, add=[rule]))
    _same_each_time('extend', stage, lambda: manager.resize(share, 3))
    if features.shrink:
        _same_each_time('shrink', stage, lambda: manager.resize(share, 2))
    if features.snapshots:
        snapshot = manager.new_snapshot(share)
        _same_each_time(
            'create_snapshot', stage, lambda: manager.create_snapshot(
                share, snapshot).provider_location)
        _same_each_time('delete_snapshot', stage,
                        lambda: manager.delete_snapshot(snapshot))
    if features.ensure:
        _same_each_time('ensure', stage, lambda: manager.ensure([share]))
    stage.exact(share)
    _same_each_time('delete', stage, lambda: manager.delete(share))
    stage.nothing_but(before)


def _same_each_time(name: str, stage: Stage,
                    call: Callable[[], Any]) -> None:
    """The first call changes the backend, the others nothing."""
    answer = call()
    state = dict(stage.lab.records())
    for number in range(1, TIMES):
        if number == TIMES // 2:
            stage.manager.restart()
        again = call()
        verdict.require(again == answer, f'{name}.repeated',
                        f'{again!r} instead of {answer!r}')
        verdict.same(f'{name}.repeated', state, stage.lab.records())


def deleting_what_is_not_there_succeeds(stage: Stage) -> None:
    share = stage.manager.new_share()
    with stage.changes_nothing('delete.absent'):
        stage.manager.delete(share)
        if stage.lab.features.snapshots:
            stage.manager.delete_snapshot(stage.manager.new_snapshot(share))


def a_delete_takes_rules_and_data_along(stage: Stage) -> None:
    """Manila does not deny the rules first if a sync is under way."""
    before = stage.lab.records()
    rule = stage.rule()
    share = stage.shared(rule)
    stage.exact(share)
    stage.write(share, 12345)
    stage.manager.delete_only(share)
    stage.unreachable(share.exports, rule)
    stage.nothing_but(before)


def a_delete_leaves_strangers_alone(stage: Stage) -> None:
    manager = stage.manager
    share = manager.new_share()
    snapshot = manager.new_snapshot(share)
    before = stage.strangers(share.id, snapshot.id)
    manager.create(share)
    manager.update(share, add=[stage.rule()])
    if stage.lab.features.snapshots:
        manager.create_snapshot(share, snapshot)
        manager.delete_snapshot(snapshot)
    manager.delete(share)
    manager.delete(share)
    stage.untouched(before)


def an_absent_share_is_reported(stage: Stage) -> None:
    manager = stage.manager
    # The directory of all shares comes with the first one.
    manager.delete(manager.create())
    stage.lab.settle()
    share = manager.new_share()
    share.locations = [{'path': '192.0.2.1:/nowhere'}]
    with stage.changes_nothing('absent.made'):
        stage.fails('absent.extend', lambda: manager.resize(share, 5))
        stage.fails('absent.access', lambda: manager.update(
            share, add=[stage.rule()]), 'ShareResourceNotFound')
        if stage.lab.features.snapshots:
            stage.fails('absent.snapshot',
                        lambda: manager.create_snapshot(share))


def another_protocol_is_refused(stage: Stage) -> None:
    share = stage.manager.new_share(proto='HDFS')
    with stage.changes_nothing('protocol.made'):
        stage.fails('protocol', lambda: stage.manager.create(share))


def shrinking_below_what_is_used_is_refused(stage: Stage) -> None:
    share = stage.manager.create(size=5)
    stage.write(share, int(2 * GiB * stage.lab.features.fills))
    with stage.changes_nothing('shrink.data-loss'):
        stage.fails('shrink.data-loss',
                    lambda: stage.manager.resize(share, 1),
                    'ShareShrinkingPossibleDataLoss')
    stage.manager.resize(share, 2)


def a_full_share_can_be_extended(stage: Stage) -> None:
    share = stage.manager.create(size=1)
    stage.write(share, GiB + 5)
    stage.manager.resize(share, 2)


def arguments_may_come_and_go(stage: Stage) -> None:
    """Future releases add keywords; 2024.2 does not know update_rules."""
    manager, driver = stage.manager, stage.manager.driver
    share = manager.new_share()
    share.locations = list(driver.create_share(
        manager.context, manager.row(share), share_server=None,
        something_new=True))
    rule = stage.rule()
    driver.update_access(manager.context, manager.row(share),
                         manager.rule_rows(share, [rule]),
                         manager.rule_rows(share, [rule]), [],
                         share_server=None)
    share.rules = {rule.access_id: rule}
    stage.exact(share)
    driver.extend_share(manager.row(share), 3, share_server=None, more=1)
    driver.delete_share(manager.context, manager.row(share),
                        share_server=None, something_new={})


def two_drivers_share_a_backend(stage: Stage) -> None:
    manager = stage.manager
    share = stage.shared(stage.rule())
    first = manager.driver
    manager.restart()
    manager.resize(share, 4)
    manager.driver = first
    manager.update(share, add=[stage.rule()])
    stage.exact(share)
    manager.delete(share)
    manager.restart()
    manager.delete(share)


def a_process_that_ends_leaves_no_lock(stage: Stage) -> None:
    share = stage.shared(stage.rule())
    stage.lab.seam.kill(1, after=True)
    try:
        stage.manager.update(share, add=[stage.rule()])
    except seam.Killed:
        pass
    else:
        raise verdict.NotTried(
            'the process could not be ended in the middle of a change; '
            + evidence.UNSEEN[evidence.CALLS])
    finally:
        stage.lab.seam.spare()
    stage.manager.restart()
    stage.manager.update(share, add=[stage.rule()])
    stage.exact(share)


BOTH = (evidence.OBJECTS, evidence.ACCESS)

def a_backend_that_moves_is_waited_for(stage: Stage) -> None:
    """A minute, in whatever pieces the refusals come."""
    manager = stage.manager
    early, late = stage.rule(), stage.rule(level='ro')
    stage.lab.away(60.0)
    share = manager.create(size=1)
    stage.lab.away(60.0)
    manager.update(share, add=[early])
    stage.exact(share, late)
    stage.lab.away(60.0)
    manager.resize(share, 2)
    stage.lab.away(60.0)
    manager.update(share, add=[late], delete=[early])
    stage.exact(share, early)
    stage.lab.away(60.0)
    manager.delete(share)


SCENARIOS = (
    Scenario(a_constructor_asks_nobody, looks=(evidence.CALLS,)),
    Scenario(set_up_succeeds_after_it_has_failed, gives=('faults',),
             looks=BOTH),
    Scenario(a_delete_leaves_strangers_alone, gives=('plant_strangers',)),
    *(Scenario(play, looks=BOTH) for play in (
        set_up_may_be_repeated, a_share_lives_from_creation_to_deletion,
        rows_are_understood, dictionaries_are_understood,
        nobody_reaches_a_share_before_its_first_rule,
        every_call_may_be_repeated, a_delete_takes_rules_and_data_along,
        arguments_may_come_and_go, two_drivers_share_a_backend)),
    *map(Scenario, (
        deleting_what_is_not_there_succeeds, an_absent_share_is_reported,
        another_protocol_is_refused, a_full_share_can_be_extended)),
    Scenario(a_process_that_ends_leaves_no_lock,
             looks=(*BOTH, evidence.CALLS)),
    Scenario(a_backend_that_moves_is_waited_for, gives=('away',),
             looks=BOTH),
    Scenario(shrinking_below_what_is_used_is_refused, ('shrink',)),
    *cloning.SCENARIOS, *managing.SCENARIOS)
