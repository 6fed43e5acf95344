# SPDX-License-Identifier: Apache-2.0

"""The life of share servers through Manila's API.

For a driver with driver_handles_share_servers = True on the sample backend,
with ``LIMIT`` shares on a server at most.  `whole` runs all of it.
"""

from manila_drivers.testing.backends import sample
from manila_drivers.testing.manila import copies
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila.client import Row
from manila_drivers.testing.manila.journal import expect

LIMIT = 2

#: A directory service that the shares' network has.
LDAP = {'server': 'ldap.example.org', 'user': 'manila',
        'password': 'of-the-directory'}

PLUGIN = 'standalone_network_plugin_'
#: Sections with networks of Manila's own: no Neutron is asked.
NETWORKS = {name: {
    'network_api_class': 'manila.network.%s.StandaloneNetworkPlugin'
                         % PLUGIN.rstrip('_'),
    'network_plugin_ipv4_enabled': True,
    PLUGIN + 'gateway': gateway, PLUGIN + 'mask': '24',
    PLUGIN + 'network_type': 'vlan', PLUGIN + 'segmentation_id': vlan}
    for name, gateway, vlan in (('tenants', '192.0.2.1', 1010),
                                ('admins', '198.51.100.1', 1011))}

#: What a backend section says beside the driver's options.
OPTIONS = {'driver_handles_share_servers': True,
           'network_config_group': 'tenants',
           'admin_network_config_group': 'admins',
           'max_shares_per_share_server': LIMIT}


def whole(play: scene.Scene, storage: sample.Cluster) -> None:
    """Servers are made, filled, let go, adopted, broken and torn down."""
    chapter, before = play.journal.chapter, storage.servers()
    chapter('A share network gets a share server')
    life.make_type(play)
    play.client.add_service(play.network, 'ldap', **LDAP)
    share = life.create(play)
    server = on_server(play, storage, share)
    outage.ensure_by_api(play, share)
    chapter('It is filled, and another one is made')
    fill(play, server)
    chapter('Manila lets it go and takes it over again')
    share, server = adoption(play, storage, share, server)
    chapter('A set-up that fails half-way')
    failure(play, storage)
    chapter('The end: nothing is left behind')
    life.delete(play, share)
    tear_down(play, server['id'])
    left = scene.differences(before, storage.servers())
    expect(not left, '%s', '; '.join(left))


def of_share(play: scene.Scene, share: str) -> Row:
    """Return the share server that a share is on."""
    server = play.client.share(share)['share_server_id']
    expect(server, 'the share is on no share server')
    return play.client.server(server)


def on_server(play: scene.Scene, storage: sample.Cluster, share: str) -> Row:
    """Compare what Manila and the backend know of a share's server."""
    with play.journal.step('look at its share server') as note:
        server = of_share(play, share)
        expect(server['status'] == 'active', 'it is %s', server['status'])
        details = play.client.server_details(server['id'])
        made = storage.store.find('servers', server['id'])
        kept = details.pop('security_service_ldap')
        expect(LDAP['password'] in kept, 'the service is kept as %s', kept)
        expect(made == details, 'Manila knows %s, the backend %s', details,
               made)
        expect(details['services'] == 'ldap:' + LDAP['server'],
               'the driver was told of %s', details['services'])
        expect(details['admin_ip'].startswith('198.51.100.'),
               'administrators reach it at %s', details['admin_ip'])
        export = play.client.exports(share)[0]
        expect(export.startswith(details['ip'] + ':'),
               '%s is not at %s', export, details['ip'])
        note.says('%s', details)
    return server


def fill(play: scene.Scene, server: Row) -> None:
    """Share a server until it is full; remove one that has no shares."""
    second = life.create(play, name='second')
    third = life.create(play, name='third')
    with play.journal.step('compare their share servers') as note:
        expect(of_share(play, second)['id'] == server['id'],
               'the second share is on a server of its own')
        other = of_share(play, third)['id']
        expect(other != server['id'],
               '%d shares are on a server that takes %d', LIMIT + 1, LIMIT)
        note.says('%d shares on the first, 1 on another', LIMIT)
    for share in (second, third):
        life.delete(play, share)
    tear_down(play, other)


def adoption(play: scene.Scene, storage: sample.Cluster, share: str,
             server: Row) -> tuple[str, Row]:
    """Let a server and its share go, and take both over again."""
    exports, before = play.client.exports(share), storage.servers()
    copies.let_go(play, share)
    with play.journal.step('unmanage the share server') as note:
        play.client.unmanage_server(server['id'])
        play.client.wait_server_gone(server['id'])
        expect(storage.servers() == before, 'the backend has %s',
               sorted(storage.servers()))
        note.says('Manila forgot it, the backend has it')
    with play.journal.step('manage the share server') as note:
        new = play.client.manage_server(play.host, play.network,
                                        server['id'])['id']
        server = play.client.wait_server(new)
        note.says('active, at %s', play.client.server_details(new)['ip'])
    return copies.adopt(play, exports[0], 1, new), server


def failure(play: scene.Scene, storage: sample.Cluster) -> None:
    """Keep what was made before a failure, and tear it down."""
    before = storage.servers()
    network = play.client.create_network('broken')
    storage.breaks(True)
    with play.journal.step('create a share whose server fails') as note:
        share = play.order(1, 'unlucky', network)
        play.client.wait_share(share, 'error', through=('error',))
        [server] = play.client.servers(network)
        play.client.wait_server(server['id'], 'error')
        details = play.client.server_details(server['id'])
        left = storage.servers() - before
        expect(left == {('ports', details.get('port'))},
               'Manila was told %s, the backend has %s', details,
               sorted(left))
        note.says('in error; Manila keeps %s', details)
    storage.breaks(False)
    with play.journal.step('delete the share and its server') as note:
        play.client.delete_share(share)
        play.client.wait_share_gone(share, through=('error',))
        tear_down(play, server['id'], through=('error',))
        expect(storage.servers() == before, 'left behind: %s',
               sorted(storage.servers() - before))
        note.says('nothing left behind')


def tear_down(play: scene.Scene, server: str,
              through: tuple[str, ...] = ()) -> None:
    play.client.delete_server(server)
    play.client.wait_server_gone(server, through)
