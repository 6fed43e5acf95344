# SPDX-License-Identifier: Apache-2.0

"""A driver that has one backend object do the work.

What Manila says in rows is read here and handed on as values.  A driver
states what is its own::

    class SomeShareDriver(backed.BackedShareDriver[Backend]):

        def _make_backend(self):
            return Backend(settings.read(self.configuration, ...))

        def _create(self, share, row):
            return self._backend.shares.create(share, self.extra_specs(row))

and writes the whole of a method where the one below does not fit.  What a
driver leaves out raises NotImplementedError, as with Manila's own base class,
which is a plain one: so these are not abstract methods.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import logging
import threading
from typing import Any
from typing import Generic
from typing import Protocol
from typing import TypeVar

from manila_drivers import access
from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import misspelt
from manila_drivers import model
from manila_drivers import owed
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)


class Shares(Protocol):
    """What changes shares."""

    def delete(self, share: model.Share, /) -> None: ...

    def resize(self, share: model.Share, gib: int, /, *,
               shrink: bool) -> None: ...


class Backend(Protocol):
    """The parts of a driver below the class that Manila sees.

    ``snapshots`` makes and removes snapshots, as whatever value
    ``BackedShareDriver._snapshot`` makes of a row.
    """

    @property
    def shares(self) -> Shares: ...

    @property
    def snapshots(self) -> Any: ...

    def check(self) -> None: ...

    def info(self) -> dict[str, str]: ...

    def close(self) -> None: ...


B = TypeVar('B', bound=Backend)


class BackedShareDriver(driver.ShareDriver, Generic[B]):
    """Manila's calls about shares and snapshots, handed to a backend."""

    #: Options with the value that switches off a check of whom the driver
    #: talks to, and what that means.
    trusting: Mapping[str, tuple[object, str]] = {}

    _made: B | None = None
    _warned = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        section = getattr(self.configuration, 'config_group', None)
        self._owed = owed.Owed(
            self.private_storage, '%s@%s' % (
                compat.service_host(), section or self.backend_name),
            self.backend_name)
        self._catching_up = threading.Lock()

    def _make_backend(self) -> B:
        """A backend as the options say; does no I/O yet."""
        raise NotImplementedError()

    @property
    def _backend(self) -> B:
        """What do_setup made.

        :raises DriverError: it did not come to its end, and Manila still
            tries.
        """
        if self._made is None:
            raise exception.DriverError(
                'The driver has not been set up',
                check='the errors logged when the service started')
        return self._made

    def get_network_allocations_number(self) -> int:
        return 0

    # -- start -----------------------------------------------------------

    @driver.operation
    def do_setup(self, context: Any, **kwargs: Any) -> None:
        """Read the options; may be called again after a failure."""
        before, self._made = self._made, None
        if before is not None:
            before.close()
        self._warn_of_options()
        self._made = self._make_backend()

    def _warn_of_options(self) -> None:
        """Say once what is misspelt, and which checks are switched off."""
        if self._warned or not self.configuration:
            return
        self._warned = True
        for told in misspelt.warnings(self.configuration, self._options):
            LOG.warning('Backend %s: %s', self.backend_name, told)
        for name, (value, told) in self.trusting.items():
            if self.option(name) == value:
                LOG.warning('Backend %s: %s = %s: %s', self.backend_name,
                            name, value, told)

    @driver.operation
    def check_for_setup_error(self, **kwargs: Any) -> None:
        """Look at everything the driver depends on.

        Raises one clear error for each misconfiguration, naming the option.
        """
        with retry.patience(retry.START):
            self._backend.check()

    @driver.operation
    def get_backend_info(self, context: Any, **kwargs: Any) -> dict[str, str]:
        """What export locations depend on; if it changes, Manila checks.

        So it does while shares are owed a check (``manila_drivers.owed``).
        """
        return {**self._backend.info(), 'owed': self._owed.token()}

    def _ensuring(self) -> None:
        self._owed.ensuring()

    def _ensured(self, shares: Any, answers: Mapping[str, Any],
                 ) -> dict[str, Any]:
        return self._owed.ensured(shares, answers)

    def _catch_up(self) -> None:
        """Check some of the shares again that a start could not check.

        Never raises.
        """
        if not self._catching_up.acquire(blocking=False):
            return
        try:
            rows = self._owed.due()
            if rows:
                self._owed.checked(rows, self._checked_again(rows))
        finally:
            self._catching_up.release()

    def _checked_again(self, rows: Mapping[str, Any]) -> Mapping[str, Any]:
        answers, error = exception.caught_any(
            lambda: self._ensure_shares(None, list(rows.values())))
        if error is None:
            return answers or {}
        LOG.warning('Backend %s: shares could not be checked again: %s',
                    self.backend_name, error)
        return {ident: owed.unfinished(error) for ident in rows}

    # -- shares ----------------------------------------------------------

    @driver.operation
    def create_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> list[dict[str, Any]]:
        """Make a share that nobody can reach yet.

        A repeated call finds what an earlier one made.
        """
        return self._create(model.Share.of(share), share)

    def _create(self, share: model.Share, row: Any) -> list[dict[str, Any]]:
        """Make a share, and return its export locations.

        :param row: Manila's of the share, for its extra specs.
        """
        raise NotImplementedError()

    @driver.operation
    def create_share_from_snapshot(self, context: Any, share: Any,
                                   snapshot: Any, share_server: Any = None,
                                   parent_share: Any = None,
                                   **kwargs: Any) -> dict[str, Any]:
        """Begin a share with a snapshot's content.

        It may still be copied while get_share_status is asked.
        """
        return self._clone(model.Share.of(share),
                           self._snapshot(snapshot, parent_share), share)

    def _clone(self, share: model.Share, snapshot: Any,
               row: Any) -> dict[str, Any]:
        """Begin a share, and return its status and export locations.

        :param snapshot: of :meth:`_snapshot`.
        :param row: Manila's of the share, for its extra specs.
        """
        raise NotImplementedError()

    @driver.operation
    def get_share_status(self, share: Any, share_server: Any = None,
                         **kwargs: Any) -> dict[str, Any]:
        """How far a share from a snapshot is."""
        status: dict[str, Any] = self._backend.snapshots.status(
            model.Share.of(share))
        return status

    @driver.operation
    def delete_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> None:
        """Remove a share; what is gone already is passed over."""
        value = model.Share.of(share)
        with self._owed.leaving(value.id):
            self._backend.shares.delete(value)

    @driver.operation
    def extend_share(self, share: Any, new_size: int,
                     share_server: Any = None, **kwargs: Any) -> None:
        self._resize(model.Share.of(share), int(new_size), shrink=False)

    @driver.operation
    def shrink_share(self, share: Any, new_size: int,
                     share_server: Any = None, **kwargs: Any) -> None:
        self._resize(model.Share.of(share), int(new_size), shrink=True)

    def _resize(self, share: model.Share, gib: int, *, shrink: bool) -> None:
        self._backend.shares.resize(share, gib, shrink=shrink)
        self._owed.resized(share.id, gib)

    # -- access ----------------------------------------------------------

    @driver.operation
    def update_access(self, context: Any, share: Any, access_rules: Any,
                      add_rules: Any = None, delete_rules: Any = None,
                      update_rules: Any = None, share_server: Any = None,
                      **kwargs: Any) -> dict[str, dict[str, str]]:
        """Make access exactly what ``access_rules`` says.

        The other lists say what has changed, which is not needed to know:
        a rule that is in none of them may still be missing on the backend.
        """
        value = model.Share.of(share)
        try:
            errors = self._set_rules(value, access.rules_of(access_rules),
                                     share)
        except Exception as exc:
            self._owed.rules_failed(value.id, exc)
            raise
        self._owed.rules_set(value.id)
        return self._rule_states(context, share, errors)

    def _set_rules(self, share: model.Share, rules: Sequence[access.Rule],
                   row: Any) -> Mapping[str, str]:
        """Make access what the rules say.

        :param row: Manila's of the share, for its extra specs.
        :returns: why a rule could not be honoured, by its access id.
        """
        raise NotImplementedError()

    # -- snapshots -------------------------------------------------------

    def _snapshot(self, row: Any, parent: Any = None) -> Any:
        """What the backend calls a snapshot.

        :param parent: the share it is of, which may come separately.
        """
        return model.Snapshot.of(row, parent)

    @driver.operation
    def create_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None,
                        **kwargs: Any) -> dict[str, Any]:
        """Take a snapshot, or find the one that an earlier call took."""
        taken: dict[str, Any] = self._backend.snapshots.create(
            self._snapshot(snapshot))
        return taken

    @driver.operation
    def delete_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None, **kwargs: Any) -> None:
        """Remove a snapshot; one that is gone is passed over."""
        self._backend.snapshots.delete(self._snapshot(snapshot))

    @driver.operation
    def manage_existing_snapshot(self, snapshot: Any, driver_options: Any,
                                 **kwargs: Any) -> dict[str, Any]:
        """Take over a snapshot of a share that is managed."""
        found: dict[str, Any] = self._backend.snapshots.manage(
            self._snapshot(snapshot))
        return found

    @driver.operation
    def unmanage_snapshot(self, snapshot: Any, **kwargs: Any) -> None:
        """Leave everything as it is: snapshots have no mark of ours."""
