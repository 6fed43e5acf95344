# SPDX-License-Identifier: Apache-2.0

"""Older dotted paths lead to the same modules."""

import importlib
import pathlib
import pkgutil
import subprocess
import sys

import pytest

import manila_drivers
from manila_drivers.testing import moved
from tests import patience


@pytest.mark.parametrize('older', sorted(moved.PLACES))
def test_every_module_is_there_under_its_older_path(older: str) -> None:
    here = importlib.import_module(moved.PLACES[older])
    names = [each.name for each in pkgutil.iter_modules(here.__path__)
             if each.name not in ('__main__', 'launcher', 'sqlite')]
    assert names
    for name in names:
        module = importlib.import_module(f'{older}.{name}')
        assert module is importlib.import_module(
            f'{moved.PLACES[older]}.{name}')
        assert module.__spec__ is not None
        assert module.__spec__.name == f'{moved.PLACES[older]}.{name}'


def test_a_fresh_process_finds_them() -> None:
    code = ('from manila_drivers.simulators.vast.sim import VmsSim\n'
            'from manila_drivers.simulators import vast\n'
            'import manila_drivers.conformance.suite as suite\n'
            'from manila_drivers.testing.simulators import vast as here\n'
            'assert VmsSim is vast.VmsSim is here.VmsSim\n'
            'from manila_drivers.conformance import lab\n'
            'try:\n'
            '    import manila_drivers.simulators.no_such\n'
            'except ModuleNotFoundError as exc:\n'
            '    print(exc)\n')
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True,
        timeout=patience.seconds(120), check=True,
        cwd=pathlib.Path(manila_drivers.__file__).parents[1])
    assert 'manila_drivers.testing.simulators.no_such' in done.stdout
