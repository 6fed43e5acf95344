# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver passes everything with CES, on its simulator."""

import dataclasses

import pytest

from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import suite
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.stage import Scenario


def released_where_it_is(share, unmanaged):
    """A managed fileset has moved; that is where it is found again."""
    return dataclasses.replace(unmanaged, export=share.export)


def an_export_can_be_managed_and_released(stage):
    """It keeps everything but the mark of whose it is."""
    manager = stage.manager
    unmanaged = stage.lab.make_unmanaged('by-hand')
    share = manager.manage(unmanaged)
    assert share.size == unmanaged.size
    manager.update(share, add=[stage.rule()])
    stage.exact(share)
    before = dict(stage.lab.records())
    manager.unmanage(share)
    after = dict(stage.lab.records())
    item = ('fileset', 'share-' + share.id)
    assert before.pop(item).pop('comment') == f'manila:{share.id}'
    assert after.pop(item).pop('comment') == f'was manila:{share.id}'
    assert before == after


def an_export_is_managed_once(stage):
    manager = stage.manager
    unmanaged = stage.lab.make_unmanaged('by-hand')
    share = manager.manage(unmanaged)
    moved = released_where_it_is(share, unmanaged)
    other = manager.new_share()
    stage.fails('manage.twice', lambda: manager.manage(moved, other))
    manager.unmanage(share)
    manager.manage(moved, other)
    manager.update(other, add=[stage.rule()])
    stage.exact(other)


OWN = {'an_export_can_be_managed_and_released':
           an_export_can_be_managed_and_released,
       'an_export_is_managed_once': an_export_is_managed_once}


class Gpfs(suite.Base):
    """Filesets are renamed and moved when they are managed."""

    def play(self, lab, scenario):
        own = OWN.get(scenario.name)
        if own is not None:
            scenario = Scenario(own, scenario.needs)
        super().play(lab, scenario)


class TestGpfsWithCes(Gpfs, suite.Everything):
    make_lab = gpfs.GpfsLabs()
    histories = 5000


class AlternativesLab(gpfs.GpfsLab):
    """The manual since 5.0.3: one kind of change in one command."""

    name = 'gpfs with CES of 5.0.3'

    def __init__(self, site=None):
        super().__init__(site)
        self.sim.options.combines = False
        self.sim.options.percent_clients = True
        self.sim.options.newer_headers = True


class RemovesLastLab(gpfs.GpfsLab):
    """Leave unwritten what a command with several changes does last."""

    name = 'gpfs with CES that removes last'

    def __init__(self, site=None):
        super().__init__(site)
        self.sim.options.removes_last = True


@pytest.mark.parametrize('lab_class', [AlternativesLab, RemovesLastLab])
@pytest.mark.timeout(600)
def test_histories_on_other_dialects(lab_class, record_property):
    report = running.histories(gpfs.GpfsLabs(lab_class), 500, first=900_000)
    record_property('played', str(report))
    report.verify()
