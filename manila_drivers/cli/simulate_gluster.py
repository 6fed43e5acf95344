# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate gluster``: a GlusterFS cluster behind SSH."""

import argparse
import re

from manila_drivers.cli import arguments
from manila_drivers.cli import credentials
from manila_drivers.cli import options
from manila_drivers.cli import simulate_ssh
from manila_drivers.cli.command import Refused
from manila_drivers.testing.backends import gluster as backend
from manila_drivers.testing.simulators import gluster

SUMMARY = 'run a GlusterFS cluster, in memory, behind SSH'
PATTERN = r'manila-share-volume-#{size}G-\d+$'
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
    sim, password = build(args), credentials.password(args)
    cluster = backend.Cluster(
        sim, simulate_ssh.server(args, password), pattern=PATTERN,
        known_hosts=args.known_hosts,
        # The operator's own Manila host, with its own state_path.
        more={'glusterfs_mount_point_base': None})
    return simulate_ssh.run(args, cluster, 'glusterfs_server_password',
                            password, protocol='GLUSTERFS')


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
