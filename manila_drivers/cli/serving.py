# SPDX-License-Identifier: Apache-2.0

"""What the simulators of all backends do at the command line."""

import argparse
from collections.abc import Callable
import pathlib
import signal
import threading

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials

Latest = Callable[[int], tuple[int, list[str]]]


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


def announce(args: argparse.Namespace, section: Callable[[str], str],
             option: str, secret: str, password: credentials.Password,
             where: str) -> None:
    """Show what to put into manila.conf, and that it can be used.

    :param section: gets the line with the password, returns the text.
    :param option: what the password, ``secret``, is called there.
    """
    line = f'{option} = {secret}'
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
    print(f'Listening on {where}; end with Ctrl-C.', flush=True)


def serve(stop: threading.Event, latest: Latest | None = None) -> None:
    """Until told to stop; meanwhile print the requests if asked to.

    :param latest: gets how many requests have been seen, returns how many
        there were and a line for each of the others.
    """
    seen = latest(0)[0] if latest else 0
    while not stop.wait(0.5):
        if latest is not None:
            seen, lines = latest(seen)
            for line in lines:
                print(line, flush=True)
