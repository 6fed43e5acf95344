# SPDX-License-Identifier: Apache-2.0

"""Where packages come from, and who installs them."""

import argparse
import pathlib

import pytest

from tools.ci import prepare
from tools.ci import quicker


def test_uv_is_told_what_pip_is_told():
    told = quicker.variables(
        "global.index-url='https://one.example/simple'\n"
        "global.extra-index-url='file:///b/simple file:///c/simple'\n"
        "global.constraint='/etc/c.txt'\n"
        "global.progress-bar='off'\n"
        "list.timeout='7'\n"
        'no line of it\n')
    assert told == quicker.ALWAYS | {
        'UV_DEFAULT_INDEX': 'https://one.example/simple',
        'UV_INDEX': 'file:///b/simple file:///c/simple',
        'UV_CONSTRAINT': '/etc/c.txt'}


@pytest.mark.parametrize('lines', [
    ("global.index-url='https://far.example'",
     ":env:.index-url='https://near.example'"),
    (":env:.index-url='https://near.example'",
     "global.index-url='https://far.example'"),
    ("global.index-url='https://far.example'",
     "install.index-url='https://near.example'"),
    ("install.index-url='https://far.example'",
     ":env:.index-url='https://near.example'")])
def test_what_is_nearer_wins_as_with_pip(lines):
    told = quicker.variables('\n'.join(lines))
    assert told['UV_DEFAULT_INDEX'] == 'https://near.example'


def test_several_of_one_option():
    assert quicker.variables(r"global.find-links='\n/a\n/b'")[
        'UV_FIND_LINKS'] == '/a,/b'
    assert 'UV_INDEX' not in quicker.variables("global.extra-index-url=''")


def test_uv_is_used_unless_somebody_says_no(monkeypatch, tmp_path):
    monkeypatch.setattr(quicker, 'HOME', tmp_path)
    assert quicker.program() is None
    (tmp_path / 'uv').touch()
    assert quicker.program() == tmp_path / 'uv'
    monkeypatch.setenv('MANILA_DRIVERS_UV', '0')
    assert quicker.program() is None


@pytest.fixture
def said(monkeypatch, tmp_path):
    """All commands, of which those with uv's variables fail if told so."""
    commands = []

    def run(*words, **variables):
        words = ' '.join(map(str, words))
        commands.append((words, variables))
        if said.failing in words and (
                'install tox-uv' in words.replace('--quiet ', '')
                or 'UV_INDEX_STRATEGY' in variables):
            raise prepare.Failed('no such package')
        return "global.cert='/c'" if 'config list' in words else ''
    said = argparse.Namespace(commands=commands, failing='nothing of it')
    monkeypatch.setattr(prepare, 'run', run)
    monkeypatch.setattr(prepare, 'wheel', lambda: pathlib.Path('a.whl'))
    return said


def made(said):
    return [('UV_INDEX_STRATEGY' in variables, words.split()[-1])
            for words, variables in said.commands if '--notest' in words]


WANTED = argparse.Namespace(tox=['py3', 'docs'], manila=[])


def test_environments_are_made_by_uv(said):
    told = prepare.environments(WANTED)
    assert sorted(made(said)) == [(True, 'docs'), (True, 'py3')]
    assert ' '.join(told).startswith('py3 (')
    assert said.commands[-1][1]['SSL_CERT_FILE'] == '/c'


@pytest.mark.parametrize('failing', [quicker.PLUGIN, '--notest'])
def test_where_uv_cannot_pip_does_it(said, failing):
    said.failing = failing
    prepare.environments(WANTED)
    assert sorted(made(said))[:2] == [(False, 'docs'), (False, 'py3')]
    removed = [n for n, (words, _) in enumerate(said.commands)
               if 'uninstall' in words]
    kept = [n for n, (words, variables) in enumerate(said.commands)
            if '--notest' in words and 'UV_INDEX_STRATEGY' not in variables]
    assert len(removed) == 1 and removed[0] < min(kept)


def test_what_pip_cannot_install_either_is_told(said, monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_UV', '0')

    def run(*words, **variables):
        raise prepare.Failed('disk full')
    monkeypatch.setattr(prepare, 'run', run)
    with pytest.raises(prepare.Failed, match='disk full'):
        prepare.environments(WANTED)


def test_one_failure_does_not_hide_the_others(capsys):
    def fails(text):
        raise prepare.Failed(text)
    told, failed = prepare.together(
        lambda: fails('no apt'), lambda: ['py3'], lambda: fails('no pip'))
    assert (told, failed) == (['py3'], 2)
    output = capsys.readouterr().out
    assert 'no apt' in output and 'no pip' in output
