# SPDX-License-Identifier: Apache-2.0

"""Many calls at once: Manila has 64 threads, and serialises very little."""

from collections.abc import Callable
from collections.abc import Sequence
import concurrent.futures
import threading
from typing import Any

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Manager
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage

THREADS = 64
ROUNDS = 40


def _together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all at once; results, or the exceptions they ended with."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return work()
        except Exception as exc:  # noqa: BLE001 - for whoever looks at it
            return exc
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def _no_errors(results: Sequence[Any]) -> None:
    for result in results:
        if isinstance(result, verdict.Violation):
            raise result
        if isinstance(result, Exception):
            raise verdict.Violation(
                'threads.failed',
                f'{type(result).__name__}: {result}') from result


def mixed_operations_at_once(stage: Stage) -> None:
    """Each thread has a share; two drivers have half of them each."""
    manager = stage.manager
    shares = [manager.new_share() for _ in range(THREADS)]
    snapshots = [manager.new_snapshot(share) for share in shares]
    rules = [[stage.rule() for _ in range(4)] for _ in shares]
    before = stage.strangers(*(share.id for share in shares[:3]))
    second = Manager(stage.lab)

    def live(number: int) -> None:
        mine = (manager, second)[number % 2]
        share, own = shares[number], rules[number]
        mine.create(share)
        mine.update(share, add=own[:2])
        mine.resize(share, 3)
        if stage.lab.features.snapshots:
            mine.create_snapshot(share, snapshots[number])
        mine.update(share, add=own[2:], delete=own[:1])
        mine.stats()
        if stage.lab.features.snapshots:
            mine.delete_snapshot(snapshots[number])
        if number % 3 == 0:
            mine.delete(share)
    _no_errors(_together([
        lambda number=number: live(number)  # type: ignore[misc]
        for number in range(THREADS)]))
    for number, share in enumerate(shares):
        if number % 3 == 0:
            stage.unreachable(share.exports, *rules[number])
        else:
            stage.exact(share, *rules[number])
            manager.delete(share)
    stage.untouched(before)


def a_delete_wins_over_an_access_change(stage: Stage) -> None:
    """In whatever order they come, nothing is left and nobody gets in."""
    manager = stage.manager
    manager.delete(manager.create())
    stage.lab.settle()
    before = dict(stage.lab.records())
    second = Manager(stage.lab)
    for _ in range(ROUNDS):
        rule = stage.rule()
        share = stage.shared(stage.rule())
        results = _together([
            lambda share=share, rule=rule:  # type: ignore[misc]
            manager.update(share, add=[rule]),
            lambda share=share:  # type: ignore[misc]
            second.delete_only(share)])
        if isinstance(results[0], Exception):
            sweep.documented(stage.lab, results[0])
        _no_errors(results[1:])
        stage.unreachable(share.exports, rule)
        stage.lab.settle()
        verdict.same('race.leftover', before, stage.lab.records())


def changes_of_one_share_do_not_mix(stage: Stage) -> None:
    """Two full lists at once: one of them is what counts in the end."""
    manager = stage.manager
    share = stage.shared(stage.rule())
    row = manager.row(share)
    for _ in range(ROUNDS // 4):
        lists = [[stage.rule() for _ in range(3)] for _ in range(8)]
        _no_errors(_together([
            lambda rules=rules: manager.driver.update_access(  # type: ignore[misc]
                manager.context, row, manager.rule_rows(share, rules),
                add_rules=[], delete_rules=[], update_rules=[])
            for rules in lists]))
        given = [{rule.access_id for rule in rules if stage.lab.effective(
            share.export, stage.client(rule))} for rules in lists]
        full = [len(found) for found in given if found]
        verdict.require(full == [3], 'race.mixed',
                        f'lists of three are honoured to {full}')


SCENARIOS = tuple(
    Scenario(play, looks=(evidence.OBJECTS, evidence.ACCESS)) for play in (
        mixed_operations_at_once, a_delete_wins_over_an_access_change,
        changes_of_one_share_do_not_mix))
