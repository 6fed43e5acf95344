# SPDX-License-Identifier: Apache-2.0

"""Access rules, sentence by sentence."""

from collections.abc import Callable
from collections.abc import Sequence
import random
import time
import tracemalloc

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance import watching
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.stage import Rule
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage

#: Seconds for one rule, however wide; on a machine that takes longer for any
#: rule, so many times what it takes for one of a single address.
WIDE_RULE_SECONDS, WIDE_RULE_TIMES = 0.1, 3
WIDE_RULE_BYTES = 2 * 1024 ** 2


def a_rule_admits_whom_it_names(stage: Stage) -> None:
    share = stage.shared(stage.rule(level='rw'), stage.rule(level='ro'))
    stage.exact(share)


def a_level_can_change(stage: Stage) -> None:
    rule = stage.rule(level='rw')
    share = stage.shared(rule)
    for level in ('ro', 'rw', 'ro'):
        changed = type(rule)(rule.access_id, rule.type, rule.to, level)
        if level in stage.able.levels:
            stage.manager.update(share, change=[changed])
            stage.exact(share)


def one_call_may_add_and_deny(stage: Stage) -> None:
    old = stage.rule()
    share = stage.shared(old)
    stage.manager.update(share, add=[stage.rule()], delete=[old])
    stage.exact(share, old)


def without_rules_nobody_gets_in(stage: Stage) -> None:
    rules = [stage.rule(), stage.rule()]
    share = stage.shared(*rules)
    stage.manager.update(share, delete=rules)
    stage.exact(share, *rules)
    stage.manager.update(share)
    stage.exact(share, *rules)


def a_denied_network_leaves_the_hosts_in_it(stage: Stage) -> None:
    wide, narrow = stage.rule('10.0.0.0/24'), stage.rule('10.0.0.7')
    share = stage.shared(wide, narrow)
    stage.manager.update(share, delete=[wide])
    stage.exact(share, wide)
    verdict.require(
        stage.lab.effective(share.export, stage.client(narrow)),
        'access.missing', 'a host lost its rule with its network')


def the_narrower_rule_decides(stage: Stage) -> None:
    share = stage.manager.create()
    stage.manager.update(share, add=[
        stage.rule('10.0.0.0/24', 'rw'), stage.rule('10.0.0.7', 'ro')])
    stage.exact(share)
    stage.manager.update(share, add=[
        stage.rule('192.168.0.0/16', 'ro'), stage.rule('192.168.4.4', 'rw')])
    stage.exact(share)


def an_impossible_rule_stops_no_other(stage: Stage) -> None:
    bad, good = stage.impossible_rule(), stage.rule()
    share = stage.manager.create()
    states = stage.manager.update(share, add=[bad, good])
    verdict.require(states.get(bad.access_id, {}).get('state') == 'error',
                    'access.not-refused', f'{bad} in {states}')
    verdict.require(good.access_id in share.rules, 'access.refused',
                    f'{good} in {states}')
    stage.exact(share)
    states = stage.manager.update(share, delete=[bad])
    stage.exact(share)
    stage.manager.delete(share)


def denying_what_was_never_there_succeeds(stage: Stage) -> None:
    rule = stage.rule()
    share = stage.shared(rule)
    stage.manager.update(share, delete=[
        stage.rule(), stage.impossible_rule()])
    stage.exact(share)


def a_resync_removes_strangers(stage: Stage) -> None:
    """Whatever was done by hand, the rules are the truth."""
    idle = [number for number, tamper in enumerate(stage.lab.tampers())
            if not _tampered(stage, tamper)]
    if idle:
        raise verdict.NotTried('records() show nothing of what these '
                               f'tampers() do: {idle}')


