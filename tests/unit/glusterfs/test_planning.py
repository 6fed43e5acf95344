# SPDX-License-Identifier: Apache-2.0

"""Test what is decided from what is known: tables of facts and plans."""

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import health
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records

exact_access = planning.exact_access
ID = '2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a'
OTHER = 'c41a44fb-0ad4-4a00-8000-000000000001'
THIRD = 'd41a44fb-0ad4-4a00-8000-000000000001'
KINDS = paths.ReservedNames(['glusterfs-server'], ['manila-host'])
INFRA = 'glusterfs-server-1,manila-host-1'
SET = frozenset(INFRA.split(','))
CLAIM = claims.claim_option('host@backend')
RIVAL = claims.claim_option('host2@backend')
TLS = {'client.ssl': 'on', 'server.ssl': 'on'}
NOTHING = plan.Plan()


def volume(status='Started', allow=INFRA, name='v', **more):
    options = {**TLS, **more.pop('options', {})}
    if allow is not None:
        options[records.ALLOW] = allow
    return records.Volume(name, status=status, options=options, **more)


def rule(to, level='rw', kind='cert'):
    return access.Rule('id-' + to, kind, to, level)


def shown(steps):
    """Steps as text: what is done, and with which options or commands."""
    return [(each.action, each.args.get('options')
             or each.args.get('commands')) for each in steps]


# Access

def test_who_loses_access_is_cut_off_by_a_restart_where_nothing_else_does():
    found = exact_access(
        volume(allow=INFRA + ',a', options={records.DYNAMIC: 'off'}), [],
        SET, KINDS, dynamic=False)
    assert shown(found.steps) == [
        ('stop', None),
        ('set', {records.ALLOW: INFRA, records.DYNAMIC: 'on'}),
        ('run', ('start',))]


@pytest.mark.parametrize('rules', [[], ['a']])
def test_a_volume_without_a_list_is_closed_for_those_who_are_in(rules):
    """Everybody with a certificate has access until it is restarted."""
    setting = ('set', {records.ALLOW: ','.join([INFRA, *rules])})
    of = volume(allow=None, options={records.DYNAMIC: 'on'})
    found = exact_access(of, list(map(rule, rules)), SET, KINDS,
                            dynamic=False)
    assert shown(found.steps) == [('stop', None), setting,
                                  ('run', ('start',))]
    found = exact_access(of, list(map(rule, rules)), SET, KINDS,
                            dynamic=True)
    assert shown(found.steps) == [setting]


def test_a_volume_for_nobody_at_all_is_not_left_open():
    """There is no such list; and no list is everybody."""
    with pytest.raises(exception.InvalidRequest, match='cannot be set'):
        exact_access(volume(allow=None), [], frozenset(), KINDS,
                        dynamic=True)


def test_who_only_gets_access_costs_no_restart():
    found = exact_access(volume(), [rule('a')], SET, KINDS, dynamic=False)
    assert [action for action, _ in shown(found.steps)] == ['set']


def test_a_volume_that_an_interrupted_call_left_stopped_is_started():
    found = exact_access(volume('Stopped'), [], SET, KINDS, dynamic=True)
    assert shown(found.steps) == [('run', ('start',))]


def test_names_without_tls_mean_nothing():
    found = exact_access(
        volume(options={'server.ssl': 'off'}), [], SET, KINDS, dynamic=True)
    assert shown(found.steps) == [
        ('stop', None), ('set', {'server.ssl': 'on'}), ('run', ('start',))]


HOSTILE = ['*', 'a*', '[ab]', 'a`b', 'a b', 'a,b', '$(x)', 'a\nb', '-',
           'glusterfs-server-1', 'glusterfs-server-9', 'manila-host-x',
           'x' * 65]


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_name_is_refused_and_no_other(name):
    found = exact_access(volume(), [rule(name), rule('good')], SET, KINDS,
                            dynamic=True)
    assert set(found.errors) == {'id-' + name}
    assert shown(found.steps) == [('set', {records.ALLOW: INFRA + ',good'})]


@pytest.mark.parametrize('kind', ['ip', 'user', 'cephx'])
def test_another_type_is_refused(kind):
    found = exact_access(volume(), [rule('a', kind=kind)], SET, KINDS,
                            dynamic=True)
    assert set(found.errors) == {'id-a'} and not found.steps


def test_65_long_names_are_as_many_as_fit_and_stay_who_they_were():
    rules = [rule(f'{number:02}' + 'x' * 62) for number in range(65)]
    present = [each.to for each in rules[40:]]
    found = exact_access(volume(allow=','.join([INFRA, *present])), rules,
                            SET, KINDS, dynamic=True)
    ((_, changes),) = shown(found.steps)
    value = changes[records.ALLOW]
    assert 3900 < len(value) <= paths.LONGEST_LIST
    assert set(present) <= set(value.split(','))
    assert set(value.split(',')) >= SET
    assert len(value.split(',')) - 2 + len(found.errors) == 65


