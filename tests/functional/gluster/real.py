# SPDX-License-Identifier: Apache-2.0

"""The conformance lab of GlusterFS with a real glusterd.

What every tenant gets is found out by mounting with that tenant's
certificate.  Whoever has once had a volume mounted holds on to the mount, so
that access which was taken away and still works counts as access.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import random
import subprocess
import time
import typing as ty

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.labs import gluster as simulated
from manila_drivers.testing.conformance.labs import site as lab_site
from manila_drivers.transport import command
from tests.functional.gluster import site as sites
from tests.functional.gluster.crowd import Crowd
from tests.functional.gluster.waiting import eventually
from tests.functional.lab import gluster

POOL = 2
SIZE = 10 * gluster.GIB
INFRASTRUCTURE = ','.join(gluster.INFRASTRUCTURE)

#: Files that are there for the bricks' own sake, or for the trash's.
_OWN = ('.glusterfs', '.trashcan')


class Inside:
    """Runs the driver's commands where they belong: in a box or a guest."""

    def __init__(self, host: gluster.Host, process: seam.Process) -> None:
        self._host = host
        self._process = process

    def run(self, cmd: command.Command) -> command.Result:
        return self._process.call(lambda: self._run(cmd))

    def _run(self, cmd: command.Command) -> command.Result:
        try:
            done = self._host.run(*cmd.words(), stdin=cmd.input() or '',
                                  check=False, seconds=cmd.timeout)
        except subprocess.TimeoutExpired as exc:
            raise exception.OutcomeUnknown(f'{cmd} was not done') from exc
        if done.returncode not in cmd.accept:
            raise exception.BackendError(
                f'{cmd} failed with exit code {done.returncode}',
                answer=done.stderr or done.stdout, status=done.returncode)
        return command.Result(done.stdout, done.stderr, done.returncode)


class Cluster:
    """Share what takes its time to make; labs use it one after the other.

    :param bricks: names of volumes, and the directories of their bricks.
    """

    def __init__(self, site: sites.Site) -> None:
        self.site = site
        self.crowd = Crowd(site)
        self.bricks: dict[str, str] = {}
        self._others = site.gluster.volumes()
        for number in range(POOL):
            self.make(f'real-10G-{number}')

    def make(self, name: str, size: int = SIZE, *options: str) -> str:
        """A volume as operators prepare it, running; its export."""
        if name not in self.bricks:
            self.bricks[name] = self.site.brick(name, 0, size)
        self.site.gluster.create(name, [self.bricks[name]])
        if options:
            self.site.gluster.do('volume', 'set', name, *options)
        self.site.gluster.do('volume', 'start', name)
        return f'{self.site.gluster.address}:/{name}'

    def destroy(self, name: str) -> None:
        """A volume and what was in it; its brick may be used again."""
        self.site.gluster.ask('volume', 'stop', name)
        self.site.gluster.do('volume', 'delete', name)
        if name in self.bricks:
            self.site.node.shell('rm -rf "$1"; mkdir "$1"',
                                 self.bricks[name])

    def reset(self, left: ty.Iterable[str]) -> None:
        """As it was at first, but for volumes that are as good as new."""
        self.crowd.go()
        node = self.site.gluster
        for name in node.volumes() - set(left) - self._others:
            self.destroy(name)
        for name in {f'real-10G-{number}' for number in range(POOL)} \
                - node.volumes():
            self.make(name)

    def end(self) -> None:
        """Leave nothing to whoever uses the site next."""
        self.crowd.close()
        for name in self.site.gluster.volumes() & self.bricks.keys():
            self.destroy(name)

    def files(self, volume: str) -> dict[str, int]:
        """Paths and sizes, as the only brick of a volume has them."""
        path = self.site.gluster.do('volume', 'info', volume).tree.findtext(
            './/brick/name', '').partition(':')[2]
        listed = self.site.node.run('find', path, '-mindepth', '1', '-type',
                                    'f', '-printf', '%P %s\\n').stdout
        found = (line.rpartition(' ') for line in listed.splitlines())
        return {f'/{name}': int(size) for name, _, size in found
                if not name.startswith(_OWN)}

    def quota(self, volume: str) -> tuple[int | None, int]:
        """Limit and use in bytes, of a volume that has a quota.

        The servers cannot tell without their names in its list.
        """
        answer = self.site.gluster.ask('volume', 'quota', volume, 'list', '/')
        limit = answer.tree.findtext('.//hard_limit') if answer.ok else None
        return int(limit) if limit else None, int(
            answer.tree.findtext('.//used_space') or 0)


