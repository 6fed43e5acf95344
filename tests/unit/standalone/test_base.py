# SPDX-License-Identifier: Apache-2.0

"""The defaults of the base class; tests/compat compares them with Manila's."""

import inspect

import pytest

from manila_drivers.standalone import base
from manila_drivers.standalone import configuration
from manila_drivers.standalone import errors
from manila_drivers.standalone import options


class Plain(base.ShareDriver):
    """The base class in either mode."""

    def __init__(self, servers=False):
        conf = configuration.Configuration(options.SHARE_OPTS, 'alpha')
        conf._conf.set_override('driver_handles_share_servers', servers,
                                'alpha')
        super().__init__((True, False), configuration=conf)


# The calls a driver need not write.  All others say NotImplementedError,
# which Manila takes for "this driver has no such feature".
ANSWERED = {
    'add_ip_version_capability', 'allocate_admin_network',
    'check_for_setup_error', 'choose_share_server_compatible_with_share',
    'choose_share_server_compatible_with_share_group', 'connection_get_info',
    'create_share_group', 'create_share_group_from_share_group_snapshot',
    'create_share_group_snapshot', 'delete_share_group',
    'delete_share_group_snapshot', 'do_setup',
    'get_admin_network_allocations_number', 'get_configured_ip_versions',
    'get_default_filter_function', 'get_default_goodness_function',
    'get_filter_function', 'get_goodness_function',
    'get_optional_share_creation_data', 'get_periodic_hook_data', 'get_pool',
    'get_share_server_pools', 'get_share_stats',
    'migration_check_compatibility', 'setup_server',
    'share_server_migration_check_compatibility', 'teardown_server',
    'transfer_accept', 'unmanage', 'unmanage_snapshot',
    'unmanage_snapshot_with_server', 'unmanage_with_server',
    'update_admin_network_allocation', 'update_share_usage_size',
    # Ask the network plug-in, and first how many addresses are needed.
    'update_network_allocation'}

METHODS = sorted(name for name, value in inspect.getmembers(
    base.ShareDriver, inspect.isfunction) if not name.startswith('_'))


def arguments(method):
    """One None for each argument that has no default."""
    return [None for parameter in inspect.signature(method).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD]


@pytest.mark.parametrize('name', sorted(set(METHODS) - ANSWERED))
def test_what_is_not_written_is_said_so(name):
    method = getattr(Plain(), name)

    with pytest.raises(NotImplementedError):
        method(*arguments(method))


def test_every_answer_is_of_a_method():
    assert set() == ANSWERED - set(METHODS)


@pytest.mark.parametrize('name', [
    'do_setup', 'check_for_setup_error', 'transfer_accept', 'unmanage',
    'unmanage_with_server', 'unmanage_snapshot', 'get_pool',
    'unmanage_snapshot_with_server', 'create_share_group', 'setup_server',
    'delete_share_group', 'teardown_server', 'get_default_filter_function',
    'get_default_goodness_function'])
def test_nothing_to_do_is_none(name):
    method = getattr(Plain(), name)

    assert method(*arguments(method)) is None


def test_migration_is_incompatible():
    plain = Plain()

    for answer in (plain.migration_check_compatibility(None, {}, {}),
                   plain.share_server_migration_check_compatibility(
                       None, {}, '', {}, {}, {})):
        assert answer['compatible'] is False
        assert set(answer.values()) == {False}


LOCATIONS = [{'path': 'a:/user', 'is_admin_only': False},
             {'path': 'a:/admin', 'is_admin_only': True}]


@pytest.mark.parametrize(('proto', 'locations', 'mount', 'mapping'), [
    ('NFS', LOCATIONS, 'mount -vt nfs %(options)s a:/admin %(path)s',
     {'ip': ['nfs']}),
    ('CIFS', LOCATIONS[:1], 'mount -vt cifs %(options)s a:/user %(path)s',
     {'user': ['cifs']}),
    ('HDFS', LOCATIONS[:1], 'mount -vt hdfs %(options)s a:/user %(path)s',
     {})])
