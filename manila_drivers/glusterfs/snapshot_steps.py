# SPDX-License-Identifier: Apache-2.0

"""Steps on snapshots of one cluster, command by command."""

from manila_drivers import exception
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import errors
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records


def take(cluster: clusters.GlusterCluster, volume: str, name: str) -> None:
    """Take a snapshot, or find the one taken before."""
    words = ['snapshot', 'create', name, paths.checked(volume)]
    if cluster.modern:
        # Older ones have no such word, and add no time either.
        words.append('no-timestamp')
    answer = cluster.gluster.ask(*words)
    if answer.ok and (parsing.made_snapshot(answer)
                      or info(cluster.gluster, name)):
        return
    what = 'Snapshot %s of volume %s was not taken' % (name, volume)
    if errors.number(answer) == errors.SNAPSHOT_EXISTS:
        found = info(cluster.gluster, name)
        if found is not None and volume in found.volumes:
            return
        raise exception.Conflict(
            '%s: one of that name is of %s' % (what, ', '.join(
                found.volumes if found else ()) or '(unknown)'))
    raise errors.failure(answer, what)


def remove(cluster: clusters.GlusterCluster, name: str, *,
           stamped: bool) -> bool:
    """Remove a snapshot; False if there was none of exactly that name.

    :param stamped: remove those as well that upstream's driver made of it,
        with a time behind the name.
    """
    gluster = cluster.gluster
    try:
        if _removed(gluster, name):
            return True
        if stamped:
            for each in paths.stamped(name, parsing.snapshot_names(
                    gluster.call('snapshot', 'list'))):
                _removed(gluster, each)
    except exception.Unsupported:
        # Servers without LVM refuse all these commands: the delete of a
        # snapshot that could not be taken either.  That there is none can
        # still be seen.
        if any(volume.snapshots != 0 for volume in gluster.volumes()):
            raise
    return False


def still_active(gluster: client.GlusterClient, name: str) -> str:
    """Say that a snapshot is active which was deactivated, '' if not."""
    found = info(gluster, name)
    return '' if found is None or not found.active else (
        'snapshot %s was deactivated, and is active: whoever had access when '
        'it was taken can read it. Check: gluster snapshot deactivate %s'
        % (name, name))


def info(gluster: client.GlusterClient,
         name: str) -> records.VolumeSnapshot | None:
    answer = gluster.ask('snapshot', 'info', paths.checked(name))
    if errors.number(answer) == errors.NO_SNAPSHOT:
        return None
    if not answer.ok:
        raise errors.failure(answer, 'Snapshot %s cannot be read' % name)
    found = next((each for each in parsing.snapshots(answer)
                  if each.name == name), None)
    if found is None:
        raise exception.BackendError(
            'Snapshot %s cannot be read' % name, answer='it is told neither '
            'that it is there nor that it is not')
    return found


def activated(gluster: client.GlusterClient,
              name: str) -> tuple[parsing.GlusterAnswer, bool]:
    """Activate a snapshot, and tell whether it certainly was so before.

    Of a command that was given twice, because the first answer was lost, the
    second answer does not tell.
    """
    words = ('snapshot', 'activate', paths.checked(name))
    try:
        answer = gluster.ask(*words, again=False)
    except exception.NotTrusted:
        raise
    except exception.TransportError:
        return gluster.ask(*words), False
    return answer, answer.number == errors.SAME_STATE


def _removed(gluster: client.GlusterClient, name: str) -> bool:
    """Delete a snapshot; False if there is none of that name."""
    try:
        answer = gluster.call('snapshot', 'delete', paths.checked(name))
    except exception.NotFound as exc:
        if exc.status != errors.NO_SNAPSHOT:
            # It is about a volume.
            raise
        return False
    if name not in parsing.removed_snapshots(answer) \
            and info(gluster, name) is not None:
        raise exception.BackendError(
            'Snapshot %s is still there after its deletion' % name)
    return True
