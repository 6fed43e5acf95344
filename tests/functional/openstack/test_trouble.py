# SPDX-License-Identifier: Apache-2.0

"""Trouble in a cloud, and what takes long: see ``trouble.py``."""

import pytest

from tests.functional.openstack import services
from tests.functional.openstack.letting_go import LettingGo
from tests.functional.openstack.trouble import Trouble

pytestmark = [pytest.mark.timeout(3000), pytest.mark.slow]

CHAPTERS = (
    ('users', 'cifs_by_user'), ('refusing', 'extended_although_refused'),
    ('single', 'killed'), ('single', 'deleted_while_it_is_down'),
    ('single', 'disks_in_another_order'), ('single', 'used_size'),
    ('handled', 'used_size'), ('handled', 'killed'),
    ('handled', 'deleted_while_it_is_down'),
    ('handled-refusing', 'extended_although_refused'),
    ('single', 'crowded'))
#: Without whom a machine is made.
AWAY = (services.COMPUTE, services.SWITCH)

#: What Manila's own driver does not do.
FAULTS = {
    'cifs_by_user': 'it lets everybody in as long as there is no rule',
    'deleted_while_it_is_down': 'it leaves the disk in a machine that is off',
    'given_up_by_its_service': 'it leaves a port on the router',
    'used_size': 'it tells none',
    'let_go_and_taken_over': 'it takes no share server over'}


@pytest.mark.parametrize(('backend', 'chapter'), CHAPTERS)
def test_chapter(living, story, backend, chapter):
    story(living(backend, Trouble), chapter, faults=FAULTS)


@pytest.mark.parametrize(('backend', 'name'), [
    ('handled', each) for each in AWAY])
def test_somebody_is_away(living, story, backend, name):
    story(living(backend, Trouble), 'without_the_agent', name, faults=FAULTS)


@pytest.mark.parametrize(('backend', 'name'), [
    ('handled', each) for each in AWAY])
def test_somebody_is_given_up(living, story, backend, name):
    story(living(backend, Trouble), 'given_up_by_its_service', name,
          faults=FAULTS)


@pytest.mark.parametrize('backend', ['handled'])
def test_a_share_server_is_let_go_and_taken_over(living, story, backend):
    story(living(backend, LettingGo), 'let_go_and_taken_over', faults=FAULTS)


def test_nothing_is_left(living, story):
    story(living('handled', Trouble), 'nothing_is_left', faults=FAULTS)