def test_mounting(proto, locations, mount, mapping):
    share = {'share_proto': proto, 'export_locations': locations}

    assert Plain().connection_get_info(None, share) == {
        'mount': mount, 'unmount': 'umount -v %(path)s',
        'access_mapping': mapping}


class Plug:
    """A network plug-in that writes down what it is asked."""

    enabled_ip_versions = frozenset({4})

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.asked.append((name, kwargs))


class Serving(Plain):
    """Needs two addresses for a share server, and one for administrators."""

    def __init__(self, needed=2, admin=1):
        self.needed = (needed, admin)
        super().__init__(servers=True)
        self.network_api = Plug()

    def get_network_allocations_number(self):
        return self.needed[0]

    def get_admin_network_allocations_number(self):
        return self.needed[1]

    def _setup_server(self, network_info, metadata=None):
        return {'made_from': network_info}

    def _teardown_server(self, server_details, security_services=None):
        return server_details


def test_addresses_are_asked_for():
    serving = Serving()
    serving._admin_network_api = Plug()

    serving.allocate_network(None, {}, 'net', 'subnet')
    serving.allocate_network(None, {}, 'net', 'subnet', count=5, more=1)
    serving.update_network_allocation(None, {})
    serving.deallocate_network(None, 'v')
    serving.allocate_admin_network(None, {})
    serving.update_admin_network_allocation(None, {})

    places = {'share_network': 'net', 'share_network_subnet': 'subnet'}
    assert serving.network_api.asked == [
        ('allocate_network', {'count': 2, **places}),
        ('allocate_network', {'count': 5, 'more': 1, **places}),
        ('update_network_allocation', {}),
        ('deallocate_network',
         {'share_network': None, 'share_network_subnet': None})]
    assert serving.admin_network_api.asked == [
        ('allocate_network', {'count': 1}),
        ('update_network_allocation', {})]


def test_addresses_that_are_not_needed_are_not_asked_for():
    serving = Serving(0, 0)

    serving.allocate_network(None, {}, 'net', 'subnet')
    serving.allocate_admin_network(None, {})
    serving.deallocate_network(None, 'v')
    serving.update_admin_network_allocation(None, {})

    assert serving.network_api.asked == []


def test_administrators_need_a_network():
    with pytest.raises(errors.NetworkBadConfigurationException):
        Serving().allocate_admin_network(None, {})


def test_share_servers_are_made_and_removed():
    serving = Serving()

    assert serving.setup_server([1], metadata={}) == {'made_from': [1]}
    assert serving.teardown_server(server_details={'a': 1}) == {'a': 1}


SERVERS = [{'id': 'a'}, {'id': 'b'}]


@pytest.mark.parametrize(('servers', 'group', 'chosen'), [
    (SERVERS, None, SERVERS[0]),
    (SERVERS, {'share_server_id': 'b'}, SERVERS[1]),
    (SERVERS, {'share_server_id': 'z'}, None),
    ([], None, None)])
def test_servers_are_chosen(servers, group, chosen):
    assert Plain().choose_share_server_compatible_with_share(
        None, servers, {}, share_group=group,
        encryption_key_ref=None) == chosen


def test_statistics_of_share_servers():
    serving = Serving()
    serving._update_share_stats({'ipv6_support': True})

    stats = serving.get_share_stats()
    assert stats['max_shares_per_share_server'] == -1
    assert stats['max_share_server_size'] == -1
    # The plug-in speaks IPv4 only, whatever the driver says.
    assert (stats['ipv4_support'], stats['ipv6_support']) == (True, False)


def test_ipv6_has_to_be_said():
    plain = Plain()
    plain.ipv6_implemented = True

    with pytest.raises(NotImplementedError):
        plain.get_share_stats(refresh=True)


def test_exceptions_that_do_not_fit_keep_their_template(caplog):
    made = errors.ShareShrinkingPossibleDataLoss(wrong='x')

    assert made.msg == errors.ShareShrinkingPossibleDataLoss.message
    assert 'does not fill' in caplog.text
