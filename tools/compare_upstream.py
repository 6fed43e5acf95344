#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Compares what operations cost with Manila's own drivers and with ours.

For each backend, Manila's driver and ours do the same work on a fresh
simulated cluster: how many requests or commands the backend saw, how many
round trips that took (to several servers at once, or one after the other), how
long each call took, and how much processor time the driver's process used.

    python tools/compare_upstream.py [--only vast] [--write PAGE]

Runs in an environment with Manila (``tox -e compare``) and OpenSSH's client.
``--write`` puts the tables between the two marks of a page.  Exits with 1 if
an operation of ours needs more requests, or clearly more time.
"""

import argparse
from collections.abc import Mapping
import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
from typing import Any

import places

from manila_drivers.testing.manila import config

WORKER = pathlib.Path(__file__).with_name('compare_worker.py')
MARKS = ('.. compared: begin', '.. compared: end')
ROUNDS = 3
# Seconds for one driver; a call that hangs ends the run.
LIMIT = 600
SECTION = 'compared'
# What Manila's drivers answer without asking, and ours looks up; and what ours
# checks once before it serves.
LOOKS = ('start with', 'statistics')
CHECKS = 'start'


@dataclasses.dataclass
class Cost:
    requests: list[int]
    trips: list[int]
    wall: list[float]
    cpu: list[float]
    error: str = ''

    def medians(self) -> tuple[float, ...]:
        """Requests, round trips, milliseconds, those of the processor."""
        return (statistics.median(self.requests),
                statistics.median(self.trips),
                statistics.median(self.wall) * 1000,
                statistics.median(self.cpu) * 1000)

    def cells(self) -> list[str]:
        return ['fails', '', '', ''] if self.error else [
            form % figure for form, figure in zip(
                ('%d', '%d', '%.1f', '%.1f'), self.medians(), strict=True)]


class Session:
    """One driver in its process; what each operation costs."""

    def __init__(self, place: places.Place, process: 'subprocess.Popen[str]'
                 ) -> None:
        self._place = place
        self._process = process
        self.costs: dict[str, Cost] = {}

    def call(self, operation: str | None, **order: Any) -> str:
        """Have the worker do something; count it unless it has no name."""
        assert self._process.stdin
        assert self._process.stdout
        requests, trips = self._place.requests(), self._place.trips()
        self._process.stdin.write(json.dumps(order) + '\n')
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError('the worker ended at %s' % order)
        answer = json.loads(line)
        if operation is not None:
            cost = self.costs.setdefault(operation, Cost([], [], [], []))
            cost.requests.append(self._place.requests() - requests)
            cost.trips.append(self._place.trips() - trips)
            cost.wall.append(answer['wall'])
            cost.cpu.append(answer['cpu'])
            cost.error = cost.error or answer['error']
        return str(answer['error'])


def play(session: Session, backend: places.Backend, protocol: str) -> None:
    """Equal work for every driver; operations in the order of a life."""
    clients = ['client-%d' % n if protocol == 'GLUSTERFS'
               else '10.%d.%d.%d' % (n // 65536, n // 256 % 256, n % 256)
               for n in range(1, backend.rules + 3)]
    error = session.call('start', call='start')
    if error:
        raise RuntimeError('it does not start: ' + error)
    session.call(None, call='create', name='warm')
    session.call(None, call='stats')
    for number in range(ROUNDS):
        # Once is enough for what takes some drivers many seconds.
        few = clients if not number else clients[:3]
        life(session, 'share-%d' % number, few)
    names = ['many-%d' % number for number in range(backend.many - 1)]
    for name in names:
        session.call(None, call='create', name=name)
    for _ in range(ROUNDS):
        session.call('start with %d shares' % backend.many, call='ensure',
                     names=['warm', *names])
        session.call('statistics', call='stats')


def life(session: Session, name: str, clients: list[str]) -> None:
    """Calls about one share, from its creation to its end."""
    one, two, *rest = clients
    session.call('create', call='create', name=name)
    session.call('allow, first rule', call='access', name=name,
                 add=[one], delete=[])
    session.call('allow, second rule', call='access', name=name,
                 add=[two], delete=[])
    session.call('deny', call='access', name=name, add=[], delete=[two])
    if len(rest) > 1:
        many_rules(session, name, rest)
    session.call('extend', call='resize', name=name, size=3)
    session.call('shrink', call='resize', name=name, size=2)
    session.call('create snapshot', call='snapshot', name='one', of=name)
    session.call('delete snapshot', call='delete_snapshot', name='one')
    session.call('deny a rule, delete', call='delete', name=name)


def many_rules(session: Session, name: str, clients: list[str]) -> None:
    """Rules beside a first one, and a change among them."""
    *most, last = clients
    session.call('allow %d rules at once' % len(most), call='access',
                 name=name, add=most, delete=[])
    for _ in range(ROUNDS):
        session.call('allow one more', call='access', name=name, add=[last],
                     delete=[])
        session.call('deny one of them', call='access', name=name, add=[],
                     delete=[last])
    session.call('deny %d rules at once' % len(most), call='access',
                 name=name, add=[], delete=most)


def measure(backend: places.Backend, upstream: bool) -> dict[str, Cost]:
    """One driver on a cluster of its own."""
    driver = backend.upstream if upstream else backend.ours
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(backend.place(upstream))
        work = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix='compare-')))
        file = work / 'manila.conf'
        (work / 'state').mkdir()
        file.write_text(config.render(config.Settings(work, {
            SECTION: {**place.cluster.options(driver), **place.options}},
            {**place.cluster.defaults(), 'debug': False})))
        errors = stack.enter_context((work / 'errors').open('w'))
        process = stack.enter_context(subprocess.Popen(
            [sys.executable, '-W', 'ignore', str(WORKER), driver, str(file),
             SECTION, place.protocol],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            text=True, env={**os.environ, **place.environment}))
        stack.callback(process.kill)
        watch = threading.Timer(LIMIT, process.kill)
        stack.callback(watch.cancel)
        watch.start()
        session = Session(place, process)
        play(session, backend, place.protocol)
        return session.costs


def table(backend: places.Backend, theirs: Mapping[str, Cost],
          ours: Mapping[str, Cost]) -> str:
    """A list-table of both, for people."""
    head = ['Operation', backend.counted, 'round trips', 'ms', 'CPU ms',
            backend.counted, 'round trips', 'ms', 'CPU ms']
    lines = [backend.title, '-' * len(backend.title), '',
             "Left Manila's driver, right ours.", '',
             '.. list-table::', '   :header-rows: 1', '']
    for row in (head, *([name, *theirs[name].cells(), *cost.cells()]
                        for name, cost in ours.items() if name in theirs)):
        lines += [f'   {"*" if not n else " "} - {cell}'.rstrip()
                  for n, cell in enumerate(row)]
    for name, cost in theirs.items():
        if cost.error:
            said = cost.error.splitlines()[0].replace('`', "'")[:32].rstrip()
            lines += ['', f"``{name}`` of Manila's driver: {said}"]
    return '\n'.join(lines)


def excused(name: str, theirs: float) -> bool:
    """Tell whether ours may ask more than Manila's driver does."""
    return name == CHECKS or not theirs and name.startswith(LOOKS)


