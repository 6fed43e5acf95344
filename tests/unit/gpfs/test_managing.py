# SPDX-License-Identifier: Apache-2.0

"""Filesets that cannot be managed as they are, or only in odd words."""

import pytest

from manila_drivers import compat
from manila_drivers.testing.conformance import rows
from manila_drivers.transport import command

errors = compat.errors


@pytest.mark.parametrize('client', ['host.example.org', '@netgroup'])
@pytest.mark.parametrize('below', ['', '/deep/below'])
def test_exports_to_names_are_exports(place, client, below):
    """Who has such a name would go on reaching it."""
    unmanaged = place.lab.make_unmanaged('x')
    place.sim.export('/gpfs0/shares/legacy-x' + below, **{client: 'rw'})
    before = place.lab.records()
    with pytest.raises(errors.ManageInvalidShare, match='is exported'):
        place.manager.manage(unmanaged)
    assert place.lab.records() == before


def test_exports_to_names_are_taken_back_at_the_start(place):
    share = place.manager.create()
    path = '/' + share.export.partition(':/')[2]
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    client, = place.sim.state.exports[path]
    place.sim.export(path, **{'@netgroup': 'rw', '10.0.0.1': 'rw'})
    place.manager.ensure()
    assert place.sim.state.exports[path] == [client]


@pytest.mark.parametrize(('spec', 'value', 'fits'), [
    ('ces:export_options', 'rw', False), ('ces:export_options', '', True),
    ('snapshot_support', '<is> True', False),
    ('snapshot_support', 'False', True)])
def test_what_does_not_fit_its_type_is_not_managed(
        make_place, spec, value, fits):
    """Or no rule could be applied later, nor a snapshot made."""
    place = make_place(gpfs_fileset_type='dependent')
    place.sim.make_fileset('x', '/gpfs0/shares/x', size=1, independent=False)
    row = place.manager.row(place.manager.new_share(), rows.DICT)
    row.update(share_type_extra_specs={spec: value},
               export_locations=[{'path': '192.0.2.10:/gpfs0/shares/x'}])
    if fits:
        assert place.driver.manage_existing(row, {})['size'] == 1
        return
    before = place.lab.records()
    with pytest.raises(errors.ManageExistingShareTypeMismatch, match=spec):
        place.driver.manage_existing(row, {})
    assert place.lab.records() == before


def test_usage_has_to_be_known(place):
    """Or a fileset that is full would get the quota of an empty one."""
    unmanaged = place.lab.make_unmanaged('x')
    run = place.sim.run

    def told(words, *more):
        result = run(words, *more)
        if not words[0].endswith('mmlsquota'):
            return result
        return command.Result(result.stdout.partition('\n')[0] + '\n', '', 0)

    place.sim.run = told
    before = place.lab.records()
    for options in {}, {'size': '5'}:
        object.__setattr__(unmanaged, 'options', options)
        with pytest.raises(errors.ManageInvalidShare, match='no usage'):
            place.manager.manage(unmanaged)
    assert place.lab.records() == before


def test_what_is_in_the_shares_place_stays_there(place):
    """mv -n leaves all as it is then, and calls that done."""
    unmanaged = place.lab.make_unmanaged('x')
    share = place.manager.new_share()
    place.sim.state.directories.add(f'/gpfs0/shares/share-{share.id}')
    before = place.lab.records()
    with pytest.raises(errors.ManageInvalidShare, match='a directory'):
        place.manager.manage(unmanaged, share)
    assert place.lab.records() == before


@pytest.mark.parametrize('host', [
    '[2001:DB8:0:0::20]', '[2001:db8::20]', 'NFS.example.org', '192.0.2.10'])
def test_addresses_are_compared_and_not_their_spellings(make_place, host):
    place = make_place(
        gpfs_export_addresses='2001:db8::20,nfs.Example.org')
    unmanaged = place.lab.make_unmanaged('x')
    object.__setattr__(unmanaged, 'export',
                       f'{host}:/gpfs0/shares/legacy-x')
    share = place.manager.manage(unmanaged)
    assert share.export == f'[2001:db8::20]:/gpfs0/shares/share-{share.id}'


def test_a_mode_that_was_asked_for_is_set_by_a_repeated_call(place):
    unmanaged = place.lab.make_unmanaged('x')
    share = place.manager.manage(unmanaged)
    fileset = place.sim.state.filesets[f'share-{share.id}']
    fileset.mode = '700'
    place.driver.manage_existing(place.manager.row(share), {})
    assert fileset.mode == '700'
    place.driver.manage_existing(place.manager.row(share),
                                 {'chmod': 'true'})
    assert fileset.mode == '777'


def test_a_snapshot_is_managed_by_a_name_that_others_gave_it(place):
    share = place.manager.create()
    name = '@GMT-2026.01.01-00.00.00'
    place.lab.make_unmanaged_snapshot(share.export, name)
    row = {'id': 'new', 'share_name': f'share-{share.id}',
           'provider_location': name}
    row.update(place.driver.manage_existing_snapshot(row, {}))
    assert row['provider_location'] == f'share-{share.id}:{name}'
    place.driver.delete_snapshot(None, row)
    assert not place.sim.state.filesets[f'share-{share.id}'].snapshots


@pytest.mark.parametrize(('new_process', 'commands'), [(False, 1), (True, 2)])
def test_letting_go_takes_no_question_of_what_is_known(place, new_process,
                                                       commands):
    share = place.manager.create()
    if new_process:
        place.manager.restart()
    row = place.manager.row(share)
    place.driver._backend.cluster.device  # noqa: B018 - asked for once
    assert place.spent(lambda: place.driver.unmanage(row))[0] == commands
    fileset = place.sim.state.filesets[f'share-{share.id}']
    assert fileset.comment == f'was manila:{share.id}'
    # What is gone, or somebody else's by now, is left alone.
    fileset.comment = 'manila:somebody-else'
    place.driver.unmanage(row)
    assert fileset.comment == 'manila:somebody-else'
    del place.sim.state.filesets[f'share-{share.id}']
    place.driver.unmanage(row)
