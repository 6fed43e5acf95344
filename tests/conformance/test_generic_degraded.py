# SPDX-License-Identifier: Apache-2.0

"""The Generic driver where something is half broken."""

import contextlib

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import owed
from manila_drivers.generic import guest_scripts
from manila_drivers.model import GiB
from manila_drivers.testing.backends.generic import SERVER
from manila_drivers.testing.backends.generic import USER
from manila_drivers.testing.conformance import budgets
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.stage import Stage
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import guest


@pytest.fixture
def stage():
    lab = generic.GenericLab()
    yield Stage(lab)
    lab.close()


def path_of(share):
    return share.export.partition(':')[2]


def volume(lab, share):
    found = [one for one in lab.sim.cinder.store.volumes.values()
             if one.name == f'manila-share-{share.id}'
             and one.metadata.get('manila_share_instance_id') == share.id]
    return found[0] if found else None


def not_admin(lab):
    """Take the role of an administrator from the driver's login."""
    user = lab.sim.user(USER)
    for roles in user.roles.values():
        roles.discard('admin')
    for token in lab.sim.keystone.tokens.values():
        token.roles -= {'admin'}


def slot(lab, share):
    return lab.machine.system.disks.of(volume(lab, share).id)


def test_a_share_whose_extension_broke_can_be_deleted(stage):
    """Nova detaches nothing that is in error_extending."""
    share = stage.shared(stage.rule())
    volume(stage.lab, share).status = 'error_extending'
    stage.manager.delete_only(share)
    assert volume(stage.lab, share) is None


def test_a_disk_without_a_serial_number_is_not_taken_away(stage):
    """It may well be the one that clients write to."""
    lab = stage.lab
    share = stage.shared(stage.rule())
    lab.machine.write(path_of(share), 'mine', b'1')
    slot(lab, share).serial = ''
    before = lab.sim.mark()
    stage.manager.ensure([share])
    assert lab.machine.read(path_of(share), 'mine') == b'1'
    assert not [one for one in lab.sim.asked(before) if 'DELETE' in one]


def test_another_disk_in_the_place_of_a_share_is_not_served(stage):
    """A boot may mount a copy, which has the same UUID until it is served."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.unmount(path_of(share))
    lab.machine.unmount(path_of(other))
    lab.machine.execute(['mount', slot(lab, other).path, path_of(share)])
    stage.manager.ensure([share, other])
    for one in share, other:
        found = lab.machine.system.mounts.at(path_of(one))
        assert found.slot.device.id == volume(lab, one).id
        stage.exact(one)


def test_another_disk_that_is_in_use_there_is_closed(stage):
    lab = stage.lab
    rule = stage.rule()
    share, other = stage.shared(rule), stage.shared(stage.rule())
    lab.machine.unmount(path_of(share))
    lab.machine.unmount(path_of(other))
    lab.machine.execute(['mount', slot(lab, other).path, path_of(share)])
    lab.machine.system.mounts._busy = lambda path: 'somebody'
    stage.manager.ensure([share])
    assert lab.effective(share.export, stage.client(rule)) is None


def test_a_disk_that_is_there_twice_stops_no_other_share(stage):
    """Nobody knows which of the two a boot would mount."""
    lab, manager = stage.lab, stage.manager
    bad, good = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.plug(guest.BlockDevice(volume(lab, bad).id, 1))
    lab.advance(60.0)
    lab.machine.system.settle()
    lab.machine.system.tree.text['/etc/fstab'] = ''
    answers = manager.ensure([bad, good])
    assert not answers[bad.id].get('export_locations')
    assert answers[good.id]['export_locations']
    assert path_of(good) in lab.machine.system.tree.text['/etc/fstab']
    stage.exact(good)


def test_a_server_that_cannot_be_checked_stops_no_other(stage, monkeypatch):
    """A lock of its shares is lost, for instance."""
    manager = stage.manager
    share = stage.shared(stage.rule())
    health = manager.driver._backend.health
    monkeypatch.setattr(health, '_tidy', lost)
    answers = manager.driver.check_shares([manager.row(share, rows.DICT)])
    assert answers == {share.id: owed.unfinished(exception.Busy('it is lost'))}


def lost(*_):
    raise exception.Busy('it is lost')


def test_holding_back_writes_ends_whatever_happens_to_another(stage):
    """Two snapshots at once; the first service was killed meanwhile."""
    lab = stage.lab
    share = stage.manager.create()
    device = slot(lab, share).device
    words = guest_scripts.run(
        'freeze', guest_scripts.FREEZE, path_of(share), path_of(share),
        slot(lab, share).number, 20, '/run/manila-frozen-x').words()
    lab.machine.execute(words)
    assert device.frozen
    lab.machine.execute(words)
    for _ in range(5):
        lab.advance(20.0)
        lab.machine.system.settle()
    assert not device.frozen


@pytest.fixture
def servers():
    lab = generic_kinds.server_labs()()
    yield lab
    lab.close()


@pytest.mark.parametrize('told', [
    {}, {'instance_id'}, {'instance_id', 'ip'},
    {'service_port_id', 'subnet_id', 'share_server_id'}])
def test_a_share_of_a_server_that_is_half_made_can_be_deleted(servers, told):
    """Its set-up failed, and the details are those that there were."""
    stage = Stage(servers)
    share = stage.manager.new_share()
    details = {key: value for key, value
               in servers._row['backend_details'].items() if key in told}
    stage.manager.driver._inner.delete_share(
        None, stage.manager.row(share),
        share_server={'id': 'x', 'backend_details': details})


def test_a_volume_whose_making_came_late_goes_with_its_share(stage):
    """A second one was made meanwhile; both are the share's."""
    lab = stage.lab
    share = stage.manager.create()
    lab._volume(f'manila-share-{share.id}', metadata={
        'manila_share_instance_id': share.id})
    stage.manager.delete_only(share)
    assert volume(lab, share) is None


