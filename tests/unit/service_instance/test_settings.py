# SPDX-License-Identifier: Apache-2.0

"""Options: names and defaults of Manila's, and what is refused."""

import pytest

from manila_drivers import exception
from manila_drivers import service_instance
from manila_drivers.service_instance import opts
from manila_drivers.service_instance import settings

WRONG = [
    ('service_instance_user', {'service_instance_user': None}),
    ('path_to_private_key', {'path_to_private_key': None}),
    ('path_to_private_key', {'path_to_private_key': '/nowhere/key'}),
    ('service_network_cidr', {'service_network_cidr': '10.254.0.1/16'}),
    ('service_network_cidr', {'service_network_cidr': 'fd00::/64'}),
    ('service_network_division_mask',
     {'service_network_cidr': '10.0.0.0/29',
      'service_network_division_mask': 28}),
    ('service_network_division_mask', {'service_network_division_mask': 30}),
    ('interface_driver', {'interface_driver': 'some.where.VLANDriver'}),
    ('admin_subnet_id', {'admin_network_id': 'x'}),
    ('admin_network_id', {'admin_subnet_id': 'x'}),
    ('limit_ssh_access', {'limit_ssh_access': True, 'admin_network_id': 'x',
                          'admin_subnet_id': 'y',
                          'connect_share_server_to_tenant_network': True}),
    ('service_network_host', {'service_network_host': None}),
    ('service_instance_name_template',
     {'service_instance_name_template': 'fixed'}),
    ('service_instance_name_template',
     {'service_instance_name_template': '%s-%s'}),
    ('service_instance_boot_volume_name_template',
     {'service_instance_boot_from_volume': True,
      'service_instance_boot_volume_name_template': 'boot'}),
    ('service_image_name', {'service_image_name': ''}),
    ('service_network_name', {'service_network_name': ''}),
    ('service_instance_flavor_id', {'service_instance_flavor_id': ''})]
SHARED = {'driver_handles_share_servers': False,
          'service_instance_name_or_id': 'shares',
          'service_net_name_or_ip': 'manila_service_network',
          'tenant_net_name_or_ip': 'Public Net'}


@pytest.mark.parametrize(('option', 'values'), WRONG)
def test_what_is_wrong_is_named(site, option, values):
    with pytest.raises(exception.ConfigurationError) as caught:
        site.manager(**values)
    assert caught.value.option == option


@pytest.mark.parametrize('option', [
    each for each in SHARED if each != 'driver_handles_share_servers'])
def test_what_is_missing_in_the_other_mode(site, option):
    with pytest.raises(exception.ConfigurationError) as caught:
        site.manager(**{**SHARED, option: None})
    assert caught.value.option == option


def test_names_of_networks_may_have_any_character(site):
    found = site.manager(**SHARED).settings.common
    assert found.service_address == 'manila_service_network'
    assert found.tenant_address == 'Public Net'


def test_a_public_key_that_is_none(site):
    site.public.write_text('-----BEGIN OPENSSH PRIVATE KEY-----\n')
    with pytest.raises(exception.ConfigurationError) as caught:
        site.manager()
    assert caught.value.option == 'path_to_public_key'


@pytest.mark.parametrize(('path', 'kind'), [
    ('manila.network.linux.interface.OVSInterfaceDriver', 'ovs'),
    ('manila.network.linux.interface.BridgeInterfaceDriver', 'bridge'),
    ('manila.network.linux.interface.NoopInterfaceDriver', 'noop'),
    ('OVSInterfaceDriver', 'ovs')])
def test_paths_of_manilas_classes_are_understood(site, path, kind):
    assert site.manager(interface_driver=path).settings.network.interface \
        == kind


@pytest.mark.parametrize(('more', 'parts', 'service', 'router'), [
    ({}, ('service',), True, True),
    ({'admin_network_id': 'a', 'admin_subnet_id': 'b'},
     ('service', 'admin'), True, True),
    ({'connect_share_server_to_tenant_network': True},
     ('public', 'service'), True, False),
    ({'connect_share_server_to_tenant_network': True,
      'admin_network_id': 'a', 'admin_subnet_id': 'b'},
     ('public', 'admin'), False, False)])
def test_topologies(site, more, parts, service, router):
    found = site.manager(**more).settings.network
    assert (found.parts, found.use_service_network, found.use_router) == (
        parts, service, router)


def test_no_secret_shows(site):
    managed = site.manager(service_instance_password='hush-hush')
    assert 'hush' not in repr(managed.settings)
    assert {each.name for each in opts.SERVICE_INSTANCE_OPTS
            if each.secret} == {settings.PASSWORD}


def test_a_key_that_is_not_there_is_done_without_if_there_is_a_password(
        site, caplog):
    found = site.manager(path_to_private_key='/nowhere/key',
                         service_instance_password='x').settings
    assert found.login.key_file == '' and found.instances.public_key == ''
    assert '/nowhere/key' in caplog.text


def test_lists_of_options_have_the_names_that_drivers_import():
    both = {each.name for each in service_instance.common_opts}
    made = {each.name for each in
            service_instance.share_servers_handling_mode_opts}
    one = {each.name for each in
           service_instance.no_share_servers_handling_mode_opts}
    assert both >= {
        'service_instance_user', 'service_instance_password',
        'path_to_private_key', 'max_time_to_build_instance',
        'limit_ssh_access'}
    assert one == {'service_instance_name_or_id', 'service_net_name_or_ip',
                   'tenant_net_name_or_ip'}
    assert {each.name: each.default for each in
            service_instance.share_servers_handling_mode_opts} == {
        'service_image_name': 'manila-service-image',
        'service_instance_name_template': '%s',
        'manila_service_keypair_name': 'manila-service',
        'path_to_public_key': '~/.ssh/id_rsa.pub',
        'service_instance_security_group': 'manila-service',
        'service_instance_flavor_id': '100',
        'service_network_name': 'manila_service_network',
        'service_network_host': None,
        'service_network_cidr': '10.254.0.0/16',
        'service_network_division_mask': 28,
        'interface_driver':
            'manila.network.linux.interface.OVSInterfaceDriver',
        'ovs_integration_bridge': 'br-int',
        'connect_share_server_to_tenant_network': False,
        'admin_network_id': None, 'admin_subnet_id': None,
        'service_instance_boot_from_volume': False,
        'service_instance_boot_volume_size': 10,
        'service_instance_boot_volume_type': None,
        'service_instance_base_boot_volume_id': None,
        'service_instance_boot_volume_delete_on_termination': True,
        'service_instance_boot_volume_name_template':
            'manila-share-%s-boot'}
    assert not both & made and not both & one and not made & one


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match='Nothing'):
        _ = service_instance.Nothing
    assert 'ServiceInstanceManager' in dir(service_instance)