def _tampered(stage: Stage, tamper: Callable[[str, random.Random], None],
              ) -> bool:
    """Try one way; tell whether the lab has shown what it did."""
    rules = [stage.rule('10.7.0.0/24', 'ro'), stage.rule('10.7.0.7', 'rw'),
             stage.rule(level='ro')]
    share = stage.shared(*rules)
    before = _state(stage, share)
    # Chance may choose what is so already.
    changed = False
    for seed in range(8):
        tamper(share.export, random.Random(seed))  # noqa: S311
        changed = _state(stage, share) != before
        if changed:
            break
    stage.manager.update(share)
    stage.exact(share)
    return changed


def _state(stage: Stage, share: Share) -> tuple[object, object]:
    clients = meaning.clients(share.rules.values(), stage.able)
    return stage.lab.records(), watching.seen(stage.lab, share.export,
                                              clients)


def rules_stay_when_they_are_sent_again(stage: Stage) -> None:
    share = stage.shared(stage.rule(), stage.rule(level='ro'))
    with stage.changes_nothing('access.repeated'):
        stage.manager.update(share)
        stage.manager.update(share, add=list(share.rules.values()))


def a_thousand_rules_are_honoured(stage: Stage) -> None:
    rules = [stage.rule(level=('rw', 'ro')[number % 2])
             for number in range(1000)]
    share = stage.shared(*rules)
    _sampled(stage, share, rules)
    stage.manager.update(share, delete=rules[::3])
    _sampled(stage, share, rules)


def _sampled(stage: Stage, share: Share, rules: Sequence[Rule]) -> None:
    """Asking about everybody would take longer than the change."""
    clients = meaning.clients([*rules[::17], rules[-1]], stage.able)
    watching.check(stage.lab, share.export,
                   meaning.levels(share.rules.values(), clients))


def a_wide_rule_costs_no_more_than_another(stage: Stage) -> None:
    """0.0.0.0/0 and ::/0: no time, no memory, whatever becomes of them."""
    for to, other in (('0.0.0.0/0', '192.0.2.1'), ('::/0', '2001:db8::1')):
        share = stage.manager.create()
        rule = stage.manager.rule(to)
        usual, best = _fastest(stage, share, stage.manager.rule(other), rule)
        verdict.require(
            best < max(WIDE_RULE_SECONDS, WIDE_RULE_TIMES * usual),
            'access.slow', f'{to} took {best:.3f} s, {other} {usual:.3f} s')
        tracemalloc.start()
        try:
            stage.manager.update(share, add=[rule])
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        verdict.require(most < WIDE_RULE_BYTES, 'access.memory',
                        f'{to} took {most} bytes')
        stage.exact(share)
        stage.manager.delete(share)


def _fastest(stage: Stage, share: Share, *rules: Rule) -> list[float]:
    """Return the seconds that adding each rule took, at the best of times.

    Of this process, with the lab in it: what others do on the machine is no
    time of the driver's.  They take turns, so that no busy moment is of one
    alone.
    """
    taken: list[list[float]] = [[] for _ in rules]
    for _ in range(5):
        for rule, seconds in zip(rules, taken, strict=True):
            started = time.process_time()
            stage.manager.update(share, add=[rule])
            seconds.append(time.process_time() - started)
            stage.manager.update(share, delete=[rule])
    return [min(seconds) for seconds in taken]


SCENARIOS = (
    *(Scenario(play, looks=(evidence.ACCESS,)) for play in (
        a_rule_admits_whom_it_names, a_level_can_change,
        one_call_may_add_and_deny, without_rules_nobody_gets_in,
        a_denied_network_leaves_the_hosts_in_it, the_narrower_rule_decides,
        an_impossible_rule_stops_no_other,
        denying_what_was_never_there_succeeds,
        a_thousand_rules_are_honoured,
        a_wide_rule_costs_no_more_than_another)),
    Scenario(a_resync_removes_strangers, gives=('tampers',),
             looks=(evidence.ACCESS,)),
    Scenario(rules_stay_when_they_are_sent_again,
             looks=(evidence.RULES,)))
