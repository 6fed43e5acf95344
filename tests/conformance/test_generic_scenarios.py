# SPDX-License-Identifier: Apache-2.0

"""Particularities of the Generic driver, seen from outside."""

import dataclasses
import uuid

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import guest
from manila_drivers.model import GiB
from manila_drivers.nas import exports_text
from manila_drivers.testing.conformance.lab import Unmanaged
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.stage import Stage
from manila_drivers.testing.simulators import openstack

errors = compat.errors


@pytest.fixture
def labs():
    """Makes labs with options of their own."""
    made = []

    def make(kind=generic.GenericLab, **options):
        made.append(kind(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def lab(labs):
    return labs()


@pytest.fixture
def stage(lab):
    return Stage(lab)


def path_of(share):
    return share.export.partition(':')[2]


def volume(lab, share):
    found = [one for one in lab.sim.cinder.store.volumes.values()
             if one.name == f'manila-share-{share.id}' and one.metadata.get(
                 'manila_share_instance_id') in (None, share.id)]
    return found[0] if found else None


def commands(lab, call):
    """Return how many commands a call ran in the service instance."""
    before = lab.machine.execs
    call()
    return lab.machine.execs - before


# Round trips

def test_what_a_share_costs_in_its_service_instance(stage):
    lab, manager = stage.lab, stage.manager
    share = manager.new_share()
    assert commands(lab, lambda: manager.create(share)) == 2
    rules = [stage.rule(f'10.1.{n // 250}.{n % 250 + 1}') for n in range(500)]
    assert commands(lab, lambda: manager.update(share, add=rules)) == 2
    assert commands(lab, lambda: manager.update(share)) == 1
    assert commands(lab, lambda: manager.resize(share, 3)) == 2
    assert commands(lab, lambda: manager.resize(share, 2)) == 2
    assert commands(lab, lambda: manager.create_snapshot(share)) == 3
    assert commands(lab, lambda: manager.ensure([share])) == 1
    assert commands(lab, lambda: manager.delete_only(
        manager.create())) == 2 + 3


@pytest.mark.parametrize(('number', 'most'), [(1, 5), (2, 4), (6, 4)])
def test_what_shares_cost_that_have_to_be_mounted(stage, number, most):
    lab, manager = stage.lab, stage.manager
    shares = [stage.shared(stage.rule()) for _ in range(number)]
    for share in shares:
        lab.machine.unmount(path_of(share))
    assert commands(lab, manager.ensure) <= most
    for share in shares:
        stage.exact(share)


# Disks

def test_names_of_disks_mean_nothing(stage):
    """After a boot they are others; what is in the shares is not."""
    lab, manager = stage.lab, stage.manager
    shares = [stage.shared(stage.rule()) for _ in range(4)]
    for number, share in enumerate(shares):
        lab.machine.write(path_of(share), 'mine', b'%d' % number)
    ids = [volume(lab, share).id for share in shares]
    for order in (ids[::-1], ids[2:] + ids[:2]):
        lab.machine.reboot(order)
        lab.advance(200.0)
        manager.ensure()
        new = manager.create()
        manager.resize(shares[1], shares[1].size + 1)
        manager.delete(new)
        for number, share in enumerate(shares):
            assert lab.machine.read(path_of(share), 'mine') == b'%d' % number
            stage.exact(share)


def test_a_new_volume_that_is_not_empty_is_not_formatted(stage):
    """A storage that does not wipe, or somebody's data."""
    lab, manager = stage.lab, stage.manager
    old = manager.create()
    content = lab.sim.disk(volume(lab, old).id).content
    make = lab.sim.cinder.store.make_disk

    def dirty(ident, gib):
        made = make(ident, gib)
        made.content = content
        return made
    lab.sim.cinder.store.make_disk = dirty
    before = content.uuid
    with pytest.raises(errors.ManilaException, match='is not empty'):
        manager.create()
    assert content.uuid == before


def test_a_file_system_keeps_its_name(stage):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    for act in (lambda: manager.resize(share, 4),
                lambda: manager.resize(share, 2), manager.ensure,
                lab.machine.reboot, manager.ensure):
        act()
        assert lab.sim.disk(volume(lab, share).id).content.uuid == share.id


def test_a_copy_has_a_file_system_of_another_name(stage):
    """Else a boot would mount one of the two in the place of both."""
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    lab.machine.write(path_of(share), 'mine', b'1')
    snapshot = manager.create_snapshot(share)
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=4), snapshot)
    manager.finish_clone(clone)
    for one in share, clone:
        content = lab.sim.disk(volume(lab, one).id).content
        assert (content.uuid, content.size) == (one.id, one.size * GiB)
    lab.machine.reboot()
    lab.machine.write(path_of(clone), 'mine', b'2')
    assert lab.machine.read(path_of(share), 'mine') == b'1'


