# SPDX-License-Identifier: Apache-2.0

"""All of upstream's drivers that ours stand in for, and ours, in one process.

Prints what each of ours reads of its options, and how the options that both
define differ.  ORDER says who is made first.
"""

import hashlib
import json
import os
import sys
import tempfile
from typing import Any

from oslo_config import cfg
from oslo_utils import secretutils

from manila_drivers import opts
from tests.compat import describe
from tests.compat import made

DRIVERS = {
    'vast': 'vastdata.driver.VASTShareDriver',
    'gluster': 'glusterfs.glusterfs_native.GlusterfsNativeShareDriver',
    'gpfs': 'ibm.gpfs.GPFSShareDriver'}

SECTION = """[DEFAULT]
state_path = {state}
[shared]
driver_handles_share_servers = False
vast_mgmt_host = vms.example
glusterfs_servers = root@gluster.example
glusterfs_volume_pattern = manila-#{{size}}-\\d+$
gpfs_share_export_ip = 192.0.2.7
"""


def paths(tail: str) -> tuple[str, str]:
    return f'manila_drivers.{tail}', f'manila.share.drivers.{tail}'


def main() -> None:
    # Releases up to 2025 take it from here, and oslo.utils of today has no
    # such thing any more.
    if not hasattr(secretutils, 'md5'):
        secretutils.md5 = hashlib.md5
    order = -1 if os.environ['ORDER'] == 'upstream' else 1
    drivers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as state:
        path = os.path.join(state, 'manila.conf')
        with open(path, 'w') as file:
            file.write(SECTION.format(state=state))
        for _ in range(2):
            for tail in DRIVERS.values():
                for dotted in paths(tail)[::order]:
                    drivers[dotted] = made.make(dotted, path, 'shared')
        ours = {kind: group for kind, group in opts.list_opts()
                if kind in DRIVERS}
        values = {kind: {
            opt.name: repr(drivers[paths(tail)[0]].configuration.safe_get(
                opt.name)).replace(state, 'STATE') for opt in ours[kind]}
            for kind, tail in DRIVERS.items()}
    json.dump({'made': sorted(drivers), 'values': values,
               'shared': {kind: shared(kind, ours[kind])
                          for kind in DRIVERS}}, sys.stdout)


def shared(kind: str, ours: Any) -> dict[str, Any]:
    """Type and default of what both define: upstream's, then ours."""
    package = paths(DRIVERS[kind])[1].rpartition('.')[0]
    if kind == 'gluster':
        package = package.rpartition('.')[0]
    lists = [value for name, module in list(sys.modules.items())
             if name.startswith(package) for value in vars(module).values()
             if isinstance(value, list) and value
             and all(isinstance(opt, cfg.Opt) for opt in value)]
    theirs = describe.options(opt for group in lists for opt in group)
    mine = describe.options(ours)
    return {name: [theirs[name], mine[name]]
            for name in sorted(theirs) if name in mine}


if __name__ == '__main__':
    main()
