# SPDX-License-Identifier: Apache-2.0

"""How far the word of services goes that something is not there.  Pure.

Cinder and Nova say the same of what is gone and of what is in another project
or region.  Only a login that is shown what this backend has can be told that
something of it is gone: volumes that say so themselves, or those of the region
in which Nova shows the service instance.
"""

import dataclasses

from manila_drivers import exception
from manila_drivers.generic import notes
from manila_drivers.generic import records
from manila_drivers.generic import transitions


@dataclasses.dataclass(frozen=True)
class CinderSight:
    """Hold what the login of [cinder] is shown.

    :param project: id of its project.
    :param admin: it has the role that shows it what all projects have.
    :param home: the service instance is of that project.
    :param near: Nova shows the service instance in the region of this Cinder.
    :param ours: among what it is shown are volumes that say that they are of
        shares of this backend, or that of what is asked about.
    """

    project: str = ''
    admin: bool = False
    home: bool = False
    near: bool = False
    ours: bool = False

    @property
    def decides(self) -> bool:
        """Return whether what it is not shown is gone."""
        return self.ours or self.near and (self.admin or self.home)


#: Where to look if it does not.
CHECK = ('project_name, region_name and roles in [cinder]: with the role '
         'admin it is shown volumes of all projects')


def doubtful(what: str, kind: str, ident: str,
             sight: CinderSight) -> exception.Conflict:
    """Return the error for something that may be there all the same.

    :param what: what cannot be done for it.
    :param kind: ``volume`` or ``snapshot``.
    """
    return exception.Conflict(
        '%s: Cinder says that there is no %s %s, and says so of what other '
        'projects and regions have as well; the login is of project %s, %s '
        'the role admin, and is shown nothing there that is of this backend'
        % (what, kind, ident, sight.project or '(not told)',
           'with' if sight.admin else 'without'),
        check=CHECK + '; if it is really gone, "openstack share delete '
                      '--force" or unmanaging lets go of it'
        if kind == 'volume' else CHECK)


def check_no_volume(share_id: str, host: records.ServiceHost,
                    note: notes.ShareNote, seen: CinderSight) -> None:
    """Raise if a share may be served elsewhere, of which no volume is seen.

    It has none, as far as is known, if none was written down: it was taken
    over by its path, or nothing was made of it.

    :param seen: what the login of [cinder] is shown.
    :raises Conflict: nobody knows where its volume is.
    """
    if note.volume_id:
        if not note.leaving and not seen.decides:
            raise doubtful(
                'Share %s is not mounted in server %s, and may be served '
                'elsewhere' % (share_id, host.id), 'volume', note.volume_id,
                seen)
    elif note.path and note.claim != notes.place(host.id, note.path):
        raise exception.Conflict(
            'Share %s is not mounted at %s in server %s, which is not known '
            'to be that in which it was taken over, nor is its volume: others '
            'may be let in elsewhere' % (share_id, note.path, host.id),
            check='which server has the shares of this backend: '
                  'service_instance_name_or_id; mount it there, or unmanage '
                  'the share')


def check_server_gone(share_id: str, host: records.ServiceHost,
                      volume: records.Volume | None, *, admin: bool) -> None:
    """Raise Conflict if an instance that Nova denies may have its volume.

    :param admin: Nova would have shown that of any project.
    """
    if not admin and volume is not None and (
            transitions.on_server(volume, host.id)
            or volume.attachments is None and volume.status != 'available'):
        raise exception.Conflict(
            'Nova says that there is no server %s, and Cinder not that it has '
            'let go of volume %s of share %s: others may be let in there' % (
                host.id, volume.name or volume.id, share_id),
            check='project_name, region_name and roles in [nova]')
