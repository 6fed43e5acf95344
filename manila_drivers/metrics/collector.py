# SPDX-License-Identifier: Apache-2.0

"""Tell Prometheus what a backend is like.  Needs prometheus_client."""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from prometheus_client import core

from manila_drivers.metrics import catalogue
from manila_drivers.metrics import facts


class Collector:
    """Asked by the registry of prometheus_client for each scrape.

    :param look: returns the facts; it asks nobody, since a scrape may come
        at any time and should not wait.
    """

    def __init__(self, backend: str,
                 look: Callable[[], facts.BackendFacts]) -> None:
        self._backend = backend
        self._look = look

    def describe(self) -> list[Any]:
        """Return what the registry compares with other metrics."""
        return [_family(metric) for metric in catalogue.COLLECTED]

    def collect(self) -> Iterator[Any]:
        families = {metric.name: _family(metric)
                    for metric in catalogue.COLLECTED}
        for metric, labels, value in self._look().samples(self._backend):
            families[metric.name].add_metric(labels, value)
        yield from families.values()


class Plain:
    """A registry without the times at which counters were made.

    Prometheus would take each for one more metric.
    """

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Any]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples
                              if not sample.name.endswith('_created')]
            yield family

    def restricted_registry(self, names: Any) -> 'Plain':
        """Return some of the metrics, for a request that names them."""
        return Plain(self._registry.restricted_registry(names))


def _family(metric: catalogue.Metric) -> Any:
    return core.GaugeMetricFamily(metric.name, metric.help,
                                  labels=metric.label_names)
