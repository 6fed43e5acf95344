# SPDX-License-Identifier: Apache-2.0

"""The life of shares that begin with a snapshot, sentence by sentence."""

import functools

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.manager import Snapshot
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage


def a_clone_of_an_absent_snapshot_is_refused(stage: Stage) -> None:
    manager = stage.manager
    before = stage.lab.records()
    share = manager.create()
    snapshot = manager.new_snapshot(share)
    clone = manager.new_clone(snapshot)
    stage.fails('absent.snapshot',
                lambda: manager.create_from_snapshot(clone, snapshot))
    manager.delete(clone)
    manager.delete(share)
    stage.nothing_but(before)


def a_clone_of_another_protocol_is_refused(stage: Stage) -> None:
    """As a share without a snapshot is, and before anything is asked for."""
    manager = stage.manager
    snapshot = manager.create_snapshot(manager.create())
    with stage.changes_nothing('protocol.made'):
        same = type(stage.fails('protocol', lambda: manager.create(
            manager.new_share(proto='HDFS')))).__name__
        for source in (snapshot, manager.new_snapshot(snapshot.share)):
            clone = manager.new_clone(source)
            clone.proto = 'HDFS'
            stage.fails('protocol.clone', functools.partial(
                manager.create_from_snapshot, clone, source), same)


def a_clone_is_a_share_of_its_own(stage: Stage) -> None:
    manager = stage.manager
    rule = stage.rule()
    share = stage.shared(rule, size=2)
    snapshot = manager.create_snapshot(share)
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=3), snapshot)
    manager.finish_clone(clone)
    verdict.require(clone.export != share.export, 'clone.export',
                    f'both are {share.export}')
    stage.unreachable(clone.exports, rule)
    manager.update(clone, add=[stage.rule()])
    stage.exact(clone, rule)
    stage.exact(share)
    manager.delete(clone)
    stage.lab.settle()
    stage.exact(share)
    manager.delete_snapshot(snapshot)
    manager.delete(share)


def _slow_clone(stage: Stage) -> tuple[Share, Snapshot]:
    """A share that is being filled, and the snapshot it is filled from."""
    manager = stage.manager
    snapshot = manager.create_snapshot(manager.create())
    stage.lab.slow_clones()
    return manager.create_from_snapshot(manager.new_clone(snapshot),
                                        snapshot), snapshot


def _under_way(stage: Stage, clone: Share) -> None:
    """:raises NotTried: the copy is finished before anybody could look."""
    if clone.status == 'available':
        raise verdict.NotTried('the share from a snapshot was available at '
                               'once: nothing was under way')


def _delete_all(stage: Stage, clone: Share, snapshot: Snapshot) -> None:
    manager = stage.manager
    manager.delete(clone)
    stage.lab.settle()
    manager.delete_snapshot(snapshot)
    manager.delete(snapshot.share)


def a_snapshot_in_use_is_not_lost(stage: Stage) -> None:
    """While it feeds a clone a snapshot stays, or the clone does."""
    manager = stage.manager
    before = stage.lab.records()
    clone, snapshot = _slow_clone(stage)
    _under_way(stage, clone)
    try:
        manager.delete_snapshot(snapshot)
    except Exception as exc:  # noqa: BLE001 - that is what is examined
        sweep.documented(stage.lab, exc)
    manager.finish_clone(clone)
    _delete_all(stage, clone, snapshot)
    stage.nothing_but(before)


def a_clone_under_way_can_be_deleted(stage: Stage) -> None:
    before = stage.lab.records()
    clone, snapshot = _slow_clone(stage)
    _under_way(stage, clone)
    _delete_all(stage, clone, snapshot)
    stage.nothing_but(before)


SCENARIOS = (
    Scenario(a_clone_of_an_absent_snapshot_is_refused, ('clones',)),
    Scenario(a_clone_of_another_protocol_is_refused, ('clones',)),
    Scenario(a_clone_is_a_share_of_its_own, ('clones',),
             looks=(evidence.ACCESS,)),
    *(Scenario(play, ('clones',), ('slow_clones',)) for play in (
        a_snapshot_in_use_is_not_lost, a_clone_under_way_can_be_deleted)))
