# SPDX-License-Identifier: Apache-2.0

"""Tell what the ``gluster`` command prints."""

from collections.abc import Iterable
from typing import Any
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax import saxutils

Element = ElementTree.Element

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
DOWN = 'Connection failed. Please check if gluster daemon is operational.\n'


class Reply(NamedTuple):
    """How a command ended.

    :param failure: '' or how the transport failed instead: ``refused``,
        ``reset`` or ``silence``.
    """

    stdout: str = ''
    stderr: str = ''
    status: int = 0
    failure: str = ''


class GlusterError(Exception):
    """A command that gluster refuses.

    :param number: gluster's own error number.
    :param payload: elements that the answer has all the same.
    """

    def __init__(self, number: int, text: str,
                 payload: Iterable[Element] = (), *, ret: int = -1,
                 status: int = 0) -> None:
        super().__init__(text)
        self.number = number
        self.text = text
        self.payload = list(payload)
        self.ret = ret
        self.status = status


class UsageError(Exception):
    """Words that the command line does not understand."""


def element(name: str, *content: Any, **attributes: str) -> Element:
    """An element with children, or with a text; None is left out."""
    made = Element(name, attributes)
    for each in content:
        if isinstance(each, Element):
            made.append(each)
        elif each is not None:
            made.text = (made.text or '') + str(each)
    return made


def fields(tag: str, /, **values: Any) -> Element:
    """An element with one child for each value."""
    return element(tag, *(element(key, value)
                           for key, value in values.items()))


def document(payload: Iterable[Element], *, ret: int = 0, number: int = 0,
             text: str = '') -> str:
    tree = element('cliOutput', element('opRet', ret),
                   element('opErrno', number),
                   element('opErrstr', text or None), *payload)
    parts = [_HEAD]
    _write(tree, '', parts)
    parts.append('\n')
    return ''.join(parts)


def _write(made: Element, indent: str, parts: list[str]) -> None:
    """An element as libxml2 writes it: children of a text stay in line."""
    attributes = ''.join([f' {key}="{saxutils.escape(value)}"'
                          for key, value in made.items()])
    if not len(made):
        parts.append(f'{indent}<{made.tag}{attributes}/>' if not made.text
                     else f'{indent}<{made.tag}{attributes}>'
                          f'{saxutils.escape(made.text)}</{made.tag}>')
        return
    if made.text:
        parts.append(f'{indent}<{made.tag}{attributes}>'
                     f'{saxutils.escape(made.text)}')
        for child in made:
            _write(child, '', parts)
        parts.append(f'</{made.tag}>')
        return
    parts.append(f'{indent}<{made.tag}{attributes}>\n')
    for child in made:
        _write(child, indent + '  ', parts)
        parts.append('\n')
    parts.append(f'{indent}</{made.tag}>')


def refused(error: GlusterError) -> str:
    return document(error.payload, ret=error.ret, number=error.number,
                    text=error.text)
