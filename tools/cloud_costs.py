#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Compares what share servers cost with Manila's Generic driver and with ours.

Both do the same work, on the simulated cloud, and on a real one (root, Debian;
see ``tests/functional/openstack``).  Counted is what each driver's process
sends: requests by service, commands and logins over SSH.

    python tools/cloud_costs.py [simulated] [crowd] [real] [--write PAGE]

Runs in an environment with Manila.  ``--write`` puts the tables between the
two marks of a page.  Exits with 1 if ours costs more than is promised.
"""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import compare_counts  # noqa: E402 (after the path)

from manila_drivers.testing.backends import openstack  # noqa: E402
from manila_drivers.testing.backends import vm_doors  # noqa: E402
from manila_drivers.testing.manila import config  # noqa: E402

WORKER = ROOT / 'tools' / 'compare_worker.py'
MARKS = ('.. cloud costs: begin', '.. cloud costs: end')
UPSTREAM = 'manila.share.drivers.generic.GenericShareDriver'
DRIVERS = {'upstream': UPSTREAM, 'ours': openstack.DRIVER}
SECTION = 'compared'
CLOUDS = {'simulated': 'Simulated cloud',
          'crowd': 'Simulated cloud, many shares', 'real': 'Real cloud'}
#: Seconds for one driver on one cloud.
LIMIT = 1500
#: A rule each, for that many at once; of a real machine, in which Manila's
#: driver looks for names of all that are there, whenever it takes one away.
RULES, FEW = 20, 5
#: Shares of one server at a start, and on the simulator with our driver.
MANY, CROWD = 5, 500

#: What the columns of one driver are.
COLUMNS = ('Neutron', 'other requests', 'commands', 'logins', 's')
#: Operation: (column, at most) for ours.
PROMISED = {
    'set up the next server': (0, 12),
    'create NFS': (2, 2), 'create CIFS': (2, 2),
    'allow a first rule': (2, 2), f'allow {RULES} rules': (2, 2),
    f'allow {FEW} rules': (2, 2),
    'deny a rule': (2, 2), f'start with {MANY} shares': (2, 2),
    f'start with {CROWD} shares': (2, 2)}

Cells = tuple[str, ...]
Costs = dict[str, Cells]


class Session:
    """One driver in its process; what each operation costs."""

    def __init__(self, process: 'subprocess.Popen[str]') -> None:
        self._process = process
        self.costs: Costs = {}
        self.errors: dict[str, str] = {}

    def call(self, operation: str | None, **order: Any) -> None:
        """Have the worker do something; count it unless it has no name.

        :raises RuntimeError: the worker has ended, or fails at what nobody
            counts.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + '\n')
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f'the worker ended at {order}')
        answer = json.loads(line)
        if operation is None:
            if answer['error']:
                raise RuntimeError(f'{order}: {answer["error"]}')
            return
        self.costs[operation] = cells(answer)
        if answer['error']:
            self.errors[operation] = answer['error']


def cells(answer: Mapping[str, Any]) -> Cells:
    counts = collections.Counter(answer['counts'])
    network = counts.pop('network', 0)
    execs, logins = (counts.pop(name, 0) for name in (
        compare_counts.EXECS, compare_counts.LOGINS))
    took = f'{answer["wall"]:.1f}'
    return (str(network), str(sum(counts.values())), str(execs), str(logins),
            took + ' fails' * bool(answer['error']))


def play(session: Session, network: Mapping[str, str], crowd: int,
         rules: int) -> None:
    """Lead a share server and its shares through their lives.

    :param crowd: so many shares, in the end; 0 for none.
    """
    clients = [f'10.0.0.{number + 1}' for number in range(rules + 1)]
    call = session.call
    call('start', call='start')
    call('set up the first server', call='set_up', network=dict(network))
    # The first one may find out what there is.
    call(None, call='create', name='warm', size=1)
    call('create NFS', call='create', name='one', size=1)
    call('create CIFS', call='create', name='windows', size=1,
         protocol='CIFS')
    call('allow a first rule', call='access', name='one', add=clients[:1],
         delete=[])
    call(f'allow {rules} rules', call='access', name='one', add=clients[1:],
         delete=[])
    call('change the level of a rule', call='level', name='one',
         who=clients[1], level='ro')
    call('deny a rule', call='access', name='one', add=[],
         delete=clients[2:3])
    call('extend', call='resize', name='one', size=2)
    call('create snapshot', call='snapshot', name='taken', of='one')
    call('create from snapshot', call='clone', name='copy', of='taken')
    call('delete the copy', call='delete', name='copy')
    call('delete snapshot', call='delete_snapshot', name='taken')
    names = ['warm', 'one', *(f'more-{number}' for number in range(MANY - 2))]
    for name in names[2:]:
        call(None, call='create', name=name, size=1)
    call(f'start with {MANY} shares', call='ensure', names=names)
    if crowd:
        more = [f'crowd-{number}' for number in range(crowd - MANY)]
        call(None, call='create_all', names=more)
        call(f'start with {crowd} shares', call='ensure', names=names + more)
        return
    call('deny all, delete', call='delete', name='one')
    for name in (*names[:1], *names[2:], 'windows'):
        call(None, call='delete', name=name)
    call('tear down the server', call='tear_down')
    call('set up the next server', call='set_up', network=dict(network))
    call(None, call='tear_down')


