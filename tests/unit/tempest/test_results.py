# SPDX-License-Identifier: Apache-2.0

"""A tempest run is judged by lists that cannot hide a lost capability."""

import re

import pytest

from tests.tempest import backends
from tests.tempest import results
from tests.tempest import run

JUNIT = """<testsuite>
<testcase classname="a.tests.B" name="test_ok[backend,id-1,positive]"/>
<testcase classname="a.tests.B" name="test_bad[backend]">
  <failure type="x">Traceback</failure></testcase>
<testcase classname="a.tests.B" name="test_not_here[backend]">
  <skipped>Replication tests are disabled.</skipped></testcase>
<testcase classname="" name="setUpClass (a.tests.C)">
  <skipped>No.</skipped></testcase>
</testsuite>"""


def test_outcomes_are_read_without_attributes():
    assert results.read(JUNIT) == [
        results.Outcome('a.tests.B.test_ok', 'passed'),
        results.Outcome('a.tests.B.test_bad', 'failed', 'Traceback'),
        results.Outcome('a.tests.B.test_not_here', 'skipped',
                        'Replication tests are disabled.'),
        results.Outcome('a.tests.C', 'skipped', 'No.')]
    assert results.count(results.read(JUNIT)) == {
        'passed': 1, 'failed': 1, 'skipped': 2}


def test_a_skip_that_is_not_listed_is_unexpected():
    outcomes = results.read(JUNIT)
    tests = [outcome.test for outcome in results.unexpected(
        outcomes, {r'a\.tests\.C': 'why'})]
    assert tests == ['a.tests.B.test_bad', 'a.tests.B.test_not_here']


def test_a_failure_is_unexpected_even_if_it_is_listed():
    outcomes = results.read(JUNIT)
    assert [outcome.result for outcome in results.unexpected(
        outcomes, {r'.*': 'why'})] == ['failed']


def test_a_test_of_which_nothing_was_heard_is_missing():
    selected = results.selected(
        'Some chatter [of tempest]\n'
        'a.tests.B.test_ok[backend,id-1,positive]\n'
        'a.tests.B.test_lost[backend,id-2,positive]\n'
        'a.tests.C.test_of_a_class_that_is_skipped[backend]\n')
    assert [outcome.test for outcome in results.missing(
        selected, results.read(JUNIT))] == ['a.tests.B.test_lost']


GOOD = results.Outcome('a.tests.B.test_ok', 'passed')


@pytest.mark.parametrize(('tests', 'outcomes', 'left', 'code'), [
    ([GOOD.test], [GOOD], [], 0),
    ([], [], [], 1),
    ([GOOD.test, 'a.tests.B.test_lost'], [GOOD], [], 1),
    ([GOOD.test], [GOOD], ['a view'], 1),
    ([GOOD.test], [GOOD, results.Outcome('a.tests.C', 'failed')], [], 1),
    ([GOOD.test], [GOOD, results.Outcome('a.tests.C', 'skipped')], [], 1)])
def test_what_fails_a_run(tests, outcomes, left, code):
    assert run.report((), tests, outcomes, left, 1.0) == code


def test_every_list_is_read_and_each_pattern_has_a_reason():
    read = set()
    for backend in backends.BACKENDS.values():
        for kind in ('skipped', 'excluded'):
            read |= {f'{kind}.txt', *(f'{kind}-without-{each}.txt'
                                      for each in backend.lacks)}
            found = results.listed(kind, backend.lacks)
            assert found
            for pattern, reason in found.items():
                re.compile(pattern)
                assert len(reason) > 10, pattern
    assert {file.name for file in results.LISTS.iterdir()} <= read


def test_what_one_backend_may_skip_no_other_may():
    skip = [results.Outcome(
        'manila_tempest_tests.tests.api.test_shares.SharesCIFSTest',
        'skipped', 'No CIFS')]
    wrong = {name: results.unexpected(skip, results.listed(
        'skipped', backend.lacks)) for name, backend
        in backends.BACKENDS.items()}
    assert wrong.pop('generic') == skip
    assert not any(wrong.values())


REFUSED = 'x\ntempest.lib.exceptions.Unauthorized: Unauthorized'


def test_only_what_keystone_refused_gets_a_second_try():
    first = [results.Outcome('a.A.test_a', 'failed', REFUSED),
             results.Outcome('a.A.test_b', 'failed', 'AssertionError'),
             results.Outcome('a.A.test_c', 'skipped', REFUSED),
             results.Outcome('a.A.test_d', 'passed')]
    refused = results.refused_by_keystone(first)
    assert [outcome.test for outcome in refused] == ['a.A.test_a']
    again = [results.Outcome('a.A.test_a', 'passed')]
    assert results.count(results.corrected(first, again)) == {
        'passed': 2, 'failed': 1, 'skipped': 1}
    # What fails twice has failed, and what was not run a second time too.
    assert results.corrected(first, first) == first
    assert results.corrected(first, []) == first
