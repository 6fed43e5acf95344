# SPDX-License-Identifier: Apache-2.0

"""Contents of the service image, and how it is handed over.

That it boots and serves is shown by ``tests/functional/openstack``.
"""

import configparser
import pathlib
import re
import shlex
import subprocess

import pytest

from tools.service_image import __main__ as program
from tools.service_image import building
from tools.service_image import debian
from tools.service_image import recipe

FILES = recipe.Recipe().files()


def text(path):
    return FILES[path][0].decode()


def test_every_file_here_is_in_the_image():
    used = {name for name, _ in recipe.INSTALLED.values()}
    assert used == {each.name for each in recipe.FILES.iterdir()}


@pytest.mark.parametrize('path', [
    path for path, (_, mode) in FILES.items() if mode & 0o100])
def test_scripts_can_be_read_by_a_shell(path):
    assert text(path).startswith('#!/bin/sh -eu\n')
    subprocess.run(['sh', '-n'], input=FILES[path][0], check=True)


@pytest.mark.parametrize('path', [
    path for path in FILES if path.endswith('.service')])
def test_units_start_what_is_there(path):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(text(path))
    started = unit['Service']['ExecStart'].split()[0]
    assert FILES[started.removeprefix('/')][1] == 0o755
    assert path.rpartition('/')[2] in recipe.ENABLED
    named = unit['Service'].get('EnvironmentFile')
    assert named is None or named.removeprefix('/') in FILES


def test_no_unit_is_wanted_in_two_ways():
    assert not set(recipe.ENABLED) & {*recipe.DISABLED, *recipe.MASKED}


def test_nobody_logs_in_by_a_password():
    settings = dict(line.split() for line in text(
        'etc/ssh/sshd_config.d/service.conf').splitlines()
        if not line.startswith('#'))
    assert settings['PasswordAuthentication'] == 'no'
    assert settings['KbdInteractiveAuthentication'] == 'no'
    assert settings['PermitRootLogin'] == 'no'
    assert settings['HostKey'].endswith('ed25519_key')


def test_samba_has_its_shares_in_the_registry():
    settings = configparser.RawConfigParser()
    settings.read_string(text('etc/samba/smb.conf'))
    assert settings.sections() == ['global']
    assert settings['global']['include'] == 'registry'


def test_no_name_server_of_the_builder_is_asked():
    assert text('etc/resolv.conf') == ''


def test_the_user_is_where_it_is_needed():
    files = recipe.Recipe(user='somebody').files()
    for path in ('etc/sudoers.d/service', 'etc/default/service-image'):
        assert b'somebody' in files[path][0]
    assert files['etc/sudoers.d/service'][1] == 0o440


def test_the_key_changes_with_what_is_in_it():
    keys = {each.key() for each in (
        recipe.Recipe(), recipe.Recipe(user='other'),
        recipe.Recipe(packages=('vim',)), recipe.Recipe(mebibytes=2000))}
    assert len(keys) == 4
    assert recipe.Recipe().key() == recipe.Recipe().key()
    assert recipe.Recipe().key('trixie') not in keys


def test_there_is_no_kernel_for_every_processor():
    assert 'linux-image-cloud-arm64' in recipe.Recipe().all_packages('arm64')
    with pytest.raises(LookupError):
        recipe.Recipe().all_packages('m68k')


def test_the_disk_is_found_by_the_label_it_gets():
    words = debian.file_system(pathlib.Path('root'), pathlib.Path('disk'), 9,
                               recipe.LABEL)[1]
    assert words[words.index('-L') + 1] == recipe.LABEL
    assert f'/dev/disk/by-label/{recipe.LABEL} ' in recipe.COMMAND_LINE
    # That of ext4 takes no more.
    assert len(recipe.LABEL) <= 16


class TestUpload:
    """The commands, as a shell runs them that has no OpenStack."""

    @pytest.fixture
    def ran(self, tmp_path):
        client = ('openstack() { printf "%s\\n" "$@" =end= >>log;'
                  ' echo "id-$(grep -c =end= log)"; }')

        def run(name):
            script = '\n'.join([
                ': >log', client, *program.commands(tmp_path / 'a b', name)])
            subprocess.run(['sh', '-euc', script], check=True, cwd=tmp_path)
            return [each.splitlines() for each in (
                tmp_path / 'log').read_text().split('=end=\n')[:-1]]
        return run

    def test_one_image_alone_has_the_name(self, ran):
        assert [words.count('wanted') for words in ran('wanted')] == [0, 0, 1]

    def test_the_disk_knows_its_kernel(self, ran, tmp_path):
        kernel, initrd, disk = ran('wanted')
        assert 'kernel_id=id-1' in disk
        assert 'ramdisk_id=id-2' in disk
        assert f'os_command_line={recipe.COMMAND_LINE}' in disk
        for words, file in ((kernel, building.KERNEL),
                            (initrd, building.INITRD),
                            (disk, building.DISK)):
            assert str(tmp_path / 'a b' / file) in words

    @pytest.mark.parametrize('name', ['a b', "it's", '$(reboot)', '; rm x'])
    def test_a_name_is_a_word(self, ran, name):
        assert [each[-1] for each in ran(name)[:2]] == [
            f'{name}-kernel', f'{name}-initrd']
        assert name in ran(name)[-1]


def test_a_failing_command_says_what_it_said():
    with pytest.raises(debian.Failed, match='ended with 3: no space'):
        debian.run(['sh', '-c', 'echo no space; exit 3'])
    with pytest.raises(debian.Failed, match='not done after'):
        debian.run(['sleep', '60'], seconds=0.2)


def test_what_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(words, seconds=0.0):
        raise debian.Failed('no packages')

    monkeypatch.setattr(debian, 'run', fail)
    monkeypatch.setattr(debian, 'acquire', lambda: '')
    (tmp_path / building.DISK).write_text('an earlier one')
    with pytest.raises(debian.Failed, match='no packages'):
        building.build(recipe.Recipe(), tmp_path, lambda text: None,
                       debian.Source('any', 'no'))
    assert [each.name for each in tmp_path.iterdir()] == [building.DISK]


def test_kernel_and_initrd_leave_the_disk(tmp_path):
    root = tmp_path / 'root'
    (root / 'boot').mkdir(parents=True)
    for name, content in (('vmlinuz-1', b'kernel'),
                          ('initrd.img-1', building.gzip.compress(b'init')),
                          ('config-1', b'')):
        (root / 'boot' / name).write_bytes(content)
    for name in ('vmlinuz', 'initrd.img'):
        (root / name).symlink_to(f'boot/{name}-1')
    building.split(root, tmp_path)
    assert (tmp_path / building.KERNEL).read_bytes() == b'kernel'
    assert (tmp_path / building.INITRD).read_bytes() == b'init'
    assert [each.name for each in root.rglob('*')] == ['boot']


def test_the_page_names_the_same_things():
    page = (pathlib.Path(__file__).parents[3]
            / 'doc/source/admin/service_image.rst').read_text()
    for option in program.parser()._actions:
        for name in option.option_strings:
            if name.startswith('--') and name != '--help':
                assert f'``{name}' in page, name
    listed = re.search(r'``([^`]*)``\s+\(beside', page)
    assert listed
    assert shlex.split(listed[1]) == list(recipe.PACKAGES)
