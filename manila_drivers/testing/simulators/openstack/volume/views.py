# SPDX-License-Identifier: Apache-2.0

"""Volumes and snapshots as Cinder writes them, by microversion and role."""

from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.world import World


def moment(world: World, at: float | None, *,
           micro: bool = False) -> str | None:
    """Times of stored objects have microseconds of zeros."""
    if at is None:
        return None
    return world.moment(micro=True, at=at if micro else float(int(at)))


def links(world: World, ask: Ask, what: str, ident: str) -> list[Record]:
    base = f'{world.options.link_url or world.url}/volume'
    project = ask.caller.project_id
    return [{'rel': 'self', 'href': f'{base}/v3/{project}/{what}/{ident}'},
            {'rel': 'bookmark', 'href': f'{base}/{project}/{what}/{ident}'}]


def short(world: World, ask: Ask, volume: cinderstore.CinderVolume) -> Record:
    return {'id': volume.id, 'name': volume.name,
            'links': links(world, ask, 'volumes', volume.id)}


def full(world: World, ask: Ask, volume: cinderstore.CinderVolume, *,
         kind: cinderstore.VolumeType, new: bool = False) -> Record:
    """:param new: it is the answer to its creation, which tells less."""
    view: Record = {
        'id': volume.id, 'status': volume.status, 'size': volume.size,
        'availability_zone': volume.zone,
        'created_at': moment(world, volume.born, micro=new),
        'updated_at': moment(world, volume.updated),
        'name': volume.name, 'description': volume.description,
        'volume_type': volume.kind, 'snapshot_id': volume.snapshot_id,
        'source_volid': volume.source_id, 'metadata': dict(volume.metadata),
        'links': links(world, ask, 'volumes', volume.id),
        'user_id': volume.user_id,
        'bootable': 'true' if volume.bootable else 'false',
        'encrypted': kind.encrypted, 'replication_status': None,
        'consistencygroup_id': None, 'multiattach': False,
        'attachments': [attachment(world, ask, volume, each)
                        for each in volume.attached]}
    if ask.caller.admin:
        view['migration_status'] = None
    view.update(_later(ask, kind.id))
    if new:
        return view
    view['os-vol-tenant-attr:tenant_id'] = volume.project_id
    if volume.bootable:
        view['volume_image_metadata'] = {}
    if ask.caller.admin:
        view['os-vol-host-attr:host'] = f'{volume.kind}@backend#pool'
        view['os-vol-mig-status-attr:migstat'] = None
        view['os-vol-mig-status-attr:name_id'] = None
    return view


def _later(ask: Ask, type_id: str) -> Record:
    """Fields that microversions have brought."""
    added: Record = {}
    for version, name, value, admins in (
            ('3.13', 'group_id', None, False),
            ('3.21', 'provider_id', None, True),
            ('3.48', 'service_uuid', None, False),
            ('3.48', 'shared_targets', False, False),
            ('3.61', 'cluster_name', None, True),
            ('3.63', 'volume_type_id', type_id, False),
            ('3.65', 'consumes_quota', True, False)):
        if since(ask, version) and (not admins or ask.caller.admin):
            added[name] = value
    return added


def attachment(world: World, ask: Ask, volume: cinderstore.CinderVolume,
               each: cinderstore.Attached) -> Record:
    return {'id': volume.id, 'attachment_id': each.attachment_id,
            'volume_id': volume.id, 'server_id': each.server_id,
            'host_name': each.host if ask.caller.admin else None,
            'device': each.device,
            'attached_at': moment(world, each.since)}


def snapshot(world: World, ask: Ask, found: cinderstore.CinderSnapshot, *,
             new: bool = False, detailed: bool = True) -> Record:
    """:param detailed: with progress and project."""
    view: Record = {
        'id': found.id, 'created_at': moment(world, found.born, micro=new),
        'updated_at': moment(world, found.updated), 'name': found.name,
        'description': found.description, 'volume_id': found.volume_id,
        'status': found.status, 'size': found.size,
        'metadata': dict(found.metadata)}
    for version, name, value in () if not detailed else (
            ('3.14', 'group_snapshot_id', None),
            ('3.41', 'user_id', found.user_id),
            ('3.65', 'consumes_quota', True)):
        if since(ask, version):
            view[name] = value
    if detailed and not new:
        view['os-extended-snapshot-attributes:progress'] = found.progress
        view['os-extended-snapshot-attributes:project_id'] = found.project_id
    return view
