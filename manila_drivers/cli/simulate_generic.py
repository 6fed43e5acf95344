# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate generic``: a cloud with machines to log in to."""

import argparse
import pathlib
import time

from manila_drivers.cli import options
from manila_drivers.cli import serving
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.simulators.openstack import CloudOptions

SUMMARY = ('run a cloud, in memory, whose virtual machines are logged in to '
           'over SSH')
_CIFS = 'CIFS=manila.share.drivers.helpers.CIFSHelperIPAccess'
_NFS = 'NFS=manila.share.drivers.helpers.NFSHelper'


def configure(parser: argparse.ArgumentParser) -> None:
    serving.configure(parser, 'generic')
    group = parser.add_argument_group('state')
    group.add_argument('--share-servers', action='store_true',
                       help='have the driver make a machine for each share '
                            'network, which takes a Manila; else there is one '
                            'machine for all shares')
    group.add_argument('--proto', choices=('NFS', 'CIFS'), default='NFS',
                       help='what shares are served by (default: '
                            '%(default)s)')
    options.configure(group, CloudOptions())


def run(args: argparse.Namespace) -> int:
    """Serve the cloud until a signal comes; return the exit code."""
    cluster = openstack.CloudCluster(
        serves=args.share_servers,
        more={'share_helpers': _NFS if args.proto == 'NFS' else _CIFS})
    options.assign(cluster.sim.options, args.settings)
    stop = serving.stop_on_signals()
    with cluster:
        announce(args, cluster)
        started = time.monotonic()
        serving.serve(stop, cluster if args.requests else None)
        lasted = time.monotonic() - started
    print(f'Stopped: {cluster.mark()} requests, {cluster.doors.logins} logins '
          f'to machines in {lasted:.0f} s.', flush=True)
    return 0


def announce(args: argparse.Namespace,
             cluster: openstack.CloudCluster) -> None:
    """Show what to put into manila.conf, and that it can be used."""
    made = '# Credentials of this demonstration, made up for this run.'
    text = options.section(args.backend, cluster.options(), made,
                           protocol=args.proto)
    for name, values in cluster.sections().items():
        text += '\n'.join(['', f'[{name}]', *(
            '%s = %s' % (key, str(value).replace('$', '$$'))
            for key, value in values.items()), ''])
    if args.write_config:
        path = pathlib.Path(args.write_config)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text)
        text = f'Configuration, with the passwords, is in {path}.\n'
    print(text)
    print(f'Listening on {cluster.url}; end with Ctrl-C.', flush=True)
