# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate openstack``: a small cloud on loopback."""

import argparse
import copy
import ipaddress
import pathlib
import sys
import time

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials
from manila_drivers.cli import options
from manila_drivers.cli import serving
from manila_drivers.cli.command import Refused
from manila_drivers.testing.simulators.openstack import CloudOptions
from manila_drivers.testing.simulators.openstack import CloudServer
from manila_drivers.testing.simulators.openstack import OpenStackSim

SUMMARY = ('run Keystone, Nova, Cinder, Neutron and Glance, in memory; their '
           'servers have no inside')
#: Clients of a demonstration follow links as they come.
OPTIONS = CloudOptions(link_url='')
GROUPS = ('nova', 'cinder', 'neutron', 'glance')
PASSWORD = 'password'  # noqa: S105 - what the option is called


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen on, IPv4 or IPv6 '
                             '(default: %(default)s)')
    parser.add_argument('--port', type=arguments.port, default=5000,
                        help='port to listen on; 0 takes a free one '
                             '(default: %(default)s)')
    parser.add_argument('--http', action='store_true',
                        help='speak plain HTTP')
    parser.add_argument('--user', default='manila', type=arguments.name,
                        help='name to log in with, an administrator in the '
                             'project "service" (default: %(default)s)')
    credentials.configure(parser)
    parser.add_argument('--ca-file', metavar='FILE',
                        help='where to write the certificate that clients '
                             'verify the server with')
    _configure_state(parser)
    group = parser.add_argument_group('configuration that is printed')
    group.add_argument('--write-config', metavar='FILE',
                       help='write it, secrets included, to a file that only '
                            'you can read, instead of printing it')
    group.add_argument('--requests', action='store_true',
                       help='print a line per request')


def _configure_state(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('state')
    group.add_argument('--image', action='append', default=[],
                       type=arguments.name, metavar='NAME',
                       help='an image beside manila-service-image; may be '
                            'repeated')
    group.add_argument('--network', action='append', default=[],
                       metavar='PROJECT=CIDR',
                       help='a network with a router of a project, which is '
                            'made if there is none of that name; may be '
                            'repeated')
    options.configure(group, OPTIONS)


def run(args: argparse.Namespace) -> int:
    """Serve the cloud until a signal comes; return the exit code."""
    password = credentials.password(args)
    sim = build(args, password)
    if not ipaddress.ip_address(args.host).is_loopback:
        print(f'Anybody who reaches {args.host} can try to log in.',
              file=sys.stderr)
    stop = serving.stop_on_signals()
    with CloudServer(sim, args.host, args.port, ca_file=args.ca_file,
                     secure=not args.http) as server:
        announce(args, sim, server, password)
        started = time.monotonic()
        serving.serve(stop, sim if args.requests else None)
        lasted = time.monotonic() - started
    print(f'Stopped: {sim.calls} requests, {sim.logins} logins in '
          f'{lasted:.0f} s.', flush=True)
    return 0


def build(args: argparse.Namespace,
          password: credentials.Password) -> OpenStackSim:
    """The cloud as the arguments want it.

    :raises Refused: an argument makes no sense.
    """
    try:
        ipaddress.ip_address(args.host)
    except ValueError:
        raise Refused(f'--host {args.host} is not an address') from None
    switches = copy.deepcopy(OPTIONS)
    options.assign(switches, args.settings)
    sim = OpenStackSim(options=switches)
    try:
        sim.rename(args.user)
    except ValueError as error:
        raise Refused(f'--user: {error}') from None
    if password.value is not None:
        sim.password = password.value
    for image in args.image:
        sim.add_image(image)
    for network in args.network:
        add_network(sim, network)
    return sim


def add_network(sim: OpenStackSim, text: str) -> None:
    """:raises Refused: not ``PROJECT=CIDR``."""
    project, _, cidr = text.partition('=')
    try:
        ipaddress.ip_network(cidr)
        if not project:
            raise ValueError('no project')
        if not sim.has_project(project):
            sim.add_project(project)
        sim.add_tenant_network(project, cidr)
    except ValueError as error:
        raise Refused(f'--network {text}: {error}') from None


def announce(args: argparse.Namespace, sim: OpenStackSim,
             server: CloudServer, password: credentials.Password) -> None:
    """Show what to put into manila.conf, and that it can be used."""
    values = sim.auth()
    secret = f'{PASSWORD} = {values.pop(PASSWORD)}'.replace('$', '$$')
    values['region_name'] = 'RegionOne'
    if not args.http:
        values['cafile'] = str(pathlib.Path(server.ca_file).absolute())

    def groups(told: str) -> str:
        lines = [f'{name} = {value}' for name, value in values.items()]
        return '\n\n'.join('\n'.join([f'[{group}]', *lines, told])
                           for group in GROUPS) + '\n'
    if args.write_config:
        path = pathlib.Path(args.write_config)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(groups(secret))
        print(f'Configuration, with the password, is in {path}.\n')
    elif password.source:
        print(groups(f'# {PASSWORD} = ({password.source})'))
    else:
        print('# Credentials of this demonstration, made up for this run.')
        print(groups(secret))
    print(f'Listening on {server.url}; end with Ctrl-C.', flush=True)
