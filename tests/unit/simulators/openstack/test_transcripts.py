# SPDX-License-Identifier: Apache-2.0

"""The simulator answers as real services of 2026.2 did.

Each file of ``tests/data/answers/openstack_transcripts`` is played to it.
"""

import copy
import pathlib

import pytest
import requests
import yaml

from manila_drivers.testing.simulators import openstack
from tests.transcripts import player

PLACE = pathlib.Path(__file__).parents[3] / (
    'data/answers/openstack_transcripts')
FILES = sorted(PLACE.glob('*.yaml'))


def script(name):
    return yaml.safe_load((PLACE / f'{name}.yaml').read_text())


def login(sim, user='manila', **more):
    auth = sim.auth(user)
    return player.Login(auth['auth_url'], auth['username'], auth['password'],
                        'service', **more)


def played(sim, clock, told):
    session = requests.Session()
    for scheme in ('http://', 'https://'):
        session.mount(scheme, openstack.CloudAdapter(sim, clock.advance))
    sim.add_user('plain', 'service', 'member')
    return player.play(told, login(sim), session=session,
                       others={'plain': login(sim, 'plain')},
                       sleep=clock.advance, clock=clock)


def test_there_are_transcripts_and_each_says_where_it_is_from():
    assert len(FILES) >= 9
    for path in FILES:
        told = yaml.safe_load(path.read_text())
        assert 'November 2026' in told['source'], path.name
        assert told['steps'], path.name


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_a_transcript_is_answered_as_it_was(sim, clock, path):
    before = sim.inventory()
    assert played(sim, clock, yaml.safe_load(path.read_text())) == []
    clock.advance(60)
    assert sim.left(before) == []
    assert sim.missing(before) == []


def test_behind_a_port_as_well(sim):
    # Nothing in this transcript takes its time.
    with openstack.CloudServer(sim) as server:
        assert player.play(script('network'),
                           login(sim, verify=server.ca_file)) == []


def test_nothing_to_play_is_no_success(sim, clock):
    with pytest.raises(ValueError, match='nothing to play'):
        played(sim, clock, {'steps': []})


def step_with(told, field, place=0):
    found = [step for step in told['steps'] if field in step]
    return found[place]


# Each way in which a simulator may differ from what was recorded.
@pytest.mark.parametrize(('name', 'field', 'value', 'text'), [
    ('compute-errors', 'status', 418, 'recorded 418'),
    ('compute-errors', 'body', {'x': 1}, "recorded {'x': 1}"),
    ('volume-errors', 'like', 'never said', "recorded 'never said'"),
    ('volume-errors', 'has', {'volume': ['colour']}, "lacks ['colour']"),
    ('volume-life', 'exactly', {'snapshot': ['id']}, "has ['consumes_quota'"),
    ('volume-life', 'states', ['creating', 'downloading', 'available'],
     "recorded ['creating', 'downloading', 'available']"),
    ('compute-errors', 'keep', {'image': 'pictures.0.id'},
     'nothing at pictures.0.id'),
])
def test_a_difference_is_seen(sim, clock, name, field, value, text):
    told = copy.deepcopy(script(name))
    step_with(told, field)[field] = value
    found = played(sim, clock, told)
    assert text in found[0]


def test_a_state_that_never_comes_ends_the_watch(sim, clock):
    told = script('volume-life')
    step_with(told, 'watch').update(until='gone', patience=5)
    assert "['creating', 'available']" in played(sim, clock, told)[0]


def test_a_cloud_that_is_another_release_differs(sim, clock):
    sim.options.compute_max = '2.96'
    found = played(sim, clock, script('versions'))
    assert any('maximum is 2.96' in line for line in found)
