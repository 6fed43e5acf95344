# SPDX-License-Identifier: Apache-2.0

"""Several NFS servers, of which one does not answer for a while."""

import functools

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.nfs.files import failed

errors = compat.errors
ALICE, BOB = '10.0.0.1', '10.0.0.2'


@pytest.fixture(params=['KNFS', 'GNFS'])
def servers(request, make_place):
    place = make_place(request.param)
    place.share = place.manager.create()
    return place


def given(place, client):
    path = '/' + place.share.export.partition(':/')[2]
    return [server.access(client, path)
            for server in place.sim.servers.values()]


def test_who_is_let_in_is_let_in_where_servers_answer(servers, caplog):
    manager, share = servers.manager, servers.share
    servers.lab.dead.add('nfs2')
    manager.update(share, add=[manager.rule(ALICE)])
    assert given(servers, ALICE) == ['rw', None]
    assert 'nfs2' in caplog.text
    manager.stats()
    assert given(servers, ALICE) == ['rw', None]
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == ['rw', 'rw']
    trips = servers.lab.seam.calls
    manager.stats()
    assert servers.lab.seam.calls - trips <= 1


def test_what_cannot_be_revoked_everywhere_is_an_error(servers):
    manager, share = servers.manager, servers.share
    alice, bob = manager.rule(ALICE), manager.rule(BOB)
    manager.update(share, add=[alice])
    servers.lab.dead.add('nfs2')
    with pytest.raises(errors.ShareBackendException, match='nfs2'):
        manager.update(share, add=[bob], delete=[alice])
    # Nobody keeps it who can be kept from it, and nobody is given what
    # Manila counts as refused.
    assert given(servers, ALICE) == [None, 'rw']
    assert given(servers, BOB) == [None, None]
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == [None, None]
    assert given(servers, BOB) == [None, None]
    manager.update(share, delete=[alice, bob])


def test_a_weaker_level_counts_as_revoked(servers):
    manager, share = servers.manager, servers.share
    manager.update(share, add=[manager.rule('10.0.0.0/24')])
    servers.lab.dead.add('nfs1')
    with pytest.raises(errors.ShareBackendException, match='nfs1'):
        manager.update(share, add=[manager.rule(ALICE, 'ro')])
    assert given(servers, ALICE) == ['rw', 'ro']
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == ['ro', 'ro']
    assert given(servers, BOB) == ['rw', 'rw']


def test_nobody_answers(servers):
    manager, share = servers.manager, servers.share
    servers.lab.dead |= {'nfs1', 'nfs2'}
    rule = manager.rule(ALICE)
    with pytest.raises(errors.ShareBackendException):
        manager.update(share, add=[rule])
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == [None, None]
    manager.update(share, add=[rule])
    assert given(servers, ALICE) == ['rw', 'rw']


def test_data_stays_while_a_server_may_still_export_it(servers):
    manager, share = servers.manager, servers.share
    servers.lab.dead.add('nfs2')
    with pytest.raises(errors.ShareBackendException, match='nfs2'):
        manager.delete_only(share)
    assert f'share-{share.id}' in servers.sim.state.filesets
    servers.lab.dead.clear()
    manager.delete_only(share)
    assert f'share-{share.id}' not in servers.sim.state.filesets


def test_who_is_kept_out_for_a_way_back_is_let_in_again(servers):
    """Also if one server could not be told to keep them out.

    So nobody is, before all of them answer.
    """
    manager, share = servers.manager, servers.share
    rule = manager.rule(ALICE)
    manager.update(share, add=[rule])
    snapshot = manager.create_snapshot(share)
    servers.lab.write(share.export, 4711)
    servers.lab.dead.add('nfs2')
    with pytest.raises(errors.ShareBackendException, match='nfs2'):
        manager.driver.revert_to_snapshot(
            None, manager.snapshot_row(snapshot),
            manager.rule_rows(share, [rule]), [])
    assert servers.sim.state.filesets[f'share-{share.id}'].used == 4711
    assert given(servers, ALICE) == ['rw', 'rw']
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == ['rw', 'rw']


