# SPDX-License-Identifier: Apache-2.0

"""The sudo of the rig, and what rootwrap is told."""

import configparser
import pathlib
import subprocess

import pytest

from manila_drivers.testing.manila import rootwrap


@pytest.mark.parametrize('words', [[], ['-n']])
def test_sudo_runs_what_it_is_told_as_who_it_is(
        tmp_path: pathlib.Path, words: list[str]) -> None:
    rootwrap.write_sudo(tmp_path)
    done = subprocess.run(
        [tmp_path / 'sudo', *words, 'printf', '%s|', 'a b', '$x'],
        capture_output=True, text=True, check=True)
    assert done.stdout == 'a b|$x|'


def test_the_filters_are_those_of_the_package() -> None:
    assert 'umount: CommandFilter' in (
        rootwrap.filters() / 'manila_drivers.filters').read_text()


def test_programs_of_the_simulator_are_found_first(
        tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', '/usr/bin:/bin')
    file = tmp_path / 'rootwrap.conf'
    rootwrap.write_configuration(file, tmp_path / 'programs')
    parsed = configparser.RawConfigParser()
    parsed.read(file)
    told = dict(parsed['DEFAULT'])
    assert told['exec_dirs'] == '%s/programs,/usr/bin,/bin' % tmp_path
    assert told['filters_path'] == str(rootwrap.filters())
