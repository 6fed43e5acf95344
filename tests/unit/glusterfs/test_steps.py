# SPDX-License-Identifier: Apache-2.0

"""Facts and the steps that follow from them, as values."""

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from tests.unit.glusterfs import test_planning as decisions

ID, OTHER, CLAIM = decisions.ID, decisions.OTHER, decisions.CLAIM
INFRA, KINDS = decisions.INFRA, decisions.KINDS
rule, volume = decisions.rule, decisions.volume
GiB = 1024 ** 3
NOTHING = journal.JournalEntry()

QUOTA = {records.QUOTA: 'on'}
RUNS = {records.TLS_RUNS: 'on'}
SHARD = {records.SHARD: 'on'}
PLAIN = {records.SERVER_TLS: 'off'}


def run(*commands, gib=None):
    return plan.Step('run', 'v', {'commands': commands, 'gib': gib})


def setting(**options):
    """Keys are names of :mod:`records`."""
    return plan.Step('set', 'v', {'options': {
        getattr(records, name): value for name, value in options.items()}})


STOP = plan.Step('stop', 'v')
START = plan.Step('run', 'v', {'commands': ('start',)})


# Snapshots

def test_snapshots():
    assert planning.snapshot_taking('v', 's').steps == (
        plan.Step('take snapshot', 's', {'volume': 'v'}),)
    assert planning.deactivation('s').steps == (
        plan.Step('deactivate', 's'),)
    cloned = (plan.Step('clone snapshot', 'c', {'volume': 'v'}),
              plan.Step('set', 'v'))
    assert planning.cloning('c', 'v', volume(), None).steps == (
        *cloned, plan.Step('run', 'v', {'commands': ('start',), 'gib': None}))
    assert planning.cloning('c', 'v', volume(), 2).steps == (
        *cloned, plan.Step('run', 'v', {
            'commands': ('start', 'enable', 'limit'), 'gib': 2}))
    back = (plan.Step('restore snapshot', 'v', {'snapshot': 's'}),)
    up = (plan.Step('set', 'v'), START,
          plan.Step('take snapshot', 's', {'volume': 'v'}))
    opening = plan.Plan((plan.Step('set', 'v', {'options': {}}),))
    assert planning.restoring(volume(), 's', opening).steps == (
        STOP, *back, *up, *opening.steps)
    stopped = volume(status='Stopped')
    assert planning.restoring(stopped, 's', plan.Plan()).steps == (
        *back, *up)
    for found in volume(), stopped:
        assert planning.restoring(found, 's', plan.Plan(),
                                  there=False).steps == up


@pytest.mark.parametrize('stamped', [False, True])
def test_the_removal_of_a_snapshot_says_which_there_were(stamped):
    assert planning.snapshot_removal('s', stamped=stamped).steps == (
        plan.Step('remove snapshot', 's', {'stamped': stamped}, 'removed'),)


# Creation

def test_a_claim_is_made_on_what_was_seen():
    of = volume(options=RUNS)
    assert planning.claiming(of, ID, CLAIM, {'a': 'b'}).steps == (
        plan.Step('claim', 'v', {'before': of, 'share_id': ID,
                                 'claim': CLAIM, 'options': {'a': 'b'}}),)


@pytest.mark.parametrize(('of', 'proven', 'gib', 'commands'), [
    # It restarts unless its bricks are known to run with TLS.
    (volume(), False, None, ['stop', 'start']),
    (volume(), True, None, []),
    (volume(options=RUNS), False, None, []),
    (volume(options=RUNS | PLAIN), False, None, ['stop', 'start']),
    (volume(options=PLAIN), True, None, ['stop', 'start']),
    (volume('Created'), False, None, ['start']),
    (volume('Stopped', options=RUNS), True, None, ['start']),
    (volume(), True, 3, ['enable', 'limit']),
    (volume(options=QUOTA), False, 3, ['stop', 'start', 'limit']),
    (volume(options=QUOTA), True, None, ['disable'])])
def test_a_claimed_volume_is_made_a_share(of, proven, gib, commands):
    steps = (run(*commands, gib=gib),) if commands else ()
    assert planning.creation(of, gib=gib, proven=proven,
                             look=False).steps == steps
    assert planning.creation(of, gib=gib, proven=proven, look=True).steps == (
        *steps, plan.Step('look', 'v', {'of': of}))


def test_a_sharded_volume_is_so_again_after_it_was_looked_into():
    of = volume(options=SHARD)
    assert planning.creation(of, gib=None, proven=True, look=True).steps == (
        plan.Step('look', 'v', {'of': of}),
        setting(SHARD='on', SHARDED='NONE'))
    assert not planning.creation(of, gib=None, proven=True, look=False)


