# SPDX-License-Identifier: Apache-2.0

"""The base class of drivers whose backend lacks parts of the protocol.

Such a driver writes ``_make_backend``, ``_create``, ``_clone`` and
``_set_rules``.  This goes when each has a backend as ``driver/backend.py``
says, and derives from ``driver.ShareDriver``.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import access
from manila_drivers import driver
from manila_drivers import model

L = TypeVar('L')


class BackedShareDriver(driver.ShareDriver[Any], Generic[L]):
    """Manila's calls about shares and snapshots, handed to a backend."""

    @property
    def _backend(self) -> L:
        made: L = super()._backend
        return made

    def _make_backend(self) -> L:
        raise NotImplementedError()

    def build_backend(self) -> L:
        return self._make_backend()

    def _create(self, share: model.Share, row: Any) -> list[dict[str, Any]]:
        raise NotImplementedError()

    def _clone(self, share: model.Share, snapshot: Any,
               row: Any) -> dict[str, Any]:
        raise NotImplementedError()

    def _set_rules(self, share: model.Share, rules: Sequence[access.Rule],
                   row: Any) -> Mapping[str, str]:
        raise NotImplementedError()

    def _snapshot(self, row: Any, parent: Any = None) -> Any:
        return model.Snapshot.of(row, parent)

    @driver.driver_call
    def create_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> list[dict[str, Any]]:
        return self._create(model.Share.of(share), share)

    @driver.driver_call
    def create_share_from_snapshot(self, context: Any, share: Any,
                                   snapshot: Any, share_server: Any = None,
                                   parent_share: Any = None,
                                   **kwargs: Any) -> dict[str, Any]:
        return self._clone(model.Share.of(share),
                           self._snapshot(snapshot, parent_share), share)

    @driver.driver_call
    def get_share_status(self, share: Any, share_server: Any = None,
                         **kwargs: Any) -> dict[str, Any]:
        made: Any = self._backend
        status: dict[str, Any] = made.snapshots.status(model.Share.of(share))
        return status

    @driver.driver_call
    def delete_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> None:
        made: Any = self._backend
        value = model.Share.of(share)
        with self._owed.leaving(value.id):
            made.shares.delete(value)

    def _resize(self, share: Any, server: Any, gib: int, *,
                shrink: bool) -> None:
        made: Any = self._backend
        value = model.Share.of(share)
        made.shares.resize(value, gib, shrink=shrink)
        self._owed.resized(value.id, gib)

    @driver.driver_call
    def update_access(self, context: Any, share: Any, access_rules: Any,
                      add_rules: Any = None, delete_rules: Any = None,
                      update_rules: Any = None, share_server: Any = None,
                      **kwargs: Any) -> dict[str, dict[str, str]]:
        value = model.Share.of(share)
        try:
            errors = self._set_rules(value, access.rules_of(access_rules),
                                     share)
        except Exception as exc:
            self._owed.rules_failed(value.id, exc)
            raise
        self._owed.rules_set(value.id)
        return self._rule_states(context, share, errors)

    @driver.driver_call
    def create_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None,
                        **kwargs: Any) -> dict[str, Any]:
        made: Any = self._backend
        taken: dict[str, Any] = made.snapshots.create(
            self._snapshot(snapshot))
        return taken

    @driver.driver_call
    def delete_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None, **kwargs: Any) -> None:
        made: Any = self._backend
        made.snapshots.delete(self._snapshot(snapshot))

    @driver.driver_call
    def manage_existing_snapshot(self, snapshot: Any, driver_options: Any,
                                 **kwargs: Any) -> dict[str, Any]:
        made: Any = self._backend
        found: dict[str, Any] = made.snapshots.manage(
            self._snapshot(snapshot))
        return found
