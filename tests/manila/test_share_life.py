# SPDX-License-Identifier: Apache-2.0

"""Shares live in a real Manila, through our driver, on a simulated cluster.

For every supported release, and for both kinds of threads where there is a
choice.  What the rules say is compared with what the cluster lets clients do
after every step; see `manila_drivers.testing.manila.life` and `outage`.
"""

from concurrent import futures
import re

import pytest

from manila_drivers.testing.manila import cast
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import scene
from tests.manila.conftest import Stage

# Round trips that a call may take, when nothing was wrong before.
BUDGETS = {'create_share': 3, 'update_access': 2, 'extend_share': 2,
           'shrink_share': 2, 'create_snapshot': 1, 'delete_snapshot': 3,
           'create_share_from_snapshot': 5, 'ensure_shares': 4}
ADOPTED = 5
AT_ONCE = 6

# Restarts take their time, and are the same for both kinds of threads; what
# many do at once depends on little but those.
RESTARTED = [('20.0', 'eventlet'), ('21.0', 'eventlet'), ('22.0', 'threads'),
             ('23.0', 'threads')]
CROWDED = [('20.0', 'eventlet'), ('23.0', 'threads')]


def test_the_api_is_the_release_s(stage: Stage) -> None:
    assert (stage.play().client.api.newest()
            == stage.manila.release.microversion)


def test_a_share_lives(stage: Stage) -> None:
    play = stage.play()
    life.whole(play)
    taken = [(call.method, call.requests)
             for step in play.journal.steps for call in step.calls]
    assert {method for method, _ in taken} >= set(BUDGETS) - {'ensure_shares'}
    over = [call for call in taken
            if call[1] > BUDGETS.get(call[0], call[1])]
    # The first rules of an adopted export: its policy has one of two names,
    # and gives way to the share's own.
    assert len(over) <= 1
    assert all(method == 'update_access' and requests <= ADOPTED
               for method, requests in over)
    deletions = [requests for method, requests in taken
                 if method == 'delete_share']
    assert min(deletions) <= 7


@pytest.mark.parametrize('stage', RESTARTED, ids='-'.join, indirect=True)
def test_a_share_outlives_trouble(stage: Stage) -> None:
    outage.whole(stage.play())


@pytest.mark.parametrize('stage', CROWDED, ids='-'.join, indirect=True)
def test_many_shares_at_once(stage: Stage) -> None:
    before = stage.cluster.inventory()
    with futures.ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda _: _short_life(stage.play()),
                         range(AT_ONCE)))
    assert stage.cluster.inventory() == before


def test_no_secret_in_any_log(stage: Stage) -> None:
    """Last, so that the logs hold all that the others have caused."""
    assert 'create_share done' in stage.manila.log()
    assert _leaks(stage) == []


def test_the_search_for_secrets_finds_them(stage: Stage) -> None:
    (stage.manila.settings.logs / 'loose.log').write_text(
        'DEBUG login with %s' % stage.cluster.sim.password)
    assert _leaks(stage) == ['loose.log: password']


def _short_life(play: scene.Scene) -> None:
    share = life.create(play)
    life.allow(play, share, cast.NETWORK, 'ro')
    life.allow(play, share, cast.HOST, 'rw')
    life.extend(play, share, 2)
    life.delete(play, share)


def _leaks(stage: Stage) -> list[str]:
    found = []
    for file in sorted(stage.manila.settings.logs.iterdir()):
        text = file.read_text(errors='replace')
        found += ['%s: %s' % (file.name, what)
                  for what, secret in stage.cluster.secrets().items()
                  if secret in text]
        # Access and refresh tokens come and go; all of them look like this.
        if re.search(r'eyJ[\w-]{10,}', text):
            found.append('%s: token' % file.name)
    return found


@pytest.fixture(autouse=True)
def _story_on_failure(stage: Stage) -> None:
    """Say where the logs are; pytest shows it for a test that fails."""
    print('Logs: %s' % stage.manila.settings.logs)
