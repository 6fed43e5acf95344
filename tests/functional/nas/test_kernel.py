#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The helper for kernel NFS on a real server and with real clients."""

import pytest

pytestmark = pytest.mark.timeout(900)

NOBODY = {'one': None, 'two': None, 'three': None}


def reconcile(kernel, path, levels, **parts):
    error, trips = kernel.helper.apply(path, levels, **parts)
    assert error is None
    return trips


@pytest.fixture
def path(kernel, request):
    found = f'/srv/{request.node.name[:40]}'
    kernel.share(found)
    yield found
    reconcile(kernel, found, {})


def test_rules_from_none_to_many_and_back(kernel, path):
    one, two, _ = (each.ipv4 for each in kernel.place.clients.values())
    assert kernel.gets(path) == NOBODY
    for levels, given in (
            ({one: 'rw', two: 'ro'}, {'one': 'rw', 'two': 'ro'}),
            ({one: 'ro', two: 'rw'}, {'one': 'ro', 'two': 'rw'}),
            ({two: 'rw'}, {'two': 'rw'}),
            ({'192.0.2.0/24': 'ro', two: 'rw'},
             {'one': 'ro', 'two': 'rw', 'three': 'ro'}),
            ({'0.0.0.0/0': 'rw', two: 'ro'},
             {'one': 'rw', 'two': 'ro', 'three': 'rw'}),
            # A narrower network within a wider one, which the kernel alone
            # would not respect.
            ({'192.0.0.0/8': 'rw', '192.0.2.0/30': 'ro'},
             {'one': 'ro', 'two': 'ro' if two.endswith('.3') else 'rw',
              'three': 'rw'}),
            ({'::/0': 'rw'}, {}),
            ({}, {})):
        assert reconcile(kernel, path, levels) <= 2
        assert kernel.gets(path) == {**NOBODY, **given}, levels
        assert reconcile(kernel, path, levels) == 1


def test_what_others_exported_is_put_right(kernel, path):
    one = kernel.place.clients['one'].ipv4
    kernel.guest.run('exportfs', '-i', '-o', 'rw,insecure,fsid=77',
                     f'*:{path}', f'192.0.2.0/24:{path}', f'@group:{path}')
    reconcile(kernel, path, {one: 'ro'})
    assert kernel.gets(path) == {**NOBODY, 'one': 'ro'}
    etab = kernel.guest.run('cat', '/var/lib/nfs/etab').stdout
    assert 'fsid=77' in etab


def test_other_exports_stay(kernel, path):
    one, two, _ = (each.ipv4 for each in kernel.place.clients.values())
    kernel.share('/srv/other')
    kernel.guest.run('exportfs', '-i', '-o', 'rw,insecure,fsid=78',
                     f'{two}:/srv/other')
    reconcile(kernel, path, {one: 'rw'})
    reconcile(kernel, path, {})
    assert kernel.gets('/srv/other') == {**NOBODY, 'two': 'rw'}
    kernel.guest.run('exportfs', '-u', f'{two}:/srv/other')


def test_many_rules(kernel, path):
    one = kernel.place.clients['one'].ipv4
    levels = {f'10.{n // 250}.{n % 250}.1': 'ro' for n in range(200)}
    assert reconcile(kernel, path, {**levels, one: 'rw'}) == 2
    assert kernel.gets(path) == {**NOBODY, 'one': 'rw'}


@pytest.mark.parametrize('name', [
    'a b', 'a"b', "a'b", 'a\\b', 'a#b', '$(touch x)', 'a(rw)', 'a:b',
    'caf\u00e9', '*', '[a]'])
def test_hostile_paths(kernel, name):
    one = kernel.place.clients['one'].ipv4
    path = f'/srv/{name}'
    kernel.share(path)
    assert reconcile(kernel, path, {one: 'rw', '2001:db8::/64': 'ro'}) == 2
    # It is read again as it was written.
    kernel.guest.run('exportfs', '-r')
    assert reconcile(kernel, path, {one: 'rw', '2001:db8::/64': 'ro'}) == 1
    reconcile(kernel, path, {})
    assert kernel.guest.run('cat', '/var/lib/nfs/etab').stdout == ''
    assert kernel.guest.run('ls', '-A', '/etc/exports.d').stdout == ''


def test_kernel_client_over_ipv6(kernel, path):
    """Mounted within the server, from addresses of another name space."""
    reconcile(kernel, path, {'fd00::2': 'rw', 'fd00::3': 'ro'})
    said = kernel.guest.shell("""
        ip netns add client
        ip link add near type veth peer name far netns client
        ip link set near up
        ip address add fd00::1/64 dev near nodad
        ip -n client link set far up
        for last in 4 3 2; do
            ip -n client address flush dev far
            ip -n client address add fd00::$last/64 dev far nodad
            if ip netns exec client mount -t nfs4 -o soft,timeo=50 \\
                    "[fd00::1]:$1" /mnt; then
                if ip netns exec client touch /mnt/new-$last; then
                    echo $last rw
                else
                    echo $last ro
                fi
                umount /mnt
            else
                echo $last none
            fi
        done 2>/dev/null
        ip netns delete client
        """, path, seconds=120).stdout
    assert said == '4 none\n3 ro\n2 rw\n'


def test_all_again_after_a_reboot(kernel, path):
    one, two, _ = (each.ipv4 for each in kernel.place.clients.values())
    levels = {one: 'rw', two: 'ro'}
    reconcile(kernel, path, levels)
    before = kernel.guest.run('cat', '/var/lib/nfs/etab').stdout
    kernel.guest.reboot(400)
    kernel.settle()
    assert kernel.guest.run('cat', '/var/lib/nfs/etab').stdout == before
    assert kernel.gets(path) == {**NOBODY, 'one': 'rw', 'two': 'ro'}
    assert reconcile(kernel, path, levels) == 1


def test_server_that_does_not_serve_is_reported(kernel, path):
    kernel.guest.run('mv', '/var/lib/nfs/etab', '/var/lib/nfs/gone')
    error, _ = kernel.helper.apply(path, {'10.0.0.1': 'rw'})
    kernel.guest.run('mv', '/var/lib/nfs/gone', '/var/lib/nfs/etab')
    assert 'does not say what it exports' in error
