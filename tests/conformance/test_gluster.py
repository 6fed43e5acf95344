# SPDX-License-Identifier: Apache-2.0

"""The GlusterFS driver passes everything, on its simulator."""

from manila_drivers.testing.conformance import rules
from manila_drivers.testing.conformance import suite
from manila_drivers.testing.conformance.labs import gluster

LABS = gluster.GlusterLabs()

# 4000 characters are all that a volume's list of names can have.
UNBOUNDED = 'a_thousand_rules_are_honoured'
BOUNDED = tuple(one for one in rules.SCENARIOS if one.name != UNBOUNDED)


class TestGluster(suite.Life, suite.Service, suite.Budgets):
    make_lab = LABS


class TestFaults(suite.FaultSweep):
    make_lab = gluster.GlusterLabs(gluster.SmallLab)


class TestManyVolumes(suite.Budgets, suite.Concurrency):
    make_lab = gluster.GlusterLabs(gluster.LargeLab)


class TestRules(suite.Base):
    make_lab = LABS

    @suite._all(BOUNDED)
    def test_rules(self, lab, scenario):
        self.play(lab, scenario)


class TestHistories(suite.AccessHistories):
    make_lab = gluster.GlusterLabs(gluster.LevelsLab)
    histories = 5000
