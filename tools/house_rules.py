#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Rules of this repository that no general checker knows.

* Only ``manila_drivers/compat.py`` and ``testing/manila`` know Manila; nobody
  imports eventlet (Manila decides which kind of threads there are).
* No file names a package registry or an index option: where packages come
  from is the business of whoever installs them.
* Every Python file that holds code begins with the licence.
* Decisions do no I/O: modules that plan import no transport, clock or lock.
* Drivers do not import each other, and nobody but the command line imports
  what stands in for backends and tests (testing).
* Tests are packages, so that two of them may have the same file name.
* Docstrings begin with a verb or a noun, not with a relative clause, and
  modules are imported under their own names.

``python tools/house_rules.py`` prints what it finds and exits with 1 if that
is anything.
"""

import ast
from collections.abc import Iterator
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

KNOW_MANILA = ('manila_drivers/compat.py', 'manila_drivers/testing/manila/')

# Written in pieces, because this file is checked too.
REGISTRIES = tuple('.'.join(parts) for parts in (
    ('pypi', 'org'), ('pypi', 'python', 'org'), ('pythonhosted', 'org'),
    ('npmjs', 'org'), ('npmjs', 'com'), ('crates', 'io'),
    ('proxy', 'golang', 'org'), ('deb', 'debian', 'org'),
    ('archive', 'ubuntu', 'com'), ('docker', 'io'), ('quay', 'io'),
))
REGISTRY = re.compile(
    '|'.join(r'(?<![\w-])' + re.escape(host) for host in REGISTRIES)
    + '|--(?:extra-)?' + 'index-url|PIP_(?:EXTRA_)?' + 'INDEX_URL')

LICENCE = '# SPDX-License-Identifier: Apache-2.0'

# Modules that decide, by path below the package, and what they may not import.
# Commands, and what was answered, are values; who runs them is a transport.
PURE = re.compile(
    r'(.*/)?((\w+_)?planning|claims|journal|pool|parsing|records|plan'
    r'|networks|model|layout|names|paths|assessment'
    r'|view_policy|ces_list|exports)\.py|access\.py'
    r'|nas/(?!pending|fleet|servers|catch_up).*\.py')
IMPURE = re.compile(
    r'(time|threading|socket|subprocess|os|requests|paramiko'
    r'|oslo_concurrency|manila_drivers\.(locks|compat|transport))(\.|$)')
VALUES = tuple('manila_drivers.transport.' + name for name in (
    'command', 'remarks', 'verdict'))

# How no docstring begins.
RELATIVE = re.compile(r'(What|Whether|Whoever|The same)\b')
ALIAS = re.compile(r'\w+_module')

DRIVERS = ('vastdata', 'glusterfs', 'ibm', 'generic')
TEST_BED = ('testing',)
# The command line starts simulators; the others are its older dotted paths.
KNOW_TEST_BED = ('cli', 'conformance.py', 'rig.py', 'simulators.py')
# The list of all options, and the command line, know all drivers.
# glusterfs_native.py is an older dotted path of the driver.
KNOW_DRIVERS = ('opts.py', 'cli', 'glusterfs_native.py')


def tracked() -> list[str]:
    """The files that git has, and those it would take."""
    listing = subprocess.run(
        ['git', '-c', f'safe.directory={ROOT}', 'ls-files', '-z', '--cached',
         '--others', '--exclude-standard'],
        cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(set(filter(None, listing.stdout.split('\0'))))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every (line, module) that the code imports, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield node.lineno, f'{node.module}.{alias.name}'
        elif isinstance(node, ast.Call) and called(node.func) in (
                'import_module', '__import__'):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant):
                    yield node.lineno, str(argument.value)


def called(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ''


def check_python(name: str, text: str) -> Iterator[str]:
    """Complaints about one Python file."""
    if not text.strip():
        return
    if LICENCE not in text[:400]:
        yield f'{name}:1: the licence is missing'
    if not name.startswith('manila_drivers/'):
        return
    may_know = name.startswith(KNOW_MANILA)
    for line, module in imported(ast.parse(text, name)):
        top = module.partition('.')[0]
        if top == 'manila' and not may_know:
            yield f'{name}:{line}: imports {module}, which only compat may'
        if top == 'eventlet':
            yield f'{name}:{line}: imports eventlet'


def check_rooms(name: str, text: str) -> Iterator[str]:
    """Complaints about a module that imports what its room may not."""
    inside = name.removeprefix('manila_drivers/')
    room = inside.partition('/')[0]
    if room in TEST_BED:
        return
    pure = PURE.fullmatch(inside)
    for line, module in imported(ast.parse(text, name)):
        ours = module.removeprefix('manila_drivers.').partition('.')[0]
        if not module.startswith('manila_drivers.'):
            ours = ''
        if pure and IMPURE.match(module) and not module.startswith(VALUES):
            yield f'{name}:{line}: decides, and imports {module}'
        if ours in DRIVERS and room not in (ours, *KNOW_DRIVERS):
            yield f'{name}:{line}: imports {module} of a driver'
        if ours in TEST_BED and room not in KNOW_TEST_BED:
            yield f'{name}:{line}: imports {module} of the test bed'


def excluded_prose(text: str) -> Iterator[tuple[int, str]]:
    """Find (line, text) of docstrings and imports that HACKING excludes."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef,
                             ast.AsyncFunctionDef)):
            first = (ast.get_docstring(node) or '').partition('\n')[0]
            if RELATIVE.match(first):
                yield getattr(node, 'lineno', 1), first
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if any(ALIAS.fullmatch(alias.asname or '')
                   for alias in node.names):
                yield node.lineno, ast.unparse(node)


def check_prose(name: str, text: str) -> Iterator[str]:
    """Complaints about docstrings and imports."""
    for line, found in excluded_prose(text):
        yield f'{name}:{line}: HACKING has another form for: {found}'


def check_text(name: str, text: str) -> Iterator[str]:
    """Complaints about any text file."""
    for number, line in enumerate(text.splitlines(), 1):
        found = REGISTRY.search(line)
        if found:
            yield f'{name}:{number}: names a package registry: {found[0]}'


def check_packages(names: list[str]) -> Iterator[str]:
    """Complaints about directories of tests that are not packages."""
    have = set(names)
    for name in names:
        path = pathlib.PurePosixPath(name)
        if path.parts[0] == 'tests' and path.name.startswith('test_'):
            init = str(path.parent / '__init__.py')
            if init not in have:
                yield f'{init}: is missing'


def check(names: list[str], root: pathlib.Path = ROOT) -> Iterator[str]:
    yield from sorted(set(check_packages(names)))
    for name in names:
        path = root / name
        try:
            text = path.read_text(encoding='utf-8')
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        yield from check_text(name, text)
        if path.suffix == '.py':
            yield from check_python(name, text)
            yield from check_prose(name, text)
            if name.startswith('manila_drivers/'):
                yield from check_rooms(name, text)


def main() -> int:
    complaints = list(check(tracked()))
    print('\n'.join(complaints) or 'house rules: nothing to complain about')
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
