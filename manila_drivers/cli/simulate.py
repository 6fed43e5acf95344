#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""``manila-drivers simulate BACKEND``."""

import argparse
from collections.abc import Mapping

from manila_drivers.cli import simulate_gluster
from manila_drivers.cli import simulate_gpfs
from manila_drivers.cli import simulate_vast
from manila_drivers.cli.command import add_commands
from manila_drivers.cli.command import Command

SUMMARY = 'run a simulated storage backend'

BACKENDS: Mapping[str, Command] = {
    'vast': simulate_vast,
    'gluster': simulate_gluster,
    'gpfs': simulate_gpfs,
}


def configure(parser: argparse.ArgumentParser) -> None:
    add_commands(parser, 'BACKEND', BACKENDS)


def run(args: argparse.Namespace) -> int:
    raise AssertionError('a backend is required')
