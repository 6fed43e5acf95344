# SPDX-License-Identifier: Apache-2.0

"""Undo damage that no repair may touch, as an operator does by hand."""

from tests.unit.audit import generic_planted
from tests.unit.audit import gluster_planted
from tests.unit.audit import gpfs_planted
from tests.unit.audit.gpfs_planted import fileset


def not_exported_by_others(place, share):
    del gluster_planted.volume(place, share).options['user.smb']


def marked(place, share):
    fileset(place, share).comment = f'manila:{share.id}'


def without_twin(place, share):
    gpfs_planted.mm(place, 'mmdelfileset', 'gpfs0', 'copy-of-it', '-f')


def linked(place, share):
    fileset(place, share).path = gpfs_planted.path_of(share)


def without_copies(place, share):
    place.cluster.sim.state.jobs.clear()


def without_inner(place, share):
    """Take the export of a directory in a share away, wherever it is."""
    path = gpfs_planted.path_of(share) + '/inside'
    for server in gpfs_planted.servers(place)[:1] or [None]:
        if server is None:
            del place.cluster.sim.state.exports[path]
        elif place.kind == 'knfs':
            assert server.execute([
                'exportfs', '-u',
                f'{gpfs_planted.STRANGER}:{path}']).status == 0
        else:
            _forgotten(server, path)


def _forgotten(server, path):
    """Take Ganesha's file of an export away, and have it read."""
    files = server.files.text
    [gone] = [file for file, text in files.items()
              if f'Path = "{path}";' in text]
    index = '/etc/ganesha/export.d/INDEX.conf'
    files[index] = files[index].replace(f'%include {gone}\n', '')
    del files[gone]
    server.reboot()


def one_volume(place, share):
    """Delete a second volume of a share, which no server uses."""
    for one in list(place.store.volumes.values()):
        if one.metadata.get('manila_share_instance_id') == share.id \
                and not one.attached:
            status, told = place.sim.ask(
                'DELETE', f'/volume/v3/volumes/{one.id}', user='manila')
            assert status == 202, told
    place.clock.sleep(60)
    place.sim.settle()


def attached_once(place, share):
    del generic_planted.volume(place, share).attached[1:]


def unexported(place, share):
    place.run('exportfs', '-u', f'{generic_planted.STRANGER}:'
              f'{generic_planted.path_of(share)}/inside')


_FILESETS = {
    'given away': marked, 'mark lost': marked,
    'two of one mark': without_twin, 'junction elsewhere': linked,
    'files of a copy': without_copies, 'a directory in it': without_inner}

#: By the kind of backend, and the name of the damage.
UNDONE = {
    'gluster': {'exported by others': not_exported_by_others},
    'generic': {'second volume': one_volume,
                'volume in an odd status': generic_planted.status('in-use'),
                'volume attached twice': attached_once,
                'a directory in it': unexported},
    **dict.fromkeys(gpfs_planted.PLANTS, _FILESETS)}