def test_rebooted_servers_export_again_what_they_did(servers):
    manager, share = servers.manager, servers.share
    manager.update(share, add=[manager.rule(ALICE)])
    before = manager.driver.get_backend_info(manager.context)
    for server in servers.sim.servers.values():
        server.reboot()
    assert given(servers, ALICE) == ['rw', 'rw']
    servers.sim.boot = 'the-second'
    manager.restart()
    assert manager.driver.get_backend_info(manager.context) != before


def test_a_server_made_anew_is_told_at_the_next_start(servers):
    manager, share = servers.manager, servers.share
    manager.update(share, add=[manager.rule(ALICE)])
    servers.lab._forget('nfs2', '/' + share.export.partition(':/')[2])
    assert given(servers, ALICE) == ['rw', None]
    manager.restart()
    manager.ensure()
    assert given(servers, ALICE) == ['rw', 'rw']


def test_a_server_that_missed_a_start_is_compared_when_it_is_back(servers):
    """It was rebuilt meanwhile, and nobody else would tell it."""
    manager, share = servers.manager, servers.share
    manager.update(share, add=[manager.rule(ALICE),
                               manager.rule('10.0.0.0/24', 'ro')])
    servers.lab._forget('nfs2', '/' + share.export.partition(':/')[2])
    servers.lab.dead.add('nfs2')
    manager.restart()
    manager.ensure()
    assert share.status == 'available'
    assert (given(servers, ALICE), given(servers, BOB)) == (
        ['rw', None], ['ro', None])
    servers.lab.dead.clear()
    manager.stats()
    assert (given(servers, ALICE), given(servers, BOB)) == (
        ['rw', 'rw'], ['ro', 'ro'])
    trips = servers.lab.seam.calls
    manager.stats()
    assert servers.lab.seam.calls - trips <= 1


def test_what_a_server_gives_to_nobody_else_is_taken_back(servers):
    """It was cut off while another process withdrew the share."""
    manager, share = servers.manager, servers.share
    path = '/' + share.export.partition(':/')[2]
    manager.update(share, add=[manager.rule(ALICE)])
    servers.lab._forget('nfs1', path)
    servers.lab.dead.add('nfs2')
    manager.restart()
    manager.ensure([])
    manager.driver.ensure_shares(None, [manager.row(share)])
    assert given(servers, ALICE) == [None, 'rw']
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == [None, None]


def test_arrears_outlive_the_process(servers):
    """Manila looks at nothing when it starts, unless it is told to."""
    manager, share = servers.manager, servers.share

    def info():
        return manager.driver.get_backend_info(manager.context)

    before = info()
    servers.lab.dead.add('nfs2')
    manager.update(share, add=[manager.rule(ALICE)])
    servers.lab.dead.clear()
    manager.restart()
    assert info() != before
    manager.ensure()
    assert given(servers, ALICE) == ['rw', 'rw']
    assert info() != before
    manager.stats()
    assert info() == before


def test_what_is_still_owed_is_asked_for_when_a_process_checks(servers):
    """A refused change is to be taken back, but it is none any more."""
    manager, share = servers.manager, servers.share
    manager.update(share, add=[manager.rule(ALICE)])
    servers.lab._forget('nfs2', '/' + share.export.partition(':/')[2])
    servers.lab.arm(next(
        fault for fault in servers.lab.faults
        if fault.name == 'answer lost'), 3, lasting=True)
    with pytest.raises(errors.ManilaException):
        manager.update(share)
    servers.lab.heal()
    manager.ensure()
    manager.stats()
    assert given(servers, ALICE) == ['rw', 'rw']


def test_nobody_tells_a_server_about_a_share_that_is_being_changed(servers):
    """The older of two changes must not come after the newer one."""
    manager, share = servers.manager, servers.share
    servers.lab.dead.add('nfs2')
    manager.update(share, add=[manager.rule(ALICE)])
    servers.lab.dead.clear()
    with manager.driver._backend.access.alone(share.id):
        manager.stats()
        assert given(servers, ALICE) == ['rw', None]
    manager.stats()
    assert given(servers, ALICE) == ['rw', 'rw']