def test_a_full_server_says_so_before_a_volume_is_made(labs):
    lab = labs(generic_max_volumes_per_server=2)
    stage = Stage(lab)
    for _ in range(2):
        stage.manager.create()
    before = lab.sim.inventory()
    with pytest.raises(errors.ManilaException,
                       match='has 2 volumes already'):
        stage.manager.create()
    assert lab.sim.inventory() == before


def test_a_server_without_a_slot_says_so(stage):
    stage.lab.sim.spoil('attach')
    share = stage.manager.new_share()
    with pytest.raises(errors.ManilaException,
                       match='could not be attached'):
        stage.manager.create(share)
    stage.manager.delete(share)
    assert volume(stage.lab, share) is None


# Sizes

def test_a_share_goes_on_while_it_grows(stage):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    boots = len(lab.machine.ran)
    manager.resize(share, 5)
    ran = {words[0] for words in lab.machine.ran[boots:]}
    assert 'umount' not in ran and 'exportfs' not in ran
    assert lab._file_system(share.export).size == 5 * GiB


@pytest.mark.parametrize('how', ['refused', 'fails'])
def test_a_storage_that_cannot_extend_what_is_attached(stage, how):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule(), stage.rule(level='ro'))
    lab.machine.write(path_of(share), 'mine', b'1')
    if how == 'refused':
        lab.sim.arm(openstack.Fault('status', code=403,
                                    match=r'POST .*/volumes/.*/action'))
    else:
        lab.sim.spoil('extend')
    manager.resize(share, 4)
    assert lab._file_system(share.export).size == 4 * GiB
    assert lab.machine.read(path_of(share), 'mine') == b'1'
    assert volume(lab, share).status == 'in-use'
    stage.exact(share)


def test_a_hypervisor_that_is_not_told_of_the_new_size(stage):
    """Its host was away when Cinder told, or knows no such storage."""
    lab, manager = stage.lab, stage.manager
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.write(path_of(share), 'mine', b'1')
    lab.sim.options.guest_resize = 1e9
    manager.resize(share, 4)
    assert lab._file_system(share.export).size == 4 * GiB
    assert lab.machine.read(path_of(share), 'mine') == b'1'
    stage.exact(share)
    stage.exact(other)


def test_an_extension_that_fails_twice_leaves_the_share_as_it_was(stage):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    lab.sim.spoil('extend', times=2)
    with pytest.raises(errors.ManilaException, match='could not be extended'):
        manager.resize(share, 4)
    share.size = 1
    stage.exact(share)
    manager.create_snapshot(share)
    manager.resize(share, 3)
    assert lab._file_system(share.export).size == 3 * GiB


def test_without_room_a_share_is_as_it_was(stage):
    share = stage.shared(stage.rule())
    stage.lab.sim.spoil('extend', how='no room')
    with pytest.raises(errors.ManilaException, match='weighted backend'):
        stage.manager.resize(share, 4)
    share.size = 1
    stage.exact(share)
    stage.manager.resize(share, 2)


