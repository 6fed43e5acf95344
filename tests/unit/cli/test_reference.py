# SPDX-License-Identifier: Apache-2.0

"""The manual of the command has all of it."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from manila_drivers.cli import main
from manila_drivers.cli import reference
from manila_drivers.cli.operate import app
from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = ROOT / 'doc/source'


def options(text):
    # A help may break a name at its hyphen.
    return set(re.findall(
        r'(?<![\w-])--?[a-z](?:[a-z-]*[a-z])?(?![\w-])', text))


def declared(parser):
    """Options that the help of a command begins a line with."""
    return options('\n'.join(re.findall(
        r'^  (-\S.*?)(?:  |$)', parser.format_help(), re.M)))


def sections(text):
    """Text by the command that it is about."""
    parts = re.split(r'^(\S.*)\n-+\n', text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def missing(commands, output):
    """List what the help of a command has, and its section does not."""
    found = sections(commands)
    lost = []
    for name, parser in reference.parsers().items():
        text = found.get(name, '')
        wanted = declared(parser) - {'-h', '--help'}
        # The usage line alone explains nothing.
        told = options('\n'.join(re.findall(r'^\.\. option:: .*', text,
                                            re.M)))
        lost += [(name, one) for one in sorted(
            wanted - told - options(output))]
        lost += [(name, action.dest) for action in parser._actions
                 if not action.option_strings
                 and f'.. option:: {action.metavar or action.dest}\n'
                 not in text and action.choices is None]
    return lost


def test_all_commands_are_there():
    found = set(sections(reference.commands()))
    assert set(app.COMMANDS) | {'complete', 'help'} <= found
    assert {name for name in found if name.startswith('simulate ')} == {
        'simulate vast', 'simulate gluster', 'simulate gpfs',
        'simulate openstack', 'simulate generic'}
    assert not {name for name in found if name in main.OPERATE
                and ' ' not in name} - {'complete', 'help', 'check', 'audit'}


def test_no_option_is_missing():
    commands, output = reference.commands(), reference.output_options()
    assert missing(commands, output) == []
    # That one would be noticed, and an argument as well.
    assert {one for _, one in missing(commands.replace(
        'option:: --dry-run', 'option:: --dry'), output)} == {'--dry-run'}
    assert {one for _, one in missing(commands.replace(
        'option:: size\n', 'option:: siz\n'), output)} == {'size'}
    assert ('share list', '--column') in missing(commands, '')


def test_global_options_are_there():
    told = options(reference.global_options())
    assert {'--config-file', '--backend', '-v', '--debug'} <= told


def test_defaults_are_filled_in_and_nothing_is_markup():
    text = reference.commands()
    assert '%(' not in text
    assert '(default: 86400)' in text
    assert '``--settings``' in text


def test_the_man_page_has_them_all(tmp_path):
    pytest.importorskip('sphinx', reason='the pages need doc/requirements')
    for name in ('reference.rst', 'exit_codes.inc'):
        (tmp_path / 'user').mkdir(exist_ok=True)
        shutil.copy(PAGES / 'user' / name, tmp_path / 'user' / name)
    subprocess.run(
        [sys.executable, '-m', 'sphinx', '-q', '-b', 'man', '-c', PAGES,
         '-D', 'root_doc=user/reference', tmp_path, tmp_path / 'man'],
        check=True, capture_output=True, timeout=patience.seconds(300))
    page = (tmp_path / 'man' / 'manila-drivers.1').read_text()
    text = page.replace(r'\-', '-')
    # Roff breaks lines, and has marks of its own in them.
    plain = re.sub(r'\\f[A-Z]|\\&', '', text)
    for name, parser in reference.parsers().items():
        assert f'.SS {name}' in plain
        assert declared(parser) - {'-h', '--help'} <= options(plain)
    assert '.SH EXIT CODES' in plain.upper()


def test_what_completes_words_knows_all_commands(capsys):
    """Those that need no extra are none of cliff's, and told all the same."""
    assert main.main(['complete']) == 0
    told = capsys.readouterr().out
    for words in ('share_create', 'audit', 'demo', 'simulate_vast',
                  'simulate_generic'):
        assert f'cmds_{words}=' in told, words
    assert '--http' in told
