# SPDX-License-Identifier: Apache-2.0

"""Options that say whose a volume is and who may mount it.  Pure."""

from collections.abc import Iterable
import hashlib

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records

Volume = records.Volume


def claim_option(service: str) -> str:
    """The option in which one share service claims volumes.

    :param service: ``host@backend``.
    """
    digest = hashlib.sha256(service.encode()).hexdigest()
    return records.CLAIM + digest[:8]


def tls_runs(volume: Volume) -> bool:
    """Return whether bricks were started after TLS had been switched on."""
    return volume.encrypted and bool(records.is_on(
        volume.options.get(records.TLS_RUNS)))


def infrastructure(volume: Volume, record: journal.JournalEntry,
                   kinds: paths.ReservedNames) -> frozenset[str]:
    """Names that have to stay in the volume's list whatever the rules say.

    :raises Conflict: the list has been overwritten and nothing tells what
        was in it.  A volume without them cannot heal itself or be emptied.
    """
    found = kinds.completed(volume.allowed or (), record.infrastructure)
    if not kinds.has_server(found):
        raise exception.Conflict(
            'auth.ssl-allow of volume %s has no name of a server'
            % volume.name, check='put the names of the servers and of the '
            'Manila host back: %s...' % ', '.join(
                kinds.servers + kinds.hosts))
    return found


def preparation(volume: Volume, share_id: str, claim: str,
                infra: str, *, proven: bool = False,
                look: bool = False) -> dict[str, str]:
    """Options that claim a volume and close it: one transaction.

    :param claim: name of our claim's option.
    :param infra: value of the list.
    :param look: it is going to be looked into.
    :param proven: its bricks are known to run with TLS.
    """
    wanted = {records.MARK: share_id, claim: share_id,
              records.CLIENT_TLS: 'on', records.SERVER_TLS: 'on',
              records.DYNAMIC: 'on', records.GNFS: 'off',
              records.TRASH: 'off', records.READ_ONLY: 'off',
              records.ALLOW: infra, records.STATE: records.NONE}
    if not volume.started:
        # Its bricks will start with what is set here.
        wanted[records.TLS_RUNS] = 'on'
    elif not (proven or tls_runs(volume)):
        wanted[records.TLS_RUNS] = records.NONE
    return volume.changes(wanted) | (volume.shown() if look else {})


def release(volume: Volume, claim: str) -> dict[str, str]:
    """Options that give a volume back that has never been handed out."""
    return {records.MARK: records.NONE, claim: records.NONE,
            **volume.hidden()}


def rival(before: Volume, after: Volume, share_id: str,
          claim: str) -> str | None:
    """The share that another service has claimed a volume for meanwhile.

    Gluster has no compare-and-set, and the last to write the mark has
    written it.  But every service also writes an option of its own, in the
    same transaction: who finds that of another has to step back.  Claims
    that were there before are left from earlier shares.

    :param before: the volume as it was when it was chosen.
    :param after: the volume after our own claim.
    :returns: '' if the mark is not ours without any claim telling why.
    """
    old = before.claims() if before.free else {}
    for option, other in sorted(after.claims().items()):
        if option != claim and other != share_id \
                and paths.is_id(other) and old.get(option) != other:
            return other
    return None if after.mark == share_id else ''


def unclaimed(volume: Volume, claim: str = '') -> dict[str, str]:
    """Options that end every claim but ours: nobody else is choosing."""
    return dict.fromkeys((option for option in volume.claims()
                          if option != claim), records.NONE)


def stepping_back(claim: str, other: str) -> dict[str, str]:
    """Options that leave a volume to the share of another service."""
    changes = {claim: records.NONE}
    if other:
        changes[records.MARK] = other
    return changes


def ours(volume: Volume, share_id: str, record: journal.JournalEntry) -> bool:
    """Return whether a volume is the share for which it is recorded.

    That is so as well where something else is in its mark for a while: what
    was there when the snapshot was taken that it is being reverted to, or
    the share of another service, which has claimed it too late and has yet
    to step back.
    """
    if volume.mark == share_id or volume.name == paths.clone(share_id):
        return True
    if record.pending:
        return False
    if record.reverting and volume.coming_back:
        return True
    claims = volume.claims().values()
    return share_id in claims and volume.mark in claims


def unmarked(volume: Volume, record: journal.JournalEntry) -> bool:
    """Tell if a recorded volume has never had a mark, or lost it.

    One that was given back has NONE instead, and one that was made anew
    under its name another id.
    """
    return not volume.unread \
        and records.MARK not in volume.options and not volume.state \
        and record.ident in ('', volume.id)


def tenants(rules: Iterable[access.Rule],
            kinds: paths.ReservedNames) -> access.Grants[str]:
    """Names and levels of the rules that can be honoured at all."""
    grants = access.name_grants(rules, 'cert')
    refused = {}
    for name in grants.levels:
        if not paths.is_safe(name):
            refused[name] = (
                '%r is not acceptable as a common name: only letters, '
                'digits and . _ @ : + = - are, with a letter or digit at '
                'both ends, and at most 64 of them' % name)
        elif kinds.reserved(name):
            refused[name] = ('%r is reserved for the servers and the Manila '
                             'host' % name)
    return grants.without(refused)


def fitting(grants: access.Grants[str], now: set[str],
            infra: frozenset[str]) -> access.Grants[str]:
    """Return the grants without rules for which the list has no room.

    Who has access already goes first.
    """
    room = paths.LONGEST_LIST - len(','.join(infra))
    refused = {}
    for name in sorted(grants.levels, key=lambda name: name not in now):
        room -= len(name) + 1
        if room < 0:
            room += len(name) + 1
            refused[name] = (
                'the list of names is full: gluster takes %d characters'
                % paths.LONGEST_LIST)
    return grants.without(refused)
