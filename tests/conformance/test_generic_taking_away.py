# SPDX-License-Identifier: Apache-2.0

"""Who is turned out of a share of a service instance is turned out.

Whatever else a call asks for that cannot be had, or the operator serves no
more.
"""

import random

import pytest

from manila_drivers import compat
from manila_drivers.generic import exporting
from manila_drivers.generic import guest_access
from manila_drivers.nas import samba_plan
from manila_drivers.testing.conformance import lab as labs
from manila_drivers.testing.conformance import stage as stages
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.simulators import faults

errors = compat.errors
ALICE, WIDE = '10.0.0.1', '128.0.0.0/1'
READERS = [f'{128 + n}.{n}.{n}.0/28' for n in range(120)]
HELPERS = 'manila.share.drivers.helpers.'
ALONE = {'NFS': f'NFS:{HELPERS}NFSHelper',
         'CIFS': f'CIFS:{HELPERS}CIFSHelperIPAccess'}


@pytest.fixture
def stage():
    lab = generic.GenericLab()
    yield stages.Stage(lab)
    lab.close()


def given(stage, share, *clients):
    return [stage.lab.effective(share.export, client) for client in clients]


def turned_out_beside_readers(stage):
    manager = stage.manager
    alice, wide = manager.rule(ALICE), manager.rule(WIDE)
    readers = [manager.rule(one, 'ro') for one in READERS]
    share = stage.shared(alice, wide, *readers[:20])
    states = manager.update(share, add=readers[20:], delete=[alice])
    assert set(states) == {rule.access_id for rule in readers[20:]}
    assert given(stage, share, ALICE, '131.3.3.9', '200.0.0.1') == [
        None, 'ro', 'rw']
    assert not manager.ensure([share])[share.id].get('reapply_access_rules')
    manager.update(share, delete=[wide])
    assert given(stage, share, '131.3.3.9', '200.0.0.1') == ['ro', None]


def test_beside_readers_that_cannot_be_kept_apart(stage):
    turned_out_beside_readers(stage)


def readers_by_address(stage):
    """Samba lets who may only read do nothing, and write least of all."""
    manager, lab = stage.manager, stage.lab
    net, alice = manager.rule('10.0.0.0/30'), manager.rule(ALICE, 'ro')
    bob = manager.rule('10.9.9.9')
    share = manager.create()
    states = manager.update(share, add=[net, alice])
    assert set(states) == {alice.access_id}
    assert given(stage, share, ALICE, '10.0.0.2') == [None, 'rw']
    # A rule that is added says so of itself alone.
    share = stage.shared(net, bob)
    assert given(stage, share, ALICE) == ['rw']
    assert set(manager.update(share, add=[alice], delete=[bob])) == {
        alice.access_id}
    assert given(stage, share, ALICE, '10.0.0.2', '10.9.9.9') == [
        None, 'rw', None]
    # Others may have left it active.
    share.rules[alice.access_id] = alice
    assert set(manager.update(share)) == {alice.access_id}
    assert given(stage, share, ALICE, '10.0.0.2') == [None, 'rw']
    # It keeps nobody from being turned out, nor does it let in.
    manager.update(share, delete=[net])
    assert given(stage, share, ALICE, '10.0.0.2') == [None, None]
    away = manager.create()
    lab._detach(away.id)
    assert set(manager.update(away, add=[alice])) == {alice.access_id}


def too_many_by_address(stage):
    manager = stage.manager
    alice, wide = manager.rule(ALICE), manager.rule(WIDE)
    readers = [manager.rule(one, 'ro') for one in READERS]
    share = stage.shared(alice, wide)
    states = manager.update(share, add=readers, delete=[alice])
    assert {rule.access_id for rule in readers} <= set(states)
    # As with NFS: whom the wider rule lets in stays.
    assert wide.access_id not in states
    assert given(stage, share, ALICE, '131.3.3.9', '200.0.0.1') == [
        None, 'rw', 'rw']
    manager.update(share, delete=[wide])
    assert given(stage, share, '131.3.3.9', '200.0.0.1') == [None, None]
    # And nobody comes for a rule that would let readers write.
    states = manager.update(share, add=[wide, alice, *readers])
    assert set(states) == {rule.access_id for rule in (wide, *readers)}
    assert given(stage, share, ALICE, '131.3.3.9', '200.0.0.1') == [
        'rw', None, None]


@pytest.fixture
def cifs():
    lab = generic_kinds.CifsLab()
    yield stages.Stage(lab)
    lab.close()


