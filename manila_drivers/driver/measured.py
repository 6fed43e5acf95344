# SPDX-License-Identifier: Apache-2.0

"""A driver that serves metrics, if its options ask for it."""

from collections.abc import Callable
from collections.abc import Mapping
import logging
import time
from typing import Any

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import owed
from manila_drivers import version
from manila_drivers.driver import backend
from manila_drivers.driver import configured
from manila_drivers.driver import observing
from manila_drivers.metrics import facts
from manila_drivers.metrics import opts
from manila_drivers.metrics import service

LOG = logging.getLogger(__name__)

#: Manila's database is asked for the status of shares with the statistics,
#: but not for more than this part of the time.
_SHARE = 0.05

States = Mapping[str, int]


class Measured(configured.Configured[configured.B]):
    """Count operations, and know what the backend is like.

    :param serve_metrics: whether the options ``metrics_*`` are followed; else
        only :attr:`metrics` serves them when it is told to.
    """

    #: What share types ask for, such as NFS.
    STORAGE_PROTOCOL: str | None = None

    #: Is told of operations; None unless metrics were asked for.
    observer: observing.CallObserver | None = None

    _owed: owed.Owed
    _stats: dict[str, Any]

    def __init__(self, driver_handles_share_servers: Any = None,
                 *args: Any, **kwargs: Any) -> None:
        self._follows_options = bool(kwargs.pop('serve_metrics', True))
        super().__init__(driver_handles_share_servers, *args, **kwargs)
        self.register_options(opts.METRICS_OPTS)
        self.metrics = service.MetricsService(
            lambda: self.backend_name, self.option, self._facts)
        #: Counts shares by status, for each scrape; None if that is not known.
        self.count_shares: Callable[[], States | None] = lambda: self._states
        self._states: States | None = None
        self._states_due = 0.0
        self._stats_time: float | None = None

    def open_metrics(self) -> str:
        """Serve metrics, whatever was said to the constructor.

        :returns: the URL.
        :raises ConfigurationError: naming the option at fault.
        """
        try:
            return self.metrics.open()
        finally:
            self.observer = self.metrics.recorder

    def _serve_metrics(self) -> None:
        if self._follows_options:
            self.metrics.start()
            self.observer = self.metrics.recorder or self.observer

    def _measured(self, error: Exception | None) -> None:
        """Look at what a scrape may not wait for; called with statistics."""
        if error is None:
            self._stats_time = time.time()
        self._serve_metrics()
        started = time.monotonic()
        if self.observer is None or started < self._states_due:
            return
        self._states, failure = exception.caught_any(
            lambda: compat.share_states(self.service))
        if failure is not None:
            LOG.warning('Backend %s: the shares are not counted: %s',
                        self.backend_name, failure)
        ended = time.monotonic()
        self._states_due = ended + (ended - started) / _SHARE

    @property
    def service(self) -> str:
        """The name of the backend's service, as Manila has it."""
        section = getattr(self.configuration, 'config_group', None)
        return '%s@%s' % (compat.service_host(),
                          section or self.backend_name)

    def _facts(self) -> facts.BackendFacts:
        """Return what the backend is like; ask nobody."""
        states, _ = exception.caught_any(self.count_shares)
        made: Any = self._made
        return facts.BackendFacts(
            driver=type(self).__name__,
            protocol=self.STORAGE_PROTOCOL or '',
            version=version.version_string(),
            stats=self._stats or {}, stats_time=self._stats_time,
            shares=states, owed=self._owed.kinds(),
            pending=made.pending_changes() if isinstance(
                made, backend.OwingBackend) else None)
