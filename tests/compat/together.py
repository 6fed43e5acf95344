# SPDX-License-Identifier: Apache-2.0

"""Upstream's driver and ours in one process and one section.

Prints what each of them reads, in either order of being made, and how the
definitions of shared option names differ.  The order is the argument.
"""

import json
import os
import sys
import tempfile
from typing import Any

from oslo_config import cfg

from manila_drivers import driver
from manila_drivers.vastdata import opts
from tests.compat import describe
from tests.compat import made

DRIVER = 'manila_drivers.vastdata.driver.VASTShareDriver'
UPSTREAM = 'manila.share.drivers.vastdata.driver.VASTShareDriver'


class Ours(driver.ExecuteMixin, driver.GaneshaMixin, driver.ShareDriver):
    """Has the VAST options, and some that Manila's classes have as well."""

    clashing = (
        cfg.IntOpt('ssh_conn_timeout', default=60, help='Ours.'),
        cfg.StrOpt('ganesha_config_dir', default='/etc/ganesha', help='Ours'),
        cfg.StrOpt('share_backend_name', help='Ours.'))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(False, *args,
                         config_opts=[opts.VAST_OPTS, self.clashing],
                         **kwargs)


def main() -> None:
    ours = f'{__name__}.Ours'
    orders = {'upstream': [UPSTREAM, ours, UPSTREAM, ours],
              'ours': [ours, UPSTREAM, ours, UPSTREAM],
              'driver': [DRIVER, UPSTREAM, DRIVER, UPSTREAM]}
    with tempfile.TemporaryDirectory() as state:
        path = os.path.join(state, 'manila.conf')
        with open(path, 'w') as file:
            file.write('[shared]\ndriver_handles_share_servers = False\n'
                       'vast_mgmt_host = vms.example\nvast_mgmt_port = 444\n')
        drivers = [made.make(name, path, 'shared')
                   for name in orders[os.environ['FIRST']]]
    read = [{name: repr(one.configuration.safe_get(name))
             for name in ('vast_mgmt_host', 'vast_mgmt_port',
                          'vast_root_export')}
            for one in drivers]
    from manila.share.drivers.vastdata import driver as upstream
    json.dump({'read': read,
               'upstream': describe.options(upstream.OPTS),
               'ours': describe.options(opts.VAST_OPTS)}, sys.stdout)


if __name__ == '__main__':
    main()
