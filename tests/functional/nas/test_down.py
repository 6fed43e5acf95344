# SPDX-License-Identifier: Apache-2.0

"""The driver, and servers that are down while rules change."""

import pytest

from manila_drivers.testing.conformance.stage import Stage
from tests.functional.nas import labs

pytestmark = pytest.mark.timeout(600)

# Seconds for a command; a server that is paused never answers.
PATIENCE = 4.0


class Kernel:
    """A guest that is paused; clients wait for it as for a dead one."""

    def __init__(self, site):
        self.site = site
        self.lab = labs.KernelLab([site.real])

    def down(self):
        self.site.guest.pause()
        self.site.real.runner.patience = PATIENCE

    def up(self):
        self.site.guest.resume()
        self.site.real.runner.patience = 1000.0
        self.site.guest.wait()

    def restart(self):
        self.site.guest.reboot(400)
        self.site.settle()

    def close(self):
        self.up()
        self.lab.close()


class Ganesha:
    """A daemon that is stopped."""

    def __init__(self, site):
        self.daemon = site.servers['ganesha2']
        self.lab = labs.GaneshaLab(site.real)
        self.stopped = False

    def down(self):
        self.daemon.stop()
        self.stopped = True

    def up(self):
        if self.stopped:
            self.daemon.start()
        self.stopped = False

    def restart(self):
        self.daemon.restart()

    def close(self):
        self.up()
        self.lab.close()


@pytest.fixture(params=['kernel NFS', 'Ganesha'])
def server(request):
    made = (Ganesha(request.getfixturevalue('ganeshas'))
            if request.param == 'Ganesha'
            else Kernel(request.getfixturevalue('kernel')))
    yield made
    made.close()


def path_of(share):
    return share.export.partition(':')[2]


def alive(server):
    """A server that is not down."""
    return server.lab.sim.servers[labs.SIMULATED]


def test_access_is_not_said_to_be_gone_while_a_server_is_down(server):
    stage = Stage(server.lab)
    stays, goes = stage.rule('10.0.0.7'), stage.rule('10.0.0.8')
    share = stage.shared(stays, goes)
    stage.exact(share)
    path = path_of(share)
    server.down()
    error = stage.fails('down', lambda: stage.manager.update(
        share, delete=[goes]))
    assert 'nfs' in str(error)
    # The others have been told.
    assert alive(server).access('10.0.0.8', path) is None
    assert alive(server).access('10.0.0.7', path) == 'rw'
    server.up()
    # Manila repeats it, from another process.
    stage.manager.restart()
    stage.manager.update(share, delete=[goes])
    stage.exact(share, goes)
    stage.manager.delete(share)
    stage.unreachable([share.export], stays, goes)


def test_a_server_that_was_down_is_told_what_it_missed(server):
    stage = Stage(server.lab)
    first, second = stage.rule('10.0.0.7'), stage.rule('10.0.0.8', 'ro')
    share = stage.shared(first)
    path = path_of(share)
    server.down()
    stage.manager.update(share, add=[second])
    assert alive(server).access('10.0.0.8', path) == 'ro'
    server.up()
    stage.manager.stats()
    stage.lab.settle()
    stage.exact(share)


@pytest.mark.turns('reboots of kernel NFS')
def test_all_again_after_a_restart(server):
    """And a rule that is taken away then stays away."""
    stage = Stage(server.lab)
    stays, goes = stage.rule('10.0.0.0/24', 'ro'), stage.rule('2001:db8::1')
    share = stage.shared(stays, goes)
    stage.manager.update(share, delete=[goes])
    server.restart()
    for each in server.lab.real.values():
        each.forget()
    stage.exact(share, goes)


def test_exports_that_were_lost_are_restored(server):
    """Files and all: the server was set up anew."""
    stage = Stage(server.lab)
    shares = [stage.shared(stage.rule('10.0.0.7'), stage.rule(
        '192.168.0.0/16', 'ro')) for _ in range(3)]
    for each in server.lab.real.values():
        each.clear()
    for each in server.lab.real.values():
        assert each.access('10.0.0.7', path_of(shares[0])) is None
    stage.manager.restart()
    stage.manager.ensure(shares)
    for share in shares:
        stage.exact(share)
