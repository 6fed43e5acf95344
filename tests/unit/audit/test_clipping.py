# SPDX-License-Identifier: Apache-2.0

"""Part of rules can be given with nobody getting more."""

import uuid

import pytest

from manila_drivers import exception
from manila_drivers.audit import widening
from tests.unit.audit.test_widening import HALF
from tests.unit.audit.test_widening import HOST
from tests.unit.audit.test_widening import NET
from tests.unit.audit.test_widening import rule
from tests.unit.audit.test_widening import seen

OTHER, QUARTER = '192.0.2.128/25', '192.0.2.0/26'


def as_pairs(rules):
    return {rule.target: rule.level for rule in rules}


@pytest.mark.parametrize(('rules', 'share', 'asked', 'left'), [
    ([], seen([[NET]]), [], {}),
    ([rule(NET)], seen([[NET]]), [], {NET: 'rw'}),
    ([rule(NET)], seen([[HALF]]), [], {HALF: 'rw'}),
    ([rule(NET)], seen([[HALF], [OTHER]]), [], {HALF: 'rw', NET: 'ro'}),
    ([rule(NET, 'ro')], seen([[HALF]]), [], {HALF: 'ro'}),
    ([rule(NET), rule(HOST)], seen([[HALF]]), [], {HALF: 'rw'}),
    # Several servers: whom any of them lets in.
    ([rule(NET)], seen([[HALF]], [[OTHER]]), [], {NET: 'rw'}),
    # Who was asked for gets in, and nobody beside.
    ([rule(NET), rule(HOST)], seen([[HALF]]), [rule(HOST)],
     {HALF: 'rw', HOST: 'rw'}),
    ([rule(NET)], seen([[]]), [rule(QUARTER, 'ro')], {QUARTER: 'ro'}),
    ([rule(NET)], None, [], {}),
    ([rule(NET)], None, [rule(HALF)], {HALF: 'rw'}),
    # Nothing is known of another kind of rule.
    ([rule('alice', kind='user')], seen([['*']]), [], {})])
def test_rules_are_cut_to_who_gets_in(rules, share, asked, left):
    found = widening.clipped(rules, share, asked)
    assert {target.partition('/32')[0]: level
            for target, level in as_pairs(found).items()} == left
    for each in found:
        uuid.UUID(each.id)
        assert (each.share_id, each.kind, each.state) == (
            's', rules[0].kind, 'active')
    assert len({each.id for each in found}) == len(found)


@pytest.mark.parametrize(('rules', 'share', 'asked', 'told'), [
    ([], None, [], []), ([rule(NET)], None, [], []),
    ([rule(NET)], seen([[NET]]), [], []),
    ([rule(NET)], seen([[NET, HOST]]), [], [f'rw {HOST}']),
    ([rule(NET)], seen([[NET, HOST]]), [rule(HOST)], []),
    ([rule(NET)], seen([[NET, HOST]]), [rule(HOST, 'ro')], [f'rw {HOST}']),
    ([rule(NET, 'ro')], seen([[NET]]), [], [f'rw {NET}']),
    ([rule(NET)], seen([[NET]], [[], [HOST]]), [], [f'ro {HOST}']),
    # In words that no rule has.
    ([rule(NET)], seen([[NET, '@group']]), [], ['@group'])])
def test_who_gets_in_whom_no_rule_lets_in(rules, share, asked, told):
    found = widening.unknown(rules, share, asked)
    assert [text.removesuffix('/32') for text in found] == told


def test_what_is_not_known_needs_a_yes_of_its_own():
    found = widening.decide([rule(HOST)], seen([[NET]], unseen=['x']))
    assert found.blind
    with pytest.raises(exception.InvalidRequest, match='It is not known who'):
        found.need('one')
    found = widening.decide([rule(HOST)], seen([[NET]]))
    assert not found.blind
    with pytest.raises(exception.InvalidRequest, match=f'let in rw {HOST}'):
        found.need('one')
    found = widening.decide([rule(HOST)], seen([[NET]]), [rule(HOST)])
    assert (found.gives, found.blind) == ((), False)
    found.need('one')
