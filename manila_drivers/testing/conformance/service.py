# SPDX-License-Identifier: Apache-2.0

"""The service as a whole: start-up, statistics, what is logged."""

import contextlib
import itertools
import threading
from typing import Any

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import figures
from manila_drivers.testing.conformance import secrets
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.lab import Drift
from manila_drivers.testing.conformance.lab import Fault
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage


def statistics_are_complete(stage: Stage) -> None:
    _complete(stage)


def statistics_never_fail(stage: Stage) -> None:
    """Raising would send the service into a loop of restarts."""
    struck = False
    for fault in stage.lab.faults:
        stage.manager.restart()
        before = stage.lab.seam.calls
        stage.lab.arm(fault, 1, lasting=True)
        try:
            _complete(stage)
            struck = struck or stage.lab.seam.calls > before
        except verdict.Violation:
            raise
        except Exception as exc:
            raise verdict.Violation(
                'stats.raised', f'{fault.name}: {type(exc).__name__}: {exc}',
            ) from exc
        finally:
            stage.lab.heal()
    known = stage.manager.stats()
    verdict.require(known.get('total_capacity_gb') != 'unknown',
                    'stats.unknown', 'nothing is known of a healthy backend')
    _struck(struck)


def _struck(struck: bool) -> None:
    """:raises NotTried: no fault can have met a call."""
    if not struck:
        raise verdict.NotTried('no fault met an external call; '
                               + evidence.UNSEEN[evidence.CALLS])


def _complete(stage: Stage) -> None:
    figures.require_complete(stage.manager.stats(), stage.lab.features)


def what_is_advertised_is_there(stage: Stage) -> None:
    """No more, and no less, than what the suites are told to try."""
    stats, features = stage.manager.stats(), stage.lab.features
    for key, there in (
            ('snapshot_support', features.snapshots),
            ('create_share_from_snapshot_support', features.clones),
            ('revert_to_snapshot_support', features.revert)):
        for pool in figures.pools(stats):
            found = bool(pool.get(key, stats.get(key)))
            verdict.require(found == there, 'stats.features',
                            f'{key} is {found}, the lab says {there}')


def usage_is_told(stage: Stage) -> None:
    share, empty = stage.manager.create(size=4), stage.manager.create(size=4)
    stage.lab.write(share.export, 3 * 1024 ** 3)
    stage.lab.settle()
    used = {row['id']: row['used_size'] for row in stage.manager.usage()}
    verdict.require(used.get(share.id) == 3, 'usage', str(used))
    verdict.require(used.get(empty.id, 0) < 1, 'usage',
                    f'{used[empty.id]} GiB in an empty share'
                    if empty.id in used else '')


def what_is_healthy_is_left_alone(stage: Stage) -> None:
    share = stage.shared(stage.rule(), stage.rule(level='ro'))
    with stage.changes_nothing('ensure.healthy'):
        answers = stage.manager.ensure([share])
    verdict.require(
        answers[share.id].get('status', 'available') == 'available',
        'ensure.healthy', str(answers))
    stage.exact(share)


def no_shares_are_fine(stage: Stage) -> None:
    verdict.require(stage.manager.ensure([]) == {}, 'ensure.answers',
                    'answers for no share')


def each_drift_is_repaired_or_reported(stage: Stage) -> None:
    """And the share beside it is not affected."""
    unseen = [drift.name for drift in stage.lab.drifts()
              if not _drifted(stage, drift) and drift.visible]
    if unseen:
        raise verdict.NotTried('records() show nothing of these drifts: '
                               + ', '.join(unseen))


def _drifted(stage: Stage, drift: Drift) -> bool:
    """Try one; tell whether the lab has shown what it did."""
    broken = stage.shared(stage.rule(), stage.rule(level='ro'))
    healthy = stage.shared(stage.rule())
    healthy_state = stage.lab.records()
    drift.apply(broken.id)
    changed = stage.lab.records() != healthy_state
    before = stage.lab.records()
    answers = stage.manager.ensure([broken, healthy])
    stage.exact(healthy)
    answer = answers[broken.id]
    if drift.outcome == 'lost':
        verdict.require(answer.get('status') == 'error', 'ensure.lost',
                        f'{drift.name}: {answer}')
        verdict.same('ensure.recreated', before, stage.lab.records())
        return changed
    verdict.require(answer.get('status', 'available') == 'available',
                    'ensure.repair', f'{drift.name}: {answer}')
    if drift.outcome == 'reapply':
        verdict.require(answer.get('reapply_access_rules') is True,
                        'ensure.reapply', f'{drift.name}: {answer}')
    stage.exact(broken)
    return changed


def start_up_never_fails(stage: Stage) -> None:
    """A share without an answer would be stuck in "ensuring" for ever."""
    share = stage.shared(stage.rule())
    struck = False
    for fault in stage.lab.faults:
        stage.manager.restart()
        before = stage.lab.seam.calls
        stage.lab.arm(fault, 1, lasting=True)
        try:
            answers = stage.manager.ensure([share])
        except verdict.Violation:
            raise
        except Exception as exc:
            raise verdict.Violation(
                'ensure.raised', f'{fault.name}: {type(exc).__name__}: '
                f'{exc}') from exc
        finally:
            stage.lab.heal()
        verdict.require(answers[share.id].get('status') != 'error',
                        'ensure.false-alarm', fault.name)
        struck = struck or stage.lab.seam.calls > before
    _struck(struck)


