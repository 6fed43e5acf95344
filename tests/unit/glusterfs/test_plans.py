# SPDX-License-Identifier: Apache-2.0

"""Plans of the GlusterFS drivers, with all that is said of each step."""

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from tests.unit.glusterfs import test_planning as decisions

ID, OTHER, CLAIM = decisions.ID, decisions.OTHER, decisions.CLAIM
INFRA, KINDS, SET = decisions.INFRA, decisions.KINDS, decisions.SET
rule, volume = decisions.rule, decisions.volume


def test_the_option_of_a_claim_stays_what_it_is():
    """Volumes have it, and it says whose they are."""
    assert claims.claim_option('host@backend') == (
        'user.manila-claim-c6f67c98')


@pytest.mark.parametrize(('runs', 'proven', 'changes'), [
    ('on', False, {}), ('on', True, {}), ('off', True, {}),
    ('off', False, {records.TLS_RUNS: 'NONE'}), ('NONE', False, {})])
def test_what_is_known_of_tls_is_forgotten_only_if_it_is_in_doubt(
        runs, proven, changes):
    found = claims.preparation(
        volume(options={records.TLS_RUNS: runs}), ID, CLAIM, INFRA,
        proven=proven)
    assert {name: value for name, value in found.items()
            if name == records.TLS_RUNS} == changes


@pytest.mark.parametrize(('options', 'runs'), [
    ({}, False), ({records.TLS_RUNS: 'on'}, True),
    ({records.TLS_RUNS: 'NONE'}, False),
    ({records.TLS_RUNS: 'on', 'client.ssl': 'off'}, False)])
def test_whether_bricks_run_with_tls(options, runs):
    assert claims.tls_runs(volume(options=options)) is runs


def test_stepping_back_leaves_the_mark_to_whom_it_is_due():
    assert claims.stepping_back(CLAIM, OTHER) == {
        CLAIM: 'NONE', records.MARK: OTHER}
    assert claims.stepping_back(CLAIM, '') == {CLAIM: 'NONE'}


def test_release_and_claims():
    assert claims.release(volume(), CLAIM) == {
        records.MARK: 'NONE', CLAIM: 'NONE'}
    of = volume(options={CLAIM: ID, decisions.RIVAL: OTHER})
    assert claims.unclaimed(of, CLAIM) == {decisions.RIVAL: 'NONE'}
    assert claims.unclaimed(of) == {CLAIM: 'NONE',
                                      decisions.RIVAL: 'NONE'}


def test_every_step_names_its_volume():
    assert planning.changed(volume(name='v7'), {'a': 'b'},
                            restart=True).steps == (
        plan.Step('stop', 'v7'),
        plan.Step('set', 'v7', {'options': {'a': 'b'}}),
        plan.Step('run', 'v7', {'commands': ('start',)}))


@pytest.mark.parametrize('gib', [None, 3])
def test_activation_is_told_the_limit(gib):
    of = volume('Created', name='v7')
    assert planning.activation(of, restart=True, gib=gib).steps == (
        plan.Step('run', 'v7', {'commands': ('start', *(
            () if gib is None else ('enable', 'limit'))), 'gib': gib}),)


# Room in the list of names

def fitting(*rules, now=INFRA):
    found = planning.exact_access(
        volume(allow=now), list(map(rule, rules)), SET, KINDS, dynamic=True)
    return {each.removeprefix('id-') for each in found.errors}


def named(letter, length):
    return letter * length


def test_a_list_may_be_as_long_as_gluster_takes(monkeypatch):
    """Each name has a comma before it."""
    one, other = named('a', 10), named('b', 20)
    room = len(INFRA) + 1 + 10 + 1 + 20
    for length, refused in (room, set()), (room + 1, set()), (
            room - 1, {other}), (room - 21, {other}), (
            room - 22, {one, other}):
        monkeypatch.setattr(paths, 'LONGEST_LIST', length)
        assert fitting(one, other) == refused


def test_what_is_refused_takes_no_room(monkeypatch):
    """A shorter name behind it may fit."""
    monkeypatch.setattr(paths, 'LONGEST_LIST', len(INFRA) + 12)
    assert fitting(named('a', 12), named('b', 11)) == {named('a', 12)}
    monkeypatch.setattr(paths, 'LONGEST_LIST', len(INFRA) + 10)
    assert fitting(named('a', 20), named('b', 20), named('c', 10),
                   named('d', 9), 'e') == {
        named('a', 20), named('b', 20), named('c', 10), 'e'}


@pytest.mark.parametrize(('rules', 'now', 'words'), [
    ({'a': 'rw', 'b': 'ro'}, INFRA, 'read-only for everybody'),
    ({'*': 'rw'}, INFRA, 'common name'),
    ({'glusterfs-server-7': 'rw'}, INFRA, 'reserved'),
    ({'x' * 64: 'rw', **{f'{number:064}': 'rw' for number in range(70)}},
     INFRA, 'full')])
def test_a_refused_rule_has_its_reason(rules, now, words):
    found = planning.exact_access(
        volume(allow=now), [rule(*each) for each in rules.items()], SET,
        KINDS, dynamic=True)
    assert found.errors
    for why in found.errors.values():
        assert words in why


# The end of a volume, and clones

def test_a_volume_is_emptied_as_what_it_was_seen_to_be():
    of = volume(options={records.MARK: ID})
    *_, last, _ = planning.emptying(of, ID, INFRA, CLAIM, dynamic=True,
                                    proven=True)
    assert (last.action, last.target) == ('wipe', 'v')
    assert last.args == {'of': of}


@pytest.mark.parametrize(('status', 'stop'), [
    ('Started', [plan.Step('run', 'v', {'commands': ('stop',)})]),
    ('Stopped', []), ('Created', [])])
def test_a_clone_is_stopped_and_removed(status, stop):
    assert planning.destruction(volume(status)).steps == (
        *stop, plan.Step('delete', 'v'))


@pytest.mark.parametrize('check', [planning.destruction,
                                   planning.check_snapshots])
def test_a_volume_with_snapshots_stays(check):
    with pytest.raises(exception.Busy, match='2 snapshots'):
        check(volume(snapshots=2))
    check(volume(snapshots=0))


@pytest.mark.parametrize('check', [planning.destruction,
                                   planning.check_snapshots])
def test_so_does_one_of_whose_snapshots_nothing_is_told(check):
    with pytest.raises(exception.BackendError, match='not told'):
        check(volume(snapshots=None))


def test_a_clone_that_runs_already_goes_on_running():
    """A call before this one may have come that far."""
    found = planning.clone(volume(), ID, OTHER, CLAIM, INFRA, 5)
    assert [step.action for step in found] == ['set', 'run']
    assert found.steps[-1].args == {'commands': ('enable', 'limit'),
                                    'gib': 5}


def test_a_clone_that_is_what_it_shall_be_needs_nothing():
    options = {}
    for step in planning.clone(volume('Created'), ID, OTHER, CLAIM, INFRA,
                               None):
        options.update(step.args.get('options', {}))
    assert not planning.clone(volume(options=options), ID, OTHER, CLAIM,
                              INFRA, None)
