# SPDX-License-Identifier: Apache-2.0

"""The conformance suite on a real glusterd.

The same scenarios that the simulator goes through: what it says otherwise
than the real thing fails on one side or the other.
"""

import contextlib
import random

import pytest

from manila_drivers.testing.conformance import access_property
from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import lifecycle
from manila_drivers.testing.conformance import rules
from manila_drivers.testing.conformance import service
from manila_drivers.testing.conformance import stage
from manila_drivers.testing.conformance import verdict
from tests.conformance import test_gluster_broken
from tests.functional.gluster import real

pytestmark = pytest.mark.timeout(600)

HISTORIES = 1

#: Where much depends on what the servers do.  The others ask little of them,
#: and the simulator goes through all.
CHOSEN = {
    'a_share_lives_from_creation_to_deletion',
    'a_delete_takes_rules_and_data_along', 'a_delete_leaves_strangers_alone',
    'shrinking_below_what_is_used_is_refused',
    'an_export_can_be_managed_and_released',
    'a_level_can_change', 'one_call_may_add_and_deny',
    'an_impossible_rule_stops_no_other'}


def chosen(scenarios):
    return pytest.mark.parametrize('scenario', [
        each for each in scenarios if each.name in CHOSEN],
        ids=lambda each: each.name)


@pytest.fixture(scope='module')
def cluster(site):
    made = real.Cluster(site)
    yield made
    made.end()


@pytest.fixture
def make_lab(cluster, tmp_path):
    with contextlib.ExitStack() as stack:
        def make(lab_class=real.RealLab, **attributes):
            lab = type('Lab', (lab_class,), attributes)(cluster, tmp_path)
            stack.callback(lab.close)
            return lab
        yield make


@pytest.fixture
def lab(make_lab):
    return make_lab()


@pytest.mark.turns('scenarios on a real glusterd')
@chosen(lifecycle.SCENARIOS)
def test_life(lab, scenario):
    scenario.run(lab)


@pytest.mark.turns('scenarios on a real glusterd')
@chosen(rules.SCENARIOS)
def test_rules(lab, scenario):
    scenario.run(lab)


@pytest.mark.turns
@pytest.mark.parametrize('number', [0, 3, 4], ids=[
    'open to all', 'servers and hosts lost', 'read only'])
def test_a_resync_removes_strangers(lab, number):
    way = lab.tampers()[number]
    lab.tampers = lambda: [way]
    stage.Scenario(rules.a_resync_removes_strangers).run(lab)


@pytest.mark.turns
@pytest.mark.parametrize('name', ['list lost', 'TLS off',
                                  'given to nobody'])
def test_a_drift_is_repaired_or_reported(lab, name):
    [drift] = [each for each in lab.drifts() if each.name == name]
    lab.drifts = lambda: [drift]
    stage.Scenario(service.each_drift_is_repaired_or_reported).run(lab)


def a_mount_that_is_held_ends_with_its_rule(stage):
    rule = stage.rule()
    share = stage.shared(rule)
    stage.exact(share)
    stage.manager.update(share, delete=[rule])
    stage.exact(share, rule)


@pytest.mark.turns
@pytest.mark.parametrize(('driver_class', 'scenario'), [
    (test_gluster_broken.OnlyAdds, rules.a_resync_removes_strangers),
    (test_gluster_broken.LetsHeldMountsLive,
     a_mount_that_is_held_ends_with_its_rule)])
def test_a_broken_driver_is_found_out(make_lab, driver_class, scenario):
    lab = make_lab(driver_class=driver_class)
    with pytest.raises(verdict.Violation, match='too-wide'):
        stage.Scenario(scenario).run(lab)


@pytest.mark.parametrize('seed', range(HISTORIES))
def test_histories(make_lab, seed):
    lab = make_lab(real.LevelsLab)
    access_property.run(lab, history.make(random.Random(seed), lab))
