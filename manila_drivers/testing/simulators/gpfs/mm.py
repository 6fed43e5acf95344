# SPDX-License-Identifier: Apache-2.0

"""All mm commands of the simulator, by name."""

from manila_drivers.testing.simulators.gpfs import ces
from manila_drivers.testing.simulators.gpfs import dialect
from manila_drivers.testing.simulators.gpfs import filesets
from manila_drivers.testing.simulators.gpfs import filesystem
from manila_drivers.testing.simulators.gpfs import quotas
from manila_drivers.testing.simulators.gpfs import snapshots

COMMANDS: dialect.Commands = {
    **filesystem.COMMANDS, **filesets.COMMANDS, **quotas.COMMANDS,
    **snapshots.COMMANDS, **ces.COMMANDS}