def test_who_may_only_read_does_not_write_by_address(cifs):
    readers_by_address(cifs)


def test_too_many_readers_by_address_stop_nobody_from_being_turned_out(cifs):
    too_many_by_address(cifs)


def left_to_wider_rules(rules, helper):
    """As if there were no rule that gives nothing."""
    return _wanted([rule for rule in rules if rule.level == 'rw'], helper)


_wanted = exporting.wanted


def test_who_leaves_readers_to_wider_rules_is_caught(cifs, monkeypatch):
    monkeypatch.setattr(exporting, 'wanted', left_to_wider_rules)
    with pytest.raises(AssertionError):
        readers_by_address(cifs)


def refused_and_left_to_them(rules, helper):
    """They are in error, and that is all."""
    found = left_to_wider_rules(rules, helper)
    return exporting.dataclasses.replace(found, errors={
        rule.access_id: 'no' for rule in rules if rule.level == 'ro'})


def kept_out(stage):
    manager = stage.manager
    share = manager.create()
    manager.update(share, add=[manager.rule('10.0.0.0/24'),
                               manager.rule('10.0.0.7', 'ro')])
    stage.exact(share)


def test_the_suite_sees_who_is_kept_out(cifs, monkeypatch):
    kept_out(cifs)
    monkeypatch.setattr(exporting, 'wanted', refused_and_left_to_them)
    with pytest.raises(verdict.Violation, match=r'10\.0\.0\.7 has rw'):
        kept_out(cifs)


def full_disk(stage):
    """The root file system of the service instance has no room."""
    manager, lab = stage.manager, stage.lab
    alice, bob, net = (manager.rule(one) for one in (
        ALICE, '10.0.0.2', '10.9.0.0/24'))
    carol = manager.rule('10.0.0.3')
    share, other = stage.shared(alice, bob, net), stage.shared(carol)
    lab.machine.system.tree.full = True
    with pytest.raises(errors.ManilaException, match='No space left') as told:
        manager.update(share, delete=[alice])
    assert 'root file system' in str(told.value)
    with pytest.raises(errors.ManilaException, match='No space left'):
        manager.update(share, delete=[net])
    assert given(stage, share, ALICE, '10.0.0.2', '10.9.0.9') == [
        None, 'rw', None]
    # Nobody is let in whom a reboot would shut out.
    dave = manager.rule('10.0.0.4')
    with pytest.raises(errors.ManilaException, match='No space left'):
        manager.update(share, add=[dave], delete=[alice, bob])
    assert given(stage, share, '10.0.0.4', '10.0.0.2') == [None, None]
    # What needs no room is done, and others go on meanwhile.
    manager.update(share, delete=[alice, bob, net])
    assert given(stage, share, '10.0.0.2') == [None]
    manager.delete_only(share)
    path = share.export.partition(':')[2]
    lines = lab.machine.system.tree.text['/etc/fstab']
    assert f' {path} ' in lines
    assert other.export.partition(':')[2] in lines
    assert stage.lab.effective(other.export, '10.0.0.3') == 'rw'
    lab.machine.reboot(orderly=False)
    lab.advance(120.0)
    assert lab.machine.system.mounts.at(path) is None
    lab.machine.system.tree.full = False
    manager.ensure([other])
    stage.exact(other)
    manager.update(other, add=[dave], delete=[carol])
    stage.exact(other, carol)


def finished_later(stage, *, cut):
    """A repetition writes down what was taken away, wherever it ends."""
    manager, lab = stage.manager, stage.lab
    alice, bob = manager.rule(ALICE), manager.rule('10.0.0.2')
    share = stage.shared(alice, bob)
    lab.machine.system.tree.full = True
    with pytest.raises(errors.ManilaException, match='No space left'):
        manager.update(share, delete=[alice])
    assert given(stage, share, ALICE, '10.0.0.2') == [None, 'rw']
    lab.machine.system.tree.full = False
    if cut:
        lab.arm(labs.Fault(f'cut at program {cut}'), 2, lasting=False)
        try:
            manager.update(share, delete=[alice])
        except errors.ManilaException:
            lab.heal()
            manager.restart()
            manager.update(share, delete=[alice])
        lab.heal()
    else:
        manager.update(share, delete=[alice])
    assert given(stage, share, ALICE, '10.0.0.2') == [None, 'rw']
    lab.machine.reboot(orderly=False)
    lab.advance(120.0)
    stage.exact(share, alice)


