# SPDX-License-Identifier: Apache-2.0

"""The simulator says what the real gluster says."""

import pytest

from manila_drivers.testing.simulators.gluster import GlusterSim
from tests.functional.gluster import comparing
from tests.functional.lab import gluster

# The first test of the guest builds its image and boots it, which took ten
# minutes beside a load of 20.
pytestmark = pytest.mark.timeout(2000)

SHARE = '2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a'
CLONE = 'manila-7f0bfb9e-3a5c-4b0f-9a53-3a9c0b6b8e11'

#: One volume that runs and has TLS, one with copies that was never started.
ORDINARY = f"""
volume list
volume info
volume info same-1
volume info nobody
volume status same-1 detail
volume status same-2 detail
volume set same-1 user.manila-share {SHARE} features.trash off
volume set same-1 user.manila-share {SHARE}
volume set same-1 user.manila-share NONE features.trsh off
volume set same-1 user.manila-share
volume set nobody user.manila-share NONE
volume info same-1
volume get same-1 auth.ssl-allow
volume get same-2 auth.ssl-allow
volume get same-1 server.dynamic-auth
volume get same-1 user.nothing
volume get same-1 features.trsh
volume reset same-1 user.manila-share
volume start same-1
volume start nobody
volume stop same-2
volume stop nobody
volume delete same-1
volume delete nobody
volume quota same-2 enable
volume quota same-1 list /
volume quota same-1 disable
volume quota same-1 limit-usage / 1GB
volume quota same-1 enable
volume quota same-1 enable
volume quota same-1 list /
volume quota same-1 limit-usage / 1GB
volume quota same-1 list /
volume info same-1
volume quota same-1 disable
volume info same-1
volume quota nobody list /
volume start same-2
volume info same-2
volume status all detail
volume stop same-2
volume info same-2
volume status same-2 detail
volume set same-2 user.manila-share {SHARE}
volume delete same-2
volume delete same-2
volume list
"""

#: The same again, with thin volumes: one is started, one is not.
SNAPSHOTS = f"""
snapshot list
snapshot list same-1
snapshot list nobody
snapshot info
snapshot info s
snapshot info volume same-1
snapshot create s nobody no-timestamp
snapshot create s same-2 no-timestamp
snapshot delete s
snapshot activate s
snapshot deactivate s
snapshot clone {CLONE} s
snapshot restore s
snapshot create manila-s1 same-1 no-timestamp
snapshot create manila-s1 same-1 no-timestamp
snapshot create manila-s2 same-1
snapshot list
snapshot list same-1
snapshot info manila-s1
snapshot info volume same-1
volume info same-1
snapshot clone {CLONE} manila-s1
snapshot deactivate manila-s1
snapshot activate manila-s1
snapshot activate manila-s1
snapshot info manila-s1
snapshot clone {CLONE} manila-s1
snapshot clone {CLONE} manila-s1
volume info {CLONE}
snapshot deactivate manila-s1
volume set {CLONE} user.manila-cloned-from {SHARE}
volume start {CLONE}
snapshot create manila-s3 {CLONE} no-timestamp
volume stop {CLONE}
volume delete {CLONE}
snapshot delete manila-s3
volume delete {CLONE}
volume set same-1 user.manila-share {SHARE}
snapshot restore manila-s1
volume stop same-1
volume delete same-1
snapshot restore manila-s1
volume info same-1
snapshot list
snapshot delete manila-s1
volume start same-1
"""


class Both:
    """A real cluster and a simulated one, told the same."""

    def __init__(self, site):
        self._node = site.gluster
        self._sim = GlusterSim(server=site.gluster.address)
        for name, copies, started in (('same-1', 1, True),
                                      ('same-2', 2, False)):
            site.volume(name, bricks=copies, start=started)
            self._sim.make_volume(
                name, size=gluster.GIB, replica=copies, started=started,
                allow=','.join(gluster.INFRASTRUCTURE))
        others = self._node.volumes() - {'same-1', 'same-2'}
        assert not others, 'the comparison needs a site of its own'

    def differences(self, line, *, xml=True):
        """How the two differ about a command, with the command."""
        argv = ['--mode=script'] * xml + ['--xml'] * xml + line.split()
        real = self._node.host.run('gluster', *argv, check=False,
                                   seconds=300)
        ours = self._sim.handle(['gluster', *argv])
        return [f'{line}: {each}' for each in comparing.differences(
            comparing.Said(real.returncode, real.stdout, real.stderr),
            comparing.Said(ours.status, ours.stdout, ours.stderr))]

    def all_differences(self, script):
        return [each for line in script.strip().splitlines()
                for each in self.differences(line)]


def test_volumes(site_of_its_own):
    both = Both(site_of_its_own)
    found = both.all_differences(ORDINARY)
    found += both.differences('--xml volume stop same-1', xml=False)
    site_of_its_own.gluster.stop()
    both._sim.options.daemon_up = False
    found += both.differences('volume info')
    assert not found, '\n'.join(found)


@pytest.mark.turns('snapshots of a real gluster')
def test_snapshots(thin):
    thin.clear()
    try:
        found = Both(thin).all_differences(SNAPSHOTS)
    finally:
        # Others count what there is on the same server.
        thin.clear()
    assert not found, '\n'.join(found)


class TestTheComparison:
    """It would notice."""

    REAL = comparing.Said(0, (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<cliOutput>\n  <opRet>0</opRet>\n  <opErrno>0</opErrno>\n'
        '  <opErrstr/>\n  <volInfo><volume><id>1-2-3</id>'
        '<status>1</status></volume></volInfo>\n</cliOutput>\n'), '')

    def test_what_varies_is_no_difference(self):
        other = self.REAL._replace(
            stdout=self.REAL.stdout.replace('1-2-3', '3-2-1'))
        assert not comparing.differences(self.REAL, other)

    @pytest.mark.parametrize('change', [
        {'status': 1}, {'stderr': 'No volumes present in cluster'},
        {'stdout': ''}], ids=str)
    def test_another_outcome_is(self, change):
        assert comparing.differences(self.REAL, self.REAL._replace(**change))

    @pytest.mark.parametrize(('before', 'after'), [
        ('<opErrno>0', '<opErrno>30800'), ('<status>1', '<status>2'),
        ('<opErrstr/>', ''), ('UTF-8', 'utf-8'),
        ('<id>1-2-3</id>', '<id/>'), ('<id>1-2-3</id>', '')])
    def test_another_content_is(self, before, after):
        other = self.REAL._replace(
            stdout=self.REAL.stdout.replace(before, after))
        assert comparing.differences(self.REAL, other)
