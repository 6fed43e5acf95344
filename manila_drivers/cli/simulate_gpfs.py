# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate gpfs``: a Storage Scale cluster behind SSH."""

import argparse
import pathlib

from manila_drivers.cli import credentials
from manila_drivers.cli import options
from manila_drivers.cli import simulate_ssh
from manila_drivers.cli.command import Refused
from manila_drivers.testing.backends import gpfs as backend
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators.gpfs import state

SUMMARY = 'run a node of a Storage Scale cluster, in memory, behind SSH'


def configure(parser: argparse.ArgumentParser) -> None:
    simulate_ssh.configure(parser, 'gpfs')
    group = parser.add_argument_group('state')
    group.add_argument('--nfs', choices=tuple(backend.KINDS), default='CES',
                       help='what exports the shares; KNFS and GNFS come '
                            'with two servers (default: %(default)s)')
    group.add_argument('--base', default='/gpfs0/shares',
                       help='directory of the shares (default: %(default)s)')
    options.configure(group, state.Options())


def run(args: argparse.Namespace) -> int:
    sim, password = build(args), credentials.password(args)
    cluster = backend.Cluster(
        args.nfs, sim, simulate_ssh.server(args, password),
        known_hosts=args.known_hosts)
    return simulate_ssh.run(args, cluster, 'gpfs_ssh_password', password)


def build(args: argparse.Namespace) -> gpfs.GpfsSim:
    """The cluster as the arguments want it.

    :raises Refused: an argument makes no sense.
    """
    base = pathlib.PurePosixPath(args.base)
    if not base.is_absolute() or len(base.parts) < 2 or '..' in base.parts:
        raise Refused(f'--base {args.base} is not an absolute path below /')
    sim = gpfs.GpfsSim(base=args.base)
    options.assign(sim.options, args.settings)
    return sim
