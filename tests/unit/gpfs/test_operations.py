# SPDX-License-Identifier: Apache-2.0

"""Operations of the driver on a simulated cluster."""

import itertools

import pytest

from manila_drivers import compat
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.simulators import gpfs

errors = compat.errors
HOSTILE = ('$(touch x)', '; reboot', '../../etc', 'a b', '-f', "'", '"', '`',
           'a\nb', 'a:b', 'root', 'new', '.', '..', '.manila', '', 'a/b',
           'a' * 256, '*')


def warm(place):
    place.driver.check_for_setup_error()
    return place.manager.create(size=2)


@pytest.mark.parametrize('kind', ['CES', 'KNFS', 'GNFS'])
def test_commands_and_round_trips(make_place, kind, capsys):
    place = make_place(kind)
    servers = 1 if kind == 'CES' else 2
    share = warm(place)
    manager = place.manager
    new = manager.new_share(size=1)
    spent = {'create': place.spent(lambda: manager.create(new))}
    rules = [manager.rule(f'10.{n // 250}.{n % 250}.1') for n in range(1000)]
    spent['1000 rules'] = place.spent(
        lambda: manager.update(share, add=rules))
    spent['deny 999'] = place.spent(
        lambda: manager.update(share, delete=rules[1:]))
    spent['add and deny'] = place.spent(lambda: manager.update(
        share, add=rules[5:7], delete=rules[:1]))
    spent['extend'] = place.spent(lambda: manager.resize(share, 5))
    spent['shrink'] = place.spent(lambda: manager.resize(share, 3))
    snapshot = manager.new_snapshot(share)
    spent['snapshot'] = place.spent(
        lambda: manager.create_snapshot(share, snapshot))
    spent['delete snapshot'] = place.spent(
        lambda: manager.delete_snapshot(snapshot))
    spent['delete'] = place.spent(lambda: manager.delete_only(share))
    ids = [f'00000000-0000-4000-8000-{n:012d}' for n in range(1000)]
    place.lab.make_shares(ids)
    spent['ensure 1000'] = place.spent(lambda: place.driver.ensure_shares(
        None, [rows.share(rows.DICT, ident=ident, size=1, proto='NFS')
               for ident in ids]))
    with capsys.disabled():
        print(f'\n{kind}: mm* commands and round trips: {spent}')
    # No more than the driver needs that this one replaces.
    assert spent['create'] <= (3, 1)
    assert spent['extend'] == (1, 1)
    assert spent['snapshot'] == (1, 1)
    assert spent['delete snapshot'] == (1, 1)
    assert spent['delete'][0] <= 4
    for name in ('1000 rules', 'deny 999', 'add and deny'):
        # It takes two for each rule; we see at once what came of them.
        assert spent[name][0] <= 3
        assert spent[name][1] <= 2 * servers
    assert spent['ensure 1000'][0] <= 3
    assert spent['ensure 1000'][1] <= 1 + servers


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_names_run_nothing(place, name):
    warm(place)
    share = rows.share(rows.DICT, ident='1', size=1, proto='NFS')
    share['name'] = name
    before = len(place.sim.log)
    with pytest.raises(errors.ManilaException):
        place.driver.create_share(None, share)
    with pytest.raises(errors.ManilaException):
        place.driver.delete_share(None, share)
    assert len(place.sim.log) == before


@pytest.mark.parametrize('options', [
    'access_type=RW', 'clients=*', 'squash=none;*(access_type=rw)', 'x=y'])
def test_hostile_export_options_change_nothing(place, options):
    share = rows.share(rows.DICT, ident='1', size=1, proto='NFS')
    share['share_type_extra_specs'] = {'ces:export_options': options}
    with pytest.raises(errors.ManilaException, match='ces:export_options'):
        place.driver.create_share(None, share)
    assert set(place.sim.state.filesets) == {'root'}
    place.manager.create(place.manager.new_share())
    before = len(place.sim.log)
    with pytest.raises(errors.ManilaException, match='ces:export_options'):
        place.driver.update_access(None, share, place.manager.rule_rows(
            place.manager.new_share(), [place.manager.rule('10.0.0.1')]))
    assert all('list' in entry.words for entry in place.sim.log[before:])
    assert not place.sim.state.exports


