# SPDX-License-Identifier: Apache-2.0

"""Shares that are no longer what was recorded of them."""

import pytest

from manila_drivers import exception
from manila_drivers.cli import main
from tests.unit.direct import bench

GIB = 2 ** 30
NETWORK, OTHER, CLIENT = bench.TARGETS['vast']


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def path_of(share):
    return '/' + share.locations[0].partition(':/')[2]


def three(backend):
    shares = [backend.shares.create(size=2, name=name)
              for name in ('one', 'two', 'three')]
    for share in shares:
        share.allow(NETWORK)
    return shares


def states(found):
    return {one.name: one.state for one in found}


def changing(place, mark):
    return [line for line in place.cluster.requests(mark)
            if not line.startswith(('GET', 'POST /api/v1/token'))]


def damage(place, share):
    """Change a share by hand: who has access, and its size."""
    sim = place.cluster.sim
    sim.change('policy', share.id, nfs_read_write=['*'])
    sim.change('quota', path_of(share), hard_limit=7 * GIB)


def test_what_is_whole_is_left_alone(place):
    with place.backend() as backend:
        three(backend)
        mark = place.cluster.mark()
        assert set(states(backend.shares.ensure()).values()) == {'whole'}
        assert changing(place, mark) == []
        assert not backend.shares.ensure(plan=True)


def test_what_was_changed_by_hand_is_repaired(place):
    with place.backend() as backend:
        one, two, _ = three(backend)
        damage(place, one)
        assert place.level(one, '203.0.113.9') == 'rw'
        before, mark = place.cluster.inventory(), place.cluster.mark()
        planned = backend.shares.ensure(plan=True)
        assert planned
        assert changing(place, mark) == []
        assert place.cluster.inventory() == before
        assert states(backend.shares.ensure(['one'])) == {'one': 'whole'}
        assert place.level(one, '203.0.113.9') is None
        assert place.level(one, CLIENT) == 'rw'
        assert place.limit(one) == 2 * GIB
        assert place.level(two, CLIENT) == 'rw'
        assert not backend.shares.ensure(plan=True)


def test_a_lost_share_is_told_and_comes_back(place):
    with place.backend() as backend:
        one, _, _ = three(backend)
        sim, path = place.cluster.sim, path_of(one)
        sim.remove('directory', path)
        sim.remove('view', one.id)
        found = states(backend.shares.ensure())
        assert found == {'one': 'lost', 'two': 'whole', 'three': 'whole'}
        assert one.refresh().status == 'error'
        assert one.failure
        # Never made again by us: whoever has a copy puts it back.
        sim.make_directory(path)
        assert states(backend.shares.ensure(['one'])) == {'one': 'whole'}
        assert (one.refresh().status, one.failure) == ('available', '')
        sim.remove('directory', path)
        sim.remove('view', one.id)
        assert states(backend.shares.ensure(['one'])) == {'one': 'lost'}
        one.delete()
        assert len(backend.shares.list()) == 2


def test_what_is_in_use_or_unfinished_stops_no_other(place, monkeypatch):
    with place.backend() as backend:
        one, _, _ = three(backend)
        at = 18
        while backend.shares.get('two').status != 'resizing':
            with monkeypatch.context() as patch:
                bench.Death(patch, at)
                with pytest.raises(bench.Killed):
                    place.backend().shares.get('two').resize(3)
            at += 1
        with backend.registry.leases.hold([f'share {one.id}'], 1):
            found = states(backend.shares.ensure())
        assert found == {'one': 'busy', 'two': 'unfinished',
                         'three': 'whole'}


def test_a_cluster_that_fails_meanwhile_leaves_shares_unchecked(place):
    with place.backend() as backend:
        three(backend)
        assert backend.driver is not None
        place.cluster.stop()
        found = backend.shares.ensure(['three'])
        assert states(found) == {'three': 'unchecked'}
        assert found[0].why
        place.cluster.start()
        assert states(backend.shares.ensure()) == dict.fromkeys(
            ('one', 'two', 'three'), 'whole')


def test_the_command_tells_by_its_exit_code(place, capsys):
    with place.backend() as backend:
        one, _, _ = three(backend)
        run = ['--config-file', str(place.conf), 'share', 'ensure']
        assert main.main([*run, 'one', '-f', 'value']) == 0
        assert capsys.readouterr().out.split() == ['one', 'whole']
        with backend.registry.leases.hold([f'share {one.id}'], 1):
            assert main.main(run) == 4
        assert main.main([*run, 'none']) == 3
        damage(place, one)
        assert main.main([*run, '--dry-run', '-f', 'json']) == 0
        assert one.id in capsys.readouterr().out


def test_a_plan_tells_what_no_step_mends(place, capsys, monkeypatch):
    """Exit as the command does that it is a plan of."""
    run = ['--config-file', str(place.conf), 'share', 'ensure']
    with place.backend() as backend:
        one, two, _ = three(backend)
        assert main.main([*run, '--dry-run']) == 0
        two._parts.registry.shares.change(two._record, task={
            'name': 'resize', 'size': 3, 'shrink': False, 'highest': 3},
            status='resizing')
        assert [(each.name, each.state) for each in backend.shares.ensure(
            plan=True).states] == [('two', 'unfinished')]
        assert main.main([*run, '--dry-run']) == main.main(run) == 4
        place.cluster.sim.remove('directory', path_of(one))
        place.cluster.sim.remove('view', one.id)
        assert {each.name: each.state for each in backend.shares.ensure(
            plan=True).states} == {'one': 'lost', 'two': 'unfinished'}
        assert one.refresh().status == 'available'
        capsys.readouterr()
        assert main.main([*run, '--dry-run']) == 1
        assert 'share one is lost' in capsys.readouterr().err
        assert main.main(run) == 1


def test_a_plan_that_could_not_look_says_so(place):
    with place.backend() as backend:
        three(backend)
        assert backend.driver is not None
        place.cluster.stop()
        with pytest.raises(exception.TransportError):
            backend.shares.ensure(plan=True)
        place.cluster.start()