def _without_snapshots(features: lab.Features) -> lab.Features:
    """Leave out what takes thin volumes; it is tried apart."""
    return dataclasses.replace(features, snapshots=False, clones=False,
                               revert=False, manage_snapshots=False)


class RealLab(lab.Lab):
    """A pool on a real cluster, and tenants with certificates."""

    name = 'real gluster'
    features = _without_snapshots(simulated.RW_ONLY)
    driver_class: Callable[..., ty.Any] = \
        glusterfs_native.GlusterfsNativeShareDriver

    def __init__(self, cluster: Cluster, directory: ty.Any) -> None:
        super().__init__()
        self.cluster = cluster
        self._written: dict[str, int] = {}
        self.storage = lab_site.Memory()
        self._site = simulated.Site(
            glusterfs_servers=cluster.site.gluster.address,
            glusterfs_volume_pattern=r'real-#{size}G-\d+$',
            glusterfs_mount_point_base=directory,
            glusterfs_server_password=None)

    def make_driver(self, *, set_up: bool = True) -> ty.Any:
        process = seam.Process(self.seam)

        def transport(address: ty.Any) -> client.CommandRunner:
            return Inside(self.cluster.site.room if address is None
                          else self.cluster.site.node, process)
        made = type(self).driver_class(
            configuration=self._site.configuration,
            private_storage=self.storage, transport=transport)
        if set_up:
            made.do_setup(None)
        return made

    # What there is

    def records(self) -> dict[lab.Item, ty.Any]:
        found: dict[lab.Item, ty.Any] = {}
        for name, described in self._volumes():
            if described != UNUSED or name in self.cluster.bricks:
                found['volume', name] = described
        for line in self.cluster.site.room.run(
                'cat', '/proc/self/mounts').stdout.splitlines():
            if ' fuse.glusterfs ' in line:
                found['mount', line.split(' ')[1]] = line.split(' ')[0]
        return found

    def _volumes(self) -> Iterator[tuple[str, dict[str, ty.Any]]]:
        tree = self.cluster.site.gluster.do('volume', 'info').tree
        for volume in tree.iterfind('.//volume'):
            name = volume.findtext('name', '')
            options = {each.findtext('name', ''): each.findtext('value', '')
                       for each in volume.iterfind('.//option')}
            yield name, self._described(
                name, options, volume.findtext('statusStr', ''))

    def _described(self, name: str, options: dict[str, str],
                   status: str) -> dict[str, ty.Any]:
        def user(option: str) -> str:
            value = options.get(option, 'NONE')
            return '' if value == 'NONE' else value
        limit = None
        if options.get('features.quota') == 'on' and status == 'Started':
            limit = self.cluster.quota(name)[0]
        return {
            'mark': user('user.manila-share'),
            'wiping': user('user.manila-state') == 'wiping',
            'claims': sorted(filter(None, (
                user(option) for option in options
                if option.startswith('user.manila-claim-')))),
            'allow': options.get('auth.ssl-allow'),
            'tls': (options.get('client.ssl'), options.get('server.ssl')),
            'status': status, 'limit': limit,
            'read_only': options.get('features.read-only') == 'on',
            'files': self.cluster.files(name)}

    def effective(self, export: str, client: str) -> lab.Level:
        level: lab.Level = self.cluster.crowd.level(export, client)
        return level

    def write(self, export: str, size: int) -> None:
        """Straight into the volume, with the Manila host's certificate."""
        self.cluster.crowd.fill(export, size)
        self._written[export.rpartition(':/')[2]] = size

    def settle(self) -> None:
        """The quota counts in its own time."""
        for name in self._written.keys() & self.cluster.site.gluster.volumes():
            if self.cluster.site.gluster.options(name).get(
                    'features.quota') == 'on':
                assert eventually(functools.partial(self._counted, name))

    def _counted(self, name: str) -> bool:
        return abs(self.cluster.quota(name)[1] - sum(
            self.cluster.files(name).values())) < 1 << 20

    def advance(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.1))

    # What others do

    def may_conflict(self, rule: access.Rule,
                     rules: Sequence[access.Rule]) -> bool:
        return rule.level == access.RO and any(
            other.level == access.RW for other in rules)

    def _set(self, export: str, *pairs: str) -> None:
        self.cluster.site.gluster.do(
            'volume', 'set', export.rpartition(':/')[2], *pairs)

    def _lists(self, value: str) -> Callable[[str, random.Random], None]:
        return lambda export, _: self._set(export, 'auth.ssl-allow', value)

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [*(self._lists(value) for value in (
            INFRASTRUCTURE + ',*', INFRASTRUCTURE + ',nobody.example.org',
            INFRASTRUCTURE, 'bob0')),
            lambda export, choice: self._set(
                export, 'features.read-only', choice.choice(['on', 'off']))]

    def drifts(self) -> list[lab.Drift]:
        def of(ident: str) -> str:
            """The volume that is this share."""
            return next(name for name, each in self._volumes()
                        if each['mark'] == ident)

        def do(verb: str, *options: str) -> Callable[[str], None]:
            def act(ident: str) -> None:
                self.cluster.site.gluster.do('volume', verb, of(ident),
                                             *options)
            return act
        return [
            lab.Drift('nothing', lambda ident: None, visible=False),
            lab.Drift('stopped', do('stop')),
            lab.Drift('record lost', self.storage.delete,
                      visible=False),
            lab.Drift('open to all', do('set', 'auth.ssl-allow', '*'),
                      'reapply'),
            lab.Drift('list lost', do('reset', 'auth.ssl-allow'), 'reapply'),
            lab.Drift('TLS off', do('set', 'client.ssl', 'off',
                                    'server.ssl', 'off')),
            lab.Drift('given to nobody', do('set', 'user.manila-share',
                                            'NONE'), 'lost')]

    def plant_strangers(self, ids: Sequence[str] = ()) -> None:
        """Look-alikes of the shares with these ids."""
        other = '9d1ae5c4-7c8b-4f5e-9d1e-0a7a5f6b1c2d'
        self.cluster.make('real-10G-00', gluster.GIB,
                          'user.manila-share', other)
        for ident in ids:
            self.cluster.make(f'manila-{ident}-1', gluster.GIB,
                              'user.manila-share', f'{ident}-1')

    def make_unmanaged(self, name: str) -> lab.Unmanaged:
        export = self.cluster.make(name, 3 * gluster.GIB)
        self.cluster.crowd.fill(export, gluster.GIB)
        return lab.Unmanaged(export, 3, {})

    def close(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._site.close)
            self.cluster.reset(name for name, each in self._volumes()
                               if name.startswith('real-10G-')
                               and name != 'real-10G-00'
                               and each == UNUSED)


UNUSED = {'mark': '', 'wiping': False, 'claims': [], 'tls': ('on', 'on'),
          'allow': INFRASTRUCTURE, 'status': 'Started', 'limit': None,
          'read_only': False, 'files': {}}


class LevelsLab(RealLab):
    """Have rules for reading, alone and among others."""

    name = 'real gluster with levels'
    features = _without_snapshots(simulated.BOTH_LEVELS)
