# SPDX-License-Identifier: Apache-2.0

"""One share, as Cinder and its service instance have it.  Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import networks
from manila_drivers.generic import doors
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.generic import records
from manila_drivers.generic import transitions
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import samba_text

# Entries by which levels may be cut where they overlap; more than any export.
_CUTS = 4096

VOLUME, MOUNT, LINE = 'volume', 'mount', 'line of fstab'

Facts = guest_records.GuestFacts


def slack(total: int) -> int:
    """Return bytes by which a file system may be smaller than its share.

    ext4 needs about 2 % for its tables, and up to 128 MiB for the journal of
    a small one; df counts neither.
    """
    return total // 25 + (128 << 20)


def seen(placement: records.Placement, note: notes.ShareNote | None,
         volumes: Sequence[records.Volume], *, host: records.ServiceHost,
         server: records.Server | None, found: Facts | None,
         helpers: Mapping[str, str]) -> inventory.SeenShare:
    """Return what there is of a share.

    :param note: None for one that is not known.
    :param volumes: that are its own by what is recorded or marked, in this
        order.
    :param server: None where nothing is told of the instance; so is
        ``found``.
    """
    volume = volumes[0] if volumes else None
    mount = found.mount(placement.path) if found else None
    odd = [*_odd(volumes, host, server),
           *(_odd_in_guest(found, placement, volume) if found else ())]
    clients, unseen = ((), []) if found is None or note and note.adopted \
        else _clients(found, placement, helpers)
    if mount is not None and found is not None:
        mine = volume is None or found.serves(placement.served(volume.id, 1))
        mount = mount if mine and not mount.gone else None
    missing = [] if found is None else [
        *([VOLUME] if volume is None and note and note.volume_id else ()),
        *([MOUNT] if mount is None else ()),
        *([LINE] if not guest_fstab.lasts(found, placement.path) else ())]
    total = found.total(placement.path) if found and mount else None
    return inventory.SeenShare(
        placement.share_id, frozenset(filter(None, (
            placement.share_id, placement.name, placement.path,
            placement.section, *(text for one in volumes
                                 for text in (one.id, one.name))))),
        (*([VOLUME] if volume else ()), *([MOUNT] if mount else ())),
        tuple(missing), served=found is None or mount is not None,
        limit=total, slack=slack(total or 0), clients=clients,
        odd=tuple(odd), unseen=tuple(unseen))


def _odd(volumes: Sequence[records.Volume], host: records.ServiceHost,
         server: records.Server | None) -> Iterator[str]:
    """Yield what Cinder and Nova say that nobody can tell the right of."""
    if len(volumes) > 1:
        yield 'volumes %s are marked or recorded as its own' % ', '.join(
            one.id for one in volumes)
    for volume in volumes[:1]:
        others = sorted({*transitions.servers_of(volume)} - {host.id})
        if others:
            yield 'volume %s is attached to server %s' % (
                volume.id, ', '.join(others))
        if volume.status not in transitions.AT_REST:
            yield 'volume %s is in status %s' % (
                volume.id, volume.status or '(not told)')
        if server is not None and server.volumes is not None \
                and host.id in transitions.servers_of(volume) \
                and volume.id not in server.volumes:
            yield ('Cinder has volume %s attached to server %s, and Nova has '
                   'not' % (volume.id, host.id))


def _odd_in_guest(found: Facts, placement: records.Placement,
                  volume: records.Volume | None) -> Iterator[str]:
    mount = found.mount(placement.path)
    if placement.ident in found.working:
        yield 'something is at work on it in server %s' % found.server
    if mount is not None and mount.failed:
        yield ('the file system at %s has become read-only after an error'
               % mount.path)
    if volume is not None:
        for other in found.elsewhere(placement.served(volume.id, 1)):
            yield 'volume %s is mounted at %s as well' % (
                volume.id, other.path)
    yield from doors.beside(found, placement)


# -- who gets in -------------------------------------------------------------

def _clients(found: Facts, placement: records.Placement,
             helpers: Mapping[str, str],
             ) -> tuple[tuple[inventory.SeenClients, ...], list[str]]:
    """Return whom an instance lets in, and what of that it does not tell."""
    what = found.shared if placement.is_cifs else found.exported
    if isinstance(what, exception.DriverError):
        return (), ['whom the instance lets in']
    if placement.is_cifs:
        helper = helpers.get('CIFS', opts.CIFS_IP)
        section = found.samba.section(placement.section) or {}
        return (by_section(samba_text.meaning(section), helper),), []
    return by_exports(found.nfs, placement.path), []


def by_exports(facts: kernel.KernelFacts,
               path: str) -> tuple[inventory.SeenClients, ...]:
    """Return whom NFS lets in now, and whom after a restart."""
    now = _listed(facts.of(path))
    later = _listed([*facts.kept.get(path, ()), *(
        entry for entry in facts.others if entry.path == path)],
        'the server when it is restarted')
    # What is not there after a restart is not narrower: it is said as a
    # setting.
    return (now, later) if later.read_write | later.read_only else (now,)


def _listed(entries: Sequence[exports_text.ExportEntry],
            server: str = '') -> inventory.SeenClients:
    levels, _ = kernel.levels(entries)
    names = [(entry.client, entry.level) for entry in entries
             if entry.network is None and not entry.is_everybody]
    # A client has one of the two, and not the level of a wider network.
    apart = networks.separate(levels, _CUTS)
    both = [*((str(network), level) for network, level
              in apart.levels.items()), *names]
    write, read = (frozenset(
        client for client, given in both if given == level)
        for level in (access.RW, access.RO))
    return inventory.SeenClients('ip', write, read, server)


def by_section(meaning: Mapping[str, str],
               helper: str) -> inventory.SeenClients:
    """Return whom Samba lets in.

    :param meaning: of a section, empty if there is none.
    """
    kind = 'user' if helper == opts.CIFS_USER else 'ip'
    allow = meaning.get('hosts allow', '').replace(',', ' ').split()
    deny = meaning.get('hosts deny', '')
    closed = not meaning.get('path') \
        or meaning.get('available', 'yes') != 'yes' \
        or deny == 'ALL' and not allow
    if closed:
        return inventory.SeenClients(kind)
    writes = meaning.get('read only') == 'no'
    if kind == 'ip':
        everybody = deny not in ('', 'ALL') or not deny and not allow
        clients = frozenset(('*',) if everybody else allow)
        return inventory.SeenClients(
            kind, clients if writes else frozenset(),
            frozenset() if writes else clients)
    users = samba_text.listed(meaning.get('valid users', '')) or ['*']
    if meaning.get('guest ok') == 'yes':
        users = ['*']
    readers = samba_text.listed(meaning.get('read list', ''))
    writers = samba_text.listed(meaning.get('write list', ''))
    rw = frozenset(user for user in users if user in writers
                   or writes and user not in readers)
    return inventory.SeenClients(kind, rw, frozenset(users) - rw)
