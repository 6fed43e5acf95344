# SPDX-License-Identifier: Apache-2.0

"""Tests: the service's start names each option that is wrong."""

import pytest

from manila_drivers import compat
from manila_drivers.ibm import gpfs
from manila_drivers.ibm.gpfs import execute

BAD = compat.errors.BadConfigurationException


def fails(place, option, call=None):
    with pytest.raises(BAD) as caught:
        (call or place.driver.check_for_setup_error)()
    assert f'Option {option}:' in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(('option', 'options'), [
    ('gpfs_nfs_server_type', {'gpfs_nfs_server_type': 'SMB'}),
    ('gpfs_nfs_server_list', {'gpfs_nfs_server_type': 'KNFS'}),
    ('gpfs_nfs_server_list', {'gpfs_nfs_server_type': 'gnfs'}),
    ('gpfs_nfs_server_list', {'gpfs_nfs_server_type': 'KNFS',
                              'gpfs_nfs_server_list': 'nfs1,-oProxy=x'}),
    ('gpfs_share_helpers', {
        'gpfs_share_helpers': 'CES=manila_drivers.nowhere.Helper'}),
    ('gpfs_share_helpers', {'gpfs_share_helpers': 'CES=os.path.join'}),
    ('gpfs_share_helpers', {'gpfs_share_helpers': 'anything'}),
    ('gpfs_share_helpers', {
        'gpfs_share_helpers': f'CES={__name__}.OldHelper'}),
    ('gpfs_share_export_ip', {'gpfs_share_export_ip': None}),
    ('gpfs_mount_point_base', {'gpfs_mount_point_base': 'relative'}),
    ('gpfs_mount_point_base', {'gpfs_mount_point_base': '/'}),
    ('gpfs_mount_point_base', {'gpfs_mount_point_base': '//gpfs0/a'}),
    ('gpfs_mount_point_base', {'gpfs_mount_point_base': '/gpfs0/a/'}),
    ('gpfs_mount_point_base', {'gpfs_mount_point_base': '/gpfs0/$(id)'}),
    ('gpfs_ssh_login', {'gpfs_ssh_login': None}),
    ('gpfs_ssh_private_key', {'gpfs_ssh_password': None}),
    ('gpfs_ssh_private_key', {'gpfs_ssh_private_key': '/nowhere'}),
    ('gpfs_ssh_use_sudo', {'gpfs_ssh_login': 'manila'}),
    ('gpfs_ssh_known_hosts', {'gpfs_ssh_known_hosts': '/nowhere'}),
    ('gpfs_filesystem', {'gpfs_filesystem': 'a b'}),
    ('gpfs_export_addresses', {'gpfs_export_addresses': 'auto,10.0.0.1'}),
    ('gpfs_export_addresses', {'gpfs_export_addresses': 'auto',
                               'gpfs_nfs_server_type': 'KNFS',
                               'gpfs_nfs_server_list': 'nfs1'})])
def test_options_that_cannot_be(make_place, option, options):
    place = None
    with pytest.raises((BAD, TypeError)) as caught:
        place = make_place(**options)
    assert place is None
    assert f'Option {option}:' in str(caught.value)


class OldHelper(gpfs.NASHelperBase):
    """As for Manila's own driver: it does what ours only plans."""

    def allow_access(self, local_path, share, access_type, access=None):
        self.execute('exportfs', f'{access}:{local_path}')


def test_a_helper_that_lacks_something_is_told_what(make_place):
    with pytest.raises(BAD, match='OldHelper lacks methods of '
                       'NASHelperBase: plan, questions, seen'):
        make_place(gpfs_share_helpers=f'CES={__name__}.OldHelper')


class OwnHelper(gpfs.KNFSHelper):
    """Only the names of options differ."""

    OPTIONS_SPEC = 'own:export_options'


def test_a_helper_of_ones_own(make_place):
    place = make_place(
        'KNFS', gpfs_nfs_server_type='OWN',
        gpfs_share_helpers=f'own={__name__}.OwnHelper')
    place.driver.check_for_setup_error()
    share = place.manager.create()
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    path = '/' + share.export.partition(':/')[2]
    assert {server.access('10.0.0.1', path)
            for server in place.sim.servers.values()} == {'rw'}


@pytest.mark.parametrize('text', [
    'nfs1,nfs2,nfs1', 'nfs1, NFS2 ,nfs2.,nfs2', 'nfs1,,nfs2'])
