# SPDX-License-Identifier: Apache-2.0

"""The base class of our drivers: the skin that Manila sees.

A driver is a class with constants and a backend::

    class SomeShareDriver(driver.ShareDriver[backend.Backend]):

        OPTS = opts.SOME_OPTS
        VENDOR = 'Some'
        STORAGE_PROTOCOL = 'NFS'
        CAPABILITIES = {'snapshot_support': True}

        def build_backend(self):
            return backend.Backend(
                settings.read(self.configuration, self.backend_name),
                lock=self.lock, private_storage=self.private_storage,
                **self.injected)

and works the same inside Manila and without.  What Manila says in rows is
read here and handed on as values (``call.Call``).  ``driver/backend.py`` says
what a backend has to have.
"""

from collections.abc import Collection
from collections.abc import Mapping
import logging
import threading
from typing import Any

from manila_drivers import access
from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.driver import backend
from manila_drivers.driver import configured
from manila_drivers.driver import observing
from manila_drivers.driver import options
from manila_drivers.driver import servers
from manila_drivers.driver import stats
from manila_drivers.driver.context import driver_call
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)


class ExecuteMixin(compat.BaseExecuteMixin):
    """For drivers that run commands: ``_execute``, and the SSH options.

    Goes before ShareDriver in the list of base classes.
    """


class GaneshaMixin(compat.BaseGaneshaMixin):
    """For drivers that export through NFS-Ganesha: its options.

    Goes before ShareDriver in the list of base classes.
    """


