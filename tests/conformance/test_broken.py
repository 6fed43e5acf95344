# SPDX-License-Identifier: Apache-2.0

"""Each broken driver fails, and fails the check that is meant for it."""

import itertools

import pytest

from manila_drivers.testing.conformance import access_property
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import vast
from tests.conformance import broken
from tests.conformance import catching

# Of a sweep, evenly chosen: enough for every defect here.
CASES = 120

LABS = vast.VastLabs()

BY_SCENARIO = [
    (broken.OpensOnCreation, 'nobody_reaches_a_share_before_its_first_rule',
     'access.too-wide'),
    (broken.IgnoresDenial, 'one_call_may_add_and_deny', 'access.too-wide'),
    (broken.IgnoresDenial, 'without_rules_nobody_gets_in',
     'access.too-wide'),
    (broken.LosesARule, 'a_thousand_rules_are_honoured', 'access.missing'),
    (broken.IgnoresLevelChanges, 'a_level_can_change', 'access.too-wide'),
    (broken.IgnoresResync, 'a_resync_removes_strangers', 'access.too-wide'),
    (broken.WritesAmbiguousLists, 'the_narrower_rule_decides',
     'access.too-wide'),
    (broken.NamesRulesByTheWrongId, 'an_impossible_rule_stops_no_other',
     'access.key'),
    (broken.HidesRefusals, 'an_impossible_rule_stops_no_other',
     'access.not-refused'),
    (broken.AsksForEachRule, 'rules_stay_within_their_budget',
     'budget.update_access'),
    (broken.WritesWhatIsThere, 'rules_stay_within_their_budget',
     'budget.update_access'),
    (broken.ExpandsNetworks, 'a_wide_rule_costs_no_more_than_another',
     'access.'),
    (broken.MixesCalls, 'changes_of_one_share_do_not_mix', 'race.mixed'),
    (broken.MakesPoliciesOfTheAbsent, 'an_absent_share_is_reported',
     'absent.made'),
    (broken.DeletesTheNextBestThing, 'a_delete_leaves_strangers_alone',
     'strangers'),
    (broken.LeavesTheQuota, 'a_share_lives_from_creation_to_deletion',
     'delete.leftover'),
    (broken.DeletesOnce, 'deleting_what_is_not_there_succeeds', 'raised'),
    (broken.DeletesOnce, 'every_call_may_be_repeated', 'raised'),
    (broken.NamesByChance, 'every_call_may_be_repeated',
     'create_snapshot.repeated'),
    (broken.ShrinksRegardless, 'shrinking_below_what_is_used_is_refused',
     'shrink.data-loss'),
    (broken.RecreatesTheLost, 'each_drift_is_repaired_or_reported',
     'ensure.recreated'),
    (broken.StopsAtABrokenShare, 'each_drift_is_repaired_or_reported',
     'raised'),
    (broken.ForgetsTheRules, 'each_drift_is_repaired_or_reported',
     'ensure.reapply'),
    (broken.ForgetsTheStart, 'what_a_start_missed_is_made_up_for',
     'ensure.forgotten'),
    (broken.StatisticsFail, 'statistics_never_fail', 'stats.raised'),
    (broken.AdvertisesTooLittle, 'what_is_advertised_is_there',
     'stats.features'),
    (broken.ConnectsInTheConstructor, 'a_constructor_asks_nobody',
     'constructor.io'),
    (broken.TellsItsPassword, 'secrets_stay_secret', 'log.secret'),
    (broken.TellsItsPassword, 'secrets_stay_secret_in_failures',
     'log.secret'),
    (broken.TellsItsTokens, 'secrets_stay_secret', 'log.secret'),
    (broken.KnowsOnlyDictionaries, 'rows_are_understood', 'raised'),
    (broken.InterruptsClients, 'clients_of_a_managed_export_stay',
     'manage.clients'),
    (broken.CombinesTenants, 'an_export_of_another_tenant_is_not_ours',
     'manage.tenant'),
    (broken.CutsOffAtTheNextStart, 'clients_stay_through_checks',
     'manage.clients'),
    (broken.TrustsTheViewsPolicy, 'a_resync_removes_strangers', 'access.'),
    (broken.CallsTheVanishedWhole,
     'a_clone_that_was_stopped_is_not_called_whole', 'clone.stopped'),
    (broken.GivesUpByCount, 'a_backend_that_moves_is_waited_for', 'raised'),
    (broken.WritesFromOldLists, 'a_check_undoes_no_change_made_meanwhile',
     'ensure.undone')]


@pytest.mark.turns
@pytest.mark.parametrize(
    ('driver_class', 'scenario', 'check'), BY_SCENARIO,
    ids=[f'{one[0].__name__}-{one[1]}' for one in BY_SCENARIO])
def test_a_scenario_fails(driver_class, scenario, check):
    make_lab = LABS.with_driver(driver_class)
    assert catching.failed(
        lambda: catching.play(make_lab, scenario)).startswith(check)
    # It is the driver that fails it, not the lab.
    assert catching.failed(lambda: catching.play(LABS, scenario)) == ''


