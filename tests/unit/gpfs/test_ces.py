# SPDX-License-Identifier: Apache-2.0

"""Exports of CES that are changed by others, or in ways of their own."""

import pytest

from manila_drivers import compat
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators.gpfs import state

errors = compat.errors
ALICE, BOB, CAROL = '10.0.0.1', '10.0.0.2', '10.0.0.3'


def row_with(place, share, options):
    row = place.manager.row(share, rows.DICT)
    row['share_type_extra_specs'] = {'ces:export_options': options}
    return row


def test_an_order_that_means_nothing_changes_nothing(place):
    share = place.manager.create()
    row = row_with(place, share, 'protocols=4:3,transports=udp:tcp')
    rules = place.manager.rule_rows(share, [place.manager.rule(ALICE)])
    place.driver.update_access(None, row, rules)
    (client,), = place.sim.state.exports.values()
    client.options.update(protocols='3,4', transports='TCP,UDP')
    assert place.spent(lambda: place.driver.update_access(
        None, row, rules)) == (1, 1)
    client.options.update(protocols='4')
    place.driver.update_access(None, row, rules)
    (client,), = place.sim.state.exports.values()
    assert client.options['protocols'] == '4,3'


@pytest.mark.parametrize('combines', [True, False])
def test_an_option_that_is_taken_out_is_taken_from_clients(place, combines):
    """In place: nobody has another level meanwhile, nor none at all."""
    place.sim.options.combines = combines
    share = place.manager.create()
    rules = place.manager.rule_rows(share, [
        place.manager.rule(ALICE), place.manager.rule('10.0.0.0/24', 'ro')])
    place.driver.update_access(None, row_with(
        place, share, 'squash=no_root_squash,anonymous_uid=0,'
        'privilegedport=true,protocols=4'), rules)
    levels, run = [], place.sim.run

    def watched(words, *more):
        result = run(words, *more)
        levels.append([place.lab.effective(share.export, client)
                       for client in (ALICE, BOB)])
        return result

    place.sim.run = watched
    plain = row_with(place, share, 'anonymous_uid=99')
    assert place.spent(lambda: place.driver.update_access(
        None, plain, rules)) == (3, 2)
    assert set(map(tuple, levels)) == {('rw', 'ro')}
    for client in next(iter(place.sim.state.exports.values())):
        assert client.options['squash'] == 'ROOT_SQUASH'
        assert client.options['privilegedport'] == 'FALSE'
        assert client.options['anonymous_uid'] == '99'
        # Of these the cluster says what they are by default.
        assert client.options['protocols'] == '4'
    assert place.spent(lambda: place.driver.update_access(
        None, plain, rules)) == (1, 1)


@pytest.mark.parametrize('listed', [
    {'anonymous_uid': '4294967294', 'squash': 'RootSquash'},
    {'squash': '', 'sectype': '', 'manage_gids': 'no'}])
def test_a_default_in_another_spelling_is_the_default(place, listed):
    share = place.manager.create()
    rules = place.manager.rule_rows(share, [place.manager.rule(ALICE)])
    row = row_with(place, share, '')
    place.driver.update_access(None, row, rules)
    (client,), = place.sim.state.exports.values()
    client.options.update(listed)
    assert place.spent(lambda: place.driver.update_access(
        None, row, rules)) == (1, 1)


def test_one_failure_does_not_make_all_later_changes_slower(place):
    manager = place.manager
    share = manager.create()
    alice, bob, carol = map(manager.rule, (ALICE, BOB, CAROL))
    manager.update(share, add=[alice])
    place.lab._trouble.arm(gpfs.Strike('fails'), 2)
    manager.update(share, add=[bob])
    place.lab.heal()
    assert place.spent(lambda: manager.update(
        share, add=[carol], delete=[alice])) == (3, 2)


@pytest.mark.parametrize('combines', [True, False])
def test_how_changes_are_told_is_learnt_once(place, combines):
    place.sim.options.combines = combines
    manager = place.manager
    share = manager.create()
    alice, bob, carol = map(manager.rule, (ALICE, BOB, CAROL))
    manager.update(share, add=[alice])
    manager.update(share, add=[bob], delete=[alice])
    assert place.spent(lambda: manager.update(
        share, add=[carol], delete=[bob])) == (
            3 if combines else 4, 2)


def test_an_export_that_is_there_all_of_a_sudden(place):
    """Somebody has made it between our look and our change."""
    place.sim.options.combines = False
    manager = place.manager
    share, other = manager.create(), manager.create()
    alice, bob = manager.rule(ALICE), manager.rule(BOB)
    manager.update(other, add=[alice])
    manager.update(other, add=[bob], delete=[alice])
    path = '/' + share.export.partition(':/')[2]
    run = place.sim.run

    def meanwhile(words, *more):
        if 'add' in words[2:3] and path not in place.sim.state.exports:
            place.sim.state.exports[path] = [
                state.Client('*', {'access_type': 'RW'})]
        return run(words, *more)

    place.sim.run = meanwhile
    place.manager.update(share, add=[place.manager.rule(ALICE)])
    assert [client.client for client in place.sim.state.exports[path]] == [
        ALICE]


ANYBODY = '0.0.0.0'  # noqa: S104 - nobody binds to it


def test_nobody_is_let_in_by_an_address_that_means_everybody(place):
    """Behind CES is Ganesha, which takes it for ``*``."""
    share = place.manager.create()
    states = place.manager.update(share, add=[
        place.manager.rule(ANYBODY), place.manager.rule('10.0.0.1')])
    assert [state['state'] for state in states.values()] == ['error']
    assert place.lab.effective(share.export, '203.0.113.77') is None
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'


def test_such_an_address_is_seen_for_what_it_is(place):
    """A driver before this one may have let everybody in."""
    share = place.manager.create()
    path = share.export.partition(':')[2]
    place.sim.export(path, **{ANYBODY: 'rw'})
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    assert place.lab.effective(share.export, '203.0.113.77') is None
    unmanaged = place.lab.make_unmanaged('by-hand')
    place.sim.export(unmanaged.export.partition(':')[2], **{ANYBODY: 'rw'})
    with pytest.raises(errors.ManageInvalidShare, match='is exported'):
        place.manager.manage(unmanaged)
    found = place.driver._backend.helper.survey()['CES']
    assert {'0.0.0.0/0', '::/0'} == set(map(str, found.levels[
        unmanaged.export.partition(':')[2]]))
