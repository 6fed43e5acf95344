# SPDX-License-Identifier: Apache-2.0


"""The driver pages describe the options and quote the messages of the code."""

import ast
from collections.abc import Iterable
import dataclasses
import functools
import pathlib
import re

import pytest

from manila_drivers.generic import opts as generic
from manila_drivers.glusterfs import opts
from manila_drivers.ibm.gpfs import opts as gpfs
from manila_drivers.service_instance import opts as instances
from manila_drivers.standalone import options as manila
from manila_drivers.vastdata import opts as vast

ROOT = pathlib.Path(__file__).resolve().parents[3]
CODE = ROOT / 'manila_drivers'

# What fills a place in a message that is made of several parts.
GAP = '...'
FORMAT = re.compile(r'%(?:\(\w+\))?[-#0 +]*[\d.]*[a-zA-Z]')


@dataclasses.dataclass(frozen=True)
class Page:
    """A page, and the code it is about.

    :param own: options that are to be described.
    :param packages: '' has what all drivers share.
    :param others: further options that it may name.
    """

    name: str
    label: str
    own: frozenset[str]
    packages: tuple[str, ...]
    others: frozenset[str] = frozenset()

    @functools.cached_property
    def text(self) -> str:
        return (ROOT / f'doc/source/admin/{self.name}.rst').read_text()

    @functools.cached_property
    def templates(self) -> tuple[str, ...]:
        files = [file for package in self.packages for file in sorted(
            (CODE / package).rglob('*.py') if package else
            [*CODE.glob('*.py'), *CODE.glob('driver/*.py')])]
        return tuple(one for file in files
                     for one in templates(file.read_text()))

    @functools.cached_property
    def code(self) -> str:
        """All of them, one a line: thousands are searched at once."""
        return '\n'.join(self.templates)

    @functools.cached_property
    def quoted(self) -> list[str]:
        """The messages in the first columns of the error tables."""
        return [message for message in quoted(self.text, self.label)
                if message not in self.own | self.others
                and message != 'driver_handles_share_servers']


def names(options: Iterable[object]) -> frozenset[str]:
    return frozenset(str(getattr(option, 'name', '')) for option in options)


PAGES = [
    Page('vast', 'vast-errors', names(vast.VAST_OPTS),
         ('vastdata', 'transport', 'driver', '')),
    Page('glusterfs', 'gluster-errors', names(opts.GLUSTER_OPTS),
         ('glusterfs', 'transport', 'driver', '')),
    Page('gpfs', 'gpfs-errors', names(gpfs.GPFS_OPTS),
         ('ibm/gpfs', 'nas', 'transport', 'driver', ''),
         names(manila.GANESHA_OPTS)),
    Page('generic', 'generic-errors', names(
        [*generic.GENERIC_OPTS, *instances.SERVICE_INSTANCE_OPTS]),
        ('generic', 'service_instance', 'openstack', 'nas', 'transport',
         'driver', ''),
        names(manila.SHARE_OPTS) | {'share_driver'})]


def templates(source: str) -> list[str]:
    """Every string of some code in one line, with gaps for values."""
    return [' '.join(text.split()) for node in ast.walk(ast.parse(source))
            for text in [template(node)] if text]


def template(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return FORMAT.sub(GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return ''.join(template(part) or GAP for part in node.values)
    return ''


def quoted(text: str, label: str) -> list[str]:
    section = text.partition(f'.. _{label}:')[2].partition('\nLimits\n')[0]
    cells = re.findall(r'^   \* - (.*?)^     - ', section, re.S | re.M)
    return [' '.join(message.split()) for cell in cells
            for message in re.findall(r'``(.*?)``', cell, re.S)]


def in_code(page: Page, message: str) -> bool:
    """Tell if one string of the code has it all, in this order."""
    option = re.match(r'Option (\w+): ', message)
    if option is not None and option[1] not in page.own:
        return False
    fixed = message[option.end():] if option else message
    fixed = re.sub(r' Answer: HTTP \d+', '', fixed)
    pieces = [re.escape(part.strip(' .')) for part in fixed.split(GAP)
              if part.strip(' .')]
    return bool(pieces) and bool(re.search('.*'.join(pieces), page.code))


def unknown(page: Page, text: str) -> set[str]:
    """Return what looks like an option of the driver and is none."""
    prefixes = '|'.join({name.partition('_')[0] for name in page.own})
    found = set(re.findall(
        rf'``((?:{prefixes})_[a-z0-9_]+)``|^ +((?:{prefixes})_[a-z0-9_]+) =',
        text, re.MULTILINE))
    return {one or two for one, two in found} - page.own - page.others \
        - capabilities(page)


def capabilities(page: Page) -> set[str]:
    """Return what is reported under names that begin as options do."""
    return {one for one in page.templates if re.fullmatch(r'[a-z0-9_]+', one)}


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param


def test_the_page_quotes_messages(page):
    assert len(page.quoted) > 25


@pytest.mark.parametrize(('page', 'message'), [
    pytest.param(page, message, id=f'{page.name}: {message}')
    for page in PAGES for message in page.quoted])
def test_a_quoted_message_is_in_the_code(page, message):
    assert in_code(page, message)


def test_every_option_is_described(page):
    described = set(re.findall(r'``([a-z0-9_]+)(?: = [^`]*)?``', page.text))
    assert page.own - described == set()


def test_every_option_on_the_page_exists(page):
    assert unknown(page, page.text) == set()


CONTENTS = re.compile(r'^\.\. contents::', re.MULTILINE)


def test_no_page_has_a_table_of_contents_of_its_own():
    """The theme has one, and shows an error in place of a second."""
    assert [file.name for file in (ROOT / 'doc/source').rglob('*.rst')
            if CONTENTS.search(file.read_text())] == []


# What the checks have to catch.

def test_a_table_of_contents_is_noticed():
    assert CONTENTS.search('x\n\n.. contents::\n   :local:\n')
    assert not CONTENTS.search('A paragraph about ``.. contents::``.')



@pytest.mark.parametrize(('name', 'message'), [
    ('vast', 'Option vast_mgmt_host: is not there at all'),
    ('vast', 'Option vast_host: is not set'),
    ('vast', 'Share ... is lost for ever'),
    ('glusterfs', 'No free volume is large enough for you'),
    ('glusterfs', 'Option gluster_servers: is not set'),
    # Pieces of several messages, and the order turned round.
    ('glusterfs', 'Host key of ... cannot be extended to'),
    ('gpfs', 'is not marked as that of share ... There is a fileset'),
    ('gpfs', '...')])
def test_a_message_that_nobody_writes_is_noticed(name, message):
    page, = (page for page in PAGES if page.name == name)
    assert not in_code(page, message)


def test_values_leave_gaps():
    assert templates('a = f"x {b!r} y" " z"\n"%s of %(n)d: %5.1f"\n') == [
        'x ... y z', '... of ...: ...', 'x', 'y z']


@pytest.mark.parametrize('text', [
    'Set ``{}_of_nobody`` to 1.', '   {}_of_nobody = 1'])
def test_an_option_that_is_none_is_noticed(page, text):
    prefix = sorted(page.own)[-1].partition('_')[0]
    assert unknown(page, text.format(prefix)) == {f'{prefix}_of_nobody'}
