# SPDX-License-Identifier: Apache-2.0

"""Metrics that there are, and names of how operations end."""

import re

import pytest

from manila_drivers import exception
from manila_drivers.metrics import catalogue
from manila_drivers.vastdata import errors

#: Of each there are only as many as a driver has, or an operator configures.
LABELS = {'operation', 'outcome', 'transport', 'error', 'driver', 'protocol',
          'version', 'state', 'kind', 'server', 'pool'}


@pytest.mark.parametrize('metric', catalogue.METRICS,
                         ids=lambda metric: metric.name)
def test_a_metric_is_named_as_prometheus_has_it(metric):
    assert re.fullmatch(r'manila_drivers_[a-z_]+', metric.name)
    assert metric.name.endswith('_total') == (
        metric.kind == catalogue.COUNTER)
    assert not re.search(r'_(ms|gib|gb|minutes|percent)(_|$)', metric.name)
    assert metric.help.endswith('.')
    assert set(metric.labels) <= LABELS
    assert metric.label_names[0] == 'backend'


def test_names_are_unique():
    names = [metric.name for metric in catalogue.METRICS]
    assert len(names) == len(set(names)) == 14


@pytest.mark.parametrize(('error', 'name'), [
    (None, 'done'),
    (NotImplementedError(), 'not_implemented'),
    (exception.DriverError('a'), 'driver_error'),
    (exception.ConfigurationError('a', 'b'), 'configuration_error'),
    (exception.OutcomeUnknown('a'), 'outcome_unknown'),
    (exception.NotTrusted('a'), 'not_trusted'),
    (exception.NoRoom('a'), 'no_room'),
    (KeyError('a'), 'unexpected')])
def test_how_an_operation_ends_has_a_name(error, name):
    assert catalogue.outcome(error) == name
    assert name in catalogue.outcomes()


def test_an_error_of_a_driver_is_called_as_what_it_derives_from():
    kinds = [kind for kind in vars(errors).values()
             if isinstance(kind, type)
             and issubclass(kind, exception.DriverError)]
    kinds.append(type('Special', (exception.Busy,), {}))
    for kind in kinds:
        made = kind.__new__(kind)
        assert catalogue.outcome(made) in catalogue.outcomes()
    assert catalogue.outcome(made) == 'busy'


def test_there_are_as_many_names_as_errors():
    tree = [kind for kind in vars(exception).values() if isinstance(
        kind, type) and issubclass(kind, exception.DriverError)]
    assert len(catalogue.outcomes()) == len(tree) + 3
