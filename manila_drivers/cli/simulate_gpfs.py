# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate gpfs``: a Storage Scale cluster behind SSH."""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
import functools
import pathlib

from manila_drivers.cli import options
from manila_drivers.cli import simulate_ssh
from manila_drivers.cli.command import Refused
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.gpfs import shell
from manila_drivers.testing.simulators.gpfs import state

SUMMARY = 'run a node of a Storage Scale cluster, in memory, behind SSH'
NODE = '127.0.0.1'
SERVERS = ('127.0.0.2', '127.0.0.3')
KINDS: Mapping[str, Callable[[str], nfs.Server] | None] = {
    'CES': None, 'KNFS': nfs.KernelNfs, 'GNFS': nfs.Ganesha}


def configure(parser: argparse.ArgumentParser) -> None:
    simulate_ssh.configure(parser, 'gpfs')
    group = parser.add_argument_group('state')
    group.add_argument('--nfs', choices=tuple(KINDS), default='CES',
                       help='what exports the shares; KNFS and GNFS come '
                            'with two servers (default: %(default)s)')
    group.add_argument('--base', default='/gpfs0/shares',
                       help='directory of the shares (default: %(default)s)')
    options.configure(group, state.Options())


def run(args: argparse.Namespace) -> int:
    sim = build(args)
    hosts = {address: shell.host(gpfs.SimHost(
                 sim, address if address in sim.servers else ''))
             for address in (NODE, *sim.servers)}
    return simulate_ssh.run(
        args, hosts, functools.partial(section, args, sim),
        'gpfs_ssh_password', functools.partial(latest, sim))


def build(args: argparse.Namespace) -> gpfs.GpfsSim:
    """The cluster as the arguments want it.

    :raises Refused: an argument makes no sense.
    """
    base = pathlib.PurePosixPath(args.base)
    if not base.is_absolute() or len(base.parts) < 2 or '..' in base.parts:
        raise Refused(f'--base {args.base} is not an absolute path below /')
    sim = gpfs.GpfsSim(base=args.base)
    options.assign(sim.options, args.settings)
    make = KINDS[args.nfs]
    if make is not None:
        for address in SERVERS:
            sim.servers[address] = make(address)
    return sim


def latest(sim: gpfs.GpfsSim, seen: int) -> tuple[int, list[str]]:
    """How many commands there were, and a line for each since then."""
    with sim.lock:
        return len(sim.log), [
            f'{entry.host or NODE}: {entry.name} {entry.status}'
            for entry in sim.log[seen:]]


def section(args: argparse.Namespace, sim: gpfs.GpfsSim,
            server: ssh.SshServer, keys: pathlib.Path,
            password: str) -> str:
    """What to put into manila.conf."""
    return options.section(
        args.backend, 'manila_drivers.ibm.gpfs.GPFSShareDriver', [
            f'gpfs_share_export_ip = {NODE}',
            f'gpfs_mount_point_base = {args.base}',
            f'gpfs_nfs_server_type = {args.nfs}',
            *([f'gpfs_nfs_server_list = {",".join(sim.servers)}']
              if sim.servers else []),
            f'gpfs_ssh_login = {server.user}',
            'gpfs_ssh_use_sudo = True',
            f'gpfs_ssh_port = {server.port}',
            password,
            f'gpfs_ssh_known_hosts = {keys}'])
