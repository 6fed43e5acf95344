# SPDX-License-Identifier: Apache-2.0

"""A whole life of shares with whatever GPFS and sudo may print besides."""

import random

import pytest

from manila_drivers import compat
from manila_drivers.model import GiB
from manila_drivers.transport import command

errors = compat.errors
Result = command.Result

NOISE = ('sudo: unable to resolve host node1: Name or service not known\n'
         'mmfs: 6027-1 [W] Attention: the node is busy. File not found in '
         'cache, using another.\n')


def answered(place, name, change):
    """Let a change be made to what a command of that name answers."""
    run = place.sim.run

    def changed(words, stdin='', host=''):
        result = run(words, stdin, host)
        if not words[0].rpartition('/')[2].startswith(name):
            return result
        return change(result)

    place.sim.run = changed


def noisy(result):
    """Warnings on both outputs, also of what went well."""
    stdout = result.stdout
    if ':HEADER:' in stdout:
        stdout = f'\n*** Report\n{stdout}\nWarning: a:b:c\n'
    return Result(stdout, NOISE + result.stderr, result.status)


def shuffled(result):
    """Other columns, in another order, and whatever can be escaped is."""
    orders, lines = {}, []
    for line in result.stdout.splitlines():
        fields = line.split(':')
        if len(fields) > 6 and fields[2] == 'HEADER':
            names = [*fields[6:-1], 'newColumn', 'reserved', 'another']
            orders[fields[0]] = order = list(range(len(names)))
            random.Random(len(names)).shuffle(order)
            # IPv6 clients of mmnfs have colons of their own.
            fields[6:] = [names[place].upper() for place in order] + ['']
        elif len(fields) > 6 and fields[0] in orders \
                and fields[0] != 'mmcesnfslsexport':
            values = [*(''.join(f'%{ord(each):02x}' for each in value)
                        if '%' not in value and value.isalpha() else value
                        for value in fields[6:-1]), 'x%3Ay', '-', '']
            fields[6:] = [values[place]
                          for place in orders[fields[0]]] + ['']
        elif fields[0] in orders:
            values = [*fields[6:-1], 'x', '-', '']
            fields[6:] = [values[place]
                          for place in orders[fields[0]]] + ['']
        lines.append(':'.join(fields))
    return Result('\n'.join(lines) + '\n', result.stderr, result.status)


@pytest.mark.parametrize('change', [noisy, shuffled],
                         ids=lambda change: change.__name__)
def test_a_life(place, change):
    answered(place, '', change) if change is noisy else answered(
        place, 'mm', change)
    manager, lab = place.manager, place.lab
    place.driver.check_for_setup_error()
    share = manager.create(size=2)
    rule, other = manager.rule('10.0.0.1'), manager.rule('10.0.0.0/24', 'ro')
    manager.update(share, add=[rule, other])
    manager.update(share, delete=[other])
    assert lab.effective(share.export, '10.0.0.1') == 'rw'
    assert lab.effective(share.export, '10.0.0.2') is None
    manager.resize(share, 3)
    lab.write(share.export, 2 * GiB)
    with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
        manager.resize(share, 1)
    snapshot = manager.create_snapshot(share)
    manager.driver.revert_to_snapshot(
        None, manager.snapshot_row(snapshot),
        manager.rule_rows(share, [rule]), [])
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=3), snapshot)
    manager.finish_clone(clone)
    manager.ensure()
    assert share.status == 'available'
    assert manager.stats()['provisioned_capacity_gb'] == 6
    unmanaged = lab.make_unmanaged('by-hand')
    manager.unmanage(manager.manage(unmanaged))
    manager.delete(clone)
    manager.delete_snapshot(snapshot)
    manager.delete(share)
    assert len(place.sim.state.filesets) == 2
    assert not place.sim.state.exports


def test_a_share_is_not_deleted_while_gpfs_is_down(place):
    """GPFS speaks of a missing socket of its daemon, not of the fileset."""
    share = place.manager.create()
    place.manager.restart()
    answered(place, 'mmlsfileset', lambda result: Result(
        '', 'Failed to connect to file system daemon: No such file or '
        'directory\nmmlsfileset: GPFS is down on this node.\n', 1))
    with pytest.raises(errors.ManilaException, match='down'):
        place.manager.delete_only(share)


def test_nothing_is_shrunk_whose_usage_is_not_known(place):
    share = place.manager.create(size=3)
    place.lab.write(share.export, 2 * GiB)
    answered(place, 'mmlsquota', lambda result: Result(
        result.stdout.replace(f':{2 * 1024 ** 2}:', ':-:'), '', 0))
    with pytest.raises(errors.ManilaException, match='tells no usage'):
        place.manager.resize(share, 1)
