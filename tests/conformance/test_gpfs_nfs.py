# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver with KNFS and GNFS, simulated."""

from manila_drivers.testing.conformance import rows
from manila_drivers.testing.conformance import suite
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import gpfs_nfs
from manila_drivers.testing.conformance.stage import Scenario
from tests.conformance import test_gpfs_ces


class Servers(test_gpfs_ces.Gpfs, suite.Everything):
    """Two servers take their time: a whole run has fewer of all.

    What the cluster does is played with CES.
    """

    histories = 1000
    part = 0.5


class TestGpfsWithKernelNfs(Servers):
    make_lab = gpfs_nfs.labs('KNFS')


class TestGpfsWithGanesha(Servers):
    make_lab = gpfs_nfs.labs('GNFS')


def options_of_the_type_take_effect(stage):
    """Also in an export that is there."""
    manager, rule = stage.manager, stage.rule()
    share = manager.create()
    for text in 'protocols=3', 'protocols=3:4':
        row = manager.row(share, rows.DICT)
        row['share_type_extra_specs'] = {'gnfs:export_options': text}
        manager.driver.update_access(
            None, row, manager.rule_rows(share, [rule]), [], [])
    verdict.require(
        stage.lab.effective(share.export, stage.client(rule)) == 'rw',
        'access.missing', f'{rule} admits nobody')


OPTIONS = Scenario(options_of_the_type_take_effect)


def test_options_of_the_type_take_effect():
    made = gpfs_nfs.labs('GNFS')()
    try:
        OPTIONS.run(made)
    finally:
        made.close()
