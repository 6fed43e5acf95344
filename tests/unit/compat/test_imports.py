# SPDX-License-Identifier: Apache-2.0

"""Who may import what."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / 'manila_drivers'


def imported(text):
    """Every module that a text imports, whole or in part."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def breaches(name, text):
    """Return what a module of ours must not import, but does."""
    if name.startswith('testing/manila/'):
        return set()
    forbidden = {'eventlet'} | (set() if name == 'compat.py' else {'manila'})
    return {module for module in imported(text)
            if module.partition('.')[0] in forbidden}


MODULES = sorted(str(path.relative_to(PACKAGE))
                 for path in PACKAGE.rglob('*.py'))


@pytest.mark.parametrize('name', MODULES)
def test_only_compat_names_manila(name):
    assert breaches(name, (PACKAGE / name).read_text()) == set()


@pytest.mark.parametrize('text', [
    'import manila', 'import manila.share.driver', 'from manila import x',
    'from manila.share import driver',
    'def late():\n    from manila import utils', 'import eventlet',
    'try:\n    import manila\nexcept ImportError:\n    pass'])
def test_a_breach_is_caught(text):
    assert breaches('driver.py', text)
    assert not breaches('testing/manila/start.py', text)


def test_compat_may_not_import_eventlet():
    assert breaches('compat.py', 'from eventlet import patcher')
    assert not breaches('compat.py', 'import manila')


# Modules below the driver class know neither Manila nor its double.
CORE = ('exception.py', 'model.py', 'access.py', 'plan.py', 'opts.py',
        'locks.py')


@pytest.mark.parametrize('name', [
    *CORE, *(name for name in MODULES
             if name.startswith(('transport/', 'testing/simulators/',
                                 'standalone/')))])
def test_the_core_does_not_depend_on_compat(name):
    found = set(imported((PACKAGE / name).read_text()))

    assert not {'manila_drivers.compat', 'manila_drivers.driver'} & found


BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('manila', 'eventlet') or name in (
                'manila_drivers.compat', 'manila_drivers.driver'):
            raise AssertionError('imports ' + name)

sys.meta_path.insert(0, Blocker())
"""


def run_blocked(code):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', BLOCKED + code],
        capture_output=True, text=True, timeout=patience.seconds(60),
        env={**os.environ, 'PYTHONPATH': str(ROOT)})


def test_options_are_listed_without_manila():
    done = run_blocked(
        'import manila_drivers\n'
        'from manila_drivers import opts\n'
        'print([group for group, _ in opts.list_opts()])\n'
        'print([group for group, _ in opts.list_standalone_opts()])\n')

    assert done.stderr == ''
    assert done.stdout == (
        "['vast', 'gluster', 'gpfs', 'generic']\n[None, 'backend']\n")


def test_the_blocker_blocks():
    assert 'imports manila' in run_blocked('import manila').stderr
    assert 'imports manila_drivers.compat' in run_blocked(
        'from manila_drivers import driver').stderr or (
        'imports manila_drivers.driver' in run_blocked(
            'from manila_drivers import driver').stderr)
