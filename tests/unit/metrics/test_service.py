# SPDX-License-Identifier: Apache-2.0

"""Metrics are served where an option asks for it, and stop nobody."""

import logging
import socket
import sys
import urllib.request

import prometheus_client
import pytest

from manila_drivers import exception
from manila_drivers.metrics import facts
from manila_drivers.metrics import service
from tests import patience


@pytest.fixture
def port():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def make():
    made = []

    def make(**options):
        def option(name):
            value = options.get(name)
            if isinstance(value, Exception):
                raise value
            return value
        options.setdefault('metrics_address', '127.0.0.1')
        made.append(service.MetricsService(
            lambda: 'alpha', option,
            lambda: facts.BackendFacts(driver='D', shares={'error': 1})))
        return made[-1]

    yield make
    for one in made:
        one.close()


def body(url):
    with urllib.request.urlopen(url, timeout=patience.seconds(20)) as answer:  # noqa: S310
        return answer.read().decode()


def opened(monkeypatch):
    """Note what sockets are bound from now on."""
    bound = []
    whole = socket.socket.bind

    def bind(self, address):
        bound.append(address)
        return whole(self, address)
    monkeypatch.setattr(socket.socket, 'bind', bind)
    return bound


def test_nothing_is_opened_unless_asked_for(make, monkeypatch):
    bound = opened(monkeypatch)
    made = make()

    made.start()

    assert (bound, made.running, made.recorder) == ([], False, None)


def test_making_it_opens_nothing(make, monkeypatch, port):
    bound = opened(monkeypatch)

    assert not make(metrics_port=port).running
    assert bound == []


def test_it_is_served_where_the_options_say(make, monkeypatch, port):
    bound = opened(monkeypatch)
    made = make(metrics_port=port)

    made.start()

    assert bound == [('127.0.0.1', port)]
    text = body(f'http://127.0.0.1:{port}/metrics')
    assert 'manila_drivers_shares{backend="alpha",state="error"} 1.0' in text


def test_starting_again_changes_nothing(make, port):
    made = make(metrics_port=port)
    made.start()
    made.recorder.begun('work')

    made.start()

    assert made.open() == f'http://127.0.0.1:{port}/metrics'
    assert 'operation="work"' in body(made.open())


def test_a_port_that_is_taken_is_told_once_and_tried_again(
        make, port, caplog):
    made = make(metrics_port=port)
    with socket.create_server(('127.0.0.1', port)):
        made.start()
        made.start()

    [told] = [record for record in caplog.records
              if record.levelno == logging.ERROR]
    assert 'Option metrics_port' in told.getMessage()
    assert 'alpha' in told.getMessage()
    assert 'in use' in told.getMessage()
    assert made.recorder is not None
    made.recorder.begun('meanwhile')
    made.start()
    assert 'operation="meanwhile"' in body(made.open())


def test_trouble_that_comes_back_is_told_again(make, port, caplog):
    made = make(metrics_port=port)
    for _ in range(2):
        with socket.create_server(('127.0.0.1', port)):
            made.start()
        made.start()
        made.close()

    assert len([record for record in caplog.records
                if record.levelno == logging.ERROR]) == 2


@pytest.mark.parametrize(('options', 'name'), [
    ({'metrics_port': 1, 'metrics_address': '203.0.113.7'}, 'metrics_port'),
    ({'metrics_port': ValueError('no number')}, 'metrics_port'),
    ({'metrics_port': 1, 'metrics_address': ValueError('no address')},
     'metrics_address')])
def test_what_is_wrong_names_the_option_and_stops_nobody(
        make, caplog, options, name):
    made = make(**options)

    made.start()

    assert f'Option {name}' in caplog.text
    assert 'no metrics are served' in caplog.text
    with pytest.raises(exception.ConfigurationError) as caught:
        made.open()
    assert caught.value.option == name


def test_without_the_library_shares_are_served_all_the_same(
        make, port, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, 'prometheus_client', None)
    made = make(metrics_port=port)

    made.start()

    assert 'Option metrics_port' in caplog.text
    assert "pip install 'manila-drivers[metrics]'" in caplog.text
    assert (made.running, made.recorder) == (False, None)


def test_a_library_that_is_broken_is_not_called_missing(
        make, port, caplog, monkeypatch):
    monkeypatch.delattr(prometheus_client, 'CollectorRegistry')
    made = make(metrics_port=port)

    made.start()

    assert 'pip install' not in caplog.text
    assert 'no metrics are served' in caplog.text


def test_it_must_be_asked_for_by_an_option(make):
    with pytest.raises(exception.ConfigurationError, match='metrics_port'):
        make().open()


def test_closing_frees_the_port(make, port):
    made = make(metrics_port=port)
    made.start()
    made.close()

    with socket.create_server(('127.0.0.1', port)):
        assert not made.running
