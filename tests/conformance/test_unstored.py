# SPDX-License-Identifier: Apache-2.0

"""Access is taken away while Manila's private storage cannot be read."""

import contextlib

import pytest

from manila_drivers import exception
from manila_drivers.testing.conformance import manager as managers
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.labs import gluster
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.labs import gpfs_nfs
from manila_drivers.testing.conformance.labs import site
from manila_drivers.testing.conformance.labs import vast

SERVERS = {'gpfs_nfs_server_list': 'nfs1,nfs2'}
LABS = {
    'VAST': vast.VastLab, 'GlusterFS': gluster.GlusterLab,
    'CES': gpfs.GpfsLab,
    'KNFS': lambda: gpfs_nfs.KernelLab(gpfs_nfs_server_type='KNFS',
                                       **SERVERS),
    'GNFS': lambda: gpfs_nfs.GaneshaLab(gpfs_nfs_server_type='GNFS',
                                        **SERVERS),
    'Generic': generic.GenericLab, 'CIFS': generic_kinds.CifsLab,
    'share servers': lambda: generic_kinds.server_labs()()}


@pytest.fixture(params=LABS)
def manager(request):
    made = managers.Manager(LABS[request.param]())
    yield made
    made.lab.close()


@pytest.fixture
def away(monkeypatch):
    """Take the storage away for a while."""
    def fails(*args, **kwargs):
        raise RuntimeError('(pymysql.err.OperationalError) server has gone')

    @contextlib.contextmanager
    def for_a_while():
        with monkeypatch.context() as patched:
            for name in ('get', 'update', 'delete'):
                patched.setattr(site.Memory, name, fails)
            yield
    return for_a_while


def rules(manager):
    kind = min(manager.lab.features.access.types)
    names = {'ip': ('10.0.0.1', '10.9.9.9'), 'cert': ('alice', 'bob')}[kind]
    return [manager.rule(name, kind=kind) for name in names]


def given(manager, share, *clients):
    return [manager.lab.effective(share.export, rule.to) for rule in clients]


@pytest.mark.parametrize('restarted', [False, True])
def test_who_is_denied_does_not_wait_for_it(manager, away, restarted):
    alice, bob = rules(manager)
    share = manager.create()
    manager.update(share, add=[alice, bob])
    if restarted:
        manager.restart()
        manager.ensure()
    with away():
        manager.update(share, delete=[alice])
        assert given(manager, share, alice, bob) == [None, 'rw']
        manager.update(share, delete=[bob])
        assert given(manager, share, alice, bob) == [None, None]
    manager.update(share, add=[alice])
    assert given(manager, share, alice, bob) == ['rw', None]
    assert not manager.ensure()[share.id].get('reapply_access_rules')


def test_who_is_said_to_be_denied_of_a_managed_share_is(manager, away):
    """It is in another place than where shares are made."""
    alice, bob = rules(manager)
    share = manager.manage(manager.lab.make_unmanaged('elsewhere'))
    manager.update(share, add=[alice, bob])
    for restarted in False, True:
        if restarted:
            manager.restart()
            manager.ensure()
        with away():
            _, error = exception.caught_any(
                lambda: manager.update(share, delete=[alice]))
        assert error is not None or given(manager, share, alice) == [None]
    manager.update(share, add=[bob], delete=[alice])
    assert given(manager, share, alice, bob) == [None, 'rw']
