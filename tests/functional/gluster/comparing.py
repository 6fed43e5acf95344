# SPDX-License-Identifier: Apache-2.0

"""Tell whether two answers of ``gluster`` say the same.

What differs from machine to machine and from run to run is left out; all
else, down to blanks and the order of elements, has to be equal.
"""

from collections.abc import Iterator
import re
import typing as ty
from xml.etree import ElementTree

#: Elements whose text nobody can foretell.
VARYING = frozenset({
    'blockSize', 'createTime', 'data_percentage', 'device', 'fsName',
    'hostUuid', 'id', 'inodeSize', 'inodesFree', 'inodesTotal', 'lvSize',
    'mntOptions', 'path', 'peerid', 'pid', 'port', 'sizeFree', 'sizeTotal',
    'tcp', 'uuid', 'volumeGroup'})

# It guesses which option was meant, and guesses better than a simulator.
_GUESS = re.compile(r'\s*Did you mean .*', re.DOTALL)
_BRICK = re.compile(r'\S+:/\S+')
_STAMP = re.compile(r'_GMT-[\d.]+-[\d.]+')
_SNAPSHOT_VOLUME = re.compile(r'\b[0-9a-f]{32}\b')


class Said(ty.NamedTuple):
    """Hold what a command said."""

    status: int | None
    stdout: str
    stderr: str


def differences(real: Said, simulated: Said) -> list[str]:
    """Return what the simulator says differently, one line each."""
    found = []
    if real.status != simulated.status:
        found.append(f'exit {real.status}, simulated {simulated.status}')
    for name in ('stdout', 'stderr'):
        ours, theirs = (list(lines(getattr(each, name)))
                        for each in (real, simulated))
        found += [f'{name}: {line}, not simulated'
                  for line in ours if line not in theirs]
        found += [f'{name}: {line}, only simulated'
                  for line in theirs if line not in ours]
        if not found and ours != theirs:
            found.append(f'{name}: another order, {ours}, {theirs}')
    return found


def lines(text: str) -> Iterator[str]:
    """An output as lines that can be compared."""
    try:
        tree = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError:
        # Long explanations are cut: their first line tells which it is.
        yield from plain(text).strip().splitlines()[:1]
    else:
        yield text.partition('\n')[0]
        yield from walk(tree, '')


def walk(element: ElementTree.Element, above: str) -> Iterator[str]:
    """Each element with where it is and what is in it."""
    where = f'{above}/{element.tag}'
    content = plain(element.text or '').strip()
    if element.tag in VARYING and content not in ('', 'N/A'):
        content = '...'
    elif element.tag == 'brick':
        content = 'BRICK' if content else ''
    yield f'{where} {sorted(element.attrib)} {content}'.rstrip()
    children = list(element)
    if element.tag == 'options':
        # They come in no order that means anything.
        children.sort(key=lambda each: each.findtext('name') or '')
    for child in children:
        yield from walk(child, where)


def plain(text: str) -> str:
    text = _GUESS.sub('', _STAMP.sub('_GMT-TIME', _BRICK.sub('BRICK', text)))
    return _SNAPSHOT_VOLUME.sub('SNAPSHOT', text)