NAME = st.one_of(st.text(max_size=66), st.sampled_from(
    ['a', 'b', 'c', 'glusterfs-server-1', '*', 'manila-host-1']))


@hypothesis.given(
    now=st.lists(st.sampled_from(['a', 'b', '*', 'x*', 'stranger'])),
    rules=st.lists(st.tuples(NAME, st.sampled_from(['rw', 'ro'])),
                   max_size=90, unique_by=lambda each: each[0]))
def test_a_list_is_the_infrastructure_and_what_is_not_refused(now, rules):
    rules = [access.Rule(str(number), 'cert', *each)
             for number, each in enumerate(rules)]
    before = volume(allow=','.join([*SET, *now]))
    found = exact_access(before, rules, SET, KINDS, dynamic=True)
    after = set(before.allowed)
    for action, options in shown(found.steps):
        assert action == 'set'
        after = set(options.get(
            records.ALLOW, ','.join(after)).split(','))
    kept = {each.to for each in rules if each.access_id not in found.errors}
    assert after == SET | kept
    assert all(map(paths.is_safe, after))


# Infrastructure

def test_a_list_without_a_server_is_completed_from_the_record():
    record = journal.JournalEntry(infrastructure=tuple(SET))
    assert claims.infrastructure(volume(allow='a'), record, KINDS) == SET
    with pytest.raises(exception.Conflict, match='no name of a server'):
        claims.infrastructure(volume(allow='a'), journal.JournalEntry(),
                                KINDS)


# Claiming

def test_a_volume_is_claimed_and_closed_in_one_transaction():
    found = claims.preparation(
        volume(allow=INFRA + ',leftover', options={
            'client.ssl': 'off', records.TRASH: 'on',
            records.READ_ONLY: 'on'}), ID, CLAIM, INFRA)
    assert found == {
        records.MARK: ID, CLAIM: ID, 'client.ssl': 'on',
        records.DYNAMIC: 'on', records.GNFS: 'off', records.TRASH: 'off',
        records.READ_ONLY: 'off', records.ALLOW: INFRA}


def test_bricks_that_are_not_running_will_run_with_tls():
    found = claims.preparation(volume('Created'), ID, CLAIM, INFRA)
    assert found[records.TLS_RUNS] == 'on'


def test_what_is_not_certain_any_more_is_forgotten():
    found = claims.preparation(volume(options={
        records.TLS_RUNS: 'on', 'server.ssl': 'off'}), ID, CLAIM, INFRA)
    assert found[records.TLS_RUNS] == 'NONE'


def claimed(mark=None, **claims):
    options = {{'ours': CLAIM, 'theirs': RIVAL}[key]: value
               for key, value in claims.items()}
    if mark:
        options[records.MARK] = mark
    return volume(options=options)


RIVALS = [
    # before, after, whose it is instead (None: ours)
    (claimed(), claimed(ID, ours=ID), None),
    (claimed(), claimed(ID, ours=ID, theirs=OTHER), OTHER),
    (claimed(), claimed(OTHER, ours=ID, theirs=OTHER), OTHER),
    (claimed(), claimed('NONE', ours=ID), ''),
    # Left from a share that is long gone.
    (claimed('NONE', theirs=OTHER), claimed(ID, ours=ID, theirs=OTHER), None),
    (claimed('NONE', theirs=OTHER), claimed(ID, ours=ID, theirs=THIRD),
     THIRD),
    # A repeated call cannot tell any more: it steps back.
    (claimed(ID, ours=ID), claimed(ID, ours=ID), None),
    (claimed(ID, ours=ID, theirs=OTHER), claimed(ID, ours=ID, theirs=OTHER),
     OTHER)]


@pytest.mark.parametrize(('before', 'after', 'other'), RIVALS)
def test_rivals(before, after, other):
    assert claims.rival(before, after, ID, CLAIM) == other


def test_two_services_never_both_win():
    """Whatever the order of their writes and reads."""
    for order in _orders('wA rA', 'wB rB'):
        state, seen = {}, {}
        for event in order:
            who = event[1]
            share, claim = {'A': (ID, CLAIM), 'B': (OTHER, RIVAL)}[who]
            if event[0] == 'w':
                state = {**state, records.MARK: share, claim: share}
            else:
                seen[who] = claims.rival(
                    volume(), volume(options=state), share, claim)
        assert not (seen['A'] is None and seen['B'] is None), order


