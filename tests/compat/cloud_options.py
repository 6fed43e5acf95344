# SPDX-License-Identifier: Apache-2.0

"""The groups [nova], [cinder], [neutron] and [glance], Manila's and ours.

Prints the options of each, after both have been registered in one
configuration.  FIRST says who came first.
"""

import importlib
import importlib.util
import json
import os
import sys
from typing import Any
from unittest import mock

from oslo_config import cfg

from manila_drivers.openstack import opts

#: Modules of Manila that register a group when they are imported.
MODULES = {'nova': 'compute.nova', 'cinder': 'volume.cinder',
           'neutron': 'network.neutron.api', 'glance': 'image.glance'}


def theirs() -> dict[str, Any]:
    # Releases up to 2025.2 import this client, which newer ones do without.
    if importlib.util.find_spec('glanceclient') is None:
        sys.modules['glanceclient'] = mock.MagicMock()
    found = {}
    for group, name in MODULES.items():
        module = importlib.import_module(f'manila.{name}')
        found[group] = getattr(module, f'{group}_opts')
    return found


def described(listed: Any) -> dict[str, Any]:
    return {opt.dest: [type(opt.type).__name__, repr(opt.default),
                       repr(getattr(opt.type, 'choices', None)),
                       opt.secret, opt.deprecated_for_removal,
                       sorted(old.name for old in opt.deprecated_opts)]
            for opt in listed}


def main() -> None:
    if os.environ['FIRST'] == 'ours':
        opts.register(cfg.CONF)
    told = {group: described(found) for group, found in theirs().items()}
    opts.register(cfg.CONF)
    ours = {group: described(found) for group, found in opts.GROUPS.items()}
    json.dump({'theirs': told, 'ours': ours, 'registered': {
        group: sorted(cfg.CONF[group].keys()) for group in MODULES},
        'listed': {group: sorted(opt.dest for opt in found)
                   for group, found in opts.list_opts()}}, sys.stdout)


if __name__ == '__main__':
    main()
