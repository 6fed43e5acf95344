# SPDX-License-Identifier: Apache-2.0

"""How far clocks differ, as far as answers tell."""

import pytest

from manila_drivers.transport import clocks


@pytest.mark.parametrize(('second', 'before', 'after', 'apart'), [
    (100, 100.2, 100.4, 0.0), (100, 99.9, 100.1, 0.0),
    (100, 100.9, 101.5, 0.0),
    # It may have been any time of that second, and of the request.
    (130, 100.0, 104.0, 26.0), (70, 100.0, 104.0, -29.0),
    (100, 60.0, 140.0, 0.0)])
def test_only_what_is_certain_is_a_difference(second, before, after, apart):
    assert clocks.apart(second, before, after) == pytest.approx(apart)


def test_the_least_of_several_answers_counts():
    with clocks.listen() as heard:
        clocks.told('one', 'Thu, 01 Jan 1970 00:02:10 GMT', 60.0, 61.0)
        clocks.told('one', 'Thu, 01 Jan 1970 00:02:20 GMT', 60.0, 120.0)
        clocks.told('one', 'Thu, 01 Jan 1970 00:02:10 GMT', 60.0, 61.0)
        clocks.told('two', 'Thu, 01 Jan 1970 00:00:10 GMT', 60.0, 61.0)
        for odd in ('', 'yesterday', 'Thu, 99 Jan 1970 00:00:10 GMT'):
            clocks.told('three', odd, 60.0, 61.0)
    assert heard == {'one': 20.0, 'two': -49.0}


def test_nobody_has_to_listen():
    clocks.told('one', 'Thu, 01 Jan 1970 00:02:10 GMT', 60.0, 61.0)
    with clocks.listen() as heard:
        pass
    clocks.told('one', 'Thu, 01 Jan 1970 00:02:10 GMT', 60.0, 61.0)
    assert heard == {}
