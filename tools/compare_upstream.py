#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Compares what operations cost with Manila's own drivers and with ours.

For each backend, Manila's driver and ours do the same work on a fresh
simulated cluster: how many requests or commands the backend saw, how many
round trips that took (to several servers at once, or one after the other), how
long each call took, and how much processor time the driver's process used.

    python tools/compare_upstream.py [--only vast] [--write PAGE]

Runs in an environment with Manila (``tox -e compare``) and OpenSSH's client.
``--write`` puts the tables between the two marks of a page; those of other
backends stay as they are.  Exits with 1 if
an operation of ours needs more requests, or clearly more time.
"""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import re
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
# Statistics until ours have looked at all that was changed before.
SETTLED = 30
# Seconds for one driver; a call that hangs ends the run.
LIMIT = 600
SECTION = 'compared'
# What Manila's drivers answer without asking, and ours looks up; and what ours
# checks once before it serves.
LOOKS = ('start with', 'statistics')
CHECKS = 'start'


@dataclasses.dataclass
class Cost:
    """Keep the figures of one operation, of each time that it was done.

    :param counts: what reached the cluster, one figure for each column.
    """

    counts: list[tuple[int, ...]]
    wall: list[float]
    cpu: list[float]
    error: str = ''

    def counted(self) -> list[float]:
        return [statistics.median(column)
                for column in zip(*self.counts, strict=True)]

    def total(self, columns: Sequence[int]) -> float:
        return statistics.median(
            sum(count[each] for each in columns) for count in self.counts)

    def took(self) -> float:
        """Return milliseconds."""
        return statistics.median(self.wall) * 1000

    def cells(self) -> list[str]:
        figures = self.counted()
        if self.error:
            return ['fails', *([''] * (len(figures) + 1))]
        return [*(f'{figure:.0f}' for figure in figures),
                f'{self.took():.1f}',
                f'{statistics.median(self.cpu) * 1000:.1f}']


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
        before, computed = self._place.counts(), self._place.computed()
        self._process.stdin.write(json.dumps(order) + '\n')
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError('the worker ended at %s' % order)
        answer = json.loads(line)
        if operation is not None:
            cost = self.costs.setdefault(operation, Cost([], [], []))
            cost.counts.append(tuple(
                now - then for now, then in zip(
                    self._place.counts(), before, strict=True)))
            cost.wall.append(answer['wall'] - (
                self._place.computed() - computed))
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
        life(session, 'share-%d' % number, few, clones=backend.clones)
    names = ['many-%d' % number for number in range(backend.many - 1)]
    session.call(None, call='create_all', names=names)
    for _ in range(SETTLED):
        session.call(None, call='stats')
    for _ in range(ROUNDS):
        session.call('start with %d shares' % backend.many, call='ensure',
                     names=['warm', *names])
        session.call('statistics', call='stats')


def life(session: Session, name: str, clients: list[str], *,
         clones: bool) -> None:
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
    if clones:
        clone(session, name)
    session.call('extend', call='resize', name=name, size=3)
    session.call('shrink', call='resize', name=name, size=2)
    session.call('create snapshot', call='snapshot', name='one', of=name)
    session.call('delete snapshot', call='delete_snapshot', name='one')
    session.call('deny a rule, delete', call='delete', name=name)


def clone(session: Session, name: str) -> None:
    """A share from a snapshot: of one that never shrank.

    Manila's driver for Generic shrinks file systems and not volumes, which
    then are too large for a share of their size.
    """
    session.call(None, call='snapshot', name='source', of=name)
    session.call('create from snapshot', call='clone', name='clone',
                 of='source')
    session.call(None, call='delete', name='clone')
    session.call(None, call='delete_snapshot', name='source')


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
            {**place.cluster.defaults(), 'debug': False},
            place.cluster.sections())))
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
    head = ['Operation', *[*backend.counted, 'ms', 'CPU ms'] * 2]
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
            found += [f'{backend.title}, {name}: {more}' for more in above(
                backend, name, cost, other)
                if not excused(name, other.total(backend.needs[0]))]
    return found


def above(backend: places.Backend, name: str, ours: Cost, theirs: Cost,
          ) -> list[str]:
    """Tell by which figures an operation of ours needs more."""
    found = []
    allowed = backend.allowed.get(name, (0,) * len(backend.needs))
    for columns, most in zip(backend.needs, allowed, strict=True):
        mine, its = ours.total(columns), theirs.total(columns)
        if mine > max(its, most):
            what = ' + '.join(backend.counted[each] for each in columns)
            found.append(f"{mine:.0f} ({what}), Manila's driver {its:.0f}")
    if ours.took() > 1.25 * theirs.took() + 2:
        found.append(f"{ours.took():.0f} ms, Manila's driver "
                     f"{theirs.took():.0f}")
    return found


def write(page: pathlib.Path, head: str, tables: Mapping[str, str]) -> None:
    """Put the tables between the marks of a page, in the order of backends.

    Those of backends that were not compared stay.

    :raises ValueError: the page does not have the marks.
    """
    old = page.read_text(encoding='utf-8')
    before, begin, rest = old.partition(MARKS[0] + '\n')
    inner, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise ValueError('%s has no "%s" and "%s"' % (page, *MARKS))
    kept = {section.partition('\n')[0]: section.strip()
            for section in re.split(r'\n(?=[^\n]+\n---+\n)', inner)}
    all_tables = {**kept, **tables}
    text = '\n\n'.join([head, *(
        all_tables[each.title] for each in places.BACKENDS.values()
        if each.title in all_tables)])
    page.write_text(before + begin + '\n' + text + '\n\n' + end + after,
                    encoding='utf-8')


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--only', action='append', choices=places.BACKENDS)
    parser.add_argument('--write', type=pathlib.Path, metavar='PAGE')
    args = parser.parse_args(arguments)
    tables, complaints = {}, []
    for backend in map(
            places.BACKENDS.__getitem__, args.only or places.BACKENDS):
        theirs, ours = (measure(backend, upstream)
                        for upstream in (True, False))
        tables[backend.title] = table(backend, theirs, ours)
        complaints += worse(backend, theirs, ours)
        print(tables[backend.title] + '\n', flush=True)
    if args.write:
        write(args.write, 'Manila %s, medians.'
              % importlib.metadata.version('manila'), tables)
    print('\n'.join(complaints) or "nowhere more than Manila's drivers")
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