@pytest.mark.parametrize(('options', 'look', 'changes'), [
    (SHARD, True, {records.SHARD: 'off', records.SHARDED: 'on'}),
    (SHARD, False, {}), ({}, True, {})])
def test_what_is_looked_into_is_shown_when_it_is_claimed(options, look,
                                                         changes):
    found = claims.preparation(volume(options=options), ID, CLAIM, INFRA,
                               look=look)
    assert {name: value for name, value in found.items()
            if name in (records.SHARD, records.SHARDED)} == changes


@pytest.mark.parametrize(('recorded', 'ident', 'unmarked'), [
    ('', 'x', True), ('x', 'x', True), ('y', 'x', False)])
def test_a_volume_made_anew_has_not_lost_its_mark(recorded, ident, unmarked):
    assert claims.unmarked(
        volume(id=ident), journal.JournalEntry(ident=recorded)) is unmarked


FRESH = {records.MARK: ID, records.ALLOW: INFRA}


@pytest.mark.parametrize(('options', 'never'), [
    (FRESH, True),
    (FRESH | {records.ALLOW: 'glusterfs-server-1'}, True),
    (FRESH | {records.STATE: 'NONE', records.QUOTA: 'off'}, True),
    (FRESH | {records.ALLOW: INFRA + ',a'}, False),
    (FRESH | {records.ALLOW: 'a'}, False),
    (FRESH | {records.ALLOW: '*'}, False),
    (FRESH | {records.STATE: 'wiping'}, False),
    (FRESH | {records.MARK: OTHER}, False),
    (FRESH | {records.MARK: 'NONE'}, False),
    (FRESH | QUOTA, False),
    # No list lets in everybody.
    ({records.MARK: ID}, False)])
def test_a_share_that_was_never_handed_out(options, never):
    assert planning.never_used(volume(allow=None, options=options), ID,
                               KINDS) is never


# Access

SERVER_LOST = 'manila-host-1,a'
NOBODY = 'manila-host.nobody'


def access_changed(allow, rules, entry=NOTHING, *, dynamic=True, **options):
    return planning.access_change(
        volume(allow=allow, options={
            getattr(records, name): value
            for name, value in options.items()}),
        entry, list(map(rule, rules)), KINDS, dynamic=dynamic)


@pytest.mark.parametrize(('allow', 'entry'), [
    (INFRA, NOTHING),
    # What is lost is in the record.
    ('a', journal.JournalEntry(infrastructure=tuple(INFRA.split(','))))])
def test_servers_that_are_known_stay_and_rules_come(allow, entry):
    found = access_changed(allow, ['a', 'b'], entry)
    assert (found.steps, found.errors, found.lacking) == (
        plan.Plan((setting(ALLOW=INFRA + ',a,b'),)), {}, None)
    assert not found.narrows


@pytest.mark.parametrize(('allow', 'rules', 'left', 'withheld'), [
    (SERVER_LOST, ['a'], None, False),
    (SERVER_LOST, ['a', 'b'], None, True),
    (SERVER_LOST, ['b'], 'manila-host-1', True),
    (SERVER_LOST, [], 'manila-host-1', False),
    ('a,b', ['a'], NOBODY + ',a', False),
    ('a,b', ['c', 'b'], NOBODY + ',b', True),
    (None, ['a'], NOBODY, True), (None, [], NOBODY, False)])
def test_without_the_names_of_servers_nobody_comes_but_some_go(
        allow, rules, left, withheld):
    found = access_changed(allow, rules)
    assert found.steps.steps == (
        () if left is None else (setting(ALLOW=left),))
    assert isinstance(found.lacking, exception.Conflict)
    assert (found.errors, found.withheld) == ({}, withheld)


@pytest.mark.parametrize('allow', [INFRA + ',a', 'manila-host-1,a'])
def test_who_goes_is_cut_off_whatever_is_known_of_servers(allow):
    left = allow.removesuffix(',a')
    assert access_changed(allow, []).steps.steps == (setting(ALLOW=left),)
    assert access_changed(allow, [], dynamic=False).steps.steps == (
        STOP, setting(ALLOW=left, DYNAMIC='on'), START)
    assert access_changed(allow, [], dynamic=False,
                          DYNAMIC='on').steps.steps == (
        STOP, setting(ALLOW=left), START)


def test_what_cannot_be_a_rule_has_its_error_then_too():
    found = planning.access_change(
        volume(allow='a,b'), NOTHING,
        [rule('a', 'ro'), rule('b', 'rw'), rule('c')], KINDS, dynamic=True)
    assert found.steps.steps == (setting(ALLOW=NOBODY + ',b'),)
    assert set(found.errors) == {'id-a'} and found.withheld


# Options and limits

