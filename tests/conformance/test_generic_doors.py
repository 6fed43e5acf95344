# SPDX-License-Identifier: Apache-2.0

"""Ways into a share of the Generic driver that no rule of it would close."""

import dataclasses

import pytest

from manila_drivers import compat
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.stage import Stage
from manila_drivers.testing.simulators import faults

errors = compat.errors


def _section(lab, path):
    lab.machine.execute(['net', 'conf', 'addshare', 'side', path,
                         'writeable=y', 'guest_ok=y'])
    lab.machine.execute(['net', 'conf', 'setparm', 'side', 'hosts allow',
                         '10.0.0.7'])


def _in_file(lab, path):
    lab.machine.system.smb.file['byhand'] = {
        'path': path, 'guest ok': 'yes', 'read only': 'no'}


def _another_mount(lab, path):
    lab.machine.execute(['mkdir', '-p', '/srv/else'])
    lab.machine.execute(['mount', lab.machine.system.mounts.at(
        path).slot.path, '/srv/else'])
    lab._kept('10.0.0.7', '/srv/else')


def _crossing(lab, path):
    above = path.rpartition('/')[0]
    lab.machine.execute(['exportfs', '-o', 'rw,crossmnt,fsid=7',
                         f'10.0.0.7:{above}'])


_WAYS = {
    'section': (_section, 'section side of Samba'),
    'section above': (lambda lab, path: _section(
        lab, path.rpartition('/')[0]), 'section side of Samba'),
    'smb.conf': (_in_file, 'section byhand of smb.conf'),
    'smb.conf above': (lambda lab, path: _in_file(
        lab, path.rpartition('/')[0]), 'section byhand of smb.conf'),
    'smb.conf below': (lambda lab, path: _in_file(lab, path + '/sub'),
                       'section byhand of smb.conf'),
    'export below': (lambda lab, path: lab._kept('10.0.0.7', path + '/sub'),
                     '/sub, which is in it'),
    'another mount': (_another_mount, '/srv/else, which is in it'),
    'export above': (_crossing, 'which it is in, is exported with it')}


@pytest.mark.parametrize('way', _WAYS)
def test_what_is_reached_in_another_way_is_not_taken_over(way):
    lab = generic.GenericLab()
    open_way, told = _WAYS[way]
    unmanaged = lab.make_unmanaged('by-hand')
    open_way(lab, unmanaged.export.partition(':')[2])
    before = dict(lab.records())
    with pytest.raises(errors.ManageInvalidShare, match=told):
        Stage(lab).manager.manage(unmanaged)
    assert lab.records() == before
    lab.close()


@pytest.mark.parametrize('way', ['section', 'nfs', 'nfs after a restart'])
def test_nor_is_a_cifs_share_with_another_door(way):
    labs = generic_kinds.cifs_labs()
    lab = labs()
    unmanaged = lab.make_unmanaged('by-hand')
    path = f'{generic.LEGACY}/by-hand'
    if way == 'section':
        _section(lab, path)
    elif way == 'nfs':
        lab._export('10.0.0.7', path)
    else:
        lab._kept('10.0.0.7', path)
        lab.machine.execute(['exportfs', '-u', f'10.0.0.7:{path}'])
    with pytest.raises(errors.ManageInvalidShare, match='in another way'):
        Stage(lab).manager.manage(unmanaged)
    lab.close()


def _over_the_registry(smb):
    smb.file['By-Hand'] = {'path': '/srv', 'invalid users': 'eve'}


def _without_the_registry(smb):
    smb.includes = False


def _read_differently(smb):
    smb.file['by-hand'] = {'write list': 'eve'}


@pytest.mark.parametrize(('change', 'told'), [
    (_over_the_registry, 'invalid users = eve, not None'),
    (_read_differently, 'write list = eve, not None'),
    (_without_the_registry, 'does not read its registry')])
def test_nor_one_that_smb_conf_has_another_say_in(change, told):
    lab = generic_kinds.cifs_labs()()
    unmanaged = lab.make_unmanaged('by-hand')
    change(lab.machine.system.smb)
    with pytest.raises(errors.ManageInvalidShare, match=told):
        Stage(lab).manager.manage(unmanaged)
    lab.close()


def test_what_smb_conf_comes_to_has_to_be_told():
    lab = generic_kinds.cifs_labs()()
    stage, unmanaged = Stage(lab), lab.make_unmanaged('by-hand')
    lab.machine.faults.arm(faults.Fault(
        'status', code=1, match='testparm -s', times=None))
    with pytest.raises(errors.ManageInvalidShare, match='is not told'):
        stage.manager.manage(unmanaged)
    lab.close()


def test_what_samba_does_not_tell_is_not_taken_for_nothing():
    lab = generic.GenericLab()
    unmanaged = lab.make_unmanaged('by-hand')
    _section(lab, unmanaged.export.partition(':')[2])
    lab.machine.faults.arm(faults.Fault(
        'status', code=255, match='net conf list', times=None))
    with pytest.raises(errors.ManageInvalidShare, match='is not told'):
        Stage(lab).manager.manage(unmanaged)
    lab.close()


def test_nobody_comes_back_with_a_restart_of_the_server():
    """An operator's own file names who may reach a share."""
    lab = generic.GenericLab()
    stage, machine = Stage(lab), lab.machine
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    file, stranger = '/etc/exports.d/site.exports', '10.66.0.1'
    machine.execute(['tee', file], ''.join(
        f'{path} {stranger}(rw,sync,no_subtree_check)\n' for path in (
            share.export.partition(':')[2], '/srv/else')))
    machine.execute(['exportfs', '-r'])
    assert lab.effective(share.export, stranger) == 'rw'
    stage.manager.update(share, add=[stage.rule()])
    machine.reboot()
    for _ in range(5):
        lab.advance(20.0)
    assert lab.effective(share.export, stranger) is None
    stage.exact(share)
    stage.exact(other)
    # The operator's other lines stay, and the next look finds nothing to do.
    assert '/srv/else' in machine.execute(['cat', file]).stdout
    stage.manager.update(share)
    assert not stage.manager.ensure([share])[share.id].get(
        'reapply_access_rules')
    lab.close()


def test_a_part_of_a_file_system_is_not_taken_over():
    """Its whole volume would go with the share."""
    lab = generic.GenericLab()
    unmanaged = lab.make_unmanaged('by-hand')
    mounts = lab.machine.system.mounts
    whole = mounts.at(unmanaged.export.partition(':')[2])
    mounts.all.append(dataclasses.replace(whole, path='/srv/part',
                                          root='/part'))
    lab.machine.system.tree.text['/etc/exports'] = '/srv/part 10.0.0.7(rw)\n'
    lab.machine.execute(['exportfs', '-r'])
    address = unmanaged.export.partition(':')[0]
    with pytest.raises(errors.ManageInvalidShare, match='its directory /part'):
        Stage(lab).manager.manage(dataclasses.replace(
            unmanaged, export=f'{address}:/srv/part'))
    lab.close()
