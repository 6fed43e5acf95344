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

"""A driver on a simulated cluster."""

import pytest

from manila_drivers.conformance import manager
from manila_drivers.conformance.labs import gpfs
from manila_drivers.conformance.labs import gpfs_nfs


class Place:
    """A lab with a manager, and what was counted."""

    def __init__(self, lab):
        self.lab = lab
        self.sim = lab.sim
        self.manager = manager.Manager(lab)

    @property
    def driver(self):
        return self.manager.driver

    def spent(self, call):
        """mm* commands and round trips of a call."""
        commands, trips = self.sim.count(), self.lab.seam.calls
        call()
        return self.sim.count() - commands, self.lab.seam.calls - trips


@pytest.fixture
def make_place():
    places = []

    def make(kind='CES', **options):
        if kind == 'CES':
            lab = gpfs.GpfsLab(**options)
        else:
            lab = {'KNFS': gpfs_nfs.KernelLab, 'GNFS': gpfs_nfs.GaneshaLab}[
                kind](**{'gpfs_nfs_server_type': kind,
                         'gpfs_nfs_server_list': 'nfs1,nfs2', **options})
        places.append(lab)
        return Place(lab)

    yield make
    for lab in places:
        lab.close()


@pytest.fixture
def place(make_place):
    return make_place()
