# SPDX-License-Identifier: Apache-2.0

"""The command ``audit`` beside a real Manila, and all that comes of it.

The audit is a process of its own that is told of Manila by a clouds.yaml, and
reaches it through a door that counts.
"""

import collections
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import types
import typing as ty

from manila_drivers.audit import differences
from manila_drivers.testing.backends import storage
from manila_drivers.testing.manila import client
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import scene
from tests import patience
from tests.manila import between
from tests.manila import crowd
from tests.manila.conftest import REPOSITORY

#: Lists that are read once or twice, however many shares there are.
LISTS = {'/services': 1, '/share_instances': 5, '/types': 1,
         '/snapshot-instances/detail': 2, '/shares/detail': 1}
#: Asked for with each share, since no list has it.
RULES = '/share-access-rules'
#: The command, and where it is wrong in some way.
_RIGHT, _WRONG = 'manila_drivers.cli.main', 'tests.manila.broken_audits'

_CLOUDS = """\
clouds:
  rig:
    auth_type: admin_token
    auth:
      endpoint: %s
      token: 'admin:demo'
"""

Row = dict[str, ty.Any]


@dataclasses.dataclass
class Outcome:
    """All that came of one run of the command.

    ``rows`` are of its table, ``asked`` the requests to Manila by path, and
    ``storage`` those to the backend.
    """

    code: int
    rows: list[dict[str, str]]
    said: str
    asked: dict[str, int]
    storage: list[str]

    @property
    def found(self) -> list[dict[str, str]]:
        """Return what is wrong, without what could not be looked at."""
        return [one for one in self.rows
                if one['Kind'] != differences.NOT_SEEN]

    @property
    def told(self) -> str:
        """Return standard error, and what could not be looked at."""
        return self.said + ''.join(
            'not looked at: %s\n' % one['Found'] for one in self.rows
            if one['Kind'] == differences.NOT_SEEN)

    @property
    def kinds(self) -> collections.Counter[str]:
        return collections.Counter(one['Kind'] for one in self.found)

    def lines(self, words: str) -> list[str]:
        return [line for line in self.told.splitlines() if words in line]


@dataclasses.dataclass
class Audited:
    """A Manila with many shares on one simulated backend."""

    manila: process.Manila
    cluster: storage.Cluster
    door: between.Between
    scene: scene.Scene
    shares: list[types.SimpleNamespace]

    def audit(self, *words: str, broken: str = '') -> Outcome:
        """Run the command; it reaches Manila through the door.

        :param broken: the name of an audit that is wrong, to be run instead.
        """
        work = self.manila.settings.work
        (work / 'clouds.yaml').write_text(_CLOUDS % self.door.endpoint)
        self.door.asked.clear()
        mark = self.cluster.mark()
        done = subprocess.run(
            [sys.executable, '-m', *([_WRONG, broken] if broken
                                     else [_RIGHT]),
             '--config-file', str(self.manila.settings.file), 'audit',
             self.scene.profile.backend, '--os-cloud', 'rig', '-f', 'json',
             *words],
            capture_output=True, text=True, cwd=REPOSITORY,
            timeout=patience.seconds(400),
            env={**os.environ, 'MANILA_DRIVERS_STANDALONE': '1',
                 'OS_CLIENT_CONFIG_FILE': str(work / 'clouds.yaml'),
                 # Programs of the Manila host may be simulated.
                 'PATH': os.pathsep.join([
                     *map(str, self.cluster.programs), os.environ['PATH']])})
        return Outcome(
            done.returncode, json.loads(done.stdout or '[]'), done.stderr,
            dict(self.door.asked), self.cluster.requests(mark))


@contextlib.contextmanager
def running(manila: process.Manila) -> Iterator[None]:
    """Run Manila, with patience for a start beside other tests."""
    manila.start(seconds=300)
    try:
        yield
    finally:
        manila.stop()


def made(play: scene.Scene, count: int, kind: str, target: str,
         networks: Sequence[str] = ('',)) -> list[types.SimpleNamespace]:
    """Have Manila make a few shares of 2 GiB, and let one target write.

    :param networks: share networks that take turns, '' for none.
    """
    api, profile = play.client, play.profile
    api.create_type(profile.share_type, profile.extra_specs(),
                    profile.servers)
    own = [play.order(2, f'share {number}', networks[number % len(networks)])
           for number in range(count)]
    api.wait('shares', lambda: every(api.shares(), 'status', 'available'))
    for ident in own:
        api.allow(ident, kind, target, 'rw')
    api.wait('rules', lambda: every(instances(api), 'access_rules_status',
                                    'active'))
    by_share = {row['share_id']: row['id'] for row in instances(api)}
    return [types.SimpleNamespace(share=ident, id=by_share[ident],
                                  locations=api.exports(ident))
            for ident in own]


def entered(play: scene.Scene, like: types.SimpleNamespace,
            copies: Iterable[tuple[str, list[str]]],
            ) -> list[types.SimpleNamespace]:
    """Enter shares into Manila that are on the backend, as copies of one."""
    copies = list(copies)
    return [types.SimpleNamespace(share=ident, id=instance, locations=paths)
            for ident, (instance, paths) in zip(crowd.enter(
                play.manila.settings.database, like.share, copies), copies,
                strict=True)]


def instances(api: client.Client) -> list[Row]:
    found = api.api.get('/share_instances')['share_instances']
    return ty.cast('list[Row]', found)


def every(rows: list[Row], field: str, value: str) -> bool | None:
    return all(row[field] == value for row in rows) or None