@pytest.mark.parametrize('kind', ['CES', 'KNFS', 'GNFS'])
def test_taking_all_access_away_needs_no_share_type(make_place, kind):
    """Its options may be refused by now, or not be read at all."""
    place = make_place(kind)
    share, rule = place.manager.create(), place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    row = place.manager.row(share, rows.DICT)
    row['share_type_extra_specs'] = {f'{kind.lower()}:export_options': 'x=y'}
    place.driver.update_access(None, row, [])
    assert place.lab.effective(share.export, '10.0.0.1') is None


def test_export_options_reach_the_clients(place):
    share = place.manager.create()
    row = place.manager.row(share, rows.DICT)
    row['share_type_extra_specs'] = {
        'ces:export_options': 'squash=no_root_squash'}
    rules = place.manager.rule_rows(share, [place.manager.rule('10.0.0.1')])
    place.driver.update_access(None, row, rules)
    (client,), = place.sim.state.exports.values()
    assert client.options == {'access_type': 'RW',
                              'squash': 'NO_ROOT_SQUASH'}
    before = place.sim.count()
    place.driver.update_access(None, row, rules)
    assert place.sim.count() - before == 1


def test_a_foreign_fileset_is_not_touched(place):
    share = place.manager.new_share()
    name = f'share-{share.id}'
    place.sim.make_fileset(name, f'{place.sim.base}/{name}', comment='x')
    with pytest.raises(errors.ManilaException, match='not marked'):
        place.manager.create(share)
    fileset = place.sim.state.filesets[name]
    fileset.comment = 'manila:another'
    with pytest.raises(errors.ManilaException, match='another'):
        place.manager.delete_only(share)
    fileset.comment, fileset.path = '', '/gpfs0/shares/elsewhere'
    with pytest.raises(errors.ManilaException, match='elsewhere'):
        place.manager.delete_only(share)
    assert place.sim.state.filesets[name] is fileset


def test_a_failed_create_leaves_nothing(place):
    share = place.manager.new_share()
    place.lab.make_driver()
    warm(place)
    before = set(place.sim.state.filesets)
    place.sim.state.directories.add(f'/gpfs0/shares/share-{share.id}')
    with pytest.raises(errors.ManilaException, match='directory already'):
        place.manager.create(share)
    assert set(place.sim.state.filesets) == before


def test_a_failed_create_takes_nothing_back_that_it_did_not_make(place):
    """It was there all the time, and could not be seen for a moment."""
    share = place.manager.new_share()
    made = place.sim.make_fileset(
        f'share-{share.id}', f'{place.sim.base}/share-{share.id}')
    run, looks = place.sim.run, []

    def blinded(words, *more):
        result = run(words, *more)
        name = words[0].rpartition('/')[2]
        if name in ('mmlsfileset', 'stat') and '%m' not in words \
                and len(looks) < 4:
            looks.append(name)
            return type(result)('', f'Fileset name {made.name} not found\n',
                                2)
        return result

    place.sim.run = blinded
    with pytest.raises(errors.ManilaException, match='already exists'):
        place.manager.create(share)
    assert place.sim.state.filesets[made.name] is made


@pytest.mark.parametrize('new_process', [True, False])
def test_unknown_snapshots_stop_a_delete(place, new_process):
    """A new process asks first.  One that knows the share finds out when GPFS
    refuses; Manila has taken all rules away by then."""
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    place.lab.make_unmanaged_snapshot(share.export, 'nightly')
    before = dict(place.lab.records())
    if new_process:
        place.manager.restart()
    with pytest.raises(errors.ManilaException, match='nightly'):
        place.manager.delete_only(share)
    after = dict(place.lab.records())
    if not new_process:
        before.pop(('export', f'/gpfs0/shares/share-{share.id}'))
    assert after == before


@pytest.mark.parametrize(('replicas', 'doubt', 'used', 'fits'), [
    (1, 0, GiB, True), (1, 0, GiB + 1, False), (2, 0, GiB, True),
    (2, 0, GiB + 1024, False), (1, 1, GiB, False)])
def test_a_shrink_counts_replicas_and_what_is_in_doubt(
        place, replicas, doubt, used, fits):
    place.sim.options.replicas = replicas
    share = warm(place)
    place.lab.write(share.export, used)
    place.sim.options.doubt_kib = doubt
    if fits:
        place.manager.resize(share, 1)
    else:
        with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
            place.manager.resize(share, 1)
    fileset = place.sim.state.filesets[f'share-{share.id}']
    assert fileset.limit_kib == (1 if fits else 2) * replicas * 1024 ** 2


