# SPDX-License-Identifier: Apache-2.0

"""The life of share servers that are virtual machines in a cloud.

`whole` runs all of it through Manila's API, and compares what Manila knows
with what the cloud has.
"""

from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.manila import copies
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import servers
from manila_drivers.testing.manila.client import Row
from manila_drivers.testing.manila.journal import expect

#: What may not be missing in the details of a share server.
DETAILS = ('instance_id', 'ip', 'public_address', 'subnet_id')


def whole(play: scene.Scene) -> None:
    """Servers are made, shared, restarted around, broken and torn down."""
    cloud = play.storage
    assert isinstance(cloud, openstack.CloudCluster)
    chapter, before = play.journal.chapter, cloud.servers()
    chapter('A share network gets a virtual machine')
    life.make_type(play)
    play.network = play.new_network('one')
    share = life.create(play)
    server = on_machine(play, cloud, share, before)
    chapter('It serves other shares of that network, and outlives restarts')
    share_it(play, server)
    outage.restart(outage.Part(play, share))
    chapter('Manila lets it go and takes it over again')
    share, server = adoption(play, cloud, share, server)
    chapter('A set-up that fails half-way')
    failure(play, cloud)
    chapter('The end: nothing is left behind')
    life.allow(play, share, play.profile.cast.wide, 'rw')
    life.delete(play, share)
    tear_down(play, cloud, server)
    left = scene.differences(before, cloud.servers())
    expect(not left, '%s', '; '.join(left))


def on_machine(play: scene.Scene, cloud: openstack.CloudCluster,
               share: str, before: frozenset[Item]) -> Row:
    """Compare what Manila knows of a share's server with the cloud.

    :param before: what the cloud had before there was this server.
    """
    with play.journal.step('look at its share server') as note:
        server = servers.of_share(play, share)
        expect(server['status'] == 'active', 'it is %s', server['status'])
        details = play.client.server_details(server['id'])
        missing = [key for key in DETAILS if not details.get(key)]
        expect(not missing, 'Manila was not told %s', missing)
        machine = cloud.sim.machine(details['instance_id'])
        for key in ('ip', 'public_address'):
            expect(cloud.sim.machine_at(details[key]) is machine,
                   '%s %s is not its own', key, details[key])
        export = play.client.exports(share)[0]
        expect(export.startswith(details['public_address'] + ':'),
               '%s is not at %s', export, details['public_address'])
        _unnamed(cloud.servers() - before, details)
        told = [what for what, secret in cloud.secrets().items()
                if any(secret in value for value in details.values())]
        expect(not told, 'Manila keeps the %s in it', told)
        note.says('%s', details)
    return server


def _unnamed(things: frozenset[Item], details: Row) -> None:
    """Check that a tear-down can know what it has to remove.

    What is made along with something else goes with it: the port of a router
    in a subnet has no name and no other trace.
    """
    known = set(details.values())
    lost = [thing for thing in things if thing[-1] not in known
            and not (thing[1] == 'port' and not thing[3])]
    expect(not lost, 'Manila was told %s, not of %s', details, lost)


def share_it(play: scene.Scene, server: Row) -> None:
    second = life.create(play, name='second')
    with play.journal.step('compare their share servers') as note:
        other = servers.of_share(play, second)['id']
        expect(other == server['id'], 'the second share is on another one')
        note.says('both are on %s', other)
    life.delete(play, second)


def adoption(play: scene.Scene, cloud: openstack.CloudCluster, share: str,
             server: Row) -> tuple[str, Row]:
    """Let a server and its share go, and take both over again.

    What the cloud has stays; it says whose it is.
    """
    exports, before = play.client.exports(share), idents(cloud)
    details = play.client.server_details(server['id'])
    copies.let_go(play, share)
    with play.journal.step('unmanage the share server') as note:
        play.client.unmanage_server(server['id'])
        play.client.wait_server_gone(server['id'])
        expect(idents(cloud) == before, 'the cloud has %s',
               sorted(idents(cloud) ^ before))
        note.says('Manila forgot it, the cloud has it')
    with play.journal.step('manage the share server') as note:
        new = play.client.manage_server(play.host, play.network,
                                        details['instance_id'])['id']
        server = play.client.wait_server(new)
        now = play.client.server_details(new)
        changed = {key for key in DETAILS if now.get(key) != details[key]}
        expect(not changed, 'Manila was told %s, and had %s', now, details)
        machine = cloud.sim.server(details['instance_id'])
        expect(new in machine.metadata.values(), 'the machine says it is of '
               '%s', machine.metadata)
        expect(idents(cloud) == before, 'the cloud has %s',
               sorted(idents(cloud) ^ before))
        note.says('active, at %s', now['ip'])
    return copies.adopt(play, exports[0], 1, new), server


def idents(cloud: openstack.CloudCluster) -> frozenset[str]:
    """Return the ids of all that is there; names may change."""
    return frozenset(thing[-1] for thing in cloud.servers())


def failure(play: scene.Scene, cloud: openstack.CloudCluster) -> None:
    """Keep what was made before a failure, and tear it down."""
    before = cloud.servers()
    network = play.new_network('broken')
    cloud.breaks(True)
    with play.journal.step('create a share whose server fails') as note:
        share = play.order(1, 'unlucky', network)
        play.client.wait_share(share, 'error', through=('error',))
        [server] = play.client.servers(network)
        play.client.wait_server(server['id'], 'error')
        details = play.client.server_details(server['id'])
        left = cloud.servers() - before
        expect(left, 'nothing was made before it failed')
        _unnamed(left, details)
        note.says('in error; Manila keeps %s', details)
    cloud.breaks(False)
    with play.journal.step('delete the share and its server') as note:
        play.client.delete_share(share)
        play.client.wait_share_gone(share, through=('error',))
        servers.tear_down(play, server['id'], through=('error',))
        wrong = scene.differences(before, cloud.servers())
        expect(not wrong, '%s', '; '.join(wrong))
        note.says('nothing left behind, the other server untouched')


def tear_down(play: scene.Scene, cloud: openstack.CloudCluster,
              server: Row) -> None:
    with play.journal.step('delete the share server') as note:
        address = play.client.server_details(server['id'])['ip']
        servers.tear_down(play, server['id'])
        expect(cloud.sim.machine_at(address) is None,
               'something answers at %s', address)
        note.says('gone')
