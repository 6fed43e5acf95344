# SPDX-License-Identifier: Apache-2.0

"""Access is taken whatever else was begun, and is not said to be if not."""

import pytest

from manila_drivers import exception
from manila_drivers.cli import main
from manila_drivers.direct import taking
from tests.unit.direct import bench

NETWORK, OTHER, CLIENT = bench.TARGETS['vast']


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


@pytest.mark.parametrize('begun', ['delete', 'release'])
def test_access_is_taken_from_what_cannot_be_deleted(place, begun):
    """Let VMS have a snapshot that nobody has recorded."""
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        share.allow(NETWORK)
        if begun == 'delete':
            snapshot = share.snapshot('first')
            backend.registry.snapshots.remove(snapshot._record)
            with pytest.raises(exception.Busy, match='has snapshots'):
                share.delete()
        else:
            backend.registry.shares.change(
                share._record, task={'name': begun}, status='releasing')
        assert place.level(share) == 'rw'
        with pytest.raises(exception.Busy):
            share.allow(OTHER)
        assert share.deny(NETWORK, plan=True)
        share.deny(NETWORK)
        assert place.level(share) is None
        assert share.rules == []
        assert share.refresh().status == f'{begun[:-1]}ing'


def test_an_adoption_that_was_cut_off_keeps_its_clients(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        share.allow(NETWORK)
        backend.registry.shares.change(
            share._record, task={'name': 'adopt', 'export': 'x',
                                 'options': {}}, status='adopting')
        with pytest.raises(exception.Busy):
            share.deny(NETWORK)
        assert place.level(share) == 'rw'


@pytest.mark.parametrize(('rule', 'denied'), [
    ('192.0.2.0/24', '192.0.2.9'), ('192.0.2.9', '192.0.2.0/24')])
def test_who_gets_in_by_another_rule_is_not_said_to_be_denied(
        place, rule, denied, capsys):
    run = ['--config-file', str(place.conf), 'share', 'deny', 'one']
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        share.allow(rule)
        for plan in (True, False):
            with pytest.raises(exception.NotFound, match=rule):
                share.deny(denied, plan=plan)
        assert main.main([*run, denied]) == 3
        assert rule in capsys.readouterr().err
        # Of whom no rule is, nobody has anything to take.
        share.deny('203.0.113.0/24')
        assert [one.to for one in share.rules] == [rule]
        assert main.main([*run, rule]) == main.main([*run, rule]) == 0
        share.deny(denied)


def test_a_lost_share_is_not_found_as_if_it_were_there(place, capsys):
    run = ['--config-file', str(place.conf), 'share']
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        path = '/' + share.locations[0].partition(':/')[2]
        place.cluster.sim.remove('directory', path)
        place.cluster.sim.remove('view', share.id)
        backend.shares.ensure()
        for words in (['create', 'one', '1'], ['wait', 'one']):
            assert main.main([*run, *words]) == 1
            assert 'in the records alone' in capsys.readouterr().err
        place.cluster.sim.make_directory(path)
        backend.shares.ensure()
        assert main.main([*run, 'create', 'one', '1']) == 0


@pytest.mark.parametrize('name', ['two ', 'a\nb', 'x' * 256])
def test_names_are_such_that_every_registry_keeps_apart(place, name):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        snapshot = share.snapshot('first')
        location = snapshot._record.location
        for work in (share.snapshot, snapshot.clone, lambda name:
                     share.adopt_snapshot(location, name)):
            with pytest.raises(exception.InvalidRequest, match='is no name'):
                work(name)
        assert len(backend.shares.list()) == len(share.snapshots) == 1


def test_no_share_is_made_of_what_is_half_gone(place, monkeypatch):
    """Let another command begin to delete the snapshot just then."""
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        snapshot = share.snapshot('first')
        alone = backend._parts.desk.alone

        def late(idents):
            found = backend.registry.snapshots.get(snapshot.id)
            if found.status == taking.AVAILABLE:
                backend.registry.snapshots.change(
                    found, status=taking.DELETING)
            return alone(idents)
        monkeypatch.setattr(backend._parts.desk, 'alone', late)
        with pytest.raises(exception.Busy, match='is deleting'):
            snapshot.clone('two')


def test_what_may_be_another_is_not_deleted(place):
    """Let a share be called as another one is by its id."""
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        other = backend.shares.create(size=1, name=share.id)
        run = ['--config-file', str(place.conf), 'share', 'delete']
        assert main.main([*run, share.id]) == 2
        assert len(backend.shares.list()) == 2
        assert main.main([*run, other.id]) == 0
        assert main.main([*run, share.id]) == 0
        assert backend.shares.list() == []