def test_where_the_disk_of_the_instance_is_full(stage):
    full_disk(stage)


@pytest.mark.parametrize('cut', range(12))
def test_what_was_taken_away_is_written_down_later(stage, cut):
    finished_later(stage, cut=cut)


def test_who_leaves_clients_in_for_want_of_room_is_caught(stage,
                                                          monkeypatch):
    monkeypatch.setattr(guest_access, 'nfs_taken_away',
                        lambda facts, export: [])
    with pytest.raises(AssertionError):
        full_disk(stage)


def test_who_empties_the_table_of_others_is_caught(stage, monkeypatch):
    monkeypatch.setattr(guest_access, 'roomy', list)
    with pytest.raises(AssertionError):
        full_disk(stage)


def users():
    return generic_kinds.CifsUserLab(
        share_helpers=f'{ALONE["NFS"]},CIFS:{HELPERS}CIFSHelperUserAccess')


@pytest.mark.parametrize(('kind', 'served'), [
    (generic.GenericLab, 'CIFS'), (generic_kinds.CifsLab, 'NFS'),
    (users, 'NFS')])
def test_where_the_protocol_is_served_no_more(kind, served):
    lab = kind()
    stage = stages.Stage(lab)
    manager = stage.manager
    old, more = [stage.rule() for _ in range(2)], stage.rule()
    share = stage.shared(*old)
    before, lab.site = lab.site, generic.Site(share_helpers=ALONE[served])
    manager.restart()
    stay, leave = map(stage.client, old)
    assert not manager.update(share, delete=[old[1]])
    assert given(stage, share, stay, leave) == ['rw', None]
    with pytest.raises(errors.ManilaException, match='share_helpers'):
        manager.update(share, add=[more], delete=[old[0]])
    assert given(stage, share, stay, stage.client(more)) == [None, None]
    lab.site.close()
    lab.site = before
    manager.restart()
    manager.update(share, add=[more], delete=[old[0]])
    assert given(stage, share, stay, stage.client(more)) == [None, 'rw']
    lab.close()


def served_without_readers(clients, found, placement):
    refused = exporting.kernel.refused(clients.levels)
    return exporting.dataclasses.replace(clients, levels={
        one: level for one, level in clients.levels.items()
        if one not in refused})


def refused_as_a_whole(clients, found, placement):
    exporting.exports.require_readers(
        placement.path, clients.levels,
        exporting.kernel.refused(clients.levels))
    return clients


@pytest.mark.parametrize('broken', [served_without_readers,
                                    refused_as_a_whole])
def test_broken_decisions_are_caught(stage, monkeypatch, broken):
    monkeypatch.setattr(exporting, 'servable', broken)
    with pytest.raises((AssertionError, errors.ManilaException)):
        turned_out_beside_readers(stage)


def test_an_access_service_that_lets_in_is_caught(monkeypatch):
    monkeypatch.setattr(exporting, 'narrowed',
                        lambda clients, found, placement: clients)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test_where_the_protocol_is_served_no_more(generic.GenericLab, 'CIFS')


@pytest.mark.parametrize('program', [1, 2, 6])
@pytest.mark.parametrize('make_lab', [
    generic.GenericLab, generic_kinds.CifsLab, generic_kinds.server_labs()])
def test_a_server_that_begins_to_answer_is_not_passed_over(make_lab, program):
    """It goes on with the share, and a success would hide that."""
    lab = make_lab()
    stage = stages.Stage(lab)
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    before = lab.records()
    doomed = stage.shared(stage.rule())
    stage.manager.restart()
    lab.arm(labs.Fault(f'cut at program {program}'), 1, lasting=True)
    with pytest.raises(errors.ManilaException):
        stage.manager.delete_only(doomed)
    lab.heal()
    assert lab.machine.system.mounts.at(
        f'/shares/share-{doomed.id}') is not None
    stage.exact(doomed)
    stage.manager.delete_only(doomed)
    assert lab.records() == before
    for one in share, other:
        stage.exact(one)
    lab.close()


