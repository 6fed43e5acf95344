# SPDX-License-Identifier: Apache-2.0

import configparser
import pathlib

from hypothesis import example
from hypothesis import given
from hypothesis import strategies
from oslo_config import cfg
import pytest

from manila_drivers.testing.manila import config

WORK = pathlib.Path('/somewhere/work')


def _settings(**options: object) -> config.Settings:
    return config.Settings(WORK, {'one': options, 'two': {}})


def _read(text: str, tmp_path: pathlib.Path, group: str, name: str,
          kind: type[cfg.Opt] = cfg.StrOpt) -> object:
    """Return what an option is for a program that reads the file."""
    file = tmp_path / 'manila.conf'
    file.write_text(text)
    conf = cfg.ConfigOpts()
    conf.register_opt(kind(name), group=group)
    conf(['--config-file', str(file)], default_config_files=[])
    return conf[group][name]


TEXTS = strategies.text(strategies.characters(
    blacklist_categories=('Cc', 'Cs', 'Zl', 'Zp', 'Zs')), min_size=1).filter(
        lambda text: text[0] not in '\'"')


@example(value='\\$')
@example(value='$$')
@given(value=TEXTS)
def test_what_is_written_is_what_is_read(
        value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = config.render(_settings(password=value))
    tmp_path = tmp_path_factory.getbasetemp()
    assert _read(text, tmp_path, 'one', 'password') == value


def test_a_dollar_is_not_expanded(tmp_path: pathlib.Path) -> None:
    text = config.render(_settings(password='$state_path'))
    assert _read(text, tmp_path, 'one', 'password') == '$state_path'


def test_a_list(tmp_path: pathlib.Path) -> None:
    text = config.render(_settings(names=['a', 'b']))
    assert _read(text, tmp_path, 'one', 'names', cfg.ListOpt) == ['a', 'b']


def _parsed(settings: config.Settings) -> configparser.RawConfigParser:
    # [DEFAULT] is a section like the others, as for oslo.config.
    parsed = configparser.RawConfigParser(default_section='no such')
    parsed.read_string(config.render(settings))
    return parsed


def test_every_backend_is_enabled() -> None:
    parsed = _parsed(_settings())
    assert parsed.get('DEFAULT', 'enabled_share_backends') == 'one,two'
    assert parsed.get('two', 'share_backend_name') == 'two'


def test_defaults_can_be_changed() -> None:
    settings = config.Settings(WORK, {'one': {'share_backend_name': 'ONE'}},
                               {'periodic_interval': 7, 'debug': None},
                               {'net': {'gateway': '10.0.0.1'}})
    parsed = _parsed(settings)
    assert parsed.get('DEFAULT', 'periodic_interval') == '7'
    assert not parsed.has_option('DEFAULT', 'debug')
    assert parsed.get('one', 'share_backend_name') == 'ONE'
    assert parsed.get('net', 'gateway') == '10.0.0.1'


def test_nothing_is_kept_outside_of_the_work_directory() -> None:
    parsed = _parsed(_settings())
    paths = [value for section in parsed.sections()
             for value in parsed[section].values() if '/' in value]
    assert len(paths) >= 5
    assert [path for path in paths if str(WORK) not in path] == ['fake://']


@pytest.mark.parametrize('value', ['a\nb', 'a\rdebug = true'])
def test_a_line_break_cannot_be_smuggled_in(value: str) -> None:
    with pytest.raises(ValueError, match='password'):
        config.render(_settings(password=value))