def measured(words: list[str], start: Callable[..., Any], variables: Mapping[
        str, str], network: Mapping[str, str], crowd: int = 0,
        rules: int = RULES) -> Session:
    """Start a worker, and play."""
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile('w+'))
        process = start(
            [words[0], '-W', 'ignore', str(WORKER), *words[1:]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env=dict(variables))

        def end() -> None:
            """Kill the worker, and what brought it into a namespace."""
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        stack.callback(process.wait, 60)
        stack.callback(end)
        watch = threading.Timer(LIMIT, end)
        stack.callback(watch.cancel)
        watch.start()
        session = Session(process)
        try:
            play(session, network, crowd, rules)
        except RuntimeError as failure:
            errors.seek(0)
            raise RuntimeError(f'{failure}: {errors.read()[-2000:]}'
                               ) from failure
        return session


def simulated(driver: str, crowd: int = 0) -> Session:
    """Play on a simulated cloud of its own."""
    with contextlib.ExitStack() as stack:
        cluster = openstack.CloudCluster(serves=True)
        cluster.sim.options.disk_slots = 2 * CROWD
        cluster.sim.options.pool_gib = 4 * CROWD
        for project in cluster.sim.keystone.projects.values():
            cluster.sim.cinder.store.limits[project.id] = {
                'volumes': 2 * CROWD, 'gigabytes': 4 * CROWD}
        # Manila's driver opens port 22, which here is another one.
        cluster.doors.close()
        cluster.doors = vm_doors.VmDoors(
            cluster.sim, openstack.SERVICE, guarded=False)
        # It takes Nova's name for a disk, and looks for it once.
        builder = cluster.sim.nova.builder
        built = builder.make_machine

        def orderly(*args: Any) -> Any:
            machine = built(*args)
            machine.system.disks.orderly = True
            machine.system.disks.late = (0.0, 0.0)
            return machine

        builder.make_machine = orderly
        stack.enter_context(cluster)
        # Manila's driver takes the first group of that name for its own.
        groups = cluster.sim.neutron.store.rows['security_group']
        for ident in [ident for ident, each in groups.items()
                      if each['name'] == 'manila-service']:
            del groups[ident]
        work = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix='costs-')))
        (work / 'state').mkdir()
        file = work / 'manila.conf'
        more = {'interface_driver':
                'manila.network.linux.interface.NoopInterfaceDriver',
                'max_time_to_build_instance': 60,
                'generic_max_volumes_per_server': 2 * CROWD}
        file.write_text(config.render(config.Settings(work, {
            SECTION: {**cluster.options(driver), **more}},
            {**cluster.defaults(), 'debug': False}, cluster.sections())))
        return measured(
            [sys.executable, driver, str(file), SECTION, 'NFS'],
            lambda *args, **kwargs: subprocess.Popen(
                *args, text=True, start_new_session=True, **kwargs),
            {**os.environ, 'COMPARE_PORTS': '{}', 'PYTHONPATH': str(ROOT),
             'COMPARE_LOCKS': str(work),
             'COMPARE_SSH_PORT': str(cluster.doors.port)},
            cluster.share_network(), crowd)