def test_options_are_set_alone():
    assert planning.setting(volume('Stopped'), {'a': 'b'}).steps == (
        plan.Step('set', 'v', {'options': {'a': 'b'}}),)
    assert planning.unbounding(volume(options=QUOTA)).steps == (
        plan.Step('run', 'v', {'commands': ('disable',)}),)


SETTLED = {records.MARK: ID, CLAIM: ID, records.DYNAMIC: 'on',
           records.GNFS: 'off'}


@pytest.mark.parametrize(('of', 'steps'), [
    (volume(options=SETTLED | RUNS), ()),
    (volume(options=SETTLED | RUNS | QUOTA), (run('limit', gib=3),)),
    # It may have been started without TLS.
    (volume(options=SETTLED), (run('stop', 'start'),)),
    (volume(options=SETTLED | QUOTA), (run('stop', 'start', 'limit',
                                           gib=3),)),
    (volume('Stopped', options=SETTLED | RUNS), (run('start'),)),
    (volume(allow=INFRA + ',a', options=SETTLED | RUNS), (
        setting(ALLOW=INFRA),)),
    (volume(options=SETTLED | RUNS | {decisions.RIVAL: OTHER}), (
        plan.Step('set', 'v', {'options': {decisions.RIVAL: 'NONE'}}),)),
    (volume(allow='glusterfs-server-1', options=RUNS | {
        CLAIM: OTHER, records.READ_ONLY: 'on', decisions.RIVAL: OTHER}), (
        plan.Step('set', 'v', {'options': {
            records.MARK: ID, CLAIM: ID, decisions.RIVAL: 'NONE',
            records.DYNAMIC: 'on', records.GNFS: 'off',
            records.READ_ONLY: 'off'}}),))])
def test_adoption_closes_a_volume_and_keeps_its_limit(of, steps):
    assert planning.adoption(of, ID, CLAIM, KINDS, 3).steps == steps


def test_a_volume_without_the_name_of_a_server_is_not_adopted():
    with pytest.raises(exception.Conflict, match='no name of a server'):
        planning.adoption(volume(allow='a'), ID, CLAIM, KINDS, 3)


@pytest.mark.parametrize(('options', 'changes'), [
    ({}, {records.MARK: ID, records.STATE: 'unmanaged'}),
    ({records.MARK: ID}, {records.STATE: 'unmanaged'}),
    ({records.MARK: ID, records.STATE: 'unmanaged'}, None),
    # What it was claimed for counts for nobody any more.
    ({records.MARK: ID, records.STATE: 'unmanaged', CLAIM: ID},
     {CLAIM: 'NONE'}),
    ({records.MARK: OTHER, CLAIM: ID, decisions.RIVAL: OTHER},
     {records.MARK: ID, records.STATE: 'unmanaged', CLAIM: 'NONE',
      decisions.RIVAL: 'NONE'})])
def test_what_is_let_go_is_not_handed_out(options, changes):
    found = planning.letting_go(volume(options=options), ID)
    assert found.steps == (() if changes is None else (
        plan.Step('set', 'v', {'options': changes}),))


@pytest.mark.parametrize(('limit', 'used', 'changes'), [
    # Somebody has raised it meanwhile, and it is needed.
    (3 * GiB + 1, 3 * GiB + 1, False), (5 * GiB, 4 * GiB, False),
    (5 * GiB, None, False),
    # It is not.
    (5 * GiB, 3 * GiB, True), (3 * GiB + 1, 3 * GiB, True),
    (5 * GiB, 0, True),
    # It is no higher.
    (3 * GiB, 4 * GiB, False), (3 * GiB, None, False),
    (3 * GiB - 1, 4 * GiB, True), (2 * GiB, None, True),
    (None, 4 * GiB, True), (None, None, True)])
def test_an_extension_does_not_lower_a_limit_that_is_needed(limit, used,
                                                            changes):
    quota = records.VolumeQuota(limit, used)
    assert planning.limit_changes(quota, ID, 3, shrink=False) is changes
    assert planning.resizing(volume(), quota, ID, 3, shrink=False).steps == (
        (run('limit', gib=3),) if changes else ())


def test_a_shrink_looks_at_what_is_in_use():
    def shrunk(limit, used):
        return planning.resizing(volume(), records.VolumeQuota(limit, used),
                                 ID, 3, shrink=True).steps

    assert shrunk(5 * GiB, 3 * GiB) == (run('limit', gib=3),)
    assert shrunk(3 * GiB, 3 * GiB) == ()
    with pytest.raises(exception.PossibleDataLoss, match=ID):
        shrunk(5 * GiB, 3 * GiB + 1)
    with pytest.raises(exception.BackendError, match='does not tell'):
        shrunk(5 * GiB, None)


@pytest.mark.parametrize('shrink', [False, True])
def test_a_share_without_a_quota_has_no_limit_to_change(shrink):
    assert not planning.resizing(volume(), None, ID, 3, shrink=shrink)
