# SPDX-License-Identifier: Apache-2.0

"""hacking_only loads the checks of hacking that tox.ini selects."""

import configparser
from importlib import metadata
import types

import pytest

from tests.unit.packaging import scripts

hacking_only = scripts.load('hacking_only')

EXTENSION = 'flake8.extension'


def load(*names, group=EXTENSION):
    """Return what is loaded of plug-ins of these names, by our tox.ini."""
    ours = configparser.ConfigParser(interpolation=None)
    assert ours.read(scripts.ROOT / 'tox.ini')
    plugins = [types.SimpleNamespace(entry_point=metadata.EntryPoint(
        name, 'some.module:check', group)) for name in names]
    found = hacking_only.finding(lambda *_: plugins)(ours, None)
    return [plugin.entry_point.name for plugin in found]


@pytest.mark.parametrize('name', ['H101', 'H210', 'H904', 'H999'])
def test_hackings_checks_are_loaded(name):
    assert load(name) == [name]


@pytest.mark.parametrize('name', ['E', 'W', 'F', 'C90', 'H306', 'H404'])
def test_what_would_be_thrown_away_is_not(name):
    assert load('H101', name, 'H501') == ['H101', 'H501']


def test_reports_are_loaded():
    assert load('default', 'pylint', group='flake8.report') == [
        'default', 'pylint']
