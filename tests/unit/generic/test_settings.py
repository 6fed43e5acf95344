# SPDX-License-Identifier: Apache-2.0

"""Options are read once, and refused with their names."""

import pytest

from manila_drivers import exception
from manila_drivers.generic import driver
from manila_drivers.generic import opts
from manila_drivers.generic import settings
from manila_drivers.standalone import configuration
from manila_drivers.standalone import options as manila

UPSTREAM = 'manila.share.drivers.helpers.'


def read(tmp_path, **options):
    options = {'driver_handles_share_servers': False, **options}
    path = tmp_path / 'manila.conf'
    path.write_text('[generic]\n' + ''.join(
        f'{name} = {value}\n' for name, value in options.items()))
    conf = configuration.Configuration.from_file(path, 'generic')
    conf.append_config_values(manila.SHARE_OPTS)
    conf.append_config_values(opts.GENERIC_OPTS)
    return settings.read(conf, 'GENERIC', 'host@generic')


def test_the_defaults_are_those_of_manila(tmp_path):
    found = read(tmp_path)

    assert found.helpers == {'NFS': opts.NFS, 'CIFS': opts.CIFS_IP}
    assert found.protocols == ('CIFS', 'NFS')
    assert (found.root, found.fstype) == ('/shares', 'ext4')
    assert found.volume_name % 'x' == 'manila-share-x'
    assert found.snapshot_name % 'x' == 'manila-snapshot-x'
    assert (found.create_timeout, found.extend_timeout,
            found.attach_timeout) == (180.0, 180.0, 120.0)
    assert found.no_reserve
    assert not found.handles_servers


@pytest.mark.parametrize(('helper', 'kind'), [
    ('CIFSHelperIPAccess', opts.CIFS_IP),
    ('CIFSHelperUserAccess', opts.CIFS_USER)])
def test_helpers_of_manila_are_understood(tmp_path, helper, kind):
    for sign in ('=', ':', ' = '):
        found = read(tmp_path, share_helpers=f'cifs{sign}{UPSTREAM}{helper}')
        assert found.helpers == {'CIFS': kind}


def test_both_protocols_are_named_as_in_manila(tmp_path):
    found = read(tmp_path, share_helpers=f'CIFS={UPSTREAM}CIFSHelperUserAccess'
                 f',NFS={UPSTREAM}NFSHelper')
    assert found.helpers == {'CIFS': opts.CIFS_USER, 'NFS': opts.NFS}


@pytest.mark.parametrize(('option', 'value', 'told'), [
    ('share_helpers', f'NFS:{UPSTREAM}GaneshaNFSHelper', 'is no helper'),
    ('share_helpers', f'NFS:{UPSTREAM}CIFSHelperIPAccess', 'does not serve'),
    ('share_helpers', '', 'names no protocol'),
    ('share_helpers', 'NFS', 'is not PROTOCOL=helper'),
    ('share_helpers', f'NFS={UPSTREAM}NFSHelper,nfs:{UPSTREAM}NFSHelper',
     'names NFS twice'),
    ('share_mount_path', 'shares', 'absolute'),
    ('share_mount_path', '/', 'absolute'),
    ('share_mount_path', '/a/../b', 'absolute'),
    ('share_mount_path', '/a b', 'absolute'),
    ('volume_name_template', 'all-alike', 'exactly one'),
    ('volume_name_template', '%s-%s', 'exactly one'),
    ('volume_snapshot_name_template', '%d', 'exactly one')])
def test_what_cannot_be_is_refused(tmp_path, option, value, told):
    with pytest.raises(exception.ConfigurationError, match=told) as failure:
        read(tmp_path, **{option: value})
    assert failure.value.option == option


@pytest.mark.parametrize(('option', 'value'), [
    ('share_volume_fstype', 'btrfs'), ('max_time_to_attach', '0'),
    ('generic_freeze_time', '-1'), ('generic_max_volumes_per_server', '0')])
def test_bounds_are_checked(tmp_path, option, value):
    with pytest.raises(ValueError, match=option):
        read(tmp_path, **{option: value})


def test_a_slash_at_the_end_is_none(tmp_path):
    assert read(tmp_path, share_mount_path='/srv/shares/').root \
        == '/srv/shares'


@pytest.mark.parametrize(('options', 'versions'), [
    ({'driver_handles_share_servers': True}, [4]),
    ({'tenant_net_name_or_ip': '192.0.2.7'}, [4]),
    ({'tenant_net_name_or_ip': '2001:db8::7'}, [6]),
    ({'tenant_net_name_or_ip': 'a-network'}, [4, 6])])
def test_versions_are_those_of_the_addresses_that_clients_mount(
        tmp_path, options, versions):
    path = tmp_path / 'manila.conf'
    path.write_text('[generic]\n' + ''.join(
        f'{name} = {value}\n' for name, value in {
            'driver_handles_share_servers': False, **options}.items()))
    made = driver.GenericShareDriver(
        configuration=configuration.Configuration.from_file(path, 'generic'))
    assert made.get_configured_ip_versions() == versions
    assert made.ipv6_implemented