def test_a_shrink_that_was_cut_off_is_taken_back(place):
    """It had set the quota, and more is in use by now."""
    share = place.manager.create(size=3)
    fileset = place.sim.state.filesets[f'share-{share.id}']
    place.lab.write(share.export, 2 * GiB)
    fileset.limit_kib = 1024 ** 2
    with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
        place.manager.resize(share, 1)
    assert fileset.limit_kib == 3 * 1024 ** 2


def test_going_back_to_a_snapshot(place):
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    place.lab.write(share.export, 4711)
    snapshot = place.manager.create_snapshot(share)
    place.lab.write(share.export, GiB)
    looks = []
    restore = place.sim.tree.restore
    place.sim.tree.restore = lambda *parts: (looks.append(
        place.lab.effective(share.export, '10.0.0.1')), restore(*parts))
    place.driver.revert_to_snapshot(
        None, place.manager.snapshot_row(snapshot),
        place.manager.rule_rows(share, [rule]), [])
    assert looks == [None]
    assert place.sim.state.filesets[f'share-{share.id}'].used == 4711
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'


def test_after_a_failed_way_back_clients_are_let_in_again(place):
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.manager.update(share, add=[rule])
    snapshot = place.manager.create_snapshot(share)
    place.sim.tree.restore = lambda *parts: (_ for _ in ()).throw(
        KeyError('broken'))
    with pytest.raises(errors.ManilaException):
        place.driver.revert_to_snapshot(
            None, place.manager.snapshot_row(snapshot),
            place.manager.rule_rows(share, [rule]), [])
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'


def test_a_copy_is_followed_and_taken_up_again(place):
    share = warm(place)
    place.lab.write(share.export, 4711)
    snapshot = place.manager.create_snapshot(share)
    place.sim.options.copy_seconds, place.sim.options.copy_dies = 100, 3
    clone = place.manager.create_from_snapshot(
        place.manager.new_clone(snapshot), snapshot)
    states = []
    for _ in range(10):
        place.manager.restart()
        states.append(place.manager.poll(clone))
        place.lab.advance(101)
    assert set(states) == {'creating_from_snapshot', 'available'}
    assert place.sim.state.filesets[f'share-{clone.id}'].used == 4711
    assert place.sim.state.jobs == {}


def test_a_copy_that_cannot_be_ends_in_error(place):
    share = warm(place)
    snapshot = place.manager.create_snapshot(share)
    place.sim.options.copy_status = 23
    clone = place.manager.create_from_snapshot(
        place.manager.new_clone(snapshot), snapshot)
    assert place.manager.poll(clone) == 'error'
    place.manager.delete(clone)
    assert place.sim.state.jobs == {}


def test_scripts_are_run_for_shares_that_are_being_filled_alone(place):
    share = warm(place)
    snapshot = place.manager.create_snapshot(share)
    place.sim.options.copy_seconds = 100
    clone = place.manager.create_from_snapshot(
        place.manager.new_clone(snapshot), snapshot)
    assert place.sim.count('sh') == 1
    place.manager.delete(clone)
    assert place.sim.count('sh') == 2
    assert place.sim.state.jobs == {}
    place.manager.delete_snapshot(snapshot)
    place.manager.delete(share)
    assert place.sim.count('sh') == 2


@pytest.mark.parametrize(('change', 'reason'), [
    (lambda sim, one: setattr(one, 'independent', False), 'dependent'),
    (lambda sim, one: setattr(one, 'afm', 'nfs://x'), 'AFM'),
    (lambda sim, one: setattr(one, 'comment', 'manila:7'), 'share 7'),
    (lambda sim, one: setattr(one, 'used', 4 * GiB), 'more than'),
    (lambda sim, one: sim.make_fileset('below', one.path + '/x'), 'below'),
    (lambda sim, one: sim.export(one.path, **{'10.0.0.1': 'ro'}),
     'exported'),
    (lambda sim, one: sim.export(one.path + '/y', **{'10.0.0.1': 'ro'}),
     'exported')])
def test_what_is_not_managed_and_stays_as_it_is(place, change, reason):
    unmanaged = place.lab.make_unmanaged('by-hand')
    change(place.sim, place.sim.state.filesets['legacy-by-hand'])
    before = place.lab.records()
    with pytest.raises(errors.ManageInvalidShare, match=reason):
        place.manager.manage(unmanaged)
    assert place.lab.records() == before


@pytest.mark.parametrize('export', [
    'no-colon', '192.0.2.10', '192.0.2.99:/gpfs0/shares/legacy-x',
    '192.0.2.10:/gpfs0/shares/../x', '192.0.2.10:/gpfs0/shares',
    '192.0.2.10:/other/x', '[192.0.2.10]:/gpfs0/shares/none'])
