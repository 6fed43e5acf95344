# SPDX-License-Identifier: Apache-2.0

"""Decide what has to be done from what is known.  Pure.

Every function takes facts (records of gluster and of ours, and Manila's
values) and returns changes of options, or a plan for
``executor.VolumeExecutor``.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records

Volume = records.Volume
Options = Mapping[str, str]


# -- snapshots -------------------------------------------------------------

def snapshot_taking(volume: str, name: str) -> plan.Plan:
    """Take a snapshot."""
    return plan.Plan((plan.Step('take snapshot', name, {'volume': volume}),))


def snapshot_removal(name: str, *, stamped: bool) -> plan.Plan:
    """Remove a snapshot, and those with a time behind its name."""
    return plan.Plan((plan.Step('remove snapshot', name,
                                {'stamped': stamped}, key='removed'),))


def cloning(name: str, volume: str, parent: Volume,
            gib: int | None) -> plan.Plan:
    """Show how a share is made of a snapshot.

    Which options a clone lacks is known when it is there; see :func:`clone`.

    :param parent: the volume, taken for what it was when the snapshot was.
    :param gib: the limit of the share, or None for none.
    """
    made = dataclasses.replace(parent, name=volume, status='Created')
    return plan.Plan((plan.Step('clone snapshot', name, {'volume': volume}),
                      plan.Step('set', volume))) + activation(
                          made, restart=False, gib=gib)


def restoring(volume: Volume, name: str, opening: plan.Plan, *,
              there: bool = True) -> plan.Plan:
    """Show how a volume is brought back to a snapshot.

    :param opening: gives access again.
    :param there: the snapshot has not been used up yet.
    """
    begin = [step('stop', volume)] if volume.started and there else []
    if there:
        begin.append(step('restore snapshot', volume, snapshot=name))
    return plan.Plan((
        *begin, step('set', volume), step('run', volume, commands=('start',)),
        plan.Step('take snapshot', name, {'volume': volume.name}))) + opening


def opening(volume: Volume, rules: Sequence[access.Rule],
            infra: frozenset[str], kinds: paths.ReservedNames) -> plan.Plan:
    """Show who gets in once a volume has been closed and runs."""
    closed = dataclasses.replace(volume, status='Started', options={
        **volume.options, records.CLIENT_TLS: 'on', records.SERVER_TLS: 'on',
        records.ALLOW: kinds.joined(infra)})
    return exact_access(closed, rules, infra, kinds, dynamic=True).steps


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


def claiming(volume: Volume, share_id: str, claim: str,
             changes: Options) -> plan.Plan:
    """Claim a volume, and close it to all but servers."""
    return plan.Plan((step('claim', volume, before=volume, share_id=share_id,
                           claim=claim, options=dict(changes)),))


def creation(volume: Volume, *, gib: int | None, proven: bool,
             look: bool) -> plan.Plan:
    """Make a share of a volume once it is claimed.

    :param volume: as it was before.
    :param gib: its limit, or None for none.
    :param look: see that nothing is in it.
    """
    restart = volume.started and not (
        volume.encrypted and (claims.tls_runs(volume) or proven))
    made = activation(volume, restart=restart, gib=gib)
    if look:
        made += plan.Plan((step('look', volume, of=volume),))
        if volume.hidden():
            made += setting(volume, volume.hidden())
    return made


def unbounding(volume: Volume) -> plan.Plan:
    """Take the limit off a volume."""
    return plan.Plan((step('run', volume, commands=('disable',)),))


def deactivation(snapshot: str) -> plan.Plan:
    """Deactivate a snapshot that an interrupted call has left active."""
    return plan.Plan((plan.Step('deactivate', snapshot),))


@dataclasses.dataclass(frozen=True)
class Decision:
    """Hold what makes access equal to the rules, and the rules that cannot be.

    ``errors`` maps the id of each of these to the reason.  ``lacking`` is why
    nobody new can be let in, and ``withheld`` whether somebody should be.
    ``narrows``: somebody loses access; ``back`` takes back what is given.
    """

    steps: plan.Plan
    errors: Mapping[str, str]
    lacking: exception.DriverError | None = None
    withheld: bool = False
    narrows: bool = False
    back: plan.Plan = dataclasses.field(default_factory=plan.Plan)


def access_change(volume: Volume, entry: journal.JournalEntry,
                  rules: Sequence[access.Rule], kinds: paths.ReservedNames,
                  *, dynamic: bool,
                  unread: exception.DriverError | None = None) -> Decision:
    """Make access what the rules say, as far as it can be.

    Where the names of the servers have been lost, or the entry cannot be
    read, those keep access alone who have it and may.

    :param dynamic: who loses access is cut off at once, without a restart.
    :param unread: why the entry is not what is recorded.
    """
    infra, lost = exception.caught(
        lambda: claims.infrastructure(volume, entry, kinds))
    if infra is not None and unread is None:
        return exact_access(volume, rules, infra, kinds, dynamic=dynamic)
    kept = [rule for rule in rules if rule.to in (volume.allowed or ())]
    # A list has at least one name, be it nobody's.
    infra = kinds.of(volume.allowed or ()) \
        or frozenset({kinds.hosts[0] + '.nobody'})
    return dataclasses.replace(
        exact_access(volume, kept, infra, kinds, dynamic=dynamic),
        lacking=unread or lost, withheld=len(kept) < len(rules))


def exact_access(volume: Volume, rules: Sequence[access.Rule],
                  infra: frozenset[str], kinds: paths.ReservedNames, *,
                  dynamic: bool) -> Decision:
    """Make effective access equal to the rules, whatever it was.

    :param infra: names that stay.
    """
    grants = claims.tenants(rules, kinds)
    read_only = bool(grants.levels) and set(
        grants.levels.values()) == {access.RO}
    if not read_only:
        grants = grants.without(dict.fromkeys(
            (name for name, level in grants.levels.items()
             if level == access.RO),
            'a volume is read-only for everybody or for nobody, and there '
            'are rules for read/write'))
    now = set(volume.allowed or ())
    grants = claims.fitting(grants, now, infra)
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
    return Decision(
        changed(volume, changes, restart=restart), grants.errors,
        narrows=cut_off or tls_off or changes.get(records.READ_ONLY) == 'on',
        back=setting(volume, {records.ALLOW: kinds.joined(
            infra | wanted & now)}) if wanted - now else plan.Plan())


def emptying(volume: Volume, share_id: str, infra: str, claim: str, *,
             dynamic: bool, proven: bool) -> plan.Plan:
    """Take a volume from its tenants, for ever, empty it and give it back.

    The mark stays until it is empty, so that nobody takes it meanwhile.
    """
    changes = volume.changes({
        records.MARK: share_id, records.STATE: records.WIPING,
        records.CLIENT_TLS: 'on', records.SERVER_TLS: 'on',
        records.TRASH: 'off', records.READ_ONLY: 'off',
        records.ALLOW: infra}) | volume.shown()
    restart = not (volume.encrypted and (proven or claims.tls_runs(volume)))
    if records.ALLOW in changes and not dynamic:
        restart = True
    # Running bricks go on moving deleted files to the trash for a moment
    # after it was switched off, each copy to a directory of its own, which
    # no client can remove afterwards.
    if volume.on(records.TRASH):
        restart = True
    back = {records.MARK: records.NONE, records.STATE: records.NONE,
            **dict.fromkeys((*volume.claims(), claim), records.NONE),
            records.TLS_RUNS: 'on', **volume.hidden()}
    steps = [step('wipe', volume, of=volume)]
    if volume.on(records.QUOTA):
        steps.append(step('run', volume, commands=('disable',)))
    steps.append(step('set', volume, options=back))
    return changed(volume, changes, restart=restart) + plan.Plan(tuple(steps))


def destruction(volume: Volume) -> plan.Plan:
    """Remove a clone.

    :raises Busy: it has snapshots.
    """
    check_snapshots(volume)
    steps = [step('run', volume, commands=('stop',))] if volume.started \
        else []
    steps.append(step('delete', volume))
    return plan.Plan(tuple(steps))


def setting(volume: Volume, options: Options) -> plan.Plan:
    """Set options and nothing else."""
    return plan.Plan((step('set', volume, options=dict(options)),))


def never_used(volume: Volume, share_id: str,
               kinds: paths.ReservedNames) -> bool:
    """Return whether a share was never handed out, so that all is empty.

    Not if anybody but servers and this host has ever been let in, nor if it
    was bounded already: the limit has to go, too.
    """
    return volume.state == '' and volume.mark == share_id \
        and not volume.on(records.QUOTA) \
        and set(volume.allowed or ('*',)) <= kinds.of(volume.allowed or ())


def adoption(volume: Volume, share_id: str, claim: str,
             kinds: paths.ReservedNames, gib: int) -> plan.Plan:
    """Make a share of a volume with what is in it, and close it.

    :param gib: its limit if it has one.
    """
    infra = claims.infrastructure(volume, journal.JournalEntry(), kinds)
    changes = claims.unclaimed(volume, claim) | claims.preparation(
        volume, share_id, claim, kinds.joined(infra))
    return (setting(volume, changes) if changes else plan.Plan()) \
        + activation(volume, restart=not claims.tls_runs(volume),
                     gib=gib if volume.on(records.QUOTA) else None)


def letting_go(volume: Volume, share_id: str) -> plan.Plan:
    """Keep a volume from being handed out, with what is in it."""
    changes = volume.changes({
        records.MARK: share_id, records.STATE: records.UNMANAGED,
        **claims.unclaimed(volume)})
    return setting(volume, changes) if changes else plan.Plan()


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
    changes = {**claims.unclaimed(volume, claim),
               **claims.preparation(volume, share_id, claim, infra),
               records.PARENT: parent_id}
    steps = []
    if volume.changes(changes):
        steps.append(step('set', volume, options=volume.changes(changes)))
    return plan.Plan(tuple(steps)) + activation(
        volume, restart=False, gib=gib)


def resizing(volume: Volume, quota: records.VolumeQuota | None,
             share_id: str, gib: int, *, shrink: bool) -> plan.Plan:
    """Bound a share to so many GiB, if its volume has a quota.

    :raises DriverError: see :func:`limit_changes`.
    """
    if quota is None or not limit_changes(quota, share_id, gib,
                                          shrink=shrink):
        return plan.Plan()
    return plan.Plan((step('run', volume, commands=('limit',), gib=gib),))


def limit_changes(quota: records.VolumeQuota, share_id: str, gib: int, *,
                  shrink: bool) -> bool:
    """Return whether the limit has to be changed to so many GiB.

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
