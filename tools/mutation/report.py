# SPDX-License-Identifier: Apache-2.0

"""Survivors and their reasons.

``survivors.txt`` has blocks with an empty line between them::

    manila_drivers/networks.py _inside
    - and inner.prefixlen >= outer.prefixlen
    + and inner.prefixlen > outer.prefixlen
    Equivalent: of two networks of one length neither holds the other, and
    the same one does not come twice.

The lines that change, then what they are changed to; several such pairs may
share a reason.  Those in a function that read alike are explained together.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import json
import pathlib
from typing import Any

Key = tuple[str, str, str, str]

#: What becomes of a mutant; without a test that calls the function it is
#: ``UNTESTED``, and counts as one that survived.
KILLED, SURVIVED, HUNG, UNTESTED = 'killed', 'survived', 'hung', 'untested'
LIVES = frozenset({SURVIVED, UNTESTED})


@dataclasses.dataclass(frozen=True)
class Module:
    """Outcomes of the mutants of one module."""

    path: str
    killed: frozenset[Key]
    survived: tuple[Key, ...]
    total: int


def explanations(text: str) -> dict[Key, str]:
    """Reasons by (path, function, before, after).

    :raises ValueError: a block that cannot be understood.
    """
    found: dict[Key, str] = {}
    for block in text.split('\n\n'):
        lines = [line for line in block.splitlines()
                 if line and not line.startswith('#')]
        if not lines:
            continue
        head, *rest = lines
        pairs = [line for line in rest if line[:2] in ('- ', '+ ', '-', '+')]
        why = ' '.join(line.strip() for line in rest if line not in pairs)
        signs = [line[0] for line in pairs]
        if len(head.split()) != 2 or not why or not pairs \
                or signs != ['-', '+'] * (len(pairs) // 2):
            raise ValueError('cannot be understood: %s' % block)
        path, function = head.split()
        for before, after in zip(pairs[::2], pairs[1::2], strict=True):
            found[path, function, before[2:], after[2:]] = why
    return found


def save(directory: pathlib.Path, path: str,
         verdicts: Iterable[Any]) -> None:
    """Keep the verdicts of a module for :func:`load`."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = [{**{name: getattr(one.mutant, name) for name in (
        'function', 'first', 'before', 'after', 'number')},
        'status': one.status, 'test': one.test,
        'seconds': round(one.seconds, 2)} for one in verdicts]
    (directory / (path.replace('/', '.') + '.json')).write_text(
        json.dumps({'path': path, 'mutants': rows}, indent=1))


def load(file: pathlib.Path) -> Module:
    found = json.loads(file.read_text())
    path = found['path']
    keys = [((path, row['function'], row['before'], row['after']),
             row['status']) for row in found['mutants']]
    lives = tuple(key for key, status in keys if status in LIVES)
    return Module(path, frozenset(key for key, _ in keys) - set(lives),
                  lives, len(keys))


def killed(file: pathlib.Path) -> dict[tuple[str, str, str, int], str]:
    """Return what was noticed at the last time, if there was one."""
    rows = json.loads(file.read_text())['mutants'] if file.exists() else ()
    return {(row['function'], row['before'], row['after'], row['number']):
            row['status'] for row in rows if row['status'] not in LIVES}


def table(modules: Sequence[Module], rooms: Mapping[str, Sequence[str]],
          reasons: Mapping[Key, str]) -> list[str]:
    """Figures by module and by room."""
    lines = ['%-45s %7s %7s %8s %6s %9s' % (
        '', 'mutants', 'killed', 'survived', '', 'explained')]
    known = {module.path: module for module in modules}
    everything: list[Module] = []
    for room, paths in rooms.items():
        found = [known[path] for path in paths if path in known]
        lines += [_row(module.path, [module], reasons) for module in found]
        if len(found) > 1:
            lines.append(_row('= ' + room, found, reasons))
        everything += found
    return lines + [_row('= all', everything, reasons)]


def _row(name: str, modules: Sequence[Module],
         reasons: Mapping[Key, str]) -> str:
    total = sum(module.total for module in modules)
    lives = [key for module in modules for key in module.survived]
    return '%-45s %7d %7d %8d %5.1f%% %9d' % (
        name.removeprefix('manila_drivers/'), total, total - len(lives),
        len(lives), 100.0 * len(lives) / total if total else 0.0,
        sum(key in reasons for key in lives))


def complaints(modules: Iterable[Module],
               reasons: Mapping[Key, str]) -> tuple[list[str], list[str]]:
    """Survivors without a reason, and reasons without a survivor."""
    unexplained, idle = [], []
    for module in modules:
        lives = set(module.survived)
        unexplained += ['%s %s\n- %s\n+ %s\n' % key
                        for key in dict.fromkeys(module.survived)
                        if key not in reasons]
        for key in reasons:
            if key[0] == module.path and key not in lives:
                what = 'is killed' if key in module.killed else 'is gone'
                idle.append('%s: %s %s\n- %s\n+ %s\n' % (what, *key))
    return unexplained, idle
