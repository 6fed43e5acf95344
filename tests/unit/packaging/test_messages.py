# SPDX-License-Identifier: Apache-2.0


"""Messages that the pages explain are those of the code."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PAGES = sorted(page for page in (ROOT / 'doc/source/admin').glob('*.rst')
               if 'what it says' in page.read_text(encoding='utf-8').lower()
               or '* - ``' in page.read_text(encoding='utf-8'))
#: What stands for something else, or comes from another place in the code.
GAPS = re.compile(r'\.\.\.|<[^>]*>|\. Answer: '
                  r'|^Option (?:\[\w+\] )?\w+:|\. Check: ')
FORMAT = re.compile(r'%\(\w+\)s|%[-+.0-9]*[a-z]')


def told():
    """Return the texts of the code, a gap for what is put into each."""
    found = []
    for path in (ROOT / 'manila_drivers').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                found.append('\0'.join(
                    part.value for part in node.values
                    if isinstance(part, ast.Constant)))
            elif isinstance(node, ast.Constant) \
                    and isinstance(node.value, str):
                found.append(FORMAT.sub('\0', node.value))
    return ' \0 '.join(found).replace('%%', '%')


def quoted(page):
    """Return what the first columns of a page quote: several words each."""
    for cell in re.findall(r'^   \* - (.*(?:\n       .*)*)',
                           page.read_text(encoding='utf-8'), re.MULTILINE):
        for text in re.findall(r'``([^`]+)``', cell):
            words = ' '.join(text.split())
            if re.search(r'[a-z] [a-z]', words) and '=' not in words:
                yield words


CODE = told()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_a_quoted_message_is_in_the_code(page):
    missing = [text for text in quoted(page) for part in GAPS.split(text)
               if len(part.strip(' .,:')) > 3
               and part.strip(' .,:[]') not in CODE
               and not re.fullmatch(r'HTTP \d+', part)]
    assert not missing


def test_messages_are_found():
    """The test above has something to look at."""
    assert sum(len([*quoted(page)]) for page in PAGES) > 60
    assert 'asks for protocol' in CODE
    assert 'What servers have missed' not in CODE
