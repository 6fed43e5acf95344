# SPDX-License-Identifier: Apache-2.0

"""Hosts with a share service each, which serve the same backends at once.

Each is a process with the drivers inside Manila and lock files of its own.
What hosts share is what they share in a cloud: the storage, Manila's database
(of which drivers see the private data) and, if there is one, a coordinator.
"""

import contextlib
import multiprocessing
import pathlib
import threading
import time

from manila_drivers.model import GiB
from manila_drivers.testing.conformance.labs.site import Memory
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators import vast
from manila_drivers.transport import command

HOSTS = 2
SERVER = 'gluster-1'
PASSWORD = 'secret-of-two-hosts'  # noqa: S105 - a simulator's
SPAWN = multiprocessing.get_context('spawn')


class Far:
    """Something of the parent process, whose methods are called from here."""

    def __init__(self, link, name):
        self._link, self._name = link, name
        self._lock = threading.Lock()

    def __getattr__(self, method):
        def call(*args, **kwargs):
            with self._lock:
                self._link.send((self._name, method, args, kwargs))
                return self._link.recv()
        return call


def _drivers(links):
    """All drivers, inside Manila, before clusters of the parent process.

    Manila is imported here alone: the parent process takes warnings for
    errors.
    """
    from manila_drivers.glusterfs import glusterfs_native
    from manila_drivers.ibm.gpfs import driver as gpfs_driver
    from manila_drivers.testing.conformance.labs import gluster as gluster_lab
    from manila_drivers.testing.conformance.labs import gpfs as gpfs_lab
    from manila_drivers.testing.conformance.labs import vast as vast_lab
    from manila_drivers.testing.simulators.gluster import host
    from manila_drivers.vastdata import driver as vast_driver

    def sleep(seconds):
        time.sleep(min(seconds, 0.01))

    here, cluster = Far(links[0], 'host'), Far(links[1], 'gluster')
    storage = Far(links[2], 'storage')
    scale = Far(links[4], 'ces')

    class Host(gpfs.SimHost):
        def _sent(self, cmd):
            # A command may hold secrets, and does not travel itself.
            return scale.run(self.name, cmd.words(), cmd.input() or '')

    return {
        'ces': gpfs_driver.GPFSShareDriver(
            configuration=gpfs_lab.Site().configuration,
            private_storage=storage, sleep=sleep,
            make_runner=lambda name: Host(None, name)),
        'gluster': glusterfs_native.GlusterfsNativeShareDriver(
            configuration=gluster_lab.Site(
                glusterfs_servers=SERVER).configuration,
            private_storage=storage, sleep=sleep,
            transport=lambda address: host.Runner(
                cluster if address else here, sleep)),
        'vast': vast_driver.VASTShareDriver(
            configuration=vast_lab.Site(
                vast_mgmt_password=PASSWORD).configuration,
            private_storage=storage, sleep=sleep,
            adapter=vast.VmsAdapter(Far(links[3], 'vast')))}


def _serve(path, orders, links, gate):
    """One host: do what is ordered, when all are ready to."""
    from manila.common import config  # noqa: F401 - registers options
    from oslo_config import cfg
    cfg.CONF([], project='manila', default_config_files=[])
    cfg.CONF.set_override('state_path', path)
    from manila import coordination  # noqa: F401 - registers the option

    from manila_drivers import compat
    assert compat.MANILA
    drivers = _drivers(links)
    for driver in drivers.values():
        driver.do_setup(None)
    while True:
        order = orders.recv()
        if order is None:
            return
        if isinstance(order, str):
            cfg.CONF.set_override('backend_url', order, 'coordination')
            orders.send(compat.lock_reach().name)
            continue
        gate.wait(60)
        orders.send(_done(drivers, order))


def _done(drivers, order):
    """Answers of calls, each as Manila makes it."""
    answers = []
    for name, method, args, kwargs in order:
        try:
            answers.append(getattr(drivers[name], method)(*args, **kwargs))
        except Exception as exc:  # noqa: BLE001 - whatever it was
            answers.append(f'{type(exc).__name__}: {exc}')
            break
    return answers


class Cluster:
    """A simulated GPFS cluster, by the names of its hosts."""

    def __init__(self):
        self.sim = gpfs.GpfsSim(base='/gpfs0/shares')

    def run(self, name, words, stdin):
        return gpfs.SimHost(self.sim, name).run(command.Command.of(
            *words, stdin=stdin, accept=range(256)))


class Hosts:
    """Two hosts and the storage that both serve."""

    def __init__(self, path: pathlib.Path) -> None:
        self.vast = vast.VmsSim(open_root=False, username='admin',
                                password=PASSWORD)
        self.gluster = gluster.GlusterSim(server=SERVER)
        self.ces = Cluster()
        self.storage = Memory()
        self._path = path
        self._stack = contextlib.ExitStack()
        self._gate = SPAWN.Barrier(HOSTS)
        self._orders = []

    def __enter__(self):
        for number in range(HOSTS):
            here = {'vast': self.vast, 'ces': self.ces,
                    'gluster': self.gluster, 'storage': self.storage,
                    'host': gluster.ManilaHost({SERVER: self.gluster})}
            links = [SPAWN.Pipe() for _ in here]
            for link, _ in links:
                threading.Thread(target=_answer, args=(link, here),
                                 daemon=True).start()
            orders, far = SPAWN.Pipe()
            process = SPAWN.Process(target=_serve, args=(
                str(self._path / f'host{number}'), far,
                [link for _, link in links], self._gate), daemon=True)
            process.start()
            self._stack.callback(process.join, 10)
            self._stack.callback(orders.send, None)
            self._orders.append(orders)
        return self

    def __exit__(self, *args):
        self._stack.close()

    def coordinate(self, url: str) -> set[str]:
        """Give both a coordinator, and return how far locks reach then."""
        for orders in self._orders:
            orders.send(url)
        return {orders.recv() for orders in self._orders}

    def at_once(self, *work):
        """Have each do its calls, and return their answers."""
        for orders, each in zip(self._orders, work, strict=True):
            orders.send(each)
        return [orders.recv() for orders in self._orders]


def _answer(link, here):
    """Answer the calls of one host, one by one."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            name, method, args, kwargs = link.recv()
            link.send(getattr(here[name], method)(*args, **kwargs))


def share_row(ident, size, **fields):
    return {'id': ident, 'share_id': ident, 'name': f'share-{ident}',
            'size': size, 'share_proto': 'NFS', 'host': 'h@b#p',
            'share_type_id': None, **fields}


def limit(sim, ident):
    """GiB of the quotas of a name."""
    return [quota['hard_limit'] // GiB for quota in sim.records('quota')
            if quota['name'] == ident]
