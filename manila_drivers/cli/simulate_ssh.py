# SPDX-License-Identifier: Apache-2.0

"""Common parts of simulators of backends behind SSH."""

import argparse
import functools

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials
from manila_drivers.cli import serving
from manila_drivers.testing.backends import door
from manila_drivers.testing.simulators import ssh


def configure(parser: argparse.ArgumentParser, backend: str) -> None:
    parser.add_argument('--port', type=arguments.port, default=0,
                        help='port to listen on (default: a free one)')
    parser.add_argument('--user', default='manila', type=arguments.name,
                        help='name to log in with (default: %(default)s)')
    credentials.configure(parser)
    parser.add_argument('--known-hosts', metavar='FILE',
                        help='where to write the host keys that clients '
                             'verify the server with (default: a temporary '
                             'file)')
    serving.configure(parser, backend)


def server(args: argparse.Namespace,
           password: credentials.Password) -> door.Make:
    """Return what makes the server that the driver logs in to."""
    return functools.partial(ssh.SshServer, user=args.user, port=args.port,
                             password=password.value or '')


def run(args: argparse.Namespace, cluster: door.SshCluster, option: str,
        password: credentials.Password, **more: str) -> int:
    """Serve the hosts, each at its address, until a signal comes."""
    return serving.run(args, cluster, option, password, 'commands',
                       lambda: cluster.ssh.logins, **more)
