# SPDX-License-Identifier: Apache-2.0

"""Count what operations do, for Prometheus.  Needs prometheus_client."""

from typing import Any

import prometheus_client

from manila_drivers.metrics import catalogue

_KINDS = {catalogue.COUNTER: prometheus_client.Counter,
          catalogue.GAUGE: prometheus_client.Gauge}


class MetricsRecorder:
    """Metrics of one backend's operations.  Thread-safe.

    :param registry: of prometheus_client, in which they are entered.
    """

    def __init__(self, registry: Any, backend: str) -> None:
        self._backend = backend
        self._made = {metric.name: _instrument(metric, registry)
                      for metric in catalogue.RECORDED}

    def begun(self, operation: str) -> None:
        """An operation begins, which :meth:`ended` ends."""
        self._of(catalogue.RUNNING, operation).inc()

    def ended(self, operation: str, seconds: float,
              error: Exception | None) -> None:
        """An operation has ended, well unless there is an error."""
        self._of(catalogue.RUNNING, operation).dec()
        self._of(catalogue.OPERATIONS, operation,
                 catalogue.outcome(error)).inc()
        self._of(catalogue.OPERATION_SECONDS, operation).observe(seconds)

    def round_trip(self, operation: str, kind: str, seconds: float,
                   error: BaseException | None) -> None:
        """Something was sent; an error says that no answer is of use."""
        transport = kind.lower().replace(' ', '_')
        self._of(catalogue.ROUND_TRIPS, operation, transport).inc()
        self._of(catalogue.ROUND_TRIP_SECONDS, operation,
                 transport).inc(seconds)
        if error is not None:
            self._of(catalogue.TRANSPORT_ERRORS, transport,
                     catalogue.outcome(error)).inc()

    def _of(self, metric: catalogue.Metric, *labels: str) -> Any:
        return self._made[metric.name].labels(self._backend, *labels)


def _instrument(metric: catalogue.Metric, registry: Any) -> Any:
    if metric.kind == catalogue.HISTOGRAM:
        return prometheus_client.Histogram(
            metric.name, metric.help, metric.label_names, registry=registry,
            buckets=catalogue.BUCKETS)
    return _KINDS[metric.kind](metric.name, metric.help, metric.label_names,
                               registry=registry)