@pytest.mark.parametrize('serves', [True, False])
def test_twins_of_a_share_without_a_note_go_with_it(stage, serves):
    """Nothing is recorded, and two volumes say that they are the share's."""
    lab = stage.lab
    share, other = stage.manager.create(), stage.shared(stage.rule())
    lab._volume(f'manila-share-{share.id}', metadata={
        'manila_share_instance_id': share.id})
    lab.storage.delete(share.id)
    if not serves:
        lab.machine.unmount(path_of(share))
        lab._detach(share.id)
    stage.manager.delete_only(share)
    assert volume(lab, share) is None
    assert lab.machine.system.mounts.at(path_of(share)) is None
    stage.exact(other)


def test_twins_that_are_both_attached_are_not_guessed_about(stage):
    lab = stage.lab
    share = stage.manager.create()
    lab._attach(lab._volume(f'manila-share-{share.id}', metadata={
        'manila_share_instance_id': share.id}))
    lab._appears()
    lab.storage.delete(share.id)
    before = lab.sim.mark()
    with pytest.raises(Exception, match='has 2 volumes'):
        stage.manager.delete_only(share)
    assert not [one for one in lab.sim.asked(before) if 'DELETE' in one]


def test_a_server_takes_shares_beside_those_of_the_budget(stage):
    """Else what a start with many shares costs cannot be measured."""
    shares = [stage.manager.new_share() for _ in range(budgets.MANY)]
    stage.lab.make_shares([share.id for share in shares])
    assert stage.manager.create().locations


def test_a_file_system_that_became_read_only_is_told(stage):
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.system.mounts.at(path_of(share)).failed = True
    answers = stage.manager.ensure([share, other])
    assert not answers[share.id].get('export_locations')
    assert answers[other.id]['export_locations']


def test_what_is_left_of_an_unmanaged_share_is_not_cleared_away(stage):
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    stage.manager.unmanage(share)
    lab.machine.unmount(path_of(share))
    before = lab.machine.system.tree.text['/etc/fstab']
    stage.manager.ensure([other])
    assert lab.machine.system.tree.text['/etc/fstab'] == before


