# SPDX-License-Identifier: Apache-2.0

"""A command is stopped for longer than its lease, and goes on afterwards.

The simulator stops the process that asks it, at one of its requests that
change something.  Somebody else then waits until the lease has ended, and has
the share.
"""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from manila_drivers import exception
from manila_drivers import locks
from manila_drivers import plan
from manila_drivers.registry import registry
from manila_drivers.registry import schema
from tests import patience
from tests.unit.direct import bench

NETWORK = bench.TARGETS['vast'][0]
LEASE = 3


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path, registry_lease=LEASE) as made:
        yield made


class Stopping:
    """Stops a command at its n-th change, and counts those that follow."""

    def __init__(self, place, at):
        self.sim, self.at = place.cluster.sim, at
        self.changes, self.process = [], None

    def __call__(self, request):
        changes = request.verb != 'GET' and 'token' not in request.path \
            and self.process is not None
        if changes and len(self.changes) == self.at:
            os.kill(self.process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
            self.process = None
        answer = self.handle(request)
        if changes:
            self.changes.append(f'{request.verb} {request.path}')
        return answer

    @contextlib.contextmanager
    def run(self, place, *words):
        """Run a command until it is stopped; let it go on in the end."""
        self.handle, self.sim.handle = self.sim.handle, self
        process = self.process = subprocess.Popen(
            [sys.executable, '-m', 'manila_drivers.cli.main',
             '--config-file', str(place.conf), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            os.waitid(os.P_PID, process.pid,
                      os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.sim.handle = self.handle

    @staticmethod
    def go_on(process):
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=patience.seconds(120))
        return process.returncode, err


@pytest.mark.timeout(600)
@pytest.mark.parametrize('at', [0, 1])
def test_one_that_wakes_up_changes_nothing_of_what_others_have(place, at):
    stopping = Stopping(place, at)
    with stopping.run(place, 'share', 'create', 'one', '2') as process:
        assert process.poll() is None, process.communicate()
        with place.backend() as backend:
            backend.shares.get('one').delete()
        gone = place.cluster.inventory()
        assert len(stopping.changes) >= at + 1
        code, err = stopping.go_on(process)
    assert place.cluster.inventory() == gone == place.empty
    assert code == 4
    assert 'has ended while it was held' in err


@pytest.mark.timeout(600)
def test_one_that_wakes_up_in_time_goes_on(place):
    """Change the same as ever while nobody else has taken the lease."""
    stopping = Stopping(place, 0)
    with stopping.run(place, 'share', 'create', 'one', '2') as process:
        with place.backend() as backend:
            with backend.registry.database.begin() as connection:
                connection.execute(schema.LEASES.update().values(expires=0))
            code, err = stopping.go_on(process)
            assert (code, err) == (0, '')
            [share] = backend.shares
            assert place.limit(share) == 2 * 2 ** 30
            share.delete()
    assert place.cluster.inventory() == place.empty


@pytest.fixture
def made(tmp_path):
    return registry.Registry(f'sqlite:///{tmp_path}/registry.sqlite3')


def steal(made):
    with made.database.begin() as connection:
        connection.execute(schema.LEASES.update().values(
            owner='far/boot-1/77/1234/abcd'))


def test_each_change_asks_for_all_leases(made):
    with made.leases.hold(['a', 'b'], 1):
        plan.before_change('something')
        steal(made)
        with pytest.raises(exception.Busy, match='process 77 of host far'):
            plan.before_change('something')
        with plan.dry_run() as dry:
            plan.show(plan.Plan())
        assert dry.plans == [plan.Plan()]
    plan.before_change('something')


def test_all_leases_are_one_question(made, monkeypatch):
    """Ask as often for those of a thousand shares as for one."""
    begun = []
    begin = type(made.database).begin

    def counted(database):
        begun.append(database)
        return begin(database)
    monkeypatch.setattr(type(made.database), 'begin', counted)
    with contextlib.ExitStack() as stack:
        for number in range(5):
            stack.enter_context(made.leases.hold([f'share {number}'], 1))
        begun.clear()
        plan.before_change('something')
        assert len(begun) == 1
        steal(made)
        with pytest.raises(exception.Busy):
            plan.before_change('something')


def test_locks_of_drivers_that_are_leases_are_asked_for(made, tmp_path):
    with locks.lock('vast-x', lock_path=str(tmp_path),
                    coordinator=lambda: made.leases):
        plan.before_change('something')
        steal(made)
        with pytest.raises(exception.Busy, match='has ended'):
            plan.before_change('something')
    plan.before_change('something')
