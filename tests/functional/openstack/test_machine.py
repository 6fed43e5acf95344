# SPDX-License-Identifier: Apache-2.0

"""The service image in a real machine, seen from a tenant's network."""

import subprocess

import pytest

from tests.functional.lab import box
from tests.functional.openstack import machines
from tests.functional.openstack import places
from tests.functional.openstack import tenancy
from tests.functional.openstack.api import eventually

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]

TEXT = 'what was written through one door'


@pytest.fixture(scope='module')
def behind(cloud, api, network):
    """Another network behind the tenant's router: clients are not on it."""
    made = tenancy.Network(api, '10.8.0.0/24', 'behind', network.router)
    yield made
    made.close()


@pytest.fixture(scope='module')
def machine(cloud, api, behind, client, tell):
    made = machines.Machine(cloud.room, api, behind, client)
    made.wait()
    tell(f'service machine, seconds after its own start: {made.booted()}')
    yield made
    made.close()


def test_it_takes_its_name_and_nobody_without_the_key(cloud, machine, client):
    assert machine.run('hostname').strip() == 'machine'
    assert machine.run('sudo', '-n', 'id', '-u').strip() == '0'
    with pytest.raises(box.CommandFailed):
        client.run('ssh', '-F', 'none', '-oBatchMode=yes',
                   '-oStrictHostKeyChecking=no',
                   '-oUserKnownHostsFile=/dev/null',
                   f'manila@{machine.address}', 'true')


def test_it_shows_its_host_key_on_the_console(cloud, machine, client):
    scanned = client.run('ssh-keyscan', '-T', '30', machine.address).stdout
    kinds = {line.split()[1]: line.split()[2]
             for line in scanned.splitlines() if not line.startswith('#')}
    assert list(kinds) == ['ssh-ed25519']
    assert kinds['ssh-ed25519'] in machine.console()


@pytest.mark.parametrize('kind', places.BACKENDS)
def test_disks_come_and_go_by_their_serial(api, machine, kind):
    first, second = (machines.volume(api, size, kind) for size in (1, 2))
    paths = {each: machine.attach(each) for each in (second, first)}
    assert set(machine.disks()) >= {first[:20], second[:20]}
    for each, size in ((first, 1), (second, 2)):
        assert int(machine.run('sudo', 'blockdev', '--getsize64',
                               paths[each])) == size << 30
    machine.detach(second)
    assert eventually(lambda: second[:20] not in machine.disks(), 'gone')
    assert first[:20] in machine.disks()
    machine.detach(first)
    for each in (first, second):
        machines.without(api, each)


def test_clients_use_nfs_and_smb_through_the_router(api, machine, client):
    volume = machines.volume(api)
    disk = machine.attach(volume)
    machine.run(f'sudo mkfs.ext4 -q {disk} && sudo mkdir -p /shares/one &&'
                f' sudo mount {disk} /shares/one &&'
                ' sudo chmod 777 /shares/one')
    location = f'{machine.address}:/shares/one'
    assert client.level(location) is None
    machine.run('sudo', 'exportfs', '-o', 'rw,no_root_squash,insecure',
                f'{client.address}:/shares/one')
    assert client.level(location) == 'rw'
    client.nfs(location, 'write', 'file', TEXT)
    assert client.nfs(location, 'read', 'file') == TEXT
    machine.run('sudo', 'net', 'conf', 'addshare', 'one', '/shares/one',
                'writeable=y', 'guest_ok=y')
    share = f'\\\\{machine.address}\\one'
    assert ' file ' in client.smb(share, 'put /etc/hosts other; ls')
    assert client.nfs(location, 'read', 'other') in client.smb(
        share, 'get other -')
    machine.run(f'sudo exportfs -u {client.address}:/shares/one;'
                ' sudo net conf delshare one; sudo umount /shares/one')
    machine.detach(volume)
    machines.without(api, volume)


def test_everything_comes_back_after_a_hard_reboot(api, machine):
    before = machine.run('cat', '/proc/sys/kernel/random/boot_id')
    api.do('compute', 'POST', f'/servers/{machine.id}/action',
           {'reboot': {'type': 'HARD'}})

    def again() -> bool:
        try:
            return machine.run('cat', '/proc/sys/kernel/random/'
                               'boot_id') != before
        except (AssertionError, subprocess.TimeoutExpired):
            return False

    eventually(again, 'rebooted', 400, pause=2)
    assert machine.run('sudo', 'systemctl', 'is-active', 'nfs-server',
                       'smbd').split() == ['active', 'active']
