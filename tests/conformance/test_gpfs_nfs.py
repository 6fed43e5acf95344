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

"""The GPFS driver with KNFS and GNFS, simulated."""

import pytest

from manila_drivers.conformance import suite
from manila_drivers.conformance.labs import gpfs_nfs
from tests.conformance import test_gpfs_ces

# In the last run of a tenth of the sweep 3 of 957 cases with KNFS and 4 of
# 938 with GNFS left a file or an export behind on one server.
UNFINISHED = pytest.mark.xfail(
    strict=False, reason='some cut-off calls leave an export file behind')


class TestGpfsWithKernelNfs(test_gpfs_ces.Gpfs, suite.Everything):
    make_lab = gpfs_nfs.labs('KNFS')

    @UNFINISHED
    @suite.LONG
    def test_repetition_converges(self, capsys):
        super().test_repetition_converges(capsys)


class TestGpfsWithGanesha(test_gpfs_ces.Gpfs, suite.Everything):
    make_lab = gpfs_nfs.labs('GNFS')

    @UNFINISHED
    @suite.LONG
    def test_repetition_converges(self, capsys):
        super().test_repetition_converges(capsys)
