# SPDX-License-Identifier: Apache-2.0

"""The base directory has two names, and somebody exports by the other one."""

import dataclasses
import ipaddress

import pytest

from manila_drivers import compat
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports

errors = compat.errors
ALICE, BOB = '10.0.0.1', '10.0.0.9'
BASE, REAL = '/link/shares', '/gpfs0/shares'
INDEX = '/etc/ganesha/export.d/INDEX.conf'
HAND = '/etc/ganesha/export.d/hand.conf'


@pytest.fixture(params=['CES', 'KNFS', 'GNFS'])
def two_names(request, make_place):
    place = make_place(request.param, gpfs_mount_point_base=BASE)
    place.sim.state.links = ('/link',)
    place.kind = request.param
    return place


def export(place, path):
    """Export a directory by hand on every server."""
    if place.kind == 'CES':
        place.sim.export(path, **{ALICE: 'rw'})
        return
    for server in place.sim.servers.values():
        if place.kind == 'KNFS':
            server.execute(['exportfs', '-i', '-o', 'rw,sync',
                            f'{ALICE}:{path}'])
            continue
        wanted = exports.Export(path.rstrip('/') or '/x', 'hand', '', {
            ipaddress.ip_network(ALICE): 'rw'})
        text = ganesha_exports.write(wanted, 7, 'GPFS')
        server.execute(['tee', '--', HAND], text.replace('/x"', '/"'))
        cmd = ganesha_bus.add(HAND, 7)
        assert '1 exports added' in server.execute(cmd.words()).stdout


@pytest.mark.parametrize('base', [BASE, REAL])
@pytest.mark.parametrize('below', ['', '/directory'])
def test_what_is_exported_by_another_name_is_not_taken_over(two_names, base,
                                                            below):
    unmanaged = two_names.lab.make_unmanaged('by-hand')
    unmanaged = dataclasses.replace(
        unmanaged, export=unmanaged.export.replace(REAL, BASE))
    fileset = two_names.sim.state.filesets['legacy-by-hand']
    assert fileset.path.startswith(REAL)
    export(two_names, fileset.path.replace(REAL, base) + below)
    with pytest.raises(errors.ManageInvalidShare, match='is exported'):
        two_names.manager.manage(unmanaged)


def test_a_share_is_managed_by_any_name_of_its_export(two_names):
    share = two_names.manager.manage(
        two_names.lab.make_unmanaged('by-hand'))
    two_names.manager.update(share, add=[two_names.manager.rule(BOB)])
    assert two_names.lab.effective(share.export, BOB) == 'rw'


@pytest.mark.parametrize('path', [
    '/', '/gpfs0', REAL, '/link', BASE])
def test_an_export_above_all_shares_is_told_of(two_names, path, caplog):
    export(two_names, path)
    two_names.driver.check_for_setup_error()
    share = two_names.manager.create()
    two_names.manager.update(share, add=[two_names.manager.rule(BOB)])
    assert 'also exports ' + path in caplog.text
    found = two_names.driver._backend.inventory.read([])
    assert [one for one in found.objects if one.leads]


def test_a_file_does_not_tell_whom_ganesha_lets_in(make_place):
    """Somebody has changed the file, and not told Ganesha."""
    place = make_place('GNFS')
    place.kind = 'GNFS'
    unmanaged = place.lab.make_unmanaged('by-hand')
    path = place.sim.state.filesets['legacy-by-hand'].path
    export(place, path)
    server = place.sim.servers['nfs1']
    server.execute(['tee', '--', HAND], ganesha_exports.write(exports.Export(
        path, 'hand', '', {}), 7, 'GPFS'))
    for each in place.sim.servers.values():
        each.execute(['tee', '-a', '--', INDEX], f'%include {HAND}\n')
        each.execute(['tee', '--', HAND], server.files.text[HAND])
    assert server.access(ALICE, path) == 'rw'
    with pytest.raises(errors.ManageInvalidShare, match='is exported'):
        place.manager.manage(unmanaged)
