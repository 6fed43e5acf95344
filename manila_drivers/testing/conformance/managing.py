# SPDX-License-Identifier: Apache-2.0

"""Exports that are taken under management and released again."""

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage


def an_export_can_be_managed_and_released(stage: Stage) -> None:
    manager = stage.manager
    unmanaged = stage.lab.make_unmanaged('by-hand')
    share = manager.manage(unmanaged)
    verdict.require(share.size == unmanaged.size, 'manage.size',
                    f'{share.size} instead of {unmanaged.size}')
    rule = stage.rule()
    manager.update(share, add=[rule])
    stage.exact(share, *(stage.rule(client) for client
                         in unmanaged.clients))
    before = stage.lab.inventory()
    manager.unmanage(share)
    stage.exact(share)
    verdict.require(before <= stage.lab.inventory(), 'unmanage',
                    'something is gone')


def clients_of_a_managed_export_stay(stage: Stage) -> None:
    """Until the first rules, which are the truth then."""
    unmanaged = _with_clients(stage)
    _clients_stay(stage, unmanaged)
    stage.manager.manage(unmanaged)
    _clients_stay(stage, unmanaged)


def _with_clients(stage: Stage) -> lab.Unmanaged:
    unmanaged = stage.lab.make_unmanaged('by-hand')
    if not unmanaged.clients:
        raise verdict.NotTried('make_unmanaged() made an export that nobody '
                               'has access to')
    return unmanaged


def _clients_stay(stage: Stage, unmanaged: lab.Unmanaged) -> None:
    for client, level in unmanaged.clients.items():
        found = stage.lab.effective(unmanaged.export, client)
        verdict.require(found == level, 'manage.clients',
                        f'{client} has {found} instead of {level}')


def managing_again_says_the_same(stage: Stage) -> None:
    manager = stage.manager
    unmanaged = stage.lab.make_unmanaged('by-hand')
    share = manager.manage(unmanaged)
    size, exports = share.size, share.exports
    with stage.changes_nothing('manage.repeated'):
        manager.restart()
        manager.manage(unmanaged, share)
    verdict.require((share.size, share.exports) == (size, exports),
                    'manage.repeated', f'{share.size}, {share.exports}')


def a_released_export_can_be_managed_again(stage: Stage) -> None:
    manager = stage.manager
    unmanaged = stage.lab.make_unmanaged('by-hand')
    first = manager.manage(unmanaged)
    manager.unmanage(first)
    # Released, it can be taken again, under another id.
    other = manager.manage(lab.Unmanaged(
        first.export, unmanaged.size, {}))
    manager.update(other, add=[stage.rule()])
    stage.exact(other)


def what_is_not_there_is_not_managed(stage: Stage) -> None:
    manager = stage.manager
    real = stage.lab.make_unmanaged('by-hand')
    absent = lab.Unmanaged(real.export + '-not', 1, {})
    with stage.changes_nothing('manage.absent'):
        stage.fails('manage.absent',
                    lambda: manager.manage(absent, Share(
                        manager.new_id(), None, stage.lab.features.proto)))


def a_managed_share_dies_like_any_other(stage: Stage) -> None:
    manager = stage.manager
    unmanaged = stage.lab.make_unmanaged('by-hand')
    share, rule = manager.manage(unmanaged), stage.rule()
    manager.update(share, add=[rule])
    stage.exact(share)
    manager.delete(share)
    stage.unreachable(share.exports, rule, *(
        stage.rule(client) for client in unmanaged.clients))
    stage.unreachable([unmanaged.export, *share.exports])


def clients_stay_through_checks(stage: Stage) -> None:
    """Until the first rules, also where all shares are checked meanwhile."""
    manager, unmanaged = stage.manager, _with_clients(stage)
    share = manager.manage(unmanaged)
    for _ in range(2):
        manager.restart()
        manager.ensure([share])
        _clients_stay(stage, unmanaged)
    rule = stage.rule()
    manager.update(share, add=[rule])
    stage.exact(share, *(stage.rule(client) for client
                         in unmanaged.clients))
    # No rules any more are not the clients of the time before.
    manager.update(share, delete=[rule])
    manager.ensure([share])
    stage.unreachable(share.exports, rule, *(
        stage.rule(client) for client in unmanaged.clients))


def a_share_is_not_managed_a_second_time(stage: Stage) -> None:
    """Two shares with one directory: deleting one takes both."""
    manager = stage.manager
    share, rule = manager.create(size=2), stage.rule()
    other = Share(manager.new_id(), None, stage.lab.features.proto)
    with stage.changes_nothing('manage.served'):
        stage.fails('manage.served', lambda: manager.manage(
            lab.Unmanaged(share.export, 2, {}), other))
    manager.update(share, add=[rule])
    stage.exact(share)


def an_export_of_another_tenant_is_not_ours(stage: Stage) -> None:
    """Nor may what we have at the same path go in its place."""
    manager = stage.manager
    twin = stage.lab.make_twin('twins')
    before = stage.lab.records()
    share = Share(manager.new_id(), None, stage.lab.features.proto)
    stage.fails('manage.tenant', lambda: manager.manage(twin, share))
    manager.delete_only(share)
    verdict.same('manage.tenant', before, stage.lab.records())


MADE = ('make_unmanaged',)

SCENARIOS = (
    *(Scenario(play, ('manage',), MADE,
               (evidence.OBJECTS, evidence.ACCESS)) for play in (
        an_export_can_be_managed_and_released,
        clients_of_a_managed_export_stay,
        a_released_export_can_be_managed_again,
        a_managed_share_dies_like_any_other)),
    *(Scenario(play, ('manage',), MADE) for play in (
        managing_again_says_the_same, what_is_not_there_is_not_managed)),
    Scenario(clients_stay_through_checks, ('manage', 'ensure'), MADE,
             (evidence.OBJECTS, evidence.ACCESS)),
    Scenario(a_share_is_not_managed_a_second_time, ('manage',)),
    Scenario(an_export_of_another_tenant_is_not_ours, ('manage',),
             ('make_twin',), ()))