def _orders(one, two):
    one, two = one.split(), two.split()
    if not one or not two:
        return [[*one, *two]]
    return [[one[0], *rest] for rest in _orders(
        ' '.join(one[1:]), ' '.join(two))] + [
        [two[0], *rest] for rest in _orders(
            ' '.join(one), ' '.join(two[1:]))]


# Which volume a share is

def marked(mark, status='Started', name='v', bricks=(), **claims):
    return volume(status, name=name, bricks=bricks, options={
        **({records.MARK: mark} if mark else {}),
        **{{'ours': CLAIM, 'theirs': RIVAL}[key]: value
           for key, value in claims.items()}})


SNAPS = ('h:/run/gluster/snaps/x/brick1',)
REVERTING = journal.JournalEntry(reverting='snapshot')
PENDING = journal.JournalEntry(pending=True)
OURS = [
    # volume, what is remembered of the share, whether it is the share
    (marked(ID), journal.JournalEntry(), True),
    (marked(ID), PENDING, True),
    (marked(''), journal.JournalEntry(), False),
    (marked(OTHER), journal.JournalEntry(), False),
    # A clone is one share's by its name, whatever it was made of.
    (marked(OTHER, name=paths.clone(ID)), PENDING, True),
    (marked(ID, name=paths.clone(OTHER)), journal.JournalEntry(), True),
    # Another service came too late, and will step back.
    (marked(OTHER, ours=ID, theirs=OTHER), journal.JournalEntry(), True),
    # It came first: we have not seen our creation end, and so step back.
    (marked(OTHER, ours=ID, theirs=OTHER), PENDING, False),
    # The mark is nobody's claim, or ours is no claim.
    (marked(THIRD, ours=ID, theirs=OTHER), journal.JournalEntry(), False),
    (marked(OTHER, ours=THIRD, theirs=OTHER), journal.JournalEntry(), False),
    (marked('', ours=ID), journal.JournalEntry(), False),
    # It is being brought back to a time when it was another's.
    (marked(OTHER, 'Stopped', bricks=SNAPS), REVERTING, True),
    (marked('', 'Stopped', bricks=SNAPS), REVERTING, True),
    (marked(OTHER, 'Stopped', bricks=SNAPS), journal.JournalEntry(), False),
    (marked(OTHER, 'Started', bricks=SNAPS), REVERTING, False),
    (marked(OTHER, 'Stopped', bricks=('h:/bricks/a',)), REVERTING, False),
    (marked(OTHER, 'Stopped', bricks=SNAPS), journal.JournalEntry(
        reverting='snapshot', pending=True), False)]


@pytest.mark.parametrize(('of', 'record', 'is_ours'), OURS)
def test_which_volume_is_a_share(of, record, is_ours):
    """Volumes of others are neither emptied nor deleted for it."""
    assert claims.ours(of, ID, record) is is_ours


@pytest.mark.parametrize(('options', 'unmarked'), [
    ({}, True), ({records.MARK: 'NONE'}, False), ({records.MARK: ID}, False),
    ({records.STATE: 'wiping'}, False), ({records.STATE: 'NONE'}, True)])
def test_a_volume_that_never_had_a_mark(options, unmarked):
    assert claims.unmarked(volume(options=options),
                             journal.JournalEntry()) is unmarked


ACTIVATION = [
    (volume(), False, None, ()),
    (volume(), True, None, ('stop', 'start')),
    (volume('Created'), False, None, ('start',)),
    (volume('Stopped'), True, None, ('start',)),
    (volume(), True, 3, ('stop', 'start', 'enable', 'limit')),
    (volume(options={records.QUOTA: 'on'}), False, 3, ('limit',)),
    (volume(options={records.QUOTA: 'on'}), False, None, ('disable',))]


@pytest.mark.parametrize(('of', 'restart', 'gib', 'commands'), ACTIVATION)
def test_activation_is_one_invocation(of, restart, gib, commands):
    found = shown(planning.activation(of, restart=restart, gib=gib))
    assert found == ([('run', commands)] if commands else [])


# Deletion

GIVEN_BACK = ('set', {
    records.MARK: 'NONE', records.STATE: 'NONE', CLAIM: 'NONE',
    records.TLS_RUNS: 'on'})


def test_emptying_takes_the_tenants_away_first():
    found = shown(planning.emptying(
        volume(allow=INFRA + ',a', options={
            records.MARK: ID, records.READ_ONLY: 'on'}),
        ID, INFRA, CLAIM, dynamic=True, proven=True))
    assert found == [
        ('set', {records.STATE: 'wiping', records.READ_ONLY: 'off',
                 records.ALLOW: INFRA}), ('wipe', None), GIVEN_BACK]


@pytest.mark.parametrize(('of', 'dynamic', 'proven'), [
    (volume(), True, False),
    (volume(allow=INFRA + ',a'), False, True),
    (volume(options={records.TRASH: 'on'}), True, True),
    (volume(options={'client.ssl': 'off'}), True, True)])
