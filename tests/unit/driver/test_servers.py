# SPDX-License-Identifier: Apache-2.0

"""Share servers: what a driver is handed, and what Manila gets back."""

import pathlib

import pytest

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.testing import sample
from tests.unit.driver import made

SERVER = 'a-server'
ROW = {'id': 'a-share', 'share_id': 's', 'size': 1, 'share_proto': 'NFS'}
SERVICES = [
    {'type': 'ldap', 'server': 'ldap.example.org', 'password': 'secret'}]
NETWORK = {
    'server_id': SERVER, 'neutron_net_id': 'n', 'subnet_metadata': None,
    'security_services': SERVICES,
    'network_allocations': [
        {'ip_address': '192.0.2.7', 'cidr': '192.0.2.0/24', 'mtu': 1500,
         'network_type': 'vlan', 'segmentation_id': 7}],
    'admin_network_allocations': [{'ip_address': '198.51.100.7'}]}


def make(tmp_path, handles=True, more=''):
    (tmp_path / 'store').mkdir(exist_ok=True)
    sampled = made.make(
        tmp_path, sample.SampleShareDriver,
        'share_backend_name = ALPHA\n'
        f'driver_handles_share_servers = {handles}\n'
        f'sample_directory = {tmp_path}/store\n{more}')
    sampled.do_setup(None)
    sampled.check_for_setup_error()
    return sampled


def files(tmp_path, kind):
    return sorted(path.name for path in
                  pathlib.Path(tmp_path, 'store', kind).glob('*'))


def server(details):
    return {'id': SERVER, 'backend_details': details}


def test_a_share_lives_on_its_server(tmp_path):
    sampled = make(tmp_path)
    details = sampled.setup_server([NETWORK], metadata={'request_host': 'h'})
    row = server(details)

    assert details == {
        'server_id': SERVER, 'ip': '192.0.2.7', 'admin_ip': '198.51.100.7',
        'port': details['port'], 'services': 'ldap:ldap.example.org'}
    [location] = sampled.create_share(None, ROW, share_server=row)
    assert location['path'] == '192.0.2.7:/a-share'
    assert sampled.update_access(
        None, ROW, [{'access_id': 'r', 'access_type': 'user',
                     'access_to': 'u', 'access_level': 'rw'}],
        share_server=row) == {'r': {'state': 'error'}}
    sampled.extend_share(ROW, 2, share_server=row)
    [answer] = sampled.ensure_shares(
        None, [{**ROW, 'share_server': row}]).values()
    assert answer['export_locations'] == [location]
    assert sampled.update_share_usage_size(None, [ROW])[0]['id'] == 'a-share'
    sampled.delete_share(None, ROW, share_server=row)
    with pytest.raises(compat.errors.ShareBackendException):
        sampled.teardown_server(server_details=details, security_services=[])
    sampled.teardown_server(server_details=details,
                            security_services=SERVICES)
    assert [files(tmp_path, kind) for kind in (
        'shares', 'servers', 'ports')] == [[], [], []]


def test_a_call_on_another_server_is_refused(tmp_path):
    """The server of each call counts, and not the one of the creation."""
    sampled = make(tmp_path)
    row = server(sampled.setup_server([NETWORK]))
    sampled.create_share(None, ROW, share_server=row)

    for wrong in (None, {'id': 'another'}):
        with pytest.raises(compat.errors.ShareBackendException):
            sampled.extend_share(ROW, 2, share_server=wrong)


def test_without_share_servers(tmp_path):
    sampled = make(tmp_path, handles=False)

    assert sampled.setup_server([NETWORK]) is None
    [location] = sampled.create_share(None, ROW)
    assert location['path'] == '127.0.0.1:/a-share'
    assert 'max_share_server_size' not in sampled.get_share_stats(True)


def test_an_unfinished_set_up_is_torn_down_by_its_details(tmp_path):
    sampled = make(tmp_path)
    pathlib.Path(tmp_path, 'store', 'broken').touch()
    with pytest.raises(compat.errors.ShareBackendException) as failure:
        sampled.setup_server([NETWORK])
    details = failure.value.detail_data['server_details']

    assert details['server_id'] == SERVER
    assert [details['port']] == files(tmp_path, 'ports')
    sampled.teardown_server({}, [])
    assert files(tmp_path, 'ports'), 'nothing but the details tells of it'
    sampled.teardown_server(details, SERVICES)
    assert files(tmp_path, 'ports') == []


