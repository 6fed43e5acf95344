#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""How much of the house somebody has to walk through, in numbers.

* The way of one ``update_access`` per driver, on its simulator: files of the
  package that it touches, functions that it calls, and how deep.
* Class names that stand for different things, and modules under other names.
* Which part of the anatomy (``HACKING.rst``) each driver has, and in how many
  of its operations a plan is made and run where everybody sees it.
* Lines by room.

``python tools/measure_house.py`` prints the tables.  With ``--check`` it fails
where a number is above what :data:`LIMITS` says, or parts are fewer: that is
what holds today, and is to be tightened as the house improves.  A limit with
nothing to look at fails as well.
"""

import argparse
import ast
import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import pathlib
import sys
import threading
import types
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent

#: At the most; of the parts of the anatomy and of backends, at the least.
LIMITS: Mapping[str, int] = {
    'homonyms': 18,
    'homonyms in the test bed': 28,
    'aliases': 0,
    'lines': 100900,
    'lines of the longest module': 400,
    'lines outside the test bed': 65300,
    'anatomy of generic': 18,
    'planned in generic': 9,
    'anatomy of glusterfs': 18,
    'planned in glusterfs': 8,
    'anatomy of ibm/gpfs': 18,
    'planned in ibm/gpfs': 10,
    'anatomy of vastdata': 18,
    'planned in vastdata': 7,
    # A reader of a driver has these beside the rooms of all drivers.
    'files of vast': 34,
    'own of vast': 16,
    'functions of vast': 172,
    'calls of vast': 290,
    'depth of vast': 22,
    'parts of vast': 9,
    'files of generic': 49,
    'own of generic': 17,
    'functions of generic': 278,
    'calls of generic': 1350,
    'depth of generic': 27,
    'parts of generic': 9,
    'files of gluster': 31,
    'own of gluster': 16,
    'functions of gluster': 140,
    'calls of gluster': 300,
    'depth of gluster': 22,
    'parts of gluster': 9,
    'files of ces': 40,
    'own of ces': 16,
    'functions of ces': 200,
    'calls of ces': 420,
    'depth of ces': 25,
    'parts of ces': 9,
    'files of knfs': 38,
    'own of knfs': 16,
    'functions of knfs': 268,
    # What servers answer is read again behind the changes.
    'calls of knfs': 1850,
    'depth of knfs': 23,
    'parts of knfs': 9,
    'files of gnfs': 39,
    'own of gnfs': 16,
    'functions of gnfs': 265,
    # About a hundred more or less, as the share's id has it.
    'calls of gnfs': 2300,
    'depth of gnfs': 24,
    'parts of gnfs': 9}

DRIVERS = {'vast': 'vastdata', 'gluster': 'glusterfs', 'ces': 'ibm/gpfs',
           'knfs': 'ibm/gpfs', 'gnfs': 'ibm/gpfs', 'generic': 'generic'}
#: Files that every driver has.
ANATOMY = ('driver', 'backend', 'opts', 'settings', 'client', 'errors',
           'records', 'paths', 'planning', 'executor', 'shares', 'snapshots',
           'access', 'health', 'adoption', 'stats', 'checks', 'inventory')
#: Those of them that hold operations.
OPERATIONS = ('shares', 'snapshots', 'access', 'health', 'adoption')
#: Attributes that every backend has.
PARTS = ('shares', 'access', 'snapshots', 'health', 'adoption', 'stats',
         'check', 'info', 'close')
#: What stands for a backend or tests one is no part of a way.
TEST_BED = 'testing'


@dataclasses.dataclass(frozen=True)
class Way:
    """Files and functions that one call goes through.

    :ivar files: modules that it touches.
    :ivar own: those of them in the driver's own package; the others are
        rooms that all drivers go through.
    :ivar functions: different ones that it calls.
    :ivar calls: of them.
    :ivar depth: functions that wait for one another, at the most.
    """

    files: int
    own: int
    functions: int
    calls: int
    depth: int


class _Profiler:
    """Counts what happens in files of a package, in all threads."""

    def __init__(self, package: pathlib.Path) -> None:
        self._package = str(package) + '/'
        self._inside: dict[types.CodeType, str] = {}
        self.calls: collections.Counter[types.CodeType] = (
            collections.Counter())
        self.depth = 0

    def __call__(self, frame: types.FrameType, event: str,
                 argument: Any) -> None:
        if event != 'call' or not self._counts(frame.f_code):
            return
        depth, caller = 1, frame.f_back
        while caller is not None:
            room = self._room(caller.f_code)
            if room == TEST_BED:
                # What a simulator asks of the package is not the driver's.
                if self._below_the_driver(caller):
                    return
            elif self._counts(caller.f_code):
                depth += 1
            caller = caller.f_back
        self.calls[frame.f_code] += 1
        self.depth = max(self.depth, depth)

    def _below_the_driver(self, frame: types.FrameType | None) -> bool:
        while frame is not None:
            if self._room(frame.f_code) not in ('', TEST_BED):
                return True
            frame = frame.f_back
        return False

    def _counts(self, code: types.CodeType) -> bool:
        # Comprehensions are parts of functions.
        return self._room(code) not in ('', TEST_BED) and (
            not code.co_name.startswith('<') or code.co_name == '<lambda>')

    def _room(self, code: types.CodeType) -> str:
        """Name of the directory in the package, '' outside of it."""
        if code not in self._inside:
            inside = code.co_filename.startswith(self._package)
            self._inside[code] = code.co_filename.removeprefix(
                self._package).partition('/')[0] if inside else ''
        return self._inside[code]


def way(call: Callable[[], object], package: pathlib.Path,
        driver: str = '') -> Way:
    """Make a call, and return what it went through.

    :param driver: path of the driver's package below the whole one.
    """
    profiler = _Profiler(package)
    threading.setprofile(profiler)
    sys.setprofile(profiler)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    files = {code.co_filename for code in profiler.calls}
    own = f'{package / driver}/'
    return Way(len(files), sum(name.startswith(own) for name in files),
               len(profiler.calls), profiler.calls.total(), profiler.depth)


# -- drivers on their simulators -------------------------------------------

def labs() -> dict[str, Callable[[], Any]]:
    """Return what makes a lab of each driver."""
    from manila_drivers.testing.conformance.labs import generic
    from manila_drivers.testing.conformance.labs import gluster
    from manila_drivers.testing.conformance.labs import gpfs
    from manila_drivers.testing.conformance.labs import gpfs_nfs
    from manila_drivers.testing.conformance.labs import vast
    return {'vast': vast.VastLabs(), 'gluster': gluster.GlusterLabs(),
            'ces': gpfs.GpfsLabs(), 'knfs': gpfs_nfs.labs('KNFS'),
            'gnfs': gpfs_nfs.labs('GNFS'), 'generic': generic.GenericLabs()}


def of_update_access(lab: Any, driver: str = '') -> Way:
    """The way of the first rule of a share, with a warm driver."""
    from manila_drivers.testing.conformance import stage
    scene = stage.Stage(lab)
    manager, rule = scene.manager, scene.rule()
    manager.update(manager.create(), add=[scene.rule()])
    share = manager.create()
    row = manager.row(share, 'dict')
    rules = manager.rule_rows(share, [rule])
    errors: list[Any] = []
    found = way(lambda: errors.append(manager.driver.update_access(
        None, row, rules, rules, [])), ROOT / 'manila_drivers', driver)
    if errors != [{}] and errors != [None]:
        raise RuntimeError(f'The rule was refused: {errors}')
    return found


def parts_of(lab: Any) -> set[str]:
    """Parts that the backend of a driver has."""
    driver = lab.make_driver()
    return {name for name in PARTS if hasattr(driver._backend, name)}


# -- texts -----------------------------------------------------------------

def modules(package: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Path below the package and text of each module."""
    for path in sorted(package.rglob('*.py')):
        yield (path.relative_to(package).as_posix(),
               path.read_text(encoding='utf-8'))


