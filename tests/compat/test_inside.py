# SPDX-License-Identifier: Apache-2.0

"""Test what compat hands out inside each release."""

import json

import pytest

from tests.compat import conftest


@pytest.fixture(scope='module')
def told(release):
    return json.loads(conftest.run('tests.compat.inside', release))


def test_extra_specs_come_from_the_type(told):
    assert told['specs']['type'] == {
        'driver_handles_share_servers': 'False', 'vast:qos': 'fast'}
    assert told['specs']['given'] == {'a': '1'}
    assert told['specs']['none'] == {}


def test_messages_reach_the_user(told):
    assert told['messages'] == [['the-share', '010', '021']]


def test_locks_are_manilas(told):
    assert told['locks'] == {
        'same': 'busy', 'other': 'held', 'freed': 'held',
        'files': 'manila-a name manila-another name'}


def test_commands_run_as_manila_runs_them(told):
    assert told['root_helper'] == (
        'sudo manila-rootwrap /etc/manila/rootwrap.conf')
