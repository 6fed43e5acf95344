# SPDX-License-Identifier: Apache-2.0

"""Tests: untold is not known, and two names can be of one thing."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.model import GiB
from manila_drivers.transport import command

errors = compat.errors
Result = command.Result


def exported(place, level):
    unmanaged = place.lab.make_unmanaged('by-hand')
    path = unmanaged.export.partition(':')[2]
    place.sim.export(path, **{'10.0.0.1': level})
    return unmanaged, path


@pytest.mark.parametrize('left_out', [(), ('Access_Type',)])
@pytest.mark.parametrize('plain', [True, False])
def test_a_list_without_levels_is_no_list_of_no_access(place, left_out,
                                                       plain):
    """Somebody may write there while it becomes a share."""
    place.sim.options.plain_list = plain
    place.sim.options.left_out = left_out
    unmanaged, _ = exported(place, 'rw')
    with pytest.raises(errors.ManageInvalidShare, match='is exported'):
        place.manager.manage(unmanaged)


def test_details_are_asked_for_where_a_plain_list_has_none(place):
    place.sim.options.plain_list = True
    unmanaged, _ = exported(place, 'none')
    share = place.manager.manage(unmanaged)
    other = place.manager.create()
    place.manager.update(other, add=[place.manager.rule('10.0.0.7')])
    place.manager.update(share, add=[place.manager.rule('10.0.0.7')])
    place.driver.check_for_setup_error()
    before = place.sim.count()
    assert 'reapply_access_rules' not in str(place.manager.ensure())
    assert place.sim.count() - before == 4


@pytest.mark.parametrize('text', ['', '-', 'WHATEVER'])
def test_a_level_that_is_not_understood_may_be_any(place, text):
    unmanaged, path = exported(place, 'none')
    (client,) = place.sim.state.exports[path]
    client.options['access_type'] = text
    with pytest.raises(errors.ManageInvalidShare, match='is exported'):
        place.manager.manage(unmanaged)
    assert ces_list.levels_of([ces_list.CesClient('*', None, ces_list.UNTOLD,
                                              {})])


def listing(name, /, **columns):
    return Result(
        f'{name}::HEADER:version:reserved:reserved:'
        f'{":".join(columns)}:\n{name}::0:1:::'
        f'{":".join(columns.values())}:\n', '', 0)


FILESET = {'filesetName': 'a', 'status': 'Linked', 'path': '/b/a',
           'comment': '', 'afmTarget': '-', 'isInodeSpaceOwner': '1'}
SNAPSHOT = {'directory': 's', 'status': 'Valid', 'fileset': 'a'}
QUOTA = {'quotaType': 'FILESET', 'name': 'a', 'blockUsage': '1',
         'blockLimit': '2', 'blockInDoubt': '0'}


def asked(name):
    return command.Command.of(f'/usr/lpp/mmfs/bin/{name}')


@pytest.mark.parametrize('column', ['filesetName', 'status', 'path',
                                    'comment'])
def test_a_fileset_of_which_something_is_not_told(column):
    less = {key: value for key, value in FILESET.items() if key != column}
    with pytest.raises(exception.BackendError, match=column.lower()):
        records.fileset(asked('mmlsfileset'),
                        listing('mmlsfileset', **less), 'a')


@pytest.mark.parametrize(('column', 'text'), [
    ('status', ''), ('status', '-'), ('status', 'Whatever'),
    ('path', '--'), ('path', '')])
def test_a_fileset_of_which_something_is_not_understood(column, text):
    """It is an error for that one, and none for the others of a list."""
    result = listing('mmlsfileset', **{**FILESET, column: text})
    with pytest.raises(exception.BackendError, match='not understood'):
        records.fileset(asked('mmlsfileset'), result, 'a')
    assert records.filesets(asked('mmlsfileset'), result)[0].doubt


def test_a_fileset_whose_afm_is_not_told():
    less = {key: value for key, value in FILESET.items()
            if key != 'afmTarget'}
    assert records.fileset(asked('mmlsfileset'), listing(
        'mmlsfileset', **less), 'a').afm is None


@pytest.mark.parametrize('column', list(SNAPSHOT))
def test_a_snapshot_of_which_something_is_not_told(column):
    less = {key: value for key, value in SNAPSHOT.items() if key != column}
    with pytest.raises(exception.BackendError, match=column):
        records.snapshots(asked('mmlssnapshot'),
                          listing('mmlssnapshot', **less), 'a')


@pytest.mark.parametrize('column', ['quotaType', 'name', 'blockUsage',
                                    'blockLimit'])
def test_a_quota_of_which_something_is_not_told(column):
    less = {key: value for key, value in QUOTA.items() if key != column}
    with pytest.raises(exception.BackendError, match=column.lower()):
        records.quotas(asked('mmlsquota'), listing('mmlsquota', **less))


def test_doubt_that_is_not_told_is_not_none():
    less = {key: value for key, value in QUOTA.items()
            if key != 'blockInDoubt'}
    quota, = records.quotas(asked('mmlsquota'), listing(
        'mmlsquota', **less)).values()
    assert quota.most is None


@pytest.mark.parametrize('status', ['', '-', 'Whatever'])
def test_a_snapshot_in_an_unknown_state_is_not_made_anew(place, status):
    """It may be whole, and hold what nothing else does."""
    share = place.manager.create()
    snapshot = place.manager.new_snapshot(share)
    place.manager.create_snapshot(share, snapshot)
    found, = place.sim.state.filesets[f'share-{share.id}'].snapshots.values()
    found.status = status
    with pytest.raises(errors.ManilaException, match='not told'):
        place.manager.create_snapshot(share, snapshot)
    assert list(place.sim.state.filesets[
        f'share-{share.id}'].snapshots.values()) == [found]
    found.status = 'DeleteRequired'
    place.manager.create_snapshot(share, snapshot)


def test_replicas_that_are_not_told_are_not_one(place):
    """Quotas would be half of what they have to be."""
    run = place.sim.run

    def silent(words, *more):
        result = run(words, *more)
        return Result(result.stdout.replace(
            'defaultDataReplicas:1:', 'defaultDataReplicas:-:'),
            result.stderr, result.status)

    place.sim.run = silent
    with pytest.raises(errors.ManilaException, match='replicas'):
        place.driver.check_for_setup_error()


# Names

def a_life(place, others=0):
    place.driver.check_for_setup_error()
    manager, lab = place.manager, place.lab
    share = manager.create(size=2)
    rule = manager.rule('10.0.0.1')
    manager.update(share, add=[rule])
    assert lab.effective(share.export, '10.0.0.1') == 'rw'
    for new_process in False, True:
        if new_process:
            manager.restart()
        manager.ensure()
        assert share.status == 'available'
    lab.write(share.export, GiB)
    snapshot = manager.create_snapshot(share)
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=3), snapshot)
    manager.finish_clone(clone)
    manager.restart()
    manager.delete(clone)
    manager.delete_snapshot(snapshot)
    manager.delete(share)
    assert len(place.sim.state.filesets) == 1 + others


def test_a_base_that_is_reached_through_a_link(make_place):
    place = make_place(gpfs_mount_point_base='/link/shares')
    place.sim.state.links = ('/link',)
    a_life(place)


def test_a_base_at_another_mount_point(make_place):
    place = make_place(gpfs_mount_point_base='/elsewhere/shares')
    place.sim.state.mounted = '/elsewhere'
    a_life(place)


@pytest.mark.parametrize('told', ['/', ''])
def test_a_base_of_which_gpfs_has_no_name_is_refused(make_place, told):
    """Each share would be in error once it is checked."""
    place = make_place(gpfs_filesystem='gpfs0',
                       gpfs_mount_point_base='/elsewhere/shares')
    place.sim.state.mounted = '/elsewhere'
    run = place.sim.run

    def answered(words, *more):
        if '%m' in words:
            return Result(told + '\n', '', 0) if told else Result('', '', 1)
        return run(words, *more)
    place.sim.run = answered
    with pytest.raises(errors.ManilaException, match=(
            'gpfs_mount_point_base: is /elsewhere/shares without links, '
            'which is not below /gpfs0')):
        place.driver.check_for_setup_error()


@pytest.mark.parametrize(('real', 'mount', 'default', 'name'), [
    ('/gpfs0/shares', '/gpfs0', '/gpfs0', '/gpfs0/shares'),
    # Where it is mounted is not told, or told by another mount of it.
    ('/gpfs0/shares', '', '/gpfs0', '/gpfs0/shares'),
    ('/gpfs0/shares', '/elsewhere', '/gpfs0', '/gpfs0/shares'),
    # GPFS does not say where it has it.
    ('/elsewhere/shares', '/elsewhere', '', '/elsewhere/shares'),
    ('/elsewhere/shares', '/elsewhere', 'automount', '/elsewhere/shares'),
    # Mounted elsewhere.
    ('/elsewhere/shares', '/elsewhere', '/gpfs0', '/gpfs0/shares'),
    ('/elsewhere/shares', '/elsewhere/', '/gpfs0/', '/gpfs0/shares'),
    ('/elsewhere', '/elsewhere', '/gpfs0', '/gpfs0'),
    ('/gpfs01/shares', '/gpfs01', '/gpfs0', '/gpfs0/shares'),
    # In another file system, or nobody knows.
    ('/srv/shares', '/', '/gpfs0', None),
    ('/srv/shares', '', '/gpfs0', None),
    ('/srv/shares', '/elsewhere', '/gpfs0', None),
    ('/elsewhere2/shares', '/elsewhere', '/gpfs0', None),
    ('/gpfs01/shares', '/gpfs0', '/gpfs0', None)])
def test_what_gpfs_calls_the_base(real, mount, default, name):
    if name is not None:
        assert records.name_of_base(real, mount, default) == name
        return
    with pytest.raises(exception.ConfigurationError,
                       match=f'gpfs_mount_point_base.* {real} '):
        records.name_of_base(real, mount, default)


# Hosts

def test_gpfs_is_serviced_on_the_first_host(make_place):
    """All goes on on the second one, and a new process starts."""
    place = make_place(gpfs_management_hosts='n1,n2')
    share = place.manager.create()
    place.sim.options.down_nodes = ('n1',)
    a_life(place, others=1)
    place.manager.restart()
    a_life(place, others=1)
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'
    place.sim.options.down_nodes = ('n2',)
    place.manager.delete(share)


def test_gpfs_goes_down_in_the_middle(make_place):
    """Work begun on the first host is ended on the second."""
    place = make_place(gpfs_management_hosts='n1,n2')
    run = place.sim.run

    def going_down(words, stdin='', host=''):
        if words[0].endswith('mmlinkfileset') and host == 'n1':
            place.sim.options.down_nodes = ('n1',)
        return run(words, stdin, host)

    place.sim.run = going_down
    share = place.manager.create()
    assert place.sim.state.filesets[f'share-{share.id}'].path


def test_gpfs_that_is_down_everywhere_is_told(make_place):
    place = make_place(gpfs_management_hosts='n1,n2')
    place.sim.options.down_nodes = ('n1', 'n2')
    with pytest.raises(errors.ManilaException, match='not active'):
        place.driver.check_for_setup_error()
    with pytest.raises(errors.ManilaException, match='down'):
        place.manager.create()


# Starts

@pytest.mark.parametrize('kind', ['CES', 'KNFS', 'GNFS'])
@pytest.mark.parametrize('trip', [1, 2])
def test_a_start_that_could_not_ask_is_made_up_for(make_place, kind, trip):
    """A list fails once; the shares are looked at with the statistics."""
    place = make_place(kind)
    share = place.manager.create(size=2)
    place.manager.restart()
    place.driver.check_for_setup_error()
    told = place.driver.get_backend_info(None)
    fileset = place.sim.state.filesets[f'share-{share.id}']
    fileset.limit_kib = 1
    run = place.sim.run

    def failing(words, *more):
        if words[0].endswith(('mmlsfileset', 'mmrepquota')[trip - 1]):
            place.sim.run = run
            return Result('', 'no\n', 1)
        return run(words, *more)

    place.sim.run = failing
    place.manager.ensure()
    assert fileset.limit_kib == 1
    assert place.driver.get_backend_info(None) != told
    place.lab.advance(60)
    place.manager.stats()
    assert fileset.limit_kib == 2 * 1024 ** 2


def test_a_start_never_lowers_a_quota_below_what_is_used(place):
    share = place.manager.create(size=1)
    fileset = place.sim.state.filesets[f'share-{share.id}']
    fileset.limit_kib = 8 * 1024 ** 2
    place.lab.write(share.export, 4 * GiB)
    place.manager.ensure()
    assert fileset.limit_kib == 8 * 1024 ** 2
    place.lab.write(share.export, 1)
    place.manager.ensure()
    assert fileset.limit_kib == 1024 ** 2


def test_a_share_that_grew_during_a_start_stays_so(place):
    """Manila's rows were read before."""
    share = place.manager.create(size=1)
    row = place.manager.row(share)
    place.manager.resize(share, 4)
    place.driver.ensure_shares(None, [row])
    fileset = place.sim.state.filesets[f'share-{share.id}']
    assert fileset.limit_kib == 4 * 1024 ** 2