def test_a_server_that_lets_nobody_in_is_not_rebooted(stage):
    """It serves others; only the password is another."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.machine.password = 'another'
    known = stage.manager.driver._backend.manager
    known.logins.hang_up(known.common())
    lab.sim.spoil('detach', times=1)
    before = lab.sim.mark()
    with pytest.raises(Exception, match='could not be detached'):
        stage.manager.delete_only(share)
    assert not [one for one in lab.sim.asked(before) if 'action' in one]
    stage.exact(other)
    stage.manager.delete_only(share)
    assert volume(lab, share) is None


def test_nor_one_that_was_found_so_a_moment_ago(stage):
    """It is not asked again for a while; that does not mean that it hangs."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    known = stage.manager.driver._backend.manager
    known.logins.hang_up(known.common())
    known.logins.mourn(known.common(), exception.NotTrusted('another key'))
    lab.sim.spoil('detach', times=1)
    before = lab.sim.mark()
    with pytest.raises(Exception, match='could not be detached'):
        stage.manager.delete_only(share)
    assert not [one for one in lab.sim.asked(before) if 'action' in one]
    stage.exact(other)


def test_rules_that_end_with_their_share_leave_no_note(stage, monkeypatch):
    """A deletion comes while what rules have made is written down."""
    manager, notes = stage.manager, stage.manager.driver._backend.notes
    share = stage.shared(stage.rule())
    remember = notes.remember_rules

    def late(*args):
        manager.delete_only(share)
        remember(*args)
    monkeypatch.setattr(notes, 'remember_rules', late)
    manager.driver.update_access(
        None, manager.row(share), access_rules=manager.rule_rows(
            share, [stage.rule()]))
    assert not stage.lab.storage.get(share.id)


@pytest.mark.parametrize('line', ['ours', 'by UUID'])
def test_a_boot_in_the_middle_of_a_copy_mixes_nothing_up(stage, line):
    """Until it is renamed, a copy has the UUID of its parent."""
    lab = stage.lab
    share = stage.shared(stage.rule())
    if line == 'by UUID':
        lab.machine.system.tree.text['/etc/fstab'] = (
            f'UUID={share.id} {path_of(share)} ext4 defaults,nofail 0 2\n')
    snapshot = stage.manager.create_snapshot(share)
    clone = stage.manager.create_from_snapshot(
        stage.manager.new_clone(snapshot), snapshot)
    lab.advance(60.0)
    parent, copy = volume(lab, share).id, volume(lab, clone).id
    lab._attach(copy)
    lab._appears()
    lab.machine.reboot([parent, copy])
    lab.advance(60.0)
    place = lab.machine.system.mounts
    assert place.at(path_of(share)).slot.device.id == (
        parent if line == 'ours' else copy)
    stage.manager.ensure([share])
    stage.manager.finish_clone(clone)
    assert place.at(path_of(share)).slot.device.id == parent
    assert place.at(path_of(clone)).slot.device.id == copy
    stage.exact(share)


@pytest.mark.parametrize('shares', [1, 2])
def test_a_line_by_uuid_is_rewritten_by_ensure(stage, shares):
    """Clients that are at work notice nothing of it."""
    lab = stage.lab
    made = [stage.shared(stage.rule()) for _ in range(shares)]
    mounts = [lab.machine.system.mounts.at(path_of(one)) for one in made]
    tree = lab.machine.system.tree
    before = tree.text['/etc/fstab']
    assert 'UUID=' not in before.partition('/shares')[2]
    tree.text['/etc/fstab'] = ''.join(
        f'UUID={one.id} {path_of(one)} ext4 rw,relatime 0 0\n'
        for one in made)
    lab.machine.system.mounts._busy = lambda path: 'somebody'
    stage.manager.ensure(made)
    assert {line for line in before.splitlines() if '/shares' in line} \
        == set(tree.text['/etc/fstab'].splitlines())
    assert mounts == [lab.machine.system.mounts.at(path_of(one))
                      for one in made]
    execs = [words for words in lab.machine.ran if words[0] == 'mv']
    stage.manager.ensure(made)
    assert execs == [words for words in lab.machine.ran if words[0] == 'mv']
    for one in made:
        stage.exact(one)


@pytest.mark.parametrize('status', ['error', 'reserved', 'error_backing-up'])
def test_a_share_whose_volume_is_stuck_can_be_deleted(stage, status):
    """A revert failed, or a backup; or Nova forgot an attachment."""
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    volume(stage.lab, share).status = status
    stage.manager.delete_only(share)
    assert volume(stage.lab, share) is None
    assert volume(stage.lab, other).status == 'in-use'
    stage.exact(other)


