# SPDX-License-Identifier: Apache-2.0

"""What has to be done, decided from what is known.  Pure.

Every function takes facts (records of gluster and of ours, and Manila's
values) and returns changes of options, or a plan for
``manila_drivers.glusterfs.performing.Performer``.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import hashlib

from manila_drivers import access as access_module
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import diary
from manila_drivers.glusterfs import names
from manila_drivers.glusterfs import records

Volume = records.Volume
Options = Mapping[str, str]


# -- options ---------------------------------------------------------------

def claim_option(service: str) -> str:
    """The option in which one share service claims volumes.

    :param service: ``host@backend``.
    """
    digest = hashlib.sha256(service.encode()).hexdigest()
    return records.CLAIM + digest[:8]


def infrastructure(volume: Volume, record: diary.Record,
                   kinds: names.Infrastructure) -> frozenset[str]:
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


def stand_in(volume: Volume, kinds: names.Infrastructure,
             ) -> frozenset[str]:
    """Names for a list that has lost those of the servers.

    A list has at least one name: one that nobody has, if need be.
    """
    return kinds.of(volume.allowed or ()) \
        or frozenset({kinds.hosts[0] + '.nobody'})


def among(rules: Sequence[access_module.Rule],
          volume: Volume) -> Sequence[access_module.Rule]:
    """The rules for those whom a volume lets in already."""
    return [rule for rule in rules if rule.to in (volume.allowed or ())]


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
                and names.is_id(other) and old.get(option) != other:
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


# -- plans -----------------------------------------------------------------

def step(action: str, volume: Volume, **args: object) -> plan.Step:
    return plan.Step(action, volume.name, args)


def changed(volume: Volume, options: Options, *,
            restart: bool = False) -> plan.Plan:
    """Set options and have the volume run with them.

    A volume that has to restart for them is stopped before they are set, so
    that after an interruption it can be seen that it has not been done.
    """
    steps = []
    running = volume.started
    if restart and running:
        steps.append(step('stop', volume))
        running = False
    if options:
        steps.append(step('set', volume, options=dict(options)))
    if not running:
        steps.append(step('run', volume, commands=('start',)))
    return plan.Plan(tuple(steps))


def activation(volume: Volume, *, restart: bool, gib: int | None,
               ) -> plan.Plan:
    """Have a claimed volume run with TLS, and bounded: one invocation.

    :param gib: its limit, or None for none.
    """
    commands: list[str] = []
    if restart and volume.started:
        commands.append('stop')
    if restart or not volume.started:
        commands.append('start')
    if gib is not None:
        if not volume.on(records.QUOTA):
            commands.append('enable')
        commands.append('limit')
    elif volume.on(records.QUOTA):
        # Left from an earlier share whose creation did not get far.
        commands.append('disable')
    if not commands:
        return plan.Plan()
    return plan.Plan((step('run', volume, commands=tuple(commands),
                           gib=gib),))


@dataclasses.dataclass(frozen=True)
class Decision:
    """What makes access equal to the rules, and the rules that cannot be.

    ``errors`` maps the id of each of these to the reason.
    """

    steps: plan.Plan
    errors: Mapping[str, str]


def access(volume: Volume, rules: Sequence[access_module.Rule],
           infra: frozenset[str], kinds: names.Infrastructure, *,
           dynamic: bool) -> Decision:
    """Make effective access equal to the rules, whatever it was.

    :param infra: names that stay.
    :param dynamic: clients who lose access are cut off at once; else the
        volume has to be restarted for that.
    """
    grants = tenants(rules, kinds)
    read_only = bool(grants.levels) and set(
        grants.levels.values()) == {access_module.RO}
    if not read_only:
        grants = grants.without(dict.fromkeys(
            (name for name, level in grants.levels.items()
             if level == access_module.RO),
            'a volume is read-only for everybody or for nobody, and there '
            'are rules for read/write'))
    now = set(volume.allowed or ())
    grants = _fitting(grants, now, infra)
    wanted = infra | set(grants.levels)
    changes = volume.changes({
        records.CLIENT_TLS: 'on', records.SERVER_TLS: 'on',
        records.READ_ONLY: 'on' if read_only else 'off'})
    if now != wanted or volume.allowed is None:
        changes[records.ALLOW] = kinds.joined(wanted)
    tls_off = not volume.encrypted
    cut_off = bool(now - wanted) or volume.allowed is None
    restart = tls_off or (cut_off and not dynamic)
    if cut_off and not dynamic and not volume.on(records.DYNAMIC):
        # From the next time on it does without a restart.
        changes[records.DYNAMIC] = 'on'
    return Decision(changed(volume, changes, restart=restart),
                    grants.errors)


def tenants(rules: Iterable[access_module.Rule],
            kinds: names.Infrastructure) -> access_module.Grants[str]:
    """Names and levels of the rules that can be honoured at all."""
    grants = access_module.name_grants(rules, 'cert')
    refused = {}
    for name in grants.levels:
        if not names.is_safe(name):
            refused[name] = (
                '%r is not acceptable as a common name: only letters, '
                'digits and . _ @ : + = - are, with a letter or digit at '
                'both ends, and at most 64 of them' % name)
        elif kinds.reserved(name):
            refused[name] = ('%r is reserved for the servers and the Manila '
                             'host' % name)
    return grants.without(refused)


def _fitting(grants: access_module.Grants[str], now: set[str],
             infra: frozenset[str]) -> access_module.Grants[str]:
    """The same less those rules for which the list has no room.

    Who has access already goes first.
    """
    room = names.LONGEST_LIST - len(','.join(infra))
    refused = {}
    for name in sorted(grants.levels, key=lambda name: name not in now):
        room -= len(name) + 1
        if room < 0:
            room += len(name) + 1
            refused[name] = (
                'the list of names is full: gluster takes %d characters'
                % names.LONGEST_LIST)
    return grants.without(refused)


def emptying(volume: Volume, share_id: str, infra: str, *,
             dynamic: bool, proven: bool) -> plan.Plan:
    """Take a volume from its tenants, for ever, and empty it.

    The mark stays until it is empty, so that nobody takes it meanwhile.
    """
    changes = volume.changes({
        records.MARK: share_id, records.STATE: records.WIPING,
        records.CLIENT_TLS: 'on', records.SERVER_TLS: 'on',
        records.TRASH: 'off', records.READ_ONLY: 'off',
        records.ALLOW: infra}) | volume.shown()
    restart = not (volume.encrypted and (proven or tls_runs(volume)))
    if records.ALLOW in changes and not dynamic:
        restart = True
    # Running bricks go on moving deleted files to the trash for a moment
    # after it was switched off, each copy to a directory of its own, which
    # no client can remove afterwards.
    if volume.on(records.TRASH):
        restart = True
    return changed(volume, changes, restart=restart) \
        + plan.Plan((step('wipe', volume, of=volume),))


def returning(volume: Volume, claim: str) -> plan.Plan:
    """Give an empty volume back to the pool."""
    options = {records.MARK: records.NONE, records.STATE: records.NONE,
               **dict.fromkeys((*volume.claims(), claim), records.NONE),
               records.TLS_RUNS: 'on', **volume.hidden()}
    steps = []
    if volume.on(records.QUOTA):
        steps.append(step('run', volume, commands=('disable',)))
    steps.append(step('set', volume, options=options))
    return plan.Plan(tuple(steps))


def destruction(volume: Volume) -> plan.Plan:
    """Remove a clone.

    :raises Busy: it has snapshots.
    """
    check_snapshots(volume)
    steps = [step('run', volume, commands=('stop',))] if volume.started \
        else []
    steps.append(step('delete', volume))
    return plan.Plan(tuple(steps))


def check_snapshots(volume: Volume) -> None:
    if volume.snapshots is None:
        raise exception.BackendError(
            'Whether volume %s has snapshots is not told' % volume.name,
            check='gluster snapshot list %s' % volume.name)
    if volume.snapshots:
        raise exception.Busy(
            'Volume %s has %d snapshots' % (volume.name, volume.snapshots),
            check='gluster snapshot list %s' % volume.name)


def clone(volume: Volume, share_id: str, parent_id: str, claim: str,
          infra: str, gib: int | None) -> plan.Plan:
    """Make a share of a fresh clone, before anybody could connect to it.

    It has the options that its parent had when the snapshot was taken, the
    names of the parent's tenants among them.

    :param gib: its limit if it is to have one, or has its parent's.
    """
    changes = {**unclaimed(volume, claim),
               **preparation(volume, share_id, claim, infra),
               records.PARENT: parent_id}
    steps = []
    if volume.changes(changes):
        steps.append(step('set', volume, options=volume.changes(changes)))
    return plan.Plan(tuple(steps)) + activation(
        volume, restart=False, gib=gib)


def resize(quota: records.Quota, share_id: str, gib: int, *,
           shrink: bool) -> bool:
    """Whether the limit has to be changed to so many GiB.

    An extension does not lower one that somebody has raised meanwhile below
    what is in use.

    :raises PossibleDataLoss: a shrink below what is in use.
    :raises BackendError: a shrink, and what is in use is not told.
    """
    if shrink and quota.used is None:
        raise exception.BackendError(
            'Share %s cannot shrink to %d GiB: gluster does not tell how '
            'much is in use' % (share_id, gib),
            check='gluster volume quota ... list / on the server, in the '
                  'same mount namespace as glusterd')
    if shrink and (quota.used or 0) > gib * 1024 ** 3:
        raise exception.PossibleDataLoss(
            'Share %s cannot shrink to %d GiB: %d bytes are in use'
            % (share_id, gib, quota.used or 0))
    if (quota.limit or 0) > gib * 1024 ** 3 and (
            quota.used is None or quota.used > gib * 1024 ** 3):
        return False
    return quota.limit != gib * 1024 ** 3


def ours(volume: Volume, share_id: str, record: diary.Record) -> bool:
    """Whether a volume is the share for which it is recorded.

    That is so as well where something else is in its mark for a while: what
    was there when the snapshot was taken that it is being reverted to, or
    the share of another service, which has claimed it too late and has yet
    to step back.
    """
    if volume.mark == share_id or volume.name == names.clone(share_id):
        return True
    if record.pending:
        return False
    if record.reverting and volume.coming_back:
        return True
    claims = volume.claims().values()
    return share_id in claims and volume.mark in claims


def unmarked(volume: Volume, record: diary.Record) -> bool:
    """Whether a recorded volume has never had a mark, or lost it.

    One that was given back has NONE instead, and one that was made anew
    under its name another id.
    """
    return records.MARK not in volume.options and not volume.state \
        and record.ident in ('', volume.id)
