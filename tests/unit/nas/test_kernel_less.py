# SPDX-License-Identifier: Apache-2.0

"""Kernel NFS gives less of something at once, or all again as it was."""

import dataclasses

import pytest

from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel_plan
from tests.unit.nas import world
from tests.unit.nas.test_kernel_plan import entries
from tests.unit.nas.test_kernel_plan import facts
from tests.unit.nas.test_kernel_plan import FSID
from tests.unit.nas.test_kernel_plan import words

HALF, REST = '10.0.0.0/25', '10.0.0.128/25'
ODD = ('root_squash', 'async')


def wanted(*rules, **parts):
    return dataclasses.replace(world.export(dict(
        reversed(each.split()) for each in rules)), **parts)


@pytest.mark.parametrize(('live', 'rules', 'commands'), [
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1'], []),
    (['rw 10.0.0.1/32'], ['ro 10.0.0.1'], ['ro 10.0.0.1/32']),
    # Who may read goes on reading, whatever is wanted.
    (['ro 10.0.0.1/32'], ['rw 10.0.0.1'], []),
    (['ro 10.0.0.1/32'], ['rw 10.0.0.1', 'rw 10.0.0.2'], []),
    (['rw 10.0.0.1/32', 'rw 10.0.0.2/32'], ['rw 10.0.0.2'],
     ['gone 10.0.0.1/32']),
    (['rw 10.0.0.1/32'], ['rw 10.0.0.2'], ['gone 10.0.0.1/32']),
    (['rw 10.0.0.0/24'], [f'rw {HALF}'],
     [f'rw {HALF}', 'gone 10.0.0.0/24']),
    ([f'rw {HALF}'], ['rw 10.0.0.0/24'], []),
    ([f'rw {HALF}', 'rw 10.1.0.0/16'], ['ro 10.0.0.0/24'],
     [f'ro {HALF}', 'gone 10.1.0.0/16']),
    ([], ['rw 10.0.0.1'], [])])
def test_who_has_less_goes_on_with_that(live, rules, commands):
    found = kernel_plan.taken_away(facts(entries(*live)), wanted(*rules),
                                   FSID)
    assert words(found) == commands
    # Nothing is written down.
    assert {cmd.words()[0] for cmd in found} <= {'exportfs'}


@pytest.mark.parametrize(('live', 'rules', 'commands'), [
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1'], []),
    (['rw 10.0.0.1/32'], ['ro 10.0.0.1'], ['ro 10.0.0.1/32']),
    (['rw 10.0.0.1/32', 'rw 10.0.0.2/32'], ['rw 10.0.0.1', 'ro 10.0.0.2'],
     ['ro 10.0.0.2/32']),
    (['rw *'], ['rw 10.0.0.0/24'], ['rw 10.0.0.0/24', 'gone *']),
    (['rw 10.0.0.0/24'], [f'rw {HALF}'], [
        f'rw {HALF}', 'gone 10.0.0.0/24']),
    # Nobody gets in who is not: options are not known.
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1', 'rw 10.0.0.2'], []),
    (['ro 10.0.0.1/32'], ['rw 10.0.0.1'], [])])
def test_options_stay_as_they_are_where_they_are_not_known(live, rules,
                                                           commands):
    found = kernel_plan.plan(facts(entries(*live, options=ODD)),
                             wanted(*rules, keep=True), FSID)
    assert [each for each in words(found) if each.split()[0] in (
        'ro', 'rw', 'gone')] == commands
    for cmd in found:
        if cmd.words()[:2] == ['exportfs', '-i']:
            assert {'root_squash', 'async'} <= set(
                cmd.words()[3].split(','))


def test_options_are_those_of_the_narrowest_that_is_around():
    live = (*entries('rw 10.0.0.0/24', options=('root_squash',)),
            *entries(f'rw {REST}', options=('no_root_squash',)))
    found = kernel_plan.plan(facts(live), wanted(
        'ro 10.0.0.1', 'ro 10.0.0.129', keep=True), FSID)
    squashed = {cmd.words()[-1].partition('/')[0]: 'no_root_squash' in
                cmd.words()[3].split(',') for cmd in found
                if cmd.words()[:2] == ['exportfs', '-i']}
    assert squashed == {'10.0.0.1': False, '10.0.0.129': True}


def test_what_differs_by_flavour_cannot_be_said_again():
    flavoured = exports_text.ExportEntry(
        world.PATH, '10.0.0.1/32', ('sec=sys', 'rw', 'sec=krb5', 'ro',
                                    f'fsid={FSID}'))
    assert any(' ' in option for option in flavoured.meaning)
    told = words(kernel_plan.plan(
        facts((flavoured, *entries('rw 10.0.0.2/32'))),
        wanted('rw 10.0.0.1', 'rw 10.0.0.2', keep=True), FSID))
    assert 'gone 10.0.0.1/32' in told
    assert not any('10.0.0.2' in each for each in told)


def test_nobody_at_all_until_the_next_start():
    found = kernel_plan.closed(
        facts(entries('rw 10.0.0.1/32', 'ro 10.0.0.0/24')), world.PATH)
    assert words(found) == ['gone 10.0.0.1/32 10.0.0.0/24']
    assert kernel_plan.closed(facts(entries('rw 10.0.0.1/32')), '/x') == []
    assert kernel_plan.closed(facts(), world.PATH) == []


@pytest.mark.parametrize(('live', 'again', 'commands'), [
    ([], ['rw 10.0.0.1/32'], ['rw 10.0.0.1/32']),
    (['rw 10.0.0.1/32'], ['rw 10.0.0.1/32'], []),
    (['rw 10.0.0.2/32'], ['ro 10.0.0.1/32'], [
        'gone 10.0.0.2/32', 'ro 10.0.0.1/32']),
    (['rw 10.0.0.1/32'], [], ['gone 10.0.0.1/32'])])
def test_all_again_as_it_was(live, again, commands):
    found = kernel_plan.reopened(entries(*live, options=ODD),
                                 entries(*again, options=ODD))
    assert words(found) == commands
    for cmd in found:
        if cmd.words()[:2] == ['exportfs', '-i']:
            level, *options = cmd.words()[3].split(',')
            assert f'{level} ' in commands[-1]
            assert {*ODD, f'fsid={FSID}'} <= set(options)
            # In an order of its own, so that calls can be joined.
            assert options[:-1] == sorted(options[:-1])
