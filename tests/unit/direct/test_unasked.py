# SPDX-License-Identifier: Apache-2.0

"""One rule is given or taken while the records of others are not right.

The registry was brought back from a backup, or has lost rules.
"""


import pytest

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import reach
from manila_drivers.audit import widening
from manila_drivers.cli import main
from manila_drivers.direct import access_rules
from manila_drivers.direct import parts
from manila_drivers.registry import records
from manila_drivers.registry import schema
from tests.unit.direct import bench

#: Four that rules may name, each with a client of its.
CLIENTS = {'gluster': {name: name for name in ('alice', 'bob', 'carol',
                                               'dave')},
           'nfs': {'192.0.2.0/24': '192.0.2.9', '198.51.100.7':
                   '198.51.100.7', '198.51.100.8': '198.51.100.8',
                   '203.0.113.0/28': '203.0.113.3'}}


@pytest.fixture(params=['vast', 'gluster', 'ces', 'knfs', 'gnfs', 'generic'])
def place(request, tmp_path):
    with bench.bench(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def vast(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def targets(place):
    return list(CLIENTS.get(place.kind, CLIENTS['nfs']))


def admitted(place, share):
    """Return the targets of whom a client gets in."""
    clients = CLIENTS.get(place.kind, CLIENTS['nfs'])
    return {target for target, client in clients.items()
            if place.level(share, client)}


@pytest.fixture
def share(place):
    """A share whose registry has two rules that were denied since."""
    kept, denied, also, _ = targets(place)
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        for target in (kept, denied, also):
            share.allow(target)
        with bench.as_before(place):
            share.deny_all([denied, also])
    assert admitted(place, share) == {kept}
    return share


@pytest.mark.turns
def test_who_was_denied_is_not_let_in_by_another_rule(place, share):
    kept, denied, also, new = targets(place)
    before = place.cluster.inventory()
    with place.backend() as backend:
        share = backend.shares.get('one')
        for plan in (False, True):
            with pytest.raises(exception.InvalidRequest) as caught:
                share.allow(new, plan=plan)
            assert denied in str(caught.value)
            assert 'widen' in str(caught.value)
            assert admitted(place, share) == {kept}
            assert place.cluster.inventory() == before
        assert {rule.to for rule in share.rules} == {kept, denied, also}
        # What is asked for is given, and no other.
        share.deny_all([also])
        assert admitted(place, share) == {kept}
        share.allow(denied)
        assert admitted(place, share) == {kept, denied}


@pytest.mark.turns
def test_all_get_in_if_that_is_asked_for(place, share):
    with place.backend() as backend:
        backend.shares.get('one').allow(targets(place)[3], widen=True)
    assert admitted(place, share) == set(targets(place))


@pytest.mark.turns
def test_a_denial_lets_nobody_in_and_is_never_refused(place, share, caplog):
    kept, denied, also, _ = targets(place)
    with place.backend() as backend:
        share = backend.shares.get('one')
        share.deny(kept, plan=True)
        assert admitted(place, share) == {kept}
        share.deny(kept)
        assert admitted(place, share) == set()
        assert {rule.to for rule in share.rules} == {denied, also}
    assert 'who have rules: they were not given' in caplog.text
    assert denied in caplog.text


@pytest.mark.turns
def test_who_loses_access_by_a_rule_of_another_is_told(place, caplog):
    kept, lost, new, _ = targets(place)
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(kept)
        with bench.as_before(place):
            share.allow(lost)
        assert 'lose access' not in caplog.text
        share = backend.shares.get('one')
        share.allow(new)
    told = [line.getMessage() for line in caplog.records
            if 'lose access' in line.getMessage()]
    assert len(told) == 1
    assert lost in told[0]
    assert admitted(place, share) == {kept, new}


@pytest.mark.turns
def test_who_was_denied_is_not_let_in_by_a_revert(place, share):
    if place.kind == 'vast':
        pytest.skip('it brings no share back')
    kept, denied, also, _ = targets(place)
    with place.backend() as backend:
        share = backend.shares.get('one')
        share.snapshot('before')
        for plan in (False, True):
            with pytest.raises(exception.InvalidRequest, match='let in') as \
                    caught:
                share.revert(plan=plan)
            assert denied in str(caught.value)
            assert 'audit --repair --widen; else' in str(caught.value)
        assert (admitted(place, share), share.refresh().status) == (
            {kept}, 'available')
        share.deny_all([denied, also])
        assert share.revert().status == 'available'
        assert admitted(place, share) == {kept}


def test_a_revert_that_was_begun_opens_what_it_has_closed(
        tmp_path, monkeypatch):
    with bench.bench('ces', tmp_path) as place, place.backend() as backend:
        kept = targets(place)[0]
        share = backend.shares.create(size=2, name='one')
        share.allow(kept)
        share.snapshot('before')
        driver = type(backend.driver)

        def ends_half_way(self, context, snapshot, *args, **more):
            self.update_access(context, snapshot['share'], [], [], [], [])
            raise exception.OutcomeUnknown('The connection was lost')
        with monkeypatch.context() as patch:
            patch.setattr(driver, 'revert_to_snapshot', ends_half_way)
            with pytest.raises(exception.OutcomeUnknown):
                share.revert()
        assert admitted(place, share) == set()
        assert share.revert().status == 'available'
        assert admitted(place, share) == {kept}


def test_rules_that_were_all_lost_are_told(vast, caplog):
    kept, _, new, _ = targets(vast)
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(kept)
        with backend.registry.database.begin() as connection:
            connection.execute(schema.RULES.delete())
        share.allow(new)
    assert f'lets in rw {kept}, whom no recorded rule' in caplog.text


@pytest.mark.turns
def test_where_all_is_recorded_no_list_is_taken(place, monkeypatch, caplog):
    """Do as ever while records and backend are the same."""
    first, second, third, _ = targets(place)
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        with monkeypatch.context() as patch:
            patch.setattr(backend.driver._backend.inventory, 'read', None)
            share.allow(first)
            share.allow(second)
            share.allow(second)
            share.allow(third, plan=True)
            share.deny(first, plan=True)
            share.deny(first)
            share.allow(first)
            share.deny_all([first, second])
    assert [line for line in caplog.records
            if line.name == 'manila_drivers.direct.unasked'] == []


def test_levels_within_a_network_are_what_somebody_asks_for(vast, caplog):
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow('192.0.2.0/24')
        share.allow('192.0.2.9', level='ro')
        assert vast.level(share, '192.0.2.9') == 'ro'
        share.allow('192.0.2.9')
        assert vast.level(share, '192.0.2.9') == 'rw'
        share.allow('192.0.2.9', level='ro')
        share.deny('192.0.2.9')
        assert vast.level(share, '192.0.2.9') == 'rw'
    assert 'manila_drivers.direct.unasked' not in {
        line.name for line in caplog.records}


def test_one_share_of_vast_is_two_requests(vast, caplog):
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow('192.0.2.0/24')
        mark = vast.cluster.mark()
        backend._parts.rules.with_one(
            share._record, backend._parts.rules.new(
                share._record, 'ip', '198.51.100.7', 'rw'), widen=False)
        asked = vast.cluster.requests(mark)
        vast.cluster.sim.change('view', share.id, policy='default',
                                policy_id=1)
        share.allow('198.51.100.7')
    # And one for the plan.
    assert len(asked) == 3, asked
    # Who gets in by the policy of others is seen as well.
    assert 'lets in rw 0.0.0.0/0, rw ::/0, whom no recorded' in caplog.text
    assert vast.level(share, '203.0.113.9') is None


def test_half_a_network_that_gets_in_keeps_just_that(vast, caplog):
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow('192.0.2.0/24')
        share.allow('198.51.100.7')
        vast.cluster.sim.change('policy', share.id, nfs_read_write=[
            '192.0.2.0/25', '198.51.100.7'], read_write=['*'])
        share.deny('198.51.100.7')
        assert vast.level(share, '192.0.2.9') == 'rw'
        assert vast.level(share, '192.0.2.200') is None
        assert vast.level(share, '198.51.100.7') is None
        assert {rule.to for rule in share.rules} == {'192.0.2.0/24'}


def test_a_denial_needs_no_list(vast, monkeypatch, caplog):
    def failing(self, only=''):
        raise exception.BackendError('No list')
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow('192.0.2.0/24')
        share.allow('198.51.100.7')
    monkeypatch.setattr(parts.Parts, '_look', failing)
    with vast.backend() as backend:
        share = backend.shares.get('one')
        with pytest.raises(exception.BackendError, match='No list'):
            share.allow('203.0.113.9')
        share.deny('198.51.100.7')
        assert vast.level(share, '198.51.100.7') is None
    assert 'It is not known who gets into share one' in caplog.text


def test_the_command_takes_the_word_for_it(vast, capsys):
    def run(*words):
        code = main.main(['--config-file', str(vast.conf), 'share', *words])
        return code, capsys.readouterr().err
    kept, denied, new, _ = targets(vast)
    assert run('create', 'one', '2')[0] == 0
    assert run('allow', 'one', kept) == (0, '')
    assert run('allow', 'one', denied) == (0, '')
    with bench.as_before(vast):
        assert run('deny', 'one', denied) == (0, '')
    code, err = run('allow', 'one', new)
    assert code == 2
    assert f'would let in rw {denied}' in err
    assert run('allow', 'one', new, '--widen') == (0, '')
    with vast.backend() as backend:
        assert admitted(vast, backend.shares.get('one')) == {
            kept, denied, new}


def test_records_that_are_believed_let_in_who_was_denied(vast, monkeypatch):
    def believing(self, share, rule, *, widen):
        return [*self.in_force(share, without=rule.id), rule]
    monkeypatch.setattr(access_rules.Rules, 'with_one', believing)
    _, denied, _, new = targets(vast)
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(denied)
        with bench.as_before(vast):
            share.deny(denied)
        backend.shares.get('one').allow(new)
    assert admitted(vast, share) == {denied, new}


def rule(target, level='rw', kind='ip'):
    return records.RuleEntry(target, 's', kind, target, level, 'active')


def seen(write, read=(), kind='ip'):
    return inventory.SeenShare('s', frozenset(), (), clients=(
        inventory.SeenClients(kind, frozenset(write), frozenset(read)),))


NET, HALF, HOST = '192.0.2.0/24', '192.0.2.0/25', '192.0.2.9'
CLIPPED = {
    'all': ([rule(NET)], seen(['*']), {NET: 'rw'}),
    'half': ([rule(NET)], seen([HALF]), {HALF: 'rw'}),
    'one of it': ([rule(HALF)], seen([NET]), {HALF: 'rw'}),
    'nothing': ([rule(NET)], seen(['198.51.100.7']), {}),
    'for reading': ([rule(NET)], seen([], [NET]), {NET: 'ro'}),
    'half for reading': ([rule(NET)], seen([HALF], [NET]),
                         {NET: 'ro', HALF: 'rw'}),
    'shall read': ([rule(NET, 'ro')], seen([NET]), {NET: 'ro'}),
    'a reader in it': ([rule(NET), rule(HOST, 'ro')], seen([NET]), None),
    'names': ([rule('a', kind='cert'), rule('b', kind='cert')],
              seen(['b', 'c'], kind='cert'), {'b': 'rw'})}


@pytest.mark.parametrize('name', CLIPPED)
def test_what_is_clipped_gives_nobody_more(name):
    rules, share, expected = CLIPPED[name]
    found = widening.clipped(rules, share)
    kind = rules[0].kind
    if expected is not None:
        assert {one.target: one.level for one in found} == expected
    got = widening._due(found, kind)
    for bound in (widening._due(rules, kind),
                  widening._present(share, kind)):
        assert reach.beyond(got, bound) == []
