# SPDX-License-Identifier: Apache-2.0

"""Situations that are copied for many cases, and runs that travel."""

import threading

import pytest

from manila_drivers.testing.conformance import copies
from manila_drivers.testing.conformance import packing
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import generic

ONLY = ('delete the absent', 'access: deny all')


def test_nothing_of_a_copy_comes_back_but_what_it_tells():
    seen = []

    def work():
        seen.append(1)
        return len(seen)
    assert [copies.apart(work) for _ in range(3)] == [1, 1, 1]
    assert seen == []


def _violates():
    raise verdict.Violation('one.check', 'the text')


@pytest.mark.parametrize(('work', 'kind', 'told'), [
    (_violates, verdict.Violation, 'the text'),
    (lambda: 1 // 0, RuntimeError, 'ZeroDivisionError'),
    (lambda: threading.Lock(), RuntimeError, 'without a word')])
def test_how_a_copy_ended_is_told(work, kind, told):
    with pytest.raises(kind, match=told):
        copies.apart(work)


def test_threads_are_not_copied():
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert not copies.possible()
    finally:
        over.set()
        thread.join()


def test_copied_situations_are_those_that_are_made_afresh():
    """Every case ends as it does alone, violations included."""
    make_lab = generic.GenericLabs()
    known = sweep.references(make_lab, ONLY)
    known = packing.unpacked(make_lab, packing.packed(known))
    cases = running.sweep_cases(make_lab, known, ONLY)[::61]
    # A wrong reference makes most cases violate something.
    wrong = dict(known)
    wrong[ONLY[1]] = known[ONLY[0]].__class__(
        known[ONLY[1]].operation, known[ONLY[1]].calls, {},
        known[ONLY[1]].levels, None)
    for goals, some in (known, cases[::2]), (wrong, cases[::3]):
        alone = []
        for case in some:
            try:
                alone.append(sweep.run(make_lab, goals, case))
            except verdict.Violation as found:
                alone.append(found.check)
        together = [getattr(outcome, 'check', outcome) for _, outcome
                    in sweep.run_all(make_lab, goals, some)]
        assert together == alone
    assert {type(one) for one in alone} == {str, bool}


def test_what_cannot_travel_is_made_anew():
    make_lab = generic.GenericLabs()
    known = sweep.references(make_lab, ONLY[:1])
    told = {**packing.packed(known), ONLY[1]: None}
    found = packing.unpacked(make_lab, told)
    assert found[ONLY[0]].records == known[ONLY[0]].records
    assert found[ONLY[1]].calls > 1
