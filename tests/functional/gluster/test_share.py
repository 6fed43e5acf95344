# SPDX-License-Identifier: Apache-2.0

"""A share's life on a real glusterd, from tenant to tenant."""

import pytest

from tests.functional.gluster import made
from tests.functional.gluster.waiting import eventually
from tests.functional.lab import gluster
from tests.functional.lab import service as services

# Seconds, where everybody else is busy, too.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope='module')
def pool(site):
    """Two volumes with copies, running without TLS as new ones do."""
    return [site.volume(f'pool-{size}G-{size}', size * gluster.GIB, bricks=2)
            for size in (1, 2)]


@pytest.fixture(scope='module')
def service(site, pool):
    return site.service(glusterfs_volume_pattern='pool-#{size}G-\\d+$')


@pytest.fixture
def share(service):
    row = made.share()
    row['path'] = made.path(service.call('create_share', None, row))
    yield row
    service.call('update_access', None, row, [], [], [], [])
    service.call('delete_share', None, row)


def volume_of(row):
    return row['path'].partition(':/')[2]


class TestAccess:
    def test_nobody_gets_in_before_the_first_rule(self, site, share):
        with site.tenant('tenant-a') as client:
            assert not client.may_mount(share['path'])

    def test_the_right_certificate_works_and_no_other(
            self, site, service, share):
        service.call('update_access', None, share, made.rules('tenant-a'),
                     made.rules('tenant-a'), [], [])
        with (site.tenant('tenant-a') as a, site.tenant('tenant-b') as b,
                site.tenant('tenant-a', 'another CA') as impostor):
            a.mount(share['path'])
            a.write('file', 'text')
            assert a.read('file') == 'text'
            assert not b.may_mount(share['path'])
            assert not impostor.may_mount(share['path'])

    def test_a_denied_client_is_cut_off_though_it_holds_the_mount(
            self, site, service, share):
        both = made.rules('tenant-a', 'tenant-b')
        service.call('update_access', None, share, both, both, [], [])
        with site.tenant('tenant-a') as a, site.tenant('tenant-b') as b:
            for client in (a, b):
                client.mount(share['path'])
            held, other = a.hold('of-a'), b.hold('of-b')
            assert held.write('before') == ''
            service.call('update_access', None, share, both[1:], [],
                         both[:1], [])
            assert eventually(lambda: held.write('after') != '')
            assert eventually(lambda: held.read() != '')
            assert not a.may_mount(share['path'])
            # Whoever still has a rule notices nothing.
            assert other.write('still there') == ''
            assert b.read('of-a') == 'before'

    def test_servers_and_the_manila_host_keep_theirs(
            self, site, service, share):
        for names in (['tenant-a', 'tenant-b'], ['tenant-b'], []):
            service.call('update_access', None, share, made.rules(*names),
                         [], [], [])
            assert site.gluster.allowed(volume_of(share)) == {
                *gluster.INFRASTRUCTURE, *names}
            assert eventually(lambda: site.healing(volume_of(share)))
        with site.tenant('manila-host-1') as manila:
            assert manila.may_mount(share['path'])

    def test_a_lost_copy_heals_while_tenants_come_and_go(
            self, site, service, share):
        volume = volume_of(share)
        rules = made.rules('tenant-a')
        service.call('update_access', None, share, rules, rules, [], [])
        with site.tenant('tenant-a') as client:
            client.mount(share['path'])
            site.kill_brick(volume)
            client.write('late', 'to only one copy')
            service.call('update_access', None, share,
                         made.rules('tenant-a', 'tenant-b'),
                         made.rules('tenant-b'), [], [])
            site.gluster.do('volume', 'start', volume, 'force')
            assert eventually(lambda: site.healed(volume), seconds=40)

    def test_read_only_for_all(self, site, service, share):
        rules = made.rules('tenant-a', level='ro')
        assert not service.call('update_access', None, share, rules, rules,
                                [], [])
        with site.tenant('tenant-a') as client:
            client.mount(share['path'])
            with pytest.raises(AssertionError, match='Read-only'):
                client.write('file', 'text')

    def test_a_rule_that_cannot_be_is_an_error_of_its_own(
            self, site, service, share):
        rules = made.rules('tenant-a', 'tenant-*', 'glusterfs-server-1')
        states = service.call('update_access', None, share, rules, rules,
                              [], [])
        assert states == {'rule-tenant-*': {'state': 'error'},
                          'rule-glusterfs-server-1': {'state': 'error'}}
        assert site.gluster.allowed(volume_of(share)) == {
            *gluster.INFRASTRUCTURE, 'tenant-a'}


