# SPDX-License-Identifier: Apache-2.0

"""Exit codes tell what was looked at, whatever happens meanwhile."""

import json

import pytest

from manila_drivers.cli import main
from manila_drivers.cli.operate import audit
from manila_drivers.driver import base
from tests.unit.direct import bench


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        with made.backend() as backend:
            backend.shares.create(size=2, name='one')
        yield made


def run(place, *words):
    return main.main(['--config-file', str(place.conf), *words])


def test_a_crash_is_no_difference(place, capsys, monkeypatch):
    """Go on with the other backends, and say that one was not seen."""
    look = base.ShareDriver.take_inventory
    asked = []

    def crash(*args, **more):
        asked.append(args)
        if len(asked) == 1:
            raise KeyError('nobody expects that')
        return look(*args, **more)
    monkeypatch.setattr(base.ShareDriver, 'take_inventory', crash)
    assert run(place, 'audit', 'vast', 'vast') == 2
    assert len(asked) == 2
    told = capsys.readouterr().err
    assert 'KeyError' in told
    assert '0 differences; 1 shares recorded' in told


def test_a_crash_around_it_is_no_difference(place, capsys, monkeypatch):
    monkeypatch.setattr(audit.AuditBackends, '_need_sense',
                        staticmethod(lambda args: 1 / 0))
    assert run(place, 'audit') == 2
    assert 'ZeroDivisionError' in capsys.readouterr().err


def test_a_backend_without_capacity_stops_no_other(place, capsys):
    assert run(place, 'backend', 'capacity', 'nothing', 'vast', '-f',
               'json') == 2
    told = capsys.readouterr()
    assert [one['Backend'] for one in json.loads(told.out)] == ['vast']
    assert '[nothing]' in told.err