def test_a_share_shrinks_to_what_is_in_it_and_no_further(stage):
    share = stage.manager.create(size=5)
    stage.write(share, 2 * GiB)
    before = dict(stage.lab.records())
    for gib in (1, 2):
        with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
            stage.manager.resize(share, gib)
        share.size = 5
    assert stage.lab.records() == before
    stage.manager.resize(share, 3)
    assert stage.lab._file_system(share.export).size == 3 * GiB


# Servers that are away

def test_a_share_on_a_hung_server_can_be_deleted(stage):
    lab, manager = stage.lab, stage.manager
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.freeze()
    manager.delete_only(share)
    assert volume(lab, share) is None
    # The server was rebooted, and serves the others again.
    assert lab.machine.answers
    manager.ensure([other])
    stage.exact(other)


def test_what_a_deletion_could_not_reach_is_cleared_away(stage):
    lab, manager = stage.lab, stage.manager
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.sim.kill(lab.server['id'])
    lab.advance(60.0)
    manager.delete_only(share)
    lab.sim.ask('POST', f'/compute/v2.1/servers/{lab.server["id"]}/action',
                {'os-start': None}, user='manila')
    for _ in range(5):
        lab.advance(20.0)
    left = [item for item in lab.machine.records() if share.id in str(item)]
    assert left
    manager.ensure([other])
    assert [item for item in lab.machine.records()
            if share.id in str(item)] == []
    stage.exact(other)


@pytest.mark.parametrize('state', ['stopped', 'killed', 'deleted'])
def test_a_share_without_a_server_can_be_deleted(stage, state):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    server = f'/compute/v2.1/servers/{lab.server["id"]}'
    if state == 'stopped':
        lab.sim.ask('POST', f'{server}/action', {'os-stop': None},
                    user='manila')
    elif state == 'killed':
        lab.sim.kill(lab.server['id'])
    else:
        lab.sim.ask('DELETE', server, user='manila')
    lab.advance(60.0)
    manager.delete_only(share)
    assert volume(lab, share) is None


def test_a_dead_server_costs_one_short_wait_for_all_its_shares(stage):
    lab, manager = stage.lab, stage.manager
    shares = [stage.shared(stage.rule()) for _ in range(6)]
    lab.machine.freeze()
    manager.restart()
    before = lab.clock()
    answers = manager.ensure(shares)
    assert lab.clock() - before < 120
    assert all(not answer.get('status') for answer in answers.values())
    lab.machine.unfreeze()
    manager.stats()
    lab.advance(100.0)
    manager.stats()
    for share in shares:
        stage.exact(share)


def test_shares_that_a_boot_forgot_are_mounted_together(stage):
    lab, manager = stage.lab, stage.manager
    shares = [stage.shared(stage.rule()) for _ in range(5)]
    lab.machine.system.tree.text['/etc/fstab'] = ''
    lab.machine.reboot()
    assert commands(lab, lambda: manager.ensure(shares)) <= 4
    for share in shares:
        stage.exact(share)


def test_one_bad_disk_stops_no_other(stage):
    lab, manager = stage.lab, stage.manager
    bad, good = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.system.tree.text['/etc/fstab'] = ''
    lab.machine.reboot()
    lab.sim.disk(volume(lab, bad).id).content = None
    answers = manager.ensure([bad, good])
    assert not answers[bad.id].get('export_locations')
    stage.exact(good)