class Failing:
    """Enters a detail, and fails with what it is given."""

    def __init__(self, failure):
        self.failure = failure

    def create(self, request, made):
        made.update(port=7, nothing=None)
        raise self.failure


@pytest.mark.parametrize(('failure', 'seen'), [
    (exception.BackendError('x'), 'ShareBackendException'),
    (exception.InvalidRequest('x'), 'NetworkBadConfigurationException'),
    (KeyError('a bug'), 'KeyError')])
def test_whatever_fails_brings_the_details(tmp_path, failure, seen):
    sampled = make(tmp_path)
    sampled._backend.servers = Failing(failure)
    with pytest.raises(Exception, match=r'x|bug') as raised:
        sampled.setup_server([NETWORK])

    assert type(raised.value).__name__ == seen
    assert raised.value.detail_data == {'server_details': {
        'server_id': SERVER, 'port': '7'}}


def test_a_server_without_a_subnet_is_refused(tmp_path):
    with pytest.raises(compat.errors.NetworkBadConfigurationException,
                       match='no subnet'):
        make(tmp_path).setup_server([])


def test_a_backend_without_servers_says_so(tmp_path):
    sampled = make(tmp_path)
    del sampled._backend.servers

    with pytest.raises(NotImplementedError):
        sampled.setup_server([NETWORK])
    with pytest.raises(NotImplementedError):
        sampled.unmanage_server({})


def test_a_server_that_does_not_suit_is_not_chosen(tmp_path):
    sampled = make(tmp_path)
    sampled.setup_server([NETWORK])
    rows = [{'id': 'unknown'}, server({})]

    def choose(servers, **more):
        return sampled.choose_share_server_compatible_with_share(
            None, servers, ROW, snapshot=None, encryption_key_ref=None,
            **more)

    assert choose(rows) == rows[1]
    assert choose(rows[:1]) is None
    assert choose([]) is None
    assert choose(rows, share_group={'share_server_id': 'unknown'}) is None


