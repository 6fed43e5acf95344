# SPDX-License-Identifier: Apache-2.0

"""The backends that a run can have: simulated storage, and how to try it."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses

from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vast
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.simulators.vast import VmsSim
from tests.tempest import configs

_HELPERS = 'manila.share.drivers.helpers.'

Sections = Callable[[storage.Cluster], dict[str, Mapping[str, object]]]


def _one(cluster: storage.Cluster) -> dict[str, Mapping[str, object]]:
    return {'alpha': cluster.options()}


@dataclasses.dataclass(frozen=True)
class Backend:
    """One driver on its simulated storage, as a run of tempest has it.

    :param name: as ``--backend`` says it.
    :param share: options of [share] in tempest.conf that are its own.
    :param lacks: what the lists of ``results`` call what it cannot.
    :param sections: of manila.conf that use the cluster.
    :param reverts: whether shares can be brought back to a snapshot.
    :param kept: items of the inventory that stay, once they were made.
    """

    name: str
    cluster: Callable[[], storage.Cluster]
    share: Mapping[str, object]
    lacks: tuple[str, ...]
    sections: Sections = _one
    reverts: bool = False
    kept: Callable[[storage.Item], bool] = lambda item: False

    def settings(self, cluster: storage.Cluster) -> configs.Backends:
        """Return what manila.conf has to say, with the cluster entered."""
        return configs.Backends(
            sections={name: {
                'share_backend_name': name.upper(),
                'driver_handles_share_servers': False, **options}
                for name, options in self.sections(cluster).items()},
            defaults=cluster.defaults(), extra=cluster.sections(),
            programs=tuple(cluster.programs), reverts=self.reverts)

    def left(self, cluster: storage.Cluster,
             before: frozenset[storage.Item]) -> list[storage.Item]:
        """Return what tests have left on the cluster."""
        return sorted((item for item in cluster.inventory() - before
                       if not self.kept(item)), key=str)


def _vast() -> vast.Cluster:
    """A cluster on which every kind of rule the tests use is accepted."""
    sim = VmsSim(open_root=False)
    sim.options.ipv6_host_lists = True
    sim.options.clone_delay = 2.0
    sim.add_pool('tempest', '10.0.0.1-10.0.0.2')
    return vast.Cluster(sim, pool='tempest',
                        more={'vast_ipv6_access_rules': True})


def _vast_sections(cluster: storage.Cluster,
                   ) -> dict[str, Mapping[str, object]]:
    return {name: {**cluster.options(), 'vast_root_export': name}
            for name in ('alpha', 'beta')}


_HELPED = {'share_helpers': 'CIFS=%sCIFSHelperUserAccess,NFS=%sNFSHelper' % (
    _HELPERS, _HELPERS)}
_NFS: Mapping[str, object] = {
    'enable_protocols': 'nfs', 'enable_ip_rules_for_protocols': 'nfs',
    'enable_ro_access_level_for_protocols': 'nfs',
    'capability_storage_protocol': 'NFS'}
_REVERTS: Mapping[str, object] = {
    'run_revert_to_snapshot_tests': 'true',
    'capability_revert_to_snapshot_support': 'true'}
_GENERIC: Mapping[str, object] = {
    **_REVERTS, 'enable_protocols': 'nfs,cifs',
    'enable_ip_rules_for_protocols': 'nfs',
    'enable_user_rules_for_protocols': 'cifs',
    'enable_ro_access_level_for_protocols': 'nfs,cifs',
    'capability_storage_protocol': 'NFS_CIFS',
    'run_share_group_tests': 'false'}

_PLAIN_SNAPSHOTS = ('snapshot-rules', 'mounted-snapshots')

BACKENDS = {each.name: each for each in (
    Backend('vast', _vast, {
        **_NFS, 'multi_backend': 'true', 'run_mount_snapshot_tests': 'true',
        # Snapshots follow the rules of their share.
        'capability_snapshot_inherit_share_access':
            'required_with_mount_snapshot'},
        ('servers', 'cifs', 'glusterfs', 'reverts', 'snapshot-rules'),
        _vast_sections, kept=lambda item: item[2:3] in (
            ('/alpha',), ('/beta',))),
    Backend('glusterfs', kinds.GlusterCluster, {
        **_REVERTS, 'enable_protocols': 'glusterfs',
        'enable_cert_rules_for_protocols': 'glusterfs',
        'enable_ro_access_level_for_protocols': 'glusterfs',
        'capability_storage_protocol': 'glusterfs',
        'run_share_group_tests': 'false'},
        ('servers', 'cifs', 'nfs', *_PLAIN_SNAPSHOTS, 'groups', 'backends'),
        reverts=True),
    Backend('gpfs', gpfs.Cluster, {
        **_NFS, **_REVERTS, 'run_share_group_tests': 'false'},
        ('servers', 'cifs', 'glusterfs', *_PLAIN_SNAPSHOTS, 'groups',
         'backends'), reverts=True),
    Backend('generic', lambda: openstack.CloudCluster(more=_HELPED),
            _GENERIC,
            ('servers', 'glusterfs', 'cifs-addresses', *_PLAIN_SNAPSHOTS,
             'groups', 'backends'), reverts=True))}
