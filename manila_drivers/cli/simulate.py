# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate BACKEND``."""

import argparse
from collections.abc import Mapping

from manila_drivers.cli import simulate_generic
from manila_drivers.cli import simulate_gluster
from manila_drivers.cli import simulate_gpfs
from manila_drivers.cli import simulate_openstack
from manila_drivers.cli import simulate_vast
from manila_drivers.cli.command import add_commands
from manila_drivers.cli.command import Subcommand

SUMMARY = 'run a simulated storage backend'

BACKENDS: Mapping[str, Subcommand] = {
    'vast': simulate_vast,
    'gluster': simulate_gluster,
    'gpfs': simulate_gpfs,
    'generic': simulate_generic,
    'openstack': simulate_openstack,
}


def configure(parser: argparse.ArgumentParser) -> None:
    add_commands(parser, 'BACKEND', BACKENDS)


def run(args: argparse.Namespace) -> int:
    raise AssertionError('a backend is required')