@pytest.mark.parametrize('replaced', [True, False])
def test_a_start_tells_of_another_server_in_place_of_the_one(stage, replaced):
    """Manila checks shares at a start if it is told something else."""
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    lab.machine.write(path_of(share), 'mine', b'1')
    manager.driver.check_for_setup_error()
    before = manager.driver.get_backend_info(None)
    if replaced:
        lab.sim.ask('DELETE', f'/compute/v2.1/servers/{lab.server["id"]}',
                    user='manila')
        lab.advance(100.0)
        lab.begin()
    manager.restart()
    manager.driver.check_for_setup_error()
    asked = lab.sim.mark()
    after = manager.driver.get_backend_info(None)
    assert lab.sim.asked(asked) == []
    assert (after != before) is replaced
    manager.ensure()
    assert share.export == f'{lab.server["address"]}:{path_of(share)}'
    assert lab.machine.read(path_of(share), 'mine') == b'1'
    stage.exact(share)


def test_what_is_told_at_a_start_never_fails(stage, monkeypatch):
    """Manila's service would end with it."""
    def gone(*_):
        raise OSError('the database is away')
    stage.manager.restart()
    monkeypatch.setattr(stage.lab.storage, 'get', gone)
    assert 'shares,shares' in stage.manager.driver.get_backend_info(None)[
        'addresses']


# Snapshots

def test_a_snapshot_is_taken_of_a_file_system_at_rest(stage):
    lab, manager = stage.lab, stage.manager
    share = stage.manager.create()
    seen = []
    store = lab.sim.cinder.store
    device = lab.sim.disk(volume(lab, share).id)
    copy = type(device).copy

    def watched(self, *args, **kwargs):
        seen.append(self.frozen)
        return copy(self, *args, **kwargs)
    type(device).copy = watched
    try:
        manager.create_snapshot(share)
    finally:
        type(device).copy = copy
    assert seen and all(seen)
    assert not device.frozen
    assert store.snapshots


def test_writes_are_not_held_back_for_long(labs):
    lab = labs(generic_freeze_time=5)
    stage = Stage(lab)
    share = stage.manager.create()
    lab.sim.options.snapshot = 600.0
    before = lab.clock()
    lab.seam.calls  # noqa: B018
    thawed = []
    run = lab.machine.programs.execute

    def watched(words, *args, **kwargs):
        result = run(words, *args, **kwargs)
        if not lab.sim.disk(volume(lab, share).id).frozen and thawed == [0]:
            thawed.append(lab.clock() - before)
        elif lab.sim.disk(volume(lab, share).id).frozen and not thawed:
            thawed.append(0)
        return result
    lab.machine.programs.execute = watched
    stage.manager.create_snapshot(share)
    assert thawed[0] == 0 and thawed[1] < 15


def test_a_silent_server_keeps_nobody_from_taking_snapshots(stage):
    share = stage.manager.create()
    stage.lab.machine.freeze()
    assert stage.manager.create_snapshot(share).provider_location


def test_a_share_that_has_grown_does_not_go_back(stage):
    manager = stage.manager
    share = stage.shared(stage.rule())
    snapshot = manager.create_snapshot(share)
    manager.resize(share, 3)
    with pytest.raises(errors.ManilaException, match='by now'):
        manager.revert(share, snapshot)
    stage.exact(share)


def test_a_share_does_not_go_back_behind_another_snapshot(stage):
    manager = stage.manager
    share = stage.shared(stage.rule())
    first = manager.create_snapshot(share)
    manager.create_snapshot(share)
    with pytest.raises(errors.ManilaException):
        manager.revert(share, first)
    stage.exact(share)


# Shares of Manila's own driver

def _of_manilas_driver(stage):
    """Return a share of Manila's own driver, and the id of its volume."""
    lab, manager = stage.lab, stage.manager
    share = manager.new_share()
    ident = lab._volume(f'manila-share-{share.id}')
    path = f'/shares/share-{share.id}'
    lab._mount(ident, path)
    lab._kept('10.0.0.7', path)
    lab.storage.update(share.id, {'volume_id': ident})
    share.locations = [{'path': f'{lab.server["address"]}:{path}'}]
    share.tried, share.status = True, 'available'
    share.rules = {'r': manager.rule('10.0.0.7')}
    return share, ident


