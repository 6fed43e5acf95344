# SPDX-License-Identifier: Apache-2.0

"""How long the driver tries is a time, however often that is."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.testing.simulators import gpfs
from manila_drivers.transport import retry
from manila_drivers.transport import verdict

errors = compat.errors
ALICE, BOB = '10.0.0.1', '10.0.0.2'
# Seconds for which sshd is away, and how much longer a host is waited for.
AWAY = 5.0
WAITED = retry.HOSTS.total


class Away:
    """Hosts that answer again after some seconds of the lab's time.

    :param refusal: what they say meanwhile.
    """

    def __init__(self, place, *hosts, seconds=AWAY):
        self.clock, self.hosts = place.lab.clock, hosts
        self.until = self.clock() + seconds

    def __contains__(self, host):
        return host in self.hosts and self.clock() < self.until


def seconds_of(place, call):
    started = place.lab.clock()
    call()
    return place.lab.clock() - started


class Cutting:
    """A runner whose connections end in the middle of changes.

    :param times: how often.
    :param seconds: that pass before each end.
    :param before: whether they end before anything was done.
    """

    def __init__(self, place, inner, *names, times, seconds=0.0):
        self.place, self.inner, self.names = place, inner, names
        self.left, self.seconds, self.tries = times, seconds, 0
        self.words, self.judge = inner.words, inner.judge

    def run(self, cmd):
        if not any(name in (cmd.input() or '') for name in self.names):
            return self.inner.run(cmd)
        self.tries += 1
        if self.left <= 0:
            return self.inner.run(cmd)
        self.left -= 1
        self.place.lab.advance(self.seconds)
        raise verdict.cut(cmd, self.inner, 'the connection was lost.')


def cutting(place, host, *names, **parts):
    runners = place.driver._backend.execute._runners
    runners[host] = Cutting(place, place.driver._backend.execute._runner(
        host), *names, **parts)
    return runners[host]


def test_a_management_host_that_is_away_for_seconds_fails_nothing(place):
    rule = place.manager.rule(ALICE)
    place.lab.dead = Away(place, '192.0.2.10')
    share = place.manager.create(size=2)
    place.lab.dead = Away(place, '192.0.2.10')
    place.manager.update(share, add=[rule])
    assert place.lab.effective(share.export, ALICE) == 'rw'
    place.lab.dead = Away(place, '192.0.2.10')
    place.manager.resize(share, 3)
    place.lab.dead = Away(place, '192.0.2.10')
    snapshot = place.manager.create_snapshot(share)
    place.lab.dead = Away(place, '192.0.2.10')
    place.manager.delete_snapshot(snapshot)
    place.lab.dead = Away(place, '192.0.2.10')
    place.manager.delete(share)
    assert f'share-{share.id}' not in place.sim.state.filesets


def test_the_next_management_host_is_tried_before_anybody_waits(make_place):
    place = make_place(gpfs_management_hosts='n1,n2')
    place.lab.dead = {'n1'}
    assert seconds_of(place, place.manager.create) == 0
    place.lab.dead = Away(place, 'n1', 'n2')
    assert AWAY <= seconds_of(place, place.manager.create) <= WAITED


@pytest.mark.parametrize('kind', ['KNFS', 'GNFS'])
def test_a_server_that_is_away_for_seconds_loses_nothing(make_place, kind):
    place = make_place(kind)
    share, rule = place.manager.create(), place.manager.rule(ALICE)
    place.lab.dead = Away(place, 'nfs2')
    place.manager.update(share, add=[rule])
    path = share.export.partition(':')[2]
    assert [server.access(ALICE, path) for server
            in place.sim.servers.values()] == ['rw', 'rw']
    place.lab.dead = Away(place, 'nfs2')
    place.manager.update(share, delete=[rule])
    assert [server.access(ALICE, path) for server
            in place.sim.servers.values()] == [None, None]
    assert place.driver._backend.access.arrears == ''


@pytest.mark.parametrize('kind', ['KNFS', 'GNFS'])
def test_a_server_that_is_down_holds_up_one_call_alone(make_place, kind):
    place = make_place(kind)
    share = place.manager.create()
    place.lab.dead = {'nfs2'}
    for number, wait in enumerate((WAITED, 0, 0)):
        rule = place.manager.rule(f'10.0.0.{number}')
        assert 0.99 * wait <= seconds_of(place, lambda rule=rule: (
            place.manager.update(share, add=[rule]))) <= 2 * wait
    # Once it has answered it is waited for again.
    place.lab.dead = set()
    place.manager.stats()
    place.lab.dead = Away(place, 'nfs2')
    place.manager.update(share, add=[place.manager.rule(BOB)])
    assert place.driver._backend.access.arrears == ''


@pytest.mark.parametrize('refusal', [
    exception.NotTrusted, exception.AccessDenied])
def test_who_is_not_let_in_does_not_try_again(place, refusal):
    class Refusing:
        tries = 0
        judge = None

        def words(self, cmd):
            return cmd.words()

        def run(self, cmd):
            self.tries += 1
            raise refusal('no')

    runner = Refusing()
    place.driver._backend.execute._runners['192.0.2.10'] = runner
    with pytest.raises(errors.ManilaException):
        place.manager.create()
    assert runner.tries == 1


def test_a_change_that_is_cut_off_many_times_in_a_moment_is_made(place):
    place.driver.check_for_setup_error()
    host = cutting(place, '192.0.2.10', 'mmcrfileset', times=6)
    share = place.manager.create(size=2)
    assert host.tries == 7
    assert place.sim.state.filesets[f'share-{share.id}'].limit_kib


def test_a_change_whose_attempts_take_long_ends_in_time(make_place):
    place = make_place(gpfs_command_timeout=20)
    place.driver.check_for_setup_error()
    host = cutting(place, '192.0.2.10', 'mmcrfileset', times=99,
                   seconds=15.0)
    with pytest.raises(errors.ManilaException, match='lost'):
        place.manager.create(size=2)
    assert host.tries == 2
    place.lab.heal()


@pytest.mark.parametrize('kind', ['KNFS', 'GNFS'])
def test_an_export_that_is_cut_off_many_times_in_a_moment_is_made(
        make_place, kind):
    place = make_place(kind)
    share, rule = place.manager.create(), place.manager.rule(ALICE)
    host = cutting(place, 'nfs2', 'exportfs -i', 'AddExport', times=6)
    place.manager.update(share, add=[rule])
    assert host.tries == 7
    assert place.driver._backend.access.arrears == ''


def test_an_export_whose_attempts_take_long_is_owed_in_time(make_place):
    place = make_place('KNFS', gpfs_command_timeout=20)
    share, rule = place.manager.create(), place.manager.rule(ALICE)
    host = cutting(place, 'nfs2', 'exportfs -i', times=99, seconds=15.0)
    with pytest.raises(errors.ManilaException, match='nfs2'):
        place.manager.update(share, add=[rule])
    assert host.tries <= 4
    host.left = 0
    place.manager.stats()
    assert place.driver._backend.access.arrears == ''


def to_revert(place):
    place.driver.check_for_setup_error()
    share = place.manager.create(size=2)
    snapshot = place.manager.create_snapshot(share)
    return share, lambda: place.driver.revert_to_snapshot(
        None, place.manager.snapshot_row(snapshot), [], [])


def test_a_restore_that_is_cut_off_many_times_in_a_moment_is_made(place):
    share, revert = to_revert(place)
    place.lab.write(share.export, 4711)
    host = cutting(place, '192.0.2.10', 'mmrestorefs', times=5)
    revert()
    assert host.tries == 6
    assert place.sim.state.filesets[f'share-{share.id}'].used == 0


def test_a_restore_whose_attempts_take_long_ends_in_time(make_place):
    """It may take ten times as long as other commands."""
    place = make_place(gpfs_command_timeout=20)
    _, revert = to_revert(place)
    host = cutting(place, '192.0.2.10', 'mmrestorefs', times=99,
                   seconds=200.0)
    with pytest.raises(errors.ManilaException, match='lost'):
        revert()
    assert host.tries == 2


def test_a_question_that_is_cut_off_is_asked_again(place):
    share = place.manager.create(size=2)
    place.lab._trouble.arm(gpfs.Strike('lost'), 1)
    place.manager.resize(share, 1)
    place.lab.heal()


def test_a_check_does_not_take_the_size_of_a_revert_back(place):
    """One of all shares is under way, and one share cannot be checked."""
    share = place.manager.create(size=2)
    snapshot = place.manager.create_snapshot(share)
    place.manager.resize(share, 4)
    driver = place.driver
    row = dict(place.manager.row(share), size=4)
    driver._owed.ensuring()
    driver.revert_to_snapshot(
        None, dict(place.manager.snapshot_row(snapshot), size=2), [], [])
    driver._owed.ensured([row], {})
    assert [found['size'] for found in driver._owed.due().values()] == [2]
