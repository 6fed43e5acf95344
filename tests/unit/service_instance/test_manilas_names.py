# SPDX-License-Identifier: Apache-2.0

"""Drivers and subclasses that were written for Manila's own class."""

import io

import pytest

from manila_drivers import exception
from manila_drivers import service_instance
from manila_drivers.service_instance import instances
from tests.unit.service_instance.conftest import SERVER

Manager = service_instance.ServiceInstanceManager


class WindowsLike(Manager):
    """A subclass as Manila has one: it logs in in another way."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.certificate = self.get_config_option('path_to_private_key')
        self.tested = []

    def get_config_option(self, key):
        if key == 'service_instance_flavor_id':
            return 'windows'
        return super().get_config_option(key)

    def _get_service_instance_create_kwargs(self):
        return {'user_data': 'a script, which is no base64',
                'meta': {'admin_pass': 'x'}}

    def _get_new_instance_details(self, server):
        details = super()._get_new_instance_details(server)
        details.update(use_cert_auth='True', ip=server['ip'])
        return details

    def _test_server_connection(self, server):
        self.tested.append(dict(server))
        return len(self.tested) > 2


def info(site):
    return {'server_id': SERVER, 'neutron_net_id': site.sim.tenant.network_id,
            'neutron_subnet_id': site.sim.tenant.subnet_id,
            'security_services': []}


def test_what_a_subclass_overrides_is_asked(site):
    site.sim.add_flavor('windows', 'w')
    managed = site.manager(WindowsLike)
    made = managed.set_up_service_instance(None, info(site))
    server = site.sim.server(made['instance_id'])
    assert server.flavor.id == 'windows'
    assert server.metadata['admin_pass'] == 'x'
    assert made['use_cert_auth'] == 'True'
    assert len(managed.tested) == 3 and managed.tested[0]['ip'] == made['ip']
    assert managed.ensure_service_instance(None, made)
    assert len(managed.tested) == 4
    managed.delete_service_instance(None, made)
    assert site.lasting() == []


@pytest.mark.parametrize('data', ['x', b'x', io.StringIO('x'),
                                  io.BytesIO(b'x')])
def test_user_data_are_encoded_as_novas_client_does(data):
    assert instances.encoded(data) == 'eA=='


def test_a_failure_brings_the_details(site):
    site.sim.spoil('build')
    managed = site.manager()
    with pytest.raises(exception.BackendError) as caught:
        managed.set_up_service_instance(None, info(site))
    details = caught.value.detail_data['server_details']
    assert {'instance_id', 'subnet_id', 'router_id', 'service_port_id'
            } <= set(details)
    managed.delete_service_instance(None, details)
    assert site.lasting() == []


def test_the_calls_of_manilas_class(site):
    managed = site.manager()
    made = managed.set_up_service_instance(None, info(site))
    assert managed.ensure_service_instance(None, made)
    assert not managed.ensure_service_instance(None, {})
    managed.reboot_server(made)
    assert managed.wait_for_instance_to_be_active(
        made['instance_id'], 10).status == 'ACTIVE'
    helper = managed.network_helper
    assert isinstance(helper, service_instance.NeutronNetworkHelper)
    assert isinstance(helper, service_instance.BaseNetworkhelper)
    assert helper.NAME == 'neutron'
    assert helper.use_service_network and not helper.use_admin_port
    assert helper.admin_project_id == site.sim.keystone.project('service').id
    assert helper.get_network_name(info(site)) == 'tenant'
    managed.close()


class SomeDriver:
    def __init__(self, managed, handles):
        self.service_instance_manager = managed
        self.driver_handles_share_servers = handles

    @service_instance.ensure_server
    def extend_share(self, share, size, share_server=None):
        """Extend."""
        return share_server['backend_details']['instance_id']


@pytest.fixture
def driver(site):
    managed = site.manager()
    made = managed.set_up_service_instance(None, info(site))
    driver = SomeDriver(managed, True)
    driver.server = {'id': SERVER, 'backend_details': made}
    return driver


def test_a_call_gets_its_server(driver):
    assert driver.extend_share('s', 2, share_server=driver.server) == \
        driver.server['backend_details']['instance_id']
    assert SomeDriver.extend_share.__doc__ == 'Extend.'


@pytest.mark.parametrize(('server', 'words'), [
    (None, 'share network'), ({'id': 'x', 'backend_details': {}},
                              'no details')])
def test_a_call_without_a_server_is_refused(driver, server, words):
    with pytest.raises(exception.InvalidRequest, match=words) as caught:
        driver.extend_share('s', 2, share_server=server)
    assert words in str(caught.value)


def test_a_call_to_a_dead_server_is_refused(site, driver):
    made = driver.server['backend_details']
    site.sim.kill(made['instance_id'])
    begin = site.clock()
    for _ in range(5):
        with pytest.raises(exception.Unreachable,
                           match=made['instance_id']):
            driver.extend_share('s', 2, share_server=driver.server)
    assert site.clock() - begin < 15


def test_a_server_where_there_are_none_is_refused():
    class Common:
        def get_common_server(self):
            return {'backend_details': {'instance_id': 'one'}}

        def require(self, details):
            pass
    driver = SomeDriver(Common(), False)
    with pytest.raises(exception.InvalidRequest, match='not handled'):
        driver.extend_share('s', 2, share_server={'id': 'x'})
    assert driver.extend_share('s', 2) == 'one'
