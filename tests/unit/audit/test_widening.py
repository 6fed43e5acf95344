# SPDX-License-Identifier: Apache-2.0

"""Records that are older than the backend let nobody in by themselves."""

import types

import pytest

from manila_drivers.audit import widening
from manila_drivers.cli import main
from manila_drivers.inventory import SeenClients
from manila_drivers.inventory import SeenShare
from manila_drivers.registry import records
from tests.unit.audit import planted
from tests.unit.audit import test_manila_repair
from tests.unit.direct import bench

at = test_manila_repair.at
KEPT, DENIED, ALSO, STRANGER = (
    '192.0.2.0/24', '198.51.100.7', '198.51.100.8', '203.0.113.9')


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


@pytest.fixture
def run(place, capsys, monkeypatch):
    """The command; returns the exit code and standard error."""
    def call(*words, answers=()):
        given = iter((*answers, ''))
        monkeypatch.setattr('sys.stdin', types.SimpleNamespace(
            readline=lambda: next(given)))
        code = main.main(['--config-file', str(place.conf), *words])
        return code, capsys.readouterr().err
    return call


@pytest.fixture
def share(place):
    """A share whose registry has two rules that were denied since."""
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        for target in (KEPT, DENIED, ALSO):
            share.allow(target)
        with bench.as_before(place):
            share.deny_all([DENIED, ALSO])
    return share


def admitted(place, share):
    return {client for client in ('192.0.2.9', DENIED, ALSO, STRANGER)
            if place.level(share, client)}


def stranger(place, share):
    place.cluster.sim.change('policy', share.id, nfs_read_write=[
        KEPT, STRANGER])


def test_yes_turns_out_and_lets_nobody_in(place, run, share):
    stranger(place, share)
    assert admitted(place, share) == {'192.0.2.9', STRANGER}
    code, err = run('audit', '--repair', '--yes')
    assert admitted(place, share) == {'192.0.2.9'}
    assert code == 1
    assert (f'would widen, if asked to: share one: access for rw {DENIED}, '
            f'rw {ALSO}') in err
    assert 'they were not given access' in err
    code, _ = run('audit', '--repair', '--yes', '--widen')
    assert code == 0
    assert admitted(place, share) == {'192.0.2.9', DENIED, ALSO}


@pytest.mark.parametrize(('answers', 'left'), [
    ((), {STRANGER}), (('n',), {STRANGER}), (('y',), set()),
    (('y', 'n'), set()), (('y', 'y'), {DENIED, ALSO})])
def test_each_is_asked_for_by_itself(place, run, share, answers, left):
    stranger(place, share)
    run('audit', '--repair', answers=answers)
    assert admitted(place, share) == {'192.0.2.9', *left}


def test_what_widens_alone_is_one_question(place, run, share):
    _, err = run('audit', '--repair', answers=['y'])
    assert err.count('[y/N]') == 1
    assert 'would do' not in err
    assert admitted(place, share) == {'192.0.2.9', DENIED, ALSO}


def test_widen_is_a_repair(run):
    code, err = run('audit', '--widen')
    assert code == 2
    assert '--widen is a repair' in err


def test_ensure_lets_nobody_in_either(place, run, share):
    place.cluster.sim.change('policy', share.id, nfs_read_write=['*'])
    # Everybody gets in: nobody gets more by the rules.
    assert run('share', 'ensure')[0] == 0
    with place.backend() as backend, bench.as_before(place):
        backend.shares.get('one').deny_all([DENIED, ALSO])
    place.cluster.sim.change('policy', share.id, nfs_read_write=[
        KEPT, '@group'])
    code, _ = run('share', 'ensure')
    assert code == 1
    assert admitted(place, share) == {'192.0.2.9'}
    place.cluster.sim.change('policy', share.id, nfs_read_write=['@group'])
    assert run('share', 'ensure', '--widen')[0] == 0
    assert admitted(place, share) == {'192.0.2.9', DENIED, ALSO}


