# SPDX-License-Identifier: Apache-2.0

"""Parts of share servers that nobody has, planted in a simulated cloud.

And how each is removed by hand.  Where it is planted, the place, has the
cloud as ``sim`` and Manila's name of the share service as ``host``.
"""

from manila_drivers.audit import differences as found
from manila_drivers.service_instance import names
from tests.unit.audit.planted import Plant

#: A share server that Manila does not have.
GONE = '1f0e0d0c-1111-4222-8333-444455556666'
VOLUMES, NEUTRON = '/volume/v3/volumes', '/network/v2.0/'
SUBNET = names.subnet('gone')


def _asked(place, verb, path, body=None):
    status, told = place.sim.ask(verb, path, body, user='manila')
    assert status < 300, told
    return told


def _listed(place, kind):
    return _asked(place, 'GET', NEUTRON + kind)[kind]


def _network(place):
    """Return the id of the network of service subnets."""
    return next(one['network_id'] for one in _listed(place, 'subnets')
                if one['name'].startswith(names.subnet('')))


def boot_volume(place, share):
    _asked(place, 'POST', VOLUMES, {'volume': {
        'name': 'left', 'size': 1, 'metadata': {
            names.SHARE_SERVER: GONE, names.MADE_BY: place.host}}})
    place.clock.sleep(60)


def no_boot_volume(place, share):
    [left] = [one for one in place.store.volumes.values()
              if one.name == 'left']
    _asked(place, 'DELETE', f'{VOLUMES}/{left.id}')
    place.clock.sleep(60)


def port(place, share):
    _asked(place, 'POST', NEUTRON + 'ports', {'port': {
        'network_id': _network(place), 'name': names.port('service', GONE)}})


def subnet(place, share):
    _asked(place, 'POST', NEUTRON + 'subnets', {'subnet': {
        'network_id': _network(place), 'name': SUBNET, 'ip_version': 4,
        'cidr': '10.254.200.0/28'}})


def without(kind, name):
    """Return what removes a part of Neutron, by its name."""
    def work(place, share):
        [left] = [one['id'] for one in _listed(place, kind)
                  if one['name'] == name]
        _asked(place, 'DELETE', f'{NEUTRON}{kind}/{left}')
    return work


PLANTS = {
    'boot volume left': Plant(boot_volume, (found.LEFT,), mended=False),
    'port left': Plant(port, (found.LEFT,), mended=False),
    'subnet left': Plant(subnet, (found.LEFT,), mended=False)}
UNDONE = {
    'boot volume left': no_boot_volume,
    'port left': without('ports', names.port('service', GONE)),
    'subnet left': without('subnets', SUBNET)}