def homonyms(package: pathlib.Path, *, test_bed: bool = False,
             ) -> dict[str, list[str]]:
    """Names of classes that several modules define, with these."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    for name, text in modules(package):
        if name.startswith(TEST_BED + '/') != test_bed:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip('_')].append(name)
    return {name: where for name, where in sorted(found.items())
            if len(set(where)) > 1}


def aliases(package: pathlib.Path) -> list[str]:
    """Imports of modules under the name of NAME_module."""
    return [f'{name}:{node.lineno}' for name, text in modules(package)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            and any((alias.asname or '').endswith('_module')
                    for alias in node.names)]


def anatomy(package: pathlib.Path, driver: str) -> set[str]:
    """Files of the anatomy that the package of a driver has."""
    return {name for name in ANATOMY
            if (package / driver / f'{name}.py').exists()}


def operations(package: pathlib.Path, driver: str) -> dict[str, bool]:
    """Public methods of a driver's operations, by ``file.Class.method``.

    :returns: whether the body itself has something planned and runs it.
    """
    found = {}
    for room in OPERATIONS:
        path = package / driver / f'{room}.py'
        tree = ast.parse(path.read_text('utf-8') if path.exists() else '')
        for made in tree.body:
            if not isinstance(made, ast.ClassDef) or made.name[0] == '_':
                continue
            for method in made.body:
                if isinstance(method, ast.FunctionDef) \
                        and method.name[0] != '_':
                    found[f'{room}.{made.name}.{method.name}'] = _planned(
                        method)
    return found


def _planned(method: ast.FunctionDef) -> bool:
    called = [ast.unparse(node.func) for node in ast.walk(method)
              if isinstance(node, ast.Call)]
    # Servers of one kind plan by themselves: Fleet.planned_access().
    return any('planning.' in name or '.planned' in name
               for name in called) and any(
        name.rpartition('.')[2] in ('run', '_run') for name in called)


def lines(package: pathlib.Path) -> dict[str, int]:
    """Lines by room; modules without one belong to the room ``.``."""
    found: dict[str, int] = collections.Counter()
    for name, text in modules(package):
        first, _, rest = name.partition('/')
        room = '.' if not rest else f'{first}/{rest.partition("/")[0]}' \
            if first == TEST_BED and '/' in rest else first
        found[room] += len(text.splitlines())
    return dict(found)


# -- the whole ---------------------------------------------------------------

def texts(package: pathlib.Path) -> dict[str, int]:
    """Measure what can be read, by the names of limits."""
    by_room = lines(package)
    found = {'homonyms': len(homonyms(package)),
             'homonyms in the test bed': len(homonyms(package,
                                                      test_bed=True)),
             'aliases': len(aliases(package)),
             'lines': sum(by_room.values()),
             'lines of the longest module': max(
                 [len(text.splitlines()) for _, text in modules(package)],
                 default=0),
             'lines outside the test bed': sum(
                 count for room, count in by_room.items()
                 if room.partition('/')[0] != TEST_BED)}
    for driver in sorted(set(DRIVERS.values())):
        found[f'anatomy of {driver}'] = len(anatomy(package, driver))
        found[f'planned in {driver}'] = sum(
            operations(package, driver).values())
    return found


def ways() -> dict[str, int]:
    """Measure what runs, by the names of limits."""
    found = {}
    for name, make in labs().items():
        lab = make()
        try:
            one = of_update_access(lab, DRIVERS[name])
            for field, number in dataclasses.asdict(one).items():
                found[f'{field} of {name}'] = number
            found[f'parts of {name}'] = len(parts_of(lab))
        finally:
            lab.close()
    return found


def exceeded(found: Mapping[str, int],
             limits: Mapping[str, int]) -> list[str]:
    """Return what is beyond its limit, or has nothing to be compared with."""
    told = []
    for name, limit in limits.items():
        number = found.get(name)
        least = name.startswith(('anatomy', 'parts', 'planned'))
        if number is None:
            told.append(f'{name}: was not measured')
        elif number < limit if least else number > limit:
            told.append(f'{name}: {number}, and not '
                        f'{"at least" if least else "at most"} {limit}')
        elif not least and not number and limit:
            told.append(f'{name}: there was nothing to look at')
    return told + [f'{name}: has no limit' for name in found
                   if name not in limits]


def table(package: pathlib.Path, found: Mapping[str, int]) -> str:
    """Everything, for people."""
    rows = ['update_access        files  own  functions  calls  depth']
    rows += [f'{name:<20} {found[f"files of {name}"]:>5}'
             f'{found[f"own of {name}"]:>5}'
             f'{found[f"functions of {name}"]:>11}'
             f'{found[f"calls of {name}"]:>7}{found[f"depth of {name}"]:>7}'
             for name in DRIVERS if f'files of {name}' in found]
    rows += ['', 'The anatomy of a driver']
    folders = sorted(set(DRIVERS.values()))
    have = {folder: anatomy(package, folder) for folder in folders}
    rows += [f'{name + ".py":<20}' + ''.join(
        f'{folder if name in have[folder] else "-":>12}'
        for folder in folders) for name in ANATOMY]
    rows += ['', 'Other files: ' + ', '.join(
        f'{folder} {len(list((package / folder).rglob("*.py"))) - len(some)}'
        for folder, some in have.items())]
    planned = {folder: operations(package, folder) for folder in folders}
    rows += ['', 'Operations that plan and run in their body: ' + ', '.join(
        f'{folder} {sum(some.values())} of {len(some)}'
        for folder, some in planned.items())]
    rows += ['', 'Parts of a backend, of %d: ' % len(PARTS) + ', '.join(
        f'{name} {found[f"parts of {name}"]}' for name in DRIVERS
        if f'parts of {name}' in found)]
    rows += ['', 'Class names that several modules define']
    rows += [f'{name:<20} {", ".join(where)}'
             for name, where in homonyms(package).items()]
    rows += ['', f'Modules under other names: {len(aliases(package))}', '']
    by_room = lines(package)
    rows += [f'{room:<24}{count:>7} lines'
             for room, count in sorted(by_room.items())]
    rows.append(f'{"all":<24}{sum(by_room.values()):>7} lines')
    return '\n'.join(rows)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--check', action='store_true',
                        help='fail beyond the limits; print these alone')
    parser.add_argument('--limits', action='store_true',
                        help='print what is measured as limits')
    chosen = parser.parse_args(arguments)
    package = ROOT / 'manila_drivers'
    found = {**texts(package), **ways()}
    if chosen.limits:
        print(''.join(f'    {name!r}: {number},\n'
                      for name, number in found.items()), end='')
        return 0
    if not chosen.check:
        print(table(package, found))
        return 0
    told = exceeded(found, LIMITS)
    print('\n'.join(told) or f'{len(LIMITS)} limits, none exceeded')
    return 1 if told else 0


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
