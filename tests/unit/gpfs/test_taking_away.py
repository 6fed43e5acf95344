# SPDX-License-Identifier: Apache-2.0

"""Who is turned out is turned out, whatever has become of the share's type.

Whoever stays keeps the options that the export has; what would be given
fails, and says why.
"""

import dataclasses
import ipaddress

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.ibm.gpfs.helpers import ces_kept
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.simulators.gpfs import ces

errors = compat.errors
ALICE, BOB, CAROL = '10.0.0.1', '10.0.0.2', '10.0.0.3'
NET = '10.0.0.0/24'

# What a type said while rules were made, by kind: none of it is a default.
BEFORE = {'CES': 'squash=no_root_squash,anonymous_uid=77',
          'KNFS': 'no_root_squash,anonuid=77',
          'GNFS': 'squash=no_root_squash,anonymous_uid=77'}
AFTER = {'CES': 'squash=all', 'KNFS': 'all_squash', 'GNFS': 'squash=all'}


class Unreadable:
    """Extra specs of a type that is gone."""

    def items(self):
        raise LookupError('the type is gone')


@pytest.fixture(params=['CES', 'KNFS', 'GNFS'])
def place(request, make_place):
    return prepared(make_place, request.param)


def prepared(make_place, kind):
    made = make_place(kind)
    made.kind, made.share = kind, made.manager.create()
    made.path = '/' + made.share.export.partition(':/')[2]
    made.row = made.manager.row(made.share, rows.DICT)
    mended(made, BEFORE[kind])
    return made


def mended(place, text):
    place.row['share_type_extra_specs'] = {
        f'{place.kind.lower()}:export_options': text}


def refused(place):
    mended(place, 'x=y')


def gone(place):
    place.row['share_type_extra_specs'] = Unreadable()


BAD = pytest.mark.parametrize('spoil', [refused, gone])


def update(place, *rules):
    return place.driver.update_access(None, place.row, place.manager.rule_rows(
        place.share, [place.manager.rule(*rule) for rule in rules]))


def given(place, *clients):
    return [place.lab.effective(place.share.export, client)
            for client in clients]


def options(place):
    """Return what each client has, by server and network."""
    if place.kind == 'CES':
        return {('CES', client.client): frozenset(
            (name, value.lower()) for name, value in {
                **ces._DEFAULTS, **client.options}.items()
            if name != 'access_type')
            for client in place.sim.state.exports.get(place.path, ())}
    if place.kind == 'KNFS':
        return {(name, str(entry.network)): entry.meaning
                for name, server in place.sim.servers.items()
                for entry in server.entries if entry.path == place.path}
    return {(name, str(network)): export.settings
            for name, server in place.sim.servers.items()
            for file, text in server.files.text.items()
            if f'share-{place.share.id}' in file
            for export in ganesha_exports.read(text)
            for network, _ in export.clients}


def same_for_all(place):
    """Return what all have, who are at least somebody."""
    found = set(options(place).values())
    assert len(found) == 1
    return found.pop()


def turned_out(place, spoil):
    """Take rules away, one after the other."""
    update(place, (ALICE,), (BOB,), (NET, 'ro'))
    before = same_for_all(place)
    spoil(place)
    assert not update(place, (BOB,), (NET, 'ro'))
    assert given(place, ALICE, BOB, CAROL) == ['ro', 'rw', 'ro']
    assert same_for_all(place) == before
    assert not update(place, (BOB,))
    assert given(place, ALICE, BOB, CAROL) == [None, 'rw', None]
    assert same_for_all(place) == before


@BAD
def test_one_of_several_is_turned_out(place, spoil):
    turned_out(place, spoil)


@BAD
def test_who_gets_less_gets_it_at_once(place, spoil):
    """Also who had it by a network, with the options that it had."""
    update(place, (NET,), (BOB,))
    before = same_for_all(place)
    spoil(place)
    update(place, (NET, 'ro'), (BOB,))
    assert given(place, ALICE, BOB) == ['ro', 'rw']
    update(place, (ALICE, 'ro'), (BOB, 'ro'))
    assert given(place, ALICE, BOB, CAROL) == ['ro', 'ro', None]
    assert same_for_all(place) == before


