# SPDX-License-Identifier: Apache-2.0
"""Tell what is changed by hand on a VMS cluster, or lost there."""

from collections.abc import Callable
import functools
import random
from typing import Any

from manila_drivers.model import GiB
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.simulators import vast


class Damage:
    """The tampers and drifts of a lab with this simulator."""

    sim: vast.VmsSim

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._open_to_all, self._as_upstream, self._lose_a_host,
                self._lose_the_policy, self._move]

    def _open_to_all(self, export: str, choice: random.Random) -> None:
        field = choice.choice(['nfs_read_write', 'nfs_read_only'])
        self._change_policy(export, **{field: ['*']})

    def _as_upstream(self, export: str, choice: random.Random) -> None:
        self._change_policy(
            export, nfs_read_write=['10.0.0.7', '10.0.0.0/31'],
            nfs_read_only=['*'], nfs_no_squash=['*'],
            nfs_root_squash=['*'])

    def _lose_a_host(self, export: str, choice: random.Random) -> None:
        self._change_policy(export, nfs_read_write=[])

    def _change_policy(self, export: str, **fields: Any) -> None:
        view = self.sim.record('view', split(export)[1])
        if view is not None:
            same: dict[str, Any] = {
                    field.removeprefix('nfs_'): hosts for field, hosts
                    in fields.items()
                    if field in ('nfs_read_write', 'nfs_read_only')}
            self.sim.change('policy', view['policy'], **fields, **same)

    def _lose_the_policy(self, export: str, choice: random.Random) -> None:
        view = self.sim.record('view', split(export)[1])
        if view is not None and self.sim.record('policy', view['policy']):
            self.sim.remove('policy', view['policy'])

    def _move(self, export: str, choice: random.Random) -> None:
        """Put the view under a policy that admits everybody, by hand."""
        view = self.sim.record('view', split(export)[1])
        if view is not None:
            self._detach(view['name'])

    def drifts(self) -> list[lab.Drift]:
        drift, remove = lab.Drift, self.sim.remove
        return [
            drift('nothing', lambda ident: None, visible=False),
            drift('policy lost', functools.partial(remove, 'policy'),
                  'reapply'),
            drift('view lost', functools.partial(remove, 'view')),
            drift('quota lost', functools.partial(remove, 'quota')),
            drift('quota of another size', lambda ident: self.sim.change(
                'quota', ident, hard_limit=5 * GiB)),
            drift('open policy', self._add_everybody, 'reapply'),
            drift('policy without clients', self._lists(), 'reapply'),
            drift('policy with another client', self._lists('10.66.0.6'),
                  'reapply'),
            drift('view under another policy', self._detach, 'reapply'),
            drift('policy bound to another pool', self._bind_elsewhere),
            drift('directory and view lost', self._lose, 'lost'),
            drift('everything lost', self._lose_all, 'lost')]

    def _add_everybody(self, ident: str) -> None:
        policy = self.sim.record('policy', ident)
        hosts = [*(policy['nfs_read_write'] if policy else ()), '*']
        self.sim.change('policy', ident, nfs_read_write=hosts,
                        read_write=hosts)

    def _lists(self, *hosts: str) -> Callable[[str], None]:
        return lambda ident: self.sim.change(
            'policy', ident, nfs_read_write=list(hosts), nfs_read_only=[],
            read_write=list(hosts), read_only=[])

    def _detach(self, ident: str) -> None:
        self.sim.change('view', ident, policy='default', policy_id=1)

    def _bind_elsewhere(self, ident: str) -> None:
        pool = self.sim.record('pool', 'elsewhere')
        number = pool['id'] if pool else self.sim.add_pool('elsewhere',
                                                           '10.77.0.1')
        self.sim.change('policy', ident, vip_pools=[number],
                        permission_per_vip_pool={str(number): 'RW'})

    def _lose(self, ident: str) -> None:
        self.sim.remove('view', ident)
        self.sim.remove('directory', f'/manila/manila-{ident}')

    def _lose_all(self, ident: str) -> None:
        for kind in ('view', 'quota', 'policy'):
            self.sim.remove(kind, ident)
        self.sim.remove('directory', f'/manila/manila-{ident}')


def split(export: str) -> tuple[str, str]:
    """Return the address and the path of an export location."""
    host, _, path = export.rpartition(':')
    return host.strip('[]'), path


