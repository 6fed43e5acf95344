# SPDX-License-Identifier: Apache-2.0

"""Look at each change of each operation: was it seen to be done?

A backend answers success to one kind of change and does nothing, from some
change of that kind on.  The operation fails, or the end is right anyway, or
the periodic calls and the next check of all shares say so.  The tables below
have what is seen later, or never, and why.
"""

import collections
import functools
import re

import pytest

from manila_drivers import unseen
from manila_drivers.ibm.gpfs import errors
from manila_drivers.nas import fleet
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import gluster
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.labs import gpfs_nfs
from manila_drivers.testing.conformance.labs import vast
from tests.conformance import believing

Row = collections.namedtuple('Row', 'lab operation change why')

LABS = {
    'CES': (gpfs.GpfsLabs(), believing.gpfs, 90),
    'KNFS': (gpfs_nfs.labs('KNFS'), believing.gpfs, 200),
    'GNFS': (gpfs_nfs.labs('GNFS'), believing.gpfs, 200),
    'VAST': (vast.VastLabs(), believing.vast, 100),
    'GlusterFS': (gluster.GlusterLabs(gluster.SmallLab), believing.gluster,
                  100)}
GPFS = 'CES|KNFS|GNFS'

#: What the next periodic call says, because it would cost a request more than
#: Manila's own driver takes, or since the operation is itself such a check.
LATER = (
    Row(GPFS, 'create.*', 'mmsetquota',
        'the statistics look: a share is made with three commands'),
    Row(GPFS, 'extend', 'mmsetquota',
        'the statistics look: a share grows with one command'),
    Row(GPFS, 'delete.*', 'mmdelfileset',
        'the statistics look: a share goes with two commands'),
    Row(GPFS, '(create|delete) snapshot', 'mm(cr|del)snapshot',
        'the statistics look: it is one command'),
    Row(GPFS, 'create from snapshot.*', 'manila-copy-start',
        'the share is asked for until it is full, which it never is'),
    Row('CES', 'access: one bad rule|revert', 'mmnfs (add|change)',
        'the statistics look: a rule of one client takes two commands'),
    Row('CES', 'delete alone', 'mmnfs remove',
        'the statistics look: Manila takes the rules away before'),
    Row(GPFS, 'unmanage', 'mmchfileset',
        'it keeps its mark, and is not managed by another before that is '
        "taken off; the check does not know that it is Manila's no more"),
    Row(GPFS, 'ensure: .*', 'mm(link|set).*',
        'the check owes the share what could not be repaired'),
    Row('VAST', '(create|extend|shrink|access|first rules|manage).*',
        '(POST (quotas|views|viewpolicies|snapshots)|PATCH .*)',
        'the statistics look where VMS has answered with the object as it '
        "shall be; Manila's own driver takes as many requests"),
    Row('VAST', 'delete.*', 'DELETE (folders/delete_folder|snapshots)',
        "the statistics look: Manila's own driver takes as many requests"),
    Row('GlusterFS', '(access|first rules|revert|create from|unmanage).*',
        'volume set',
        "the statistics look: a rule takes Manila's own driver two commands; "
        'who turns somebody out looks itself'),
    Row('GlusterFS', '(create|delete) snapshot|revert|create from snapshot',
        'snapshot (create|delete|deactivate)',
        'the statistics look: it is one command'),
    Row('GlusterFS', 'ensure: .*', 'volume set',
        'the check owes the share what could not be repaired; the statistics '
        'look'),
    Row('VAST', 'ensure: .*', '(POST|PATCH) .*',
        'the check owes the share what could not be repaired; the statistics '
        'look'))