@BAD
def test_a_network_in_pieces_is_what_it_was(place, spoil):
    """Readers are cut out of it where servers cannot say it otherwise."""
    update(place, ('10.1.0.1',), (NET,), ('10.0.0.8/30', 'ro'))
    spoil(place)
    assert not update(place, (NET,), ('10.0.0.8/30', 'ro'))
    assert given(place, '10.1.0.1', ALICE, '10.0.0.9') == [None, 'rw', 'ro']


@pytest.mark.parametrize(('spoil', 'said'), [
    (refused, ':export_options'), (gone, 'extra specs')])
def test_what_would_be_given_fails(place, spoil, said):
    update(place, (ALICE,), (BOB,))
    before = same_for_all(place)
    spoil(place)
    for _ in range(2):
        with pytest.raises(errors.ManilaException, match=said):
            update(place, (BOB,), (CAROL,))
        assert given(place, ALICE, BOB, CAROL) == [None, 'rw', None]
        assert same_for_all(place) == before
    mended(place, AFTER[place.kind])
    assert not update(place, (BOB,), (CAROL,))
    assert given(place, ALICE, BOB, CAROL) == [None, 'rw', 'rw']
    assert same_for_all(place) != before
    after = options(place)
    update(place, (BOB,), (CAROL,))
    assert options(place) == after


def test_nobody_is_let_in_where_nobody_was(place):
    refused(place)
    with pytest.raises(errors.ManilaException, match=':export_options'):
        update(place, (ALICE,))
    assert given(place, ALICE) == [None]
    assert not options(place)


@BAD
def test_a_single_rule_is_taken_away(place, spoil):
    update(place, (ALICE,), (BOB, 'ro'))
    before = same_for_all(place)
    spoil(place)
    place.driver.deny_access(None, place.row, {
        'access_type': 'ip', 'access_to': ALICE, 'access_level': 'rw'})
    assert given(place, ALICE, BOB) == [None, 'ro']
    with pytest.raises(errors.ManilaException, match=r'options|specs'):
        place.driver.allow_access(None, place.row, {
            'access_type': 'ip', 'access_to': BOB, 'access_level': 'rw'})
    assert given(place, ALICE, BOB) == [None, 'ro']
    assert same_for_all(place) == before


@pytest.mark.parametrize('kind', ['KNFS', 'GNFS'])
def test_a_server_that_was_away_takes_away_no_more_than_that(
        make_place, kind):
    place = prepared(make_place, kind)
    update(place, (ALICE,), (BOB,))
    before = same_for_all(place)
    refused(place)
    place.lab.dead.add('nfs2')
    with pytest.raises(errors.ManilaException, match='nfs2'):
        update(place, (BOB,))
    place.lab.dead.clear()
    place.manager.stats()
    assert [server.access(client, place.path) for client in (ALICE, BOB)
            for server in place.sim.servers.values()] == [
                None, None, 'rw', 'rw']
    assert same_for_all(place) == before


def test_what_cannot_be_opened_can_be_closed(place, monkeypatch):
    """Such as while it is not told whether a share is being filled."""
    update(place, (ALICE,), (BOB,))

    def unknown(share):
        raise exception.Unreachable('no management host answers')

    monkeypatch.setattr(place.driver._backend.access, '_may_open', unknown)
    assert not update(place, (BOB,))
    assert given(place, ALICE, BOB) == [None, 'rw']
    with pytest.raises(errors.ManilaException, match='management host'):
        update(place, (ALICE,))
    assert given(place, ALICE, BOB) == [None, None]


def net(text):
    return ipaddress.ip_network(text)


def test_clients_that_differ_stay_different():
    """Half of them were told of other options when a call was cut off."""
    wanted = exports.Export('/x', 'x', '1', {
        net(BOB): 'rw', net(CAROL): 'rw', net('10.0.0.9'): 'ro'}, keep=True)
    have = exports_text.read(
        '/x\t10.0.0.1(rw,fsid=1) 10.0.0.2(rw,all_squash,fsid=1) '
        '10.0.0.0/24(rw,no_root_squash,fsid=1)\n')
    told = [str(each) for each in kernel_plan.plan(
        kernel.KernelFacts(have, {}), wanted, '1', persist=False)]
    assert not any(f'{BOB}:' in each for each in told)
    assert all('no_root_squash' in each and 'no_all_squash' in each
               for each in told if '-o' in each)
    full = {**ces_list.DEFAULTS, 'squash': 'no_root_squash'}
    left = ces_kept.kept(wanted, [
        ces_list.CesClient(BOB, net(BOB), 'rw', {}),
        ces_list.CesClient(NET, net(NET), 'rw', full)])
    assert left.levels == wanted.levels
    assert 'squash=no_root_squash' in left.own[net(CAROL)]


