# SPDX-License-Identifier: Apache-2.0

"""Steps of the VAST driver by what they depend on, and what is said of them.
"""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from tests.unit.vastdata import test_decisions as decisions

ID, PATH, GiB, but = (decisions.ID, decisions.PATH, decisions.GiB,
                      decisions.but)
VIEW, QUOTA, POLICY = decisions.VIEW, decisions.QUOTA, decisions.POLICY
SHARE, CLOSED = decisions.SHARE, decisions.CLOSED
SNAPSHOT = records.VastSnapshot(8, 'n', '/manila/manila-x', 'SUCCEED', 1)


@pytest.mark.parametrize('proto', ['CIFS', 'nfs', ''])
def test_another_protocol_is_refused(proto):
    planning.check_protocol(SHARE)
    with pytest.raises(exception.InvalidRequest, match='serves NFS'):
        planning.check_protocol(dataclasses.replace(SHARE, proto=proto))


@pytest.mark.parametrize(('limit', 'action'), [
    (0, 'limit'), (None, 'limit'), (1, 'extend'), (GiB - 1, 'extend'),
    (GiB, 'limit'), (GiB + 1, 'limit')])
def test_a_limit_is_said_to_grow_if_it_does(limit, action):
    quota = but(QUOTA, hard_limit=limit)
    assert planning.set_quota(ID, quota, GiB) == plan.Step(
        action + ' quota', ID, {'quota': quota, 'limit': GiB})


@pytest.mark.parametrize(('policy', 'steps'), [
    (None, [plan.Step('create policy', ID + '-adopted',
                      {'lists': CLOSED})]),
    (but(POLICY, name='gold'), [plan.Step('rename', ID + '-adopted', {
        'resource': 'viewpolicies', 'ident': 2})]),
    (but(POLICY, name=''), [plan.Step('rename', ID + '-adopted', {
        'resource': 'viewpolicies', 'ident': 2})]),
    (POLICY, []), (but(POLICY, name=ID + '-adopted'), [])])
@pytest.mark.parametrize('name', [ID, 'q'])
def test_managed_objects_get_the_names_of_ours(policy, steps, name):
    facts = planning.ExportFacts(
        but(VIEW, name='d'), but(QUOTA, name=name), policy, 0)
    assert planning.adopt(ID, facts, 1, CLOSED).steps == (
        plan.Step('note share', ID),
        *(plan.Step('rename', ID, {'resource': 'quotas', 'ident': 3})
          for _ in [0] if name != ID),
        *steps, plan.Step('rename', ID, {'resource': 'views', 'ident': 1}))


def test_adoption_in_the_words_of_operators():
    facts = planning.ExportFacts(
        but(VIEW, name=''), but(QUOTA, name='q'), but(POLICY, name='p'), 0)
    assert str(planning.adopt(ID, facts, 1, CLOSED)) == (
        f'note share {ID}; rename {ID} (from q in quotas); rename '
        f'{ID}-adopted (from p in viewpolicies); rename {ID} (from no name '
        'in views)')
    assert f'create policy {ID}-adopted (for nobody; no_root_squash)' in str(
        planning.adopt(ID, but(facts, policy=None), 1, CLOSED))


@pytest.mark.parametrize(('used', 'size', 'gib'), [
    # What is in use is not told: the size is all that is known.
    (None, 1, 1), (None, '2', 2), (None, None, None),
    (GiB, 1, 1), (GiB + 1, 2, 2), (GiB + 1, 1, None), (0, 1, 1),
    (3 * GiB, None, 3)])
def test_a_size_holds_what_is_there(used, size, gib):
    facts = planning.ExportFacts(VIEW, None, None, used)
    options = {} if size is None else {'size': size}
    if gib is None:
        with pytest.raises(exception.NotManageable, match='size'):
            planning.size_of(facts, options)
    else:
        assert planning.size_of(facts, options) == gib


def test_what_keeps_a_snapshot_is_named_with_it():
    stream = records.Stream.of({'id': 5, 'name': 's', 'state': 'Syncing'})
    with pytest.raises(exception.Busy, match='Snapshot n still feeds s'):
        planning.delete_snapshot(SNAPSHOT, [stream])


def test_steps_say_what_people_want_to_know():
    clone, policy, quota, view = planning.create(
        ID, PATH, 3 * GiB, CLOSED, None, clone_of=SNAPSHOT)
    assert clone.detail == f'of snapshot n, to {PATH}'
    assert policy.detail == 'for nobody; no_root_squash'
    assert quota.detail == f'3 GiB for {PATH}'
    assert view.detail == f'for {PATH}'
    made, attached, confined = planning.access(
        ID, CLOSED, planning.AccessFacts(but(VIEW, policy='')))
    assert made.detail == 'for nobody; no_root_squash'
    assert attached.detail == f'to the view for {PATH}, in place of another'
    assert confined.detail == 'to the VIP pool'
    updated, = planning.access(ID, CLOSED, planning.AccessFacts(None, 2))
    assert updated.detail == 'for nobody; no_root_squash'
    renamed, = planning.access(ID, CLOSED, planning.AccessFacts(
        None, 2, POLICY, former='x'))
    assert renamed.detail == 'for nobody; no_root_squash, renamed from x'
    taken, = planning.create_snapshot('s', PATH)
    assert taken.detail == f'of {PATH}'
    renamed, = planning.adopt_snapshot('s', SNAPSHOT)
    assert renamed.detail == 'from n'
