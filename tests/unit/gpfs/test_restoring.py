# SPDX-License-Identifier: Apache-2.0

"""Going back to a snapshot takes longer than anybody waits."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs import restoring
from manila_drivers.model import GiB

errors = compat.errors


def warm(place):
    place.driver.check_for_setup_error()
    return place.manager.create(size=2)


def begun(place):
    """Begin a restore that takes long; return share, snapshot and rules."""
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    place.lab.write(share.export, 4711)
    snapshot = place.manager.create_snapshot(share)
    place.lab.write(share.export, GiB)
    place.sim.options.restore_seconds = 100_000.0
    rows = place.manager.rule_rows(share, [rule])
    with pytest.raises(errors.ManilaException, match='being restored'):
        place.driver.revert_to_snapshot(
            None, place.manager.snapshot_row(snapshot), rows, [])
    return share, snapshot, rows


@pytest.mark.parametrize('kind', ['CES', 'KNFS'])
def test_clients_stay_out_until_a_restore_has_ended(make_place, kind):
    """It goes on behind the time that it is waited for."""
    place = make_place(kind)
    share, snapshot, rows = begun(place)
    for new_process in False, True:
        if new_process:
            place.manager.restart()
        assert place.lab.effective(share.export, '10.0.0.1') is None
        with pytest.raises(errors.ManilaException, match='being restored'):
            place.driver.update_access(None, place.manager.row(share), rows,
                                       [], [])
        with pytest.raises(errors.ManilaException, match='being restored'):
            place.driver.revert_to_snapshot(
                None, place.manager.snapshot_row(snapshot), rows, [])
    assert place.sim.restores == 1
    assert place.lab.effective(share.export, '10.0.0.1') is None
    place.lab.advance(100_000)
    place.driver.update_access(None, place.manager.row(share), rows, [], [])
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'
    assert place.sim.state.filesets[f'share-{share.id}'].used == 4711


def test_a_restore_that_ends_while_it_is_waited_for_is_made_sure_of(place):
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    snapshot = place.manager.create_snapshot(share)
    place.lab.write(share.export, GiB)
    place.sim.options.restore_seconds = 1000.0
    sleep = place.driver._backend.snapshots._restoring._sleep

    def slept(seconds):
        sleep(seconds)
        place.sim.options.restore_seconds = 0.0

    place.driver._backend.snapshots._restoring._sleep = slept
    place.driver.revert_to_snapshot(
        None, place.manager.snapshot_row(snapshot),
        place.manager.rule_rows(share, [rule]), [])
    assert place.sim.restores == 1
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'
    assert place.sim.state.filesets[f'share-{share.id}'].used == 0


def test_a_restore_that_is_refused_lets_clients_in_again(place):
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    snapshot = place.manager.create_snapshot(share)
    run = place.sim.run

    def refusing(words, *more):
        if words[0] == 'flock':
            return type(run(['true']))('', 'sudo: a password is required\n', 1)
        return run(words, *more)

    place.sim.run = refusing
    with pytest.raises(errors.ManilaException, match='password'):
        place.driver.revert_to_snapshot(
            None, place.manager.snapshot_row(snapshot),
            place.manager.rule_rows(share, [rule]), [])
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'


class Hanging:
    """A server that takes commands and never answers."""

    def __init__(self):
        self.waited = 0.0

    def run(self, cmd):
        self.waited += cmd.timeout
        raise exception.OutcomeUnknown(f'{cmd} is not done in time')

    def words(self, cmd):
        return cmd.words()

    def judge(self, cmd, result):
        return None


@pytest.mark.parametrize('kind', ['KNFS', 'GNFS'])
def test_a_server_that_hangs_is_waited_for_as_long_as_the_operator_says(
        make_place, kind):
    place = make_place(kind, gpfs_command_timeout=5)
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    hanging = Hanging()
    place.driver._backend.execute._runners['nfs2'] = hanging
    with pytest.raises(errors.ManilaException, match='nfs2'):
        place.manager.update(share, delete=[rule])
    assert 0 < hanging.waited <= 10
    hanging.waited = 0.0
    place.driver.get_backend_info(None)
    assert 0 < hanging.waited <= 5


def begun_on(make_place, **options):
    """A restore that goes on where it was begun, and a service elsewhere."""
    place = make_place(**options)
    share, _, rows = begun(place)

    def open_again():
        place.driver.update_access(None, place.manager.row(share), rows, [],
                                   [])
        return place.lab.effective(share.export, '10.0.0.1')
    return place, open_again


def configured(place, **options):
    """Start a service anew with other options."""
    place.lab.site.close()
    place.lab.site = type(place.lab).make_site(**options)
    place.manager.restart()


def test_a_restore_on_a_host_that_is_not_configured_any_more(make_place):
    """Its lock is its host's own; no other one knows of it."""
    place, open_again = begun_on(make_place, gpfs_management_hosts='n1,n2')
    configured(place, gpfs_management_hosts='n2,n3')
    with pytest.raises(errors.ManilaException, match='runs on n1'):
        open_again()
    place.lab.advance(100_000)
    assert open_again() == 'rw'


@pytest.mark.parametrize('option', ['down_nodes', 'left_nodes'])
def test_a_restore_on_a_host_that_has_gone_for_good(make_place, option):
    place, open_again = begun_on(make_place, gpfs_management_hosts='n1,n2')
    configured(place, gpfs_management_hosts='n2')
    place.lab.dead.add('n1')
    with pytest.raises(errors.ManilaException, match='n1 cannot be asked'):
        open_again()
    setattr(place.sim.options, option, ('n1',))
    assert open_again() == 'rw'


def test_a_host_with_another_name_in_the_cluster_has_not_gone(make_place):
    """Its restore may well run, although no node is called like it."""
    place, open_again = begun_on(make_place, gpfs_management_hosts='n1,n2')
    configured(place, gpfs_management_hosts='n2')
    place.lab.dead.add('n1')
    place.sim.options.left_nodes = ('n1', 'n2')
    with pytest.raises(errors.ManilaException, match='n1 cannot be asked'):
        open_again()
    place.sim.options.left_nodes = ('n1',)
    assert open_again() == 'rw'


def test_a_restore_that_another_node_runs_itself(make_place, monkeypatch):
    """Two hosts are nodes, and each serves the backend in its turn."""
    place, open_again = begun_on(make_place, is_gpfs_node=True)
    monkeypatch.setattr(restoring, '_HERE', 'local:another')
    place.sim.state.locks.clear()
    place.manager.restart()
    with pytest.raises(errors.ManilaException, match='cannot be asked'):
        open_again()
