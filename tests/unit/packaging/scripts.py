# SPDX-License-Identifier: Apache-2.0


"""The scripts below tools/, which is no package, as modules."""

import importlib.util
import pathlib
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[3]


def load(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(
        name, ROOT / 'tools' / f'{name}.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Scripts import each other by these names.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