def test_what_is_not_an_export_of_this_backend(place, export):
    unmanaged = place.lab.make_unmanaged('x')
    object.__setattr__(unmanaged, 'export', export)
    with pytest.raises(errors.ManageInvalidShare):
        place.manager.manage(unmanaged)


def test_a_takeover_that_fails_is_taken_back(place):
    warm(place)
    unmanaged = place.lab.make_unmanaged('by-hand')
    before = place.lab.records()
    cases = itertools.product((1, 2, 3), ('fails', 'broken', 'silent'))
    # mv says how it ended.
    for at, kind in set(cases) - {(2, 'silent')}:
        place.lab._trouble.arm(gpfs.Strike(kind, at), 5)
        try:
            share = place.manager.manage(unmanaged)
        except errors.ManageInvalidShare:
            assert place.lab.records() == before, (kind, at)
        else:
            raise AssertionError(share)
        place.lab.heal()


@pytest.mark.parametrize('kind', ['lost', 'cut'])
def test_a_takeover_that_is_cut_off_is_taken_back_or_done(place, kind):
    warm(place)
    unmanaged = place.lab.make_unmanaged('by-hand')
    before = place.lab.records()
    for at in 1, 2, 3:
        place.lab._trouble.arm(gpfs.Strike(kind, at), 5)
        with pytest.raises(errors.ManilaException):
            place.manager.manage(unmanaged)
        place.lab.heal()
        assert place.lab.records() == before, (kind, at)
    place.manager.manage(unmanaged)


def test_what_is_named_is_managed_and_nothing_else(place):
    """A fileset of the share's name lies about; it may be anybody's."""
    unmanaged = place.lab.make_unmanaged('by-hand')
    share = place.manager.new_share()
    place.sim.make_fileset(f'share-{share.id}', size=1, used=4711)
    before = place.lab.records()
    with pytest.raises(errors.ManageInvalidShare, match='already'):
        place.manager.manage(unmanaged, share)
    assert place.lab.records() == before


def test_a_foreign_fileset_is_not_resized(place):
    share = warm(place)
    place.sim.state.filesets[f'share-{share.id}'].comment = 'manila:another'
    before = place.lab.records()
    place.manager.restart()
    for size in 1, 5:
        with pytest.raises(errors.ManilaException, match='another'):
            place.manager.resize(share, size)
    assert place.lab.records() == before


def test_a_file_system_that_got_another_name_is_found_again(place):
    share = warm(place)
    place.sim.state.device = 'gpfs9'
    with pytest.raises(errors.ManilaException, match='not known'):
        place.manager.resize(share, 3)
    place.manager.resize(share, 3)


@pytest.mark.parametrize('newer', [False, True])
def test_where_snapshots_are(place, newer):
    place.sim.options.newer_headers = newer
    assert place.driver._backend.cluster.filesystem.snapshots == '.snapshots'


def test_statistics(place):
    place.sim.options.replicas = 2
    share = warm(place)
    place.lab.write(share.export, 3 * GiB)
    stats = place.manager.stats()
    pool = stats
    assert pool['total_capacity_gb'] == 50 * 1024
    assert pool['free_capacity_gb'] == 50 * 1024 - 3
    assert pool['provisioned_capacity_gb'] == 2
    assert stats['storage_protocol'] == 'NFS'
    assert stats['snapshot_support']
    assert stats['revert_to_snapshot_support']


def test_dependent_filesets_promise_no_snapshots(make_place):
    place = make_place(gpfs_fileset_type='dependent')
    share = warm(place)
    assert not place.sim.state.filesets[f'share-{share.id}'].independent
    stats = place.manager.stats()
    assert not stats['snapshot_support']
    with pytest.raises(errors.ManilaException, match='dependent'):
        place.manager.create_snapshot(share)


def test_a_snapshot_is_managed_by_the_name_its_fileset_had(place):
    share = place.manager.create()
    where = place.manager.create_snapshot(share).provider_location
    name = where.partition(':')[2]
    row = {'id': 'new', 'share_name': f'share-{share.id}',
           'provider_location': f'share-gone:{name}'}
    answer = place.driver.manage_existing_snapshot(row, {})
    assert answer['provider_location'] == where
    # A fileset that is there is another one.
    other = place.manager.create()
    row['provider_location'] = f'share-{other.id}:{name}'
    with pytest.raises(errors.ManageInvalidShareSnapshot,
                       match=f'not one of fileset share-{share.id}'):
        place.driver.manage_existing_snapshot(row, {})