class ShareDriver(stats.Statistics[configured.B],
                  servers.ShareServers[configured.B]):
    """Manila's calls, handed to a backend.

    See :class:`manila_drivers.driver.configured.Configured` for what the
    constructor takes.
    """

    #: Options with the value that switches off a check of whom the driver
    #: talks to, and what that means.
    trusting: Mapping[str, tuple[object, str]] = {}

    _warned = False

    def __init__(self, driver_handles_share_servers: Any = None,
                 *args: Any, **kwargs: Any) -> None:
        super().__init__(driver_handles_share_servers, *args, **kwargs)
        self._owed = owed.Owed(self.private_storage, self.service,
                               self.backend_name)
        self._catching_up = threading.Lock()

    # -- start -----------------------------------------------------------

    @driver_call
    def do_setup(self, context: Any, **kwargs: Any) -> None:
        """Read the options; may be called again after a failure."""
        self._serve_metrics()
        before, self._made = self._made, None
        if before is not None:
            before.close()
        self._warn_of_options()
        LOG.info('Backend %s: locks keep out %s', self.backend_name,
                 self.lock_reach.value)
        self._made = self.build_backend() if self.has_backend() else None

    def _warn_of_options(self) -> None:
        """Say once what is misspelt, and which checks are switched off."""
        if self._warned or not self.configuration:
            return
        self._warned = True
        for told in options.warnings(self.configuration, self._options):
            LOG.warning('Backend %s: %s', self.backend_name, told)
        for name, (value, told) in self.trusting.items():
            if self.option(name) == value:
                LOG.warning('Backend %s: %s = %s: %s', self.backend_name,
                            name, value, told)

    @driver_call
    def check_for_setup_error(self, **kwargs: Any) -> None:
        """Look at everything the driver depends on.

        Raises one clear error for each misconfiguration, naming the option.
        """
        if self.has_backend():
            with retry.patience(retry.START):
                self._backend.check()

    @driver_call
    def get_backend_info(self, context: Any, **kwargs: Any) -> dict[str, str]:
        """Return what export locations depend on; Manila checks shares if it
        changes.

        So it does while shares are owed a check (``manila_drivers.owed``).
        """
        if not self.has_backend():
            # So Manila is told by its own base class: there is no such call.
            raise NotImplementedError()
        return {**self._backend.info(), 'owed': self._owed.token()}

    @driver_call
    def ensure_shares(self, context: Any, shares: Any,
                      **kwargs: Any) -> dict[str, Any]:
        """Check all shares at the start of the service.

        Has an answer for every share and never raises: a share without one
        would stay in "ensuring" for ever.
        """
        if not self._ensures():
            # On this answer Manila checks shares one by one.
            raise NotImplementedError()
        self._owed.ensuring()
        try:
            answers = self._ensure_shares(context, shares) or {}
        except Exception as exc:
            observing.kept_back(exc)
            LOG.exception('Backend %s: shares could not be checked, they are '
                          'left as they are', self.backend_name)
            answers = {}
        if plan.is_dry():
            # A dry run that could not look owes nothing.
            return dict(answers)
        return self._owed.ensured(shares, answers)

    def owed_checks(self) -> dict[str, str]:
        """Return why shares are owed a check, by their ids."""
        return self._owed.waiting()

    @observing.told
    def take_inventory(self, known: Collection[str],
                       serving: inventory.Serving | None = None,
                       only: str = '') -> inventory.Inventory:
        """Return what the backend has of these shares, and of ours beside.

        :param serving: share servers, where there are any.
        :param only: the id of the one share of which more than its parts and
            clients need not be told.
        :raises Unsupported: the driver cannot list that.
        """
        return backend.take_inventory(
            type(self).__name__, self._backend, known, serving, only)

    @observing.told
    def check_shares(self, shares: Any) -> Mapping[str, Any]:
        """Return what a start finds of each share; nothing is owed for it.

        :raises DriverError: nothing could be read.
        """
        return dict(self._ensure_shares(None, shares) or {})

    def _ensures(self) -> bool:
        return (self.has_backend() or type(self)._ensure_shares
                is not ShareDriver._ensure_shares)

    def _ensure_shares(self, context: Any, shares: Any) -> Any:
        """Return the answer for each share by its id."""
        return self._backend.health.ensure(self._calls(shares, context))

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

    @driver_call
    def create_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> list[dict[str, Any]]:
        """Make a share that nobody can reach yet.

        A repeated call finds what an earlier one made.
        """
        return self._backend.shares.create(
            self._call(share, share_server, context))

    @driver_call
    def create_share_from_snapshot(self, context: Any, share: Any,
                                   snapshot: Any, share_server: Any = None,
                                   parent_share: Any = None,
                                   **kwargs: Any) -> dict[str, Any]:
        """Begin a share with a snapshot's content.

        It may still be copied while get_share_status is asked.
        """
        return self._backend.snapshots.clone(
            self._call(share, share_server, context),
            model.Snapshot.of(snapshot, parent_share, share_server))

    @driver_call
    def get_share_status(self, share: Any, share_server: Any = None,
                         **kwargs: Any) -> dict[str, Any]:
        """Return how far a share from a snapshot is."""
        return self._backend.snapshots.status(self._call(share, share_server))

    @driver_call
    def delete_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> None:
        """Remove a share; what is gone already is passed over."""
        call = self._call(share, share_server, context)
        with self._owed.leaving(call.share.id):
            self._backend.shares.delete(call)

    @driver_call
    def extend_share(self, share: Any, new_size: int,
                     share_server: Any = None, **kwargs: Any) -> None:
        self._resize(share, share_server, int(new_size), shrink=False)

    @driver_call
    def shrink_share(self, share: Any, new_size: int,
                     share_server: Any = None, **kwargs: Any) -> None:
        self._resize(share, share_server, int(new_size), shrink=True)

    def _resize(self, share: Any, server: Any, gib: int, *,
                shrink: bool) -> None:
        call = self._call(share, server)
        with self._owed.away(share, server, closes=self.AWAY_MEANWHILE):
            self._backend.shares.resize(call, gib, shrink=shrink)
        self._owed.resized(call.share.id, gib)

    # -- access ----------------------------------------------------------

    @driver_call
    def update_access(self, context: Any, share: Any, access_rules: Any,
                      add_rules: Any = None, delete_rules: Any = None,
                      update_rules: Any = None, share_server: Any = None,
                      **kwargs: Any) -> access.RuleStates:
        """Make access exactly what ``access_rules`` says.

        The other lists say what has changed, which is not needed to know:
        a rule that is in none of them may still be missing on the backend.
        """
        call = self._call(share, share_server, context)
        try:
            errors = self._backend.access.update(
                call, access.rules_of(access_rules))
        except Exception as exc:
            self._owed.rules_failed(call.share.id, exc)
            raise
        self._owed.rules_set(call.share.id)
        return self._rule_states(context, share, errors)

    def _rule_states(self, context: Any, share: Any,
                     errors: Mapping[str, str]) -> access.RuleStates:
        """Return the rules in error as update_access does.

        :param errors: why a rule could not be honoured, by its access id.
            The operator finds that in the log, and the user a message.
        """
        for access_id, why in errors.items():
            LOG.warning('Backend %s: share %s, access rule %s is put in '
                        'error: %s', self.backend_name, share.get('id'),
                        access_id, why)
        if errors:
            compat.user_message(context, share, 'UNSUPPORTED_CLIENT_ACCESS')
        return access.states(errors)

    # -- snapshots -------------------------------------------------------

    @driver_call
    def create_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None,
                        **kwargs: Any) -> dict[str, Any]:
        """Take a snapshot, or find the one that an earlier call took."""
        return self._backend.snapshots.create(
            model.Snapshot.of(snapshot, None, share_server))

    @driver_call
    def delete_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None, **kwargs: Any) -> None:
        """Remove a snapshot; one that is gone is passed over."""
        self._backend.snapshots.delete(
            model.Snapshot.of(snapshot, None, share_server))

    @driver_call
    def revert_to_snapshot(self, context: Any, snapshot: Any,
                           share_access_rules: Any,
                           snapshot_access_rules: Any = None,
                           share_server: Any = None, **kwargs: Any) -> None:
        """Bring a share back to a snapshot, which stays, with its size."""
        snapshots = self._backend.snapshots
        if not isinstance(snapshots, backend.RestorableSnapshotsPart):
            # Manila's own answer for a driver that cannot go back.
            raise NotImplementedError()
        row = snapshot.get('share') or snapshot.get('share_instance') or {}
        call = self._call(row, share_server, context)
        value = model.Snapshot.of(snapshot, None, share_server)
        with self._owed.away(row, share_server, closes=self.AWAY_MEANWHILE):
            snapshots.restore(call, value,
                              access.rules_of(share_access_rules))
        if value.size:
            self._owed.resized(call.share.id, value.size)

    # -- manage ----------------------------------------------------------

    @driver_call
    def manage_existing(self, share: Any, driver_options: Any,
                        **kwargs: Any) -> dict[str, Any]:
        """Take over a share that exists; return its size."""
        return self._adopt(share, driver_options)

    @driver_call
    def manage_existing_with_server(self, share: Any, driver_options: Any,
                                    share_server: Any = None,
                                    **kwargs: Any) -> dict[str, Any]:
        """Take over a share on a share server; return its size."""
        return self._adopt(share, driver_options, share_server)

    def _adopt(self, share: Any, driver_options: Any,
               server: Any = None) -> dict[str, Any]:
        return self._backend.adoption.adopt(self._call(share, server),
                                            driver_options or {})

    @driver_call
    def unmanage(self, share: Any, **kwargs: Any) -> None:
        """Let a share go; its data and its name stay."""
        self._release(share)

    @driver_call
    def unmanage_with_server(self, share: Any, share_server: Any = None,
                             **kwargs: Any) -> None:
        """Let a share on a share server go."""
        self._release(share, share_server)

    def _release(self, share: Any, server: Any = None) -> None:
        if not self.has_backend():
            # Any error would leave the share half unmanaged.
            return
        call = self._call(share, server)
        with self._owed.leaving(call.share.id):
            self._backend.adoption.release(call)

    @driver_call
    def manage_existing_snapshot(self, snapshot: Any, driver_options: Any,
                                 **kwargs: Any) -> dict[str, Any]:
        """Take over a snapshot of a share that is managed."""
        return self._adopt_snapshot(snapshot, driver_options)

    @driver_call
    def manage_existing_snapshot_with_server(
            self, snapshot: Any, driver_options: Any,
            share_server: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Take over a snapshot of a share on a share server."""
        return self._adopt_snapshot(snapshot, driver_options, share_server)

    def _adopt_snapshot(self, snapshot: Any, driver_options: Any,
                        server: Any = None) -> dict[str, Any]:
        return self._backend.snapshots.adopt(
            model.Snapshot.of(snapshot, None, server), driver_options or {})
