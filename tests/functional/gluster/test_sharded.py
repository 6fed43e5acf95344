# SPDX-License-Identifier: Apache-2.0

"""Pieces of deleted files, which clients do not see, go with a share."""

import pytest

from tests.functional.gluster import made

pytestmark = pytest.mark.timeout(400)

NAME = 'sharded-1G-1'
SHARDED = ('features.shard', 'on', 'features.shard-block-size', '4MB')


@pytest.fixture
def service(site):
    site.volume(NAME)
    site.gluster.do('volume', 'set', NAME, *SHARDED)
    yield site.service(glusterfs_volume_pattern='sharded-#{size}G-\\d+$')
    site.gluster.ask('volume', 'stop', NAME)
    site.gluster.do('volume', 'delete', NAME)


def in_brick(site, *words):
    """Files below the brick that are no part of gluster's own book."""
    listed = site.node.run('find', f'/srv/{NAME}/0', '-path', '*/.glusterfs',
                           '-prune', '-o', '-type', 'f', *words, '-print')
    return listed.stdout.split()


def sharded(site):
    options = site.gluster.options(NAME)
    return options['features.shard'], options.get('user.manila-shard')


def test_pieces_of_deleted_files(site, service):
    row = made.share()
    path = made.path(service.call('create_share', None, row))
    assert sharded(site) == ('on', 'NONE')
    rules = made.rules('tenant-a')
    service.call('update_access', None, row, rules, rules, [], [])
    with site.tenant('tenant-a') as client:
        client.mount(path)
        client.fill('image', 50)
        assert '.shard' not in client.files()
    assert len(in_brick(site, '-path', '*/.shard/*')) > 8
    # What a client that was ended in the middle leaves, for instance.
    site.gluster.do('volume', 'set', NAME, 'features.shard', 'off')
    with site.tenant('tenant-a') as client:
        client.mount(path)
        client.write('.shard/of-nobody.1', 'of the first tenant')
    site.gluster.do('volume', 'set', NAME, 'features.shard', 'on')
    service.call('delete_share', None, row)
    assert not in_brick(site)
    assert sharded(site) == ('on', 'NONE')
    # The next one's images are kept in pieces again.
    row = made.share()
    path = made.path(service.call('create_share', None, row))
    service.call('update_access', None, row, rules, rules, [], [])
    with site.tenant('tenant-a') as client:
        client.mount(path)
        assert client.files() == set()
        client.fill('image', 50)
        assert client.size() > 0
    assert len(in_brick(site, '-path', '*/.shard/*')) > 8
    service.call('delete_share', None, row)
    assert not in_brick(site)
