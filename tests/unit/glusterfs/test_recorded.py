# SPDX-License-Identifier: Apache-2.0

"""The simulator repeats what a real gluster was heard to say.

``tests/functional/gluster/record.py`` has written it down; the functional
tests compare with a gluster that is there.
"""

import json

import pytest

from manila_drivers.testing.simulators.gluster import GlusterSim
from tests.functional.gluster import comparing
from tests.functional.gluster import record

NAMES = 'glusterfs-server-1,manila-host-1'

#: Commands that the driver does not use, so the simulator has none.
NOT_ASKED = [['snapshot', 'config'], ['snapshot', 'status']]


def recorded(name):
    return json.loads((record.DATA / f'{name}.json').read_text())


def replay(sim, section):
    """Return the simulator's differences, in the order of the section."""
    found = []
    for name, _ in record.section(section):
        case = recorded(name)
        if case['argv'][2:4] in NOT_ASKED:
            continue
        ours = sim.handle(['gluster', *case['argv']])
        found += [f'{name}: {each}' for each in comparing.differences(
            comparing.Said(case['status'], case['stdout'], case['stderr']),
            comparing.Said(ours.status, ours.stdout, ours.stderr))]
    return found


def test_snapshots():
    sim = GlusterSim(server='192.0.2.2')
    for name, started, thin in (('pool-1G-1', True, True),
                                ('stopped', False, True),
                                ('plain', True, False)):
        sim.make_volume(name, started=started, thin=thin, allow=NAMES)
    found = replay(sim, 'snapshots')
    assert not found, '\n'.join(found)


@pytest.mark.parametrize('name', ['version', 'prompt-without-script-mode'])
def test_single_commands(name):
    sim = GlusterSim()
    sim.make_volume('pool-2G-2', replica=2)
    case = recorded(name)
    ours = sim.handle(['gluster', *case['argv']])
    assert not comparing.differences(
        comparing.Said(case['status'], case['stdout'], case['stderr']),
        comparing.Said(ours.status, ours.stdout, ours.stderr))


def test_a_recorded_failure_is_not_taken_for_another():
    """The comparison is no formality."""
    sim = GlusterSim()
    found = replay(sim, 'snapshots')
    assert any('30806' in each for each in found)
