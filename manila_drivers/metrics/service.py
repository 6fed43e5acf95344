# SPDX-License-Identifier: Apache-2.0

"""Serve the metrics of one backend, where its options ask for it.

Each backend has a port and a registry of its own.  manila-share gives each
backend a process of its own, so that one port for all of them would need
prometheus_client's multiprocess mode: an environment variable that is set
before anything is imported, files that the processes write and that somebody
has to clean, and no metrics that are looked up when they are asked for.
"""

from collections.abc import Callable
import logging
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import extras
from manila_drivers.metrics import facts

LOG = logging.getLogger(__name__)


class MetricsService:
    """The metrics of one driver.  Thread-safe.

    Making one opens nothing and imports nothing.

    :param option: returns the value of an option by its name.
    :param look: returns what the backend is like, and asks nobody.
    """

    def __init__(self, backend: Callable[[], str],
                 option: Callable[[str], Any],
                 look: Callable[[], facts.BackendFacts]) -> None:
        self._backend = backend
        self._option = option
        self._look = look
        self._lock = threading.Lock()
        self._registry: Any = None
        self._endpoint: Any = None
        self._told = ''
        #: What operations are to tell, None unless metrics are asked for.
        self.recorder: Any = None

    def start(self) -> None:
        """Serve, if the options ask for it; never raise.

        What is in the way is logged once, and tried again with each call:
        metrics are no reason to serve no shares.
        """
        _, error = exception.caught_any(self._start_if_asked)
        told = '' if error is None else str(error)
        if told and told != self._told:
            LOG.error('Backend %s: no metrics are served: %s',
                      self._backend(), told)
        self._told = told

    def _start_if_asked(self) -> None:
        if self._value('metrics_port') is not None:
            self.open()

    def open(self) -> str:
        """Serve, and return the URL; nothing happens if that is so already.

        :raises ConfigurationError: naming the option at fault.
        """
        port, address = (self._value('metrics_port'),
                         str(self._value('metrics_address')))
        if port is None:
            raise exception.ConfigurationError('metrics_port', 'is not set')
        with self._lock:
            self._prepare()
            if self._endpoint is None:
                self._endpoint = self._opened(address, int(port))
                LOG.info('Backend %s: metrics are at %s', self._backend(),
                         self._endpoint.url)
            return str(self._endpoint.url)

    @property
    def running(self) -> bool:
        """Say if the port is open."""
        return self._endpoint is not None

    def close(self) -> None:
        """Stop serving; what was counted is kept."""
        with self._lock:
            endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()

    def _value(self, name: str) -> Any:
        try:
            return self._option(name)
        except ValueError as exc:
            raise exception.ConfigurationError(
                name, 'has a value that it cannot have',
                answer=str(exc)) from exc

    def _prepare(self) -> None:
        """Import prometheus_client, here alone, and begin to count."""
        if self.recorder is not None:
            return
        with extras.needed(
                'prometheus_client', 'metrics', 'metrics_port', 'is set, and '
                'prometheus_client is not installed, which metrics need'):
            import prometheus_client

            from manila_drivers.metrics import collector
            from manila_drivers.metrics import recorder
        backend = self._backend()
        self._registry = prometheus_client.CollectorRegistry()
        self._registry.register(collector.Collector(backend, self._look))
        self.recorder = recorder.MetricsRecorder(self._registry, backend)

    def _opened(self, address: str, port: int) -> Any:
        import prometheus_client

        from manila_drivers.metrics import collector
        from manila_drivers.metrics import endpoint
        served: Any = collector.Plain(self._registry)
        try:
            return endpoint.ScrapeEndpoint(
                address, port, prometheus_client.make_wsgi_app(served))
        except OSError as exc:
            raise exception.ConfigurationError(
                'metrics_port', f'{port} at {address} (metrics_address) '
                f'cannot be opened', answer=exc.strerror or str(exc),
                check='whether another backend, or a service that is about '
                'to end, has that port, and whether this host has that '
                'address') from exc
