# SPDX-License-Identifier: Apache-2.0

"""The helper for kernel NFS on a real server and with real clients."""

import time

import pytest

pytestmark = pytest.mark.timeout(900)

NOBODY = {'one': None, 'two': None, 'three': None}
OTHER_FSID = '99999999-2222-3333-4444-555555555555'


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


@pytest.mark.turns
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


def test_everybody(kernel, path):
    """A network of length 0, which the server alone takes for nobody."""
    far = ('10.0.0.7', '200.0.0.1', '2001:db8::1', '9000::1')
    for levels, given in (
            ({'0.0.0.0/0': 'rw', '::/0': 'ro'}, ('rw', 'rw', 'ro', 'ro')),
            ({'0.0.0.0/0': 'ro'}, ('ro', 'ro', None, None)),
            ({'::/0': 'rw'}, (None, None, 'rw', 'rw')),
            ({'0.0.0.0/0': 'ro', '10.0.0.7': 'rw', '2001:db8::1': 'ro'},
             ('rw', 'ro', 'ro', None))):
        reconcile(kernel, path, levels)
        assert kernel.asked(path, *far) == dict(
            zip(far, given, strict=True)), levels


def test_most_specific_rule_decides(kernel, path):
    """A narrow one may give more, or less, than the one around it."""
    some = ('10.0.0.7', '10.0.0.8', '10.0.1.1', '10.9.9.9', '2001:db8::7',
            '2001:db8::8', '2001:db8:0:1::1', '2001:db8:9::9')
    for one, other in ('rw', 'ro'), ('ro', 'rw'):
        reconcile(kernel, path, {
            '10.0.0.0/8': one, '10.0.0.0/23': other, '10.0.0.0/24': one,
            '10.0.0.7': other, '2001:db8::/32': one, '2001:db8::/63': other,
            '2001:db8::/64': one, '2001:db8::7': other})
        assert list(kernel.asked(path, *some).values()) == [
            other, one, other, one] * 2


def test_a_thousand_addresses_come_and_go(kernel, path):
    """In seconds: exportfs is asked to look up none of them."""
    few = {f'10.2.0.{n}': 'ro' for n in range(10)}
    many = {f'10.1.{n // 250}.{n % 250}': 'rw' for n in range(1000)}
    reconcile(kernel, path, {**few, **many})
    started = time.monotonic()
    assert reconcile(kernel, path, few) == 2
    assert time.monotonic() - started < 60
    assert kernel.asked(path, '10.1.2.3', '10.2.0.3') == {
        '10.1.2.3': None, '10.2.0.3': 'ro'}


# As a client of another network, within the same machine.
MOUNTING = """
    ip netns delete client 2>/dev/null || true
    ip netns add client
    ip link add near type veth peer name far netns client
    ip link set near up
    ip address add fd00::1/64 dev near nodad
    ip address add 198.51.100.1/24 dev near
    ip -n client link set far up
    for last in 4 3 2; do
        ip -n client address flush dev far
        ip -n client address add fd00::$last/64 dev far nodad
        ip -n client address add 198.51.100.$last/24 dev far
        for server in '[fd00::1]' 198.51.100.1; do
            if nsenter --net=/run/netns/client mount -t nfs4 \\
                    -o soft,timeo=100,retry=0 "$server:$1" /mnt; then
                if echo text > "/mnt/new-$last-${#server}"; then
                    echo "$last rw $(cat "$1/new-$last-${#server}")"
                else
                    echo "$last ro $(cat /mnt/readme)"
                fi
                umount /mnt
            else
                echo "$last none"
            fi
        done
    done 2>/dev/null
    ip netns delete client
    """


def test_kernel_client_mounts_and_writes(kernel, path):
    """The kernel's own client, from addresses of both kinds."""
    reconcile(kernel, path, {'fd00::2': 'rw', 'fd00::3': 'ro',
                             '198.51.100.2': 'rw', '198.51.100.3': 'ro'})
    said = kernel.guest.shell(MOUNTING, path, seconds=200).stdout
    assert said.splitlines() == [
        '4 none', '4 none', '3 ro read me', '3 ro read me', '2 rw text',
        '2 rw text']


@pytest.mark.turns('reboots of kernel NFS')
def test_all_again_after_a_reboot(kernel, path):
    """Also for a client that has been there before."""
    one, two, _ = (each.ipv4 for each in kernel.place.clients.values())
    levels = {one: 'rw', two: 'ro', '10.0.0.0/24': 'rw', '10.0.0.7': 'ro'}
    reconcile(kernel, path, levels)
    before = kernel.etab()
    held = kernel.handle(path, '10.0.0.8')
    kernel.guest.reboot(400)
    kernel.settle()
    assert kernel.etab() == before
    assert kernel.gets(path) == {**NOBODY, 'one': 'rw', 'two': 'ro'}
    assert kernel.holds(held, '10.0.0.8', '10.0.0.7', '10.0.1.8') == [
        'rw', 'ro', None]
    assert reconcile(kernel, path, levels) == 1


@pytest.mark.turns('reboots of kernel NFS')
def test_power_failure_brings_nothing_back(kernel, path):
    """A power failure loses what was on its way to the disk."""
    reconcile(kernel, path, {'10.0.0.7': 'rw', '10.0.0.8': 'rw'})
    other = f'{path}-other'
    kernel.share(other)
    reconcile(kernel, other, {'10.0.0.7': 'rw'}, name='other',
              fsid=OTHER_FSID)
    held = kernel.handle(path, '10.0.0.8')
    kernel.guest.run('sync')
    reconcile(kernel, path, {'10.0.0.8': 'rw', '10.0.0.9': 'ro'})
    reconcile(kernel, other, {}, name='other', fsid=OTHER_FSID)
    kernel.guest.crash()
    kernel.guest.wait(400)
    kernel.settle()
    assert kernel.asked(path, '10.0.0.7', '10.0.0.8', '10.0.0.9') == {
        '10.0.0.7': None, '10.0.0.8': 'rw', '10.0.0.9': 'ro'}
    assert kernel.asked(other, '10.0.0.7') == {'10.0.0.7': None}
    assert kernel.holds(held, '10.0.0.8', '10.0.0.7') == ['rw', None]


def test_server_that_does_not_serve_is_reported(kernel, path):
    kernel.guest.run('mv', '/var/lib/nfs/etab', '/var/lib/nfs/gone')
    error, _ = kernel.helper.apply(path, {'10.0.0.1': 'rw'})
    kernel.guest.run('mv', '/var/lib/nfs/gone', '/var/lib/nfs/etab')
    assert 'does not say what it exports' in error
