# SPDX-License-Identifier: Apache-2.0


"""The newcomer's script: what it says where it cannot go on."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.unit.packaging import scripts

run = scripts.load('run')


@pytest.mark.parametrize('version', [(2, 7, 18), (3, 8, 10), (3, 10, 12)])
def test_an_old_python_is_told_so(version):
    with pytest.raises(run.Stop) as stop:
        run.check_python(version)
    assert '3.11 or newer' in str(stop.value)
    assert 'Python %d.%d.' % version[:2] in str(stop.value)


@pytest.mark.parametrize('version', [(3, 11, 2), (3, 12, 3), (3, 13, 0)])
def test_a_supported_python_goes_on(version):
    run.check_python(version)


def test_root_gets_the_missing_package():
    commands, advice = run.missing_venv((3, 11, 2), True, True)
    assert commands[-1] == ['apt-get', 'install', '-y', 'python3.11-venv']
    assert advice == ''


def test_others_get_the_exact_command():
    commands, advice = run.missing_venv((3, 12, 3), False, True)
    assert commands == []
    assert 'sudo apt-get install -y python3.12-venv\n' in advice


def test_elsewhere_there_is_no_apt():
    commands, advice = run.missing_venv((3, 13, 0), True, False)
    assert commands == []
    assert 'ensurepip' in advice
    assert 'apt' not in advice


def test_a_failing_command_shows_the_end_of_its_log(tmp_path):
    log = tmp_path / 'deep' / 'x.log'
    with pytest.raises(run.Stop, match=r'exit code 3(.|\n)*the reason'):
        run.logged([sys.executable, '-c',
                    'import sys; print("the reason"); sys.exit(3)'],
                   str(log), dict(os.environ))


def test_the_log_of_an_earlier_command_is_not_blamed(tmp_path):
    log = str(tmp_path / 'x.log')
    run.logged([sys.executable, '-c', 'print("all well")'], log,
               dict(os.environ))
    with pytest.raises(run.Stop) as stop:
        run.logged([sys.executable, '-c', 'import sys; sys.exit("bad")'],
                   log, dict(os.environ))
    assert 'bad' in str(stop.value)
    assert 'all well' not in str(stop.value)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with nothing but the files that decide."""
    for name in run.INGREDIENTS:
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(run, 'ROOT', str(tmp_path))
    return tmp_path


def test_a_changed_requirement_changes_the_recipe(checkout):
    before = run.recipe(['x'])
    assert run.recipe(['x']) == before
    (checkout / 'requirements.txt').write_text('another')
    assert run.recipe(['x']) != before


def test_other_packages_change_the_recipe(checkout):
    assert run.recipe(['x']) != run.recipe(['y'])


def test_a_source_without_git_still_has_a_version(checkout, monkeypatch):
    monkeypatch.delenv('PBR_VERSION', raising=False)
    assert run.clean_environment()['PBR_VERSION']
    (checkout / '.git').mkdir()
    assert 'PBR_VERSION' not in run.clean_environment()


def test_without_a_command_the_usage_is_shown():
    script = pathlib.Path(run.__file__)
    done = subprocess.run([sys.executable, script], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2
    assert 'tools/run.py demo' in done.stdout


def test_a_file_that_tox_leaves_makes_room(checkout, monkeypatch):
    home = checkout / '.venv'
    monkeypatch.setattr(run, 'HOME', str(home))
    home.write_text('.tox/py3\n')
    run.make_room()
    assert not home.exists()
    home.write_text('elsewhere\n')
    with pytest.raises(run.Stop, match='Move it away'):
        run.make_room()
    home.unlink()
    home.mkdir()
    run.make_room()
    assert home.is_dir()
