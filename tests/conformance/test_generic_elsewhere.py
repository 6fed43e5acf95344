# SPDX-License-Identifier: Apache-2.0

"""Shares of the Generic driver that are not where options say.

An operator has changed an option or a login, somebody has booted another
system, or something else has the name: nobody may be told that a share is
closed, or gone, because it is not where it was looked for.
"""

import pytest

from manila_drivers import compat
from manila_drivers.generic import finding
from manila_drivers.generic import leaving_planning
from manila_drivers.generic import planning
from manila_drivers.generic import sight
from manila_drivers.testing.backends.generic import USER
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.stage import Stage
from manila_drivers.testing.simulators import faults

errors = compat.errors


@pytest.fixture
def stage():
    lab = generic.GenericLab()
    yield Stage(lab)
    lab.close()


def volume(lab, share):
    return next((one for one in lab.sim.cinder.store.volumes.values()
                 if one.metadata.get('manila_share_instance_id') == share.id),
                None)


def restarted(stage, **options):
    """Start the service with other options."""
    lab = stage.lab._lab
    lab.site.close()
    lab.site = type(lab.site)(**options)
    stage.manager.restart()


# Another place

def moved(kind, noted, checked):
    lab = kind()
    stage = Stage(lab)
    manager = stage.manager
    before = dict(lab.records())
    leave, stay = stage.rule(), stage.rule()
    share = stage.shared(leave, stay, size=2)
    export = share.export
    if not noted:
        # As earlier releases, and Manila's own driver, have left it.
        lab.storage.delete(share.id, ['mount_path', 'samba_section'])
    restarted(stage, share_mount_path='/srv/shares')
    if checked:
        answer = manager.ensure([share])[share.id]
        assert [one['path'] for one in answer['export_locations']] == [export]
        assert 'reapply_access_rules' not in answer
    manager.update(share, delete=[leave])
    assert lab.effective(export, stage.client(leave)) is None
    assert lab.effective(export, stage.client(stay)) == 'rw'
    if checked:
        manager.resize(share, 3)
        manager.resize(share, 1)
        manager.delete_snapshot(manager.create_snapshot(share))
    lab.machine.reboot()
    lab.advance(60.0)
    stage.exact(share, leave)
    other = stage.shared(stage.rule())
    stage.exact(other)
    manager.update(share, delete=[stay])
    assert lab.effective(export, stage.client(stay)) is None
    for one in share, other:
        manager.delete(one)
    assert lab.records() == before
    lab.close()


@pytest.mark.turns
@pytest.mark.parametrize('checked', [True, False])
@pytest.mark.parametrize('noted', [True, False])
@pytest.mark.parametrize('kind', [generic.GenericLab, generic_kinds.CifsLab])
def test_a_share_stays_where_it_was_made(kind, noted, checked):
    moved(kind, noted, checked)


def test_who_does_not_look_where_it_is_is_caught(monkeypatch):
    monkeypatch.setattr(planning, 'stays',
                        lambda placement, note, found: placement)
    with pytest.raises((AssertionError, errors.ManilaException)):
        moved(generic.GenericLab, noted=False, checked=False)


def test_the_mount_of_somebody_else_is_not_served(stage):
    """An operator looks at the disk of a share that is away."""
    lab, rule = stage.lab, stage.rule()
    share = stage.shared(rule)
    lab.storage.delete(share.id, ['mount_path', 'samba_section'])
    path = share.export.partition(':')[2]
    device = lab.machine.system.mounts.at(path).slot.path
    lab.machine.unmount(path)
    lab.machine.execute(['mkdir', '-p', '/mnt/look'])
    lab.machine.execute(['mount', '-t', 'ext4', device, '/mnt/look'])
    with pytest.raises(errors.ShareBackendException, match='not mounted'):
        stage.manager.update(share, add=[stage.rule()])
    address = share.export.partition(':')[0]
    assert lab.effective(f'{address}:/mnt/look', stage.client(rule)) is None


# Another server, or another system

