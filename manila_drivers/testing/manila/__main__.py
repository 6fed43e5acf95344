# SPDX-License-Identifier: Apache-2.0

"""Start a Manila for the backends in a file.

`python -m manila_drivers.testing.manila FILE` is how to run it.
FILE holds backend sections as in manila.conf.  Manila runs until Ctrl-C.
"""

import argparse
from collections.abc import Mapping
import functools
import pathlib
import sys
import tempfile

from manila_drivers.testing.manila import api
from manila_drivers.testing.manila import backends
from manila_drivers.testing.manila import client
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import stay

ABILITIES = ('snapshot_support', 'create_share_from_snapshot_support',
             'revert_to_snapshot_support')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m manila_drivers.testing.manila',
        description='Run a Manila (API, scheduler, share service) in one '
                    'process, without root and without other servers.')
    parser.add_argument(
        'file', type=pathlib.Path,
        help='backend sections, as in manila.conf')
    parser.add_argument(
        '--release', default=releases.NEWEST.name,
        choices=tuple(releases.RELEASES), help='Manila release')
    parser.add_argument(
        '--threading', choices=('threads', 'eventlet'),
        help="by default the release's own")
    parser.add_argument(
        '--path', type=pathlib.Path, action='append', default=[],
        metavar='DIR', help="directory with a driver's code; repeatable")
    parser.add_argument(
        '--work', type=pathlib.Path, metavar='DIR',
        help='directory for state and logs, used again the next time; by '
             'default a new one')
    return parser


def main(arguments: list[str] | None = None) -> int:
    wishes = _parser().parse_args(arguments)
    stay.stop_on_signals()
    try:
        run(wishes)
    except (environment.EnvironmentFailure, process.ManilaFailure, ValueError,
            OSError) as why:
        print('manila_drivers.testing.manila: %s' % why, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(wishes: argparse.Namespace) -> None:
    work = (wishes.work.absolute() if wishes.work
            else pathlib.Path(tempfile.mkdtemp(prefix='manila-')))
    work.mkdir(parents=True, exist_ok=True)
    settings = backends.read(wishes.file, work)
    place = environment.provide(tell=print)
    path = [directory.absolute() for directory in wishes.path]
    with process.Manila(place, releases.named(wishes.release), settings,
                        wishes.threading, path) as manila:
        name = make_types(manila)[0]
        profile = scene.Profile(
            name, share_type=name, servers=serves(settings.backends[name]))
        print('Manila %s is up. Try:' % manila.release.wheel)
        for line in stay.commands(place, manila, profile):
            print('  ' + line)
        print('Logs: %s' % settings.logs)
        print('To stop it: Ctrl-C here.', flush=True)
        stay.until_interrupted()


def make_types(manila: process.Manila) -> list[str]:
    """A share type for each backend, named like it."""
    user = client.Client(api.Api(manila.endpoint,
                                 manila.release.microversion))
    there = user.types()
    for name, options in manila.settings.backends.items():
        if name not in there:
            abilities = user.wait(
                'the abilities of %s' % name,
                functools.partial(able, user, manila.host(name)))
            user.create_type(name, {
                'share_backend_name': options.get('share_backend_name', name),
                **abilities}, dhss=serves(options))
    return list(manila.settings.backends)


def serves(options: Mapping[str, object]) -> bool:
    """Say whether a backend makes share servers."""
    told = str(options.get('driver_handles_share_servers'))
    return told.lower() == 'true'


def able(user: client.Client, host: str) -> dict[str, bool] | None:
    """Extra specs for what all pools of a host can do; None if unknown yet.

    What is asked for and not offered would keep every share from being made.
    """
    pools = [row.get('capabilities') or {} for row in user.pools()
             if row['name'].partition('#')[0] == host]
    if not pools:
        return None
    return {key: True for key in ABILITIES
            if all(_yes(pool.get(key)) for pool in pools)}


def _yes(told: object) -> bool:
    values = told if isinstance(told, list) else [told]
    return any(str(value).lower() == 'true' for value in values)


if __name__ == '__main__':
    sys.exit(main())
