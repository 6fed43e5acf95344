# SPDX-License-Identifier: Apache-2.0

"""The base classes of our drivers: the skin that Manila sees.

A driver is::

    class SomeShareDriver(driver.ShareDriver):

        def __init__(self, *args, **kwargs):
            super().__init__(False, *args, config_opts=[OPTS], **kwargs)

        @operation
        def create_share(self, context, share, share_server=None, **kwargs):
            ...

        def _static_stats(self):
            return {'vendor_name': ..., 'storage_protocol': 'NFS', ...}

        def _update_share_stats(self, data=None):
            super()._update_share_stats({'total_capacity_gb': ...})

        def _ensure_shares(self, context, shares):
            return {share['id']: {...} for share in shares}

and works the same inside Manila and without.  Ours leave the work to one
object each, and derive from ``manila_drivers.backed.BackedShareDriver``.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import AbstractContextManager
import logging
from typing import Any

from oslo_config import cfg
from oslo_utils import timeutils

from manila_drivers import access
from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import registering
from manila_drivers import statistics
from manila_drivers.operation import operation

__all__ = ['ExecuteMixin', 'GaneshaMixin', 'ShareDriver', 'operation']

LOG = logging.getLogger(__name__)


class ExecuteMixin(compat.BaseExecuteMixin):
    """For drivers that run commands: ``_execute``, and the SSH options.

    Goes before ShareDriver in the list of base classes.
    """


class GaneshaMixin(compat.BaseGaneshaMixin):
    """For drivers that export through NFS-Ganesha: its options.

    Goes before ShareDriver in the list of base classes.
    """


class ShareDriver(compat.BaseShareDriver):
    """What all our drivers have in common.

    :param driver_handles_share_servers: the mode, or a tuple of the modes,
        that the driver supports.
    :param configuration: the backend's section.
    :param private_storage: key-value pairs that outlive the process.
    :param config_opts: lists of options to register in the section.
    :param coordinator: keeps locks for several hosts, in place of Manila's: a
        started one of tooz, say.

    The constructor does no I/O and starts nothing: Manila makes the driver
    in one process and uses it in a forked child.
    """

    def __init__(self, driver_handles_share_servers: Any, *args: Any,
                 **kwargs: Any) -> None:
        # Not left to Manila's constructor, which registers them between its
        # own options and trips over any name that occurs in both.
        config_opts = kwargs.pop('config_opts', ())
        self._coordinator = kwargs.pop('coordinator', None)
        self.private_storage = kwargs.get('private_storage')
        self._options: list[cfg.Opt] = []
        super().__init__(driver_handles_share_servers, *args, **kwargs)
        for opts in config_opts:
            self.register_options(opts)

    def register_options(self, opts: Iterable[cfg.Opt]) -> None:
        """Add options to the section; existing names are kept as they are."""
        opts = list(opts)
        self._options += opts
        if self.configuration:
            registering.register(self.configuration, opts)

    def option(self, name: str) -> Any:
        """Value of an option of the section, or None if there is none."""
        return (self.configuration.safe_get(name)
                if self.configuration else None)

    @property
    def backend_name(self) -> str:
        """What errors and the log call this backend."""
        return str(self.option('share_backend_name')
                   or getattr(self.configuration, 'config_group', None)
                   or type(self).__name__)

    @property
    def root_helper(self) -> str:
        """What goes before commands of this host that need root."""
        return str(self.option('root_helper') or compat.root_helper())

    def lock(self, name: str,
             timeout: float = 60.0) -> AbstractContextManager[None]:
        """Hold a lock between all processes that may serve this backend.

        Reach: that of :func:`manila_drivers.compat.lock_reach`, or of the
        coordinator that was handed in.

        :raises Busy: it was not free within ``timeout`` seconds.
        :raises Unreachable: the coordinator does not answer.
        """
        return compat.lock(name, timeout, self.option('lock_path'),
                           self._coordinator)

    def extra_specs(self, share: Any) -> dict[str, str]:
        """The extra specs of the share's type, as text."""
        return compat.extra_specs(share,
                                  self.option('share_type_extra_specs'))

    def get_configured_ip_versions(self) -> Any:
        """IP versions of export locations; drivers that know better say so.

        Must not ask the backend: statistics call it.
        """
        return [4, 6] if self.ipv6_implemented else [4]

    @operation
    def ensure_shares(self, context: Any, shares: Any,
                      **kwargs: Any) -> dict[str, Any]:
        """Check all shares at the start of the service.

        Has an answer for every share and never raises: a share without one
        would stay in "ensuring" for ever.  Drivers write
        :meth:`_ensure_shares`; without it Manila is told that there is no
        such thing, and checks shares one by one.
        """
        if type(self)._ensure_shares is ShareDriver._ensure_shares:
            raise NotImplementedError()
        self._ensuring()
        try:
            answers = self._ensure_shares(context, shares) or {}
        except Exception:
            LOG.exception('Backend %s: shares could not be checked, they are '
                          'left as they are', self.backend_name)
            answers = {}
        return self._ensured(shares, answers)

    def _ensure_shares(self, context: Any, shares: Any) -> Any:
        """Answer for all shares, keyed by instance id; see the contract.

        An empty answer, or none, says that a share could not be checked; so
        does raising, of all of them.
        """
        raise NotImplementedError()

    def _ensuring(self) -> None:
        """A check of all shares begins; :meth:`_ensured` ends it."""

    def _ensured(self, shares: Any, answers: Mapping[str, Any],
                 ) -> dict[str, Any]:
        """Return what Manila is told of a check, for every share."""
        return {share['id']: answers.get(share['id']) or {}
                for share in shares}

    def _catch_up(self) -> None:
        """Go on with what could not be finished; called with statistics."""

    def get_periodic_hook_data(self, context: Any, share_instances: Any,
                               **kwargs: Any) -> Any:
        """What periodic hooks get: the instances as they are."""
        return share_instances

    @operation(periodic=True)
    def get_share_stats(self, refresh: bool = False,
                        **kwargs: Any) -> dict[str, Any]:
        """Statistics; never raises, for that would restart the service.

        While the backend does not answer, the last statistics stand; before
        the first answer its capacity is "unknown".
        """
        if refresh or not self._stats:
            _, error = exception.caught_any(self._update_share_stats)
            if error is not None:
                LOG.warning(
                    'Backend %s: no new statistics: %s', self.backend_name,
                    error, exc_info=LOG.isEnabledFor(logging.DEBUG) and error)
                self._stats = self._stats or self._stats_unasked()
            # That capacities are not told, say, stops nothing else.
            if not isinstance(error, exception.TransportError):
                self._go_on()
        return self._stats

    def _go_on(self) -> None:
        _, error = exception.caught_any(self._catch_up)
        if error is not None:
            LOG.warning('Backend %s: what could not be finished before is '
                        'tried again later: %s', self.backend_name, error)

    def _static_stats(self) -> dict[str, Any]:
        """What holds without asking the backend: vendor, protocol, ..."""
        return {}

    def _update_share_stats(self, data: Any = None) -> None:
        """Store statistics that are complete for every release.

        :param data: what the driver found out, with or without ``pools``;
            goes before what is known without asking.
        """
        super()._update_share_stats(self._complete_stats(data or {}))

    def _usage(self, shares: Any, used: Mapping[str, float],
               key: str = 'id') -> list[dict[str, Any]]:
        """What update_share_usage_size returns.

        :param used: GiB; shares that it does not tell are left out, and
            Manila keeps what it knew of them.
        :param key: the field of a share that names it there.
        """
        now = timeutils.utcnow()
        return [{'id': share['id'], 'gathered_at': now,
                 'used_size': round(used[share[key]], 3)}
                for share in shares if share[key] in used]

    def _rule_states(self, context: Any, share: Any,
                     errors: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """What update_access returns: the rules in error.

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

    def _complete_stats(self, data: dict[str, Any]) -> dict[str, Any]:
        stats = {
            'share_backend_name': self.backend_name,
            'driver_handles_share_servers': self.driver_handles_share_servers,
            **statistics.ABSENT,
            **self._common_flags(),
            **statistics.reserved(self.option),
            'max_over_subscription_ratio':
                self.option('max_over_subscription_ratio'),
            **self._functions(),
            'pools': self.pools,
            **self._static_stats(),
            **data}
        return statistics.with_pools(stats, self._functions)

    def _common_flags(self) -> dict[str, Any]:
        """What the base class derives from the driver's own attributes."""
        return {
            'snapshot_support': self.snapshots_are_supported,
            'create_share_from_snapshot_support':
                self.creating_shares_from_snapshots_is_supported,
            'replication_domain': self.replication_domain,
            'security_service_update_support':
                self.security_service_update_support,
            'network_allocation_update_support':
                self.network_allocation_update_support,
            'share_replicas_migration_support': getattr(
                self, 'share_replicas_migration_support', False),
            'encryption_support': getattr(self, 'encryption_support', None),
            'qos_type_support': getattr(self, 'qos_type_support', False)}

    def _functions(self, pool: str | None = None) -> dict[str, Any]:
        """Filter and goodness function, which pools do not inherit."""
        return {'filter_function': self.get_filter_function(pool=pool),
                'goodness_function': self.get_goodness_function()}

    def _stats_unasked(self) -> dict[str, Any]:
        """Statistics of a backend that has not answered yet."""
        versions = self.get_configured_ip_versions()
        return {**self._complete_stats({}),
                'ipv4_support': 4 in versions, 'ipv6_support': 6 in versions,
                'share_group_stats': {'consistent_snapshot_support': None}}