def test_emptying_restarts_where_it_has_to(of, dynamic, proven):
    found = shown(planning.emptying(of, ID, INFRA, CLAIM, dynamic=dynamic,
                                    proven=proven))
    assert [action for action, _ in found] == ['stop', 'set', 'run', 'wipe',
                                               'set']


def test_what_is_empty_forgets_every_claim():
    found = shown(planning.emptying(volume(options={
        records.MARK: ID, CLAIM: ID, RIVAL: OTHER, records.QUOTA: 'on'}),
        ID, INFRA, CLAIM, dynamic=True, proven=True))
    assert found[-2:] == [('run', ('disable',)), ('set', {
        records.MARK: 'NONE', records.STATE: 'NONE', CLAIM: 'NONE',
        RIVAL: 'NONE', records.TLS_RUNS: 'on'})]


@pytest.mark.parametrize(('mark', 'state', 'free'), [
    (None, None, True), ('NONE', 'NONE', True), ('none', None, True),
    (ID, None, False), ('somebody', None, False), (ID, 'wiping', False),
    ('NONE', 'unmanaged', False), (None, 'wiping', False)])
def test_free_volumes(mark, state, free):
    options = {key: value for key, value in (
        (records.MARK, mark), (records.STATE, state)) if value}
    assert volume(options=options).free is free


# Clones

def test_a_clone_forgets_everything_of_its_parent():
    parent = volume('Created', allow=INFRA + ',tenant', options={
        records.MARK: OTHER, CLAIM: OTHER, RIVAL: OTHER,
        records.READ_ONLY: 'on', records.STATE: 'wiping'})
    (changes,) = [options for action, options in shown(planning.clone(
        parent, ID, OTHER, CLAIM, INFRA, None)) if action == 'set']
    assert changes.items() >= {
        records.MARK: ID, CLAIM: ID, RIVAL: 'NONE', records.ALLOW: INFRA,
        records.READ_ONLY: 'off', records.STATE: 'NONE',
        records.PARENT: OTHER}.items()


@pytest.mark.parametrize(('name', 'options', 'bricks', 'is_clone'), [
    ('manila-' + ID, {records.PARENT: OTHER}, (), True),
    ('manila-' + ID, {}, ('h:/run/gluster/snaps/x/brick1',), True),
    ('manila-' + ID, {}, ('h:/bricks/a',), False),
    ('pool-1', {records.PARENT: OTHER},
     ('h:/run/gluster/snaps/x/brick1',), False)])
def test_only_our_clones_are_ever_deleted(name, options, bricks, is_clone):
    assert volume(name=name, options=options,
                  bricks=bricks).is_clone is is_clone


# Size

@pytest.mark.parametrize(('limit', 'used', 'gib', 'shrink', 'changes'), [
    (2, 0, 3, False, True), (3, 0, 3, False, False), (2, 5, 3, False, True),
    (5, 3, 3, True, True), (None, 0, 3, True, True)])
def test_resize(limit, used, gib, shrink, changes):
    quota = records.VolumeQuota(limit and limit * 1024 ** 3, used * 1024 ** 3)
    assert planning.limit_changes(quota, ID, gib, shrink=shrink) is changes


def test_a_shrink_below_what_is_used():
    with pytest.raises(exception.PossibleDataLoss):
        planning.limit_changes(
            records.VolumeQuota(None, 3 * 1024 ** 3 + 1), ID, 3,
                        shrink=True)


# Ensuring

RECORD = journal.JournalEntry('h:/v', tls=True, infrastructure=tuple(SET))
ENSURED = [
    # drifted volume, steps, rules are asked for
    (volume(options={records.MARK: ID}), [], False),
    (volume(allow=INFRA + ',a', options={records.MARK: ID}), [], False),
    (volume('Stopped', options={records.MARK: ID}), [('run', ('start',))],
     False),
    (volume(), [('set', {records.MARK: ID})], False),
    (volume(allow=INFRA + ',a,b*', options={records.MARK: ID}),
     [('set', {records.ALLOW: INFRA + ',a'})], True),
    (volume(allow='a', options={records.MARK: ID}),
     [('set', {records.ALLOW: INFRA + ',a'})], True),
    (volume(allow=None, options={records.MARK: ID}),
     [('stop', None), ('set', {records.ALLOW: INFRA}),
      ('run', ('start',))], True)]


@pytest.mark.parametrize(('of', 'steps', 'reapply'), ENSURED)
def test_ensuring(of, steps, reapply):
    found = health.assess(of, ID, RECORD, KINDS, dynamic=True)
    assert shown(found.steps) == steps
    assert found.reapply is reapply