class TestRecycling:
    @pytest.mark.parametrize('trash', ['off', 'on'])
    def test_the_next_tenant_finds_nothing(self, site, service, trash):
        first = made.share()
        path = made.path(service.call('create_share', None, first))
        volume = path.partition(':/')[2]
        site.gluster.do('volume', 'set', volume, 'features.trash', trash)
        rules = made.rules('tenant-a')
        service.call('update_access', None, first, rules, rules, [], [])
        with site.tenant('tenant-a') as client:
            client.mount(path)
            client.box.shell('mkdir -p "$1/a/b/c"; touch "$1/a/.hidden"'
                             ' "$1/a/b/with space"; ln -s /etc "$1/link"',
                             '/mnt/volume')
            client.write('a/secret', 'of tenant a')
            client.write('deleted', 'by tenant a')
            client.remove('deleted')
            if trash == 'on':
                assert any('/deleted' in each for each in client.files())
            held = client.hold()
            service.call('update_access', None, first, [], [], rules, [])
            service.call('delete_share', None, first)
            assert held.write('from the grave') != ''
        second = made.share()
        again = made.path(service.call('create_share', None, second))
        assert again == path
        with site.tenant('tenant-a') as old:
            assert not old.may_mount(path)
        rules = made.rules('tenant-b')
        service.call('update_access', None, second, rules, rules, [], [])
        with site.tenant('tenant-b') as client:
            client.mount(path)
            assert client.files() <= {'.trashcan', '.trashcan/internal_op'}
            client.write('new', 'of tenant b')
        service.call('update_access', None, second, [], [], rules, [])
        service.call('delete_share', None, second)

    def test_a_deleted_share_leaves_a_volume_that_is_free(
            self, site, service):
        row = made.share()
        path = made.path(service.call('create_share', None, row))
        volume = path.partition(':/')[2]
        assert site.gluster.options(volume)['user.manila-share'] == row['id']
        for _ in range(2):
            service.call('delete_share', None, row)
        options = site.gluster.options(volume)
        assert options['user.manila-share'] == 'NONE'
        assert set(options['auth.ssl-allow'].split(',')) == set(
            gluster.INFRASTRUCTURE)
        with site.tenant('manila-host-1') as manila:
            manila.mount(path)
            assert manila.files() <= {'.trashcan', '.trashcan/internal_op'}

    def test_the_smallest_that_is_large_enough(self, site, service):
        rows = [made.share(size=1), made.share(size=2)]
        paths = [made.path(service.call('create_share', None, row))
                 for row in rows]
        assert [each.partition(':/')[2] for each in paths] == [
            'pool-1G-1', 'pool-2G-2']
        with pytest.raises(services.Raised, match='No free volume'):
            service.call('create_share', None, made.share())
        for row in rows:
            service.call('delete_share', None, row)


class TestStart:
    def test_what_operators_have_undone_is_put_right(
            self, site, service, share):
        volume = volume_of(share)
        rules = made.rules('tenant-a')
        service.call('update_access', None, share, rules, rules, [], [])
        site.gluster.do('volume', 'stop', volume)
        site.gluster.do('volume', 'reset', volume, 'auth.ssl-allow')
        [state] = service.call('ensure_shares', None, [share]).values()
        assert state.get('status') != 'error'
        assert state['reapply_access_rules']
        with site.tenant('stranger') as client:
            assert not client.may_mount(share['path'])
        service.call('update_access', None, share, rules, [], [], [])
        with site.tenant('tenant-a') as client:
            assert client.may_mount(share['path'])
        assert eventually(lambda: site.healing(volume))

    def test_a_volume_with_data_is_taken_over_and_let_go(
            self, site, service, share):
        volume = volume_of(share)
        rules = made.rules('tenant-a')
        service.call('update_access', None, share, rules, rules, [], [])
        with site.tenant('tenant-a') as client:
            client.mount(share['path'])
            client.write('file', 'of old')
        service.call('unmanage', share)
        site.gluster.do('volume', 'set', volume,
                        'user.manila-share', 'NONE',
                        'user.manila-state', 'NONE')
        row = made.share(export_locations=[{'path': share['path']}])
        answer = service.call('manage_existing', row, {})
        assert answer['size'] == 1
        assert site.gluster.allowed(volume) == set(gluster.INFRASTRUCTURE)
        service.call('update_access', None, row, rules, rules, [], [])
        with site.tenant('tenant-a') as client:
            client.mount(share['path'])
            assert client.read('file') == 'of old'
        service.call('delete_share', None, row)


class TestWithoutThinVolumes:
    def test_a_snapshot_is_refused_and_can_be_deleted(self, service, share):
        """As Manila does with one that has come out in error."""
        snapshot = made.snapshot(share)
        with pytest.raises(services.Raised, match='thin') as raised:
            service.call('create_snapshot', None, snapshot)
        assert 'ShareSnapshotNotSupported' in raised.value.kinds
        service.call('delete_snapshot', None, snapshot)


class TestCost:
    def test_round_trips(self, site, service, capsys):
        row = made.share()
        rules = made.rules('tenant-a')
        spent = {}
        for method, *arguments in (
                ('create_share', None, row),
                ('update_access', None, row, rules, rules, [], []),
                ('update_access', None, row, rules, [], [], []),
                ('ensure_shares', None, [row]),
                ('get_share_stats', True),
                ('update_access', None, row, [], [], rules, []),
                ('delete_share', None, row)):
            service.call(method, *arguments)
            spent.setdefault(method, []).append(
                (dict(service.trips), round(service.seconds, 2)))
        with capsys.disabled():
            print('\nround trips and seconds on a real glusterd:', spent)
        # Bricks that have just been started are asked for until they run.
        assert sum(spent['create_share'][0][0].values()) <= 25
        # What takes access away asks if every server knows.
        assert [sum(trips.values()) for trips, _ in
                spent['update_access']] == [2, 1, 3]
        assert sum(spent['ensure_shares'][0][0].values()) == 1
