# SPDX-License-Identifier: Apache-2.0

"""The files that the sample driver takes for its backend."""

import json
import pathlib
from typing import Any

from manila_drivers import exception

Record = dict[str, Any]


class Store:
    """Objects by kind and name, a file each."""

    def __init__(self, directory: str) -> None:
        self._root = pathlib.Path(directory)

    def put(self, kind: str, name: str, record: Record) -> None:
        path = self._path(kind, name)
        path.parent.mkdir(exist_ok=True)
        # Readers see the old record or the new one.
        path.with_suffix('.new').write_text(json.dumps(record))
        path.with_suffix('.new').replace(path)

    def find(self, kind: str, name: str) -> Record | None:
        path = self._path(kind, name)
        return json.loads(path.read_text()) if path.exists() else None

    def get(self, kind: str, name: str) -> Record:
        record = self.find(kind, name)
        if record is None:
            raise exception.NotFound(f'There is no {name} among the {kind}')
        return record

    def drop(self, kind: str, name: str) -> None:
        if name:
            self._path(kind, name).unlink(missing_ok=True)

    def names(self, kind: str) -> list[str]:
        return sorted(path.name for path in self._path(kind, '').glob('*')
                      if path.suffix != '.new')

    @property
    def broken(self) -> bool:
        return (self._root / 'broken').exists()

    def _path(self, kind: str, name: str) -> pathlib.Path:
        if not self._root.is_dir():
            raise exception.Unreachable(f'There is no directory {self._root}')
        return self._root / kind / name
