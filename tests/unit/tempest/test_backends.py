# SPDX-License-Identifier: Apache-2.0

"""Each backend of a tempest run is configured as a whole."""

import configparser

import pytest

from manila_drivers.testing.simulators.vast import VmsSim
from tests.tempest import backends
from tests.tempest import configs
from tests.tempest import layout


def read(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section='none')
    parser.optionxform = str
    parser.read_string(text)
    return parser


@pytest.fixture(params=backends.BACKENDS)
def backend(request):
    return backends.BACKENDS[request.param]


@pytest.fixture
def place(tmp_path):
    return layout.Layout(tmp_path, tmp_path / 'work', tmp_path / 'bin')


def test_manila_and_tempest_are_told_the_same(backend, place):
    with backend.cluster() as cluster:
        settings = backend.settings(cluster)
        manila = read(configs.manila(place, settings))
        tempest = read(configs.tempest(place, settings, backend.share))
        assert backend.left(cluster, cluster.inventory()) == []
    names = manila['DEFAULT']['enabled_share_backends'].split(',')
    assert ','.join(
        manila[name]['share_backend_name'] for name in names
    ) == tempest['share']['backend_names']
    protocols = manila['DEFAULT']['enabled_share_protocols'].lower()
    assert set(tempest['share']['enable_protocols'].split(',')) <= set(
        protocols.split(','))
    for name in names:
        section = manila[name]
        assert section['share_driver'].startswith('manila_drivers.')
        assert section['driver_handles_share_servers'].lower() == (
            tempest['share']['multitenancy_enabled'])
        assert 'None' not in section.values()
    assert (len(names) > 1) == (tempest['share']['multi_backend'] == 'true')
    assert (tempest['share']['run_revert_to_snapshot_tests'] == 'true') == (
        backend.reverts)
    for section in cluster.sections():
        assert manila[section]['auth_url'].startswith('https://')


def test_what_it_lacks_is_what_tempest_is_told_of(backend, place):
    """A list of skips is read for what is switched off, and only for that."""
    settings = configs.Backends({'alpha': {'share_backend_name': 'ALPHA'}})
    share = read(configs.tempest(place, settings, backend.share))['share']
    protocols = share['enable_protocols'].split(',')
    off = {'servers': share['multitenancy_enabled'],
           'reverts': share['run_revert_to_snapshot_tests'],
           'groups': share['run_share_group_tests'],
           'backends': share['multi_backend'],
           'mounted-snapshots': share['run_mount_snapshot_tests'],
           'managing': share['run_manage_unmanage_tests'],
           **{name: str(name in protocols).lower()
              for name in ('nfs', 'cifs', 'glusterfs')}}
    assert {name for name, told in off.items() if told == 'false'} == set(
        backend.lacks) - {'cifs-addresses', 'snapshot-rules'}


def test_keystone_has_its_keys_in_the_run(place):
    keystone = read(configs.keystone(place))
    for group in ('fernet_tokens', 'credential'):
        assert keystone[group]['key_repository'].startswith(str(place.work))


def test_a_dollar_stays_one(place):
    """oslo.config would take what follows for the name of an option."""
    settings = configs.Backends({'alpha': {
        'share_backend_name': 'ALPHA', 'pattern': r'\d+$', 'none': None}})
    section = read(configs.manila(place, settings))['alpha']
    assert dict(section) == {'share_backend_name': 'ALPHA',
                             'pattern': r'\d+\$'}


def test_what_tests_leave_is_seen_and_what_stays_is_not():
    backend = backends.BACKENDS['vast']
    with backend.cluster() as cluster:
        before = cluster.inventory()
        assert isinstance(cluster.sim, VmsSim)
        cluster.sim.make_directory('/alpha')
        assert backend.left(cluster, before) == []
        cluster.sim.make_directory('/alpha/forgotten')
        [left] = backend.left(cluster, before)
        assert '/alpha/forgotten' in left