def test_a_reservation_that_nobody_keeps_is_no_obstacle(stage):
    lab = stage.lab
    share = stage.manager.create()
    found = volume(lab, share)
    lab.machine.unmount(path_of(share))
    lab.sim.ask('DELETE', f'/compute/v2.1/servers/{lab.server["id"]}/'
                f'os-volume_attachments/{found.id}', user=USER)
    lab.advance(60.0)
    assert found.status == 'available'
    found.status = 'reserved'
    stage.manager.delete_only(share)
    assert volume(lab, share) is None


@pytest.mark.parametrize('attached', [True, False])
def test_a_volume_that_nobody_uses_is_not_in_use_for_ever(stage, attached):
    """Cinder has lost its record of who does; Nova may have its own."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    found = volume(lab, share)
    if not attached:
        lab._detach(share.id)
    found.attached.clear()
    found.status = 'in-use'
    stage.manager.delete_only(share)
    assert volume(lab, share) is None
    assert lab.machine.system.disks.of(found.id) is None
    stage.exact(other)


def test_who_may_not_say_so_is_told(stage):
    lab = stage.lab
    share = stage.shared(stage.rule())
    found = volume(lab, share)
    lab._detach(share.id)
    found.status = 'in-use'
    not_admin(lab)
    with pytest.raises(Exception, match='--state available ' + found.id):
        stage.manager.delete_only(share)
    lab.machine.unmount(path_of(share))
    before = lab.clock()
    with pytest.raises(Exception, match='--state available ' + found.id):
        stage.manager.resize(share, 2)
    assert lab.clock() - before < 60


@pytest.mark.parametrize('status', ['attaching', 'detaching', 'extending'])
def test_what_never_ends_says_what_to_do(stage, status):
    share = stage.shared(stage.rule())
    volume(stage.lab, share).status = status
    with pytest.raises(Exception, match='an administrator sets its status'):
        stage.manager.delete_only(share)


@pytest.mark.parametrize('status', ['error', 'reserved', 'error_extending'])
def test_what_only_an_administrator_can_end_is_told(stage, status):
    lab = stage.lab
    share = stage.shared(stage.rule())
    found = volume(lab, share)
    found.status = status
    before = lab.clock()
    not_admin(lab)
    with pytest.raises(Exception, match='administrator') as told:
        stage.manager.delete_only(share)
    assert f'--state in-use {found.id}' in str(told.value)
    assert lab.clock() - before < 60
    assert found.status == status
    found.status = 'in-use'
    stage.manager.delete_only(share)
    assert volume(lab, share) is None


def test_no_other_change_resets_a_status(stage):
    """A revert that failed may have left half of the data."""
    lab = stage.lab
    share = stage.shared(stage.rule())
    snapshot = stage.manager.create_snapshot(share)
    volume(lab, share).status = 'error'
    with pytest.raises(Exception, match='error'):
        stage.manager.revert(share, snapshot)
    assert volume(lab, share).status == 'error'


@pytest.mark.parametrize('status', ['maintenance'])
def test_why_a_volume_is_not_detached_is_told(stage, status):
    lab = stage.lab
    share = stage.manager.create()
    volume(lab, share).status = status
    before = lab.clock()
    with pytest.raises(Exception, match='Unable to detach volume'):
        stage.manager.delete_only(share)
    assert lab.clock() - before < 60


def test_rules_that_come_while_a_share_is_away_wait_for_it(stage):
    """An extension that has to detach the volume; nobody is shut out."""
    lab = stage.lab
    share = stage.shared(stage.rule())
    rows = stage.manager.rule_rows(share, [*share.rules.values(),
                                           stage.rule()])
    lab.sim.spoil('extend')
    backend = stage.manager.driver._backend
    extend, told = backend.volumes.extend, []

    @contextlib.contextmanager
    def taken(*args):
        raise exception.Busy('The share is being extended')
        yield

    def meanwhile(ident, gib):
        if not lab.machine.system.mounts.at(path_of(share)):
            with pytest.raises(Exception, match='share') as failure:
                stage.manager.driver.update_access(
                    None, stage.manager.row(share), rows, [], [])
            told.append(str(failure.value))
        return extend(ident, gib)
    backend.volumes.extend, backend.access._lock = meanwhile, taken
    stage.manager.resize(share, 3)
    assert 'is being extended' in told[0]
    stage.exact(share)


@pytest.mark.parametrize('operation', ['extend', 'shrink', 'revert'])
def test_no_snapshot_is_taken_of_a_share_that_is_away(stage, operation):
    """Its file system is in the middle of something."""
    lab, manager = stage.lab, stage.manager
    share = manager.create(size=2)
    earlier = manager.create_snapshot(share)
    lab.sim.spoil('extend')
    backend = manager.driver._backend
    lock, told = backend.snapshots._lock, []
    # The lock itself, and little patience.
    backend.snapshots._lock = lambda name, timeout: lock(name, 0.2)
    owner, name = {
        'extend': (backend.volumes, 'extend'),
        'shrink': (backend.executor, 'shrink_file_system'),
        'revert': (backend.volumes, 'revert')}[operation]
    done = getattr(owner, name)

    def meanwhile(*args, **parts):
        with pytest.raises(Exception, match=r'not free|generic-share') \
                as failure:
            manager.create_snapshot(share)
        told.append(str(failure.value))
        return done(*args, **parts)
    setattr(owner, name, meanwhile)
    if operation == 'revert':
        manager.revert(share, earlier)
    else:
        manager.resize(share, {'extend': 3, 'shrink': 1}[operation])
    assert told
    assert all('generic-share-' in one for one in told), told
    snapshots = lab.sim.cinder.store.snapshots
    assert len(snapshots) == 1
    setattr(owner, name, done)
    manager.create_snapshot(share)
    assert len(snapshots) == 2


def test_a_copy_of_a_share_that_was_shrunk(stage):
    """Its volume is as large as ever, and so is that of the copy."""
    lab, manager = stage.lab, stage.manager
    share = manager.create(size=3)
    manager.resize(share, 1)
    lab.machine.write(path_of(share), 'mine', b'1')
    snapshot = manager.create_snapshot(share)
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=1), snapshot)
    manager.finish_clone(clone)
    content = slot(lab, clone).device.content
    assert (volume(lab, clone).size, content.size) == (3, GiB)
    assert lab.machine.read(path_of(clone), 'mine') == b'1'
    for size in 2, 1, 4:
        manager.resize(clone, size)
        assert content.size == size * GiB
    assert volume(lab, clone).size == 4
    manager.update(clone, add=[rule := stage.rule()])
    assert lab.effective(clone.export, stage.client(rule)) == 'rw'
    assert manager.driver.update_share_usage_size(
        None, [manager.row(clone)])[0]['used_size'] < 1


@pytest.mark.parametrize('noted', [True, False])
def test_twins_of_a_snapshot_go_with_it(stage, noted):
    """Cinder deletes no volume that has a snapshot."""
    lab, manager = stage.lab, stage.manager
    share = manager.create()
    snapshot = manager.create_snapshot(share)
    lab.sim.ask('POST', '/volume/v3/snapshots', {'snapshot': {
        'name': f'manila-snapshot-{snapshot.id}', 'force': True,
        'volume_id': volume(lab, share).id, 'metadata': {
            'manila_snapshot_instance_id': snapshot.id}}}, user=USER,
        version='3.60')
    lab.advance(60.0)
    if not noted:
        lab.storage.delete(snapshot.id)
        snapshot.provider_location = None
    manager.delete_snapshot(snapshot)
    manager.delete(share)
    assert volume(lab, share) is None
    assert not lab.sim.cinder.store.snapshots


# Servers that are gone, or not where they are looked for

@pytest.mark.parametrize('served', ['by one', 'by share servers'])
def test_a_share_with_rules_of_a_server_that_is_gone_can_be_deleted(served):
    """Manila takes its rules away first, and deletes nothing if that fails.
    """
    lab = generic.GenericLab() if served == 'by one' \
        else generic_kinds.server_labs()()
    stage = Stage(lab)
    share = stage.shared(stage.rule())
    lab.sim.ask('DELETE', f'/compute/v2.1/servers/{lab.server["id"]}',
                user=USER)
    lab.advance(60.0)
    stage.manager.delete(share)
    assert volume(lab, share) is None
    lab.close()


@pytest.mark.parametrize('state', ['stopped', 'hung', 'untold'])
def test_nobody_is_told_to_be_shut_out_who_may_come_back(stage, state):
    lab = stage.lab
    share = stage.shared(stage.rule())
    if state == 'stopped':
        lab.sim.ask('POST', f'/compute/v2.1/servers/{lab.server["id"]}'
                    '/action', {'os-stop': None}, user=USER)
    else:
        lab.machine.freeze()
    if state == 'untold':
        lab.sim.arm(faults.Fault('html', code=404, times=None,
                                 match='/compute/v2.1/servers/'))
    lab.advance(60.0)
    with pytest.raises(compat.errors.ShareBackendException):
        stage.manager.update(share, delete=list(share.rules.values()))


def test_a_server_of_another_name_keeps_its_disks(stage):
    """Nobody has looked what is mounted there, and who writes to it."""
    lab = stage.lab
    share = stage.shared(stage.rule())
    lab.machine.write(path_of(share), 'mine', b'1')
    lab.sim.ask('PUT', f'/compute/v2.1/servers/{lab.server["id"]}',
                {'server': {'name': 'renamed'}}, user=USER)
    before = lab.storage.get(share.id)
    # Nor does anybody remember which server it was.
    lab.storage.data.clear()
    lab.storage.update(share.id, before)
    driver = lab.make_driver(set_up=False)
    driver.do_setup(None)
    with pytest.raises(compat.errors.ShareBackendException,
                       match='nothing of it was released'):
        driver.delete_share(None, stage.manager.row(share))
    assert lab.machine.read(path_of(share), 'mine') == b'1'
    assert volume(lab, share).status == 'in-use'
    lab.sim.ask('PUT', f'/compute/v2.1/servers/{lab.server["id"]}',
                {'server': {'name': SERVER}}, user=USER)
    driver.delete_share(None, stage.manager.row(share))
    assert volume(lab, share) is None


def test_a_share_goes_from_a_server_that_was_renamed(stage):
    """It is released there before its disk is taken away."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab.sim.ask('PUT', f'/compute/v2.1/servers/{lab.server["id"]}',
                {'server': {'name': 'renamed'}}, user=USER)
    driver = lab.make_driver(set_up=False)
    driver.do_setup(None)
    driver.delete_share(None, stage.manager.row(share))
    assert volume(lab, share) is None
    assert not [item for item in lab.machine.records()
                if share.id in str(item)]
    stage.exact(other)