def test_two_that_are_denied_at_once_never_get_in(place, run, share):
    sim, seen = place.cluster.sim, []
    handle = sim.handle

    def watch(request):
        answer = handle(request)
        seen.append(admitted(place, share))
        return answer
    sim.handle = watch
    try:
        assert run('share', 'deny', 'one', DENIED, ALSO)[0] == 0
    finally:
        sim.handle = handle
    assert len(seen) > 2
    assert set().union(*seen) == {'192.0.2.9'}
    assert run('audit')[0] == 0


def test_one_that_cannot_be_denied_stops_no_other(place, run, share):
    assert run('share', 'deny', 'one', DENIED, '192.0.2.1', ALSO)[0] == 3
    assert admitted(place, share) == {'192.0.2.9'}
    assert run('audit')[0] == 0


def test_rules_of_manila_let_nobody_in_by_yes_alone(at):
    site = at('ces')
    share = site.share('restored')
    ident = site.manila.of(share.id)
    planted_there = site.inventory()
    site.hurt(test_manila_repair.WIDE, share)
    site.manila.allow(ident, DENIED)
    with site.audit() as audit:
        report = audit.audit()
        plan = audit.repair_plan(report)
        assert [f'access for rw {DENIED}' in line
                for line in plan.wider] == [True]
        assert plan.lines
        [(_, why)] = audit.repair(report)
        assert f'rw {DENIED}' in why
        assert site.inventory() == planted_there
        assert audit.repair(audit.audit(), widen=True) == []
        assert audit.audit().differences == ()


def rule(target, level='rw', kind='ip'):
    return records.RuleEntry(target, 's', kind, target, level, 'active')


def seen(*lists, unseen=()):
    return SeenShare('s', frozenset(), (), unseen=unseen, clients=tuple(
        SeenClients('ip', *map(frozenset, each)) for each in lists))


NET, HALF, HOST = '192.0.2.0/24', '192.0.2.0/25', '198.51.100.7'
TABLE = {
    'all there': ([NET, HOST], seen([[NET, HOST]]), (), [NET, HOST]),
    'everybody': ([NET], seen([['*']]), (), [NET]),
    'by two halves': ([NET], seen([[HALF, '192.0.2.128/25']]), (), [NET]),
    'one missing': ([NET, HOST], seen([[NET]]), (f'rw {HOST}',), [NET]),
    'for reading': ([HOST], seen([[], [HOST]]), (f'rw {HOST}',), None),
    'one of two servers': ([NET, HOST], seen([[NET]], [[HOST]]), (),
                           [NET, HOST]),
    # Who has half of it would lose that.
    'half there': ([NET], seen([[HALF]]), (f'rw {NET}',), None),
    'part unseen': ([NET, HOST], seen([[NET]], unseen=['x']),
                    (f'rw {HOST}',), None),
    'nobody': ([NET], seen([[]]), (f'rw {NET}',), []),
    'not known': ([NET], None, (f'rw {NET}',), None),
    'no rules': ([], seen([[NET]]), (), [])}


@pytest.mark.parametrize('name', TABLE)
def test_what_rules_give_is_decided(name):
    targets, share, gives, narrow = TABLE[name]
    found = widening.decide([rule(each) for each in targets], share)
    assert found.gives == gives
    assert (None if found.narrow is None else
            [one.target for one in found.narrow]) == narrow


def test_a_lost_policy_is_made_and_lets_nobody_in(place, run):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(KEPT)
    planted.PLANTS['policy lost'].work(place, share)
    code, err = run('audit', '--repair', '--yes')
    assert code == 1
    assert f'would widen, if asked to: share one: access for rw {KEPT}' in err
    assert admitted(place, share) == set()
    assert run('audit', '--repair', '--yes', '--widen')[0] == 0
    assert admitted(place, share) == {'192.0.2.9'}