def what_a_start_missed_is_made_up_for(stage: Stage) -> None:
    """By the periodic calls as far as it can be, else by the next start.

    Manila checks shares at a start only if ``get_backend_info`` tells another
    thing than before the last check, whether that check succeeded or not.
    """
    _info(stage)
    # All pairs of a drift and a fault would take long on some labs.
    faults = itertools.cycle(stage.lab.faults)
    for drift in stage.lab.drifts():
        if drift.outcome != 'lost':
            for fault in itertools.islice(faults, 2):
                _missed(stage, drift, fault)


def _info(stage: Stage) -> Any:
    """:raises NotTried: the driver has none, which is allowed."""
    manager = stage.manager
    try:
        return manager.driver.get_backend_info(manager.context)
    except NotImplementedError:
        raise verdict.NotTried(
            'the driver has no get_backend_info(), which is allowed: all '
            'shares are checked at each start') from None


def _missed(stage: Stage, drift: Drift,
            fault: Fault) -> None:
    share = stage.shared(stage.rule(), stage.rule(level='ro'))
    whole = stage.lab.inventory()
    drift.apply(share.id)
    stage.manager.restart()
    # As after an upgrade.
    stage.manager.backend_info = None
    try:
        stage.manager.start(
            lambda: stage.lab.arm(fault, 1, lasting=True))
    finally:
        stage.lab.heal()
    stage.lab.settle()
    # The rest of what was asked of Manila, and the periodic calls.
    for _ in range(3):
        stage.manager.stats()
    stage.manager.restart()
    stage.manager.start()
    story = f'{drift.name}, {fault.name}'
    verdict.require(whole <= stage.lab.inventory(), 'ensure.forgotten', story)
    try:
        stage.exact(share)
    except verdict.Violation as exc:
        raise verdict.Violation('ensure.forgotten',
                                f'{story}: {exc}') from exc
    stage.manager.delete(share)


def a_check_undoes_no_change_made_meanwhile(stage: Stage) -> None:
    """A rule that is denied while a check repairs the share stays denied.

    The denial begins between any two calls of the check.
    """
    for drift in stage.lab.drifts():
        if drift.outcome != 'lost':
            nth = 1
            while nth <= 12 and _denied_meanwhile(stage, drift, nth):
                nth += 1


def _denied_meanwhile(stage: Stage, drift: Drift,
                      nth: int) -> bool:
    """Deny a rule at the nth call of a check; tell if it came that far."""
    manager, lab = stage.manager, stage.lab
    denied = stage.rule()
    share = stage.shared(denied, stage.rule(level='ro'))
    export, client = share.export, stage.client(denied)
    drift.apply(share.id)
    over = threading.Event()
    undone: list[str] = []

    def deny() -> None:
        # What a drift makes impossible is not what is looked at here.
        with contextlib.suppress(Exception):
            manager.update(share, delete=[denied])
            over.set()

    work = threading.Thread(target=deny)
    calls = itertools.count(1)

    def look() -> None:
        if threading.current_thread() is work:
            return
        if next(calls) == nth:
            work.start()
            # It may have to wait for the check.
            work.join(0.1)
        if over.is_set() and lab.effective(export, client) is not None:
            undone.append(drift.name)

    with lab.seam.watched(look):
        manager.driver.ensure_shares(manager.context, [manager.row(share)])
    reached = work.ident is not None
    if reached:
        work.join(60.0)
        if over.is_set() and lab.effective(export, client) is not None:
            undone.append(drift.name)
    verdict.require(not undone, 'ensure.undone',
                    f'{drift.name}, denied at call {nth} of the check')
    manager.delete(share)
    return reached


def backend_info_is_stable(stage: Stage) -> None:
    """Manila hashes it; another hash has all shares checked.

    Without it all shares are checked at each start, which is allowed.
    """
    manager = stage.manager
    before = _info(stage)
    manager.restart()
    manager.create()
    after = manager.driver.get_backend_info(manager.context)
    verdict.require(before and before == after, 'info', f'{before}, {after}')
    wrong = {key: value for key, value in after.items()
             if not isinstance(value, str)}
    verdict.require(not wrong, 'info', f'not text: {wrong}')


SCENARIOS = (
    Scenario(statistics_are_complete),
    Scenario(statistics_never_fail, gives=('faults',)),
    Scenario(what_is_advertised_is_there),
    Scenario(usage_is_told, ('usage',)),
    *secrets.SCENARIOS,
    Scenario(what_is_healthy_is_left_alone, ('ensure',),
             looks=(evidence.RULES, evidence.ACCESS)),
    Scenario(no_shares_are_fine, ('ensure',)),
    Scenario(each_drift_is_repaired_or_reported, ('ensure',), ('drifts',),
             looks=(evidence.OBJECTS, evidence.ACCESS)),
    Scenario(start_up_never_fails, ('ensure',), ('faults',)),
    Scenario(what_a_start_missed_is_made_up_for, ('ensure',),
             ('drifts', 'faults'), looks=(evidence.ACCESS,)),
    Scenario(a_check_undoes_no_change_made_meanwhile, ('ensure',),
             ('drifts',), looks=(evidence.ACCESS, evidence.CALLS)),
    Scenario(backend_info_is_stable, ('ensure',)))
