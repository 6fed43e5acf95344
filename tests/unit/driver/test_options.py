# SPDX-License-Identifier: Apache-2.0

"""Test what an operator wrote and no driver reads, or what trusts anybody."""

import contextlib
import logging

from oslo_config import cfg
import pytest

from manila_drivers import opts
from manila_drivers.driver import options
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.ibm import gpfs
from manila_drivers.vastdata import driver as vast
from tests.unit.driver import made

VAST = vast.VASTShareDriver
GLUSTER = glusterfs_native.GlusterfsNativeShareDriver
GPFS = gpfs.GPFSShareDriver
PLAIN = 'share_backend_name = ALPHA\ndriver_handles_share_servers = False\n'


def warned(tmp_path, caplog, cls, text, setups=1):
    """Return the warnings of a start, whatever becomes of it."""
    driver = made.make(tmp_path, cls, PLAIN + text)
    with caplog.at_level(logging.WARNING):
        for _ in range(setups):
            with contextlib.suppress(Exception):
                driver.do_setup(None)
    return [record.getMessage() for record in caplog.records
            if record.levelno == logging.WARNING]


@pytest.mark.parametrize(('cls', 'name', 'near'), [
    (VAST, 'vast_vipool_name', 'vast_vippool_name'),
    (VAST, 'vast_ssl_verify', 'vast_ssl_cert_verify'),
    (VAST, 'vsat_mgmt_host', 'vast_mgmt_host'),
    (GLUSTER, 'glusterfs_quotas', 'glusterfs_quota'),
    (GLUSTER, 'glusterfs_volume_patern', 'glusterfs_volume_pattern'),
    (GPFS, 'gpfs_nfs_servers_list', 'gpfs_nfs_server_list'),
    (GPFS, 'knfs_export_option', 'knfs_export_options'),
    (GPFS, 'gpfs_entirely_other_thing', '')])
def test_a_slip_is_told_with_the_nearest_name(tmp_path, caplog, cls, name,
                                              near):
    [told] = [line for line in warned(tmp_path, caplog, cls, f'{name} = 1\n')
              if name in line]
    assert told.startswith('Backend ALPHA: ')
    assert ('Did you mean' in told) == bool(near)
    assert near in told


@pytest.mark.parametrize('cls', [VAST, GLUSTER, GPFS])
def test_options_of_others_are_left_alone(tmp_path, caplog, cls):
    text = """share_driver = somewhere
max_over_subscription_ratio = 3
netapp_login = me
ganesha_config_dir = /etc/ganesha
glusterfs_nfs_server_type = Ganesha
filter_function = 1
"""
    if cls is GLUSTER:
        text += 'glusterfs_native_path_to_private_key = /dev/null\n'
    assert not [line for line in warned(tmp_path, caplog, cls, text)
                if 'no option' in line or 'no effect' in line]


def test_every_option_there_is_is_known():
    for _, group in opts.list_opts():
        names = options.known(group)
        assert options.unread([opt.name for opt in group], names) == {}


def test_it_is_told_once(tmp_path, caplog):
    told = warned(tmp_path, caplog, VAST, 'vast_nonsense = 1\n', setups=3)
    assert len([line for line in told if 'vast_nonsense' in line]) == 1


def test_an_option_in_default_belongs_elsewhere(tmp_path):
    file = tmp_path / 'a.conf'
    file.write_text('[DEFAULT]\nvast_mgmt_host = vms\nverbose = 1\n[A]\n')
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(file)], default_config_dirs=[])

    class Section:
        config_group = 'A'

        def __init__(self):
            self._conf = conf
    [told] = options.warnings(Section(), dict(opts.list_opts())['vast'])
    assert 'vast_mgmt_host in [DEFAULT]' in told


def test_names_in_a_directory_of_files_count_as_well(tmp_path):
    (tmp_path / 'b.conf').write_text('[a]\nvast_tenant = blue\n')
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[str(tmp_path)])
    assert options._sections(conf) == {'a': {'vast_tenant'}}


@pytest.mark.parametrize(('cls', 'option', 'value'), [
    (VAST, 'vast_ssl_cert_verify', 'False'),
    (GLUSTER, 'glusterfs_host_keys', 'accept-new'),
    (GPFS, 'gpfs_ssh_host_key_policy', 'learn')])
def test_trusting_anybody_is_said_at_each_start(tmp_path, caplog, cls, option,
                                                value):
    told = warned(tmp_path, caplog, cls, f'{option} = {value}\n', setups=2)
    assert len([line for line in told if f'{option} = {value}' in line]) == 1
    caplog.clear()
    assert not [line for line in warned(tmp_path, caplog, cls, '')
                if option in line]