BY_HISTORIES = [
    (broken.OpensOnCreation, 'access.too-wide'),
    (broken.IgnoresDenial, 'access.too-wide'),
    (broken.LosesARule, 'access.missing'),
    (broken.IgnoresLevelChanges, 'access.'),
    (broken.IgnoresResync, 'access.'),
    (broken.AppliesOnlyAdditions, 'access.'),
    (broken.WidensThenNarrows, 'access.too-wide-meanwhile'),
    (broken.ClearsThenAdds, 'access.interrupted'),
    (broken.WritesAmbiguousLists, 'access.'),
    (broken.HidesRefusals, 'access.not-refused'),
    (broken.RefusesForNoReason, 'access.refused'),
    (broken.NamesRulesByTheWrongId, 'access.key'),
    (broken.TrustsTheViewsPolicy, 'access.'),
    (broken.LeavesTheQuota, 'delete.leftover')]


@pytest.mark.parametrize(('driver_class', 'check'), BY_HISTORIES,
                         ids=[one[0].__name__ for one in BY_HISTORIES])
def test_histories_fail(driver_class, check):
    found = catching.in_histories(LABS.with_driver(driver_class), 40)
    assert found
    assert found.startswith(check)


def test_a_failing_history_is_told_in_short():
    make_lab = LABS.with_driver(broken.IgnoresDenial)
    seed = next(seed for seed in range(40) if catching.failed(
        lambda seed=seed: access_property.run_seed(make_lab, seed)))
    with pytest.raises(verdict.Violation) as caught:
        access_property.run_seed(make_lab, seed)
    story = caught.value.text.splitlines()
    assert 'seed' in story[1]
    # One rule and its denial are all it takes.
    assert len(story) <= 2 + 2, story


class OpenLab(vast.VastLab):
    driver_class = broken.OpensOnCreation


class LeakyLab(vast.VastLab):
    driver_class = broken.LeavesTheQuota


@pytest.mark.timeout(600)
@pytest.mark.parametrize('workers', ['1', '2'])
def test_a_report_has_what_went_wrong_in_all_processes(workers, monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_WORKERS', workers)
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', '1')
    monkeypatch.delenv('MANILA_DRIVERS_SLICE', raising=False)
    report = running.histories(vast.VastLabs(OpenLab), 4)
    assert len(report.violations) >= int(workers)
    with pytest.raises(verdict.Violation, match='too-wide'):
        report.verify()
    sound = running.faults(vast.VastLabs(), ['extend'], part=0.2)
    sound.verify()
    assert sound.cases > 20
    assert f'{sound.cases} cases' in str(sound)
    with pytest.raises(verdict.Violation, match='leftover'):
        running.faults(vast.VastLabs(LeakyLab), ['create']).verify()


BY_SWEEP = [
    (broken.OpenWhileCreating, 'create', 'access.too-wide-meanwhile'),
    (broken.LeaksWhenCreationFails, 'create', 'delete.leftover'),
    (broken.LeaksWhenCreationFails, 'create', 'repeat.state'),
    (broken.NamesByChance, 'create snapshot', 'repeat.state'),
    (broken.ClaimsSuccess, 'create snapshot', 'claimed.state'),
    (broken.RaisesWhatItGets, 'extend', 'error.undocumented'),
    (broken.DeletesOnce, 'delete alone', 'repeat.failed'),
    (broken.DeletesTheNextBestThing, 'delete', 'strangers'),
    (broken.LeavesTheQuota, 'delete', 'delete.leftover'),
    (broken.WidensThenNarrows, 'access: all kinds of change',
     'access.too-wide-meanwhile')]


@pytest.mark.parametrize(
    ('driver_class', 'operation', 'check'), BY_SWEEP,
    ids=[f'{one[0].__name__}-{one[1]}-{one[2]}' for one in BY_SWEEP])
def test_the_sweep_fails(driver_class, operation, check):
    make_lab = LABS.with_driver(driver_class)
    failures = list(itertools.takewhile(
        lambda found: found != check, _failures(make_lab, operation)))
    assert len(failures) < CASES, set(failures)


@pytest.mark.parametrize('answer', ['no such call',
                                    'page in place of a call'])
def test_a_call_that_is_not_there_is_not_taken_for_done(answer):
    known = sweep.references(LABS, ['delete alone'])
    lab = LABS()
    cases = [case for case in sweep.cases(lab, known)
             if case.strikes[0].fault.name == answer
             and not case.strikes[0].lasting]
    lab.close()
    assert cases
    found = {driver_class: {catching.failed(
        lambda make=make, case=case: sweep.run(make, known, case))
        for case in cases} for driver_class, make in (
            ('broken', LABS.with_driver(broken.BelievesThatACallIsGone)),
            ('sound', LABS))}
    assert found['sound'] == {''}
    assert 'claimed.state' in found['broken']


def _failures(make_lab, operation):
    """Checks that fail, the undisturbed run's first."""
    known = {}

    def start():
        known.update(sweep.references(make_lab, [operation]))
    found = catching.failed(start)
    if found:
        yield found
        # The sound driver says where the operation has to end.
        known.update(sweep.references(LABS, [operation]))
    lab = make_lab()
    cases = list(sweep.cases(lab, known))
    lab.close()
    # An even step would meet the same one of each pair of cases alone.
    for case in cases[::len(cases) // CASES | 1]:
        found = catching.failed(
            lambda case=case: sweep.run(make_lab, known, case))
        if found:
            yield found
    yield from ['nothing of the kind'] * CASES