def with_another_server(stage):
    lab, rule = stage.lab, stage.rule()
    share = stage.shared(rule)
    lab.cloud.add_server('second', 'others')
    restarted(stage, service_instance_name_or_id='second',
              service_net_name_or_ip='others', tenant_net_name_or_ip='others')
    with pytest.raises(errors.ShareBackendException,
                       match=f'attached to {lab.server["id"]}'):
        stage.manager.update(share, delete=[rule])
    with pytest.raises(errors.ShareBackendException, match='attached to'):
        stage.manager.resize(share, 2)
    assert volume(lab, share).size == 1
    restarted(stage)
    assert lab.effective(share.export, stage.client(rule)) == 'rw'
    stage.manager.update(share, delete=[rule])
    stage.exact(share, rule)


def in_a_rescue(stage):
    lab, rule = stage.lab, stage.rule()
    share = stage.shared(rule)
    action = f'/compute/v2.1/servers/{lab.server["id"]}/action'
    key = lab.machine.host_key
    lab.sim.ask('POST', action, {'rescue': {}}, user=USER)
    lab.advance(60.0)
    # Of the image, which both were made of.
    lab.machine.host_key = key
    with pytest.raises(errors.ShareBackendException, match='for a rescue'):
        stage.manager.update(share, delete=[rule])
    lab.sim.ask('POST', action, {'unrescue': None}, user=USER)
    lab.advance(60.0)
    assert lab.effective(share.export, stage.client(rule)) == 'rw'
    stage.manager.update(share, delete=[rule])
    stage.exact(share, rule)


@pytest.mark.parametrize('play', [with_another_server, in_a_rescue])
def test_who_is_let_in_elsewhere_is_not_told_to_be_shut_out(stage, play):
    play(stage)


@pytest.mark.parametrize('play', [with_another_server, in_a_rescue])
def test_who_takes_away_for_closed_is_caught(stage, monkeypatch, play):
    monkeypatch.setattr(planning, 'check_nowhere_else', lambda *parts: None)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        play(stage)


def test_a_share_that_is_away_is_closed_all_the_same(stage):
    rule = stage.rule()
    share = stage.shared(rule)
    stage.lab._detach(share.id)
    stage.manager.update(share, delete=[rule])
    stage.manager.ensure([share])
    stage.exact(share, rule)


# Another project

def denied(stage, silent):
    """Cinder says of each volume of another project that it is not there."""
    lab = stage.lab
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    found = volume(lab, share)
    home = found.project_id
    found.project_id = lab.sim.keystone.project('demo').id
    for roles in lab.sim.user(USER).roles.values():
        roles.discard('admin')
    for token in lab.sim.keystone.tokens.values():
        token.roles -= {'admin'}
    if silent:
        lab.machine.freeze()
    with pytest.raises(errors.ShareBackendException,
                       match=f'there is no volume {found.id}') as told:
        stage.manager.delete_only(share)
    assert '[cinder]' in str(told.value)
    lab.machine.unfreeze()
    lab.advance(60.0)
    for one in share, other:
        stage.exact(one)
    found.project_id = home
    stage.manager.delete_only(share)
    assert volume(lab, share) is None
    stage.exact(other)


@pytest.mark.parametrize('silent', [False, True])
def test_what_is_in_use_is_not_taken_for_gone(stage, silent):
    denied(stage, silent)


