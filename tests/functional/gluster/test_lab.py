# SPDX-License-Identifier: Apache-2.0

"""The lab itself tells right from wrong, before anything is tried in it."""

import signal
import subprocess
import sys

import pytest

from tests.functional.gluster.waiting import eventually
from tests.functional.lab import box
from tests.functional.lab import tenant

# Seconds, where everybody else is busy, too.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope='module')
def volume(site):
    return site.volume('lab', bricks=3)


class TestWhoMounts:
    def test_a_volume_without_a_list_takes_everybody_of_the_authority(
            self, site):
        new = site.volume('unguarded', allow=False, start=False)
        site.gluster.do('volume', 'set', 'unguarded', 'client.ssl', 'on',
                        'server.ssl', 'on')
        site.gluster.do('volume', 'start', 'unguarded')
        with site.tenant('anybody') as client:
            client.mount(new)
            client.write('found', 'it')
            assert client.read('found') == 'it'

    def test_a_volume_without_tls_takes_a_stranger(self, site):
        new = site.volume('plain', allow=False)
        with site.tenant('anybody', 'another CA') as client:
            assert client.may_mount(new)

    def test_the_listed_name_does_and_no_other(self, site, volume):
        site.allow('lab', 'tenant-a')
        with site.tenant('tenant-a') as a, site.tenant('tenant-b') as b:
            assert a.may_mount(volume)
            assert not b.may_mount(volume)

    def test_the_listed_name_from_another_authority_does_not(
            self, site, volume):
        site.allow('lab', 'tenant-a')
        with site.tenant('tenant-a', 'another CA') as impostor:
            assert not impostor.may_mount(volume)

    def test_a_pattern_in_the_list_takes_a_family(self, site, volume):
        site.allow('lab', 'tenant-*')
        with site.tenant('tenant-b') as client:
            assert client.may_mount(volume)


class TestCutOff:
    @pytest.mark.parametrize('dynamic', ['on', 'off'])
    def test_a_held_mount_ends_if_dynamic_auth_is_on(
            self, site, volume, dynamic):
        site.gluster.do('volume', 'set', 'lab', 'server.dynamic-auth',
                        dynamic)
        site.allow('lab', 'tenant-a')
        with site.tenant('tenant-a') as client:
            client.mount(volume)
            held = client.hold()
            assert held.write('before') == ''
            site.allow('lab')
            cut = eventually(lambda: held.write('after') != '', seconds=5)
            assert cut == (dynamic == 'on')

    def test_nothing_can_be_written_beside_the_volume(self, site, volume):
        site.gluster.do('volume', 'set', 'lab', 'server.dynamic-auth', 'on')
        site.allow('lab', 'tenant-a')
        with site.tenant('tenant-a') as client:
            client.mount(volume)
            client.unmount()
            with pytest.raises(AssertionError, match='no volume mounted'):
                client.write('file', 'text')
            with pytest.raises(box.CommandFailed, match='Read-only'):
                client.box.shell('echo x > "$1/file"', tenant.POINT)


class TestServers:
    def test_the_self_heal_daemon_needs_its_name_in_the_list(self, site):
        site.volume('healed', bricks=2)
        assert eventually(lambda: site.healing('healed'))
        site.gluster.do('volume', 'set', 'healed', 'auth.ssl-allow',
                        'manila-host-1')
        assert not site.healing('healed')

    def test_the_trash_keeps_what_was_deleted(self, site, volume):
        site.gluster.do('volume', 'set', 'lab', 'features.trash', 'on')
        site.allow('lab', 'tenant-a')
        with site.tenant('tenant-a') as client:
            client.mount(volume)
            client.write('secret', 'of tenant a')
            client.remove('secret')
            kept = {each for each in client.files()
                    if each.startswith('.trashcan/secret')}
            assert len(kept) == 1
            assert client.read(kept.pop()) == 'of tenant a'


class TestBoxes:
    def test_end_when_their_maker_is_killed(self, tmp_path):
        image = tmp_path / 'image'
        script = (
            'import sys\n'
            'from tests.functional.lab import box\n'
            'made = box.Box("killed")\n'
            'made.shell(\'truncate -s 9M "$1"; mkfs.ext4 -q "$1";'
            ' mount -o loop "$1" /mnt\', sys.argv[1])\n'
            'made.popen(["sleep", "600"])\n'
            'print(made.pid, flush=True)\n'
            'sys.stdin.read()\n')
        maker = subprocess.Popen(
            [sys.executable, '-c', script, str(image)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with maker:
            pid = maker.stdout.readline().strip()
            assert str(image) in loops()
            maker.send_signal(signal.SIGKILL)
        assert eventually(lambda: subprocess.run(
            ['kill', '-0', pid], capture_output=True).returncode)
        assert eventually(lambda: str(image) not in loops())

    def test_a_command_that_takes_too_long_is_ended(self, site):
        with pytest.raises(subprocess.TimeoutExpired):
            site.room.run('sleep', '600', seconds=0.1)


def loops():
    """The files that are attached as block devices."""
    return subprocess.run(['losetup', '--list', '--noheadings', '--output',
                           'BACK-FILE'], check=True, capture_output=True,
                          text=True).stdout
