# SPDX-License-Identifier: Apache-2.0

"""A driver on a simulated cluster."""

import pytest

from manila_drivers.testing.conformance import manager
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.labs import gpfs_nfs


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
