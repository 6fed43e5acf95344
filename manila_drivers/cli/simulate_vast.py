# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate vast``: a VAST cluster's VMS on loopback."""

import argparse
import copy
import ipaddress
import sys

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials
from manila_drivers.cli import options
from manila_drivers.cli import serving
from manila_drivers.cli.command import Refused
from manila_drivers.testing.backends import vast
from manila_drivers.testing.simulators.vast import Options
from manila_drivers.testing.simulators.vast import VmsServer
from manila_drivers.testing.simulators.vast import VmsSim

SUMMARY = 'run the management service (VMS) of a VAST cluster, in memory'
SEEDED_POOL = 'vippool-1'
#: Manila's own driver returns the cookie, which suits its tests of a trap and
#: nobody who rehearses the migration.
OPTIONS = Options(session_cookie=False)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen on, IPv4 or IPv6 '
                             '(default: %(default)s)')
    parser.add_argument('--port', type=arguments.port, default=8443,
                        help='port to listen on; 0 takes a free one '
                             '(default: %(default)s)')
    parser.add_argument('--user', default='admin', type=arguments.name,
                        help='name to log in with (default: %(default)s)')
    credentials.configure(parser)
    parser.add_argument('--ca-file', metavar='FILE',
                        help='where to write the certificate that clients '
                             'verify the server with')
    _configure_state(parser)
    _configure_section(parser)


def _configure_state(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('state')
    group.add_argument('--pool', action='append', default=[],
                       metavar='NAME=RANGE[,RANGE]',
                       help='a VIP pool, as lab=10.0.0.1-10.0.0.9; may be '
                            f'repeated (default: {SEEDED_POOL})')
    group.add_argument('--tenant', action='append', default=[],
                       type=arguments.name, metavar='NAME',
                       help='a tenant; may be repeated')
    group.add_argument('--shares', type=arguments.count, default=0,
                       metavar='N', help='shares that exist already')
    group.add_argument('--upstream-shares', type=arguments.count, default=0,
                       metavar='N',
                       help="shares as upstream's driver leaves them: open")
    group.add_argument('--open-root', action='store_true',
                       help='keep the view of / that a new cluster has, '
                            'through which everybody reaches everything')
    options.configure(group, OPTIONS)


def _configure_section(parser: argparse.ArgumentParser) -> None:
    group = serving.configure(parser, 'vast')
    group.add_argument('--root-export', default='manila',
                       type=arguments.directory,
                       help='directory of the shares (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    password = credentials.password(args)
    sim = build(args, password)
    if not ipaddress.ip_address(args.host).is_loopback:
        print(f'Anybody who reaches {args.host} can try to log in.',
              file=sys.stderr)
    cluster = vast.Cluster(
        sim, VmsServer(sim, args.host, args.port, ca_file=args.ca_file),
        pool=sim.records('pool')[0]['name'],
        more={'vast_root_export': args.root_export})
    return serving.run(args, cluster, 'vast_mgmt_password', password,
                       'requests', lambda: sim.logins)


def build(args: argparse.Namespace,
          password: credentials.Password) -> VmsSim:
    """The cluster as the arguments want it.

    :raises Refused: an argument makes no sense.
    """
    try:
        ipaddress.ip_address(args.host)
    except ValueError:
        raise Refused(f'--host {args.host} is not an address') from None
    switches = copy.deepcopy(OPTIONS)
    options.assign(switches, args.settings)
    sim = VmsSim(options=switches, open_root=args.open_root,
                 username=args.user, password=password.value)
    arguments.once('--tenant', ['default', *args.tenant])
    arguments.once('--pool', [pool.partition('=')[0] for pool in args.pool])
    for tenant in args.tenant:
        sim.add_tenant(tenant)
    for pool in args.pool:
        add_pool(sim, pool)
    if args.pool:
        sim.remove('pool', SEEDED_POOL)
    sim.make_shares(args.shares, root=args.root_export)
    for number in range(args.upstream_shares):
        sim.make_upstream_share(f'upstream-{number + 1}',
                                root=args.root_export)
    return sim


def add_pool(sim: VmsSim, text: str) -> None:
    """:raises Refused: not ``NAME=RANGE[,RANGE]``."""
    name, _, ranges = text.partition('=')
    try:
        if not name or not ranges:
            raise ValueError('no ranges')
        for part in ranges.split(','):
            arguments.address_range(part)
        sim.add_pool(name, *ranges.split(','))
    except ValueError as error:
        raise Refused(f'--pool {text}: {error}') from None
