# SPDX-License-Identifier: Apache-2.0

"""Recorded answers, held against the services that gave them.

The unit tests play the same transcripts to the simulator: what both pass,
both do alike.
"""

import pathlib

import pytest
import yaml

from tests.functional.openstack import places
from tests.transcripts import player

pytestmark = pytest.mark.timeout(3600)

TRANSCRIPTS = sorted((pathlib.Path(__file__).parents[2] / 'data' / 'answers'
                      / 'openstack_transcripts').glob('*.yaml'))


def login(name):
    return player.Login(places.IDENTITY, name, places.PASSWORD, name)


def test_there_are_transcripts():
    assert TRANSCRIPTS


@pytest.mark.parametrize('file', TRANSCRIPTS, ids=lambda file: file.stem)
def test_the_real_services_answer_so(cloud, file):
    script = yaml.safe_load(file.read_text())
    assert not player.play(script, login('admin'),
                           others={'plain': login('tenant')})
