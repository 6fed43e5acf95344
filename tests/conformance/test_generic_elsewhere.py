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
from manila_drivers.testing.backends.generic import USER
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.stage import Stage

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
