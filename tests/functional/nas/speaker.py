# SPDX-License-Identifier: Apache-2.0

"""The helper for kernel NFS in a process beside the server, over SSH.

The tests' own process is in no box and so reaches no server.  One request
per line in, as JSON; one answer per line out.
"""

import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import types

from manila_drivers.ibm.gpfs.helpers import knfs
from manila_drivers.nas import exports
from manila_drivers.transport import meter
from manila_drivers.transport import ssh
from tests import patience
from tests.functional.lab import box

# For a reconciliation in a guest on a busy machine.
_SECONDS = patience.seconds(500.0)

ROOT = pathlib.Path(__file__).parents[3]
OPTIONS = 'sync,no_root_squash,insecure,no_wdelay,no_subtree_check'


class Speaker:
    """The side of the tests."""

    def __init__(self, room: box.Box, target: dict[str, str]) -> None:
        self._process = room.popen(
            [sys.executable, '-m', 'tests.functional.nas.speaker',
             json.dumps(target)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(ROOT)})

    def apply(self, path: str, levels: dict[str, str], name: str = 'share',
              fsid: str = '11111111-2222-3333-4444-555555555555'):
        """Reconcile; the error, if any, and the round trips it took."""
        self._process.stdin.write(json.dumps(
            {'path': path, 'name': name, 'fsid': fsid,
             'levels': levels}) + '\n')
        self._process.stdin.flush()
        answer = json.loads(box.said(self._process, _SECONDS))
        return answer['error'], answer['trips']

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(patience.seconds(30))
        finally:
            box.end(self._process)


def serve(target: dict[str, str]) -> None:
    hosts = ssh.Hosts()
    host = hosts.host(ssh.Target(
        target['server'], ssh.Login('root', key_file=target['key']),
        ssh.KnownHosts((target['known_hosts'],))))
    for line in sys.stdin:
        asked = json.loads(line)
        # A new one each time: it must not need to remember anything.
        helper = knfs.KNFSHelper(
            types.SimpleNamespace(server=lambda name: host),
            types.SimpleNamespace(gpfs_nfs_server_list=['kernel'],
                                  knfs_export_options=OPTIONS))
        wanted = exports.Export(
            asked['path'], asked['name'], asked['fsid'],
            {ipaddress.ip_network(network): level
             for network, level in asked['levels'].items()},
            helper.options({}))
        with meter.measure() as trips:
            outcome = helper.reconcile([wanted])['kernel']
        sys.stdout.write(json.dumps({
            'error': str(outcome.error) if outcome.error else None,
            # Not the login, which is made once.
            'trips': trips.counts.get('SSH', 0)}) + '\n')
        sys.stdout.flush()


if __name__ == '__main__':
    serve(json.loads(sys.argv[1]))