@pytest.mark.parametrize('lost', ['lsblk', '/etc/fstab', 'mountinfo'])
def test_where_nobody_tells_what_is_mounted(stage, lost):
    """Neither is any of it needed to shut somebody out."""
    manager, lab = stage.manager, stage.lab
    alice, bob = manager.rule(ALICE), manager.rule('10.0.0.2')
    share = stage.shared(alice, bob)

    def lose():
        lab.machine.faults.arm(faults.Fault('status', code=1, match=lost,
                                            times=None))

    lose()
    manager.update(share, delete=[alice])
    assert given(stage, share, ALICE, '10.0.0.2') == [None, 'rw']
    lose()
    with pytest.raises(errors.ShareBackendException, match='does not say'):
        manager.update(share, add=[manager.rule('10.0.0.3')])
    assert given(stage, share, '10.0.0.2', '10.0.0.3') == ['rw', None]
    lose()
    manager.update(share, delete=list(share.rules.values()))
    assert given(stage, share, '10.0.0.2') == [None]


def test_rules_that_could_not_be_given_are_asked_for_again(stage):
    """Rules of which little was left do not count as carried out."""
    manager, lab = stage.manager, stage.lab
    share = stage.shared(stage.rule(), stage.rule(level='ro'))
    rows = manager.rule_rows(share, list(share.rules.values()))
    lab._lose_file(share.export, random.Random(0))
    lab.arm(labs.Fault('program 5 fails'), 1, lasting=True)
    with pytest.raises(errors.ManilaException):
        manager.driver.update_access(None, manager.row(share), rows, [], [])
    lab.heal()
    manager.ensure([share])
    stage.exact(share)


@pytest.mark.parametrize('all_of_them', [True, False])
def test_zeros_in_a_file_of_exports_hide_nobody(stage, all_of_them):
    """A power failure left them; a boot exports what is behind them."""
    manager, lab = stage.manager, stage.lab
    alice, bob = manager.rule(ALICE), manager.rule('10.0.0.2')
    share = stage.shared(alice, bob)
    kept = lab.machine.system.tree.text
    file, = (name for name in kept if share.id in name
              and name.startswith('/etc/'))
    kept[file] = '\0' * 40 + '\n' + kept[file]
    manager.update(share, delete=[alice, bob] if all_of_them else [alice])
    lab.machine.reboot()
    lab.advance(60.0)
    stage.exact(share, alice, bob)
    assert not any('\0' in text for text in kept.values())


@pytest.mark.parametrize('lost', ['fstab.manila-new', 'tee --',
                                  'rm -f'])
def test_an_instance_that_cannot_be_written_to_says_so(stage, lost):
    """Its disk is full; nothing of a script stands in the message."""
    manager, lab = stage.manager, stage.lab
    alice, bob = manager.rule(ALICE), manager.rule('10.0.0.2')
    share = stage.shared(alice, bob)
    programs = lab.machine.programs
    told = programs._told
    programs._told = lambda words: faults.Fault(
        'status', code=1) if lost in ' '.join(words) else told(words)
    play = manager.delete_only if lost != 'tee --' else (
        lambda share: manager.update(share, delete=[alice]))
    with pytest.raises(errors.ShareBackendException) as failure:
        play(share)
    said = str(failure.value)
    assert share.id in said
    assert 'exit code 1' in said
    assert 'set -' not in said
    # Who is to be shut out is, though it cannot be written down.
    assert given(stage, share, ALICE, '10.0.0.2') == [
        None if lost == 'tee --' else 'rw', 'rw']
    programs._told = told
    manager.update(share, delete=[alice])
    manager.delete(share)
    assert not [one for one in lab.records() if share.id in str(one)]


def read_only_by_another_name(before, after, user):
    lab = users()
    stage = stages.Stage(lab)
    manager = stage.manager
    old = manager.rule(before, 'rw', 'user')
    share = stage.shared(old)
    section = share.export.rpartition('\\')[2]
    assert lab.machine.connect('CIFS', section, '10.99.0.9', user) == 'rw'
    manager.update(share, add=[manager.rule(after, 'ro', 'user')],
                   delete=[old])
    # Who is connected, too.
    assert lab.machine.reaches('CIFS', section, '10.99.0.9', user) == 'ro'
    lab.close()


@pytest.mark.parametrize(('before', 'after'), [
    ('Bob', 'bob'), ('bob', 'BOB'), ('SITE\\bob', 'site\\Bob'),
    ('bob@site.example', 'Bob@SITE.example')])
def test_a_name_written_in_another_way_keeps_nobody_writing(before, after):
    read_only_by_another_name(before, after, after)


def test_who_compares_names_letter_by_letter_is_caught(monkeypatch):
    monkeypatch.setattr(samba_plan, '_person', lambda user: user)
    with pytest.raises(AssertionError):
        read_only_by_another_name('Bob', 'bob', 'bob')
