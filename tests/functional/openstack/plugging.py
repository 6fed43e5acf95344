# SPDX-License-Identifier: Apache-2.0

"""Plug this host in, for real; to be run in a network namespace of its own.

Prints what was seen, as JSON.
"""

import ipaddress
import json
import sys

from manila_drivers import exception
from manila_drivers.service_instance import host_planning
from manila_drivers.transport import command
from manila_drivers.transport import local

RUN = local.Local().run
ADDRESS = ipaddress.IPv4Interface
OURS = host_planning.HostPort(
    '0123456789abcdef', 'fa:16:3e:00:00:01',
    (ADDRESS('10.254.0.3/28'), ADDRESS('10.254.0.19/28')))
GONE = host_planning.HostPort('fedcba9876543210', 'fa:16:3e:00:00:02',
                              (ADDRESS('10.254.0.4/28'),))


def devices():
    return host_planning.devices(RUN(host_planning.look_devices()).stdout)


def lines(port, kind):
    return host_planning.configure(devices(), host_planning.routes(
        RUN(host_planning.look_routes()).stdout), port, kind)


def plug(port, kind):
    RUN(host_planning.plug(port, kind, 'br-int'))
    RUN(host_planning.batch(lines(port, kind)))


def ip(*words):
    RUN(command.Command.of('ip', *words))


def way_to(address):
    found = RUN(command.Command.of('ip', '-j', 'route', 'get', address))
    return json.loads(found.stdout)[0]


def main(kind):
    ip('link', 'set', 'lo', 'up')
    seen = {}
    if kind == 'ovs':
        _, error = exception.caught(lambda: RUN(host_planning.plug(
            OURS, kind, 'br-none')))
        seen['no bridge'] = error.answer
    plug(OURS, kind)
    seen['left to do'] = lines(OURS, kind)
    seen['way'] = way_to('10.254.0.20')
    # Another interface is in one of the networks, and is asked first.
    ip('link', 'add', 'rival', 'type', 'veth', 'peer', 'name', 'peer')
    ip('link', 'set', 'rival', 'up')
    ip('link', 'set', 'peer', 'up')
    name = OURS.device(kind)
    ip('addr', 'add', '10.254.0.9/28', 'dev', 'rival')
    ip('route', 'del', '10.254.0.0/28', 'dev', name)
    ip('route', 'append', '10.254.0.0/28', 'dev', name, 'proto', 'kernel',
       'scope', 'link', 'src', '10.254.0.3')
    seen['rival way'] = way_to('10.254.0.5')
    RUN(host_planning.batch(lines(OURS, kind)))
    seen['own way'] = way_to('10.254.0.5')
    seen['left to do then'] = lines(OURS, kind)
    plug(GONE, kind)
    for old in host_planning.stale(devices(), OURS, kind, [OURS.id]):
        RUN(host_planning.unplug(old, kind, 'br-int'))
    seen['devices'] = [each.name for each in devices()]
    print(json.dumps(seen))


if __name__ == '__main__':
    main(sys.argv[1])