def test_shares_of_manilas_own_driver_are_taken_over(stage):
    """Their volume has no mark, and their file system another name."""
    lab, manager = stage.lab, stage.manager
    share, ident = _of_manilas_driver(stage)
    path = path_of(share)
    uuid_before = lab.sim.disk(ident).content.uuid
    manager.ensure([share])
    stage.exact(share)
    manager.resize(share, 3)
    stage.exact(share)
    assert lab.sim.disk(ident).content.uuid == uuid_before
    assert path not in lab.machine.execute(['cat', '/etc/exports']).stdout
    manager.delete(share)
    assert volume(lab, share) is None


def _managed(stage):
    share = stage.manager.manage(stage.lab.make_unmanaged('by-hand'))
    return share, volume(stage.lab, share).id


def _managed_by_its_path(stage):
    unmanaged = stage.lab.make_unmanaged('by-hand')
    ident = unmanaged.options.pop('volume_id')
    return stage.manager.manage(unmanaged), ident


def handles(lab, path):
    """Return what handles of clients of NFS go by, of each client."""
    found = {}
    for entry in exports_text.read(
            lab.machine.execute(['cat', '/var/lib/nfs/etab']).stdout):
        if entry.path == path:
            found[entry.client] = entry.fsid or exports_text.comparable(
                lab.machine.system.mounts.at(path).content.uuid)
    return found


def test_clients_keep_what_was_made_in_another_place(labs):
    """The driver was changed, and the place of shares with it."""
    lab = labs(share_mount_path='/elsewhere')
    stage = Stage(lab)
    share, _ = _of_manilas_driver(stage)
    before = handles(lab, path_of(share))
    stage.manager.ensure([share])
    assert lab.storage.get(share.id)['mount_path'] == path_of(share)
    assert handles(lab, path_of(share)) == before
    stage.exact(share)


TAKEN_OVER = [_of_manilas_driver, _managed, _managed_by_its_path]


@pytest.mark.parametrize('make', TAKEN_OVER)
def test_clients_keep_what_was_taken_over(stage, make):
    """They have handles, and lose the share if these go by something else.
    """
    lab, manager = stage.lab, stage.manager
    share, _ = make(stage)
    path = path_of(share)
    before = handles(lab, path)['10.0.0.7']
    manager.ensure([share])
    manager.update(share, add=[manager.rule('10.0.0.7'),
                               manager.rule('10.0.0.8')])
    assert commands(lab, lambda: manager.update(
        share, add=[manager.rule('10.0.0.9')])) == 2
    assert list(handles(lab, path).values()) == [before] * 3
    lab.machine.reboot()
    assert list(handles(lab, path).values()) == [before] * 3


@pytest.mark.parametrize('make', TAKEN_OVER)
def test_where_the_uuid_is_not_told_nobody_more_is_let_in(
        stage, monkeypatch, make):
    """A disk that hangs is in the way of nobody who shall be turned out."""
    lab, manager = stage.lab, stage.manager
    share, _ = make(stage)
    for client in '10.0.0.8', '10.0.0.9':
        lab._kept(client, path_of(share))
    look = guest.Guest.look

    def hanging(self, disks=(), **parts):
        if disks:
            raise exception.OutcomeUnknown('no answer')
        return look(self, disks, **parts)
    monkeypatch.setattr(guest.Guest, 'look', hanging)
    share.rules.clear()
    with pytest.raises(errors.ManilaException, match='no answer'):
        manager.update(share, add=[manager.rule('10.0.0.8'),
                                   manager.rule('10.0.0.6')])
    assert [lab.effective(share.export, client) for client in (
        '10.0.0.7', '10.0.0.8', '10.0.0.9', '10.0.0.6')] == [
            None, 'rw', None, None]
    share.rules.clear()
    manager.update(share)
    assert lab.effective(share.export, '10.0.0.8') is None


# Managing

