# SPDX-License-Identifier: Apache-2.0

"""The drivers that work over SSH live in a real Manila, side by side.

One Manila for each release has GlusterFS and GPFS with each of its helpers as
backends, every one of them on a simulator of its own behind SSH: two of them
behind a real sshd with a key, the others behind a server that takes passwords.
"""

from collections.abc import Iterator
from concurrent import futures
import contextlib
import itertools
import pathlib
import statistics

import pytest

from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import show
from manila_drivers.testing.simulators import gate
from tests import needs
from tests.manila.conftest import ENDS

Cluster = gluster.Cluster | gpfs.Cluster

# Round trips that a call may take, whatever the rules and with nothing wrong
# before.  With KNFS and GNFS there are two servers.  Most of what a GlusterFS
# share costs are commands of the Manila host, which looks into the volume.
# A change that takes access away asks if every server of the cluster knows.
GLUSTER = {'create_share': 17, 'update_access': 3, 'delete_snapshot': 1,
           'create_snapshot': 1, 'create_share_from_snapshot': 7,
           'ensure_shares': 1}
CES = {'create_share': 2, 'update_access': 2, 'ensure_shares': 2}
SERVERS = {'create_share': 2, 'update_access': 4, 'ensure_shares': 3}
BUDGETS = {'gluster': GLUSTER, 'ces': CES, 'knfs': SERVERS, 'gnfs': SERVERS}

# GPFS commands that the same may take; NFS servers cost none.  Where several
# clients change, what came of it is seen by the third, at once.
COMMANDS = {
    'ces': {'create_share': 5, 'update_access': 3, 'ensure_shares': 3},
    **{name: {'create_share': 5, 'update_access': 0, 'ensure_shares': 3}
       for name in ('knfs', 'gnfs')}}

RELEASES = ('20.0', '21.0', '22.0', '23.0')


class Company:
    """A Manila with all of them."""

    def __init__(self, place: environment.Environment, release: str,
                 work: pathlib.Path, stack: contextlib.ExitStack) -> None:
        enter = stack.enter_context
        self.clusters: dict[str, Cluster] = {
            'gluster': enter(kinds.GlusterCluster(door=gate.Gate)),
            'ces': enter(gpfs.Cluster('CES')),
            'knfs': enter(gpfs.Cluster('KNFS', door=gate.Gate)),
            'gnfs': enter(gpfs.Cluster('GNFS'))}
        # Four share services do everything that comes by the clock.
        defaults: dict[str, object] = {
            'periodic_interval': 2, 'report_interval': 3}
        programs: list[pathlib.Path] = []
        for cluster in self.clusters.values():
            defaults |= cluster.defaults()
            programs += cluster.programs
        settings = config.Settings(work, {
            name: cluster.options()
            for name, cluster in self.clusters.items()}, defaults)
        self.manila = stack.enter_context(process.Manila(
            place, releases.named(release), settings, programs=programs))

    def play(self, name: str) -> scene.Scene:
        play = scene.play(self.manila, kinds.KINDS[name].profile(name),
                          self.clusters[name], tell=show.Screen().tell)
        # Four at once would keep Manila busy with their questions, and a
        # busy machine keeps them waiting.
        play.client.poll, play.client.seconds = 0.4, 90.0
        return play

    def leaks(self) -> list[str]:
        """Secrets in the logs of everything so far."""
        return ['%s: %s of %s' % (file.name, what, name)
                for file in sorted(self.manila.settings.logs.iterdir())
                for name, cluster in self.clusters.items()
                for what, secret in cluster.secrets().items()
                if secret in file.read_text(errors='replace')]


@pytest.fixture(scope='module', params=RELEASES)
def company(request: pytest.FixtureRequest, place: environment.Environment,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    needs.ssh_server()
    with contextlib.ExitStack() as stack:
        yield Company(place, request.param,
                      tmp_path_factory.mktemp('manila'), stack)


@pytest.fixture(autouse=True)
def _story_on_failure(company: Company) -> None:
    """Say where the logs are; pytest shows it for a test that fails."""
    print('Logs: %s' % company.manila.settings.logs)


def over_budget(play: scene.Scene, name: str) -> list[str]:
    """Calls with too many round trips, up to the first trouble."""
    steps = itertools.takewhile(
        lambda step: not step.title.startswith('storage off'),
        play.journal.steps)
    return ['%s %s: %s' % (name, call.method, call.trips)
            for step in steps for call in step.calls
            if call.requests > BUDGETS[name].get(call.method, call.requests)]


def commands_of(play: scene.Scene, name: str) -> Iterator[tuple[str, int]]:
    """Calls that were alone in their step, and what GPFS was asked then.

    Statistics, which look at what was changed before, may be among that.
    """
    for step in play.journal.steps:
        methods = [call.method for call in step.calls if call.requests]
        if len(methods) == 1 and methods[0] in COMMANDS[name]:
            yield methods[0], len(step.asked)


# Four lives at once take twenty minutes on a machine that does much else.
@pytest.mark.timeout(1500)
def test_shares_live_side_by_side(company: Company) -> None:
    plays = {name: company.play(name) for name in BUDGETS}
    with futures.ThreadPoolExecutor(len(plays)) as threads:
        list(threads.map(life.whole, plays.values()))
    assert [over for name, play in plays.items()
            for over in over_budget(play, name)] == []
    for name, most in COMMANDS.items():
        taken = list(commands_of(plays[name], name))
        assert {method for method, _ in taken} >= {
            'create_share', 'update_access'}
        usual = {method: statistics.median_low(
            number for one, number in taken if one == method)
            for method, _ in taken}
        assert [method for method, number in usual.items()
                if number > most[method]] == [], (name, taken)
    methods = {name: {call.method for step in play.journal.steps
                      for call in step.calls}
               for name, play in plays.items()}
    for name, seen in methods.items():
        assert seen >= set(BUDGETS[name]) - {'ensure_shares'} | {
            'revert_to_snapshot', 'manage_existing', 'unmanage',
            'manage_existing_snapshot', 'shrink_share'}, name
    # Once per host, for all that has been done.
    assert {name: cluster.ssh.logins
            for name, cluster in company.clusters.items()} == {
        'gluster': 1, 'ces': 1, 'knfs': 3, 'gnfs': 3}


# Restarts take their time: with eventlet and with threads.
@pytest.mark.parametrize('company', ENDS, indirect=True)
def test_shares_outlive_trouble(company: Company) -> None:
    plays = {name: company.play(name) for name in BUDGETS}
    outage.whole(*plays.values())
    assert [over for name, play in plays.items()
            for over in over_budget(play, name)] == []
    ensured = {name for name, play in plays.items()
               for step in play.journal.steps for call in step.calls
               if call.method == 'ensure_shares'}
    assert ensured == set(BUDGETS)


def test_no_secret_in_any_log(company: Company) -> None:
    """Last, so that the logs hold all that the others have caused."""
    assert 'create_share done' in company.manila.log()
    assert company.leaks() == []


def test_the_search_for_secrets_finds_them(company: Company) -> None:
    loose = company.manila.settings.logs / 'loose.log'
    knfs, ces = company.clusters['knfs'], company.clusters['ces']
    assert knfs.ssh.key_file
    loose.write_text('DEBUG login with %s and %s' % (
        pathlib.Path(knfs.ssh.key_file).read_text(), ces.ssh.password))
    assert company.leaks() == ['loose.log: SSH password of ces',
                               'loose.log: SSH key of knfs']
