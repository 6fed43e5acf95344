# SPDX-License-Identifier: Apache-2.0

"""An audit of Storage Scale finds each damage once, and no other."""

import collections
import contextlib

import pytest

from manila_drivers.audit import differences
from manila_drivers.ibm.gpfs import exported
from manila_drivers.ibm.gpfs import inventory as listing
from tests.unit.audit import gpfs_planted
from tests.unit.audit import planted

KINDS = tuple(gpfs_planted.PLANTS)
CASES = [(kind, name) for kind, plants in gpfs_planted.PLANTS.items()
         for name in plants]
#: Commands that may be run by who only looks.
LOOKS = ('mmls', 'mmrepquota', 'cat', 'grep', 'stat', 'sh', 'mmnfs',
         'dbus-send', 'df', 'readlink', 'mmsnapdir', 'mmgetstate', 'mmces',
         'rsync')


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Open a bench of one kind, whose hosts are in this process."""
    with contextlib.ExitStack() as stack:
        yield lambda kind: gpfs_planted.opened(stack, kind, tmp_path,
                                               monkeypatch)


def healthy(backend):
    """Make shares in every state that is as it should be."""
    one = backend.shares.create(size=2, name='plain')
    one.allow('198.51.100.0/24')
    one.allow('198.51.100.7', level='ro')
    one.snapshot('kept').clone('clone').wait()
    backend.shares.create(size=2, name='no rule')


def victim(backend, name='victim'):
    share = backend.shares.create(size=2, name=name)
    share.allow(gpfs_planted.NETWORK)
    return share


def kinds(report):
    return sorted(one.kind for one in report.differences)


def changing(place, mark):
    return [line for line in place.cluster.requests(mark)
            if not line.partition(': ')[2].startswith(LOOKS)]


def found_and_mended(place, plant):
    with place.backend() as backend:
        healthy(backend)
        share = victim(backend)
        report = backend.audit()
        assert (report.differences, report.unseen) == ((), ())
        plant.work(place, share)
    # Another process looks.
    with place.backend() as backend:
        before, mark = place.cluster.inventory(), place.cluster.mark()
        report = backend.audit()
        assert (kinds(report), report.unseen) == (
            sorted(plant.kinds), ()), report.differences
        assert bool(backend.repair_plan(report)) == plant.mended
        assert changing(place, mark) == []
        assert place.cluster.inventory() == before
        assert backend.repair(report, widen=True) == []
        after = backend.audit()
        assert kinds(after) == ([] if plant.mended
                                else sorted(plant.kinds)), after.differences
        if all(one.ident != share.id for one in report.differences):
            assert place.cluster.inventory() == before or plant.mended


@pytest.mark.turns
@pytest.mark.parametrize(('kind', 'name'), CASES)
def test_each_damage_is_found_once_and_mended(at, kind, name):
    found_and_mended(at(kind), gpfs_planted.PLANTS[kind][name])


@pytest.mark.turns('all damages at once')
@pytest.mark.parametrize('kind', KINDS)
def test_all_at_once_are_found_and_mended(at, kind):
    place, plants = at(kind), gpfs_planted.PLANTS[kind]
    # What all servers have once is planted once, and so is what ends with
    # the process that has it in mind.
    names = [name for name in plants if name not in (
        'a line in /etc/exports', 'all shares', 'export of nothing',
        'snapshot being taken', 'snapshot being removed')]
    with place.backend() as backend:
        healthy(backend)
        victims = {name: victim(backend, f'victim of {name}')
                   for name in names}
        # Ganesha reads all of its files anew for some of the others.
        for name in sorted(names, key=lambda name: name == 'closed' or (
                2 * (name in ('not read at a start', 'in no file')))):
            plants[name].work(place, victims[name])
    with place.backend() as backend:
        report = backend.audit()
        assert collections.Counter(kinds(report)) == collections.Counter(
            kind for name in names for kind in plants[name].kinds), [
                str(one) for one in report.differences]
        assert not {one.subject for one in report.differences} & {
            f'share {name}' for name in ('plain', 'no rule', 'clone')}
        assert backend.repair(report, widen=True) == []
        assert collections.Counter(kinds(
            backend.audit())) == collections.Counter(
                kind for name in names if not plants[name].mended
                for kind in plants[name].kinds)


@pytest.mark.turns('cost of an audit')
@pytest.mark.parametrize('kind', KINDS)
def test_commands_do_not_grow_with_shares(at, kind):
    place, counts = at(kind), {}
    with place.backend() as backend:
        victim(backend)
        for many in (3, 60):
            while len(backend.shares.list()) < many:
                backend.shares.create(
                    size=1, name=f'more {len(backend.shares.list())}')
            backend.audit()
            mark = place.cluster.mark()
            assert backend.audit().differences == ()
            counts[many] = len(place.cluster.requests(mark))
    assert counts[3] == counts[60] == {
        'ces': 8, 'knfs': 22, 'gnfs': 26}[kind], counts


SEEN = exported.seen
BLIND = {
    'another client': (exported, 'seen', lambda server, levels, names: SEEN(
        server, {network: level for network, level in levels.items()
                 if gpfs_planted.STRANGER not in str(network)}, names)),
    'a netgroup': (exported, 'seen', lambda server, levels, names: SEEN(
        server, levels, ())),
    'larger': (listing.GpfsInventory, '_limit',
               lambda self, fileset, lists, unseen: None),
    'orphan share': (listing, 'owned', lambda filesets, known, base: {
        one.owner: [one] for one in filesets if one.owner in known}),
    'orphan snapshot': (listing, 'snapshots', lambda lists, owners: ()),
    'copy failed': (listing, 'clones', lambda lists, owners: ()),
    'files of a copy': (listing, 'files_left', lambda lists, owners: ()),
    'all shares': (exported.Exported, 'objects', lambda self: ()),
    'mark lost': (listing, '_odd', lambda ident, some, base: ())}


@pytest.mark.turns
@pytest.mark.parametrize('name', BLIND)
def test_a_blind_audit_is_caught(at, monkeypatch, name):
    monkeypatch.setattr(*BLIND[name])
    with pytest.raises(AssertionError):
        found_and_mended(at('ces'), gpfs_planted.PLANTS['ces'][name])


def test_filesets_of_others_are_nobodys_orphans(at):
    place = at('ces')
    sim = place.cluster.sim
    sim.state.directories.add('/gpfs0/others')
    ident = '1c3e0a52-6a4e-4b62-8e1f-0d9c7d0f9a11'
    sim.make_fileset(f'share-{ident}', f'/gpfs0/others/share-{ident}',
                     comment=f'manila:{ident}')
    sim.make_fileset('home', '/gpfs0/home')
    sim.export('/gpfs0/home', **{'203.0.113.9': 'rw'})
    sim.make_fileset('beside', f'{gpfs_planted.BASE}/beside')
    sim.export(f'{gpfs_planted.BASE}/beside', **{'203.0.113.9': 'rw'})
    with place.backend() as backend:
        share = victim(backend)
        share.deny(gpfs_planted.NETWORK)
        export = share.locations[0]
        share.release()
        assert backend.audit().differences == ()
        backend.shares.adopt(export, 'again')
        assert backend.audit().differences == ()


def test_no_limit_goes_below_what_is_in_use(at):
    place = at('ces')
    with place.backend() as backend:
        share = victim(backend)
        gpfs_planted.size(7)(place, share)
        place.cluster.fill(share.locations[0], 5 * planted.GIB)
        [(one, why)] = backend.repair(backend.audit())
        assert (one.kind, 'uses' in why) == ('size', True)
        assert place.limit(share) == 7 * planted.GIB
        assert kinds(backend.audit()) == ['size']


# -- what could not be seen --------------------------------------------------

@pytest.mark.parametrize('kind', ['knfs', 'gnfs'])
def test_a_server_that_is_away_is_not_seen(at, kind):
    place = at(kind)
    with place.backend() as backend:
        share = victim(backend)
        gpfs_planted.size(7)(place, share)
        server = gpfs_planted.servers(place)[1]
        server.dead = True
        report = backend.audit()
        assert kinds(report) == [differences.SIZE]
        assert [text for text in report.unseen if server.name in text]


@pytest.mark.parametrize('kind', KINDS)
def test_exports_that_nobody_tells_are_not_seen(at, kind):
    place = at(kind)
    with place.backend() as backend:
        victim(backend)
        place.cluster.sim.options.ces_nfs = False
        for server in gpfs_planted.servers(place):
            server.dead = True
        report = backend.audit()
        assert kinds(report) == [differences.NOT_SEEN], report.differences
        assert report.unseen


def said(place, monkeypatch, name, change, status=0):
    """Have a command answer something else."""
    sim, run = place.cluster.sim, place.cluster.sim._run

    def other(command, words, stdin, host):
        out, err, code = run(command, words, stdin, host)
        return (change(out), err, status or code) if command == name else (
            out, err, code)
    monkeypatch.setattr(sim, '_run', other)


@pytest.mark.parametrize(('name', 'told'), [
    ('mmlssnapshot', 'snapshots'), ('sh', 'copies')])
@pytest.mark.parametrize(('text', 'status'), [
    ('something else\n', 0), ('GPFS has other things to do\n', 1)])
def test_a_list_that_cannot_be_read_loses_nothing(at, monkeypatch, name,
                                                  told, text, status):
    place = at('ces')
    with place.backend() as backend:
        healthy(backend)
        share = victim(backend)
        lost = gpfs_planted.snapshot(place, share)
        said(place, monkeypatch, name, lambda out: text, status)
        report = backend.audit()
        assert any(told in line for line in report.unseen), report
        assert not any(one.kind.startswith('lost')
                       for one in report.differences), lost
        expected = {'mmlssnapshot': [differences.NOT_SEEN] * 2, 'sh': []}
        assert kinds(report) == expected[name], report.differences


@pytest.mark.parametrize(('before', 'after', 'kind'), [
    (':Linked:', ':Moving:', differences.LOST_SHARE),
    ('gpfs0:share-{}:', 'gpfs0::', differences.NOT_SEEN)])
def test_a_row_that_cannot_be_read_loses_nothing(at, monkeypatch, before,
                                                 after, kind):
    place = at('ces')
    with place.backend() as backend:
        share, other = victim(backend), victim(backend, 'other')
        gpfs_planted.lost(place, other)
        place.cluster.sim.state.exports.pop(gpfs_planted.path_of(other))
        said(place, monkeypatch, 'mmlsfileset', lambda out: '\n'.join(
            line.replace(before.format(share.id), after).replace(
                ':Linked:', ':Moving:') if share.id in line else line
            for line in out.split('\n')))
        told = {one.ident: one.kind for one in backend.audit().differences}
        # The other one may be the row that has no name, and no other.
        assert told[share.id] == differences.NOT_SEEN, told
        assert told[other.id] == kind, told


def test_a_client_whose_level_is_not_told_is_not_seen(at):
    place = at('ces')
    with place.backend() as backend:
        victim(backend)
        place.cluster.sim.options.left_out = ('Access_Type',)
        report = backend.audit()
        assert differences.NOT_SEEN in kinds(report)
        assert differences.LOST_SHARE not in kinds(report)
