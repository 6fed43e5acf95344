# SPDX-License-Identifier: Apache-2.0

"""Dashboard, alerts and page speak of the metrics that there are."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

from manila_drivers.metrics import catalogue
from manila_drivers.metrics import opts
from tests import needs

ROOT = pathlib.Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / 'etc/grafana/manila_drivers.json'
RULES = ROOT / 'etc/prometheus/manila_drivers.rules.yml'
PAGE = ROOT / 'doc/source/admin/metrics.rst'

METRICS = {metric.name: metric for metric in catalogue.METRICS}
#: What Prometheus knows of a histogram.
SERIES = {**METRICS, **{
    metric.name + end: metric for metric in catalogue.METRICS
    if metric.kind == catalogue.HISTOGRAM
    for end in ('_bucket', '_sum', '_count')}}


def named(text):
    """Return the names of ours in a text."""
    return set(re.findall(r'manila_drivers_[a-z_]+', text))


def wrong(expression):
    """Return what is wrong with an expression of PromQL."""
    found = [f'there is no {name}' for name in named(expression)
             if name not in SERIES]
    known = {'le'}
    for name in named(expression) & set(SERIES):
        known |= set(SERIES[name].label_names)
        if name in METRICS and METRICS[name].kind == catalogue.HISTOGRAM:
            found.append(f'{name} is a histogram')
    for name, selected in re.findall(
            r'(manila_drivers_[a-z_]+)\{([^}]*)\}', expression):
        labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)', selected))
        if name in SERIES:
            extra = labels - set(SERIES[name].label_names)
            found += [f'{name} has no {label}' for label in extra]
        for label, values in re.findall(
                r'(outcome|error)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', selected):
            extra = set(values.split('|')) - catalogue.outcomes()
            found += [f'no {label} is called {value}' for value in extra]
    for labels in re.findall(r'by \(([^)]*)\)', expression):
        extra = {one.strip() for one in labels.split(',')} - known
        found += [f'nothing has {label}' for label in extra]
    for name, metric in METRICS.items():
        if metric.kind == catalogue.COUNTER and re.search(
                rf'(?<!rate\()(?<!increase\(){name}\b', expression):
            found.append(f'{name} only ever grows')
    return found


@pytest.mark.parametrize('expression', [
    'manila_drivers_sharks', 'rate(manila_drivers_operations[5m])',
    'manila_drivers_operations_total',
    'sum by (share) (manila_drivers_shares)',
    'manila_drivers_shares{status="error"}',
    'rate(manila_drivers_operation_seconds[5m])',
    'rate(manila_drivers_operations_total{outcome=~"done|fine"}[5m])'])
def test_a_wrong_expression_is_noticed(expression):
    assert wrong(expression)


def dashboard():
    return json.loads(DASHBOARD.read_text(encoding='utf-8'))


def targets():
    return [target['expr'] for panel in dashboard()['panels']
            for target in panel['targets']]


def test_every_expression_of_the_dashboard_is_right():
    assert len(targets()) > 10
    assert [(one, wrong(one)) for one in targets() if wrong(one)] == []


def test_the_dashboard_shows_every_metric():
    shown = set().union(*map(named, targets()))
    assert {SERIES[name].name for name in shown} == set(METRICS)


def test_panels_have_a_place_each_and_say_what_they_show():
    panels = dashboard()['panels']
    assert len({panel['id'] for panel in panels}) == len(panels)
    assert all(panel['description'].endswith('.') for panel in panels)
    taken = set()
    for panel in panels:
        place = panel['gridPos']
        assert place['x'] + place['w'] <= 24
        cells = {(x, y) for x in range(place['x'], place['x'] + place['w'])
                 for y in range(place['y'], place['y'] + place['h'])}
        assert not cells & taken
        taken |= cells


def test_the_dashboard_can_be_used_with_any_data_source():
    text = DASHBOARD.read_text(encoding='utf-8')
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {
        '${datasource}', 'manila-drivers'}
    variables = {one['name'] for one in dashboard()['templating']['list']}
    assert variables == {'datasource', 'backend'}
    assert all('$backend' in one for one in targets())


def rules():
    [group] = yaml.safe_load(RULES.read_text(encoding='utf-8'))['groups']
    return group['rules']


@pytest.mark.parametrize('rule', rules(), ids=lambda rule: rule['alert'])
def test_an_alert_is_about_metrics_that_there_are(rule):
    assert named(rule['expr'])
    assert wrong(rule['expr']) == []
    assert set(rule) <= {'alert', 'expr', 'for', 'labels', 'annotations'}
    labels = set().union(*(SERIES[name].label_names
                           for name in named(rule['expr'])))
    for text in rule['annotations'].values():
        assert set(re.findall(r'\$labels\.(\w+)', text)) <= labels


def test_prometheus_takes_the_alerts():
    program = needs.program('promtool')
    done = subprocess.run([program, 'check', 'rules', str(RULES)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def explained(text):
    """Return the metrics that a page has a paragraph about."""
    return re.findall(r'(?m)^``(manila_drivers_[a-z_]+)``\n    \S', text)


def test_the_page_explains_each_metric_once():
    found = explained(PAGE.read_text(encoding='utf-8'))
    assert len(found) == len(set(found))
    assert set(found) == set(METRICS)


def test_a_metric_that_is_only_named_is_not_explained():
    assert explained('``manila_drivers_shares`` are counted.\n') == []


def test_the_page_names_labels_outcomes_and_options():
    text = PAGE.read_text(encoding='utf-8')
    written = set(re.findall(r'``([a-z_]+)``', text))
    assert catalogue.outcomes() <= written
    assert {opt.name for opt in opts.METRICS_OPTS} <= written
    for metric in catalogue.METRICS:
        assert set(metric.label_names) <= written, metric.name


def test_expressions_of_the_page_are_right():
    text = PAGE.read_text(encoding='utf-8')
    shown = re.findall(r'code-block:: text\n\n((?:   .*\n)+)', text)
    assert len(shown) > 1
    assert [wrong(one) for one in shown if wrong(one)] == []
