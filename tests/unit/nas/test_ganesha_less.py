# SPDX-License-Identifier: Apache-2.0

"""Leave of an export of Ganesha what its server has, options unknown."""

import dataclasses
import ipaddress

import pytest

from manila_drivers.nas import ganesha
from tests.unit.nas import test_ganesha_plan as plans
from tests.unit.nas import world

OWN = ('protocols=3', 'squash=root_squash')


def wanted(levels, **parts):
    return dataclasses.replace(world.export(levels), keep=True, **parts)


def told(export):
    return {str(network).removesuffix('/32'): level
            for network, level in export.levels.items()}


@pytest.mark.parametrize(('has', 'asked', 'left'), [
    ({'10.0.0.1': 'rw'}, {'10.0.0.1': 'rw'}, {'10.0.0.1': 'rw'}),
    ({'10.0.0.1': 'rw'}, {'10.0.0.1': 'ro'}, {'10.0.0.1': 'ro'}),
    ({'10.0.0.1': 'ro'}, {'10.0.0.1': 'rw'}, {'10.0.0.1': 'ro'}),
    ({'10.0.0.1': 'rw'}, {'10.0.0.2': 'rw'}, {}),
    ({'10.0.0.0/24': 'rw'}, {'10.0.0.0/25': 'rw', '10.1.0.0/16': 'rw'},
     {'10.0.0.0/25': 'rw'}),
    ({'10.0.0.0/25': 'rw'}, {'10.0.0.0/24': 'ro'}, {'10.0.0.0/25': 'ro'})])
def test_nobody_gets_more_and_options_stay(has, asked, left):
    facts = plans.facts(**plans.served(levels=has, options=OWN))
    found = ganesha.kept(facts, wanted(asked, options=('protocols=4',)))
    assert told(found) == left
    written = plans.written(7, left or {'10.9.9.9': 'rw'}, options=OWN)
    again = plans.written(7, left or {'10.9.9.9': 'rw'},
                          options=found.options)
    assert again == written


def test_who_is_kept_out_by_an_entry_of_their_own_stays_so():
    parts = plans.served(levels={'10.0.0.0/24': 'rw'}, options=OWN)
    stored = parts['files']['share-1'][0]
    closed = dataclasses.replace(parts['shown'][7], clients=(
        *stored.clients, (ipaddress.ip_network('10.0.0.7'), '')))
    other = dataclasses.replace(closed, id=8, clients=(
        (ipaddress.ip_network('10.0.0.9'), ''),))
    facts = plans.facts(**{**parts, 'shown': {7: closed, 8: other}})
    found = ganesha.kept(facts, wanted({
        '10.0.0.7': 'rw', '10.0.0.8': 'rw', '10.0.0.9': 'rw'}))
    assert told(found) == {'10.0.0.8': 'rw', '10.0.0.9': 'rw'}
    # So it does by the file alone.
    facts = plans.facts(**{**parts, 'files': {'share-1': (
        dataclasses.replace(stored, clients=closed.clients),)}})
    assert told(ganesha.kept(facts, wanted({'10.0.0.7': 'rw'}))) == {}


def test_nothing_is_left_where_no_file_tells_the_options():
    parts = plans.served()
    facts = plans.facts(**{**parts, 'files': {}})
    found = ganesha.kept(facts, wanted({'10.0.0.1': 'rw'}))
    assert found.levels == {}
    assert (found.path, found.name) == (world.PATH, 'share-1')
    # Any file of the path tells, and that of the name before others.
    own = parts['files']['share-1']
    other = (plans.written(7, {'10.0.0.1': 'rw'}),)
    for files, of in (({'other': own}, own), ({'a': other, 'share-1': own},
                                              own)):
        facts = plans.facts(**{**parts, 'files': files})
        found = ganesha.kept(facts, wanted({'10.0.0.1': 'rw'}))
        assert told(found) == {'10.0.0.1': 'rw'}
        assert plans.written(7, {'10.0.0.1': 'rw'},
                             options=found.options) == of[0]


def test_a_plan_keeps_what_a_server_has():
    facts = plans.facts(**plans.served(levels={
        '10.0.0.1': 'rw', '10.0.0.2': 'rw'}, options=OWN))
    commands = ganesha.plan(facts, wanted({
        '10.0.0.1': 'rw', '10.0.0.3': 'rw'}), 7, plans.LAYOUT)
    [text] = [cmd.input() for cmd in commands if cmd.input()]
    assert '10.0.0.1' in text
    assert '10.0.0.2' not in text
    assert '10.0.0.3' not in text
    assert 'root_squash' in text.lower()
