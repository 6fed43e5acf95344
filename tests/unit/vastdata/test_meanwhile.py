# SPDX-License-Identifier: Apache-2.0

"""Calls about a share that come in between the requests of a check.

At each point between two requests another call runs as far as it gets; if it
waits for the check, it goes on afterwards.
"""

import threading

import pytest

from manila_drivers.testing.simulators.vast import VmsAdapter
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

GiB = 2 ** 30
ONE, TWO = '10.0.0.7', '10.0.0.8'


class Between(VmsAdapter):
    """Runs another call after the nth answer to the thread that made it."""

    def __init__(self, bench):
        super().__init__(bench.sim, bench.clock.sleep)
        self.main = threading.get_ident()
        self.number, self.other, self.seen = 0, None, 0
        self.thread, self.watch = None, None

    def run_after(self, number, other, watch):
        self.number, self.other, self.seen = number, other, 0
        self.thread, self.watch = None, watch

    def send(self, *args, **kwargs):
        answer = super().send(*args, **kwargs)
        if threading.get_ident() == self.main:
            self.seen += 1
            if self.seen == self.number:
                self.thread = threading.Thread(target=self.other)
                self.thread.start()
                self.thread.join(0.2)
            elif self.thread and not self.thread.is_alive():
                self.watch()
        return answer

    def finish(self):
        if self.thread is not None:
            self.thread.join(10)
            assert not self.thread.is_alive()
            self.watch()


class Case:
    """A share in some state, and what may be done to it meanwhile."""

    def __init__(self, bench):
        bench.adapter = lambda: self.between
        self.between = Between(bench)
        bench.sim.make_directory('/manila')
        bench.sim.add_pool('pool-b', '10.9.1.1')
        self.sim, self.one = bench.sim, share(size=2)
        self.driver = bench.start()

    # -- states ----------------------------------------------------------

    def upstream(self):
        self.sim.make_upstream_share(self.one['id'], 2, [ONE])

    def open(self):
        self.sim.make_share(self.one['id'], 2, rw=['*', ONE], pool='pool-a')

    def too_large(self):
        self.sim.make_share(self.one['id'], 3, rw=[ONE], pool='pool-a')

    def too_small(self):
        self.sim.make_share(self.one['id'], 1, rw=[ONE], pool='pool-a')

    def elsewhere(self):
        self.sim.make_share(self.one['id'], 2, rw=[ONE], pool='pool-b')

    def detached(self):
        self.sim.make_share(self.one['id'], 2, rw=[ONE], pool='pool-a')
        self.sim.change('view', self.one['id'], policy='default',
                        policy_id=1)

    def without_policy(self):
        self.sim.make_share(self.one['id'], 2, rw=[ONE], pool='pool-a')
        self.sim.remove('policy', self.one['id'])

    def without_quota(self):
        self.sim.make_share(self.one['id'], 2, rw=[ONE], pool='pool-a')
        self.sim.remove('quota', self.one['id'])

    # -- calls meanwhile, and what holds from then on --------------------

    def revoke(self):
        self.driver.update_access(None, self.one, [])

    def revoke_holds(self):
        assert self.level(ONE) is None

    def replace(self):
        self.driver.update_access(None, self.one, [rule('r', TWO)])

    def replace_holds(self):
        assert self.level(ONE) is None

    def extend(self):
        self.driver.extend_share(self.one, 5)
        self.sim.write(self.path, 4 * GiB)

    def extend_holds(self):
        assert self.sim.record('quota', self.one['id'])[
            'hard_limit'] == 5 * GiB

    def shrink(self):
        self.driver.shrink_share(self.one, 1)

    def shrink_holds(self):
        assert self.sim.record('quota', self.one['id'])['hard_limit'] == GiB

    def delete(self):
        self.driver.delete_share(None, self.one)

    def delete_holds(self):
        assert not [item for item in self.sim.inventory()
                    if self.one['id'] in str(item)]

    def fill(self):
        """Clients write; nobody has called."""
        self.sim.write(self.path, int(2.5 * GiB))

    def fill_holds(self):
        """The limit stays where it was: below it nobody could write."""

    @property
    def path(self):
        return '/manila/manila-' + self.one['id']

    def level(self, client):
        return self.sim.can_mount(client, self.path, vip='10.9.0.1')


@pytest.mark.turns
@pytest.mark.parametrize('call', ['revoke', 'replace', 'extend', 'shrink',
                                  'delete', 'fill'])
@pytest.mark.parametrize('state', [
    'upstream', 'open', 'too_large', 'too_small', 'elsewhere', 'detached',
    'without_policy', 'without_quota'])
def test_what_is_done_meanwhile_holds(bench, call, state, tmp_path):
    """No check gives back what was taken away since it began to read."""
    if (state, call) in {('without_quota', 'extend'),
                         ('without_quota', 'shrink')}:
        pytest.skip('no such share can be resized before it is repaired')
    number, done = 1, False
    while not done:
        case = Case(type(bench)(tmp_path))
        getattr(case, state)()
        before = case.sim.record('quota', case.one['id'])
        case.between.run_after(number, getattr(case, call),
                               getattr(case, call + '_holds'))
        answers = case.driver.ensure_shares(None, [case.one])
        assert set(answers) == {case.one['id']}
        done = case.between.thread is None
        case.between.finish()
        if call == 'replace' and not done:
            assert case.level(TWO) == 'rw'
        quota = case.sim.record('quota', case.one['id'])
        if call == 'fill' and state == 'too_large' and before == quota:
            assert quota['hard_limit'] >= quota['used_effective_capacity']
        number += 1
    assert number > 4


def test_a_share_that_was_extended_keeps_its_size_at_later_checks(bench):
    """Manila's row may be older than that; see manila_drivers.owed."""
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    driver.extend_share(one, 5)
    driver.ensure_shares(None, [one])
    assert bench.sim.record('quota', one['id'])['hard_limit'] == 5 * GiB


@pytest.mark.parametrize(('used', 'limit'), [
    (3 * GiB, 4 * GiB), (None, 4 * GiB), (GiB, 2 * GiB)])
def test_no_limit_goes_below_what_is_used(bench, used, limit):
    driver = bench.start()
    one = share(size=2)
    path = bench.sim.make_share(one['id'], 4, pool='pool-a')
    if used is None:
        bench.sim.change('quota', one['id'], used_capacity=None,
                         used_effective_capacity=None)
    else:
        bench.sim.write(path, used)
    answers = driver.ensure_shares(None, [one])
    assert answers[one['id']]['export_locations']
    assert bench.sim.record('quota', one['id'])['hard_limit'] == limit
