# SPDX-License-Identifier: Apache-2.0

import pytest

from manila_drivers.testing.manila import cast
from manila_drivers.testing.manila import scene

RULES = {'10.0.0.0/8': 'ro', '10.1.0.0/16': 'rw', '10.1.2.3': 'ro',
         '2001:db8::/32': 'rw'}


@pytest.mark.parametrize(('address', 'level'), [
    ('10.2.0.1', 'ro'), ('10.1.2.4', 'rw'), ('10.1.2.3', 'ro'),
    ('11.0.0.1', None), ('2001:db8::1', 'rw'), ('2001:db9::1', None)])
def test_the_most_specific_rule_decides(address: str,
                                        level: str | None) -> None:
    assert cast.decided(RULES, address) == level


def test_the_probes_meet_every_kind_of_rule() -> None:
    rules = {cast.NETWORK: 'ro', cast.HOST: 'rw', cast.SINGLE: 'rw'}
    levels = [cast.decided(rules, probe) for probe in cast.PROBES]
    assert levels == ['rw', 'ro', 'rw', None]


def test_differences_are_named() -> None:
    before = frozenset({('view', 'a'), ('view', 'b')})
    after = frozenset({('view', 'b'), ('quota', 'c')})
    assert scene.differences(before, after) == [
        'left behind: quota c', 'destroyed: view a']
    assert scene.differences(after, after) == []