def worse(backend: places.Backend, theirs: Mapping[str, Cost],
          ours: Mapping[str, Cost]) -> list[str]:
    """Where we need more than Manila's driver, or fail."""
    if not ours or not set(theirs) <= set(ours):
        return [f'{backend.title}: there are no figures of ours']
    found = []
    for name, cost in ours.items():
        other = theirs.get(name)
        if cost.error:
            found.append(f'{backend.title}, {name}: fails: {cost.error}')
        elif other and not other.error:
            mine, its = cost.medians(), other.medians()
            if mine[0] > its[0] and not excused(name, its[0]):
                found.append(f"{backend.title}, {name}: {mine[0]:.0f} "
                             f"requests, Manila's driver {its[0]:.0f}")
            if mine[2] > 1.25 * its[2] + 2 and not excused(name, its[0]):
                found.append(f"{backend.title}, {name}: {mine[2]:.0f} ms, "
                             f"Manila's driver {its[2]:.0f}")
    return found


def write(page: pathlib.Path, text: str) -> None:
    """Put the tables between the marks of a page.

    :raises ValueError: the page does not have the marks.
    """
    old = page.read_text(encoding='utf-8')
    before, begin, rest = old.partition(MARKS[0] + '\n')
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise ValueError('%s has no "%s" and "%s"' % (page, *MARKS))
    page.write_text(before + begin + '\n' + text + '\n\n' + end + after,
                    encoding='utf-8')


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--only', action='append', choices=places.BACKENDS)
    parser.add_argument('--write', type=pathlib.Path, metavar='PAGE')
    args = parser.parse_args(arguments)
    tables, complaints = [], []
    for backend in map(
            places.BACKENDS.__getitem__, args.only or places.BACKENDS):
        theirs, ours = (measure(backend, upstream)
                        for upstream in (True, False))
        tables.append(table(backend, theirs, ours))
        complaints += worse(backend, theirs, ours)
        print(tables[-1] + '\n', flush=True)
    if args.write:
        write(args.write, '\n\n'.join([
            'Manila %s, medians.' % importlib.metadata.version('manila'),
            *tables]))
    print('\n'.join(complaints) or "nowhere more than Manila's drivers")
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