#: What nobody says, and why nobody gets in, no size is wrong and no data
#: stays because of it.
ACCEPTED = (
    Row(GPFS, 'create', 'chmod',
        'a new fileset is of root alone: nobody gets more by it'),
    Row(GPFS, 'revert', 'mmrestorefs',
        'GPFS tells of a restore in its answer and nowhere else'),
    Row(GPFS, 'delete a clone under way', 'manila-copy-stop',
        'a script of ours, whose answer is what it has seen itself; the job '
        'ends when it finds the fileset gone'),
    Row('GlusterFS', '(create|delete).*', 'umount',
        'a mount of this host, which nobody but root has'),
    Row('GlusterFS', 'delete.*', 'volume quota disable',
        'a limit of a volume that is free: whoever gets it next has it set, '
        'or taken off, by the creation'),
    Row('GlusterFS', 'manage|ensure: .*', 'volume start',
        'nobody gets in; the next check finds it stopped'),
    Row('VAST', 'delete.*', 'DELETE (quotas|viewpolicies)',
        'a record of a directory that is gone: nobody has a view of it, and '
        'an audit lists it'))


def row_of(rows, name, case):
    return next((row for row in rows if re.fullmatch(row.lab, name)
                 and re.fullmatch(row.operation, case.operation)
                 and re.fullmatch(row.change, case.change)), None)


@functools.cache
def cases_of(name):
    make_lab, attach, least = LABS[name]
    cases, goals = believing.cases(make_lab, attach)
    verdict.require(len(cases) >= least, 'nothing.changes',
                    f'{len(cases)} cases')
    return cases, goals


def played(name, cases):
    """Yield each case with what became of it."""
    make_lab, attach, _ = LABS[name]
    goals = cases_of(name)[1]
    for case in cases:
        operation, end = goals[case.operation]
        yield case, *believing.outcome(make_lab, attach, operation, case, end)


@pytest.mark.timeout(600)
@pytest.mark.parametrize('name', LABS)
def test_what_is_reported_as_done_was_seen(name, record_property):
    cases = cases_of(name)[0]
    chosen = running.chosen(cases)
    counts, wrong, used = collections.Counter(), [], set()
    for case, kind, said in played(name, chosen):
        counts[kind] += 1
        row = row_of(LATER if kind == believing.TOLD else ACCEPTED, name, case)
        used.add(row)
        if row is None and kind not in (believing.REFUSED, believing.RIGHT):
            wrong.append(f'{case}: {kind}: {said}')
    record_property('played', f'{len(chosen)} of {len(cases)}: {counts}')
    assert not wrong, '\n'.join(wrong)
    if len(chosen) == len(cases):
        assert not [row for row in (*LATER, *ACCEPTED)
                    if re.fullmatch(row.lab, name) and row not in used]


# Drivers that believe

def credulous(monkeypatch):
    """Nothing that is written is looked at."""
    monkeypatch.setattr(unseen.Unseen, 'look', lambda self: None)
    monkeypatch.setattr(errors, 'silent', lambda commands, results: None)
    monkeypatch.setattr(fleet.Fleet, '_left', lambda self, *args: '')


@pytest.mark.parametrize(('name', 'operation', 'change'), [
    ('CES', 'access: deny all', 'mmnfs remove'),
    ('CES', 'access: all kinds of change', 'mmnfs change'),
    ('CES', 'delete', 'mmdelfileset'),
    ('GlusterFS', 'access: first rules', 'volume set'),
    ('VAST', 'delete', 'DELETE folders/delete_folder'),
    ('VAST', 'first rules of a managed share', 'PATCH viewpolicies'),
    ('VAST', 'extend', 'PATCH quotas'),
    ('KNFS', 'access: deny all', 'rm on nfs1'),
    ('GNFS', 'access: deny all', 'rm on nfs1')])
def test_a_driver_that_believes_is_caught(monkeypatch, name, operation,
                                          change):
    cases = [case for case in cases_of(name)[0]
             if case.operation == operation and case.change == change]
    assert cases
    assert believing.BELIEVED not in {
        kind for _, kind, _ in played(name, cases)}
    credulous(monkeypatch)
    assert believing.BELIEVED in {
        kind for _, kind, _ in played(name, cases)}


def test_a_backend_in_which_nothing_changes_shows_nothing():
    def blind(lab):
        return believing.Idle(lambda: None, lambda seen: None, lab.sim.lock)

    with pytest.raises(verdict.Violation, match=r'nothing\.changes'):
        believing.cases(LABS['CES'][0], blind)