@contextlib.contextmanager
def real() -> Iterator[Callable[[str], Session]]:
    """Have a real cloud, and a way to play on it."""
    from tests.functional.openstack import api
    from tests.functional.openstack import cloud
    from tests.functional.openstack import configs
    from tests.functional.openstack import manila
    from tests.functional.openstack import places
    from tests.functional.openstack import tenancy
    ports = {str(port): name for name, port in {
        'identity': places.KEYSTONE, 'image': places.GLANCE,
        'compute': places.NOVA, 'network': places.NEUTRON,
        'volume': places.CINDER}.items()}

    with cloud.running(print) as made, made.room.network():
        room = made.room
        network = tenancy.Network(api.Api())

        def on(driver: str) -> Session:
            room.write(places.CONFIG / 'compared.conf', configs.manila(
                room.venv, {SECTION: manila.section(driver, handles=True)}))
            return measured(
                [f'{room.venv}/bin/python', driver,
                 str(places.CONFIG / 'compared.conf'), SECTION, 'NFS'],
                room.box.popen, room.environment(
                    PYTHONPATH=ROOT, COMPARE_PORTS=json.dumps(ports),
                    COMPARE_LOCKS=places.STATE / 'manila'),
                {'neutron_net_id': network.id,
                 'neutron_subnet_id': network.subnet}, rules=FEW)

        try:
            yield on
        finally:
            network.close()


def table(title: str, sessions: Mapping[str, Session]) -> str:
    """Return a list-table of both drivers, for people."""
    theirs, ours = sessions['upstream'], sessions['ours']
    lines = [title, '~' * len(title), '', "Left Manila's driver, right ours.",
             '', '.. list-table::', '   :header-rows: 1', '']
    for row in (('Operation', *COLUMNS * 2), *(
            (name, *theirs.costs.get(name, ('',) * len(COLUMNS)), *cost)
            for name, cost in ours.costs.items())):
        lines += [f'   {"*" if not n else " "} - {cell}'.rstrip()
                  for n, cell in enumerate(row)]
    for name, error in theirs.errors.items():
        said = ' '.join(error.replace('`', "'").split())[:60].rstrip()
        lines += ['', f"``{name}`` of Manila's driver: {said}"]
    return '\n'.join(lines)


def complaints(title: str, ours: Session) -> list[str]:
    """Return where ours fails, or costs more than is promised."""
    found = [f'{title}, {name}: {error}'
             for name, error in ours.errors.items()]
    for name, (column, most) in PROMISED.items():
        cost = ours.costs.get(name)
        if cost and int(cost[column]) > most:
            found.append(f'{title}, {name}: {cost[column]} '
                         f'{COLUMNS[column]}, promised {most}')
    return found


def write(page: pathlib.Path, tables: Mapping[str, str]) -> None:
    """Put tables between the marks of a page; others that are there stay.

    :raises ValueError: the page does not have the marks.
    """
    before, begin, rest = page.read_text(encoding='utf-8').partition(
        MARKS[0] + '\n')
    inner, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise ValueError('%s has no "%s" and "%s"' % (page, *MARKS))
    kept = {section.partition('\n')[0]: section.strip()
            for section in re.split(r'\n(?=[^\n]+\n~~~+\n)', inner)
            if section.strip()}
    text = '\n\n'.join({**kept, **tables}.values())
    page.write_text(f'{before}{begin}\n{text}\n\n{end}{after}',
                    encoding='utf-8')


def compared(title: str, on: Callable[[str], Session],
             ) -> tuple[str, list[str]]:
    sessions = {}
    for name, driver in DRIVERS.items():
        sessions[name] = on(driver)
        print(f'{title}: {name} has played', flush=True)
    return table(title, sessions), complaints(title, sessions['ours'])


def crowded(title: str) -> tuple[str, list[str]]:
    """Return what a start with many shares costs ours, as a section."""
    session = simulated(openstack.DRIVER, CROWD)
    cost = session.costs[f'start with {CROWD} shares']
    return ('%s\n%s\n\nA start with %d shares of one server, ours:\n%s.' % (
        title, '~' * len(title), CROWD, ', '.join(
            f'{cell} {column}' for cell, column in zip(
                cost, COLUMNS, strict=True))), complaints(title, session))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('where', nargs='*', choices=(*CLOUDS, []),
                        help='all if none is named')
    parser.add_argument('--write', type=pathlib.Path, metavar='PAGE')
    args = parser.parse_args(arguments)
    tables, wrong = {}, []
    for where in args.where or CLOUDS:
        title = CLOUDS[where]
        with contextlib.ExitStack() as stack:
            if where == 'crowd':
                tables[title], found = crowded(title)
            else:
                tables[title], found = compared(
                    title, simulated if where == 'simulated'
                    else stack.enter_context(real()))
        wrong += found
        print(tables[title] + '\n', flush=True)
        if args.write:
            write(args.write, tables)
    print('\n'.join(wrong) or 'all as promised')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
