# SPDX-License-Identifier: Apache-2.0

"""Which check a driver fails, of one scenario or of many histories."""

import random

from manila_drivers.testing.conformance import access_property
from manila_drivers.testing.conformance import budgets
from manila_drivers.testing.conformance import concurrency
from manila_drivers.testing.conformance import contents
from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import keeping
from manila_drivers.testing.conformance import lifecycle
from manila_drivers.testing.conformance import rules
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import service
from manila_drivers.testing.conformance import verdict

SCENARIOS = {scenario.name: scenario for module in (
    budgets, concurrency, contents, keeping, lifecycle, rules, service)
    for scenario in module.SCENARIOS}


def failed(work):
    """Names of the check that a run fails, '' if it passes."""
    try:
        work()
    except verdict.Violation as found:
        return found.check
    return ''


def play(make_lab, name):
    """Play the scenario of that name."""
    lab = make_lab()
    try:
        SCENARIOS[name].run(lab)
    finally:
        lab.close()


def in_histories(make_lab, number):
    """The check that the first history to fail fails, '' if none does."""
    return next(filter(None, (failed(
        lambda seed=seed: _played(make_lab, seed))
        for seed in range(number))), '')


def _played(make_lab, seed):
    """As ``run_seed`` does, without looking for the shortest history."""
    lab = make_lab()
    try:
        access_property.run(lab, history.make(random.Random(seed), lab))
    finally:
        lab.close()


def in_sweep(monkeypatch, make_lab, operation, *, scale):
    """The check that a sweep over one operation fails, '' if none does.

    :param scale: what part of its cases is tried, evenly chosen.
    """
    # One fault makes many cases fail, and the first says which check it is.
    monkeypatch.setattr(running, 'ENOUGH', 1)
    monkeypatch.setenv('MANILA_DRIVERS_WORKERS', '1')
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', scale)
    monkeypatch.delenv('MANILA_DRIVERS_SLICE', raising=False)
    return failed(lambda: running.faults(make_lab, [operation]).verify())
