# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate gluster``: a GlusterFS cluster behind SSH."""

import argparse
import functools
import pathlib
import re
import tempfile

from manila_drivers.cli import arguments
from manila_drivers.cli import options
from manila_drivers.cli import simulate_ssh
from manila_drivers.cli.command import Refused
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.gluster import server as programs_module
from manila_drivers.testing.simulators.gluster import shell

SUMMARY = 'run a GlusterFS cluster, in memory, behind SSH'
DRIVER = ('manila_drivers.glusterfs.glusterfs_native.'
          'GlusterfsNativeShareDriver')
ADDRESS = '127.0.0.1'
_VOLUMES = re.compile(r'(\d+)x(\d+)')


def configure(parser: argparse.ArgumentParser) -> None:
    simulate_ssh.configure(parser, 'gluster')
    group = parser.add_argument_group('state')
    group.add_argument('--volumes', action='append', default=[],
                       metavar='COUNTxGIB',
                       help='volumes of the pool, as 4x10; may be repeated '
                            '(default: 8x10)')
    options.configure(group, gluster.Options())


def run(args: argparse.Namespace) -> int:
    sim = build(args)
    host = gluster.ManilaHost({ADDRESS: sim})
    with tempfile.TemporaryDirectory(prefix='manila-drivers-') as directory, \
            gluster.GlusterPrograms(host, directory,
                                    programs_module.MANILA_HOST):
        return simulate_ssh.run(
            args, {ADDRESS: shell.host(sim)},
            functools.partial(section, args.backend, directory),
            'glusterfs_server_password', functools.partial(latest, sim))


def build(args: argparse.Namespace) -> gluster.GlusterSim:
    """The cluster as the arguments want it.

    :raises Refused: an argument makes no sense.
    """
    switches = gluster.Options()
    options.assign(switches, args.settings)
    sim = gluster.GlusterSim(options=switches)
    wanted = args.volumes or ['8x10']
    # Volumes are named after their size and number.
    arguments.once('--volumes of size', [text.partition('x')[2]
                                         for text in wanted])
    for text in wanted:
        found = _VOLUMES.fullmatch(text)
        if found is None:
            raise Refused(f'--volumes {text} is not COUNTxGIB')
        count, size = map(int, found.groups())
        if not (1 <= count <= 10_000 and 1 <= size <= 2**20):
            raise Refused(f'--volumes {text}: 1 to 10000 volumes of 1 to '
                          f'{2**20} GiB')
        for number in range(count):
            sim.make_volume(f'manila-share-volume-{size}G-{number + 1}',
                            size=size * 2**30)
    return sim


def latest(sim: gluster.GlusterSim, seen: int) -> tuple[int, list[str]]:
    """How many commands there were, and a line for each since then."""
    calls = sim.calls
    return calls, [f'{entry.label} {entry.status}'
                   for entry in (sim.log[seen - calls:]
                                 if calls > seen else ())]


def section(backend: str, programs: str, server: ssh.SshServer,
            keys: pathlib.Path, password: str) -> str:
    """What to put into manila.conf."""
    return (
        '# Volumes are emptied through mounts on the Manila host. For those\n'
        '# of this cluster, put its programs first on the PATH of\n'
        f'# manila-share: {programs}\n'
        + options.section(backend, DRIVER, [
            f'glusterfs_servers = {server.user}@{ADDRESS}',
            f'glusterfs_ssh_port = {server.port}',
            password,
            f'glusterfs_known_hosts = {keys}',
            r'glusterfs_volume_pattern = manila-share-volume-#{size}G-\d+$$',
            'glusterfs_quota = True'], protocol='GLUSTERFS'))
