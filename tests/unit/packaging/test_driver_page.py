#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""The driver page quotes messages and options that the code has."""

import ast
import pathlib
import re

import pytest

from manila_drivers.vastdata import opts

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / 'doc/source/admin/vast.rst').read_text()
SOURCES = [*(ROOT / 'manila_drivers' / 'vastdata').glob('*.py'),
           ROOT / 'manila_drivers' / 'transport' / 'rest.py']


def texts() -> str:
    """Every string in the driver's code, in one line each."""
    nodes = (node for path in SOURCES
             for node in ast.walk(ast.parse(path.read_text())))
    return '\n'.join(
        ' '.join(node.value.split()) for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str))


TEXTS = texts()


def quoted() -> list[str]:
    """The messages in the first columns of the page's error tables."""
    section = PAGE.partition('.. _vast-errors:')[2].partition('\nLimits\n')[0]
    cells = re.findall(r'^   \* - (.*?)^     - ', section, re.S | re.M)
    return [' '.join(message.split()) for cell in cells
            for message in re.findall(r'``(.*?)``', cell, re.S)
            if not message.startswith('vast_')]


def pieces(message: str) -> list[str]:
    """What is fixed in a message: without option, values and numbers."""
    fixed = re.sub(r'^Option \w+: ', '', message)
    fixed = re.sub(r' Answer: HTTP \d+', '', fixed)
    return [part.strip(' .') for part in fixed.split('...')
            if part.strip(' .')]


def in_code(message: str) -> bool:
    return all(piece in TEXTS for piece in pieces(message))


def test_the_page_quotes_messages():
    assert len(quoted()) > 25


@pytest.mark.parametrize('message', quoted())
def test_a_quoted_message_is_in_the_code(message):
    assert in_code(message)


def test_a_message_that_nobody_writes_is_noticed():
    assert not in_code('Option vast_mgmt_host: is not there at all')
    assert not in_code('Share ... is lost for ever')


def test_every_option_on_the_page_exists():
    known = {option.name for option in opts.VAST_OPTS}
    assert set(re.findall(r'\bvast_[a-z0-9_]+', PAGE)) <= known