def test_a_volume_is_found_by_its_disk(stage):
    lab, manager = stage.lab, stage.manager
    unmanaged = lab.make_unmanaged('by-hand')
    unmanaged.options.clear()
    share = manager.manage(unmanaged)
    assert share.size == 3
    manager.resize(share, 4)
    manager.delete(share)
    assert not [one for one in lab.sim.cinder.store.volumes.values()
                if one.name == f'manila-share-{share.id}']


def _untold(stage, monkeypatch):
    """Have Nova not tell which volumes a server has."""
    volumes = stage.manager.driver._backend.volumes
    server = volumes.server
    monkeypatch.setattr(volumes, 'server', lambda ident: dataclasses.replace(
        server(ident), volumes=None))


def test_what_is_another_shares_is_not_taken_over(stage, monkeypatch):
    """By its path alone, and by another spelling of the address."""
    lab, manager = stage.lab, stage.manager
    _untold(stage, monkeypatch)
    unmanaged = lab.make_unmanaged('by-hand')
    unmanaged.options.clear()
    address, _, path = unmanaged.export.partition(':')
    again = dataclasses.replace(unmanaged, export=f'[{address}]:{path}')
    first = manager.manage(unmanaged)
    assert manager.manage(again, first)
    before = dict(lab.records())
    with pytest.raises(errors.ManageInvalidShare, match=first.id):
        manager.manage(again)
    # The same file system under another path.
    lab.machine.execute(['mkdir', '-p', '/else'])
    lab.machine.execute(['mount', lab.machine.system.mounts.at(
        path).slot.path, '/else'])
    with pytest.raises(errors.ManageInvalidShare, match=first.id):
        manager.manage(dataclasses.replace(
            again, export=f'{address}:/else'))
    lab.machine.unmount('/else')
    assert lab.records() == before
    manager.unmanage(first)
    second = manager.manage(again)
    with pytest.raises(errors.ManageInvalidShare, match=second.id):
        manager.manage(unmanaged)


@pytest.mark.parametrize('rule', [False, True])
def test_a_share_of_manilas_is_not_taken_over_as_another(
        stage, monkeypatch, rule):
    _untold(stage, monkeypatch)
    share = stage.shared(stage.rule()) if rule else stage.manager.create()
    other = Unmanaged(share.export, 1, {}, {})
    before = dict(stage.lab.records())
    with pytest.raises(errors.ManageInvalidShare, match=share.id):
        stage.manager.manage(other)
    assert stage.lab.records() == before


def _closed(lab):
    """Return a CIFS share that was let go before anybody might use it."""
    stage = Stage(lab)
    share = stage.manager.create()
    known = Unmanaged(share.export, share.size, {}, {})
    return stage, share, known


def test_a_cifs_share_that_nobody_may_use_is_taken_over_again(labs):
    """Samba has no section of one without rules."""
    stage, share, known = _closed(labs(generic_kinds.CifsUserLab))
    before = volume(stage.lab, share).id
    with pytest.raises(errors.ManageInvalidShare, match=share.id):
        stage.manager.manage(known)
    stage.manager.unmanage(share)
    again = stage.manager.manage(known)
    assert again.export == share.export and again.size == share.size
    volumes = stage.lab.sim.cinder.store.volumes
    assert volumes[before].name == 'manila-share-' + again.id
    stage.exact(again)
    stage.manager.update(again, add=[stage.rule('alice')])
    stage.exact(again)
    stage.manager.delete(again)
    assert before not in volumes


@pytest.mark.parametrize('how', ['nfs', 'other section', 'not mounted'])
def test_what_is_served_otherwise_is_no_closed_cifs_share(labs, how):
    stage, share, known = _closed(labs(generic_kinds.CifsUserLab))
    lab, path = stage.lab, '/shares/share-' + share.id
    stage.manager.unmanage(share)
    if how == 'nfs':
        lab._kept('10.0.0.7', path)
    elif how == 'other section':
        lab._given_to('somebody', path)
    else:
        lab.machine.unmount(path)
    with pytest.raises(errors.ManageInvalidShare, match='has no share'):
        stage.manager.manage(known)


