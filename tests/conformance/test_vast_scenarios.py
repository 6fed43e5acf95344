# SPDX-License-Identifier: Apache-2.0

"""Test what is particular to VAST, seen from outside the driver."""

import concurrent.futures
import dataclasses
import threading

import pytest

from manila_drivers import compat
from manila_drivers.testing.conformance.labs import vast
from manila_drivers.testing.conformance.manager import Manager
from manila_drivers.testing.conformance.stage import Stage
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import VmsServer
from manila_drivers.testing.simulators.vast import VmsSim

GiB = 1024 ** 3
errors = compat.errors


@pytest.fixture
def lab():
    made = vast.VastLab()
    yield made
    made.close()


@pytest.fixture
def stage(lab):
    return Stage(lab)


@pytest.fixture
def labs():
    """Makes labs with options of their own."""
    made = []

    def make(kind=vast.VastLab, **options):
        made.append(kind(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def by_kind(lab, share_id):
    """Kinds of what there is in the default tenant for a share."""
    return sorted(kind for kind, tenant, name in lab.sim.inventory()
                  if share_id in name and tenant == 'default')


# Logging in

def test_twenty_threads_with_an_expired_token_log_in_once(stage):
    """Scenario 10."""
    manager, sim = stage.manager, stage.lab.sim
    shares = [manager.create() for _ in range(20)]
    sim.expire_tokens(refresh=True)
    logins = sim.logins
    gate = threading.Barrier(20)

    def extend(share):
        gate.wait()
        manager.resize(share, 2)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(extend, shares))
    assert sim.logins == logins + 1


def test_a_missing_right_is_no_reason_to_log_in_again(stage):
    """Scenario 11."""
    stage.manager.create()
    sim = stage.lab.sim
    sim.options.permission_denied.add('viewpolicies')
    calls, logins = sim.calls, sim.logins
    with pytest.raises(errors.ManilaException, match='permission_denied'):
        stage.manager.create()
    assert sim.logins == logins
    assert sim.calls - calls <= 3


def test_a_refused_login_does_not_make_the_tenant_unknown(stage):
    """Another tenant has a quota of the same name for the same path."""
    manager, sim = stage.manager, stage.lab.sim
    share = manager.create()
    stage.lab.plant_strangers([share.id])
    before = sim.record('quota', share.id, 'other')
    sim.remove('quota', share.id)
    manager.restart()
    sim.arm(Fault('status', code=401, match='/token/'))
    manager.ensure([share])
    sim.disarm()
    assert sim.record('quota', share.id, 'other') == before
    manager.ensure([share])
    assert sim.record('quota', share.id)['hard_limit'] == GiB
    assert sim.record('quota', share.id, 'other') == before


def test_the_service_lives_through_a_change_of_the_tokens(stage):
    share = stage.shared(stage.rule())
    for refresh in (False, True):
        stage.lab.sim.expire_tokens(refresh=refresh)
        stage.manager.update(share, add=[stage.rule()])
        stage.exact(share)


# Addresses

def test_ipv6_addresses_of_the_pool_are_bracketed(labs):
    """Scenario 19."""
    lab = labs(vast_vippool_name='six', vast_ipv6_access_rules=True)
    lab.sim.add_pool('six', '2001:db8::10-2001:db8::12')
    lab.sim.options.ipv6_host_lists = True
    stage = Stage(lab)
    share = stage.manager.create()
    assert share.exports == [
        f'[2001:db8::1{n}]:/manila/manila-{share.id}' for n in range(3)]
    rule = stage.manager.rule('2001:db8:1::/48')
    assert stage.manager.update(share, add=[rule]) == {}
    assert lab.effective(share.export, '2001:db8:1::7') == 'rw'
    assert lab.effective(share.export, '2001:db8:2::7') is None
    again = stage.manager.new_share()
    stage.manager.unmanage(share)
    stage.manager.manage(dataclasses.replace(
        lab.make_unmanaged('six-test'), export=share.exports[2]), again)
    assert again.exports == share.exports


def test_the_management_service_may_have_an_ipv6_address(labs):
    sim = VmsSim(open_root=False, username='admin', password=vast.PASSWORD)
    with VmsServer(sim, host='::1') as server:
        site = vast.Site(vast_mgmt_host='::1', vast_mgmt_port=server.port,
                         vast_ssl_cert_path=server.ca_file)
        driver = vast.VastLab.driver_class(
            configuration=site.configuration,
            private_storage=site.private_data)
        driver.do_setup(None)
        driver.check_for_setup_error()
        site.close()
    assert sim.logins == 1


def test_a_share_is_reached_through_its_pool_alone(labs):
    lab = labs()
    lab.sim.add_pool('other-pool', '10.99.0.1')
    stage = Stage(lab)
    share = stage.shared(stage.rule('10.0.0.7'))
    path = share.export.partition(':')[2]
    assert lab.effective(share.export, '10.0.0.7') == 'rw'
    assert lab.effective('10.99.0.1:' + path, '10.0.0.7') is None


# Paths

def test_shares_of_a_former_root_are_still_managed(lab):
    """Scenario 17: the recorded path counts, not the option."""
    stage = Stage(lab)
    old = stage.shared(stage.rule())
    before = lab.sim.inventory()
    moved = vast.Site(vast_root_export='elsewhere')
    lab.site = moved
    manager = Manager(lab)
    manager.resize(old, 4)
    snapshot = manager.create_snapshot(old)
    manager.delete_snapshot(snapshot)
    assert lab.sim.inventory() == before
    manager.update(old, add=[stage.rule()])
    stage.exact(old)
    manager.delete(old)
    assert by_kind(lab, old.id) == []
    moved.close()


@pytest.mark.parametrize('path', ['/', '/manila'])
def test_a_directory_that_holds_others_is_never_deleted(stage, path):
    sim = stage.lab.sim
    share, other = stage.manager.create(), stage.manager.create()
    for kind in ('view', 'quota'):
        sim.change(kind, share.id, path=path)
    with pytest.raises(errors.ManilaException, match='never deleted'):
        stage.manager.delete_only(share)
    stage.exact(other)
    assert 'view' in by_kind(stage.lab, share.id)


def test_what_is_in_the_way_is_named_and_left_alone(stage):
    manager, sim = stage.manager, stage.lab.sim
    share = manager.new_share()
    sim.make_share('squatter', path=f'/manila/manila-{share.id}')
    with stage.changes_nothing('conflict'), \
            pytest.raises(errors.ManilaException, match='squatter'):
        manager.create(share)


# Creation and deletion

def test_a_creation_that_fails_at_the_view_is_taken_back(stage):
    """Scenario 29."""
    manager, sim = stage.manager, stage.lab.sim
    share = manager.new_share()
    sim.arm(Fault('status', code=400, times=None,
                  match='POST /api/v1/views/'))
    with pytest.raises(errors.ManilaException):
        manager.create(share)
    assert set(by_kind(stage.lab, share.id)) <= {'directory'}
    sim.disarm()
    manager.create(share)
    manager.delete(share)
    assert by_kind(stage.lab, share.id) == []


def test_snapshots_that_manila_does_not_know_stop_a_delete(stage):
    share = stage.manager.create()
    stage.lab.make_unmanaged_snapshot(share.export, 'precious')
    with stage.changes_nothing('delete'), \
            pytest.raises(errors.ManilaException, match='precious'):
        stage.manager.delete_only(share)


def test_an_operator_may_let_snapshots_go(labs):
    lab = labs(vast_delete_with_snapshots=True)
    stage = Stage(lab)
    share = stage.manager.create()
    lab.make_unmanaged_snapshot(share.export, 'spare')
    stage.manager.delete(share)
    assert 'view' not in by_kind(lab, share.id)


def test_a_trash_that_is_switched_off_is_named(stage):
    share = stage.shared(stage.rule())
    stage.lab.sim.options.trash_enabled = False
    with pytest.raises(errors.ManilaException, match=r'[Tt]rash'):
        stage.manager.delete_only(share)
    # Nobody gets in any more, and the rest goes later.
    stage.unreachable(share.exports, *share.rules.values())
    stage.lab.sim.options.trash_enabled = True
    stage.manager.delete_only(share)
    assert by_kind(stage.lab, share.id) == []


# Access

def test_what_upstream_made_is_adopted_and_closed(stage):
    manager, lab = stage.manager, stage.lab
    share = manager.new_share()
    path = lab.sim.make_upstream_share(share.id, hosts=[
        ('10.0.0.0/29', 'rw'), ('10.0.1.1', 'rw')])
    share.locations = [{'path': '10.27.0.1:' + path}]
    rules = [manager.rule('10.0.0.0/29'), manager.rule('10.0.1.1')]
    share.rules = {rule.access_id: rule for rule in rules}
    assert lab.effective(share.export, '203.0.113.77') == 'ro'
    answers = manager.ensure([share])
    assert answers[share.id]['reapply_access_rules'] is True
    stage.exact(share)
    policy = lab.sim.record('policy', share.id)
    assert policy['nfs_read_write'] == ['10.0.0.0/29', '10.0.1.1']
    assert lab.sim.squash('10.0.0.1', path) == ('nfs_no_squash',)


def test_clients_of_upstreams_share_keep_access_while_it_is_closed(stage):
    """The hosts stay in the list between narrowing and the rules."""
    manager, lab = stage.manager, stage.lab
    share = manager.new_share()
    path = lab.sim.make_upstream_share(share.id, hosts=['10.0.1.1'])
    share.locations = [{'path': '10.27.0.1:' + path}]
    manager.ensure([share])
    assert lab.effective(share.export, '10.0.1.1') == 'rw'
    assert lab.effective(share.export, '203.0.113.77') is None


@pytest.mark.parametrize('limit', [0, 31, 32])
def test_a_rule_that_would_cost_too_many_entries_is_refused(labs, limit):
    """A host inside 0.0.0.0/0 of the other level takes 31 extra entries."""
    lab = labs(vast_access_split_limit=limit)
    stage = Stage(lab)
    wide = stage.manager.rule('0.0.0.0/0', 'rw')
    narrow = stage.manager.rule('10.0.0.7', 'ro')
    share = stage.manager.create()
    states = stage.manager.update(share, add=[wide, narrow])
    assert (wide.access_id in states) == (limit < 31)
    assert narrow.access_id not in states
    stage.exact(share, wide)
    # A network that is in force stays, and the new reader writes as before.
    share = stage.shared(wide)
    states = stage.manager.update(share, add=[narrow])
    assert (narrow.access_id in states) == (limit < 31)
    assert wide.access_id not in states
    stage.exact(share, narrow)


def test_a_network_stays_one_entry(stage):
    """Scenario 7."""
    share = stage.shared(stage.manager.rule('10.0.0.0/8'),
                         stage.manager.rule('0.0.0.0/0', 'rw'))
    policy = stage.lab.sim.record('policy', share.id)
    assert sorted(policy['nfs_read_write']) == ['0.0.0.0/0', '10.0.0.0/8']


def test_lists_that_vms_refuses_leave_access_narrow(stage):
    """A host that was denied is out, although the new one is not in."""
    old, new = stage.rule(), stage.rule()
    share = stage.shared(old)
    stage.lab.sim.options.max_tables = 2
    rules = [stage.rule() for _ in range(60)]
    with pytest.raises(errors.ManilaException):
        stage.manager.update(share, add=[new, *rules], delete=[old])
    stage.lab.sim.options.max_tables = 8000
    assert stage.lab.effective(share.export, stage.client(old)) is None
    stage.manager.update(share, add=[new, *rules], delete=[old])
    stage.exact(share, old)


def test_a_policy_that_others_use_is_not_edited(stage):
    unmanaged = stage.lab.make_unmanaged('legacy-export')
    before = stage.lab.sim.record('policy', 'legacy')
    share = stage.manager.manage(unmanaged)
    stage.manager.update(share, add=[stage.rule()])
    stage.manager.delete(share)
    after = stage.lab.sim.record('policy', 'legacy')
    assert after == {**before, 'count_views': before['count_views'] - 1}


# Snapshots and clones

def test_a_snapshot_that_feeds_a_clone_is_busy(stage):
    """Scenario 23."""
    manager = stage.manager
    share = manager.create()
    snapshot = manager.create_snapshot(share)
    stage.lab.slow_clones()
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    assert clone.status == 'creating_from_snapshot'
    with stage.changes_nothing('snapshot'), \
            pytest.raises(errors.ManilaException, match='still feeds'):
        manager.delete_snapshot(snapshot)
    stage.lab.advance(1800.0)
    assert manager.poll(clone) == 'creating_from_snapshot'
    manager.finish_clone(clone)
    manager.delete_snapshot(snapshot)


def test_a_clone_that_fails_is_an_error_and_can_be_deleted(stage):
    manager = stage.manager
    share = manager.create()
    snapshot = manager.create_snapshot(share)
    stage.lab.sim.options.clone_fails = True
    stage.lab.slow_clones()
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    stage.lab.settle()
    assert manager.poll(clone) == 'error'
    manager.delete(clone)
    stage.lab.settle()
    assert by_kind(stage.lab, clone.id) == []
    manager.delete_snapshot(snapshot)


def test_content_comes_along(stage):
    manager = stage.manager
    share = manager.create(size=2)
    stage.lab.write(share.export, 12345)
    snapshot = manager.create_snapshot(share)
    stage.lab.write(share.export, 99999)
    clone = manager.create_from_snapshot(manager.new_clone(snapshot, 3),
                                         snapshot)
    manager.finish_clone(clone)
    quota = stage.lab.sim.record('quota', clone.id)
    assert quota['used_effective_capacity'] == 12345
    assert quota['hard_limit'] == 3 * GiB


def test_an_old_version_cannot_clone(labs):
    lab = labs()
    lab.sim.options.sw_version = '4.5.9.1'
    stage = Stage(lab)
    assert stage.manager.stats()[
        'create_share_from_snapshot_support'] is False


def test_a_snapshot_is_seen_by_the_shares_clients_and_read_only(stage):
    share = stage.shared(stage.rule('10.0.0.7', 'rw'))
    snapshot = stage.manager.create_snapshot(share)
    export = snapshot.locations[0]['path']
    assert stage.lab.effective(export, '10.0.0.7') == 'ro'
    assert stage.lab.effective(export, '203.0.113.77') is None


# Many of them

@pytest.mark.parametrize('cap', [None, 100])
def test_no_share_is_lost_in_a_long_list(labs, cap):
    """Scenario 25."""
    lab = labs(vast_page_size=500)
    lab.sim.options.page_cap = cap
    stage = Stage(lab)
    shares = [stage.manager.new_share() for _ in range(2500)]
    lab.make_shares([share.id for share in shares])
    with stage.changes_nothing('ensure'):
        stage.manager.ensure(shares)
    assert {share.status for share in shares} == {'creating'}
    assert all(share.locations for share in shares)


def test_one_broken_share_of_many_stops_no_other(stage):
    """Scenario 14."""
    manager, sim = stage.manager, stage.lab.sim
    shares = [manager.new_share() for _ in range(50)]
    stage.lab.make_shares([share.id for share in shares])
    lost, bare, open_ = shares[7], shares[8], shares[9]
    sim.remove('view', lost.id)
    sim.remove('directory', f'/manila/manila-{lost.id}')
    sim.remove('policy', bare.id)
    sim.change('policy', open_.id, nfs_read_write=['*'],
               read_write=['*'])
    sim.arm(Fault('status', code=500, times=None, before=True,
                  match=f'name={bare.id}'))
    answers = manager.ensure(shares)
    assert answers[lost.id] == {'status': 'error'}
    assert answers[bare.id] == {}
    assert answers[open_.id]['reapply_access_rules'] is True
    assert all(answers[share.id]['export_locations'] for share in shares
               if share not in (lost, bare))