def test_servers_are_told_while_gpfs_is_down(servers):
    manager, share = servers.manager, servers.share
    servers.lab.dead.add('nfs2')
    manager.update(share, add=[manager.rule(ALICE)])
    servers.lab.dead.clear()
    servers.lab.dead.add('192.0.2.10')
    manager.stats()
    assert given(servers, ALICE) == ['rw', 'rw']


@pytest.mark.parametrize('restarted', [False, True])
def test_a_repeated_revocation_is_not_said_to_be_done(servers, restarted):
    """The servers that answer have nothing left to take away by then."""
    manager, share = servers.manager, servers.share
    alice, bob = manager.rule(ALICE), manager.rule(BOB)
    manager.update(share, add=[alice, bob])
    servers.lab.dead.add('nfs2')
    for _ in range(3):
        with pytest.raises(errors.ShareBackendException,
                           match='may still be let in, on nfs2'):
            manager.update(share, delete=[alice])
        if restarted:
            manager.restart()
    # Nothing else is said to be done either, since nobody may be told that
    # the rules are in force; and nobody is given what counts as refused.
    carol = manager.rule('10.0.0.3')
    with pytest.raises(errors.ShareBackendException, match='nfs2'):
        manager.update(share, add=[carol], delete=[alice])
    assert given(servers, ALICE) == [None, 'rw']
    assert given(servers, BOB) == ['rw', 'rw']
    assert given(servers, '10.0.0.3') == [None, None]
    servers.lab.dead.clear()
    manager.update(share, add=[carol], delete=[alice])
    assert given(servers, ALICE) == [None, None]
    # It is forgotten then: what only gives succeeds again.
    servers.lab.dead.add('nfs2')
    manager.restart()
    manager.update(share, add=[manager.rule('10.0.0.4')])
    assert given(servers, '10.0.0.4') == ['rw', None]


def test_a_server_that_was_told_later_is_closed(servers):
    manager, share = servers.manager, servers.share
    alice = manager.rule(ALICE)
    manager.update(share, add=[alice])
    servers.lab.dead.add('nfs2')
    with pytest.raises(errors.ShareBackendException):
        manager.update(share, delete=[alice])
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == [None, None]
    servers.lab.dead.add('nfs2')
    manager.update(share, add=[manager.rule(BOB)], delete=[alice])


def test_a_server_that_is_not_configured_any_more_holds_up_nothing(
        make_place):
    place = make_place('KNFS')
    manager, share = place.manager, place.manager.create()
    alice = manager.rule(ALICE)
    manager.update(share, add=[alice])
    place.lab.dead.add('nfs2')
    with pytest.raises(errors.ShareBackendException):
        manager.update(share, delete=[alice])
    place.driver.configuration.gpfs_nfs_server_list = ['nfs1']
    place.driver.do_setup(None)
    manager.update(share, delete=[alice])


@pytest.mark.parametrize('started', [False, True])
def test_a_share_that_is_lost_keeps_no_other_from_a_server(
        servers, started, caplog):
    """Others of that server may still have to turn somebody out."""
    manager = servers.manager
    shares = [manager.create() for _ in range(3)]
    servers.lab.dead.add('nfs2')
    for share in shares:
        manager.update(share, add=[manager.rule(ALICE)])
    if started:
        # What it has is found out by a comparison then.
        manager.restart()
        manager.ensure()
    servers.lab.dead.clear()
    lost = shares.pop(1)
    del servers.sim.state.filesets[f'share-{lost.id}']
    manager.stats()
    for servers.share in shares:
        assert given(servers, ALICE) == ['rw', 'rw']
    assert f'share-{lost.id}, and cannot be told' in caplog.text
    before = manager.driver.get_backend_info(manager.context)
    manager.delete(lost)
    manager.stats()
    assert manager.driver.get_backend_info(manager.context) != before


