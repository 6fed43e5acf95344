# SPDX-License-Identifier: Apache-2.0

"""Recorded answers, held against the services that gave them.

The unit tests play the same transcripts to the simulator: what both pass,
both do alike.  These come first, while the machine for others boots.
"""

import pathlib

import pytest
import yaml

from tests.functional.openstack import places
from tests.functional.openstack import registering
from tests.transcripts import player

pytestmark = pytest.mark.timeout(3600)

TRANSCRIPTS = sorted((pathlib.Path(__file__).parents[2] / 'data' / 'answers'
                      / 'openstack_transcripts').glob('*.yaml'))


def test_there_are_transcripts():
    assert TRANSCRIPTS


@pytest.fixture(scope='module')
def plain(cloud, api):
    """A user of the administrator's project who may not do everything."""
    user = registering.Identity(api).user('plain', api.project, 'member')
    yield player.Login(places.IDENTITY, 'plain', places.PASSWORD, 'admin')
    api.delete('identity', f'/users/{user}')


#: Those with a machine, which takes its time.
SLOW = ('attach-limit', 'server-life')


@pytest.mark.parametrize('file', [
    pytest.param(file, id=file.stem, marks=(
        pytest.mark.slow if file.stem in SLOW else ()))
    for file in TRANSCRIPTS])
def test_the_real_services_answer_so(cloud, plain, file):
    script = yaml.safe_load(file.read_text())
    login = player.Login(places.IDENTITY, 'admin', places.PASSWORD, 'admin')
    assert not player.play(script, login, others={'plain': plain})
