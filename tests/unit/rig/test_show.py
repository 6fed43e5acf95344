# SPDX-License-Identifier: Apache-2.0

"""Test what a newcomer reads on the terminal."""

import io

import pytest

from manila_drivers.testing.manila import __main__ as rig
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import show
from manila_drivers.testing.manila import stay
from manila_drivers.testing.manila.calls import Call
from manila_drivers.testing.manila.journal import Journal
from manila_drivers.testing.manila.journal import Step

LINE = ('2026-01-01 INFO manila_drivers.driver.context '
        'VASTShareDriver.%s done: backend b, id i, 3 REST in 0.003 s of '
        '0.006 s\n')


class Log:
    text = ''

    def log_mark(self):
        return len(self.text)

    def log(self, mark):
        return self.text[mark:]


class Storage:
    def __init__(self):
        self.lines = []

    def mark(self):
        return len(self.lines)

    def asked(self, mark):
        return self.lines[mark:]


def test_seconds_say_whose_they_are():
    out = io.StringIO()
    show.Screen(out).tell(Step(
        'create a share', 'available', 1.25, ('POST views 201',),
        (Call('create_share', 'done', 'b', '1 REST', 0.004),)))
    first, _, last = out.getvalue().splitlines()
    assert first.endswith('Manila  1.25 s')
    assert last.strip() == ('driver: create_share (1 REST, 4 ms): '
                            'POST views')


def test_steps_have_headings():
    out = io.StringIO()
    screen = show.Screen(out)
    play = Journal(Log(), 'b', chapter=screen.chapter, tell=screen.tell)
    play.chapter('Access rules')
    with play.step('allow'):
        pass
    assert out.getvalue().splitlines()[:2] == ['', 'Access rules']


def test_what_a_newcomers_command_causes_is_told_once_it_has_ended():
    log, storage, told = Log(), Storage(), []
    log.text = LINE % 'create_share'
    storage.lines = ['POST old 201']
    news = stay.News(log, 'b', storage, told.append)
    news.look()
    storage.lines += ['POST views 201']
    news.look()
    assert told == []
    log.text += LINE % 'get_share_stats' + LINE % 'create_share'
    news.look()
    news.look()
    assert told == ['driver: create_share (3 REST, 6 ms): POST views']


class User:
    def __init__(self, *capabilities):
        self._pools = [{'name': f'solo@b#{number}', 'capabilities': one}
                       for number, one in enumerate(capabilities)]

    def pools(self):
        return [{'name': 'solo@other#p', 'capabilities': {
            'snapshot_support': True}}, *self._pools]


@pytest.mark.parametrize(('capabilities', 'specs'), [
    ([], None),
    ([{'snapshot_support': False}], {}),
    ([{'snapshot_support': True}], {'snapshot_support': True}),
    ([{'snapshot_support': [True, False]}], {'snapshot_support': True}),
    ([{'snapshot_support': True, 'revert_to_snapshot_support': 'True'}],
     {'snapshot_support': True, 'revert_to_snapshot_support': True}),
    ([{'snapshot_support': True}, {'snapshot_support': False}], {})])
def test_a_type_asks_for_what_the_driver_can_do(capabilities, specs):
    assert rig.able(User(*capabilities), 'solo@b') == specs


class Configured(process.Manila):
    running = True

    def __init__(self, tmp_path, *told):
        self.settings = type('S', (), {'backends': {'b': {}},
                                       'logs': tmp_path})
        self.release = type('R', (), {'wheel': '23'})
        self._told = list(told)

    def status(self):
        return self._told.pop(0) if len(self._told) > 1 else self._told[0]


def test_a_misconfigured_driver_is_not_waited_for(tmp_path):
    before = process.Status(port=1)
    status = process.Status(port=1, ready={'scheduler': 1.0}, trouble={
        'b': ['BadConfigurationException', 'vast_vippool_name is not set']})
    with pytest.raises(process.ManilaFailure,
                       match=r'did not start: .*vippool_name is not'):
        Configured(tmp_path, before, status).wait(seconds=30)


def test_what_was_wrong_before_is_waited_for(tmp_path):
    """It may have been mended meanwhile."""
    wrong = process.Status(port=1, ready={'scheduler': 1.0}, trouble={
        'b': ['BadConfigurationException', 'vast_vippool_name is not set']})
    ready = process.Status(port=1, ready={'scheduler': 1.0, 'b': 2.0})
    assert Configured(tmp_path, wrong, wrong, ready).wait(seconds=30) == ready


def test_after_the_wait_the_driver_has_the_word(tmp_path):
    status = process.Status(port=1, ready={'scheduler': 1.0}, trouble={
        'b': ['ShareBackendException', 'no answer from vms']})
    with pytest.raises(process.ManilaFailure,
                       match=r'waited 0 s for b: .* no answer from vms'):
        Configured(tmp_path, status).wait(seconds=0)