def test_one_rule_too_many_does_not_let_the_others_write(make_place):
    """Kernel NFS needs several entries for each of these networks."""
    place = make_place('KNFS')
    manager, share = place.manager, place.manager.create()
    place.share = share

    def readers(begin, end):
        return [manager.rule(f'{n * 2}.{n}.7.0/24', 'ro')
                for n in range(begin, end)]

    manager.update(share, add=[manager.rule('0.0.0.0/0'), *readers(1, 91)])
    assert given(place, '20.10.7.1') == ['ro', 'ro']
    more = readers(91, 127)
    assert manager.update(share, add=more).keys() == {
        rule.access_id for rule in more}
    assert given(place, '20.10.7.1') == ['ro', 'ro']
    assert given(place, '200.100.7.1') == ['rw', 'rw']
    # Manila does not ask again for what is in error.
    manager.update(share, add=[manager.rule('2001:db8::1')])
    assert given(place, '20.10.7.1') == ['ro', 'ro']
    assert given(place, '2001:db8::1') == ['rw', 'rw']


def heard(place, call):
    """Bytes that servers said during a call."""
    total = []
    servers = place.sim.servers.values()
    for server in servers:
        server.execute = functools.partial(counted, server.execute, total)
    call()
    for server in servers:
        del server.execute
    return sum(total)


def counted(execute, total, *words):
    result = execute(*words)
    total.append(len(result.stdout))
    return result


def test_a_change_reads_what_it_is_about(make_place):
    """However many others there are."""
    place = make_place('KNFS')
    manager = place.manager
    rule, other = manager.rule('10.0.0.1'), manager.rule('10.0.0.2')
    share = manager.create()
    manager.update(share, add=[rule])
    few = heard(place, lambda: manager.update(share, add=[other]))
    for _ in range(30):
        another = manager.create()
        manager.update(another, add=[
            manager.rule(f'10.1.{number}.1') for number in range(30)])
    many = heard(place, lambda: manager.update(share, delete=[other]))
    assert many < 2 * few
    new = manager.create()
    assert heard(place, lambda: manager.update(new, add=[rule])) < 2 * few
    # A new process has looked at everything when it starts.
    manager.restart()
    manager.ensure()
    assert heard(place, lambda: manager.update(share, add=[other])) < 2 * few


def test_a_number_that_another_path_has_is_not_kept(make_place):
    """Also where the other one would not be read."""
    place = make_place('KNFS')
    share = place.manager.create()
    path = f'/gpfs0/shares/share-{share.id}'
    for server in place.sim.servers.values():
        for each in path, '/gpfs0/other':
            server.execute(['exportfs', '-i', '-o', 'rw,fsid=7',
                            f'10.0.0.9:{each}'])
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    for server in place.sim.servers.values():
        fsids = {entry.path: entry.fsid for entry in server.entries}
        assert fsids['/gpfs0/other'] == '7'
        assert fsids[path] not in ('', '7')


def test_servers_do_not_share_what_ganesha_reads(make_place):
    """Their locks on it would be locks of one node each."""
    place = make_place('GNFS')
    place.driver.check_for_setup_error()
    place.sim.servers['nfs2'].files.file_system = 'gpfs'
    with pytest.raises(errors.ManilaException,
                       match=r'ganesha_export_dir.*nfs2'):
        place.driver.check_for_setup_error()


@pytest.mark.parametrize('again', [False, True])
def test_no_server_is_a_model_that_has_missed_something(servers, again):
    """Who was turned out on one server is not let in again on it because
    another one could not be told."""
    manager, share = servers.manager, servers.share
    alice = manager.rule(ALICE)
    manager.update(share, add=[alice])
    server = servers.sim.servers['nfs1']
    special = server.special
    server.special = lambda words, stdin: failed('no') if (
        words[0] == 'exportfs' or 'RemoveExport' in ' '.join(words)
        ) else special(words, stdin)
    with pytest.raises(errors.ShareBackendException, match='nfs1'):
        manager.update(share, delete=[alice])
    assert given(servers, ALICE) == ['rw', None]
    if again:
        # It is remembered beyond the process as well.
        manager.restart()
    servers.lab.dead.add('nfs2')
    manager.driver.ensure_shares(None, [manager.row(share)])
    servers.lab.dead.clear()
    manager.stats()
    assert given(servers, ALICE) == ['rw', None]
    server.special = special
    manager.update(share, delete=[alice])
    assert given(servers, ALICE) == [None, None]