@pytest.mark.parametrize('silent', [False, True])
def test_who_believes_cinder_alone_is_caught(stage, monkeypatch, silent):
    monkeypatch.setattr(leaving_planning, '_check_gone', lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        denied(stage, silent)


class OtherLogin(generic.Site):
    """Has [cinder] log in to another project, as a member of it."""

    def _text(self, options):
        before, cinder, after = super()._text(options).partition('[cinder]')
        return before + cinder + after.replace(
            'project_name = service', 'project_name = demo', 1)


def no_admin(lab):
    for roles in lab.sim.user(USER).roles.values():
        roles.discard('admin')
    for token in lab.sim.keystone.tokens.values():
        token.roles -= {'admin'}


def logged_in(stage, kind):
    """Start the service with that login of Cinder."""
    lab = stage.lab
    lab.sim.user(USER).roles.setdefault(
        lab.sim.keystone.project('demo').id, set()).add('member')
    inner = lab._lab
    inner.site.close()
    inner.site = kind()
    stage.manager.restart()


class OtherNova(generic.Site):
    def _text(self, options):
        return super()._text(options).replace(
            'project_name = service', 'project_name = demo', 1)


def server_denied():
    """A share server is asked for by a login of another project."""
    labs = generic_kinds.server_labs()
    lab = labs()
    stage = Stage(lab)
    rule = stage.rule()
    share = stage.shared(rule)
    no_admin(lab)
    lab.machine.freeze()
    made = lab.site
    logged_in(stage, lambda: OtherNova(**SERVERS))
    with pytest.raises(errors.ShareBackendException,
                       match='Nova says that there is no server') as told:
        stage.manager.update(share, delete=[rule])
    assert 'roles in [nova]' in str(told.value)
    lab.machine.unfreeze()
    assert lab.effective(share.export, stage.client(rule)) == 'rw'
    logged_in(stage, lambda: type(made)(**SERVERS))
    stage.manager.update(share, delete=[rule])
    stage.exact(share, rule)
    lab.close()


SERVERS = {'driver_handles_share_servers': True,
           'service_instance_name_or_id': None, 'service_net_name_or_ip': None,
           'tenant_net_name_or_ip': None,
           'interface_driver': 'NoopInterfaceDriver'}


def test_a_server_that_is_not_shown_is_not_gone():
    server_denied()


def test_who_takes_a_server_for_gone_is_caught(monkeypatch):
    monkeypatch.setattr(sight, 'check_server_gone',
                        lambda *parts, **more: None)
    with pytest.raises(pytest.fail.Exception):
        server_denied()


def answering(lab, share):
    lab._detach(share.id)


def silent(lab, share):
    """Nova tells no volumes either while its cell is down."""
    lab.machine.freeze()
    lab.sim.options.cell_down = True


def without_server(lab, share):
    lab.sim.ask('DELETE', f'/compute/v2.1/servers/{lab.server["id"]}',
                user=USER)
    lab.advance(60.0)


def told_nothing(stage, trouble):
    """Nobody who is asked has anything to say about a volume."""
    lab, manager = stage.lab, stage.manager
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    ident = volume(lab, share).id
    no_admin(lab)
    trouble(lab, share)
    logged_in(stage, OtherLogin)
    for _ in range(2):
        with pytest.raises(errors.ShareBackendException,
                           match=f'there is no volume {ident}') as told:
            manager.delete_only(share)
        assert 'project_name' in str(told.value)
        assert 'without the role admin' in str(told.value)
    assert lab.storage.get(share.id)['volume_id'] == ident
    assert volume(lab, share)
    lab.sim.options.cell_down = False
    logged_in(stage, generic.Site)
    if trouble is not without_server:
        lab.machine.unfreeze()
        lab.advance(60.0)
        stage.exact(other)
    manager.delete_only(share)
    assert volume(lab, share) is None
    assert not lab.storage.get(share.id)
    assert volume(lab, other)


TROUBLES = [answering, silent, without_server]


@pytest.mark.parametrize('trouble', TROUBLES)
def test_what_nobody_tells_of_is_not_taken_for_gone(stage, trouble):
    told_nothing(stage, trouble)


@pytest.mark.parametrize('trouble', TROUBLES)
def test_who_takes_it_for_gone_is_caught(stage, monkeypatch, trouble):
    monkeypatch.setattr(sight.CinderSight, 'decides', True)
    with pytest.raises(pytest.fail.Exception):
        told_nothing(stage, trouble)


def left_open(stage):
    """Whose rules are taken away may be let in where nobody looks."""
    lab, manager = stage.lab, stage.manager
    rule = stage.rule()
    share = stage.shared(rule)
    no_admin(lab)
    lab._detach(share.id)
    logged_in(stage, OtherLogin)
    with pytest.raises(errors.ShareBackendException,
                       match='may be served elsewhere: Cinder says'):
        manager.update(share, delete=[rule])
    # Nor is it lost.
    assert 'status' not in manager.ensure([share])[share.id]
    logged_in(stage, generic.Site)
    manager.ensure([share])
    manager.update(share, delete=[rule])
    stage.exact(share, rule)


def test_nobody_is_told_to_be_shut_out_by_another_login(stage):
    left_open(stage)


def test_who_tells_so_is_caught(stage, monkeypatch):
    monkeypatch.setattr(sight, 'check_no_volume', lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        left_open(stage)


def adopted_elsewhere(stage):
    """A share was taken over by its path alone, in another server."""
    lab, manager = stage.lab, stage.manager
    unmanaged = lab.make_unmanaged('by-hand')
    share = manager.manage(unmanaged)
    rule = stage.rule()
    manager.update(share, add=[rule])
    lab.storage.delete(share.id, ['volume_id'])
    lab.sim.cinder.store.volumes[
        unmanaged.options['volume_id']].name = 'by-hand'
    lab.cloud.add_server('second', 'others')
    restarted(stage, service_instance_name_or_id='second',
              service_net_name_or_ip='others', tenant_net_name_or_ip='others')
    with pytest.raises(errors.ShareBackendException,
                       match='which is not known to be that in which'):
        manager.update(share, delete=[rule])
    restarted(stage)
    assert lab.effective(share.export, stage.client(rule)) == 'rw'
    # In the right one nobody gets in where nothing is mounted.
    lab.machine.unmount(share.export.partition(':')[2])
    manager.update(share, delete=[rule])
    assert lab.effective(share.export, stage.client(rule)) is None


def test_who_is_let_in_by_a_share_without_a_volume_stays_known(stage):
    adopted_elsewhere(stage)


def test_who_forgets_them_is_caught(stage, monkeypatch):
    monkeypatch.setattr(sight, 'check_no_volume', lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        adopted_elsewhere(stage)


def by_hand(lab, share):
    """An administrator removes a volume, whatever becomes of its share."""
    ident = volume(lab, share).id
    lab.machine.unmount(share.export.partition(':')[2])
    lab._detach(share.id)
    lab.sim.ask('DELETE', f'/volume/v3/volumes/{ident}', user=USER)
    lab.advance(60.0)
    assert volume(lab, share) is None


@pytest.mark.parametrize('admin', [False, True])
@pytest.mark.parametrize('trouble', [None, silent, without_server])
def test_what_an_administrator_removed_is_gone(stage, trouble, admin):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    other = stage.shared(stage.rule()) if trouble is without_server else None
    by_hand(lab, share)
    if not admin:
        no_admin(lab)
    if trouble is not None:
        trouble(lab, share)
    manager.delete_only(share)
    assert not lab.storage.get(share.id)
    assert other is None or volume(lab, other)


def test_a_deletion_that_was_cut_off_goes_on_by_any_login(stage):
    """Nothing is left by which Cinder could be believed."""
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    no_admin(lab)
    forget = lab.storage.delete

    def lost(*parts):
        raise RuntimeError('the database is away')

    lab.storage.delete = lost
    with pytest.raises(errors.ShareBackendException):
        manager.delete_only(share)
    assert volume(lab, share) is None
    lab.storage.delete = forget
    without_server(lab, share)
    manager.restart()
    manager.delete_only(share)
    assert not lab.storage.get(share.id)


def test_a_right_that_is_missing_is_no_missing_volume(stage):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    ident = volume(lab, share).id
    lab.sim.arm(faults.Fault('status', code=403, times=None,
                             match=f'GET .*/volumes/{ident}'))
    with pytest.raises(errors.ManilaException, match='HTTP 403') as told:
        manager.delete_only(share)
    assert 'roles in [cinder]' in str(told.value)
    assert 'there is no volume' not in str(told.value)
    lab.sim.disarm()
    stage.exact(share)


def snapshot_denied(stage):
    lab, manager = stage.lab, stage.manager
    share = manager.create()
    snapshot = manager.create_snapshot(share)
    no_admin(lab)
    logged_in(stage, OtherLogin)
    with pytest.raises(errors.ShareBackendException,
                       match='there is no snapshot'):
        manager.delete_snapshot(snapshot)
    assert lab.sim.cinder.store.snapshots
    logged_in(stage, generic.Site)
    manager.delete_snapshot(snapshot)
    assert not lab.sim.cinder.store.snapshots
    manager.delete_snapshot(snapshot)


def test_a_snapshot_that_is_not_shown_is_not_gone(stage):
    snapshot_denied(stage)


def test_who_takes_a_snapshot_for_gone_is_caught(stage, monkeypatch):
    monkeypatch.setattr(sight.CinderSight, 'decides', True)
    with pytest.raises(pytest.fail.Exception):
        snapshot_denied(stage)


def unknown(stage):
    """A share was taken over by its path alone, and has data."""
    lab = stage.lab
    unmanaged = lab.make_unmanaged('by-hand')
    share = stage.manager.manage(unmanaged)
    lab.storage.delete(share.id, ['volume_id'])
    found = lab.sim.cinder.store.volumes[unmanaged.options['volume_id']]
    found.name = 'by-hand'
    with pytest.raises(errors.ShareBackendException, match='is not known wh'):
        stage.manager.delete_only(share)
    assert lab.effective(share.export, '10.0.0.7') == 'rw'
    lab.machine.unmount(share.export.partition(':')[2])
    stage.manager.delete_only(share)
    assert not lab.storage.get(share.id)


def test_data_that_stays_is_not_said_to_be_deleted(stage):
    unknown(stage)


def test_who_says_so_is_caught(stage, monkeypatch):
    monkeypatch.setattr(leaving_planning, '_check_empty', lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        unknown(stage)


# Another volume's snapshot

def named_alike(stage, noted):
    lab, manager = stage.lab, stage.manager
    share, other = manager.create(), manager.create()
    snapshot = manager.new_snapshot(share)
    _, told = lab.sim.ask('POST', '/volume/v3/snapshots', {'snapshot': {
        'name': f'manila-snapshot-{snapshot.id}', 'force': True,
        'volume_id': volume(lab, other).id}}, user=USER, version='3.60')
    lab.advance(60.0)
    theirs, kept = told['snapshot']['id'], lab.sim.cinder.store.snapshots
    manager.create_snapshot(share, snapshot)
    ours = kept[snapshot.provider_location]
    assert ours.volume_id == volume(lab, share).id
    if not noted:
        lab.storage.delete(snapshot.id)
        snapshot.provider_location = None
    manager.delete_snapshot(snapshot)
    assert list(kept) == [theirs]
    # Nor is it deleted in the place of one that is gone.
    manager.delete_snapshot(snapshot)
    assert list(kept) == [theirs]


@pytest.mark.parametrize('noted', [True, False])
def test_the_snapshot_of_another_volume_is_not_ours(stage, noted):
    named_alike(stage, noted)


def test_who_takes_any_snapshot_of_that_name_is_caught(stage, monkeypatch):
    found = finding.VolumeFinder.snapshot_of
    monkeypatch.setattr(
        finding.VolumeFinder, 'snapshot_of',
        lambda self, ident, recorded='', volume_id='': found(
            self, ident, recorded))
    with pytest.raises(AssertionError):
        named_alike(stage, noted=True)


# What is left of it

def test_a_copy_that_is_given_up_leaves_no_note(stage):
    lab, manager = stage.lab, stage.manager
    snapshot = manager.create_snapshot(manager.create())
    lab.sim.options.clone_volume = 1e9
    clone = manager.create_from_snapshot(manager.new_clone(snapshot),
                                         snapshot)
    manager.poll(clone)
    lab.sim.options.clone_volume = 0.4
    volume(lab, clone).status = 'error'
    manager.delete_only(clone)
    assert not lab.storage.get(clone.id)
