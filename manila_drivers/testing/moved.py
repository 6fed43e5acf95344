# SPDX-License-Identifier: Apache-2.0

"""Older dotted paths of what is in this wing now.

A module has one identity under both paths, so that classes are the same.
"""

from collections.abc import Sequence
import importlib
from importlib import abc
from importlib import machinery
import sys
import types

PLACES = {'manila_drivers.conformance': 'manila_drivers.testing.conformance',
          'manila_drivers.rig': 'manila_drivers.testing.manila',
          'manila_drivers.simulators': 'manila_drivers.testing.simulators'}


class _Moved(abc.MetaPathFinder, abc.Loader):
    """Finds modules below the older paths."""

    def find_spec(self, name: str, path: Sequence[str] | None,
                  target: types.ModuleType | None = None,
                  ) -> machinery.ModuleSpec | None:
        older = '.'.join(name.split('.')[:2])
        if older not in PLACES or older == name:
            return None
        return machinery.ModuleSpec(name, self)

    def create_module(self, spec: machinery.ModuleSpec) -> types.ModuleType:
        older = '.'.join(spec.name.split('.')[:2])
        module = importlib.import_module(
            PLACES[older] + spec.name.removeprefix(older))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave a module that has run already as it is."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def serve(older: str) -> None:
    """Let an older path lead to all that is below the present one."""
    if not any(isinstance(each, _Moved) for each in sys.meta_path):
        sys.meta_path.insert(0, _Moved())
    here = importlib.import_module(PLACES[older])
    sys.modules[older].__dict__.update(
        {name: value for name, value in vars(here).items()
         if not name.startswith('__')}, __path__=[])
