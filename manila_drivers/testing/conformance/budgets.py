# SPDX-License-Identifier: Apache-2.0

"""How many external calls operations may take."""

from collections.abc import Callable
import math
import time
from typing import Any

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage

MANY = 1000
#: What a driver may know without asking.
FREE = ('update_access.unchanged',)
#: Of an operation, one of which no busy moment is in.
ATTEMPTS = 10


def _spend(stage: Stage, name: str, budget: int | None,
           call: Callable[[], Any]) -> int:
    before = stage.lab.seam.calls
    call()
    spent = stage.lab.seam.calls - before
    if not spent and name not in FREE:
        raise verdict.NotTried(f'{name}: {evidence.UNSEEN[evidence.CALLS]}')
    verdict.require(budget is None or spent <= budget, f'budget.{name}',
                    f'{spent} external calls, {budget} are allowed')
    return spent


def _warm(stage: Stage) -> Share:
    """A share, on a driver that has been used before."""
    stage.manager.driver.check_for_setup_error()
    return stage.manager.create()


def _limited(stage: Stage, *names: str) -> None:
    """:raises NotTried: the lab does not say how many calls are allowed."""
    missing = [name for name in names
               if getattr(stage.lab.budgets, name) is None]
    if missing:
        raise verdict.NotTried(
            'the budgets of the lab say nothing of ' + ', '.join(missing))


def life_stays_within_its_budget(stage: Stage) -> None:
    budgets, manager = stage.lab.budgets, stage.manager
    _warm(stage)
    share = manager.new_share()
    _spend(stage, 'create', budgets.create, lambda: manager.create(share))
    manager.update(share, add=[stage.rule()])
    _spend(stage, 'extend', budgets.resize, lambda: manager.resize(share, 4))
    if stage.lab.features.shrink:
        _spend(stage, 'shrink', budgets.resize,
               lambda: manager.resize(share, 2))
    _spend(stage, 'delete', budgets.delete,
           lambda: manager.delete_only(share))
    _limited(stage, 'create', 'resize', 'delete')


def rules_stay_within_their_budget(stage: Stage) -> None:
    """Whatever their number; and it does not grow where nothing is said."""
    budgets, manager = stage.lab.budgets, stage.manager
    counts = []
    for number in (2, 10, 100, MANY):
        share = _warm(stage)
        rules = [stage.rule(level=('rw', 'ro')[n % 2])
                 for n in range(number)]
        counts.append((
            _spend(stage, 'update_access', budgets.update_access,
                   lambda share=share, rules=rules:  # type: ignore[misc]
                   manager.update(share, add=rules)),
            _spend(stage, 'update_access.unchanged',
                   budgets.update_access_unchanged,
                   lambda share=share:  # type: ignore[misc]
                   manager.update(share)),
            _spend(stage, 'update_access', budgets.update_access,
                   lambda share=share, rules=rules:  # type: ignore[misc]
                   manager.update(share, delete=rules[1:]))))
    verdict.require(len(set(counts)) == 1, 'budget.update_access',
                    f'it grows with the rules: {counts}')
    _limited(stage, 'update_access', 'update_access_unchanged')


def a_start_with_many_shares_stays_within_its_budget(stage: Stage) -> None:
    manager = stage.manager
    _warm(stage)
    shares = [manager.new_share() for _ in range(MANY)]
    before = len(stage.lab.inventory())
    stage.lab.make_shares([share.id for share in shares])
    if len(stage.lab.inventory()) < before + MANY:
        raise verdict.NotTried('records() do not show the shares that '
                               'make_shares() made')
    with stage.changes_nothing('ensure.healthy'):
        _spend(stage, 'ensure', stage.lab.budgets.ensure_1000,
               lambda: manager.ensure(shares))
    for share in shares:
        verdict.require(share.status != 'error' and share.locations,
                        'ensure.healthy', f'{share.id} is {share.status}')
    _limited(stage, 'ensure_1000')


def statistics_stay_within_their_budget(stage: Stage) -> None:
    _warm(stage)
    # They may look once at what has changed since the last ones.
    stage.manager.stats()
    stage.lab.advance(120.0)
    _spend(stage, 'stats', stage.lab.budgets.stats, stage.manager.stats)
    _limited(stage, 'stats')


def no_operation_sits_idle(stage: Stage) -> None:
    """Check that hardly any time goes into anything but external calls.

    A busy machine may take it once, but not each time.
    """
    manager, features = stage.manager, stage.lab.features
    limit = stage.lab.budgets.own_seconds
    if limit is None:
        raise verdict.NotTried('the budgets of the lab say nothing of '
                               'own_seconds')
    share = _warm(stage)
    calls: dict[str, Callable[[], Any]] = {
        'create': manager.create,
        'update_access': lambda: manager.update(share, add=[stage.rule()]),
        'extend': lambda: manager.resize(share, (share.size or 1) + 1),
        'stats': manager.stats}
    if features.snapshots:
        calls['snapshot'] = lambda: manager.delete_snapshot(
            manager.create_snapshot(share))
    if features.ensure:
        calls['ensure'] = lambda: manager.ensure([share])
    calls['delete'] = lambda: manager.delete_only(share)
    for name, call in calls.items():
        best = _own_seconds(stage, call, limit)
        verdict.require(best <= limit, 'budget.seconds',
                        f'{name} took {best:.1f} s besides external calls')


def _own_seconds(stage: Stage, call: Callable[[], Any],
                 limit: float) -> float:
    """Return the best of up to ten attempts."""
    best = math.inf
    for _ in range(ATTEMPTS):
        spent, started = stage.lab.seam.seconds, time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started
                   - (stage.lab.seam.seconds - spent))
        if best <= limit:
            break
    return best


SCENARIOS = (
    Scenario(life_stays_within_its_budget),
    Scenario(rules_stay_within_their_budget),
    Scenario(no_operation_sits_idle, looks=(evidence.CALLS,)),
    Scenario(a_start_with_many_shares_stays_within_its_budget, ('ensure',),
             ('make_shares',)),
    Scenario(statistics_stay_within_their_budget))
