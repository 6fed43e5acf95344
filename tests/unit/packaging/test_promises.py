# SPDX-License-Identifier: Apache-2.0

"""Test what README and the pages tell people to write and to type."""

import itertools
import pathlib
import re
import shlex

from docutils import core
from docutils import nodes
from oslo_config import cfg
import pytest

from manila_drivers import opts
from manila_drivers.cli import main
from manila_drivers.cli.operate import app
from manila_drivers.driver import options

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = [ROOT / 'README.rst', ROOT / 'DESCRIPTION.rst',
         *sorted((ROOT / 'doc/source').rglob('*.rst'))]
OPTIONS = [opt for _, group in (*opts.list_opts(),
                                *opts.list_standalone_opts())
           for opt in group]


def rendered(text):
    """Return what a reader sees of a text in a page."""
    tree = core.publish_doctree(text, settings_overrides={
        'report_level': 1, 'halt_level': 5, 'warning_stream': False})
    assert not list(tree.findall(nodes.system_message)), text
    return ' '.join(tree.astext().split())


@pytest.mark.parametrize('opt', OPTIONS, ids=lambda opt: opt.name)
def test_the_help_of_an_option_is_rendered_as_it_is(opt):
    choices = getattr(opt.type, 'choices', None) or {}
    for text in (opt.help, *choices.values()):
        if text:
            assert rendered(text) == ' '.join(text.split())


@pytest.mark.parametrize('path', PAGES, ids=lambda path: path.name)
def test_options_in_pages_exist(path):
    names = options.known(OPTIONS) | options.OTHERS
    text = path.read_text(encoding='utf-8')
    told = set(re.findall(
        r'(?m)(?:``|^ *[+ -]? *)((?:vast|glusterfs|gpfs|knfs)_[a-z_]+)'
        r'(?:``| *=)', text))
    # One of the labs is called so.
    assert told - names - {'gpfs_nfs'} == set()


@pytest.mark.parametrize('opt', [
    opt for _, group in opts.list_opts() for opt in group
    if isinstance(opt, (cfg.IntOpt, cfg.FloatOpt))], ids=lambda opt: opt.name)
def test_every_number_of_a_driver_has_bounds(opt):
    assert opt.type.min is not None
    assert opt.type.max is not None


def commands():
    for path in PAGES:
        for line in re.findall(r'(?m)^ *(?:\$ )?(manila-drivers .*)$',
                               path.read_text(encoding='utf-8')):
            yield line.split('#')[0].strip().rstrip('\\')


def test_there_are_commands():
    assert len(set(commands())) > 2


@pytest.mark.parametrize('command', sorted(set(commands())))
def test_a_command_in_a_page_is_understood(command):
    words = shlex.split(command.removesuffix('&'))[1:]
    try:
        if main.first_word(words) in main.OPERATE:
            understood(words)
        else:
            main.parser().parse_args(words)
    except SystemExit as ended:
        assert ended.code == 0  # noqa: PT017 - that is --help


def understood(words):
    """Parse a command about shares; whatever it does is not done."""
    operate = app.Operate()
    operate.options, left = operate.parser.parse_known_args(words)
    kind, name, arguments = operate.command_manager.find_command(left)
    made = kind(operate, operate.options, cmd_name=name)
    made.get_parser(name).parse_args(arguments)


@pytest.mark.parametrize('words', [
    ['share', 'nonsense'], ['share', 'create', 'x', 'y'],
    ['share', 'show', 'x', '--nonsense']])
def test_a_command_that_makes_no_sense_is_not_understood(words):
    with pytest.raises((ValueError, SystemExit)):
        understood(words)


@pytest.mark.parametrize('path', [*PAGES, ROOT / 'setup.cfg'],
                         ids=lambda path: path.name)
def test_nothing_is_promised_that_is_not_there(path):
    text = ' '.join(path.read_text(encoding='utf-8').split())
    for claim in ('from the command line where', 'from a command line',
                  'and for use without it', 'one line of ``manila.conf``',
                  'and nothing else:'):
        assert claim not in text


@pytest.mark.parametrize('path', [
    ROOT / 'README.rst', ROOT / 'doc/source/admin/migration.rst'],
    ids=lambda path: path.name)
def test_each_driver_has_its_decision(path):
    text = path.read_text(encoding='utf-8')
    for name in itertools.chain(
            ('vast_ssl_cert_path', 'vast_ssl_cert_verify = False'),
            ('glusterfs_known_hosts', 'glusterfs_host_keys = accept-new'),
            ('gpfs_ssh_known_hosts', 'gpfs_ssh_host_key_policy = learn',
             'knfs_export_options')):
        assert name in text, name
