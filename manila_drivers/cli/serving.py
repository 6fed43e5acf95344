# SPDX-License-Identifier: Apache-2.0

"""Simulators of all backends at the command line."""

import argparse
from collections.abc import Callable
import pathlib
import signal
import threading
import time
from typing import Protocol

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials
from manila_drivers.cli import options
from manila_drivers.testing.backends import storage


def configure(parser: argparse.ArgumentParser,
              backend: str) -> 'argparse._ArgumentGroup':
    """Arguments about the configuration; others may be added to them."""
    group = parser.add_argument_group('configuration that is printed')
    group.add_argument('--backend', default=backend, type=arguments.name,
                       help='name of the section (default: %(default)s)')
    group.add_argument('--write-config', metavar='FILE',
                       help='write it, secrets included, to a file that only '
                            'you can read, instead of printing it')
    group.add_argument('--requests', action='store_true',
                       help='print a line per request')
    return group


def stop_on_signals() -> threading.Event:
    """Set when SIGINT or SIGTERM comes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def announce(args: argparse.Namespace, cluster: storage.Cluster,
             option: str, password: credentials.Password, *,
             protocol: str = 'NFS') -> None:
    """Show what to put into manila.conf, and that it can be used.

    :param option: what the password is called there.
    """
    values = cluster.options()
    line = f'{option} = {values.pop(option)}'

    def section(secret: str) -> str:
        return options.section(args.backend, values, secret,
                               protocol=protocol)
    print(*cluster.remarks, sep='\n', end='\n' if cluster.remarks else '')
    if args.write_config:
        path = pathlib.Path(args.write_config)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(section(line))
        shown = f'Configuration, with the password, is in {path}.\n'
    elif password.source:
        shown = section(f'# {option} = ({password.source})')
    else:
        shown = section(
            '# Credentials of this demonstration, made up for this run.\n'
            + line)
    print(shown)
    print(f'Listening on {cluster.url}; end with Ctrl-C.', flush=True)


class Asked(Protocol):
    """Something that remembers what it was asked."""

    def mark(self) -> int:
        """A mark in its record."""

    def requests(self, mark: int) -> list[str]:
        """Return every request since the mark."""


def serve(stop: threading.Event, cluster: Asked | None = None) -> None:
    """Wait until told to stop; meanwhile print requests to the cluster."""
    seen = cluster.mark() if cluster else 0
    while not stop.wait(0.5):
        if cluster is not None:
            lines = cluster.requests(seen)
            seen += len(lines)
            for line in lines:
                print(line, flush=True)


def run(args: argparse.Namespace, cluster: storage.Cluster, option: str,
        password: credentials.Password, what: str, logins: Callable[[], int],
        **more: str) -> int:
    """Serve a cluster until a signal comes; return the exit code.

    :param what: requests are called so.
    """
    stop = stop_on_signals()
    with cluster:
        announce(args, cluster, option, password, **more)
        started = time.monotonic()
        serve(stop, cluster if args.requests else None)
        lasted = time.monotonic() - started
    print(f'Stopped: {cluster.mark()} {what}, {logins()} logins in '
          f'{lasted:.0f} s.', flush=True)
    return 0