@pytest.mark.parametrize('method', ['ShowExports', 'Introspect'])
@pytest.mark.parametrize('first', [1, 2])
def test_a_ganesha_that_answers_nothing_has_no_empty_list(make_place, method,
                                                          first):
    """Clients that are turned out would stay in."""
    place = make_place('GNFS')
    share = place.manager.create()
    alice = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[alice])
    server = place.sim.servers['nfs1']
    special, seen = server.special, []

    def half(words, stdin):
        if words[0] == 'dbus-send' and words[5].endswith(method):
            seen.append(words)
            if len(seen) >= first:
                return Result('', '', 0)
        return special(words, stdin)

    server.special = half
    with pytest.raises(errors.ShareBackendException, match='nfs1'):
        place.manager.update(share, delete=[alice])
    server.special = special
    place.manager.update(share, delete=[alice])
    assert place.lab.effective(share.export, '10.0.0.1') is None


@pytest.mark.parametrize('result', [
    Result('', '', 0), Result('', 'grep: Permission denied\n', 2)])
@pytest.mark.parametrize('first', [1, 2])
def test_etab_that_cannot_be_read_is_not_empty(make_place, result, first):
    """Neither before a change nor behind it."""
    place = make_place('KNFS')
    share = place.manager.create()
    alice = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[alice])
    server = place.sim.servers['nfs1']
    run, seen = server.files.command, []

    def unread(words, stdin=''):
        if words[-1] == '/var/lib/nfs/etab':
            seen.append(words)
            if len(seen) >= first:
                return result
        return run(words, stdin)

    server.files.command = unread
    with pytest.raises(errors.ShareBackendException, match='nfs1'):
        place.manager.update(share, delete=[alice])
    server.files.command = run
    place.manager.update(share, delete=[alice])
    assert place.lab.effective(share.export, '10.0.0.1') is None