@pytest.mark.parametrize('state', ['gone', 'failed', 'untold'])
def test_no_share_is_put_on_a_server_that_is_gone(servers, state):
    """A share server without its instance takes down each new share."""
    stage = Stage(servers)
    server, sim = servers.server['id'], servers.sim
    if state == 'failed':
        sim.ask('POST', f'/compute/v2.1/servers/{server}/action',
                {'os-resetState': {'state': 'error'}})
    elif state == 'gone':
        sim.ask('DELETE', f'/compute/v2.1/servers/{server}', user=USER)
        servers.advance(60.0)
    else:
        sim.arm(faults.Fault('status', code=500, times=None,
                             match='/compute/'))
    choose = stage.manager.driver._inner \
        .choose_share_server_compatible_with_share
    assert choose(None, [servers._row], stage.manager.row(
        stage.manager.new_share())) == (
            servers._row if state == 'untold' else None)


def test_a_server_that_somebody_has_paused_is_not_rebooted(stage):
    """Its memory may have what clients of other shares wrote."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    action = f'/compute/v2.1/servers/{lab.server["id"]}/action'
    lab.sim.ask('POST', action, {'pause': None}, user=USER)
    mark = lab.sim.mark()
    with pytest.raises(compat.errors.ShareBackendException, match='PAUSED'):
        stage.manager.delete_only(share)
    assert not [one for one in lab.sim.asked(mark) if '/action' in one]
    lab.sim.ask('POST', action, {'unpause': None}, user=USER)
    stage.exact(other)
    lab.advance(300.0)
    stage.manager.delete_only(share)
    assert volume(lab, share) is None


def test_a_place_that_has_another_name_is_refused_at_the_start(stage):
    """Shares could be made there, and neither be given nor deleted."""
    lab = stage.lab
    lab.machine.system.tree.links = {'/shares': '/srv/shares'}
    with pytest.raises(compat.errors.BadConfigurationException,
                       match='share_mount_path: /shares leads to /srv/shares'):
        stage.manager.driver.check_for_setup_error()
    lab.machine.system.tree.links = {}
    stage.manager.driver.check_for_setup_error()


def test_a_share_server_in_use_is_not_taken_over_as_another(servers):
    """Of those that Manila's driver made Manila does not know the instance.
    """
    stage = Stage(servers)
    share = stage.shared(stage.rule())
    driver, ident = stage.manager.driver._inner, servers.server['id']
    row = {'id': '0f0e0d0c-1111-4222-8333-444455556666',
           'backend_details': {}}
    before = servers.sim.server(ident).metadata.copy()
    with pytest.raises(compat.errors.ManageShareServerError, match=share.id):
        driver.manage_server(None, row, ident, {})
    assert servers.sim.server(ident).metadata == before
    stage.manager.delete(share)
    assert driver.manage_server(None, row, ident, {})[0] == ident


@pytest.mark.parametrize('noted', [True, False])
def test_what_was_restored_of_a_backup_stays(stage, noted):
    """Cinder gives it the name and the metadata of the volume."""
    lab = stage.lab
    share = stage.manager.create()
    own = volume(lab, share).id
    lab.advance(86400.0)
    copy = lab._volume(f'manila-share-{share.id}', metadata={
        'manila_share_instance_id': share.id})
    if not noted:
        lab.storage.delete(share.id)
    stage.manager.delete_only(share)
    assert own not in lab.sim.cinder.store.volumes
    assert copy in lab.sim.cinder.store.volumes


def test_a_copy_that_never_ends_is_given_up(stage, caplog):
    """Cinder has forgotten it, and the service is started anew meanwhile."""
    lab, manager = stage.lab, stage.manager
    snapshot = manager.create_snapshot(manager.create())
    lab.sim.options.clone_volume = 1e9
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    lab.advance(100_000)
    assert manager.poll(clone) == 'creating_from_snapshot', 'first asked now'
    lab.advance(86_000)
    assert Stage(lab).manager.poll(clone) == 'creating_from_snapshot'
    lab.advance(500)
    assert Stage(lab).manager.poll(clone) == 'error'
    assert 'is given up' in caplog.text
    assert volume(lab, clone).id in caplog.text


def test_a_copy_that_nobody_can_mount_is_given_up(stage, caplog):
    """Its service instance is dead, and nobody comes to look after it."""
    lab, manager = stage.lab, stage.manager
    snapshot = manager.create_snapshot(manager.create())
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    lab.advance(600.0)
    lab.machine.freeze()
    for _ in range(2):
        assert Stage(lab).manager.poll(clone) == 'creating_from_snapshot'
        lab.advance(86_000)
    assert Stage(lab).manager.poll(clone) == 'error'
    assert 'could not go on' in caplog.text and clone.id in caplog.text


def test_a_copy_waits_no_longer_once_something_is_told(stage):
    """Twice a service is away for a moment, and long between that."""
    lab, manager = stage.lab, stage.manager
    snapshot = manager.create_snapshot(manager.create())
    lab.sim.options.clone_volume = 80_000.0
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    lab.away(600.0)
    assert manager.poll(clone) == 'creating_from_snapshot'
    lab.advance(700.0)
    lab.heal()
    assert manager.poll(clone) == 'creating_from_snapshot'
    lab.advance(86_400)
    lab.machine.freeze()
    assert manager.poll(clone) == 'creating_from_snapshot'
    lab.machine.unfreeze()
    lab.advance(100.0)
    assert manager.poll(clone) == 'available'


def test_a_copy_that_took_long_is_a_share(stage):
    lab, manager = stage.lab, stage.manager
    snapshot = manager.create_snapshot(manager.create())
    lab.sim.options.clone_volume = 80_000
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    manager.poll(clone)
    lab.advance(90_000)
    manager.finish_clone(clone)
    stage.exact(clone)
