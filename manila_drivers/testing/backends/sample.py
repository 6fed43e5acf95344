# SPDX-License-Identifier: Apache-2.0

"""The files behind the sample driver."""

import ipaddress
import pathlib
import shutil
import tempfile
from typing import Any
from typing import Self

from manila_drivers import networks
from manila_drivers.testing import store
from manila_drivers.testing.backends import storage

DRIVER = 'manila_drivers.testing.sample.SampleShareDriver'


class Cluster(storage.Cluster):
    """A directory; what users have made is its inventory."""

    def __enter__(self) -> Self:
        self._home = pathlib.Path(tempfile.mkdtemp(prefix='sample-'))
        self._root = self._home / 'store'
        self._root.mkdir()
        self.store = store.Store(str(self._root))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def url(self) -> str:
        return self._root.as_uri()

    def options(self, driver: str = DRIVER, /) -> dict[str, object]:
        return {'share_driver': driver, 'sample_directory': self._root}

    def secrets(self) -> dict[str, str]:
        return {}

    def mark(self) -> int:
        return 0

    def requests(self, mark: int) -> list[str]:
        return []

    def asked(self, mark: int) -> list[str]:
        return []

    def level(self, client: str, export: str) -> str | None:
        record = self._share(export)
        rules = record['rules'] if record else {}
        return networks.level_for(
            {ipaddress.ip_network(network): level
             for network, level in rules.items()}, client)

    def inventory(self) -> frozenset[storage.Item]:
        return self._names('shares', 'snapshots')

    def servers(self) -> frozenset[storage.Item]:
        """Return share servers, and what belongs to them."""
        return self._names('servers', 'ports')

    def limit(self, export: str) -> int | None:
        record = self._share(export)
        return int(record['size']) * storage.GIB if record else None

    def fill(self, export: str, used: int) -> None:
        self.store.put('shares', _name(export), {
            **self.store.get('shares', _name(export)), 'used': used})

    def used(self, export: str) -> int | None:
        record = self._share(export)
        return int(record['used']) if record else None

    def stop(self) -> None:
        self._root.rename(self._home / 'off')

    def start(self) -> None:
        (self._home / 'off').rename(self._root)

    def breaks(self, really: bool) -> None:
        """Have set-ups of share servers fail half-way, or no more."""
        if really:
            (self._root / 'broken').touch()
        else:
            (self._root / 'broken').unlink(missing_ok=True)

    def _names(self, *kinds: str) -> frozenset[storage.Item]:
        return frozenset((kind, name) for kind in kinds
                         for name in self.store.names(kind))

    def _share(self, export: str) -> dict[str, Any] | None:
        return self.store.find('shares', _name(export))


def _name(export: str) -> str:
    return export.rpartition('/')[2]