def test_a_server_that_is_listed_twice_is_one(make_place, text):
    """Else it would be told the same twice at the same moment."""
    place = make_place('KNFS', gpfs_nfs_server_list=text)
    servers = place.driver._backend.helper.servers
    assert [name.lower() for name in servers] == ['nfs1', 'nfs2']
    assert servers == place.driver._backend.settings.servers


def test_two_names_of_one_server_are_refused(make_place):
    place = make_place('KNFS', gpfs_nfs_server_list='127.0.0.1,nfs2')
    execute.check_names(place.driver._backend.helper.servers)
    place = make_place('KNFS', gpfs_nfs_server_list='localhost,127.0.0.1')
    assert 'localhost and 127.0.0.1 are the same host' in fails(
        place, 'gpfs_nfs_server_list')


def test_all_problems_are_told_at_once(make_place):
    with pytest.raises(BAD) as caught:
        make_place(gpfs_share_export_ip=None, gpfs_nfs_server_type='KNFS')
    for option in ('gpfs_share_export_ip', 'gpfs_nfs_server_list'):
        assert f'Option {option}:' in str(caught.value)


def test_what_upstream_calls_the_helpers_is_understood(make_place):
    place = make_place(gpfs_share_helpers='CES:manila.share.drivers.ibm.'
                       'gpfs.CESHelper,KNFS:manila.share.drivers.ibm.gpfs.'
                       'KNFSHelper')
    place.driver.check_for_setup_error()


def test_a_healthy_cluster_starts_in_few_round_trips(place):
    _, trips = place.spent(place.driver.check_for_setup_error)
    assert trips <= 6


def test_quota_is_off(place):
    place.sim.options.quotas = 'user;group'
    assert 'mmchfs gpfs0 -Q yes' in fails(place, 'gpfs_filesystem')


def test_base_is_no_directory(make_place):
    place = make_place(gpfs_mount_point_base='/gpfs0/none')
    fails(place, 'gpfs_mount_point_base')


def test_base_is_not_in_gpfs(make_place):
    place = make_place(gpfs_mount_point_base='/tmp')
    fails(place, 'gpfs_mount_point_base')


def test_wrong_file_system(make_place):
    place = make_place(gpfs_filesystem='gpfs9')
    fails(place, 'gpfs_filesystem')


def test_gpfs_is_down(place):
    place.sim.options.state = 'down'
    with pytest.raises(compat.errors.ShareBackendException, match='down'):
        place.driver.check_for_setup_error()


def test_no_protocol_nodes(place):
    place.sim.options.ces_nfs = False
    fails(place, 'gpfs_nfs_server_type')


@pytest.mark.parametrize(('state', 'told'), [
    ('HEALTHY', False), ('FAILED', True)])
def test_protocol_nodes_that_are_not_well(place, caplog, state, told):
    place.sim.options.ces_state = state
    place.driver.check_for_setup_error()
    assert ('healthy on node1: FAILED' in caplog.text) is told


@pytest.mark.parametrize(('path', 'told'), [
    ('/gpfs0/shares', True), ('/gpfs0', True), ('/gpfs0/shares/x', False),
    ('/gpfs0/shares2', False)])
def test_what_is_above_the_shares_is_not_to_be_exported(
        place, caplog, path, told):
    place.sim.export(path, **{'10.0.0.1': 'ro'})
    place.driver.check_for_setup_error()
    assert (f'also exports {path},' in caplog.text) is told


def test_protocol_nodes_that_nobody_may_ask(place):
    run = place.sim.run
    place.sim.run = lambda words, *more: run(
        ['nothing'] if words[0].endswith('mmces') else words, *more)
    place.driver.check_for_setup_error()




def test_the_management_host_is_down(make_place):
    place = make_place()
    from manila_drivers.testing.simulators import gpfs
    place.lab._trouble.arm(gpfs.Strike('unreachable'), 1, lasting=True)
    fails(place, 'gpfs_management_hosts')


def test_the_package_lists_its_classes_lazily():
    from manila_drivers.ibm import gpfs
    for name in ('GPFSShareDriver', 'NASHelperBase', 'KNFSHelper',
                 'GNFSHelper', 'CESHelper'):
        assert getattr(gpfs, name).__name__ == name
    with pytest.raises(AttributeError):
        gpfs.Nothing  # noqa: B018 - that is the question
