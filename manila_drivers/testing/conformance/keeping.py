# SPDX-License-Identifier: Apache-2.0

"""Scenarios about what a call does, and all that it must leave alone."""

from collections.abc import Iterator
import contextlib

from manila_drivers.model import GiB
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage


@contextlib.contextmanager
def _shown(stage: Stage, check: str, what: str) -> Iterator[None]:
    """Check that the block has an effect.

    A driver that does nothing and a lab that does not show it look alike.

    :raises Violation: the backend is as it was.
    """
    before = stage.lab.records()
    yield
    stage.lab.settle()
    verdict.require(stage.lab.records() != before, check,
                    f'records() are the same: {what}')


def a_share_gets_the_size_that_is_asked_for(stage: Stage) -> None:
    """A resize has an effect, and the way back leads back."""
    manager = stage.manager
    share = manager.create(size=2)
    before = stage.lab.records()
    with _shown(stage, 'extend.nothing',
                'the share was not extended, or its size is not listed'):
        manager.resize(share, 4)
    if stage.lab.features.shrink:
        manager.resize(share, 2)
        stage.lab.settle()
        verdict.same('shrink.size', before, stage.lab.records())


def a_snapshot_comes_and_goes(stage: Stage) -> None:
    """While its share stays, so that it cannot go along with that."""
    manager = stage.manager
    share = stage.shared(stage.rule())
    other = manager.create_snapshot(share)
    stage.lab.settle()
    before = stage.lab.records()
    with _shown(stage, 'snapshot.nothing',
                'no snapshot was made, or snapshots are not listed'):
        snapshot = manager.create_snapshot(share)
    manager.delete_snapshot(snapshot)
    stage.nothing_but(before)
    manager.delete_snapshot(other)
    stage.exact(share)


def what_is_in_a_share_stays(stage: Stage) -> None:
    """Nothing but writing changes what it holds, and its size stays too."""
    manager, features = stage.manager, stage.lab.features
    rule = stage.rule()
    share = stage.shared(rule, size=4)
    stage.write(share, 2 * GiB)
    with stage.changes_nothing('content.access'):
        other = stage.rule(level='ro')
        manager.update(share, add=[other])
        manager.update(share, delete=[other])
        manager.update(share)
        stage.lab.settle()
    if features.ensure:
        with stage.changes_nothing('content.ensure'):
            manager.restart()
            manager.ensure([share])
            stage.lab.settle()
    if features.shrink:
        with stage.changes_nothing('content.resize'):
            manager.resize(share, 6)
            manager.resize(share, 4)
            stage.lab.settle()
    if features.snapshots:
        with stage.changes_nothing('content.snapshot'):
            manager.delete_snapshot(manager.create_snapshot(share))
            stage.lab.settle()
    stage.exact(share)


def a_share_that_is_gone_is_told(stage: Stage) -> None:
    """Beside one that is there, and it is not made again."""
    manager = stage.manager
    gone, there = manager.create(), stage.shared(stage.rule())
    manager.delete_only(gone)
    stage.lab.settle()
    manager.restart()
    with stage.changes_nothing('ensure.recreated'):
        answers = manager.ensure([gone, there])
    verdict.require(answers[gone.id].get('status') == 'error', 'ensure.lost',
                    f'a share that is gone: {answers[gone.id]}')
    verdict.require(
        answers[there.id].get('status', 'available') == 'available',
        'ensure.healthy', str(answers[there.id]))
    stage.exact(there)


def a_clone_has_what_its_snapshot_has(stage: Stage) -> None:
    manager = stage.manager
    share = manager.create(size=4)
    stage.write(share, 2 * GiB)
    snapshot = manager.create_snapshot(share)
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=4), snapshot)
    manager.finish_clone(clone)
    stage.lab.settle()
    used = {row['id']: round(float(row['used_size']), 1)
            for row in manager.usage()}
    verdict.require(used.get(clone.id) == used.get(share.id) == 2.0,
                    'clone.content', f'{used.get(clone.id)} GiB in the '
                    f'clone, {used.get(share.id)} in its share, not 2')


def a_check_of_more_shares_costs_no_more(stage: Stage) -> None:
    """As far as it can be seen with shares that the driver makes itself."""
    manager, costs = stage.manager, []
    shares: list[Share] = []
    for number in (2, 12):
        while len(shares) < number:
            shares.append(manager.create())
        manager.restart()
        manager.ensure(shares)
        before = stage.lab.seam.calls
        manager.ensure(shares)
        costs.append(stage.lab.seam.calls - before)
    verdict.require(costs[1] - costs[0] < 10, 'budget.ensure',
                    f'one call or more for each share: {costs}')


SCENARIOS = (
    Scenario(a_share_gets_the_size_that_is_asked_for),
    Scenario(a_snapshot_comes_and_goes, ('snapshots',)),
    Scenario(what_is_in_a_share_stays, looks=(evidence.OBJECTS,
                                              evidence.ACCESS)),
    Scenario(a_share_that_is_gone_is_told, ('ensure',),
             looks=(evidence.OBJECTS, evidence.ACCESS)),
    Scenario(a_clone_has_what_its_snapshot_has, ('clones', 'usage')),
    Scenario(a_check_of_more_shares_costs_no_more, ('ensure',),
             looks=(evidence.CALLS,)))
