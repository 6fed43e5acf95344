# SPDX-License-Identifier: Apache-2.0

"""The base directory was changed: shares are where they were made."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs import paths
from manila_drivers.model import Share
from manila_drivers.testing.conformance.labs import gpfs

errors = compat.errors
ALICE = '10.0.0.1'
OTHER = '/gpfs0/other'


@pytest.fixture(params=['CES', 'KNFS', 'GNFS'])
def place(request, make_place):
    made = make_place(request.param)
    made.sim.state.directories.add(OTHER)
    made.options = {'gpfs_nfs_server_type': request.param, **(
        {} if request.param == 'CES'
        else {'gpfs_nfs_server_list': 'nfs1,nfs2'})}
    return made


def started(place, base):
    place.lab.site.close()
    place.lab.site = gpfs.Site(**place.options, gpfs_mount_point_base=base)
    place.manager.restart()


def elsewhere(place, *, gone):
    """Nobody who was let in at the old place is said to be shut out."""
    manager, lab = place.manager, place.lab
    share, rule = manager.create(), manager.rule(ALICE)
    manager.update(share, add=[rule])
    filesets = place.sim.state.filesets
    fileset = filesets[f'share-{share.id}']
    if gone:
        # As another file system, of which gpfs_filesystem says the name.
        del filesets[f'share-{share.id}']
    started(place, OTHER)
    told = 'was made at|is linked at'
    with pytest.raises(errors.ManilaException, match=told):
        manager.update(share, delete=[rule])
    with pytest.raises(errors.ManilaException, match=told):
        place.driver.delete_share(None, manager.row(share))
    filesets[f'share-{share.id}'] = fileset
    assert lab.effective(share.export, ALICE) == 'rw'
    started(place, gpfs.BASE)
    manager.update(share, delete=[rule])
    assert lab.effective(share.export, ALICE) is None
    manager.delete(share)


@pytest.mark.parametrize('gone', [False, True])
def test_shares_of_another_base_are_not_said_to_be_closed(place, gone):
    elsewhere(place, gone=gone)


@pytest.mark.parametrize('gone', [False, True])
def test_who_says_so_is_caught(place, monkeypatch, gone):
    monkeypatch.setattr(paths, 'check_home', lambda *parts: None)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        elsewhere(place, gone=gone)


@pytest.mark.parametrize(('export', 'here'), [
    ('ip:/a/share-1', True), ('ip:/b/share-1', False),
    ('[2001:db8::1]:/a/share-1', True), ('[2001:db8::1]:/b/share-1', False),
    ('ip:/a//share-1/', True), ('ip:/link/share-1', False),
    # Nothing that a driver of GPFS has made.
    ('ip:/b/other', True), ('ip', True), (None, True)])
def test_where_a_share_was_made(export, here):
    share = Share('1', name='share-1', export_paths=(export,) if export
                  else ())
    if here:
        paths.check_home(share, '/a/share-1')
        return
    with pytest.raises(exception.Conflict, match='gpfs_mount_point_base'):
        paths.check_home(share, '/a/share-1')


@pytest.mark.parametrize('call', ['deny', 'delete', 'ensure and deny'])
@pytest.mark.parametrize(('first', 'then'), [
    ('/gpfs0/shares', '/link/shares'), ('/link/shares', '/gpfs0/shares')])
def test_the_base_is_called_by_its_other_name(place, first, then, call):
    """An export by the first name still lets clients into the share."""
    place.sim.state.links = ('/link',)
    started(place, first)
    manager, lab = place.manager, place.lab
    share, rule = manager.create(), manager.rule(ALICE)
    manager.update(share, add=[rule])
    where = share.export
    assert lab.effective(where, ALICE) == 'rw'
    started(place, then)
    place.driver.check_for_setup_error()
    if call.startswith('ensure'):
        manager.ensure()
        assert share.export == where

    def act():
        if call.endswith('deny'):
            manager.update(share, delete=[rule])
        else:
            place.driver.delete_share(None, manager.row(share))
    with pytest.raises(errors.ManilaException, match='was made at'):
        act()
    assert f'share-{share.id}' in place.sim.state.filesets
    started(place, first)
    place.driver.check_for_setup_error()
    manager.update(share, delete=[rule])
    assert lab.effective(where, ALICE) is None
