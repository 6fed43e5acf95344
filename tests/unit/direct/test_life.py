# SPDX-License-Identifier: Apache-2.0

"""Shares led through their life without Manila, by each driver."""

import subprocess
import sys

import pytest

import manila_drivers
from manila_drivers import exception
from manila_drivers.direct import catalogue
from tests.unit.direct import bench

GIB = 2 ** 30


@pytest.fixture(params=['vast', 'gluster', 'ces', 'generic'])
def place(request, tmp_path):
    with bench.bench(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def vast(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def test_a_share_lives_and_leaves_nothing(place):
    first, second, _ = bench.TARGETS[place.kind]
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        assert (share.status, share.size, share.proto) == (
            'available', 2, place.proto)
        assert place.level(share) is None
        share.allow(first)
        share.allow(second)
        assert place.level(share) == 'rw'
        assert [(rule.to, rule.level, rule.state) for rule in share.rules] \
            == [(first, 'rw', 'active'), (second, 'rw', 'active')]
        share.extend(3)
        assert place.limit(share) >= 3 * GIB
        snapshot = share.snapshot('before')
        clone = snapshot.clone('two').wait(timeout=60)
        assert (clone.status, clone.size) == ('available', 3)
        assert clone.locations != share.locations
        assert place.level(clone) is None
        share.deny(first)
        assert place.level(share) is None
        assert [rule.to for rule in share.rules] == [second]
        assert {one.name for one in backend.shares.list()} == {'one', 'two'}
        clone.delete()
        snapshot.delete()
        share.delete()
        assert backend.shares.list() == []
        assert backend.snapshots.list() == []
    assert place.cluster.inventory() == place.empty


def test_another_process_finds_what_was_made(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        share.allow(bench.TARGETS[place.kind][0])
    with place.backend() as backend:
        found = backend.shares.get('one')
        assert (found.id, found.locations) == (share.id, share.locations)
        assert backend.shares.get(share.id).name == 'one'
        found.deny(bench.TARGETS[place.kind][0])
        assert place.level(found) is None
        found.delete()
    assert place.cluster.inventory() == place.empty


def test_a_repeated_creation_finds_the_share(vast):
    with vast.backend() as backend:
        one = backend.shares.create(size=1, name='one')
        mark = vast.cluster.mark()
        assert backend.shares.create(size=1, name='one').id == one.id
        assert vast.cluster.asked(mark) == []
        with pytest.raises(exception.Conflict, match='size 1 and not 2'):
            backend.shares.create(size=2, name='one')
        assert len(backend.shares.list()) == 1
        assert backend.shares.create(size=1).id != one.id


def test_a_released_share_is_adopted_with_its_data(vast):
    with vast.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow('192.0.2.0/24')
        export = share.locations[0]
        share.release()
        assert backend.shares.list() == []
        assert vast.cluster.level('192.0.2.9', export) == 'rw'
        again = backend.shares.adopt(export, 'other')
        assert (again.size, again.status) == (2, 'available')
        # It is recorded once, by one name.
        with pytest.raises(exception.Conflict, match='is share other'):
            backend.shares.adopt(export, 'third')
        assert backend.shares.adopt(export).id == again.id
        assert len(backend.shares.list()) == 1
        assert vast.cluster.level('192.0.2.9', export) == 'rw'
        again.allow('198.51.100.7', 'ro')
        assert vast.cluster.level('192.0.2.9', again.locations[0]) is None
        again.delete()
    assert vast.cluster.inventory() == vast.empty


def test_what_cannot_be_adopted_leaves_no_record(vast):
    with vast.backend() as backend:
        with pytest.raises(exception.NotManageable):
            backend.shares.adopt('10.0.0.1:/nowhere')
        assert backend.shares.list() == []


def test_a_level_is_changed_in_place(vast):
    with vast.backend() as backend:
        share = backend.shares.create(size=1)
        rule = share.allow('192.0.2.0/24')
        changed = share.allow('192.0.2.77/24', level='ro')
        assert (changed.id, changed.to, changed.level) == (
            rule.id, '192.0.2.0/24', 'ro')
        assert vast.level(share) == 'ro'
        share.deny(rule.id)
        assert vast.level(share) is None
        share.deny('192.0.2.0/24')


@pytest.mark.parametrize(('to', 'told'), [
    ('nonsense', 'neither an IP address'), ('2001:db8::/64', 'IPv6')])
def test_a_rule_that_cannot_be_honoured_leaves_nothing(vast, to, told):
    with vast.backend() as backend:
        share = backend.shares.create(size=1)
        share.allow('192.0.2.0/24')
        with pytest.raises(exception.InvalidRule, match=told):
            share.allow(to)
        assert [rule.to for rule in share.rules] == ['192.0.2.0/24']
        assert vast.level(share) == 'rw'


def test_a_shrink_below_what_is_used_changes_nothing(vast):
    with vast.backend() as backend:
        share = backend.shares.create(size=5)
        vast.cluster.fill(share.locations[0], 4 * GIB)
        with pytest.raises(exception.PossibleDataLoss):
            share.shrink(3)
        assert (share.refresh().size, share.status, share.failure) == (
            5, 'available', '')
        with pytest.raises(exception.InvalidRequest):
            share.shrink(6)
        with pytest.raises(exception.InvalidRequest):
            share.extend(4)
        assert share.resize(4).size == 4
        assert share.resize(4).size == 4
        assert share.resize(9).size == 9


def test_a_share_with_snapshots_stays(vast):
    with vast.backend() as backend:
        share = backend.shares.create(size=1)
        snapshot = share.snapshot('first')
        assert share.snapshot('first').id == snapshot.id
        for refused in (share.delete, share.release):
            with pytest.raises(exception.Unsupported, match='first'):
                refused()
        assert share.refresh().status == 'available'
        with pytest.raises(exception.Conflict):
            backend.shares.create(size=1).snapshot('first')


def test_a_copy_is_waited_for_with_progress(vast):
    vast.cluster.sim.options.task_delay = 0.5
    with vast.backend() as backend:
        snapshot = backend.shares.create(size=1).snapshot()
        clone = snapshot.clone('two')
        told = []
        clone.wait(timeout=60, progress=told.append)
        assert clone.status == 'available'
        if told:
            assert all(one is None or 0 <= one <= 100 for one in told)


def test_what_is_gone_says_so(vast):
    with vast.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        other = backend.shares.get('one')
        other.delete()
        with pytest.raises(exception.NotFound, match='gone'):
            share.extend(2)
        share.delete()
        with pytest.raises(exception.NotFound, match='one'):
            backend.shares.get('one')


def test_importing_the_package_is_light():
    script = ('import sys, manila_drivers; from manila_drivers import '
              'Backend; print(*sorted(name for name in sys.modules))')
    found = subprocess.run([sys.executable, '-c', script], check=True,
                           capture_output=True, text=True).stdout.split()
    heavy = [name for name in found if name.partition('.')[0] in (
        'sqlalchemy', 'paramiko', 'requests', 'manila', 'cliff')]
    assert heavy == []
    assert not [name for name in found if name.startswith((
        'manila_drivers.vastdata', 'manila_drivers.glusterfs',
        'manila_drivers.compat', 'manila_drivers.driver'))]
    assert 'manila_drivers.direct.backend' in found


@pytest.mark.parametrize(('told', 'usual'), [
    ('NFS', 'NFS'), ('glusterfs', 'GLUSTERFS'), ('NFS_CIFS', 'NFS'),
    ('CEPHFS', 'CEPHFS'), ('', 'NFS')])
def test_the_usual_protocol_is_the_drivers(told, usual):
    assert catalogue.usual(told) == usual


def test_only_what_is_there_is_there():
    with pytest.raises(AttributeError, match='Sahre'):
        manila_drivers.Sahre  # noqa: B018
