# SPDX-License-Identifier: Apache-2.0

"""Pictures of the pages: there, within their frame, and told in words."""

import importlib.util
import pathlib
import re
from xml.etree import ElementTree as xml

from docutils import core
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3] / 'doc/source'
PICTURES = sorted((ROOT / 'pictures').glob('*.svg'))
PAGES = {page: page.read_text() for page in sorted(ROOT.rglob('*.rst'))}
SVG = '{http://www.w3.org/2000/svg}'
# Pixels of a letter, on the average and generously.
WIDTH = {'small': 7.0, '': 8.3}


def faults(text: str) -> list[str]:
    """Return what is wrong with a picture."""
    root = xml.fromstring(text)  # noqa: S314 (our own)
    found = []
    width, height = (float(root.get(key, 0)) for key in ('width', 'height'))
    if root.get('viewBox') != f'0 0 {width:g} {height:g}':
        found.append('its frame is another than its size')
    if not root.findtext(SVG + 'title'):
        found.append('no title')
    if re.search(r'href|url\((?!#)|@import|<script', text):
        found.append('it needs something from elsewhere')
    for line in root.iter(SVG + 'text'):
        kinds = line.get('class', '').split()
        length = len(line.text or '') * WIDTH['small' if 'small' in kinds
                                              else '']
        left = float(line.get('x', 0)) - (0 if 'left' in kinds
                                          else length / 2)
        if left < 0 or left + length > width \
                or not 0 < float(line.get('y', 0)) < height:
            found.append(f'"{line.text}" leaves the frame')
    return found


@pytest.mark.parametrize('picture', PICTURES, ids=lambda one: one.stem)
def test_a_picture_is_whole(picture):
    assert faults(picture.read_text()) == []


@pytest.mark.parametrize(('old', 'new'), [
    ('<title', '<desc'), ('x="420"', 'x="690"'),
    ('height="230"', 'height="900"'),
    ('url(#tip)', 'url(tips.svg#tip)')])
def test_a_picture_that_is_not_is_found(old, new):
    text = (ROOT / 'pictures/generic-router.svg').read_text()
    text = text.replace(' x="475"', ' x="30"')
    assert old in text
    assert faults(text.replace(old, new).replace('</title', '</' + (
        'desc' if 'desc' in new else 'title')))


def test_each_picture_stands_on_a_page_and_is_told_in_words():
    shown = [(page.parent / name).resolve() for page, text in PAGES.items()
             for name in re.findall(
                 r'\.\. image:: (\S+)\n   :alt: \S', text)]
    assert PICTURES
    assert set(shown) >= set(PICTURES)
    named = sum(text.count('.. image::') for text in PAGES.values())
    assert len(shown) == named, 'one has no words'
    assert all(one.exists() for one in shown)


@pytest.fixture
def colours():
    spec = importlib.util.spec_from_file_location(
        'support_colours', ROOT / '_ext/support_colours.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = """
.. list-table::
   :class: {kind}
   :header-rows: 1

   * - Operation
     - one
     - no head is coloured
   * - no name is
     - yes
     - \\-
   * - Extend
     - within its volume
     - NFS
   * - Kinds
     - ``ip``
     - 2026.2 only
"""


def test_cells_of_the_matrix_are_coloured(colours):
    document = core.publish_doctree(TABLE.format(kind='support-matrix'))
    assert colours.coloured(document) == 4
    found = [one['classes'] for one in document.findall(
        colours.nodes.entry)]
    assert found == [[], [], [], [], ['support-yes'], ['support-no'],
                     [], ['support-partly'], [],
                     [], [], ['support-partly']]


def test_other_tables_are_left_alone(colours):
    document = core.publish_doctree(TABLE.format(kind='other'))
    assert colours.coloured(document) == 0


def test_each_colour_is_there(colours):
    sheet = (ROOT / '_static/support.css').read_text()
    kinds = {colours.kind_of(text) for text in (
        'yes [1]', 'no', 'within its volume')}
    assert set(re.findall(r'td\.support-(\w+)', sheet)) == kinds
