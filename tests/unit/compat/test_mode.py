# SPDX-License-Identifier: Apache-2.0

"""Which half is loaded, and that a broken Manila is not taken for none."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]

# What it asks of Manila's exceptions is asked at import.
TRANSLATE = ROOT / 'manila_drivers' / 'driver' / 'manila_errors.py'

PROBE = """
from manila_drivers import compat
from manila_drivers import driver
print(compat.MANILA, *{one.__module__ for one in driver.ShareDriver.__mro__[1:]
                       if one.__name__ == 'ShareDriver'})
"""

# A package that has the parts that compat asks for, and nothing else.
WHOLE = {
    'manila/__init__.py': '',
    'manila/exception.py': '\n'.join(
        f'class {name}(Exception): message = ""'
        for name in sorted(set(re.findall(
            r'errors\.([A-Z]\w+)', TRANSLATE.read_text())))),
    'manila/common/__init__.py': '',
    'manila/common/constants.py': '',
    'manila/share/__init__.py': '',
    'manila/share/driver.py':
        'class ShareDriver: pass\n'
        'class ExecuteMixin: pass\n'
        'class GaneshaMixin: pass\n'}


def package(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(path, code=PROBE, **env):
    """Run code where a package named manila is found first in ``path``."""
    clean = {key: value for key, value in os.environ.items()
             if key != 'MANILA_DRIVERS_STANDALONE'}
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code], capture_output=True,
        text=True, timeout=patience.seconds(60),
        env={**clean, **env, 'PYTHONPATH': f'{path}:{ROOT}'})


BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'manila':
            raise ModuleNotFoundError('blocked', name=name)

sys.meta_path.insert(0, Blocker())
"""


def test_no_manila_means_standalone(tmp_path):
    done = run(tmp_path, BLOCKER + PROBE)

    assert done.stdout.split() == [
        'False', 'manila_drivers.standalone.base']


def test_manila_is_used_where_it_is(tmp_path):
    package(tmp_path, WHOLE)

    assert run(tmp_path).stdout.split() == ['True', 'manila.share.driver']


@pytest.mark.parametrize('value', ['1', 'true', 'YES'])
def test_standalone_can_be_forced(tmp_path, value):
    package(tmp_path, WHOLE)

    done = run(tmp_path, MANILA_DRIVERS_STANDALONE=value)

    assert done.stdout.split()[0] == 'False'


@pytest.mark.parametrize('value', ['', '0', 'false'])
def test_other_values_force_nothing(tmp_path, value):
    package(tmp_path, WHOLE)

    done = run(tmp_path, MANILA_DRIVERS_STANDALONE=value)

    assert done.stdout.split()[0] == 'True'


@pytest.mark.parametrize('gone', [
    'manila/exception.py', 'manila/common/constants.py',
    'manila/share/driver.py', 'manila/__init__.py'])
def test_a_manila_that_lacks_a_part_is_an_error(tmp_path, gone):
    package(tmp_path, {name: text for name, text in WHOLE.items()
                       if name != gone})
    if gone == 'manila/__init__.py':
        # A directory of that name without any of the modules.
        for path in tmp_path.rglob('*.py'):
            path.unlink()

    done = run(tmp_path)

    assert done.returncode == 1
    assert done.stdout == ''
    assert 'Error' in done.stderr


@pytest.mark.parametrize(('name', 'text'), [
    ('manila/__init__.py', 'import no_such_dependency'),
    ('manila/__init__.py', 'import manila.no_such_module'),
    ('manila/__init__.py', 'raise RuntimeError("broken")'),
    ('manila/share/driver.py', 'import no_such_dependency'),
    ('manila/share/driver.py', 'from manila import no_such_name'),
    ('manila/share/driver.py', 'this is no Python')])
def test_a_manila_that_cannot_be_imported_is_an_error(tmp_path, name, text):
    package(tmp_path, {**WHOLE, name: text})

    done = run(tmp_path)

    assert done.returncode == 1
    assert done.stdout == ''
