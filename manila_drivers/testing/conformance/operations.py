# SPDX-License-Identifier: Apache-2.0

"""Every operation of a driver in a situation that makes it work.

Each is data: how the situation is made, and the call.  The fault sweep
disturbs the call; what it disturbs is found by running it.
"""

from collections.abc import Callable
import dataclasses
import random
from typing import Any

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance.lab import Drift
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.scene import Scene

Act = Callable[[Scene], Any]


def _nothing(scene: Scene) -> None:
    """The situation is the backend as it stands."""


def _always(result: Any) -> bool:
    return True


@dataclasses.dataclass(frozen=True)
class Operation:
    """A situation and a call in it.

    :param needs: name of the feature without which there is no such call.
    :param gives: name of what the lab must give to make the situation.
    :param abandoned: users may also delete what a failed call left, instead
        of repeating it.
    :param claims: whether a result says that all was done; calls that never
        raise say it in their result.
    :param answers: the result must be that of an undisturbed run.
    """

    name: str
    prepare: Act
    act: Act
    needs: str = ''
    gives: str = ''
    abandoned: bool = False
    claims: Callable[[Any], bool] = _always
    answers: bool = False


def all_of(lab: Lab) -> list[Operation]:
    """The operations of a driver with these features, and its drifts."""
    found = [*SERVICE, *LIFE, *ACCESS, *SNAPSHOTS, *MANAGE]
    found += [_tampered(number) for number in range(len(lab.tampers()))]
    if lab.features.ensure:
        found += [_ensuring(number, drift)
                  for number, drift in enumerate(lab.drifts())]
    return [operation for operation in found if not operation.needs
            or getattr(lab.features, operation.needs)]


def tried(lab: Lab) -> list[Operation]:
    """The operations whose situations the lab can make."""
    return [operation for operation in all_of(lab) if not operation.gives
            or evidence.given(lab, operation.gives)]


def untried(lab: Lab) -> list[str]:
    """Names of the other operations, and what they would need."""
    return [f'{operation.name}: {evidence.NOT_GIVEN[operation.gives]}'
            for operation in all_of(lab) if operation.gives
            and not evidence.given(lab, operation.gives)]


# Service

def _start(scene: Scene) -> None:
    driver = scene.lab.make_driver(set_up=False)
    driver.do_setup(scene.manager.context)
    driver.check_for_setup_error()
    scene.manager.driver = driver


def _stats(scene: Scene) -> Any:
    return dict(scene.manager.stats())


def _capacity_known(stats: Any) -> bool:
    pools = stats.get('pools') or [stats]
    return all(pool.get('total_capacity_gb') != 'unknown' for pool in pools)


def _usage(scene: Scene) -> Any:
    return [(row['id'], row['used_size']) for row in scene.manager.usage()]


def _backend_info(scene: Scene) -> Any:
    return scene.manager.driver.get_backend_info(scene.manager.context)


#: What is answered for shares of which nothing could be told.
_UNFINISHED: dict[str, dict[str, Any]] = {'': {}}


def _info(scene: Scene) -> Any:
    try:
        return _backend_info(scene)
    except Exception:  # noqa: BLE001 - as if it had none
        return None


def _ensured(answers: Any) -> bool:
    return all(answer.get('export_locations') or answer.get('status')
               for answer in answers.values())


def _with_rules(scene: Scene) -> None:
    scene.with_share(scene.rule(0), scene.rule(1, 'ro'), scene.rule(2, 'ro'))


SERVICE = (
    Operation('start', _nothing, _start),
    Operation('statistics', _with_rules, _stats, claims=_capacity_known,
              answers=True),
    Operation('usage', _with_rules, _usage, needs='usage', answers=True),
    Operation('backend info', _nothing, _backend_info, needs='ensure',
              answers=True))


def _ensuring(number: int, drift: Drift) -> Operation:
    def prepare(scene: Scene) -> None:
        _with_rules(scene)
        scene.manager.create(scene.other)
        scene.lab.drifts()[number].apply(scene.share.id)

    def act(scene: Scene) -> Any:
        before = _info(scene)
        answers = scene.manager.ensure([scene.share, scene.other])
        # Another state is the driver's word that it has not finished.
        return answers if before == _info(scene) else _UNFINISHED
    return Operation(f'ensure: {drift.name}', prepare, act, claims=_ensured)


# Life

LIFE = (
    Operation('create', _nothing,
              lambda scene: scene.manager.create(scene.share),
              abandoned=True),
    Operation('create again', lambda scene: scene.with_share(),
              lambda scene: scene.manager.create(scene.share)),
    Operation('delete', _with_rules,
              lambda scene: scene.manager.delete(scene.share)),
    Operation('delete alone', _with_rules,
              lambda scene: scene.manager.delete_only(scene.share)),
    Operation('delete the absent', _nothing,
              lambda scene: scene.manager.delete(scene.share)),
    Operation('extend', _with_rules,
              lambda scene: scene.manager.resize(scene.share, 5)),
    Operation('shrink', _with_rules,
              lambda scene: scene.manager.resize(scene.share, 1),
              needs='shrink'))


