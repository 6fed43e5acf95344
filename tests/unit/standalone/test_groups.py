# SPDX-License-Identifier: Apache-2.0

"""Share groups on top of single shares."""

import pytest

from manila_drivers.standalone import base
from manila_drivers.standalone import configuration
from manila_drivers.standalone import errors
from manila_drivers.standalone import options


class Single(base.ShareDriver):
    """Records what is asked of single shares."""

    def __init__(self, fail=()):
        conf = configuration.Configuration(options.SHARE_OPTS, 'alpha')
        conf._conf.set_override('driver_handles_share_servers', False,
                                'alpha')
        super().__init__(False, configuration=conf)
        self.fail = set(fail)
        self.made = []
        self.seen = []
        self.clone = ['a:/b']
        self._update_share_stats()

    def create_snapshot(self, context, snapshot, share_server=None):
        self.seen.append(snapshot)
        if snapshot['id'] in self.fail:
            raise errors.ShareBackendException(msg='full')
        self.made.append(snapshot['id'])
        return {'provider_location': 'at ' + snapshot['id']}

    def delete_snapshot(self, context, snapshot, share_server=None):
        self.seen.append(snapshot)
        self.made.remove(snapshot['id'])

    def create_share_from_snapshot(self, context, share, snapshot,
                                   share_server=None, parent_share=None):
        self.seen.append((share['id'], snapshot['id']))
        return self.clone


def member(name):
    return {'id': name, 'share_group_snapshot_id': 'gs', 'share_id': 's',
            'share': {'id': 'share-' + name, 'size': 3, 'share_proto': 'NFS'},
            'share_name': 'sn', 'name': 'n-' + name,
            'provider_location': 'at ' + name}


def snapshot(*names):
    return {'id': 'gs', 'share_group_id': 'g',
            'share_group_snapshot_members': [member(name) for name in names]}


def test_snapshot_of_each_share():
    made = Single()

    group, members = made.create_share_group_snapshot(
        None, snapshot('a', 'b'))

    assert group is None
    assert members == [{'id': 'a', 'provider_location': 'at a'},
                       {'id': 'b', 'provider_location': 'at b'}]
    assert made.seen[0] == {
        'snapshot_id': 'gs', 'share_id': 's', 'share_instance_id': 'share-a',
        'id': 'a', 'share': member('a')['share'], 'share_name': 'sn',
        'name': 'n-a', 'size': 3, 'share_size': 3, 'share_proto': 'NFS',
        'provider_location': None}


def test_snapshot_of_none_if_one_fails():
    made = Single(fail=['c'])

    with pytest.raises(errors.ShareBackendException):
        made.create_share_group_snapshot(None, snapshot('a', 'b', 'c'))

    assert made.made == []


def test_snapshot_of_nothing():
    assert Single().create_share_group_snapshot(None, snapshot()) == (
        None, None)


def test_snapshots_must_be_supported():
    made = Single()
    made._stats['snapshot_support'] = False

    with pytest.raises(errors.ShareGroupSnapshotNotSupported):
        made.create_share_group_snapshot(None, snapshot('a'))


def test_delete_finds_the_snapshots():
    made = Single()
    made.create_share_group_snapshot(None, snapshot('a', 'b'))

    assert made.delete_share_group_snapshot(None, snapshot('a', 'b')) == (
        None, None)
    assert made.made == []
    assert made.seen[-1]['provider_location'] == 'at b'


def clones(*pairs):
    return {'id': 'g2', 'shares': [
        {'id': new, 'source_share_group_snapshot_member_id': source}
        for new, source in pairs]}


@pytest.mark.parametrize(('clone', 'update'), [
    (['a:/b'], {'export_locations': ['a:/b']}),
    ({'status': 'creating_from_snapshot'},
     {'status': 'creating_from_snapshot', 'export_locations': []}),
    ({'status': 'available', 'export_locations': ['a:/b']},
     {'status': 'available', 'export_locations': ['a:/b']})])
def test_group_from_snapshot(clone, update):
    made = Single()
    made.clone = clone

    answer = made.create_share_group_from_share_group_snapshot(
        None, clones(('x', 'b'), ('y', 'a')), snapshot('a', 'b'))

    assert answer == (None, [{'id': 'x', **update}, {'id': 'y', **update}])
    assert made.seen == [('x', 'b'), ('y', 'a')]


@pytest.mark.parametrize('clone', [{}, {'status': 'error'}])
def test_clones_need_a_status(clone):
    made = Single()
    made.clone = clone

    with pytest.raises(errors.InvalidShareInstance):
        made.create_share_group_from_share_group_snapshot(
            None, clones(('x', 'a')), snapshot('a'))


def test_clones_need_a_source():
    with pytest.raises(errors.InvalidShareGroup, match='x'):
        Single().create_share_group_from_share_group_snapshot(
            None, clones(('x', 'z')), snapshot('a'))