@pytest.mark.parametrize(('options', 'told'), [
    ({'volume_id': str(uuid.uuid4())}, 'has no volume'),
    ({'volume': 'x'}, 'are not known')])
def test_what_is_not_taken_over(stage, options, told):
    unmanaged = stage.lab.make_unmanaged('by-hand')
    unmanaged.options.clear()
    unmanaged.options.update(options)
    before = dict(stage.lab.records())
    with pytest.raises(errors.ManageInvalidShare, match=told):
        stage.manager.manage(unmanaged)
    assert stage.lab.records() == before


def test_another_volume_is_not_what_is_mounted(stage):
    unmanaged = stage.lab.make_unmanaged('by-hand')
    other = stage.lab._volume('another')
    stage.lab._attach(other)
    stage.lab._appears()
    unmanaged.options['volume_id'] = other
    with pytest.raises(errors.ManageInvalidShare, match='is not what is'):
        stage.manager.manage(unmanaged)


# Modes

def test_a_share_server_where_there_are_none_is_refused(stage):
    share = stage.manager.new_share()
    with pytest.raises(errors.ManilaException, match='names share server'):
        stage.manager.driver.create_share(
            None, stage.manager.row(share),
            share_server={'id': 'x', 'backend_details': {}})


@pytest.fixture
def servers():
    labs = generic_kinds.server_labs()
    lab = labs()
    yield lab
    lab.close()


def test_without_a_share_server_no_share_is_made(servers):
    stage = Stage(servers)
    share = stage.manager.new_share()
    with pytest.raises(errors.ManilaException, match='names no share server'):
        stage.manager.driver._inner.create_share(
            None, stage.manager.row(share), share_server=None)


def test_a_share_server_comes_and_goes(servers):
    stage = Stage(servers)
    before = {thing for thing in servers.sim.inventory()
              if thing[1] in ('server', 'volume')}
    share = stage.shared(stage.rule())
    stage.exact(share)
    stage.manager.delete(share)
    driver = stage.manager.driver._inner
    driver._teardown_server(dict(servers._row['backend_details']))
    assert {thing for thing in servers.sim.inventory()
            if thing[1] in ('server', 'volume')} < before
    driver._teardown_server(dict(servers._row['backend_details']))


def test_a_share_server_that_fails_tells_what_there_is_of_it(servers):
    servers.sim.spoil('build')
    driver = Stage(servers).manager.driver._inner
    tenant = servers.sim.add_tenant_network('demo', '10.8.0.0/24')
    with pytest.raises(errors.ManilaException) as failure:
        driver._setup_server([{
            'server_id': str(uuid.uuid4()), 'cidr': '10.8.0.0/24',
            'neutron_net_id': tenant.network_id,
            'neutron_subnet_id': tenant.subnet_id}])
    details = failure.value.detail_data['server_details']
    assert details['instance_id']
    before = servers.sim.belongings('service')
    driver._teardown_server(details)
    gone = set(before) - set(servers.sim.belongings('service'))
    assert ('compute', 'server') in {thing[:2] for thing in gone}


def test_a_share_server_whose_details_got_lost_goes_as_well(servers):
    """The service was killed before Manila stored what it had been told."""
    driver = Stage(servers).manager.driver._inner
    tenant = servers.sim.add_tenant_network('demo', '10.8.0.0/24')
    before = servers.sim.inventory()
    idents = [str(uuid.uuid4()) for _ in range(2)]
    made = [driver._setup_server([{
        'server_id': ident, 'cidr': '10.8.0.0/24',
        'neutron_net_id': tenant.network_id,
        'neutron_subnet_id': tenant.subnet_id}]) for ident in idents]
    there = set(servers.sim.inventory())
    driver._teardown_server({})
    assert set(servers.sim.inventory()) == there, 'nobody said which'
    driver.deallocate_network(None, idents[0], None, None)
    driver._teardown_server({})
    left = set(servers.sim.inventory())
    assert left < there
    # What was said of one tear-down holds for no other.
    driver._teardown_server({})
    assert set(servers.sim.inventory()) == left
    driver.deallocate_network(None, idents[0], None, None)
    driver._teardown_server(made[1])
    driver._teardown_server({})
    rest = set(servers.sim.inventory()) - set(before)
    assert not {thing for thing in rest
                if thing[1] in ('server', 'volume')}, rest