# Access

def _first(scene: Scene) -> Any:
    return scene.manager.update(scene.share, add=[
        scene.rule(0), scene.rule(1, 'ro')])


def _mixed(scene: Scene) -> Any:
    return scene.manager.update(
        scene.share, add=[scene.rule(3), scene.rule(4, 'ro')],
        delete=[scene.rule(0)], change=[scene.rule(1)])


def _levels(scene: Scene) -> Any:
    return scene.manager.update(scene.share, change=[
        scene.rule(0, 'ro'), scene.rule(2)])


def _deny_all(scene: Scene) -> Any:
    return scene.manager.update(
        scene.share, delete=list(scene.share.rules.values()))


def _resync(scene: Scene) -> Any:
    return scene.manager.update(scene.share)


def _with_bad(scene: Scene) -> Any:
    bad = dataclasses.replace(scene.rule(5), type='cephx')
    return scene.manager.update(scene.share, add=[scene.rule(3), bad])


ACCESS = (
    Operation('access: first rules', lambda scene: scene.with_share(),
              _first, abandoned=True),
    Operation('access: all kinds of change', _with_rules, _mixed,
              abandoned=True),
    Operation('access: other levels', _with_rules, _levels),
    Operation('access: deny all', _with_rules, _deny_all),
    Operation('access: nothing new', _with_rules, _resync),
    Operation('access: one bad rule', _with_rules, _with_bad))


def _tampered(number: int) -> Operation:
    def prepare(scene: Scene) -> None:
        _with_rules(scene)
        scene.lab.tampers()[number](scene.share.export,
                                    random.Random(7))  # noqa: S311
    return Operation(f'access: resync after tampering {number}', prepare,
                     _resync)


# Snapshots

SNAPSHOTS = (
    Operation('create snapshot', _with_rules,
              lambda scene: scene.manager.create_snapshot(
                  scene.share, scene.snapshot),
              needs='snapshots', abandoned=True),
    Operation('delete snapshot', lambda scene: scene.with_snapshot(),
              lambda scene: scene.manager.delete_snapshot(scene.snapshot),
              needs='snapshots'),
    Operation('revert', lambda scene: _written_to(scene),
              lambda scene: _revert(scene), needs='revert'),
    Operation('create from snapshot', lambda scene: scene.with_snapshot(),
              lambda scene: _clone(scene), needs='clones', abandoned=True),
    Operation('create from snapshot, slowly',
              lambda scene: _slowly(scene), lambda scene: _clone(scene),
              needs='clones', gives='slow_clones', abandoned=True),
    Operation('status of a clone',
              lambda scene: scene.with_clone(finished=True),
              lambda scene: scene.manager.poll(scene.clone),
              needs='clones'),
    Operation('delete a clone',
              lambda scene: scene.with_clone(finished=True),
              lambda scene: scene.manager.delete(scene.clone),
              needs='clones'),
    Operation('delete a clone under way',
              lambda scene: scene.with_clone(finished=False),
              lambda scene: scene.manager.delete(scene.clone),
              needs='clones', gives='slow_clones'))


def _slowly(scene: Scene) -> None:
    scene.with_snapshot()
    scene.lab.slow_clones()


def _written_to(scene: Scene) -> None:
    scene.with_snapshot()
    scene.lab.write(scene.share.export, 2 * 1024 ** 2)


def _revert(scene: Scene) -> None:
    scene.manager.revert(scene.share, scene.snapshot)


def _clone(scene: Scene) -> None:
    scene.manager.create_from_snapshot(scene.clone, scene.snapshot)


# Manage

def _manage(scene: Scene) -> Any:
    assert scene.unmanaged is not None
    return scene.manager.manage(scene.unmanaged, scene.share)


def _managed(scene: Scene) -> None:
    scene.with_unmanaged()
    _manage(scene)


def _managed_with_snapshot(scene: Scene) -> None:
    _managed(scene)
    scene.location = scene.lab.make_unmanaged_snapshot(
        scene.share.export, 'by-hand')


def _manage_snapshot(scene: Scene) -> None:
    scene.manager.manage_snapshot(scene.share, scene.location,
                                  scene.snapshot)


def _unmanage(scene: Scene) -> None:
    # Manila does not forget it before the driver has let it go.
    scene.manager.driver.unmanage(scene.manager.row(scene.share))


MANAGE = (
    Operation('manage', lambda scene: scene.with_unmanaged(), _manage,
              needs='manage', gives='make_unmanaged'),
    Operation('unmanage', _managed, _unmanage, needs='manage',
              gives='make_unmanaged'),
    Operation('first rules of a managed share', _managed, _first,
              needs='manage', gives='make_unmanaged'),
    Operation('manage snapshot', _managed_with_snapshot, _manage_snapshot,
              needs='manage_snapshots', gives='make_unmanaged_snapshot'))
