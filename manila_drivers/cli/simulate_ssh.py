# SPDX-License-Identifier: Apache-2.0

"""What simulators of backends behind SSH have in common."""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import functools
import pathlib
import tempfile
import time

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials
from manila_drivers.cli import serving
from manila_drivers.testing.simulators import ssh

#: A backend section, given the server, the file with its host keys, and the
#: line with the password.
Section = Callable[[ssh.SshServer, pathlib.Path, str], str]


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


def run(args: argparse.Namespace, hosts: Mapping[str, ssh.Host],
        section: Section, option: str, latest: serving.Latest) -> int:
    """Serve the hosts, each at its address, until a signal comes."""
    password = credentials.password(args)
    server = ssh.SshServer(hosts, user=args.user, port=args.port,
                           password=password.value or '')
    stop = serving.stop_on_signals()
    with contextlib.ExitStack() as stack:
        stack.enter_context(server)
        keys = pathlib.Path(args.known_hosts or pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(
                prefix='manila-drivers-'))) / 'known_hosts').absolute()
        server.write_known_hosts(keys)
        serving.announce(
            args, functools.partial(section, server, keys), option,
            server.password, password,
            ', '.join(f'ssh://{address}:{server.port}' for address in hosts))
        started = time.monotonic()
        serving.serve(stop, latest if args.requests else None)
        lasted = time.monotonic() - started
    print(f'Stopped: {latest(0)[0]} commands, {server.logins} logins in '
          f'{lasted:.0f} s.', flush=True)
    return 0
