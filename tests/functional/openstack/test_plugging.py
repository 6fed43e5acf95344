# SPDX-License-Identifier: Apache-2.0

"""Commands that put this host into a network: real ip, real OVS.

In a network namespace of its own, with an Open vSwitch in user space.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests import patience

# The last of them ends the cloud as well, which a busy kernel takes long for.
pytestmark = pytest.mark.timeout(600)

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'
START = """
set -eu
ovsdb-tool create $OVS_DBDIR/conf.db %s
ovsdb-server $OVS_DBDIR/conf.db --remote=punix:$OVS_RUNDIR/db.sock \\
    --log-file --detach --pidfile=$OVS_RUNDIR/db.pid
ovs-vsctl --no-wait init
ovs-vswitchd unix:$OVS_RUNDIR/db.sock --disable-system --log-file --detach \\
    --pidfile=$OVS_RUNDIR/vswitchd.pid
ovs-vsctl --timeout=20 add-br br-int -- set bridge br-int \\
    datapath_type=netdev
""" % SCHEMA
#: What ends with its first process, daemons and all.
ALONE = ('unshare', '--net', '--pid', '--fork', '--kill-child',
         '--mount-proc')


def seen(kind, path):
    run = f'{sys.executable} -m tests.functional.openstack.plugging {kind}'
    script = run if kind != 'ovs' else (
        f'({START}) >$OVS_LOGDIR/start.log 2>&1\n{run}')
    done = subprocess.run(
        [*ALONE, 'bash', '-ec', script], cwd=ROOT,
        timeout=patience.seconds(100), check=False,
        capture_output=True, text=True, env={
            **os.environ, 'PYTHONPATH': str(ROOT), 'OVS_RUNDIR': str(path),
            'OVS_DBDIR': str(path), 'OVS_LOGDIR': str(path)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize('kind', ['ovs', 'bridge'])
@pytest.mark.usefixtures('provided')
def test_this_host_is_plugged_in_and_packets_find_their_way(kind, tmp_path):
    found = seen(kind, tmp_path)
    name = {'ovs': 'tap0123456789a', 'bridge': 'ns-0123456789a'}[kind]
    assert found['left to do'] == found['left to do then'] == []
    assert (found['way']['dev'], found['way']['prefsrc']) == (
        name, '10.254.0.19')
    assert found['rival way']['dev'] == 'rival'
    assert found['own way']['dev'] == name
    assert name in found['devices']
    assert not any('fedcba' in each for each in found['devices'])
    if kind == 'ovs':
        assert 'no bridge named br-none' in found['no bridge']
