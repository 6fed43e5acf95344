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

"""All mm commands of the simulator, by name."""

from manila_drivers.simulators.gpfs import ces
from manila_drivers.simulators.gpfs import dialect
from manila_drivers.simulators.gpfs import filesets
from manila_drivers.simulators.gpfs import filesystem
from manila_drivers.simulators.gpfs import quotas
from manila_drivers.simulators.gpfs import snapshots

COMMANDS: dialect.Commands = {
    **filesystem.COMMANDS, **filesets.COMMANDS, **quotas.COMMANDS,
    **snapshots.COMMANDS, **ces.COMMANDS}
