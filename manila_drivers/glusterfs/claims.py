# SPDX-License-Identifier: Apache-2.0

"""Whose a volume is: marks, and claims of services.  Pure."""

import hashlib

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
    """Whether bricks were started after TLS had been switched on."""
    return volume.encrypted and bool(records.is_on(
        volume.options.get(records.TLS_RUNS)))


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
    """Whether a volume is the share for which it is recorded.

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
    return records.MARK not in volume.options and not volume.state \
        and record.ident in ('', volume.id)
