# SPDX-License-Identifier: Apache-2.0

"""A driver on a simulator over the wire, with what each of them counts."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import os
import random
import socket
import threading
import time
from typing import Any
import urllib.request

from prometheus_client import parser

from manila_drivers import exception
from manila_drivers.direct import backend
from manila_drivers.metrics import catalogue
from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vast
from tests import patience

SECTION = 'storage'
CLIENTS = {'vast': ('192.0.2.%d', None), 'ces': ('192.0.2.%d', None),
           'knfs': ('192.0.2.%d', None), 'generic': ('10.30.0.%d', None),
           'gluster': ('client-%d', 'cert')}


@dataclasses.dataclass(frozen=True)
class Kind:
    """One driver's simulator, and how often it was asked, by transport."""

    make: Callable[[], Any]
    counted: Callable[[Any], Mapping[str, int]]


KINDS = {
    'vast': Kind(vast.Cluster, lambda cluster: {
        'rest': cluster.sim.calls}),
    'gluster': Kind(gluster.Cluster, lambda cluster: {
        'ssh': cluster.ssh.commands, 'ssh_login': cluster.ssh.logins,
        'command': cluster._host.runs}),
    'ces': Kind(gpfs.Cluster, lambda cluster: {
        'ssh': cluster.ssh.commands, 'ssh_login': cluster.ssh.logins}),
    'knfs': Kind(lambda: gpfs.Cluster('KNFS'), lambda cluster: {
        'ssh': cluster.ssh.commands, 'ssh_login': cluster.ssh.logins}),
    'generic': Kind(openstack.CloudCluster, lambda cloud: {
        'rest': cloud.sim.calls, 'ssh': cloud.doors.commands,
        'ssh_login': cloud.doors.ever})}


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        return int(taken.getsockname()[1])


def write(path: Any, cluster: storage.Cluster, state: Any,
          **more: object) -> None:
    """Write a configuration file with the section of a cluster."""
    sections: dict[str, Mapping[str, object]] = {
        'DEFAULT': {'state_path': state, 'root_helper': 'env',
                    **cluster.defaults()}, **cluster.sections(),
        SECTION: {'driver_handles_share_servers': False,
                  **cluster.options(), **more}}
    path.write_text('\n'.join(
        f'[{name}]\n' + ''.join(f'{key} = {value}\n' for key, value in
                                found.items() if value is not None)
        for name, found in sections.items()))


@dataclasses.dataclass
class Bench:
    """A backend that serves metrics, on a simulated cluster."""

    name: str
    kind: Kind
    cluster: Any
    backend: backend.Backend
    url: str
    before: Mapping[str, int]
    #: How operations of the load ended, by operation.
    asked: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def counted(self) -> dict[str, int]:
        """Return what the simulator was asked since the driver was made."""
        return {transport: number - self.before[transport] for
                transport, number in self.kind.counted(self.cluster).items()}

    def scrape(self) -> dict[tuple[str, ...], float]:
        return scraped(self.url)

    def call(self, operation: str, work: Callable[[], Any]) -> Any:
        """Do something, and count it as it ends."""
        try:
            found, ended = work(), 'done'
        except exception.DriverError as exc:
            found, ended = None, catalogue.outcome(exc)
        with self.lock:
            self.asked[operation, ended] += 1
        return found


def scraped(url: str) -> dict[tuple[str, ...], float]:
    """Return values by the name of a metric and the values of its labels.

    Labels in the order of their names, without the backend.
    """
    with urllib.request.urlopen(url, timeout=patience.seconds(20)) as answer:  # noqa: S310
        text = answer.read().decode()
    return {(sample.name, *(value for label, value in
                            sorted(sample.labels.items())
                            if label != 'backend')): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples}


@contextlib.contextmanager
def bench(name: str, tmp_path: Any, monkeypatch: Any) -> Iterator[Bench]:
    kind, port = KINDS[name], free_port()
    with kind.make() as cluster:
        for directory in cluster.programs:
            monkeypatch.setenv('PATH', f'{directory}:{os.environ["PATH"]}')
        path = tmp_path / 'shares.conf'
        write(path, cluster, tmp_path, metrics_port=port)
        with backend.Backend.load(path, SECTION) as made:
            # What setting up costs comes before there are metrics.
            url = made.serve_metrics()
            yield Bench(name, kind, cluster, made, url,
                        kind.counted(cluster))


def load(bench: Bench, workers: int = 3, rounds: int = 1,
         meanwhile: Callable[[], object] = bool) -> None:
    """Make, change and remove shares, by several at once.

    :param meanwhile: called again and again until they are done.
    """
    def work(number: int) -> None:
        dice = random.Random(number)
        for turn in range(rounds):
            one_share(bench, f'share-{number}-{turn}', dice)
            bench.call('get_share_stats', bench.backend.stats)

    threads = [threading.Thread(target=work, args=(number,))
               for number in range(workers)]
    for one in threads:
        one.start()
    end = time.monotonic() + patience.seconds(200)
    while any(one.is_alive() for one in threads):
        assert time.monotonic() < end
        meanwhile()
        time.sleep(0.05)


def one_share(bench: Bench, name: str, dice: random.Random) -> None:
    address, rule = CLIENTS[bench.name]
    made = bench.call('create_share', lambda: bench.backend.shares.create(
        size=1, name=name))
    if made is None:
        return
    for _ in range(dice.randint(1, 3)):
        bench.call('update_access', lambda: made.allow(
            address % dice.randint(10, 99), **(
                {'kind': rule} if rule else {}), widen=True))
    bench.call('extend_share', lambda: made.extend(2 + dice.randint(0, 1)))
    if bench.backend.driver.SHOWS_PLANS:
        bench.call('dry_run', lambda: made.extend(9, plan=True))
    bench.call('delete_share', made.delete)


def told(seen: Mapping[tuple[str, ...], float], transport: str) -> float:
    """Return the round trips of a scrape that got to the other side."""
    return sum(value for key, value in seen.items() if key[0] ==
               'manila_drivers_round_trips_total' and key[2] == transport
               ) - seen.get(('manila_drivers_transport_errors_total',
                             'unreachable', transport), 0)


def differences(bench: Bench) -> list[str]:
    """Return where metrics say another thing than simulator and caller."""
    seen = bench.scrape()
    found = [f'{transport}: {told(seen, transport):g} round trips, the '
             f'simulator was asked {number} times'
             for transport, number in bench.counted().items()
             if told(seen, transport) != number]
    counted = {key[1:]: int(value) for key, value in seen.items()
               if key[0] == 'manila_drivers_operations_total'}
    if counted != dict(bench.asked):
        found.append(f'operations: {counted}, asked for {bench.asked}')
    for operation in {key[0] for key in bench.asked}:
        number = sum(value for key, value in bench.asked.items()
                     if key[0] == operation)
        timed = seen.get(('manila_drivers_operation_seconds_count',
                          operation), 0)
        if timed != number:
            found.append(f'{operation}: {timed:g} of {number} have durations')
    return found + [
        f'{key[1]} goes on' for key, value in seen.items()
        if key[0] == 'manila_drivers_operations_running' and value]
