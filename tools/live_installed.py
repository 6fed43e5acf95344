#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Leads a share through its life with the command that is installed.

For each driver, on its simulator: create, allow, ask who has access, extend,
snapshot, clone, deny, delete; nothing may be left.  The command runs as users
run it, in processes of its own; what is true is asked of the simulator.

    python tools/live_installed.py [KIND ...]

is run with the Python of an environment that has the wheel with the extra
``cli``, and no Manila; ``tools.check_install`` does that.
"""

from collections.abc import Callable
from collections.abc import Sequence
import contextlib
import functools
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import manila_drivers
from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import vast

CLUSTERS: dict[str, Callable[[], Any]] = {
    'vast': vast.Cluster, 'gluster': gluster.Cluster,
    'ces': functools.partial(gpfs.Cluster, 'CES'),
    'knfs': functools.partial(gpfs.Cluster, 'KNFS'),
    'gnfs': functools.partial(gpfs.Cluster, 'GNFS'),
    'generic': openstack.CloudCluster}
GIB = 2 ** 30
#: Whom a rule is for, and one of those whom it lets in.
TARGETS = {'gluster': ('alice', 'alice')}
USUAL = '192.0.2.0/24', '192.0.2.9'
_SECONDS = 600.0


class Wrong(Exception):
    """Something is not as it should be."""


def equal(what: str, found: object, wanted: object) -> None:
    """:raises Wrong: they are not."""
    if found != wanted:
        raise Wrong(f'{what}: {found!r} and not {wanted!r}')


class Command:
    """The command, on one configuration file.

    :param words: what starts it.
    """

    def __init__(self, words: Sequence[str | pathlib.Path],
                 conf: pathlib.Path) -> None:
        self._words = [*map(str, words), '--config-file', str(conf)]

    def __call__(self, *words: str) -> Any:
        """Return what it printed.

        :raises Wrong: it failed, or said more than how far a copy is.
        """
        done = subprocess.run(
            [*self._words, *words, '-f', 'json'], capture_output=True,
            text=True, check=False, timeout=_SECONDS,
            cwd=tempfile.gettempdir())
        told = [line for line in done.stderr.splitlines()
                if not line.startswith('Copying to ')]
        if done.returncode or told:
            raise Wrong(f'{" ".join(words)} ends with {done.returncode}: '
                        f'{done.stderr or done.stdout}')
        return json.loads(done.stdout)


def write(path: pathlib.Path, kind: str, cluster: Any) -> pathlib.Path:
    """Write the configuration file for a simulator."""
    sections = {
        'DEFAULT': {'state_path': path.parent, 'root_helper': 'env'},
        kind: {'driver_handles_share_servers': False, **cluster.options()},
        **cluster.sections()}
    # oslo.config takes a plain dollar for the name of another option.
    path.write_text('\n'.join(line for name, values in sections.items()
                              for line in (f'[{name}]', *(
                                  '%s = %s' % (key, str(value).replace(
                                      '$', '$$'))
                                  for key, value in values.items()
                                  if value is not None))) + '\n')
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def reaching(cluster: Any) -> Any:
    """Have the programs of a simulated host found first."""
    before = os.environ['PATH']
    os.environ['PATH'] = os.pathsep.join(
        [*map(str, cluster.programs), before])
    try:
        yield
    finally:
        os.environ['PATH'] = before


def live(kind: str, words: Sequence[str | pathlib.Path],
         home: pathlib.Path) -> str:
    """Lead a share through its life; return a line of what was seen.

    :raises Wrong: naming the first thing that is not as it should be.
    """
    begin = time.monotonic()
    with CLUSTERS[kind]() as cluster, reaching(cluster):
        lead(kind, Command(words, write(home / f'{kind}.conf', kind,
                                        cluster)), cluster)
    return f'{kind}: lived and left nothing, {time.monotonic() - begin:.0f} s'


def lead(kind: str, run: Command, cluster: Any) -> None:
    """Give the commands of a share's life, and see what they have done.

    :param cluster: tells what it has, simulated or real.
    :raises Wrong: naming the first thing that is not as it should be.
    """
    target, client = TARGETS.get(kind, USUAL)
    empty = cluster.inventory()
    made = run('share', 'create', 'one', '2')
    export = made['export_locations'][0]
    equal('access before the first rule', cluster.level(client, export), None)
    equal('state of the rule', run('share', 'allow', 'one', target)['state'],
          'active')
    equal('access by the rule', cluster.level(client, export), 'rw')
    equal('size', run('share', 'resize', 'one', '3')['size'], 3)
    limit = cluster.limit(export)
    # A file system that is 3 GiB large holds somewhat less.
    if limit is None or not 2.5 * GIB < limit <= 3 * GIB:
        raise Wrong(f'limit after the extension: {limit} bytes')
    run('snapshot', 'create', 'one', 'first')
    clone = run('snapshot', 'clone', 'first', 'two')
    equal('status of the clone', clone['status'], 'available')
    equal('access to the clone', cluster.level(
        client, clone['export_locations'][0]), None)
    run('share', 'deny', 'one', target)
    equal('access after the denial', cluster.level(client, export), None)
    run('share', 'delete', 'two')
    run('snapshot', 'delete', 'first')
    run('share', 'delete', 'one')
    equal('shares that are recorded', run('share', 'list'), [])
    equal('what is left', cluster.inventory() ^ empty, frozenset())


def main(kinds: Sequence[str]) -> int:
    place = pathlib.Path(manila_drivers.__file__)
    if not place.is_relative_to(sys.prefix) \
            or importlib.util.find_spec('manila') is not None:
        print(f'this is no environment of its own without Manila: {place}')
        return 2
    failed = 0
    command = pathlib.Path(sys.executable).with_name('manila-drivers')
    for kind in kinds or CLUSTERS:
        with tempfile.TemporaryDirectory() as home:
            try:
                print(live(kind, [command], pathlib.Path(home)), flush=True)
            except Wrong as wrong:
                failed += 1
                print(f'{kind}: {wrong}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