def test_full_share_servers_are_told(servers):
    driver = Stage(servers).manager.driver._inner
    assert driver.max_shares_per_share_server == 5000
    assert driver.get_share_stats(refresh=True)[
        'max_shares_per_share_server'] == 5000


# Starts

def test_a_server_that_serves_nothing_is_told_at_the_start(labs, caplog):
    lab = labs()
    lab.machine.system.nfs.running = False
    driver = Stage(lab).manager.driver
    driver.check_for_setup_error()
    assert 'runs no NFS server' in caplog.text
    lab = labs(share_helpers='NFS=manila.share.drivers.helpers.NFSHelper')
    lab.machine.system.nfs.running = False
    with pytest.raises(errors.BadConfigurationException,
                       match='runs no NFS server'):
        Stage(lab).manager.driver.check_for_setup_error()


def test_nor_is_a_registry_that_nobody_reads_taken_for_served(labs, caplog):
    lab = labs()
    driver = Stage(lab).manager.driver
    driver.check_for_setup_error()
    assert 'does not read its registry' not in caplog.text
    lab.machine.system.smb.includes = False
    driver.check_for_setup_error()
    assert 'does not read its registry' in caplog.text


# Dry runs

def test_every_operation_shows_its_plan(stage):
    manager, driver = stage.manager, stage.manager.driver
    share = stage.shared(stage.rule())
    snapshot = manager.create_snapshot(share)
    new, clone = manager.new_share(), manager.new_clone(snapshot)
    unmanaged = stage.lab.make_unmanaged('by-hand')
    adopted = manager.new_share()
    adopted.size, adopted.locations = None, [{'path': unmanaged.export}]
    row = manager.row(share)
    rules = manager.rule_rows(share, [stage.rule()])
    calls = {
        'create volume': lambda: driver.create_share(
            None, manager.row(new)),
        'release share': lambda: driver.delete_share(None, row),
        'extend volume': lambda: driver.extend_share(row, 4),
        'export share': lambda: driver.update_access(None, row, rules, [],
                                                     []),
        'freeze share': lambda: driver.create_snapshot(
            None, manager.snapshot_row(manager.new_snapshot(share))),
        'delete snapshot': lambda: driver.delete_snapshot(
            None, manager.snapshot_row(snapshot)),
        'revert volume': lambda: driver.revert_to_snapshot(
            None, manager.snapshot_row(snapshot), rules, []),
        'of snapshot': lambda: driver.create_share_from_snapshot(
            None, manager.row(clone), manager.snapshot_row(snapshot)),
        'note share': lambda: driver.manage_existing(
            manager.row(adopted), dict(unmanaged.options)),
        'forget share': lambda: driver.unmanage(row)}
    before = dict(stage.lab.records())
    for told, call in calls.items():
        with plan.dry_run() as dry:
            call()
        assert told in str(dry), told
    assert stage.lab.records() == before
    manager.resize(share, 4)
    with plan.dry_run() as dry:
        driver.shrink_share(manager.row(share), 2)
    assert 'shrink file system' in str(dry)
    stage.lab.machine.unmount(path_of(share))
    with plan.dry_run() as dry:
        driver.ensure_shares(None, [manager.row(share, 'dict')])
    assert 'serve share again' in str(dry)