@pytest.mark.parametrize(('client', 'level', 'listed', 'left'), [
    # Its options are not told, so that nobody new can have them.
    (NET, 'rw', {}, {}),
    (NET, 'rw', {**ces_list.DEFAULTS, 'squash': ''}, {}),
    # What it may do is not told, or nothing.
    (CAROL, ces_list.UNTOLD, ces_list.DEFAULTS, {}),
    (CAROL, '', ces_list.DEFAULTS, {}),
    (CAROL, 'ro', {}, {CAROL: 'ro'})])
def test_what_is_not_told_is_not_made_up(client, level, listed, left):
    wanted = exports.Export('/x', 'x', '1', {net(CAROL): 'rw'}, keep=True)
    found = ces_kept.kept(wanted, [
        ces_list.CesClient(client, net(client), level, listed)])
    assert found.levels == {net(text): may for text, may in left.items()}


def test_an_entry_that_kept_somebody_out_does_not_go_alone():
    wanted = exports.Export('/x', 'x', '1', {
        net(NET): 'rw', net('10.1.0.0/24'): 'rw'}, keep=True)
    found = ces_kept.kept(wanted, [
        ces_list.CesClient(CAROL, net(CAROL), '', ces_list.DEFAULTS),
        ces_list.CesClient(NET, net(NET), 'rw', ces_list.DEFAULTS),
        ces_list.CesClient('10.1.0.0/24', net('10.1.0.0/24'), 'rw', {})])
    assert found.levels == {net('10.1.0.0/24'): 'rw'}


def test_an_export_of_ganesha_whose_file_is_gone_is_withdrawn(make_place):
    """Nobody knows what it had, and an update would make something up."""
    place = prepared(make_place, 'GNFS')
    update(place, (ALICE,), (BOB,))
    for server in place.sim.servers.values():
        for file in [file for file in server.files.text
                     if f'share-{place.share.id}' in file]:
            del server.files.text[file]
    refused(place)
    update(place, (BOB,))
    assert given(place, ALICE, BOB) == [None, None]
    mended(place, AFTER['GNFS'])
    update(place, (BOB,))
    assert given(place, ALICE, BOB) == [None, 'rw']


def test_too_many_readers_do_not_write_for_that():
    have = exports_text.read(
        '/x\t0.0.0.0/1(rw,fsid=1) 128.0.0.0/1(rw,fsid=1)\n')
    wanted = exports.Export('/x', 'x', '1', {net('0.0.0.0/0'): 'rw', **{
        net(f'{n}.{n}.7.0/24'): 'ro' for n in range(1, 127)}}, keep=True)
    told = kernel_plan.plan(kernel.KernelFacts(have, {}), wanted, '1',
                            persist=False)
    assert not any('0.0.0.0/1:/x' in words and 'rw,' in words[3]
                   for words in (each.words() for each in told)
                   if '-i' in words)
    assert any('0.0.0.0/1:/x' in each.words() for each in told)


# Helpers as they must not be

def as_before(self, export, specs, *more):
    return dataclasses.replace(export, options=self.options(specs())), None


def with_defaults(self, export, specs, *more):
    found, _ = exception.caught(lambda: self.options(specs()))
    return dataclasses.replace(export, options=found or self.defaults), None


def giving(self, export, specs, *more):
    class Wide(exports.Export):
        def narrowed(self, current):
            return self

        without = narrowed

    found, error = good_chosen(self, export, specs, *more)
    return (found, error) if error is None else (
        Wide(*[getattr(found, field.name)
               for field in dataclasses.fields(found)]), error)


good_chosen = base.NASHelperBase.chosen


@pytest.mark.parametrize(('broken', 'test'), [
    (as_before, lambda place: turned_out(place, refused)),
    (with_defaults, lambda place: turned_out(place, refused)),
    (giving, lambda place: test_what_would_be_given_fails(
        place, refused, ':export_options'))])
def test_broken_helpers_are_caught(place, monkeypatch, broken, test):
    monkeypatch.setattr(base.NASHelperBase, 'chosen', broken)
    with pytest.raises((AssertionError, errors.ManilaException,
                        pytest.fail.Exception)):
        test(place)
