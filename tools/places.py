# SPDX-License-Identifier: Apache-2.0

"""Where drivers are compared: simulated clusters, and what reaches them."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators import ssh

MANILAS = 'manila.share.drivers.'
MANY = 100
TRIPS = 'round trips'
CLOUD = ('Nova', 'Cinder', 'others', 'SSH', 'logins')
# A login is a round trip to the machine, at the least.
CLOUD_NEEDS = (0, 1, 2), (3, 4)
# The file system stands still for a snapshot of ours, and only as long as
# that is looked after; Manila's driver takes what a power failure leaves.
CLOUD_MORE = {'create snapshot': (6, 3)}


@dataclasses.dataclass
class Place:
    """A fresh cluster, and how to count what reaches it.

    :param counts: one figure for each column of the backend.
    :param computed: seconds that a simulated shell has computed, where a
        real one would take nothing to speak of.
    """

    cluster: storage.Cluster
    counts: Callable[[], tuple[int, ...]]
    protocol: str = 'NFS'
    computed: Callable[[], float] = float
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Trips:
    """A door that counts the commands that come through it."""

    def __init__(self, door: Callable[..., Any]) -> None:
        self.count = 0
        self._door = door

    def __call__(self, hosts: Mapping[str, ssh.Host]) -> Any:
        return self._door({name: self._counted(host)
                           for name, host in hosts.items()})

    def _counted(self, host: ssh.Host) -> ssh.Host:
        def run(words: list[str], read: Callable[[], str]) -> ssh.Done:
            self.count += 1
            return host(words, read)
        return run


@contextlib.contextmanager
def vast_place(upstream: bool) -> Iterator[Place]:
    cluster = vast.Cluster()
    # Manila's driver keeps cookies, and such a server would refuse them.
    cluster.sim.options.session_cookie = False
    with cluster:
        yield Place(cluster, lambda: (len(cluster.sim.log),) * 2)


@contextlib.contextmanager
def gpfs_place(upstream: bool, kind: str) -> Iterator[Place]:
    options: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix='compare-') as programs:
        trips = Trips(functools.partial(ssh.SshServer, key=new_key(programs)))
        cluster = gpfs.Cluster(kind, door=trips)
        if kind == 'KNFS':
            # Manila's driver looks at the exports of the node alone, so the
            # node is an NFS server as well.
            options['gpfs_nfs_server_list'] = ','.join(
                (gpfs.NODE, *cluster.sim.servers))
            cluster.sim.servers[''] = nfs.KernelNfs(gpfs.NODE)
        elif upstream:
            # Without this it wants kernel NFS on the node as well.
            options['gpfs_share_helpers'] = (
                f'{kind}={MANILAS}ibm.gpfs.{kind}Helper')
        with cluster:
            write_ssh(programs, cluster.ssh.port)
            yield Place(
                cluster, lambda: (sum(map(cluster.sim.count,
                                          ('mm', 'exportfs'))), trips.count),
                options=options, environment={
                    'PATH': programs + os.pathsep + os.environ['PATH']})


def new_key(directory: str) -> str:
    """Make a key for the ``ssh`` program; return its public half."""
    file = pathlib.Path(directory, 'key')
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file],
                   check=True, timeout=60)
    return ' '.join(file.with_suffix('.pub').read_text().split()[:2])


def write_ssh(directory: str, port: int) -> None:
    """An ``ssh`` that knows port and key, as ~/.ssh/config would."""
    program = pathlib.Path(directory, 'ssh')
    program.write_text(
        f'#!/bin/sh\nexec {shutil.which("ssh")} -p {port} -i {directory}/key '
        '-o BatchMode=yes -o StrictHostKeyChecking=no '
        '-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n')
    program.chmod(0o755)


@contextlib.contextmanager
def gluster_place(upstream: bool) -> Iterator[Place]:
    trips = Trips(ssh.SshServer)
    cluster = kinds.GlusterCluster(door=trips)
    with cluster:
        yield Place(
            cluster, lambda: (cluster.sim.calls, trips.count),
            protocol='GLUSTERFS',
            environment={
                'COMPARE_SSH_PORT': str(cluster.ssh.port),
                'PATH': os.pathsep.join(
                    [*map(str, cluster.programs), os.environ['PATH']])})


@contextlib.contextmanager
def generic_place(upstream: bool, protocol: str) -> Iterator[Place]:
    with openstack.CloudCluster() as cluster:
        # As many disks as the shares of this comparison need.
        cluster.sim.options.disk_slots = 2 * MANY
        for machine in cluster.cloud.machines:
            # Manila's driver takes Nova's name for a disk, and looks for it
            # once: here both are as it thinks.
            machine.system.disks.orderly = True
            machine.system.disks.late = (0.0, 0.0)
        yield Place(cluster, functools.partial(cloud_counts, cluster),
                    protocol=protocol, computed=lambda: sum(
                        machine.computed for machine
                        in cluster.cloud.machines), environment={
                        'COMPARE_SSH_PORT': str(cluster.doors.port)})


def cloud_counts(cluster: openstack.CloudCluster) -> tuple[int, ...]:
    """Requests to Nova, Cinder and others; SSH: commands and logins."""
    seen = collections.Counter[str]()
    for (service, _), number in cluster.sim.counters().items():
        seen[service] += number
    tokens = cluster.sim.logins
    return (seen['compute'], seen['volume'], tokens + sum(
        number for service, number in seen.items()
        if service not in ('compute', 'volume')), sum(
            machine.execs for machine in cluster.cloud.machines),
        cluster.doors.ever)


@dataclasses.dataclass(frozen=True)
class Backend:
    """One comparison: the two classes, and where they are tried.

    :param counted: columns of figures.
    :param needs: of which columns the sum must not be more than that of
        Manila's driver.
    :param allowed: operations that may need more of each of ``needs``, up to
        so many, because they do more.
    :param clones: whether both make a share from a snapshot.
    """

    title: str
    upstream: str
    ours: str
    place: Callable[[bool], contextlib.AbstractContextManager[Place]]
    counted: tuple[str, ...]
    many: int = MANY
    rules: int = MANY
    needs: tuple[tuple[int, ...], ...] = ((0,),)
    allowed: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=dict)
    clones: bool = False


BACKENDS = {
    'vast': Backend(
        'VAST', MANILAS + 'vastdata.driver.VASTShareDriver', vast.DRIVER,
        vast_place, ('requests', TRIPS)),
    'ces': Backend(
        'GPFS with CES', MANILAS + 'ibm.gpfs.GPFSShareDriver', gpfs.DRIVER,
        functools.partial(gpfs_place, kind='CES'), ('mm* commands', TRIPS)),
    'knfs': Backend(
        'GPFS with KNFS, three servers',
        MANILAS + 'ibm.gpfs.GPFSShareDriver', gpfs.DRIVER,
        # Each rule is a login to every server for Manila's driver.
        functools.partial(gpfs_place, kind='KNFS'),
        ('mm* and exportfs', TRIPS), 8, 10),
    'gluster': Backend(
        'GlusterFS',
        MANILAS + 'glusterfs.glusterfs_native.GlusterfsNativeShareDriver',
        gluster.DRIVER, gluster_place, ('gluster commands', TRIPS), many=8),
    'generic': Backend(
        'Generic with NFS', MANILAS + 'generic.GenericShareDriver',
        openstack.DRIVER, functools.partial(generic_place, protocol='NFS'),
        CLOUD, 8, needs=CLOUD_NEEDS, allowed=CLOUD_MORE, clones=True),
    'generic-cifs': Backend(
        'Generic with CIFS, rules by address',
        MANILAS + 'generic.GenericShareDriver', openstack.DRIVER,
        functools.partial(generic_place, protocol='CIFS'), CLOUD, 8,
        needs=CLOUD_NEEDS, allowed=CLOUD_MORE, clones=True)}