class Recording:
    """Remembers what it is asked, and agrees."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        def ask(*arguments):
            self.asked.append((name, *arguments))
            return {}
        return ask

    def suits(self, server, call):
        self.asked.append(('suits', server.id, call.share.id, call.server,
                           call.context))
        return True


def test_everything_that_manila_says_arrives(tmp_path, monkeypatch):
    sampled = make(tmp_path)
    sampled._backend.servers = recording = Recording()
    chosen = []
    monkeypatch.setattr(
        compat.BaseShareDriver, 'choose_share_server_compatible_with_share',
        lambda self, *args, **more: chosen.append((*args, more)))
    row = {'id': 'r', 'backend_details': {'a': 'b'}}
    server = model.ShareServer.of(row)

    sampled.setup_server([NETWORK], metadata={'request_host': 'h'})
    sampled.choose_share_server_compatible_with_share(
        'context', [row], ROW, snapshot='snapshot', share_group='group')
    sampled.get_share_server_network_info(None, row, 'name', {'k': 'v'})
    sampled.get_share_server_network_info(None, row, 'name', None)
    sampled.manage_server(None, row, 'name', {'k': 'v'})
    sampled.manage_server(None, row, 'name', None)
    sampled.unmanage_server({'a': 'b'})
    sampled.unmanage_server(None)

    assert recording.asked.pop(0)[1].metadata == {'request_host': 'h'}
    assert recording.asked == [
        ('suits', 'r', 'a-share', None, 'context'),
        ('addresses', server, 'name', {'k': 'v'}),
        ('addresses', server, 'name', {}),
        ('adopt', server, 'name', {'k': 'v'}), ('adopt', server, 'name', {}),
        ('release', {'a': 'b'}), ('release', {})]
    assert chosen == [('context', [row], ROW, {
        'snapshot': 'snapshot', 'share_group': 'group'})]


def test_a_server_is_managed_and_let_go(tmp_path):
    sampled = make(tmp_path)
    row = server(sampled.setup_server([NETWORK]))
    sampled.create_share(None, ROW, share_server=row)
    sampled.unmanage_with_server(ROW, row)
    sampled.unmanage_server(row['backend_details'], [])
    new = {'id': 'new-server'}

    assert sampled.get_share_server_network_info(
        None, new, SERVER, {}) == ['192.0.2.7', '198.51.100.7']
    identifier, details = sampled.manage_server(None, new, SERVER, {})
    assert (identifier, details['server_id']) == (SERVER, 'new-server')
    adopted = {**ROW, 'id': 'b-share', 'export_locations': [
        {'path': '192.0.2.7:/a-share'}]}
    new = {**new, 'backend_details': details}
    assert sampled.manage_existing_with_server(
        adopted, {}, share_server=new)['size'] == 1
    sampled.extend_share(adopted, 3, share_server=new)
    with pytest.raises(compat.errors.ManageShareServerError):
        sampled.manage_server(None, new, 'unknown', {})


def test_snapshots_know_the_server(tmp_path):
    sampled = make(tmp_path)
    row = server(sampled.setup_server([NETWORK]))
    sampled.create_share(None, ROW, share_server=row)
    snapshot = {'id': 'a-snapshot', 'share_instance_id': 'a-share',
                'share_name': 'share-a-share'}
    taken = sampled.create_snapshot(None, snapshot, share_server=row)
    snapshot |= taken
    clone = {**ROW, 'id': 'clone'}

    assert taken == {'provider_location': 'a-snapshot'}
    assert sampled.create_share_from_snapshot(
        None, clone, snapshot, share_server=row,
        parent_share=ROW)['status'] == 'available'
    assert sampled.manage_existing_snapshot_with_server(
        snapshot, {}, share_server=row) == {'size': 1}
    sampled.unmanage_snapshot_with_server(snapshot, row)
    sampled.delete_snapshot(None, snapshot, share_server=row)
    with pytest.raises(NotImplementedError):
        sampled.revert_to_snapshot(None, snapshot, [], [], share_server=row)
    value = model.Snapshot.of(snapshot, ROW, row)
    assert (value.server.id, value.share_name) == (SERVER, 'share-a-share')


def test_limits_of_servers_are_reported(tmp_path):
    sampled = make(tmp_path, more='max_shares_per_share_server = 3\n')
    answered = sampled.get_share_stats(refresh=True)
    assert (answered['max_shares_per_share_server'],
            answered['max_share_server_size']) == (3, -1)

    again = make(tmp_path, more='max_share_server_size = 50\n')
    again._backend.stats = None
    unasked = again.get_share_stats(refresh=True)
    assert (unasked['max_shares_per_share_server'],
            unasked['max_share_server_size']) == (-1, 50)


def test_the_numbers_of_addresses_are_constants(tmp_path):
    sampled = make(tmp_path)

    assert sampled.get_network_allocations_number() == 1
    assert sampled.get_admin_network_allocations_number() == 1
    assert made.make(tmp_path, made.Pooled,
                     ).get_network_allocations_number() == 0


def test_values_say_no_secret():
    request = model.ServerRequest.of(
        [NETWORK], {'application_credential_secret': 'secret'})
    [network] = request.networks
    [address] = network.allocations

    assert (address.segmentation_id, address.mtu) == (7, 1500)
    assert network.admin_allocations[0].ip_address == '198.51.100.7'
    assert request.security_services[0].password == 'secret'
    assert 'secret' not in repr(request)
    assert 'secret' not in repr(model.ShareServer.of(
        server({'security_service_ldap': 'secret'})))


class Typed(driver.ShareDriver):
    """Counts how often extra specs are read."""

    reads = 0

    def extra_specs(self, share):
        self.reads += 1
        if share['share_type_id'] == 'lost':
            raise ValueError('no database')
        return {'of': share['share_type_id']}


def test_each_type_is_read_once(tmp_path, caplog):
    typed = made.make(tmp_path, Typed)
    calls = typed._calls([{'id': str(number), 'share_type_id': kind}
                          for number, kind in enumerate(
                              ['a', 'lost', 'a', 'lost', 'b'])])

    assert [call.specs_or_none() for call in calls] == [
        {'of': 'a'}, None, {'of': 'a'}, None, {'of': 'b'}]
    assert typed.reads == 3
    assert caplog.text.count(
        'specs of share 1 cannot be read: no database') == 1
    with pytest.raises(exception.DriverError, match='no database'):
        calls[1].specs()


def test_specs_are_read_when_they_are_asked_for(tmp_path):
    typed = made.make(tmp_path, Typed)
    call = typed._call({'id': 'x', 'share_type_id': 'lost'})

    assert (typed.reads, call.server) == (0, None)