def test_without_rsync_no_copies_are_promised(place, caplog):
    assert place.manager.stats()['create_share_from_snapshot_support']
    place.sim.options.rsync = False
    place.driver.check_for_setup_error()
    assert 'rsync' in caplog.text
    stats = place.manager.stats()
    assert not stats['create_share_from_snapshot_support']
    assert stats['snapshot_support']


@pytest.mark.parametrize(('option', 'spec', 'words'), [
    (None, None, []), ('1M', None, ['1M:1024']),
    ('1M:10k', None, ['1M:10k']), ('1M', '2M:4k', ['2M:4k']),
    (None, '300000', ['300000:1024']), ('500', None, ['500:500'])])
def test_inode_limits(make_place, option, spec, words):
    place = make_place(gpfs_inode_limit=option)
    share = place.manager.new_share()
    row = place.manager.row(share, rows.DICT)
    row['share_type_extra_specs'] = {'gpfs:inode_limit': spec} if spec else {}
    place.driver.create_share(None, row)
    made, = (entry.words for entry in place.sim.log
             if entry.name == 'mmcrfileset')
    assert [made[at + 1] for at, word in enumerate(made)
            if word == '--inode-limit'] == words


@pytest.mark.parametrize('spec', ['many', '1M; id', '-1', '1M:', ''])
def test_inode_limits_that_are_none(place, spec):
    warm(place)
    row = place.manager.row(place.manager.new_share(), rows.DICT)
    row['share_type_extra_specs'] = {'gpfs:inode_limit': spec}
    before = len(place.sim.log)
    if not spec:
        place.driver.create_share(None, row)
        return
    with pytest.raises(errors.ManilaException, match='gpfs:inode_limit'):
        place.driver.create_share(None, row)
    assert len(place.sim.log) == before


def test_what_upstream_called_an_export_can_be_managed(make_place):
    """Other addresses have come since."""
    place = make_place(gpfs_export_addresses='192.0.2.20,2001:db8::20')
    unmanaged = place.lab.make_unmanaged('by-hand')
    assert unmanaged.export.startswith('192.0.2.10:')
    share = place.manager.manage(unmanaged)
    assert [path.partition(':/')[0] for path in share.exports] == [
        '192.0.2.20', '[2001:db8::20]']


@pytest.mark.parametrize('kind', ['unreachable', 'lost', 'cut'])
def test_rules_are_asked_for_at_another_host(make_place, kind):
    place = make_place(gpfs_management_hosts='one,two')
    share = warm(place)
    rule = place.manager.rule('10.0.0.1')
    place.lab._trouble.arm(gpfs.Strike(kind), 1)
    place.manager.update(share, add=[rule])
    assert place.lab.effective(share.export, '10.0.0.1') == 'rw'
    place.lab.dead.add('two')
    place.manager.update(share, delete=[rule])
    assert place.lab.effective(share.export, '10.0.0.1') is None
    out, _ = place.driver._backend.execute('mmlsconfig', 'x', '-Y')
    assert 'mmlsconfig' in out


def test_management_hosts_are_tried_in_turn(make_place):
    place = make_place(gpfs_management_hosts='one,two')
    place.lab._trouble.arm(gpfs.Strike('unreachable'), 1)
    share = place.manager.create()
    assert {entry.host for entry in place.sim.log} == {'two'}
    place.manager.delete(share)


def test_a_clone_of_another_protocol_is_no_matter_of_its_snapshot(place):
    share = place.manager.create()
    snapshot = place.manager.create_snapshot(share)
    clone = place.manager.new_clone(snapshot)
    clone.proto = 'CIFS'
    for source in (snapshot, place.manager.new_snapshot(share)):
        with pytest.raises(errors.InvalidShare, match='protocol CIFS'):
            place.manager.create_from_snapshot(clone, source)


@pytest.mark.parametrize('kind', ['CES', 'KNFS', 'GNFS'])
def test_nobody_has_access_to_a_share_that_is_not_there(make_place, kind):
    """Said with one voice by all drivers; see the promises."""
    manager = make_place(kind).manager
    absent = manager.new_share()
    one = manager.rule('10.0.0.1')
    assert not manager.update(absent, delete=[one])
    with pytest.raises(compat.errors.ShareResourceNotFound):
        manager.update(absent, add=[one])
