# SPDX-License-Identifier: Apache-2.0

"""``python -m tools.mutation [MODULE ...]``: see the package."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

from tools.mutation import report
from tools.mutation import running

HERE = pathlib.Path('tests/mutation')
RESULTS = pathlib.Path('.mutation')


def rooms() -> dict[str, dict[str, list[str]]]:
    """Modules that are looked at together, and the tests about them."""
    return tomllib.loads((HERE / 'rooms.toml').read_text())


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog='python -m tools.mutation')
    parser.add_argument('modules', nargs='*', help='paths of modules, or '
                        'names of rooms; all without any')
    parser.add_argument('--results', type=pathlib.Path, default=RESULTS)
    parser.add_argument('--report', action='store_true',
                        help='only tell what the last runs have found')
    parser.add_argument('--again', action='store_true',
                        help='play only those that survived the last time, '
                        'such as after tests were added')
    parser.add_argument('--play', help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.play:
        return play(chosen.play, chosen.modules, chosen.results,
                    again=chosen.again)
    found = {room: [path for path in parts['modules']
                    if not chosen.modules or room in chosen.modules
                    or path in chosen.modules]
             for room, parts in rooms().items()}
    paths = [path for some in found.values() for path in some]
    unknown = set(chosen.modules) - set(paths) - set(found)
    if unknown:
        parser.error('no room of %s/rooms.toml has %s' % (
            HERE, ', '.join(sorted(unknown))))
    if not chosen.report:
        _play_rooms(found, chosen.results, again=chosen.again)
    return _tell(found, chosen.results)


def _play_rooms(found: Mapping[str, Sequence[str]],
                results: pathlib.Path, *, again: bool) -> None:
    """Each room in a process of its own, which collects its tests."""
    for room, paths in found.items():
        if paths:
            subprocess.run([
                sys.executable, '-m', 'tools.mutation', '--play', room,
                '--results', str(results), *(['--again'] if again else []),
                '--', *paths], check=True)


def play(room: str, modules: Sequence[str], results: pathlib.Path, *,
         again: bool) -> int:
    # There is always something more urgent.
    os.nice(10)
    # Of what never happens for a mutant; see tests/listening.py.
    os.environ.setdefault('MANILA_DRIVERS_TEST_PATIENCE', '5')
    out = os.fdopen(os.dup(1), 'w')

    def say(text: str) -> None:
        print(text, file=out, flush=True)

    def keep(path: pathlib.Path, verdicts: list[running.Verdict]) -> None:
        report.save(results, str(path), verdicts)
        alive = sum(one.status in report.LIVES for one in verdicts)
        say('%s: %d mutants, %d survive, %.0f s' % (
            path, len(verdicts), alive,
            sum(one.seconds for one in verdicts)))

    def known(path: pathlib.Path) -> running.Known:
        return report.killed(_file(results, str(path))) if again else {}

    # The watchdog of the tests has a thread, which no child of ours has.
    return int(pytest.main(
        ['-q', '--no-header', '-p', 'no:cacheprovider',
         '-p', 'no:tests.ending',
         '--assert=plain',
         *rooms()[room]['tests']],
        plugins=[running.Player(list(map(pathlib.Path, modules)), keep,
                                say, known)]) > 1)


def _file(results: pathlib.Path, path: str) -> pathlib.Path:
    return results / (path.replace('/', '.') + '.json')


def _tell(found: Mapping[str, Sequence[str]], results: pathlib.Path) -> int:
    reasons = report.explanations((HERE / 'survivors.txt').read_text())
    modules = []
    for paths in found.values():
        for path in paths:
            file = _file(results, path)
            if file.exists():
                modules.append(report.load(file))
            else:
                print('no results of', path)
    unexplained, idle = report.complaints(modules, reasons)
    for text in idle:
        print('explained, but it', text)
    for text in unexplained:
        print('survives without a reason:', text)
    print('\n'.join(report.table(modules, found, reasons)))
    return 1 if unexplained else 0


sys.exit(main(sys.argv[1:]))
