# SPDX-License-Identifier: Apache-2.0

import io

import pytest

from manila_drivers.testing.manila import calls
from manila_drivers.testing.manila import journal
from manila_drivers.testing.manila import show

LINE = ('2026 INFO manila_drivers.driver.context [req] '
        'VASTShareDriver.%s: backend %s, id 1-2, %s\n')


class Log:
    def __init__(self) -> None:
        self.text = ''

    def log_mark(self) -> int:
        return len(self.text)

    def log(self, mark: int) -> str:
        return self.text[mark:]

    def tells(self, method: str, trips: str, backend: str = 'b') -> None:
        self.text += LINE % (method, backend, trips)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def book(log: Log, screen: io.StringIO) -> journal.Journal:
    shown = show.Screen(screen)
    return journal.Journal(log, 'b', begin=shown.begin, tell=shown.tell)


def test_a_step_knows_the_calls_made_meanwhile(book: journal.Journal,
                                               log: Log) -> None:
    log.tells('before done', '1 REST in 0.001 s of 0.002 s')
    with book.step('create %s', 'it') as note:
        log.tells('create_share done', '3 REST in 0.001 s of 0.006 s')
        log.tells('create_share done', '3 REST in 0.001 s of 0.006 s', 'c')
        log.tells('get_share_stats done', '1 REST in 0.001 s of 0.006 s')
        log.tells('delete_share failed',
                  '2 REST, 1 SSH in 0.1 s of 1.250 s: Broken: it broke')
        log.tells('unmanage done', 'no round trip in 0.000 s of 0.001 s')
        note.says('%d made', 1)
    (step,) = book.steps
    assert (step.title, step.result) == ('create it', '1 made')
    assert [(call.method, call.requests, call.seconds)
            for call in step.calls] == [
                ('create_share', 3, 0.006), ('delete_share', 3, 1.25),
                ('unmanage', 0, 0.001)]


def test_a_failure_names_the_step(book: journal.Journal,
                                  screen: io.StringIO) -> None:
    with pytest.raises(journal.ScenarioFailure, match=r'^open: no'):
        with book.step('open'):
            raise ValueError('no')
    assert book.steps[0].failure == 'no'
    assert 'FAIL open' in screen.getvalue()


def test_what_is_not_expected_is_not_passed() -> None:
    journal.expect(True, 'fine')
    with pytest.raises(journal.ScenarioFailure, match='1 of 2'):
        journal.expect(0, '%d of %d', 1, 2)


def test_a_step_is_shown_with_its_requests(screen: io.StringIO) -> None:
    call = calls.Call('create_share', 'done', 'b', '2 REST', 0.0042)
    show.Screen(screen).tell(journal.Step(
        'create', 'available', 1.5, ('POST views 201', 'GET x 404'), (call,)))
    title, result, asked = screen.getvalue().splitlines()
    assert title.startswith('  ok create')
    assert title.endswith('1.50 s')
    assert result.strip() == 'available'
    assert asked.strip() == (
        'driver: create_share (2 REST, 4 ms): POST views, GET x 404')


def test_long_results_are_wrapped(screen: io.StringIO) -> None:
    show.Screen(screen).tell(journal.Step('x', 'word ' * 100, 0.1))
    assert max(map(len, screen.getvalue().splitlines())) <= 100
